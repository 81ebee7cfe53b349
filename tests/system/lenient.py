"""lenient - files as they are really met: wrong lengths, missing heads, mixed VRs, cut ends. One thing is wrong in each.

files() gives (name, bytes, uid): a whole file and the SOP Instance UID in it. What becomes of them is for the readers of
DCMTK and gdcm to say; test_lenient.py compares.
"""
import struct
import zlib

from dul import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from objects import CT, J2K, LONG, UNDEFINED, encode, uid, value_bytes

GE_PRIVATE = '1.2.840.113619.5.2'  # implicit VR little endian, but for the pixels
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PRIVATE_SEQUENCE = 0x00291010


class Form:
    """How elements are written."""

    def __init__(self, explicit=True, order='<'):
        self.explicit, self.order = explicit, order

    def __call__(self, tag, vr, value=b'', length=None):
        body = value if isinstance(value, bytes) else value_bytes(vr, value, self.order)
        length = len(body) if length is None else length
        head = struct.pack(self.order + 'HH', tag >> 16, tag & 0xFFFF)
        if not self.explicit or tag >> 16 == 0xFFFE:
            return head + struct.pack(self.order + 'I', length) + body
        vr = vr if isinstance(vr, bytes) else vr.encode()
        if vr.decode('latin-1') in LONG:
            return head + vr + struct.pack(self.order + 'HI', 0, length) + body
        return head + vr + struct.pack(self.order + 'H', length) + body

    def item(self, body, length=None):
        return self(ITEM, '', body, length)


EXP, IMP, BIG = Form(), Form(False), Form(True, '>')
FORMS = {'explicit': (EXP, EXPLICIT_LE), 'implicit': (IMP, IMPLICIT_LE), 'big': (BIG, EXPLICIT_BE)}


def uids(name):
    return [uid('lenient', kind, name) for kind in ('instance', 'study', 'series')]


def front(name, f, before=b''):
    """The identity; before: elements of group 0008 in front of it."""
    instance, study, series = uids(name)
    return before + (f(0x00080016, 'UI', CT) + f(0x00080018, 'UI', instance) + f(0x00080060, 'CS', 'CT')
                     + f(0x00100010, 'PN', 'Lenient^Demo') + f(0x00100020, 'LO', 'L-' + name[:40])
                     + f(0x0020000D, 'UI', study) + f(0x0020000E, 'UI', series))


def back(f, pixels=None):
    pixels = bytes(range(32)) if pixels is None else pixels
    return (f(0x00280002, 'US', [1]) + f(0x00280004, 'CS', 'MONOCHROME2') + f(0x00280010, 'US', [4])
            + f(0x00280011, 'US', [4]) + f(0x00280100, 'US', [16]) + f(0x00280101, 'US', [16])
            + f(0x00280102, 'US', [15]) + f(0x00280103, 'US', [0]) + f(0x7FE00010, 'OW', pixels))


def meta(name, syntax, f=EXP, length=None, leave=(), more=b''):
    instance = uids(name)[0]
    body = (f(0x00020001, 'OB', b'\0\1') + f(0x00020002, 'UI', CT) + f(0x00020003, 'UI', instance)
            + (b'' if 'syntax' in leave else f(0x00020010, 'UI', syntax)) + f(0x00020012, 'UI', '1.2.3.4') + more)
    group = b'' if 'group length' in leave else f(0x00020000, 'UL', [len(body) if length is None else length])
    return group + body


def part10(name, syntax, data, **rest):
    return b'\0' * 128 + b'DICM' + meta(name, syntax, **rest) + data


# ---- heads

def heads():
    for word, (f, syntax) in FORMS.items():
        data = lambda name: front(name, f) + back(f)  # noqa: E731
        yield 'whole ' + word, lambda n: part10(n, syntax, data(n))
        yield 'bare ' + word, data
        yield 'bare, group length first, ' + word, lambda n: f(0x00080000, 'UL', [300]) + data(n)
        yield 'bare, length to end first, ' + word, lambda n: f(0x00080001, 'UL', [300]) + data(n)
        yield 'bare, character set first, ' + word, lambda n: f(0x00080005, 'CS', 'ISO_IR 100') + data(n)
        yield 'no preamble, DICM, ' + word, lambda n: b'DICM' + meta(n, syntax) + data(n)
        yield 'no preamble, no DICM, ' + word, lambda n: meta(n, syntax) + data(n)
        yield 'meta says nothing of the syntax, ' + word, lambda n: part10(n, '', data(n), leave=('syntax',))
        yield 'preamble of zeros, no DICM, bare ' + word, lambda n: b'\0' * 128 + data(n)
        yield 'preamble and DICM, no meta, ' + word, lambda n: b'\0' * 128 + b'DICM' + data(n)
    data = lambda name: front(name, EXP) + back(EXP)  # noqa: E731
    for length in (0, 1, 8, 20, 1000, 0x7FFFFFFF, 0xFFFFFFFF):
        yield 'meta group length %d' % length, lambda n: part10(n, EXPLICIT_LE, data(n), length=length)
    yield 'no meta group length', lambda n: part10(n, EXPLICIT_LE, data(n), leave=('group length',))
    yield 'meta in implicit VR', lambda n: part10(n, EXPLICIT_LE, data(n), f=IMP)
    yield 'meta in implicit VR, data implicit', lambda n: part10(n, IMPLICIT_LE, front(n, IMP) + back(IMP), f=IMP)
    yield 'meta in big endian', lambda n: part10(n, EXPLICIT_BE, front(n, BIG) + back(BIG), f=BIG)
    yield 'meta with a private end', lambda n: part10(n, EXPLICIT_LE, data(n), more=EXP(0x00020100, 'UI', '1.2.3')
                                                      + EXP(0x00020102, 'OB', b'\1\2\3\4'))
    yield 'preamble of a TIFF', lambda n: b'II*\0' + b'\x11' * 124 + b'DICM' + meta(n, EXPLICIT_LE) + data(n)
    yield 'syntax padded with blanks', lambda n: part10(n, EXPLICIT_LE + '   ', data(n))
    yield 'syntax of nobody', lambda n: part10(n, '1.2.3.4.5', data(n))
    yield 'syntax with a newline', lambda n: part10(n, EXPLICIT_LE + '\n', data(n))
    yield 'GE private syntax', lambda n: part10(n, GE_PRIVATE, front(n, IMP) + back(IMP))
    yield 'says explicit, is implicit', lambda n: part10(n, EXPLICIT_LE, front(n, IMP) + back(IMP))
    yield 'says implicit, is explicit', lambda n: part10(n, IMPLICIT_LE, data(n))
    yield 'says little, is big', lambda n: part10(n, EXPLICIT_LE, front(n, BIG) + back(BIG))
    yield 'says big, is little', lambda n: part10(n, EXPLICIT_BE, data(n))
    yield 'says JPEG 2000, is native', lambda n: part10(n, J2K, data(n))
    yield 'meta cut', lambda n: part10(n, EXPLICIT_LE, b'')[:-10]
    yield 'meta alone', lambda n: part10(n, EXPLICIT_LE, b'')
    yield 'meta twice', lambda n: part10(n, EXPLICIT_LE, meta(n, EXPLICIT_LE) + data(n))
    yield 'UIDs padded with blanks', lambda n: part10(n, EXPLICIT_LE, data(n).replace(b'\0', b'\0'), more=b'')
    deflate = lambda d, w=-15: (lambda z: z.compress(d) + z.flush())(zlib.compressobj(9, wbits=w))  # noqa: E731
    yield 'deflated', lambda n: part10(n, DEFLATED_LE, deflate(data(n)))
    yield 'deflated, one byte of padding', lambda n: part10(n, DEFLATED_LE, deflate(data(n)) + b'\0')
    yield 'deflated, with a zlib head', lambda n: part10(n, DEFLATED_LE, deflate(data(n), 15))
    yield 'deflated, cut', lambda n: part10(n, DEFLATED_LE, deflate(data(n))[:-12])
    yield 'deflated, garbage behind', lambda n: part10(n, DEFLATED_LE, deflate(data(n)) + b'\xff' * 99)
    yield 'not deflated, says so', lambda n: part10(n, DEFLATED_LE, data(n))


# ---- data sets: what stands between the identity and the pixels, or behind them

def middles(f):
    """(name, elements): in any of the three forms."""
    sq = lambda body, length=None, tag=0x00400275: f(tag, 'SQ', body, length)  # noqa: E731
    inner = f(0x00400007, 'LO', 'inside')
    end, item_end = f(SEQUENCE_END, ''), f(ITEM_END, '')
    yield 'sequence and item of undefined length', sq(f.item(inner + item_end, UNDEFINED) + end, UNDEFINED)
    yield 'sequence undefined, item defined', sq(f.item(inner) + end, UNDEFINED)
    yield 'sequence defined, item undefined', sq(f.item(inner + item_end, UNDEFINED))
    yield 'empty sequence', sq(b'')
    yield 'empty sequence of undefined length', sq(end, UNDEFINED)
    yield 'empty items', sq(f.item(b'') + f.item(b''))
    yield 'delimiter in a sequence with length', sq(f.item(inner) + end)
    yield 'delimiter in an item with length', sq(f.item(inner + item_end))
    yield 'item 2 too long', sq(f.item(inner, len(inner) + 2))
    yield 'item 2 too short', sq(f.item(inner, len(inner) - 2))
    yield 'item 1000 too long', sq(f.item(inner, len(inner) + 1000))
    yield 'sequence 2 too long', sq(f.item(inner), len(inner) + 10)
    yield 'sequence 2 too short', sq(f.item(inner), len(inner) + 6)
    yield 'sequence length without item head', sq(f.item(inner), len(inner))
    yield 'element longer than its item', sq(f.item(f(0x00400007, 'LO', b'inside', 40)))
    yield 'no item but an element in a sequence', sq(inner)
    yield 'garbage in a sequence', sq(b'\x55' * 20)
    yield 'item delimiter instead of that of the sequence', sq(f.item(inner + item_end, UNDEFINED) + item_end, UNDEFINED)
    yield 'item without its delimiter', sq(f.item(inner, UNDEFINED) + end, UNDEFINED)
    yield 'delimiters with a length', sq(f.item(inner + f(ITEM_END, '', b'', 4), UNDEFINED) + f(SEQUENCE_END, '', b'', 4),
                                         UNDEFINED)
    yield 'delimiter of a sequence outside', end
    yield 'delimiter of an item outside', item_end
    yield 'item outside', f.item(b'')
    yield 'group length right', f(0x00400000, 'UL', [len(inner)]) + inner
    yield 'group length wrong', f(0x00400000, 'UL', [9999]) + inner
    yield 'group length of 2 bytes', f(0x00400000, 'UL', b'\1\0') + inner
    yield 'private with creator', f(0x00290010, 'LO', 'DEMO') + f(0x00291001, 'LO', 'secret')
    yield 'private without creator', f(0x00291001, 'LO', 'secret')
    yield 'private group 0001', f(0x00010010, 'LO', 'x ')
    yield 'same tag twice', f(0x00400254, 'LO', 'one ') + f(0x00400254, 'LO', 'two ')
    yield 'lower tag later', f(0x00400254, 'LO', 'one ') + f(0x00100040, 'CS', 'O ')
    yield 'patient twice', f(0x00100010, 'PN', 'Other^Demo')
    yield 'text of odd length', f(0x00400254, 'LO', b'odd')
    yield 'bytes of odd length', f(0x00420011, 'OB', b'odd')
    yield 'number of 3 bytes', f(0x00280106, 'US', b'\1\0\0')
    yield 'number of 1 byte', f(0x00280106, 'US', b'\1')
    yield 'empty values', b''.join(f(t, v) for t, v in ((0x00280106, 'US'), (0x00280030, 'DS'), (0x00281052, 'DS'),
                                                          (0x00400254, 'LO'), (0x00400244, 'DA')))
    yield 'value with control characters', f(0x00400254, 'LO', b'a\0b\x1b\x07c ')
    yield 'value far too long', f(0x00400254, 'LO', b'x' * 5000)
    yield 'command group', f(0x00000002, 'UI', '1.2.3')
    yield 'file meta in the data set', f(0x00020010, 'UI', EXPLICIT_LE)
    yield 'tag FFFF,FFFF', f(0xFFFFFFFF, 'LO', 'x ')
    yield 'tag 0000,0000', f(0x00000000, 'UL', [4])
    yield 'padding element in the middle', f(0xFFFCFFFC, 'OB', b'\0' * 20)


def explicit_middles():
    inner = IMP(0x00400007, 'LO', 'inside')
    end, item_end = IMP(SEQUENCE_END, ''), IMP(ITEM_END, '')
    creator = EXP(0x00290010, 'LO', 'DEMO')
    yield 'UN of undefined length', creator + EXP(PRIVATE_SEQUENCE, 'UN', IMP.item(inner + item_end, UNDEFINED) + end, UNDEFINED)
    yield 'UN of undefined length, item with length', creator + EXP(PRIVATE_SEQUENCE, 'UN', IMP.item(inner) + end, UNDEFINED)
    yield 'UN of undefined length, nested', creator + EXP(PRIVATE_SEQUENCE, 'UN', IMP.item(IMP(
        0x00291020, '', IMP.item(inner) + end, UNDEFINED) + item_end, UNDEFINED) + end, UNDEFINED)
    yield 'UN of undefined length, explicit inside', creator + EXP(
        PRIVATE_SEQUENCE, 'UN', EXP.item(EXP(0x00400007, 'LO', 'inside') + item_end, UNDEFINED) + end, UNDEFINED)
    yield 'UN with length, a sequence inside', creator + EXP(PRIVATE_SEQUENCE, 'UN', IMP.item(inner))
    yield 'known sequence as UN', EXP(0x00400275, 'UN', IMP.item(inner) + end, UNDEFINED)
    yield 'known text as UN', EXP(0x00400254, 'UN', b'text')
    yield 'UN of 16 bits of length', struct.pack('<HH2sH', 0x29, 0x1001, b'UN', 4) + b'text'
    yield 'private OB of undefined length', creator + EXP(PRIVATE_SEQUENCE, 'OB', IMP.item(b'abcd') + end, UNDEFINED)
    yield 'text of undefined length', EXP(0x00400254, 'UT', IMP.item(inner) + end, UNDEFINED)
    for vr in (b'ZZ', b'??', b'\0\0', b'  ', b'--', b'ox', b'ui', b'U1', b'\xff\xff', b'A\0'):
        yield 'vr %r' % vr, struct.pack('<HH2sH', 0x40, 0x254, vr, 4) + b'text'
        yield 'vr %r, long form' % vr, struct.pack('<HH2sHI', 0x40, 0x254, vr, 0, 4) + b'text'
    for vr in ('UC', 'UR', 'UT', 'OV', 'SV', 'UV', 'OL', 'OD'):
        yield 'vr ' + vr, EXP(0x00291001, vr, b'textform')
        yield 'vr %s, short form' % vr, struct.pack('<HH2sH', 0x29, 0x1001, vr.encode(), 8) + b'textform'
    yield 'reserved bytes not zero', struct.pack('<HH2sHI', 0x42, 0x11, b'OB', 0x2020, 4) + b'abcd'
    yield 'one element in implicit VR', IMP(0x00400254, 'LO', 'text')
    yield 'one long element in implicit VR', IMP(0x00400254, 'LO', b't' * 0x4142)
    yield 'items in implicit VR', EXP(0x00400275, 'SQ', IMP.item(inner))
    yield 'items in implicit VR, undefined', EXP(0x00400275, 'SQ', IMP.item(inner + item_end, UNDEFINED) + end, UNDEFINED)
    yield 'sequence in big endian', EXP(0x00400275, 'SQ', BIG.item(BIG(0x00400007, 'LO', 'inside')))
    yield 'wrong vr for a number', EXP(0x00280106, 'LO', b'12')
    yield 'wrong vr for a text', EXP(0x00400254, 'US', b'\1\0')
    yield 'sequence said to be text', EXP(0x00400275, 'LO', EXP.item(EXP(0x00400007, 'LO', 'inside')))


def implicit_middles():
    yield 'one element in explicit VR', EXP(0x00400254, 'LO', 'text')
    yield 'items in explicit VR', IMP(0x00400275, 'SQ', EXP.item(EXP(0x00400007, 'LO', 'inside')))
    yield 'items in explicit VR, undefined', IMP(0x00400275, 'SQ', EXP.item(
        EXP(0x00400007, 'LO', 'inside') + IMP(ITEM_END, ''), UNDEFINED) + IMP(SEQUENCE_END, ''), UNDEFINED)
    yield 'private sequence', IMP(0x00290010, 'LO', 'DEMO') + IMP(PRIVATE_SEQUENCE, '', IMP.item(
        IMP(0x00291020, 'LO', 'text')) + IMP(SEQUENCE_END, ''), UNDEFINED)
    yield 'private sequence with length', IMP(0x00290010, 'LO', 'DEMO') + IMP(PRIVATE_SEQUENCE, '', IMP.item(
        IMP(0x00291020, 'LO', 'text')))
    yield 'unknown standard tag', IMP(0x00400FF0, 'LO', 'text')


def ends(f):
    """(name, bytes behind a whole data set)."""
    for n in (1, 2, 4, 7, 8, 9, 100, 512):
        yield '%d zeros behind' % n, b'\0' * n
    yield 'garbage behind', b'\xff' * 101
    yield 'text behind', b'this is no DICOM at all, yet it stands here'
    yield 'padding element behind', f(0xFFFCFFFC, 'OB', b'\0' * 50)
    yield 'padding element cut', f(0xFFFCFFFC, 'OB', b'\0' * 50, 5000)
    yield 'signature behind', f(0xFFFAFFFA, 'SQ', b'')
    yield 'delimiter behind', f(SEQUENCE_END, '')
    yield 'item delimiter behind', f(ITEM_END, '')
    yield 'an element cut in its head', f(0xFFFCFFFC, 'OB', b'')[:5]


def pixels(f):
    """(name, what stands instead of the last element)."""
    yield 'pixels cut', f(0x7FE00010, 'OW', b'x' * 10, 32)
    yield 'pixels cut at once', f(0x7FE00010, 'OW', b'', 32)
    yield 'pixels of 2 GiB', f(0x7FE00010, 'OW', b'x' * 32, 0x7FFFFFFE)
    yield 'pixels of odd length', f(0x7FE00010, 'OW', b'x' * 33)
    yield 'pixels one byte short', f(0x7FE00010, 'OW', b'x' * 31, 32)
    yield 'no pixels', b''
    yield 'empty pixels', f(0x7FE00010, 'OW', b'')
    yield 'pixels twice', f(0x7FE00010, 'OW', b'x' * 32) * 2
    yield 'overlay behind', f(0x7FE00010, 'OW', b'x' * 32) + f(0x60003000, 'OW', b'\0\1')
    yield 'text cut', f(0x00400254, 'LO', b'cut', 40)
    yield 'sequence cut', f(0x00400275, 'SQ', f.item(f(0x00400007, 'LO', 'inside')) + f.item(b'', 50), 200)
    yield 'sequence never closed', f(0x00400275, 'SQ', f.item(f(0x00400007, 'LO', 'inside'), UNDEFINED), UNDEFINED)
    yield 'sequence without its delimiter', f(0x00400275, 'SQ', f.item(f(0x00400007, 'LO', 'inside') + f(ITEM_END, ''),
                                                                       UNDEFINED), UNDEFINED)


def fragments():
    """(name, encapsulated pixel data)."""
    item, end = IMP.item, IMP(SEQUENCE_END, '')
    head = lambda body, vr='OB': EXP(0x7FE00010, vr, body, UNDEFINED)  # noqa: E731
    stream = b'\xff\x4f\xff\x51' + b'\0' * 24 + b'\xff\xd9'
    yield 'as it should be', head(item(b'') + item(stream) + end)
    yield 'no delimiter', head(item(b'') + item(stream))
    yield 'no offset table', head(item(stream) + end)
    yield 'nothing in it', head(end)
    yield 'cut in a fragment', head(item(b'') + item(stream)[:-8])
    yield 'fragment of odd length', head(item(b'') + item(stream + b'\0') + end)
    yield 'fragment 2 too short', head(item(b'') + item(stream, len(stream) - 2) + end)
    yield 'fragment 2 too long', head(item(b'') + item(stream, len(stream) + 2) + end)
    yield 'garbage between', head(item(b'') + b'\x55' * 9 + item(stream) + end)
    yield 'OW', head(item(b'') + item(stream) + end, 'OW')
    yield 'UN', head(item(b'') + item(stream) + end, 'UN')
    yield 'with a length', EXP(0x7FE00010, 'OB', item(b'') + item(stream) + end)
    yield 'item delimiter at the end', head(item(b'') + item(stream) + IMP(ITEM_END, ''))
    yield 'delimiter with a length', head(item(b'') + item(stream) + IMP(SEQUENCE_END, '', b'', 8))
    yield 'offset table wrong', head(item(struct.pack('<2I', 77, 0xFFFFFFFF)) + item(stream) + end)


def bodies():
    for word, (f, syntax) in FORMS.items():
        for name, middle in middles(f):
            yield '%s: %s' % (word, name), lambda n: part10(n, syntax, front(n, f) + middle + back(f))
        for name, tail in ends(f):
            yield '%s: %s' % (word, name), lambda n: part10(n, syntax, front(n, f) + back(f) + tail)
        for name, last in pixels(f):
            yield '%s: %s' % (word, name), lambda n: part10(n, syntax, front(n, f) + back(f)[:-len(f(0x7FE00010, 'OW', b'x' * 32))]
                                                            + last)
    for name, middle in explicit_middles():
        yield 'explicit: ' + name, lambda n: part10(n, EXPLICIT_LE, front(n, EXP) + middle + back(EXP))
    for name, middle in implicit_middles():
        yield 'implicit: ' + name, lambda n: part10(n, IMPLICIT_LE, front(n, IMP) + middle + back(IMP))
    for name, last in fragments():
        yield 'fragments: ' + name, lambda n: part10(n, J2K, front(n, EXP) + back(EXP)[:-44] + last)
    for word, (f, syntax) in FORMS.items():  # before the identity: what cannot be read there hides the rest
        early = f(0x00080000, 'UL', [9]) + f(0x00080008, 'CS', b'ORIGINAL\\PRIMARY')
        yield '%s: group length before the UIDs' % word, lambda n: part10(n, syntax, front(n, f, early) + back(f))
        yield '%s: odd length before the UIDs' % word, lambda n: part10(n, syntax, front(n, f, f(0x00080008, 'CS', b'ODD'))
                                                                       + back(f))
        yield '%s: UIDs later' % word, lambda n: part10(n, syntax, f(0x00280010, 'US', [4]) + front(n, f) + back(f))
    early = struct.pack('<HH2sH', 8, 8, b'??', 4) + b'ODD '
    yield 'explicit: unknown vr before the UIDs', lambda n: part10(n, EXPLICIT_LE, front(n, EXP, early) + back(EXP))
    yield 'explicit: implicit element before the UIDs', lambda n: part10(n, EXPLICIT_LE, front(
        n, EXP, IMP(0x00080008, 'CS', 'ODD ')) + back(EXP))
    yield 'implicit: explicit element before the UIDs', lambda n: part10(n, IMPLICIT_LE, front(
        n, IMP, EXP(0x00080008, 'CS', 'ODD ')) + back(IMP))


def files():
    for name, make in list_of(heads()) + list_of(bodies()):
        yield name, make, uids(name)[0]


def list_of(cases):
    """The functions above close over loop variables, so each is called before the next is made."""
    return [(name, make(name)) for name, make in cases]
