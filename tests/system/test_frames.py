#!/usr/bin/env python3
"""Frames over HTTP in other forms than they are stored in: another syntax, a resolution, a range; each decoded by other people's tools."""
import array
import json
import os
import random
import re
import struct
import sys

sys.dont_write_bytecode = True
import lib
from dul import EXPLICIT_BE, EXPLICIT_LE
from lib import case, check, equal, note, tool, trap
from objects import (CT, J2K_LOSSLESS, JPEG_LS, JPEG_SV1, RLE, Instance, Part10, encode, image, parse, uid)
from parts import OCTETS, Client, path, related

lib.need_program()
HT, HT_RPCL = '1.2.840.10008.1.2.4.201', '1.2.840.10008.1.2.4.202'
DX = '1.2.840.10008.5.1.4.1.1.1.1'
FOLDER = lib.folder()
node = lib.Node()
WATCH = node.teleread('token', 'create', '--name', 'an operator', '--role', 'admin').out.strip()
node.start('--accept-unknown', 'NORTH')
web = Client(node)


def anatomy(columns, rows, seed=1):
    """12 bits in 16: what pictures have, slopes, an edge, and a little noise."""
    noise, out = random.Random(seed), []
    slope = [900 + x * 600 // columns for x in range(columns)]
    for y in range(rows):
        rough, down = noise.randbytes(columns), y * 900 // rows
        half = int(max(0, columns * rows - (2 * y - rows) ** 2) ** 0.5 / 2)
        begin, end = max(0, columns // 2 - half), min(columns, columns // 2 + half)
        out.append(array.array('H', [40 + (r & 15) for r in rough[:begin]] +
                               [s + down + (r & 15) for s, r in zip(slope[begin:end], rough[begin:end])] +
                               [40 + (r & 15) for r in rough[end:]]).tobytes())
    return b''.join(out)


SIDE = 200
SAMPLES = [anatomy(SIDE, SIDE, seed) for seed in (1, 2, 3)]
NATIVE = image('native', side=SIDE, frames=3, extra=[])
NATIVE.elements = [e for e in NATIVE.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'OW', b''.join(SAMPLES))]
NATIVE.data = encode(NATIVE.elements)
BIG = Instance(CT, [(t, v, x) for t, v, x in image('big', side=SIDE, frames=3, syntax=EXPLICIT_BE).elements if t != 0x7FE00010] +
               [(0x7FE00010, 'OW', b''.join(SAMPLES))], EXPLICIT_BE)
check(all(s == 0 for s in node.store([NATIVE])), 'C-STORE')
check(all(s == 0 for s in node.store([BIG])), 'C-STORE')


def saved(name, data):
    at = os.path.join(FOLDER, name)
    with open(at, 'wb') as f:
        f.write(data)
    return at


def pgm(at):
    """Columns, rows and samples in little endian."""
    with open(at, 'rb') as f:
        raw = f.read()
    found = re.match(rb'P5\s+(?:#[^\n]*\n)?\s*(\d+)\s+(\d+)\s+(\d+)\s', raw)
    columns, rows, most = map(int, found.groups())
    body = raw[found.end():]
    if most > 255:
        body = struct.pack('<%dH' % (len(body) // 2), *struct.unpack('>%dH' % (len(body) // 2), body))
    return columns, rows, body


def wrapped(syntax, stream):
    """A file with one frame of it."""
    base = [e for e in image('wrapped', side=SIDE).elements if e[0] != 0x7FE00010]
    return Instance(CT, base + [(0x7FE00010, 'encapsulated', [b'', stream + b'\0' * (len(stream) % 2)])], syntax)


def decoded(syntax, stream):
    """By tools of other people, each from what it can read."""
    if syntax in (HT, HT_RPCL):
        tool('ojph_expand', '-i', saved('frame.jph', stream), '-o', os.path.join(FOLDER, 'frame.pgm'))
        return pgm(os.path.join(FOLDER, 'frame.pgm'))[2]
    if syntax == J2K_LOSSLESS:
        tool('opj_decompress', '-i', saved('frame.j2k', stream), '-o', os.path.join(FOLDER, 'frame.pgm'))
        return pgm(os.path.join(FOLDER, 'frame.pgm'))[2]
    program = {JPEG_LS: 'dcmdjpls', JPEG_SV1: 'dcmdjpeg', RLE: 'dcmdrle'}[syntax]
    tool(program, wrapped(syntax, stream).save(os.path.join(FOLDER, 'frame.dcm')), os.path.join(FOLDER, 'plain.dcm'))
    with open(os.path.join(FOLDER, 'plain.dcm'), 'rb') as f:
        file = Part10(f.read())
    return parse(file.data, file.syntax)[0x7FE00010]


KINDS = [('image/jphc', HT), ('image/jphc', HT_RPCL), ('image/jp2', J2K_LOSSLESS), ('image/jls', JPEG_LS), ('image/jpeg', JPEG_SV1),
         ('image/dicom-rle', RLE)]


@case('a native frame in every syntax without loss that a client may name, exact by other decoders')
def transcoded():
    trap(27, 'frames made in HTJ2K, JPEG 2000, JPEG-LS, lossless JPEG and RLE give the samples that were stored')
    for one in (NATIVE, BIG):
        for kind, syntax in KINDS:
            answer = web.get(path(one) + '/frames/2', '%s; transfer-syntax=%s' % (kind, syntax))
            equal((answer.status, answer.headers['Content-Type']), (200, '%s; transfer-syntax=%s' % (kind, syntax)), answer)
            equal(decoded(syntax, answer.body), SAMPLES[1], 'samples of %s' % syntax)
            parts = web.get(path(one) + '/frames/3,1', related(kind, syntax)).parts()
            equal([(p.type, p.syntax) for p in parts], [(kind, syntax)] * 2, 'parts')
            equal([decoded(syntax, p.body) for p in parts], [SAMPLES[2], SAMPLES[0]], 'samples of %s in parts' % syntax)


@case('a type alone means its default syntax; who names nothing gets what is stored')
def defaults():
    for kind, syntax in KINDS[:1] + KINDS[2:]:
        equal(web.get(path(NATIVE) + '/frames/1', kind).headers['Content-Type'], '%s; transfer-syntax=%s' % (kind, syntax), kind)
    for accepted in (None, '*/*', related(OCTETS, '*'), 'image/png, */*;q=0.1', 'image/*, */*;q=0.5'):
        answer = web.get(path(NATIVE) + '/frames/1', accepted)
        equal(answer.status, 200, answer)
        check(SAMPLES[0] in answer.body, 'samples for Accept: %s' % accepted)
    for accepted in ('image/jphc; transfer-syntax=1.2.840.10008.1.2.4.203', 'image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50',
                     'image/jp2; transfer-syntax=1.2.840.10008.1.2.4.91', 'image/png', 'video/mp4'):
        equal(web.get(path(NATIVE) + '/frames/1', accepted).status, 406, accepted)
    equal(web.get(path(NATIVE) + '/frames/1', 'image/jphc;q=0.5, application/octet-stream').type, OCTETS, 'what is liked better')
    equal(web.get(path(NATIVE) + '/frames/1?accept=image/jphc', 'application/octet-stream').type, 'image/jphc', 'the parameter')


@case('samples of big endian and of compressed frames, one frame at a time')
def samples():
    for n in (1, 2, 3):
        equal(web.get(path(BIG) + '/frames/%d' % n, OCTETS).body, SAMPLES[n - 1], 'big endian')
    equal([p.body for p in web.get(path(BIG) + '/frames/3,1,3', related(OCTETS)).parts()], [SAMPLES[2], SAMPLES[0], SAMPLES[2]], 'list')
    answer = web.get(path(BIG) + '/frames/2', OCTETS, Range='bytes=100-299')
    equal((answer.status, answer.headers['Content-Range'], answer.body), (206, 'bytes 100-299/%d' % len(SAMPLES[1]), SAMPLES[1][100:300]),
          'a range of a decoded frame')


# ---- resolutions

def resolutions(answer):
    """Teleread-Resolutions: {divisor: bytes}."""
    items = [re.fullmatch(r'(\d+);bytes=(\d+)', item) for item in answer.headers['Teleread-Resolutions'].split(', ')]
    return {int(i[1]): int(i[2]) for i in items}


def coarse(stream, skip, name):
    at = os.path.join(FOLDER, name + '.pgm')
    tool('ojph_expand', '-i', saved(name + '.jph', stream), '-o', at, '-skip_res', '%d,%d' % (skip, skip), '-resilient', 'true')
    return pgm(at)


@case('the first bytes of an HTJ2K frame are the picture at a fraction of its size, as the answer says')
def first_bytes():
    at = path(NATIVE) + '/frames/1'
    accepted = 'image/jphc; transfer-syntax=' + HT_RPCL
    whole = web.get(at, accepted)
    sizes = resolutions(whole)
    equal(sizes[1], len(whole.body), 'bytes of the whole')
    equal(sorted(sizes.values()), [sizes[d] for d in sorted(sizes, reverse=True)], 'finer ones take more')
    check(whole.headers['ETag'].startswith('"') and whole.headers['Accept-Ranges'] == 'bytes', 'a strong tag, and ranges')
    for divisor in (8, 4, 2):
        part = web.get(at, accepted, Range='bytes=0-%d' % (sizes[divisor] - 1), If_Range=whole.headers['ETag'])
        equal((part.status, len(part.body), part.headers['Content-Range']),
              (206, sizes[divisor], 'bytes 0-%d/%d' % (sizes[divisor] - 1, len(whole.body))), 'the range')
        equal((part.headers['ETag'], resolutions(part)), (whole.headers['ETag'], sizes), 'headers of a range')
        equal(part.body, whole.body[:sizes[divisor]], 'its bytes')
        skip = divisor.bit_length() - 1
        got = coarse(part.body, skip, 'part')
        equal(got[:2], (-(-SIDE // divisor),) * 2, 'size at 1/%d' % divisor)
        check(got == coarse(whole.body, skip, 'whole'), 'picture at 1/%d from %d of %d bytes' % (divisor, sizes[divisor], sizes[1]))
    head = web.ask('HEAD', at, accepted)
    equal((head.status, resolutions(head), head.headers['ETag'], head.headers['Content-Length']),
          (200, sizes, whole.headers['ETag'], str(sizes[1])), 'HEAD')
    rest = web.get(at, accepted, Range='bytes=%d-' % sizes[8])
    equal(whole.body, whole.body[:sizes[8]] + rest.body, 'the rest')
    answer = web.get(at, related('image/jphc', HT_RPCL), Range='bytes=0-99')
    equal((answer.status, len(answer.parts())), (200, 1), 'in parts there are no ranges')
    check(web.get(at, OCTETS).headers['Teleread-Resolutions'] is None, 'samples have no resolutions')


@case('so are those of JPEG 2000, as OpenJPEG wants them')
def first_bytes_of_jpeg_2000():
    whole = web.get(path(NATIVE) + '/frames/1', 'image/jp2')
    sizes = resolutions(whole)
    check(len(sizes) > 3 and sizes[1] == len(whole.body), sizes)
    for divisor in sizes:
        part, pictures = web.get(path(NATIVE) + '/frames/1', 'image/jp2', Range='bytes=0-%d' % (sizes[divisor] - 1)), []
        equal(part.status, 206 if divisor > 1 else part.status, 'the range')
        for word, stream in (('part', part.body), ('whole', whole.body)):
            at = os.path.join(FOLDER, 'opj-%s.pgm' % word)
            tool('opj_decompress', '-i', saved(word + '.j2k', stream), '-o', at, '-r', str(divisor.bit_length() - 1))
            pictures.append(pgm(at))
        equal(pictures[0][:2], (-(-SIDE // divisor),) * 2, 'size at 1/%d' % divisor)
        check(pictures[0] == pictures[1], 'picture at 1/%d from %d of %d bytes' % (divisor, sizes[divisor], sizes[1]))


@case('a first picture of a large radiograph takes few of its bytes')
def radiograph():
    columns, rows = 2500, 3000
    base = [(t, v, x) for t, v, x in image('dx', modality='DX', sop_class=DX, side=16).elements
            if t not in (0x7FE00010, 0x00280010, 0x00280011, 0x00280101, 0x00280102)]
    one = Instance(DX, base + [(0x00280010, 'US', rows), (0x00280011, 'US', columns), (0x00280101, 'US', 16), (0x00280102, 'US', 15),
                               (0x7FE00010, 'OW', anatomy(columns, rows))])
    check(all(s == 0 for s in node.store([one])), 'C-STORE')
    head = web.ask('HEAD', path(one) + '/frames/1', 'image/jphc; transfer-syntax=' + HT_RPCL)
    sizes = resolutions(head)
    share = sizes[8] / sizes[1]
    note('1/8 of %d x %d x 16: %d of %d bytes, %.2f %%' % (columns, rows, sizes[8], sizes[1], 100 * share))
    check(share <= 0.05, 'the first picture takes %.1f %%' % (100 * share))


# ---- damage

@case('a frame that cannot be decoded is an error of that frame alone')
def damaged():
    trap(26, 'a damaged frame is an error that names it; the others are answered')
    streams = [web.get(path(NATIVE) + '/frames/%d' % n, 'image/jls').body for n in (1, 2, 3)]
    spoiled = streams[1][:40] + bytes(b ^ 0x55 for b in streams[1][40:60]) + b'\xff\xd9'
    spoiled += b'\0' * (len(spoiled) % 2)
    base = [e for e in image('damaged', side=SIDE, frames=3).elements if e[0] != 0x7FE00010]
    one = Instance(CT, base + [(0x7FE00010, 'encapsulated', [b'', streams[0], spoiled, streams[2]])], JPEG_LS)
    check(all(s == 0 for s in node.store([one])), 'C-STORE')
    for n, wanted in ((1, 200), (2, 406), (3, 200)):
        answer = web.get(path(one) + '/frames/%d' % n, OCTETS)
        equal(answer.status, wanted, answer)
        if wanted == 200:
            equal(answer.body, SAMPLES[n - 1], 'samples')
        else:
            check('frame 2 of 3' in json.loads(answer.body)['error'], answer)
    for order in ((1, 2, 3), (2, 1), (3, 2)):
        parts = web.get(path(one) + '/frames/' + ','.join(map(str, order)), related(OCTETS)).parts_of_any()
        equal(len(parts), len(order), 'parts')
        for n, part in zip(order, parts):
            check(part.location.endswith('/frames/%d' % n), part.location)
            if n == 2:
                equal(part.type, 'application/json', 'type of what cannot be given')
                check('frame 2 of 3' in json.loads(part.body)['error'], part.body)
            else:
                equal(part.body, SAMPLES[n - 1], 'samples')
    equal(web.get(path(one) + '/frames/2', 'image/jls').body, spoiled, 'as it is stored')


@case('what is there of a frame that breaks off is given, with a warning')
def half():
    streams = [web.get(path(NATIVE) + '/frames/%d' % n, 'image/jls').body for n in (1, 2, 3)]
    cut = streams[1][:len(streams[1]) // 4 * 2]
    base = [e for e in image('half', side=SIDE, frames=3).elements if e[0] != 0x7FE00010]
    one = Instance(CT, base + [(0x7FE00010, 'encapsulated', [b'', streams[0], cut, streams[2]])], JPEG_LS)
    check(all(s == 0 for s in node.store([one])), 'C-STORE')
    answer = web.get(path(one) + '/frames/2', OCTETS)
    equal((answer.status, len(answer.body), answer.body[:1000]), (200, len(SAMPLES[1]), SAMPLES[1][:1000]), 'the beginning')
    check(re.fullmatch(r'299 - "frame 2: JPEG-LS[^"]*"', answer.headers['Warning'] or ''), answer.headers)
    parts = web.get(path(one) + '/frames/1,2', related(OCTETS)).parts()
    equal([('Warning' in p.headers, p.body[:1000]) for p in parts], [(False, SAMPLES[0][:1000]), (True, SAMPLES[1][:1000])], 'a list')


@case('what does not fit is said in a warning')
def warnings():
    base = [(t, v, '7' if t == 0x00280008 else x) for t, v, x in NATIVE.elements if t not in (0x00080018, 0x0020000D, 0x0020000E)]
    other = image('warned', side=SIDE)
    one = Instance(CT, base + [(0x00080018, 'UI', other.uid), (0x0020000D, 'UI', other.study), (0x0020000E, 'UI', other.series)])
    check(all(s == 0 for s in node.store([one])), 'C-STORE')
    answer = web.get(path(one) + '/frames/3', OCTETS)
    equal((answer.status, answer.body), (200, SAMPLES[2]), 'a frame that is there')
    check(re.fullmatch(r'299 - "[^"]*Number of Frames says 7[^"]*"', answer.headers['Warning']), answer.headers['Warning'])
    for part in web.get(path(one) + '/frames/1,2', related(OCTETS)).parts():
        check('Number of Frames says 7' in part.headers['Warning'], part.headers)
    equal(web.get(path(one) + '/frames/4', OCTETS).status, 404, 'a frame that is not there')
    check(web.get(path(NATIVE) + '/frames/3', OCTETS).headers['Warning'] is None, 'nothing is odd here')


def metrics():
    return web.get('/metrics', Authorization='Bearer ' + WATCH).body.decode()


@case('a frame is made once for all of its ranges, and for all who ask at once')
def once():
    def misses():
        return int(re.search(r'^teleread_derived_misses_total (\d+)$', metrics(), re.M)[1])
    one = Instance(CT, [(t, v, {0x00080018: uid('once')}.get(t, x)) for t, v, x in NATIVE.elements])
    check(all(s == 0 for s in node.store([one])), 'C-STORE')
    at, accepted = path(one) + '/frames/3', 'image/jp2'
    if 'teleread_derived_misses_total' not in metrics():
        web.get(path(NATIVE) + '/frames/1', accepted)
    before = misses()
    got = lib.together(*[lambda: web.get(at, accepted, Range='bytes=0-99').body] * 8)
    got.append(web.get(at, accepted).body[:100])
    equal(len(set(got)), 1, 'bytes that differ')
    equal(misses() - before, 1, 'times that it was made')


@case('frames and their bytes are counted by where they come from')
def counted():
    def numbers():
        text = metrics()
        return {m[1] + ' ' + m[2]: int(m[3]) for m in re.finditer(r'^(teleread_http_frames\w*_total)\{from="(\w+)"\} (\d+)$', text, re.M)}
    before = numbers()
    web.get(path(NATIVE) + '/frames/1', OCTETS)
    web.get(path(NATIVE) + '/frames/1,2', related(OCTETS))
    web.get(path(NATIVE) + '/frames/1', OCTETS, Range='bytes=0-9')
    web.ask('HEAD', path(NATIVE) + '/frames/1', OCTETS)
    web.get(path(BIG) + '/frames/1', OCTETS)
    size = len(web.get(path(NATIVE) + '/frames/1', 'image/jls').body)
    after = numbers()
    grown = {name: after[name] - before.get(name, 0) for name in after}
    frame = len(SAMPLES[0])
    equal(grown, {'teleread_http_frames_total stored': 4, 'teleread_http_frames_bytes_total stored': 3 * frame + 10,
                  'teleread_http_frames_total decoded': 1, 'teleread_http_frames_bytes_total decoded': frame,
                  'teleread_http_frames_total transcoded': 1, 'teleread_http_frames_bytes_total transcoded': size}, 'what has grown')


lib.main()
