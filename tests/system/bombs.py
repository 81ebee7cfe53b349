"""bombs - pictures that lie, are damaged, or mean harm, each with the word for what is wrong with it. Made from good code streams;
real files are mutated by mutated()."""
import random
import struct
import zlib

from dul import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE
from objects import (CT, HTJ2K, HTJ2K_LOSSLESS, J2K, J2K_LOSSLESS, JPEG_BASELINE, JPEG_LS, JPEG_SV1, RLE, SECONDARY, Instance,
                     encode, image, uid)

PIXELS = 0x7FE00010
SIDE = 48


def even(data):
    return data + b'\0' * (len(data) % 2)


def made(word, pixels, syntax=EXPLICIT_LE, changes=(), frames=None, sop_class=CT):
    """A CT of SIDE by SIDE with this pixel data element (vr, value); changes: (tag, vr, value), value None: left out."""
    base = [e for e in image('bomb ' + word, key=word, side=SIDE, sop_class=sop_class).elements if e[0] != PIXELS]
    if frames is not None:
        changes = [*changes, (0x00280008, 'IS', str(frames))]
    gone = {c[0] for c in changes}
    elements = [e for e in base if e[0] not in gone] + [c for c in changes if c[2] is not None]
    return Instance(sop_class, elements + ([(PIXELS, *pixels)] if pixels else []), syntax)


# ---- heads of code streams that say what is not so

def j2k(w, h, tw=None, th=None, components=1, bits=16, layers=1, levels=1, high=False, origin=(0, 0), steps=(1, 1)):
    siz = struct.pack('>HIIIIIIIIH', 0x4000 if high else 0, w, h, *origin, tw or w, th or h, *origin, components)
    siz += bytes([bits - 1, *steps]) * components
    cap = b'\xff\x50' + struct.pack('>HIH', 8, 1 << 17, 0) if high else b''
    cod = struct.pack('>BBHBBBBBB', 0, 2 if high else 0, layers, 0, levels, 4, 4, 0x40 if high else 0, 1)
    qcd = b'\x40' + b'\x40' * (1 + 3 * min(levels, 32))
    return even(b'\xff\x4f\xff\x51' + struct.pack('>H', len(siz) + 2) + siz + cap + b'\xff\x52' + struct.pack('>H', len(cod) + 2) + cod +
                b'\xff\x5c' + struct.pack('>H', len(qcd) + 2) + qcd + b'\xff\x90' + struct.pack('>HHIBB', 10, 0, 0, 0, 1) +
                b'\xff\x93' + bytes(64) + b'\xff\xd9')


def jpeg(w, h, components=1, kind=0xC0, bits=8, factors=0x11):
    out = b'\xff\xd8\xff\xdb\0\x43\0' + b'\x10' * 64 + bytes([0xff, kind]) + struct.pack('>HBHHB', 8 + 3 * components, bits, h, w, components)
    out += b''.join(bytes([i + 1, factors, 0]) for i in range(components)) + b'\xff\xda' + struct.pack('>HB', 6 + 2 * components, components)
    return even(out + b''.join(bytes([i + 1, 0]) for i in range(components)) + b'\x01\0\0' + b'\x55' * 60 + b'\xff\xd9')


def jpegls(w, h, components=1, bits=16, near=0, interleave=0, preset=None):
    out = b'\xff\xd8' + (b'\xff\xf8' + struct.pack('>HBHHHHH', 13, 1, *preset) if preset else b'')
    out += b'\xff\xf7' + struct.pack('>HBHHB', 8 + 3 * components, bits, h, w, components)
    out += b''.join(bytes([i + 1, 0x11, 0]) for i in range(components)) + b'\xff\xda' + struct.pack('>HB', 6 + 2 * components, components)
    return even(out + b''.join(bytes([i + 1, 0]) for i in range(components)) + bytes([near, interleave, 0]) + b'\x55' * 60 + b'\xff\xd9')


def declared(w, h):
    return [(0x00280010, 'US', h), (0x00280011, 'US', w)]


def heads():
    for name, syntax, high in (('J2K', J2K_LOSSLESS, False), ('HTJ2K', HTJ2K_LOSSLESS, True)):
        def one(word, *sizes, say=(), **rest):
            return made('%s %s' % (name, word), ('encapsulated', [b'', j2k(*sizes, high=high, **rest)]), syntax, say)
        yield one('of 4 Gi by 4 Gi', 0xffffffff, 0xffffffff)
        yield one('of 60,000 by 60,000, and so says the data set', 60000, 60000, say=declared(60000, 60000))
        yield one('in tiles of 1 by 1', SIDE, SIDE, 1, 1)
        yield one('in tiles of 1 by 1, 60,000 by 60,000', 60000, 60000, 1, 1, say=declared(60000, 60000))
        yield one('in tiles of 1 by 1, 8,000 by 8,000', 8000, 8000, 1, 1, say=declared(8000, 8000))
        yield one('of 16,384 components', SIDE, SIDE, components=16384)
        yield one('of 65,535 layers', SIDE, SIDE, layers=65535)
        yield one('of 255 levels', SIDE, SIDE, levels=255)
        yield one('of 32 levels and 65,535 layers', SIDE, SIDE, levels=32, layers=65535)
        yield one('of 38 bits', SIDE, SIDE, bits=38)
        yield one('of 0 by 0', 0, 0)
        yield one('with its origin behind its end', SIDE, SIDE, origin=(99, 99))
        yield one('with steps of 0', SIDE, SIDE, steps=(0, 0))
        yield one('with steps of 255', SIDE, SIDE, steps=(255, 255))
        yield one('that is empty but right', SIDE, SIDE)
    for word, stream in (('65,500 by 65,500', jpeg(65500, 65500)), ('0 by 0', jpeg(0, 0)), ('255 components', jpeg(SIDE, SIDE, 255)),
                         ('factors of 15', jpeg(SIDE, SIDE, 3, factors=0xff)), ('factors of 0', jpeg(SIDE, SIDE, 3, factors=0)),
                         ('no tables', jpeg(SIDE, SIDE)), ('progressive', jpeg(SIDE, SIDE, kind=0xC2)), ('12 bits', jpeg(SIDE, SIDE, bits=12)),
                         ('arithmetic', jpeg(SIDE, SIDE, kind=0xC9)), ('lossless', jpeg(SIDE, SIDE, kind=0xC3, bits=16))):
        for syntax in (JPEG_BASELINE, JPEG_SV1):
            yield made('JPEG in %s: %s' % (syntax, word), ('encapsulated', [b'', stream]), syntax,
                       declared(65500, 65500) if '65' in word else ())
    for word, stream in (('65,500 by 65,500', jpegls(65500, 65500)), ('0 by 0', jpegls(0, 0)), ('255 components', jpegls(SIDE, SIDE, 255)),
                         ('1 bit', jpegls(SIDE, SIDE, bits=1)), ('near 255', jpegls(SIDE, SIDE, near=255)),
                         ('interleave 9', jpegls(SIDE, SIDE, interleave=9)), ('presets', jpegls(SIDE, SIDE, preset=(65535, 65535, 1, 0, 65535))),
                         ('reset 0', jpegls(SIDE, SIDE, preset=(0, 0, 0, 0, 0)))):
        yield made('JPEG-LS: ' + word, ('encapsulated', [b'', stream]), JPEG_LS, declared(65500, 65500) if '65' in word else ())
    for word, head in (('offsets past the end', [15] + [0xfffffff0] * 15), ('no segments', [0] * 16), ('too many', [0xffffffff] * 16),
                       ('backwards', [2, 900, 64] + [0] * 13), ('the same', [2, 64, 64] + [0] * 13)):
        yield made('RLE: ' + word, ('encapsulated', [b'', struct.pack('<16I', *head) + b'\x81\0' * 600]), RLE)
    yield made('RLE: 65,535 by 65,535', ('encapsulated', [b'', struct.pack('<16I', 2, 64, 80, *[0] * 13) + b'\x81\0' * 60]), RLE,
               declared(65535, 65535))


# ---- data sets that lie of native pixels

def shapes():
    native = ('OW', bytes(range(256)) * (SIDE * SIDE * 2 // 256))
    for word, changes in {
            '0 rows': declared(SIDE, 0), '0 columns': declared(0, SIDE), '65,535 by 65,535': declared(65535, 65535),
            '60,000 by 60,000': declared(60000, 60000), 'no rows': [(0x00280010, 'US', None)],
            '65,535 samples': [(0x00280002, 'US', 65535)], '0 samples': [(0x00280002, 'US', 0)], '2 samples': [(0x00280002, 'US', 2)],
            '3 samples': [(0x00280002, 'US', 3), (0x00280004, 'CS', 'RGB'), (0x00280006, 'US', 7)],
            '0 bits': [(0x00280100, 'US', 0)], '0 bits stored': [(0x00280101, 'US', 0), (0x00280102, 'US', 65535)],
            '7 bits': [(0x00280100, 'US', 7)], '13 bits': [(0x00280100, 'US', 13)], '65,535 bits': [(0x00280100, 'US', 65535)],
            '64 bits': [(0x00280100, 'US', 64), (0x00280101, 'US', 64), (0x00280102, 'US', 63)],
            'high bit 99': [(0x00280102, 'US', 99)], '16 of 8 bits': [(0x00280100, 'US', 8), (0x00280101, 'US', 16)],
            'pixels of sign 9': [(0x00280103, 'US', 9)],
            'odd photometric': [(0x00280004, 'CS', b'\xff\xfe\r\nX: y')], 'photometric of nothing': [(0x00280004, 'CS', '')],
            'photometric "': [(0x00280004, 'CS', '"><SCRIPT>\\"')], 'a long photometric': [(0x00280004, 'CS', 'X' * 5000)],
            'YBR_FULL_422 of one sample': [(0x00280004, 'CS', 'YBR_FULL_422')],
            'no window': [(0x00281050, 'DS', 'nan'), (0x00281051, 'DS', 'inf')], 'window 0': [(0x00281050, 'DS', '0'), (0x00281051, 'DS', '0')],
            'window 1e308': [(0x00281050, 'DS', '-1e308'), (0x00281051, 'DS', '1e308')], 'slope 0': [(0x00281052, 'DS', '0'), (0x00281053, 'DS', '0')],
            'slope 1e300': [(0x00281052, 'DS', '1e300'), (0x00281053, 'DS', '-1e300')],
            'padding': [(0x00280120, 'US', 65535), (0x00280121, 'US', 0)]}.items():
        yield made('native: ' + word, native, changes=changes)
        yield made('native, big endian: ' + word, native, EXPLICIT_BE, changes=changes)
    for n, word in ((0, 'nothing'), (2, 'one sample'), (SIDE * SIDE, 'half a frame'), (SIDE * SIDE * 2 - 2, 'a sample less')):
        yield made('native: %s of a frame' % word, ('OW', native[1][:n]))
        yield made('native, big endian: %s of a frame' % word, ('OW', native[1][:n]), EXPLICIT_BE)
        yield made('native, deflated: %s of a frame' % word, ('OW', native[1][:n]), DEFLATED_LE)
    for said in ('0', '-1', '2147483647', '99999999999999999999', '3', 'x', ''):
        yield made('native: %r frames' % said, native, frames=said)
    yield made('no pixels', None)
    yield made('pixels in fragments, but native', ('encapsulated', [b'', bytes(900)]), EXPLICIT_LE)
    yield made('pixels in J2K, but not in fragments', native, J2K_LOSSLESS)


def looks():
    native = ('OW', bytes(range(256)) * (SIDE * SIDE * 2 // 256))
    small = [(0x00280100, 'US', 8), (0x00280101, 'US', 8), (0x00280102, 'US', 7)]
    for word, d, data in (('of 0 entries of 16 bits', [0, 0, 16], bytes(64)), ('of 65,535 that are not there', [65535, 0, 16], bytes(6)),
                          ('from 65,535 on', [256, 65535, 16], bytes(512)), ('of 3 bits', [256, 0, 3], bytes(512)),
                          ('of 255 bits', [256, 0, 255], bytes(512)), ('of two numbers', [256, 0], bytes(512)), ('of nothing', [], b'')):
        yield made('palette ' + word, ('OB', bytes(SIDE * SIDE)), changes=small + [(0x00280004, 'CS', 'PALETTE COLOR')] + [
            (0x00281100 + i, 'US', d) for i in (1, 2, 3)] + [(0x00281200 + i, 'OW', data) for i in (1, 2, 3)])
        yield made('segments ' + word, ('OB', bytes(SIDE * SIDE)), changes=small + [(0x00280004, 'CS', 'PALETTE COLOR')] + [
            (0x00281100 + i, 'US', d) for i in (1, 2, 3)] + [(0x00281220 + i, 'OW', b'\2\0\xff\xff\0\0' + data) for i in (1, 2, 3)])
        for tag in (0x00283000, 0x00283010):
            yield made('table %08X %s' % (tag, word), native, changes=[(tag, 'SQ', [[(0x00283002, 'US', d), (0x00283006, 'OW', data)]])])
    yield made('a palette without one', ('OB', bytes(SIDE * SIDE)), changes=small + [(0x00280004, 'CS', 'PALETTE COLOR')])
    for word, rows, columns, origin, data in (('outside', 16, 16, [30000, 30000], bytes(32)), ('before', 16, 16, [-32768, -32768], b'\xff' * 32),
                                              ('huge', 65535, 65535, [1, 1], bytes(32)), ('of nothing', 0, 0, [1, 1], b''),
                                              ('short', SIDE, SIDE, [1, 1], b'\xff\xff')):
        yield made('overlay ' + word, native, changes=[(0x60000010, 'US', rows), (0x60000011, 'US', columns), (0x60000040, 'CS', 'G'),
                   (0x60000050, 'SS', origin), (0x60000100, 'US', 1), (0x60000102, 'US', 0), (0x60003000, 'OW', data)])
    yield made('overlay in bit 99', native, changes=[(0x60000010, 'US', SIDE), (0x60000011, 'US', SIDE), (0x60000040, 'CS', 'G'),
               (0x60000050, 'SS', [1, 1]), (0x60000100, 'US', 16), (0x60000102, 'US', 99)])
    noise = random.Random(7)
    for word, icc in (('of nothing', b''), ('of noise', noise.randbytes(4000)), ('that says it is long', struct.pack('>I', 1 << 31) + bytes(200)),
                      ('of many tags', struct.pack('>I', 400) + bytes(32) + b'acsp' + bytes(88) + struct.pack('>I', 0xffffffff) + bytes(268))):
        yield made('profile ' + word, ('OB', bytes(SIDE * SIDE * 3)), sop_class=SECONDARY, changes=small + [
            (0x00280002, 'US', 3), (0x00280004, 'CS', 'RGB'), (0x00280006, 'US', 0), (0x00282000, 'OB', icc)])


def deflated():
    plain = made('deflated', ('OW', bytes(SIDE * SIDE * 2)))
    for word, size in (('64 MiB behind the pixels', 64 << 20), ('300 MiB behind the pixels', 300 << 20)):
        elements = [(t, v, x if t != 0x00080018 else uid(word)) for t, v, x in plain.elements]
        squeeze = zlib.compressobj(9, wbits=-15)
        out = [squeeze.compress(encode(elements) + struct.pack('<HH2sHI', 0xFFFC, 0xFFFC, b'OB', 0, size))]
        out += [squeeze.compress(bytes(1 << 20)) for _ in range(size >> 20)]
        one = Instance(CT, elements, DEFLATED_LE)
        one.data = even(b''.join(out) + squeeze.flush())
        yield 'deflate: ' + word, one
    for word, cut in (('cut', 0.5), ('cut at once', 0.02)):
        elements = [(t, v, x if t != 0x00080018 else uid(word)) for t, v, x in plain.elements]
        one = Instance(CT, elements, DEFLATED_LE)
        one.data = even(one.data[:int(len(one.data) * cut)])
        yield 'deflate: ' + word, one


def named():
    """(what, instance) of all that has a name."""
    for one in (*heads(), *shapes(), *looks()):
        word = next(v for t, _, v in one.elements if t == 0x00081030)
        yield word.replace('Study bomb ', ''), one
    yield from deflated()


# ---- mutations

def pixel_part(data):
    """Where the pixel data's value begins, in any of the little endian syntaxes that are not deflated; or None."""
    at = data.rfind(b'\xe0\x7f\x10\x00')
    return at + 12 if at >= 0 else None


def mutated(one, noise, number):
    """The same instance under another UID, with its pixel data, or what is said of it, damaged; and how."""
    tail = ('%d' % (10 ** 12 + number))[-min(10, len(one.uid) - 6):]
    new = one.uid[:-len(tail)] + tail
    data = bytearray(one.data.replace(one.uid.encode(), new.encode()))
    at = pixel_part(data) or len(data) // 2
    way = noise.randrange(7)
    if way == 0:
        del data[noise.randrange(at, len(data) + 1) // 2 * 2:]
    elif way == 1:  # the head of the first code stream
        for _ in range(noise.choice((1, 2, 8))):
            data[min(len(data) - 1, at + noise.randrange(160))] = noise.choice((0, 1, 0x7f, 0x80, 0xff, noise.randrange(256)))
    elif way == 2:  # anywhere in the pixels
        for _ in range(noise.choice((1, 20, 400))):
            if at < len(data):
                data[noise.randrange(at, len(data))] = noise.randrange(256)
    elif way == 3:  # Image Pixel
        first, last = data.find(b'\x28\0\x02\0'), data.find(b'\x28\0\x03\x01')
        if 0 <= first < last:
            for _ in range(noise.choice((1, 2))):
                data[noise.randrange(first + 8, last + 10)] = noise.choice((0, 1, 7, 0xff, noise.randrange(256)))
    elif way == 4:  # a piece again, or left out
        if at + 64 < len(data):
            begin = noise.randrange(at, len(data) - 32) // 2 * 2
            size = min(len(data) - begin, 2 * noise.randrange(1, 4000))
            data[begin:begin + size] = b'' if noise.randrange(2) else bytes(data[begin:begin + size]) * 2
    elif way == 5:  # markers of a code stream, wherever they are
        marks = [m for m in (b'\xff\x51', b'\xff\x52', b'\xff\x5c', b'\xff\x90', b'\xff\xc3', b'\xff\xc0', b'\xff\xc4', b'\xff\xda', b'\xff\xf7')
                 if data.find(m, at) >= 0]
        if marks:
            begin = data.find(noise.choice(marks), at) + 2
            for _ in range(noise.choice((1, 2, 4))):
                data[min(len(data) - 1, begin + noise.randrange(24))] = noise.choice((0, 1, 0x7f, 0x80, 0xff, noise.randrange(256)))
    else:  # tables, lengths of items
        for _ in range(3):
            if at + 16 < len(data):
                data[at + noise.randrange(16)] = noise.choice((0, 2, 0xfe, 0xff))
    out = Instance.__new__(Instance)
    out.sop_class, out.syntax, out.elements = one.sop_class, one.syntax, None
    out.uid, out.study, out.series = (u.replace(one.uid, new) for u in (one.uid, one.study, one.series))
    out.data = bytes(data[:len(data) // 2 * 2])
    return 'way %d' % way, out


def of_part10(part10):
    """An instance of a file read."""
    from objects import parse, text
    found = parse(part10.data, part10.syntax, {0x00080016, 0x00080018, 0x0020000D, 0x0020000E})
    out = Instance.__new__(Instance)
    out.sop_class, out.uid, out.study, out.series = (text(found, t) for t in (0x00080016, 0x00080018, 0x0020000D, 0x0020000E))
    out.syntax, out.data, out.elements = part10.syntax, part10.data, None
    return out


SYNTAXES = {JPEG_LS: 'image/jls', JPEG_SV1: 'image/jpeg', J2K_LOSSLESS: 'image/jp2', HTJ2K_LOSSLESS: 'image/jphc', RLE: 'image/dicom-rle'}
LOSSY = (J2K, HTJ2K, JPEG_BASELINE)
