"""objects - DICOM data sets for tests: written, read, and small synthetic studies. Plain Python, no pixels decoded.

A data set is a list of (tag, vr, value): value is bytes (OW: as little endian has them), text (written as UTF-8), a
number or list of numbers for US UL SS SL FD, or a list of data sets for SQ. Names, sites and numbers are invented.
"""
import struct
import uuid
import zlib

from dul import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE

JPEG_BASELINE, JPEG_SV1, JPEG_LS = '1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.70', '1.2.840.10008.1.2.4.80'
J2K_LOSSLESS, J2K, RLE = '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.91', '1.2.840.10008.1.2.5'
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = ('1.2.840.10008.1.2.4.20%d' % n for n in (1, 2, 3))
JPEG_XL, MPEG4, HEVC = '1.2.840.10008.1.2.4.110', '1.2.840.10008.1.2.4.102', '1.2.840.10008.1.2.4.107'
NATIVE = (IMPLICIT_LE, EXPLICIT_LE, DEFLATED_LE, EXPLICIT_BE)
CT, MR, SECONDARY = '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.7'
ENHANCED_CT, US_MULTI = '1.2.840.10008.5.1.4.1.1.2.1', '1.2.840.10008.5.1.4.1.1.3.1'
SLIDE = '1.2.840.10008.5.1.4.1.1.77.1.6'

LONG = {'OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UR', 'UT', 'UN', 'SV', 'UV'}
NUMBERS = {'US': 'H', 'SS': 'h', 'UL': 'I', 'SL': 'i', 'FL': 'f', 'FD': 'd', 'AT': 'HH'}
UNDEFINED = 0xFFFFFFFF


def uid(*parts):
    """The same UID for the same words."""
    return '2.25.%d' % uuid.uuid5(uuid.NAMESPACE_URL, '/'.join(str(p) for p in parts)).int


def value_bytes(vr, value, order):
    if isinstance(value, (int, float)):
        value = [value]
    if vr in NUMBERS and isinstance(value, (list, tuple)):
        return b''.join(struct.pack(order + NUMBERS[vr], *(v if isinstance(v, tuple) else (v,))) for v in value)
    if isinstance(value, str):
        value = value.encode()
    if len(value) % 2:
        value += b'\0' if vr in ('UI', 'OB', 'UN') else b' '
    return value


def encode(elements, syntax=EXPLICIT_LE):
    if syntax == DEFLATED_LE:
        deflate = zlib.compressobj(wbits=-15)
        data = deflate.compress(encode(elements)) + deflate.flush()
        return data + b'\0' * (len(data) % 2)
    order = '>' if syntax == EXPLICIT_BE else '<'
    explicit, out = syntax != IMPLICIT_LE, []
    for tag, vr, value in sorted(elements, key=lambda x: x[0]):
        if vr == 'SQ':
            inner = [encode(one, syntax) for one in value]
            body = b''.join(struct.pack(order + 'HHI', 0xFFFE, 0xE000, len(one)) + one for one in inner)
        elif vr == 'encapsulated':
            out.append(struct.pack('<HH2sHI', tag >> 16, tag & 0xFFFF, b'OB', 0, UNDEFINED))
            out += [struct.pack('<HHI', 0xFFFE, 0xE000, len(f)) + f for f in value]
            out.append(struct.pack('<HHI', 0xFFFE, 0xE0DD, 0))
            continue
        else:
            body = value_bytes(vr, value, order)
            if vr == 'OW' and order == '>':
                words = bytearray(len(body))
                words[0::2], words[1::2] = body[1::2], body[0::2]
                body = bytes(words)
        head = struct.pack(order + 'HH', tag >> 16, tag & 0xFFFF)
        if not explicit:
            head += struct.pack(order + 'I', len(body))
        elif vr in LONG:
            head += vr.encode() + struct.pack(order + 'HI', 0, len(body))
        else:
            head += vr.encode() + struct.pack(order + 'H', len(body))
        out += [head, body]
    return b''.join(out)


def file_meta(sop_class, sop_instance, syntax):
    meta = encode([(0x00020001, 'OB', b'\0\1'), (0x00020002, 'UI', sop_class), (0x00020003, 'UI', sop_instance),
                   (0x00020010, 'UI', syntax), (0x00020012, 'UI', '2.25.112233445566778899')])
    return b'\0' * 128 + b'DICM' + encode([(0x00020000, 'UL', len(meta))]) + meta


# ---- reading

def walk(data, at, end, explicit, order):
    """(tag, vr, offset of value, length) of the elements of the top level; sequences are passed over."""
    while at + 8 <= end:
        group, element = struct.unpack_from(order + 'HH', data, at)
        vr, head = None, 8
        if explicit and group != 0xFFFE:
            vr = bytes(data[at + 4:at + 6]).decode('latin-1')
            if vr in LONG:
                if at + 12 > end:
                    return
                length, head = struct.unpack_from(order + 'I', data, at + 8)[0], 12
            else:
                length = struct.unpack_from(order + 'H', data, at + 6)[0]
        else:
            length = struct.unpack_from(order + 'I', data, at + 4)[0]
        yield group << 16 | element, vr, at + head, length
        at += head
        if length == UNDEFINED:
            at = skip_items(data, at, end, explicit and vr != 'UN', order)
        else:
            at += length


def skip_items(data, at, end, explicit, order):
    """Behind the sequence delimiter of a sequence of undefined length whose first item stands at at."""
    depth = [None]
    while at + 8 <= end:
        group, element, length = struct.unpack_from(order + 'HHI', data, at)
        if group == 0xFFFE:
            at += 8
            if element in (0xE0DD, 0xE00D):
                depth.pop()
                if not depth:
                    return at
            elif length == UNDEFINED:
                depth.append('item')
            else:
                at += length
            continue
        vr = bytes(data[at + 4:at + 6]).decode('latin-1') if explicit else None
        if explicit and vr in LONG:
            length, at = struct.unpack_from(order + 'I', data, at + 8)[0], at + 12
        elif explicit:
            length, at = struct.unpack_from(order + 'H', data, at + 6)[0], at + 8
        else:
            at += 8
        if length == UNDEFINED:
            depth.append(None)
        else:
            at += length
    return end


def parse(data, syntax=EXPLICIT_LE, wanted=None):
    """{tag: bytes} of the top level."""
    if syntax == DEFLATED_LE:
        data = zlib.decompressobj(wbits=-15).decompress(data, 1 << 24)
    order = '>' if syntax == EXPLICIT_BE else '<'
    out = {}
    for tag, _, at, length in walk(data, 0, len(data), syntax != IMPLICIT_LE, order):
        if wanted is None or tag in wanted:
            out[tag] = bytes(data[at:] if length == UNDEFINED else data[at:at + length])
        if wanted is not None and tag > max(wanted):
            break
    return out


def text(data_set, tag, charset='utf-8'):
    return data_set.get(tag, b'').decode(charset, 'replace').rstrip(' \0')


class Part10:
    """A file split in two: what the file meta says, and the bytes of the data set. Files without a meta are guessed."""

    def __init__(self, raw):
        self.syntax, self.meta, at = None, {}, 0
        if raw[128:132] == b'DICM':
            at = 132
        while raw[at:at + 2] == b'\x02\x00':
            tag, _, start, length = next(walk(raw, at, len(raw), True, '<'), (0, None, len(raw), 0))
            self.meta[tag] = raw[start:start + length]
            at = start + length
        self.data = raw[at:]
        self.syntax = text(self.meta, 0x00020010) or self.guess()

    def guess(self):
        explicit = self.data[4:6].isalpha() and self.data[4:6].isupper()
        if not explicit:
            return IMPLICIT_LE
        return EXPLICIT_BE if self.data[:1] == b'\0' and self.data[1:2] != b'\0' else EXPLICIT_LE


def data_set_of(path):
    with open(path, 'rb') as f:
        return Part10(f.read()).data


# ---- synthetic studies

class Instance:
    """One object: elements, encoded once in its syntax."""

    def __init__(self, sop_class, elements, syntax=EXPLICIT_LE):
        self.sop_class, self.syntax, self.elements = sop_class, syntax, elements
        self.data = encode(elements, syntax if syntax in NATIVE else EXPLICIT_LE)
        found = {tag: value for tag, vr, value in elements if vr == 'UI'}
        self.uid, self.study, self.series = found[0x00080018], found[0x0020000D], found[0x0020000E]

    def part10(self):
        return file_meta(self.sop_class, self.uid, self.syntax) + self.data

    def save(self, path):
        with open(path, 'wb') as f:
            f.write(self.part10())
        return path


def pixels(side, seed):
    row = bytes((seed * 7 + i * 13) % 256 if i % 2 == 0 else (seed + i) % 4 for i in range(side * 2))
    return b''.join(row[i % 64:] + row[:i % 64] for i in range(side))


def codestream(syntax, seed, size=900):
    """Begins and ends as one of its kind would; between stands nothing that decodes."""
    begin, end = {JPEG_LS: (b'\xff\xd8\xff\xf7', b'\xff\xd9'), J2K: (b'\xff\x4f\xff\x51', b'\xff\xd9'),
                  J2K_LOSSLESS: (b'\xff\x4f\xff\x51', b'\xff\xd9'), RLE: (b'\1\0\0\0', b'\0\0'),
                  JPEG_XL: (b'\xff\x0a', b'\0\0')}.get(syntax, (b'\xff\x4f\xff\x51', b'\xff\xd9')
                                                       if syntax.startswith('1.2.840.10008.1.2.4.20')
                                                       else (b'\xff\xd8\xff\xe0', b'\xff\xd9'))
    middle = bytes((seed * 31 + i * i) % 251 for i in range(size))
    out = begin + middle + end
    return out + b'\0' * (len(out) % 2)


def image(study, number=1, series=1, patient='P1', name='Demo^One', date='20260110', modality='CT', sop_class=CT,
          syntax=EXPLICIT_LE, side=32, frames=1, charset=None, seed=None, extra=(), key=None, bulk=None):
    """One instance. study: any word; the UIDs follow from study, series and number (and key, when given).
    bulk: that many bytes of pixel data instead of an image."""
    study_uid, series_uid = uid('study', study), uid('series', study, series)
    seed = number if seed is None else seed
    elements = [
        (0x00080016, 'UI', sop_class), (0x00080018, 'UI', uid('sop', key or study, series, number)),
        (0x00080020, 'DA', date), (0x00080030, 'TM', '101500'), (0x00080050, 'SH', 'A' + str(study)[:12]),
        (0x00080060, 'CS', modality), (0x00080090, 'PN', 'Referrer^Demo'), (0x00081030, 'LO', 'Study ' + str(study)),
        (0x0008103E, 'LO', 'Series %s' % series), (0x00100010, 'PN', name), (0x00100020, 'LO', patient),
        (0x00100030, 'DA', '19700101'), (0x00100040, 'CS', 'O'), (0x0020000D, 'UI', study_uid),
        (0x0020000E, 'UI', series_uid), (0x00200010, 'SH', '1'), (0x00200011, 'IS', str(series)),
        (0x00200013, 'IS', str(number)), (0x00280002, 'US', 1), (0x00280004, 'CS', 'MONOCHROME2'),
        (0x00280010, 'US', side), (0x00280011, 'US', side), (0x00280100, 'US', 16), (0x00280101, 'US', 12),
        (0x00280102, 'US', 11), (0x00280103, 'US', 0), (0x00091001, 'LO', 'private value'),
        (0x00090010, 'LO', 'TELEREAD TEST'), (0x00081140, 'SQ', [[(0x00081150, 'UI', CT),
                                                                  (0x00081155, 'UI', uid('ref', study))]]),
    ]
    if frames > 1:
        elements.append((0x00280008, 'IS', str(frames)))
    if charset:
        elements.append((0x00080005, 'CS', charset))
    replaced = {tag for tag, _, _ in extra}
    elements = [e for e in elements if e[0] not in replaced] + list(extra)
    if syntax in NATIVE:
        body = b'\x5a\xa5' * (bulk // 2) if bulk else pixels(side, seed) * frames
        elements.append((0x7FE00010, 'OW', body))
    else:
        streams = [codestream(syntax, seed + f, bulk or 900) for f in range(frames)]
        offsets, at = [], 0
        for s in streams:
            offsets.append(at)
            at += len(s) + 8
        table = struct.pack('<%dI' % frames, *offsets)
        elements.append((0x7FE00010, 'encapsulated', [table] + streams))
    return Instance(sop_class, elements, syntax)


def keys(level, syntax=IMPLICIT_LE, **named):
    """An identifier: keys(level='STUDY', PatientID='P1', StudyInstanceUID='')."""
    elements = [(0x00080052, 'CS', level)]
    for word, value in named.items():
        tag, vr = KEYWORDS[word]
        elements.append((tag, vr, value))
    return encode(elements, syntax)


def commitment(transaction, pairs, syntax=IMPLICIT_LE):
    """The action information of a request for storage commitment; pairs: (class, instance); None leaves out."""
    elements = [] if transaction is None else [(0x00081195, 'UI', transaction)]
    if pairs is not None:
        named = (0x00081150, 0x00081155)
        elements.append((0x00081199, 'SQ', [[(t, 'UI', v) for t, v in zip(named, p) if v is not None] for p in pairs]))
    return encode(elements, syntax)


KEYWORDS = {
    'PhotometricInterpretation': (0x00280004, 'CS'),
    'SpecificCharacterSet': (0x00080005, 'CS'), 'SOPClassUID': (0x00080016, 'UI'), 'SOPInstanceUID': (0x00080018, 'UI'),
    'StudyDate': (0x00080020, 'DA'), 'StudyTime': (0x00080030, 'TM'), 'AccessionNumber': (0x00080050, 'SH'),
    'Modality': (0x00080060, 'CS'), 'ModalitiesInStudy': (0x00080061, 'CS'), 'StudyDescription': (0x00081030, 'LO'),
    'PatientName': (0x00100010, 'PN'), 'PatientID': (0x00100020, 'LO'), 'PatientBirthDate': (0x00100030, 'DA'),
    'StudyInstanceUID': (0x0020000D, 'UI'), 'SeriesInstanceUID': (0x0020000E, 'UI'), 'SeriesNumber': (0x00200011, 'IS'),
    'InstanceNumber': (0x00200013, 'IS'), 'NumberOfPatientRelatedStudies': (0x00201200, 'IS'),
    'NumberOfPatientRelatedInstances': (0x00201204, 'IS'), 'NumberOfStudyRelatedSeries': (0x00201206, 'IS'),
    'NumberOfStudyRelatedInstances': (0x00201208, 'IS'), 'NumberOfSeriesRelatedInstances': (0x00201209, 'IS'),
    'FailedSOPInstanceUIDList': (0x00080058, 'UI'),
}
