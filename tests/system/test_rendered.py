#!/usr/bin/env python3
"""Pictures over HTTP: rendered and thumbnail, compared with DCMTK's dcm2pnm, and what is refused."""
import http.client
import os
import shutil
import struct
import sys
import zlib

sys.dont_write_bytecode = True
import lib  # noqa: E402
import objects  # noqa: E402
from dul import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE  # noqa: E402
from lib import case, check, equal, note, tool  # noqa: E402
from objects import JPEG_BASELINE, RLE, SECONDARY, Instance, image, uid  # noqa: E402

lib.need_program()
NODE = lib.Node()
NODE.start('--accept-unknown', 'NORTH')
SIDE = 16
JPEG_XL = '1.2.840.10008.1.2.4.110'  # kept, and given as it came: there is no decoder


# ---- asking

class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.type = (self.headers['Content-Type'] or '').split(';')[0]

    def parts(self):
        """[(type, location, body)]; lengths must hold."""
        boundary = self.headers['Content-Type'].split('boundary=')[1].encode()
        check(self.body.endswith(b'--' + boundary + b'--\r\n'), 'the last boundary')
        out, rest = [], self.body
        while rest != b'--' + boundary + b'--\r\n':
            check(rest.startswith(b'--' + boundary + b'\r\n'), 'a boundary at %r' % rest[:60])
            head, rest = rest[len(boundary) + 4:].split(b'\r\n\r\n', 1)
            fields = dict(line.split(': ', 1) for line in head.decode().split('\r\n'))
            n = int(fields['Content-Length'])
            out.append((fields['Content-Type'], fields['Content-Location'], rest[:n]))
            equal(rest[n:n + 2], b'\r\n', 'behind a part')
            rest = rest[n + 2:]
        return out


def get(path, accept='*/*', method='GET', **headers):
    connection = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=60 * lib.SLOW)
    connection.request(method, path, headers=dict({'Accept': accept} if accept else {},
                                                  **{k.replace('_', '-'): v for k, v in headers.items()}))
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def where(i, level='instances'):
    path = '/dicom-web/studies/' + i.study
    if level != 'studies':
        path += '/series/' + i.series
    return path + '/instances/' + i.uid if level == 'instances' else path


def refused(path, status, *words, **rest):
    answer = get(path, **rest)
    equal(answer.status, status, path)
    for word in words:
        check(word in answer.body.decode(), '%r not in %r' % (word, answer.body))


# ---- pictures

def read_png(data):
    """(width, height, samples, bytes)"""
    equal(data[:8], b'\x89PNG\r\n\x1a\n', 'signature')
    at, packed = 8, b''
    while at < len(data):
        n, kind = struct.unpack('>I4s', data[at:at + 8])
        equal(zlib.crc32(data[at + 4:at + 8 + n]), struct.unpack('>I', data[at + 8 + n:at + 12 + n])[0], 'CRC')
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', data[at + 8:at + 18])
        elif kind == b'IDAT':
            packed += data[at + 8:at + 8 + n]
        at += 12 + n
    equal(depth, 8, 'depth')
    samples = {0: 1, 2: 3}[colour]
    raw, stride, out = zlib.decompress(packed), width * samples, bytearray()
    before = bytearray(stride)
    for y in range(height):
        at = y * (stride + 1)
        row = unfilter(raw[at], bytearray(raw[at + 1:at + 1 + stride]), before, samples)
        out += row
        before = row
    return width, height, samples, bytes(out)


def unfilter(kind, row, before, samples):
    for i in range(len(row) if kind else 0):
        left, up = row[i - samples] if i >= samples else 0, before[i]
        corner = before[i - samples] if i >= samples else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            p = left + up - corner
            a, b, c = abs(p - left), abs(p - up), abs(p - corner)
            guess = left if a <= b and a <= c else up if b <= c else corner
        row[i] = (row[i] + guess) & 255
    return row


def jpeg_size(data):
    """(width, height, components)"""
    equal(data[:2], b'\xff\xd8', 'beginning')
    equal(data[-2:], b'\xff\xd9', 'end')
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack('>H', data[at + 2:at + 4])[0]
    height, width, components = struct.unpack('>HHB', data[at + 5:at + 10])
    return width, height, components


def read_pnm(path):
    with open(path, 'rb') as f:
        data = f.read()
    words, at = [], 0
    while len(words) < 4:
        end = data.index(b'\n', at)
        line, at = data[at:end], end + 1
        if not line.startswith(b'#'):
            words += line.split()
    return int(words[1]), int(words[2]), {b'P5': 1, b'P6': 3}[words[0]], data[at:]


def grey(i, accept='image/png', more=''):
    answer = get(where(i) + '/rendered' + more, accept)
    equal(answer.status, 200, answer.body[:200])
    return read_png(answer.body)


# ---- objects

def photo(word, number=1, frames=1, photometric='MONOCHROME2', samples=1, body=None, bits=8, syntax=EXPLICIT_LE,
          rows=SIDE, columns=SIDE, extra=(), modality='OT', series=1):
    """A secondary capture of these samples."""
    if body is None:
        body = b''.join(bytes((x * 16 + f * 40) % 256 for y in range(rows) for x in range(columns * samples))
                        for f in range(frames))
    fields = [(0x00280002, 'US', samples), (0x00280004, 'CS', photometric), (0x00280010, 'US', rows),
              (0x00280011, 'US', columns), (0x00280100, 'US', bits), (0x00280101, 'US', bits),
              (0x00280102, 'US', bits - 1), (0x00280103, 'US', 0)] + list(extra)
    if samples > 1:
        fields.append((0x00280006, 'US', 0))
    base = image(word, number, series=series, sop_class=SECONDARY, frames=frames, modality=modality, extra=fields)
    elements = [e for e in base.elements if e[0] != 0x7FE00010]
    if syntax in objects.NATIVE:
        elements.append((0x7FE00010, 'OB' if bits <= 8 else 'OW', body))
    else:
        elements.append((0x7FE00010, 'encapsulated', [b''] + body))
    return Instance(SECONDARY, elements, syntax)


FRAMES = photo('frames', frames=5)
SINGLE = photo('single', extra=[(0x00281050, 'DS', '128'), (0x00281051, 'DS', '256')])
COLOUR = photo('colour', photometric='RGB', samples=3)
WIDE = photo('wide', rows=20, columns=40, extra=[(0x00281050, 'DS', '128'), (0x00281051, 'DS', '256')])
TEXT = '1.2.840.10008.5.1.4.1.1.88.11'
REPORT = Instance(TEXT, [e for e in image('study', 1, series=1, modality='SR', sop_class=TEXT).elements
                         if e[0] >> 16 not in (0x28, 0x7FE0)])
STUDY = [photo('study', n, series=2, body=bytes([n * 20]) * SIDE * SIDE, extra=[
    (0x00281050, 'DS', '128'), (0x00281051, 'DS', '256')]) for n in (1, 2, 3, 4, 5)] + [photo('study', 1, series=3)]
PACKED = image('packed', 1, syntax=JPEG_XL)
MIXED = [photo('mixed', 1), image('mixed', 2, syntax=JPEG_XL)]
SMALL_LAST = [photo('endian', frames=3, syntax=s, bits=16, body=b''.join(
    struct.pack('<H', f * 1000 + i * 3) for f in range(3) for i in range(SIDE * SIDE)), extra=[
        (0x00080018, 'UI', uid('endian', s)), (0x00281050, 'DS', '1500'), (0x00281051, 'DS', '3000')])
              for s in (EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE)]
ALL = [FRAMES, SINGLE, COLOUR, WIDE, REPORT, PACKED] + STUDY + MIXED + SMALL_LAST
equal(dict(zip((i.uid for i in ALL), NODE.store(ALL))), {i.uid: 0 for i in ALL}, 'statuses of C-STORE')


# ---- one picture

@case('a single image is a JPEG, or a PNG where that is asked for')
def _():
    for accept in ('*/*', 'image/jpeg', 'image/*', '', 'image/png;q=0.1, image/jpeg'):
        answer = get(where(SINGLE) + '/rendered', accept)
        equal((answer.status, answer.type), (200, 'image/jpeg'), accept)
        equal(jpeg_size(answer.body), (SIDE, SIDE, 1))
    equal(jpeg_size(get(where(COLOUR) + '/rendered').body), (SIDE, SIDE, 3))
    answer = get(where(SINGLE) + '/rendered', 'image/png')
    equal((answer.status, answer.type), (200, 'image/png'))
    equal(read_png(answer.body), (SIDE, SIDE, 1, bytes(x * 16 for x in range(SIDE)) * SIDE))
    equal(get(where(SINGLE) + '/rendered?accept=image/png', '*/*').type, 'image/png')


@case('the same in parts for who wants parts')
def _():
    answer = get(where(SINGLE) + '/rendered', 'multipart/related; type="image/png"')
    equal((answer.status, answer.type), (200, 'multipart/related'))
    [(kind, location, body)] = answer.parts()
    equal((kind, location), ('image/png', where(SINGLE) + '/frames/1/rendered'))
    equal(body, get(location, 'image/png').body)


@case('what is not there, not an image, or not decodable is said so')
def _():
    refused(where(SINGLE)[:-1] + '/rendered', 404)
    refused('/dicom-web/studies/1.2.3/rendered', 404, 'no such study')
    refused(where(SINGLE, 'studies') + '/series/1.2.3/rendered', 404, 'no such series')
    refused(where(REPORT) + '/rendered', 406, 'no pixels')
    refused(where(REPORT, 'series') + '/rendered', 406)
    refused(where(REPORT) + '/thumbnail', 406, 'no pixels')
    refused(where(REPORT, 'series') + '/thumbnail', 406)
    refused(where(PACKED) + '/rendered', 406, 'JPEG XL')
    refused(where(PACKED) + '/frames/1/rendered', 406, 'JPEG XL')
    refused(where(PACKED) + '/thumbnail', 406, 'JPEG XL')
    for accept in ('image/gif', 'video/mp4', 'application/pdf', 'text/html', 'multipart/related; type="image/gif"',
                   'image/jpeg;q=0, image/png;q=0'):
        refused(where(SINGLE) + '/rendered', 406, 'image/jpeg', 'image/png', accept=accept)
    refused(where(SINGLE) + '/rendered', 400, accept='image/jpeg, application/dicom')


@case('parameters that cannot be are 400, with what was expected')
def _():
    path = where(SINGLE) + '/rendered?'
    for parameter, word in (
            ('quality=0', '1 to 100'), ('quality=101', '1 to 100'), ('quality=', '1 to 100'), ('quality=x', '1 to 100'),
            ('quality=-5', '1 to 100'), ('quality=99999999999999999999', '1 to 100'), ('window=1', 'center,width'),
            ('window=1,0,linear', 'width above 0'), ('window=1,-4,linear', 'width above 0'), ('window=a,b,linear', 'numbers'),
            ('window=1,nan,linear', 'numbers'), ('window=1e999,5,linear', 'numbers'), ('window=1,2,3,4', 'center,width'),
            ('window=1,5,cubic', 'linear, linear-exact or sigmoid'), ('window=1,0.5,linear', 'at least 1'),
            ('viewport=5', 'vw,vh'), ('viewport=0,5', 'vw'), ('viewport=5,-5', 'vw'), ('viewport=99999,5', '8192'),
            ('viewport=8192,8192', 'larger than the image'), ('viewport=5,5,a,,,', 'sx'), ('viewport=5,5,1', 'vw,vh'), ('viewport=5,5,0,0,5', 'vw,vh'), ('viewport=5,5,0,0,0,5', 'not 0'), ('viewport=5,5,0,0,5,5,5', 'vw,vh'),
            ('viewport=5,5,10,10,10,10', '16 x 16'), ('viewport=5,5,4000000000,0,4000000000,1', 'not in an image'),
            ('annotation=everything', 'patient'), ('iccprofile=mine', 'srgb'), ('overlays=some', 'yes or no')):
        refused(path + parameter, 400, word)
    refused(where(SINGLE) + '/thumbnail?viewport=5,5,0,0,5,5', 400, 'vw,vh')
    equal(get(path + 'unknown=1&charset=utf-8').status, 200)  # unknown ones are passed over (PS3.18 8.3)


@case('what is understood and not done is a warning')
def _():
    plain = get(where(SINGLE) + '/rendered')
    equal(plain.headers['Warning'], None)
    answer = get(where(SINGLE) + '/rendered?annotation=patient,technique')
    equal((answer.status, answer.body), (200, plain.body))
    check(answer.headers['Warning'].startswith('299 '), answer.headers['Warning'])
    equal(get(where(SINGLE) + '/rendered?iccprofile=no').headers['Warning'], None)
    answer = get(where(SINGLE) + '/rendered?windw=1,2&viewport=16,16&also=&charset=utf-8')
    equal((answer.status, answer.headers['Warning']), (200, '299 teleread "ignored, for they are not known here: windw, also"'))
    colour = get(where(COLOUR) + '/rendered')
    equal(colour.headers['Warning'], None)
    answer = get(where(COLOUR) + '/rendered?window=40,400,linear')
    equal((answer.status, answer.body), (200, colour.body))
    check('window' in answer.headers['Warning'], answer.headers['Warning'])


@case('window, viewport and quality do what they say')
def _():
    equal(grey(SINGLE, more='?window=96,2,linear')[3][:SIDE], bytes([0] * 6 + [255] * 10))
    equal(grey(SINGLE, more='?window=128,256')[3], grey(SINGLE)[3])
    exact = grey(SINGLE, more='?window=100,100,linear-exact')[3][:SIDE]
    equal([abs(v - min(max((x * 16 - 50) / 100 * 255, 0), 255)) <= 1 for x, v in enumerate(exact)], [True] * SIDE)
    equal(grey(WIDE, more='?viewport=20,20')[:2], (20, 10))
    equal(grey(WIDE, more='?viewport=200,60')[:2], (120, 60))
    cut = grey(WIDE, more='?viewport=4,2,2,3,4,2')
    equal(cut, (4, 2, 1, bytes([32, 48, 64, 80] * 2)))
    equal(grey(WIDE, more='?viewport=4,2,2,3,-4,2')[3], bytes([80, 64, 48, 32] * 2))
    equal(grey(WIDE, more='?viewport=40,20,,,,')[:2], (40, 20))
    good, bad = (get(where(COLOUR) + '/rendered?quality=%d' % q).body for q in (100, 1))
    check(len(bad) < len(good), 'quality changes nothing')


@case('what was answered once has a tag, and HEAD has no body')
def _():
    path = where(SINGLE) + '/rendered'
    answer = get(path)
    tag = answer.headers['ETag']
    check('private' in answer.headers['Cache-Control'], answer.headers['Cache-Control'])
    equal((get(path, If_None_Match=tag).status, get(path, If_None_Match=tag).body), (304, b''))
    equal(get(path + '?quality=50', If_None_Match=tag).status, 200)
    equal(get(path, 'image/png', If_None_Match=tag).status, 200)
    equal(get(path, 'multipart/related; type="image/jpeg"', If_None_Match=tag).status, 200)
    head = get(path, method='HEAD')
    equal((head.status, head.body, head.headers['Content-Length']), (200, b'', str(len(answer.body))))


@case('WebP and colour profiles go out where they are asked for')
def _():
    answer = get(where(COLOUR) + '/rendered', 'image/webp')
    equal((answer.status, answer.type, answer.body[:4], answer.body[8:12]), (200, 'image/webp', b'RIFF', b'WEBP'))
    equal(get(where(SINGLE) + '/rendered?accept=image/webp', '*/*').type, 'image/webp')
    for profile, name in (('yes', b'sRGB'), ('srgb', b'sRGB'), ('adobergb', b'Adobe RGB'), ('rommrgb', b'ROMM RGB'),
                          ('displayp3', b'Display P3')):
        for accept, mark in (('image/jpeg', b'ICC_PROFILE'), ('image/png', b'iCCP'), ('image/webp', b'ICCP')):
            for i in (COLOUR, SINGLE):
                answer = get(where(i) + '/rendered?iccprofile=' + profile, accept)
                equal((answer.status, answer.headers['Warning']), (200, None))
                check(mark in answer.body, '%s has no profile of %s' % (accept, profile))
                if accept == 'image/jpeg':  # the name of the profile in it, in UTF-16
                    check(name.decode().encode('utf-16-be') in answer.body, '%s is not named' % name)
    check(b'ICC' not in get(where(COLOUR) + '/rendered?iccprofile=no').body, 'a profile nobody asked for')


# ---- presentation states

SOFTCOPY = '1.2.840.10008.5.1.4.1.1.11.1'


def state(number, images, *extra, window=('128', '256')):
    """A presentation state about images: [(instance, frames or None)], all of one series."""
    refs = [[(0x00081150, 'UI', SECONDARY), (0x00081155, 'UI', i.uid)] + ([(0x00081160, 'IS', frames)] if frames else [])
            for i, frames in images]
    base = image('states', number, series=9, sop_class=SOFTCOPY, modality='PR', extra=[
        (0x00081115, 'SQ', [[(0x00081140, 'SQ', refs), (0x0020000E, 'UI', images[0][0].series)]]),
        (0x00283110, 'SQ', [[(0x00281050, 'DS', window[0]), (0x00281051, 'DS', window[1])]])] + list(extra))
    kept = [e for e in base.elements if e[0] >> 16 != 0x28 and e[0] != 0x7FE00010] + [e for e in base.elements if e[0] == 0x00283110]
    return Instance(SOFTCOPY, kept)


@case('a presentation state is its images, shown as it says')
def _():
    one, three, lost = photo('states', 1), photo('states', 2, frames=3), photo('states', 3)
    turned = state(10, [(one, None)], (0x00700042, 'US', 180), (0x00700041, 'CS', 'N'), (0x20500020, 'CS', 'INVERSE'))
    some = state(11, [(three, '3\\1'), (one, None), (lost, None)], window=('64', '128'))
    none = state(12, [(lost, None)])
    noted = state(13, [(one, None)], (0x00700001, 'SQ', [[(0x00700002, 'CS', 'LAYER')]]))
    equal(set(NODE.store([one, three, turned, some, none, noted])), {0})
    plain = grey(one, more='?window=128,256')
    got = grey(turned)
    equal(got[:3], plain[:3])
    equal(got[3], bytes(255 - v for v in reversed(plain[3])))
    equal(get(where(turned) + '/rendered').type, 'image/jpeg')
    equal(grey(turned, more='?viewport=4,2,0,0,4,2')[3][:4], got[3][:4])  # of the picture as it is shown
    answer = get(where(some) + '/rendered', 'multipart/related; type="image/png"')
    equal(answer.status, 206)
    check('1 of 3 images' in answer.headers['Warning'], answer.headers['Warning'])
    equal([location.split('/')[-4:-1] for _, location, _ in answer.parts()],
          [[three.uid, 'frames', '3'], [three.uid, 'frames', '1'], [one.uid, 'frames', '1']])
    equal(read_png(answer.parts()[2][2])[3], grey(one, more='?window=64,128')[3])
    refused(where(none) + '/rendered', 406, 'no image of the presentation state')
    refused(where(turned) + '/frames/1/rendered', 406)
    check('annotations' in get(where(noted) + '/rendered').headers['Warning'], 'no word about annotations')
    tag = get(where(turned) + '/rendered').headers['ETag']
    equal(get(where(turned) + '/rendered', If_None_Match=tag).status, 304)

    uri = '/wado?requestType=WADO&studyUID=%s&seriesUID=%s&objectUID=%s&contentType=image/png' % (one.study, one.series, one.uid)
    named = '&presentationSeriesUID=%s&presentationUID=%s'
    equal(read_png(get(uri + named % (turned.series, turned.uid)).body), got)
    check(get(uri).headers['ETag'] != get(uri + named % (turned.series, turned.uid)).headers['ETag'], 'one tag for both')
    for more, status in ((named % (some.series, '1.2.3'), 404), (named % (none.series, none.uid), 400),
                         (named % (three.series, three.uid), 400), ('&presentationUID=' + turned.uid, 400),
                         (named % (turned.series, turned.uid) + '&windowCenter=1&windowWidth=5', 400)):
        equal(get(uri + more).status, status, more)


# ---- several

@case('frames come in the order of the list, each by itself')
def _():
    answer = get(where(FRAMES) + '/rendered', 'multipart/related; type="image/png"')
    all_of_them = [read_png(body)[3] for _, _, body in answer.parts()]
    equal(len(all_of_them), 5)
    equal(len(set(all_of_them)), 5)
    answer = get(where(FRAMES) + '/frames/4,1,4/rendered', 'multipart/related; type="image/png"')
    equal([location.split('/')[-2] for _, location, _ in answer.parts()], ['4', '1', '4'])
    equal([read_png(body)[3] for _, _, body in answer.parts()], [all_of_them[k] for k in (3, 0, 3)])
    equal(read_png(get(where(FRAMES) + '/frames/3/rendered', 'image/png').body)[3], all_of_them[2])
    equal(get(where(FRAMES) + '/rendered').type, 'multipart/related')
    refused(where(FRAMES) + '/rendered', 406, 'multipart/related', accept='image/jpeg')
    for frames, status in (('0', 400), ('6', 404), ('1,6', 404), ('x', 400), ('1,', 400), ('1,,2', 400), ('-1', 400),
                           ('99999999999999999999999', 400), ('1' + ',1' * 1000, 400)):
        refused(where(FRAMES) + '/frames/%s/rendered' % frames, status, 'frame')


@case('every byte order shows the same frames')
def _():
    pictures = [[read_png(get(where(i) + '/frames/%d/rendered' % f, 'image/png').body) for f in (1, 2, 3)]
                for i in SMALL_LAST]
    for other in pictures[1:]:
        equal(other, pictures[0])
    wanted = [((1000 + i * 3) - 1499.5) / 2999 + 0.5 for i in range(SIDE * SIDE)]
    check(all(abs(p - 255 * w) <= 1 for p, w in zip(pictures[0][1][3], wanted)), 'second frame')


@case('a study and a series give all their images, and say what is missing')
def _():
    answer = get(where(STUDY[0], 'studies') + '/rendered')
    equal((answer.status, answer.type), (200, 'multipart/related'))
    equal([location.split('/')[7] for _, location, _ in answer.parts()], [i.uid for i in STUDY])
    answer = get(where(STUDY[0], 'series') + '/rendered', 'multipart/related; type="image/png"')
    equal([read_png(body)[3][0] for _, _, body in answer.parts()], [20, 40, 60, 80, 100])
    answer = get(where(MIXED[0], 'studies') + '/rendered')
    equal((answer.status, len(answer.parts())), (206, 1))
    check('1 of 2 instances' in answer.headers['Warning'], answer.headers['Warning'])
    refused(where(PACKED, 'studies') + '/rendered', 406)
    tag = get(where(STUDY[0], 'series') + '/rendered').headers['ETag']
    equal(get(where(STUDY[0], 'series') + '/rendered', If_None_Match=tag).status, 304)


# ---- thumbnails

@case('a thumbnail stands for each level: the middle image of the first series with images')
def _():
    for level in ('studies', 'series'):
        answer = get(where(STUDY[0], level) + '/thumbnail', 'image/png')
        equal((answer.status, answer.type), (200, 'image/png'))
        equal(read_png(answer.body), (SIDE, SIDE, 1, bytes([60]) * SIDE * SIDE))
    middle = read_png(get(where(FRAMES) + '/frames/3/rendered', 'image/png').body)
    equal(read_png(get(where(FRAMES) + '/thumbnail', 'image/png').body), middle)
    second = read_png(get(where(FRAMES) + '/frames/2/rendered', 'image/png').body)
    equal(read_png(get(where(FRAMES) + '/frames/2/thumbnail', 'image/png').body), second)
    equal(get(where(SINGLE) + '/thumbnail').type, 'image/jpeg')
    equal(read_png(get(where(WIDE) + '/thumbnail?viewport=10,10', 'image/png').body)[:2], (10, 5))
    equal(get(where(MIXED[0], 'studies') + '/thumbnail', 'multipart/related; type="image/jpeg"').type,
          'multipart/related')


@case('a large image becomes a small thumbnail')
def _():
    large = photo('large', rows=600, columns=900, body=bytes((x + y) % 256 for y in range(600) for x in range(900)))
    equal(NODE.store([large]), [0])
    for _ in range(2):  # the second time from memory
        equal(jpeg_size(get(where(large) + '/thumbnail').body), (200, 133, 1))


# ---- what must not be believed

def rle(fields, size=200):
    return struct.pack('<16I', *(list(fields) + [0] * (16 - len(fields)))) + bytes(size - 64)


@case('hostile images are refused, each with a sentence, and the node lives')
def _():
    short = bytes(SIDE * SIDE)
    jpeg = b'\xff\xd8\xff\xc0' + struct.pack('>HBHHB', 11, 8, 65535, 65535, 1) + b'\1\x11\0' + b'\xff\xd9\0'
    cases = [
        (photo('hostile', 1, rows=65535, columns=65535, body=short), 'no whole frame'),
        (photo('hostile', 2, rows=65535, columns=65535, bits=16, samples=3, photometric='RGB', body=short), 'no whole frame'),
        (photo('hostile', 13, rows=65535, columns=65535, syntax=RLE, body=[rle([1, 64])]), 'larger than'),
        (photo('hostile', 3, syntax=JPEG_BASELINE, body=[jpeg]), '65535 columns'),
        (photo('hostile', 4, syntax=JPEG_BASELINE, body=[b'\xff\xd8' + b'\xff' * 200]), 'JPEG'),
        (photo('hostile', 5, syntax=RLE, body=[rle([1, 0xfffffff0])]), 'run-length'),
        (photo('hostile', 6, syntax=RLE, body=[b'\1\0\0\0']), 'run-length'),
        (photo('hostile', 7, syntax=RLE, body=[rle([15] + [64 + i * 1000 for i in range(15)])]), 'run-length'),
        (photo('hostile', 8, rows=0), ''), (photo('hostile', 9, extra=[(0x00280101, 'US', 77)]), '77 bits stored'),
        (photo('hostile', 10, samples=9, photometric='RGB', body=short * 9), '9 samples'),
        (photo('hostile', 11, photometric='PALETTE COLOR'), ''), (photo('hostile', 12, photometric='SEPIA'), ''),
    ]
    equal(set(NODE.store([i for i, _ in cases])), {0})
    for i, word in cases:
        for path in ('/frames/1/rendered', '/thumbnail'):
            answer = get(where(i) + path)
            if answer.status == 200:  # some of it is there
                check((answer.headers['Warning'] or '').startswith('299 '), 'no word about %s' % i.uid)
                continue
            equal(answer.status, 406, i.uid)
            check(word in answer.body.decode() and b'"error"' in answer.body, '%r not in %r' % (word, answer.body))
    many = photo('hostile', 20, body=short, extra=[(0x00280008, 'IS', '2147483647')])
    equal(NODE.store([many]), [0])
    equal(get(where(many) + '/frames/1/rendered').status, 200)  # what is there counts
    refused(where(many) + '/frames/2/rendered', 404, 'frame 2')
    check(NODE.alive(), 'the node has ended')
    equal(get(where(SINGLE) + '/rendered').status, 200)
    damaged = get(where(cases[4][0], 'studies') + '/rendered')
    check(damaged.status >= 400, 'a study of damaged images: %d' % damaged.status)


# ---- beside DCMTK

def corpus():
    """(path, data set) of real images that DCMTK's tools can decode, not too large, each SOP instance once."""
    seen, out = set(), []
    for folder, _, names in sorted(os.walk(os.path.join(lib.SHARED, 'data', 'dicom'))):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.getsize(path) > 1 << 20:
                continue
            with open(path, 'rb') as f:
                raw = f.read()
            if raw[128:132] != b'DICM':
                continue
            try:
                file = objects.Part10(raw)
                d = objects.parse(file.data, file.syntax)
                rows, columns = (struct.unpack('>H' if file.syntax == EXPLICIT_BE else '<H', d[t])[0]
                                 for t in (0x00280010, 0x00280011))
            except (KeyError, struct.error, zlib.error, IndexError):
                continue
            key = objects.text(d, 0x00080018)
            if key and key not in seen and rows * columns <= 600 * 600 and 0x7FE00010 in d:
                seen.add(key)
                out.append((path, file, d))
    return out


def otherwise(d):
    """The tool shows overlays, and does not look into functional groups."""
    return any(t in (0x52009229, 0x52009230) or t >> 16 & 0xFFE1 == 0x6000 for t in d)



def beside(path, file, d):
    """What dcm2pnm makes of the first frame; None where it does not."""
    to = os.path.join(lib.folder(), 'picture')
    voi = ['+Wi', '1'] if d.get(0x00281050) else ['+Wl', '1'] if 0x00283010 in d else ['+Wm']
    # JPEG says by its own markers that it is YBR, whatever the attributes say; the tool looks at them with +cg alone.
    jpeg = ['+cg'] if file.syntax.startswith('1.2.840.10008.1.2.4.5') else []
    program = 'dcml2pnm' if file.syntax in (objects.JPEG_LS, '1.2.840.10008.1.2.4.81') else 'dcmj2pnm'
    for words in (voi, []):  # colour takes no window
        done = lib.execute([program, '+F', '1', *jpeg, *words, path, to])
        if done.code == 0 and 'differ' not in done.all:  # not so for pixel data that ends early
            return read_pnm(to)
    return None


@case('real images look as dcm2pnm shows them, within 1 of 255')
def _():
    files = corpus()
    if not shutil.which('dcmj2pnm') or not shutil.which('dcml2pnm'):
        raise lib.Skip('dcmj2pnm (Debian package dcmtk) is not installed')
    if not files:
        raise lib.Skip('no real images at %s' % lib.SHARED)
    NODE.teleread('import', '--site', 'NORTH', *[path for path, _, _ in files], code=None)
    compared, absent, other = 0, 0, 0
    for path, file, d in files:
        study, series, sop = (objects.text(d, t) for t in (0x0020000D, 0x0020000E, 0x00080018))
        answer = get('/dicom-web/studies/%s/series/%s/instances/%s/frames/1/rendered' % (study, series, sop), 'image/png')
        if answer.status in (400, 404):  # identifiers that are none, or contradict others: not stored under these
            absent += 1
            continue
        wanted = None if otherwise(d) else beside(path, file, d)
        if wanted is None:
            other += 1
            continue
        equal(answer.status, 200, '%s: %r' % (path, answer.body[:200]))
        got = read_png(answer.body)
        equal(got[:3], wanted[:3], path)
        most = max(abs(a - b) for a, b in zip(got[3], wanted[3]))
        colours = objects.text(d, 0x00280004).startswith('YBR')  # the tool rounds on the way
        check(most <= 1 + colours, '%s differs by %d' % (path, most))
        compared += 1
    note('%d compared, %d not stored, %d that dcm2pnm does not show or shows otherwise' % (compared, absent, other))
    check(compared >= 60, 'only %d images were compared' % compared)


if __name__ == '__main__':
    lib.main()
