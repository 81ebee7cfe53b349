#!/usr/bin/env python3
"""Instances in another transfer syntax, over C-GET and HTTP: decoded by others they are what was sent, and say what is true.

One copy serves both doors. Nothing is left out or changed but what the other syntax asks for.
"""
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
import dul
import lib
from dul import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal, note, tool, trap
from objects import (CT, Instance, J2K_LOSSLESS, JPEG_BASELINE, JPEG_LS, JPEG_SV1, RLE, SECONDARY, UNDEFINED, Part10, file_meta, image,
                     parse, pixels, text)
from parts import DICOM, Client, related

lib.need_program()
lib.need_tools('dcmdrle', 'dcmdjpeg', 'dcmdjpls', 'gdcmconv', 'dcmcjpeg', 'getscu')
node = lib.Node()
SR = '1.2.840.10008.5.1.4.1.1.88.11'
WATCH = node.teleread('token', 'create', '--name', 'an operator', '--role', 'admin').out.strip()
node.start('--accept-unknown', 'NORTH')
web = Client(node)
DECODERS = {RLE: ['dcmdrle'], JPEG_SV1: ['dcmdjpeg'], JPEG_LS: ['dcmdjpls'], J2K_LOSSLESS: ['gdcmconv', '--raw']}
PIXELS = 0x7FE00010
SIDE = 24


def path(one):
    return '/dicom-web/studies/%s/series/%s/instances/%s' % (one.study, one.series, one.uid)


def get(one, syntax):
    """The data set that C-GET brings in this syntax; None: it does not come."""
    got, _ = node.get('STUDY', [(one.sop_class, syntax)], 'NORTH_PACS', StudyInstanceUID=one.study)
    return got[0][3] if got else None


def decoded(one, syntax, data):
    """The elements of a data set after somebody else's program has decoded it."""
    at = lib.folder()
    source, to = os.path.join(at, 'in.dcm'), os.path.join(at, 'out.dcm')
    with open(source, 'wb') as f:
        f.write(file_meta(one.sop_class, one.uid, syntax) + data)
    tool(*DECODERS[syntax], source, to)
    with open(to, 'rb') as f:
        part10 = Part10(f.read())
    return parse(part10.data, part10.syntax)


def made(*args, **rest):
    """As image(), with the pixel data that extra has."""
    one = image(*args, **rest)
    return Instance(one.sop_class, one.elements[:-1], one.syntax)


def stored(*args, **rest):
    one = made(*args, **rest)
    equal(node.store([one], 'NORTH_PACS'), [0], 'C-STORE')
    return one


def items(data):
    """[(offset, bytes)] of the items of the Pixel Data of a data set, the table of offsets first; it ends as it should."""
    at = data.index(struct.pack('<HH2sHI', 0x7FE0, 0x10, b'OB', 0, UNDEFINED)) + 12
    out = []
    while data[at:at + 4] == b'\xfe\xff\x00\xe0':
        n, = struct.unpack_from('<I', data, at + 4)
        out.append((at, data[at + 8:at + 8 + n]))
        at += 8 + n
    equal(data[at:at + 8], b'\xfe\xff\xdd\xe0\0\0\0\0', 'the delimiter')
    return out


def metric(name):
    found = re.search(r'^%s (\d+)$' % name, web.get('/metrics', Authorization='Bearer ' + WATCH).body.decode(), re.M)
    return int(found.group(1)) if found else 0


WORD = bytes(i * 37 % 251 for i in range(SIDE * SIDE * 2))
BYTES = [(0x00280100, 'US', 8), (0x00280101, 'US', 8), (0x00280102, 'US', 7)]
COLOURS = BYTES + [(0x00280002, 'US', 3), (0x00280004, 'CS', 'RGB'), (0x00280006, 'US', 0)]
TWELVE = b''.join(struct.pack('<H', i * 29 % 4096) for i in range(SIDE * SIDE))
KINDS = {
    'grey': ([], TWELVE),
    'signed': ([(0x00280103, 'US', 1), (0x00280101, 'US', 16), (0x00280102, 'US', 15)],
               b''.join(struct.pack('<h', i * 91 % 65536 - 32768) for i in range(SIDE * SIDE))),
    'palette': (BYTES + [(0x00280004, 'CS', 'PALETTE COLOR')] + [(t, 'US', [256, 0, 16]) for t in range(0x00281101, 0x00281104)] +
                [(t, 'OW', bytes(512)) for t in range(0x00281201, 0x00281204)], WORD[:SIDE * SIDE]),
    'RGB': (COLOURS, WORD + WORD[:SIDE * SIDE]),
    'overlay in the high bits': ([(0x60000010, 'US', SIDE), (0x60000011, 'US', SIDE), (0x60000040, 'CS', 'G'),
                                  (0x60000050, 'SS', [1, 1]), (0x60000100, 'US', 16), (0x60000102, 'US', 12)],
                                 bytes(b | (0x10 if i % 2 and i % 3 == 0 else 0) for i, b in enumerate(TWELVE))),
}


@case('samples of every kind survive each lossless syntax, decoded by programs of others')
def kinds():
    trap(27, 'signed, palette, colours, overlays in high bits: through RLE, JPEG lossless, JPEG-LS, JPEG 2000 and back by others')
    for number, (word, (extra, samples)) in enumerate(KINDS.items(), 1):
        one = stored('kinds ' + word, number, side=SIDE, extra=extra + [(PIXELS, 'OW', samples)])
        before, came = parse(one.data), 0
        for syntax in DECODERS:
            data = get(one, syntax)
            if data is None:
                check(word.startswith('overlay'), '%s does not come in %s' % (word, syntax))
                continue
            came += 1
            head = parse(data)
            for tag in before:
                if tag not in (PIXELS, 0x00280004, 0x00280006):
                    equal(head[tag], before[tag], '%s in %s: %08X' % (word, syntax, tag))
            equal(sorted(set(head) - set(before)), [], 'nothing is added')
            if word.startswith('overlay') and syntax == JPEG_SV1:
                continue  # dcmdjpeg decodes 12 of 16 bits; that ours are there, the archive's own way back says below
            equal(decoded(one, syntax, data)[PIXELS][:len(samples)], samples, '%s by %s' % (word, syntax))
        check(came >= 2, '%s comes in %d syntaxes' % (word, came))


@case('colour by plane is interleaved where a syntax wants that, and says so')
def planes():
    samples = b''.join(bytes((i * k) % 256 for i in range(SIDE * SIDE)) for k in (1, 3, 5))
    mixed = bytes(samples[k * SIDE * SIDE + i] for i in range(SIDE * SIDE) for k in range(3))
    one = stored('planes', side=SIDE, sop_class=SECONDARY,
                 extra=COLOURS[:-1] + [(0x00280006, 'US', 1), (PIXELS, 'OB', samples)])
    data = get(one, JPEG_LS)
    out = decoded(one, JPEG_LS, data)
    planar = struct.unpack('<H', out[0x00280006])[0]
    equal(out[PIXELS], samples if planar else mixed, 'by dcmdjpls')
    equal(parse(get(one, IMPLICIT_LE), IMPLICIT_LE)[PIXELS], samples, 'native: as they are')


@case('fragments are even, one a frame, and the Basic Offset Table tells where each begins')
def fragments():
    trap(26, 'out: one fragment of even length a frame, a right Basic Offset Table; in: Number of Frames that lies')
    side = 7  # frames of 49 bytes: odd
    body = bytes(i * i % 256 for i in range(side * side * 5))
    one = stored('fragments', side=side, frames=5, extra=BYTES + [(PIXELS, 'OB', body)])
    for syntax in DECODERS:
        data = get(one, syntax)
        table, *frames = items(data)
        equal(len(frames), 5, syntax)
        equal([len(f) % 2 for _, f in frames], [0] * 5, 'even')
        equal(list(struct.unpack('<5I', table[1])), [at - frames[0][0] for at, _ in frames], 'offsets')
        equal(decoded(one, syntax, data)[PIXELS][:len(body)], body, syntax)
    lies = stored('lies', side=side, extra=BYTES + [(0x00280008, 'IS', '9'), (PIXELS, 'OB', body)])
    data = get(lies, RLE)
    equal((len(items(data)), text(parse(data), 0x00280008)), (6, '9'), 'the frames that are there; what it says stays')


@case('what is native stays the same samples in another order of bytes')
def orders():
    one = stored('orders', side=SIDE, extra=[(PIXELS, 'OW', TWELVE)], syntax=EXPLICIT_BE)
    swapped = b''.join(TWELVE[i:i + 2][::-1] for i in range(0, len(TWELVE), 2))
    equal(parse(get(one, EXPLICIT_LE))[PIXELS], TWELVE)
    equal(parse(get(one, IMPLICIT_LE), IMPLICIT_LE)[PIXELS], TWELVE)
    raw = get(one, EXPLICIT_BE)
    check(raw == one.data and swapped in raw, 'as it was sent')
    deflated = get(one, dul.DEFLATED_LE)
    equal(parse(deflated, dul.DEFLATED_LE)[PIXELS], TWELVE)


@case('what was lossy says so when it is decoded; what was not, says nothing')
def lossy():
    trap(27, 'decoded lossy JPEG has Lossy Image Compression 01, a ratio and a method; lossless has none')
    at = os.path.join(lib.folder(), 'lossy.dcm')
    source = made('lossy', side=64, sop_class=SECONDARY, extra=COLOURS + [(PIXELS, 'OB', pixels(64, 3) + pixels(64, 4)[:4096])])
    tool('dcmcjpeg', '+eb', source.save(at + '.source'), at)
    tool('dcmodify', '-nb', '-ea', '(0028,2110)', '-ea', '(0028,2112)', '-ea', '(0028,2114)', at)
    with open(at, 'rb') as f:
        part10 = Part10(f.read())
    equal(part10.syntax, JPEG_BASELINE)
    found = parse(part10.data)
    check(0x00282110 not in found, 'the sender does not say it')
    node.teleread('import', at, '--site', 'NORTH')
    sop, study, series = (text(found, t) for t in (0x00080018, 0x0020000D, 0x0020000E))
    data = Part10(web.get('/dicom-web/studies/%s/series/%s/instances/%s' % (study, series, sop), related(DICOM, EXPLICIT_LE))
                  .parts()[0].body).data
    out = parse(data)
    equal((text(out, 0x00282110), text(out, 0x00282114), text(out, 0x00280004)), ('01', 'ISO_10918_1', 'RGB'))
    check(float(text(out, 0x00282112)) > 1, text(out, 0x00282112))
    equal(text(out, 0x00080018), sop, 'decoding is no loss: the same instance')
    tool('dcmdjpeg', at, at + '.theirs')
    with open(at + '.theirs', 'rb') as f:
        theirs = parse(Part10(f.read()).data)
    equal(out[PIXELS], theirs[PIXELS], 'RGB as dcmdjpeg makes it')


def report(study):
    """A document: no pixel data, nor what describes it."""
    one = image(study, 9, sop_class=SR, modality='SR')
    return Instance(SR, [e for e in one.elements if e[0] >> 16 not in (0x0028, 0x7FE0)], EXPLICIT_LE)


@case('who likes a form with loss best gets all there is, in one without')
def liked():
    instances = [made('liked', 1, side=SIDE, extra=[(PIXELS, 'OW', TWELVE)]),
                 made('liked', 2, side=SIDE, sop_class=SECONDARY, extra=COLOURS + [(PIXELS, 'OB', WORD + WORD[:SIDE * SIDE])]),
                 report('liked')]
    equal(node.store(instances, 'NORTH_PACS'), [0, 0, 0], 'C-STORE')
    wanted = {one.uid: parse(one.data) for one in instances}
    for option, syntax in {'+xy': EXPLICIT_LE, '+xx': EXPLICIT_LE, '+xw': EXPLICIT_LE, '+xu': EXPLICIT_LE, '+xn': EXPLICIT_LE,
                           '+xs': JPEG_SV1, '+xt': JPEG_LS, '+xv': J2K_LOSSLESS, '+xr': RLE}.items():
        at = lib.folder()
        tool('getscu', '-aet', 'NORTH_PACS', '-aec', 'TELEREAD', '-S', '+B', option, '-od', at, '-k', 'QueryRetrieveLevel=STUDY',
             '-k', 'StudyInstanceUID=' + instances[0].study, '127.0.0.1', node.port)
        came = {}
        for name in os.listdir(at):
            with open(os.path.join(at, name), 'rb') as f:
                part10 = Part10(f.read())
            equal(part10.syntax, syntax, option)
            found = parse(part10.data, syntax)
            came[text(found, 0x00080018)] = found.get(PIXELS)
            check(0x00282110 not in found, '%s: nothing was lost' % option)
        equal(sorted(came), sorted(wanted), option)
        if syntax == EXPLICIT_LE:
            equal(came, {uid: found.get(PIXELS) for uid, found in wanted.items()}, option)


@case('of one context the syntax is taken that nearly anything can be made in')
def accepted():
    j2k, video = '1.2.840.10008.1.2.4.91', '1.2.840.10008.1.2.4.102'
    endoscopy, dose = '1.2.840.10008.5.1.4.1.1.77.1.1.1', '1.2.840.10008.5.1.4.1.1.481.2'
    for sop_class, proposed, taken in (
            (CT, [j2k, JPEG_BASELINE, IMPLICIT_LE], IMPLICIT_LE), (CT, [j2k, J2K_LOSSLESS, EXPLICIT_LE], J2K_LOSSLESS),
            (CT, [video, j2k, JPEG_SV1], JPEG_SV1), (CT, [j2k, JPEG_BASELINE], j2k), (CT, [video], video),
            (endoscopy, [video, EXPLICIT_LE], video), (endoscopy, [j2k, EXPLICIT_LE], EXPLICIT_LE),
            (dose, [JPEG_SV1, EXPLICIT_LE], EXPLICIT_LE), (dose, [JPEG_SV1], JPEG_SV1)):
        with node.associate('NORTH_PACS', get=[(sop_class, proposed)]) as a:
            equal([s for c, s in a.contexts.values() if c == sop_class], [taken], 'to receive, of %s' % proposed)
        with node.associate('NORTH_PACS', [(sop_class, proposed)]) as a:
            equal([s for c, s in a.contexts.values() if c == sop_class], [proposed[0]], 'to send, of %s' % proposed)


@case('a document goes where only forms of pictures are taken, a picture does not')
def bare():
    j2k = '1.2.840.10008.1.2.4.91'
    instances = [report('bare'), stored('bare', 1, side=SIDE, extra=[(PIXELS, 'OW', TWELVE)])]
    equal(node.store(instances[:1], 'NORTH_PACS'), [0], 'C-STORE')
    got, final = node.get('STUDY', [(SR, j2k), (CT, j2k)], 'NORTH_PACS', StudyInstanceUID=instances[0].study)
    equal([(uid, syntax, parse(data)) for _, uid, syntax, data in got], [(instances[0].uid, j2k, parse(instances[0].data))])
    equal((final.status, final.completed, final.failed), (0xB000, 1, 1))


@case('both doors share one copy')
def shared():
    one = stored('shared', side=SIDE, frames=3, extra=[(PIXELS, 'OW', TWELVE * 3)])
    before, hits = metric('teleread_derived_misses_total'), metric('teleread_derived_hits_total')
    first = get(one, JPEG_LS)
    second = Part10(web.get(path(one), related(DICOM, JPEG_LS)).parts()[0].body).data
    check(first == second == get(one, JPEG_LS), 'the same bytes')
    equal((metric('teleread_derived_misses_total') - before, metric('teleread_derived_hits_total') - hits), (1, 2), 'made, found')
    check(metric('teleread_derived_bytes') > 0 and metric('teleread_derived_files') > 0, 'gauges')


@case('real files come in other syntaxes with the samples that the list states')
def real():
    top, _ = lib.corpus()
    import hashlib
    rows = []
    with open(os.path.join(top, 'facts.tsv'), encoding='utf-8') as f:
        for line in f:
            field = line.rstrip('\n').split('\t')
            if field[13] == 'agree-independent' and len(field[14]) == 64 and field[12].split('x')[-1] == '1' and int(field[2]) < 600000:
                rows.append((field[0], field[7], field[8], field[9], field[14]))
    done = 0
    for n, (name, syntax, sop_class, sop, wanted) in enumerate(rows[::3]):
        with open(os.path.join(top, name), 'rb') as f:
            part10 = Part10(f.read())
        if syntax in DECODERS or not syntax.startswith('1.2.840.10008.1.2'):
            continue
        try:
            found = parse(part10.data, syntax)
        except Exception:  # noqa: a file that needs a more patient reader
            continue
        if found.get(0x00280100) not in (b'\x08\0', b'\x10\0', b'\0\x10', b'\0\x08'):
            continue
        node.teleread('import', os.path.join(top, name), '--site', 'NORTH', code=None)
        to = list(DECODERS)[n % len(DECODERS)]
        got, _ = node.get('STUDY', [(sop_class, to)], 'NORTH_PACS', StudyInstanceUID=text(found, 0x0020000D))
        for _, uid, _, data in got:
            if uid != sop:
                continue
            one = type('Real', (), {'sop_class': sop_class, 'uid': sop})
            samples = decoded(one, to, data)[PIXELS]
            frames, rows_, columns = (int(x) for x in open_shape(top, name))
            samples = samples[:frames * rows_ * columns * (1 if found[0x00280100] in (b'\x08\0', b'\0\x08') else 2)]
            equal(hashlib.sha256(samples).hexdigest(), wanted, '%s by %s' % (name, to))
            done += 1
    note('%d files' % done)
    check(done >= 8, 'only %d files' % done)


def open_shape(top, name):
    with open(os.path.join(top, 'facts.tsv'), encoding='utf-8') as f:
        for line in f:
            field = line.split('\t')
            if field[0] == name:
                return field[12].split('x')[:3]
    return ()


@case('an instance of hundreds of megabytes is transcoded without memory that grows with it')
def large():
    big = 1 << 30 if os.environ.get('TELEREAD_BIG') else 192 << 20
    side, frames = 1024, big >> 21
    at = os.path.join(lib.folder(), 'large.dcm')
    small = image('large', side=side, extra=[(0x00280008, 'IS', str(frames))], bulk=2)
    head = small.part10()
    head = head[:head.rindex(b'\xe0\x7f\x10\0OW')]
    with open(at, 'wb') as f:
        f.write(head + struct.pack('<HH2sHI', 0x7FE0, 0x10, b'OW', 0, frames << 21))
        f.truncate(f.tell() + (frames << 21))
    node.teleread('import', at, '--site', 'NORTH', timeout=600)
    with lib.Watch(node) as watch:
        answer = web.get(path(small), related(DICOM, RLE))
    equal(answer.status, 200)
    equal(len(items(Part10(answer.parts()[0].body).data)), frames + 1, 'frames')
    note('%d MiB, memory of the node grew by %d KiB' % (frames << 1, watch.grown))
    check(watch.grown < 64 << 10, 'memory of the node grew by %d KiB' % watch.grown)


@case('where frames may lie more than 4 GiB apart, the Extended Offset Table says where')
def extended():
    if not os.environ.get('TELEREAD_BIG'):
        raise lib.Skip('takes minutes: TELEREAD_BIG=1')
    side, frames = 1024, 1930  # of 2 MiB each, once decoded
    run = b'\x81\x00' * (side * side // 128)  # 128 zeros each
    frame = struct.pack('<16I', 2, 64, 64 + len(run), *[0] * 13) + run * 2
    at = os.path.join(lib.folder(), 'extended.dcm')
    small = image('extended', side=side, extra=[(0x00280008, 'IS', str(frames))], syntax=RLE)
    head = small.part10()
    with open(at, 'wb') as f:
        f.write(head[:head.rindex(b'\xe0\x7f\x10\0OB')] + struct.pack('<HH2sHI', 0x7FE0, 0x10, b'OB', 0, UNDEFINED))
        f.write(b'\xfe\xff\x00\xe0\0\0\0\0')
        for _ in range(frames):
            f.write(b'\xfe\xff\x00\xe0' + struct.pack('<I', len(frame)) + frame)
        f.write(b'\xfe\xff\xdd\xe0\0\0\0\0')
    node.teleread('import', at, '--site', 'NORTH', timeout=600)
    data = Part10(web.get(path(small), related(DICOM, JPEG_LS)).parts()[0].body).data
    table, *places = items(data)
    found = parse(data)
    equal((table[1], len(places)), (b'', frames), 'the Basic Offset Table is empty')
    equal(list(struct.unpack('<%dQ' % frames, found[0x7FE00001])), [p - places[0][0] for p, _ in places], 'offsets')
    equal(list(struct.unpack('<%dQ' % frames, found[0x7FE00002])), [len(f) for _, f in places], 'lengths')


lib.main()
