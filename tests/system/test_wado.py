#!/usr/bin/env python3
"""Retrieval over HTTP: instances, frames, bulk data, metadata, ZIP files and the URI service, each byte looked at."""
import gzip
import io
import json
import os
import re
import struct
import sys
import urllib.parse
import xml.etree.ElementTree
import zipfile

sys.dont_write_bytecode = True
import lib
from dul import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal, tool, trap
from objects import (CT, HTJ2K, HTJ2K_LOSSLESS, J2K, J2K_LOSSLESS, JPEG_BASELINE, JPEG_LS, JPEG_SV1, JPEG_XL, RLE, SECONDARY, Instance, Part10,
                     encode, image, parse, pixels, text, uid)
from parts import (DICOM, NATIVE_XML, OCTETS, Client, path, related, resolve, series_path, study_path)

lib.need_program()
node = lib.Node(sites=False)
for code, parent in (('PROVINCE', ''), ('NORTH', 'PROVINCE'), ('SOUTH', 'PROVINCE')):
    node.teleread('site', 'add', code, '--name', 'Demo ' + code.title(), '--parent', parent)
node.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH')
node.teleread('peer', 'add', 'OTHER', '--site', 'SOUTH')
node.start('--accept-unknown', 'NORTH')
web = Client(node)
ANY_SYNTAX = related(DICOM, '*')
ANY_FRAMES = 'multipart/related; type=application/octet-stream; transfer-syntax=*'  # as Cornerstone writes it


def fragments(word, syntax, pieces, frames, table=b'', number=1, sop_class=CT, extra=()):
    """An instance whose encapsulated pixel data is this."""
    base = image(word, number, syntax=syntax, sop_class=sop_class, frames=frames, extra=extra)
    elements = [e for e in base.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'encapsulated', [table] + pieces)]
    return Instance(sop_class, elements, syntax)


def stream(seed, size, begin=b'\xff\xd8\xff\xe0', end=b'\xff\xd9'):
    return begin + bytes((seed * 17 + i * 7) % 251 for i in range(size)) + end


LE = [image('le', n, s) for s in (2, 1) for n in (3, 1, 2)]
IMPLICIT = image('implicit', 1, syntax=IMPLICIT_LE)
BIG = image('big', 1, syntax=EXPLICIT_BE, frames=3)
DEFLATED = image('deflated', 1, syntax=DEFLATED_LE, frames=2)
MULTI = image('multi', 1, frames=5)
LOSSY = image('lossy', 1, syntax=JPEG_BASELINE, frames=3)
TWO_K = image('2k', 1, syntax=JPEG_XL, frames=2)  # which nothing here decodes
MIXED = [image('mixed', 1), image('mixed', 2, syntax=JPEG_XL), image('mixed', 3, syntax=IMPLICIT_LE)]
FOREIGN = image('south', 1)
LONG = bytes(i * i % 256 for i in range(20000))
BULKY = image('bulky', 1, extra=[
    (0x00091001, 'LO', 'private value'), (0x00091002, 'OB', LONG), (0x00091003, 'OB', b'short!'),
    (0x00282000, 'OB', LONG[:12000]), (0x00281201, 'OW', bytes(512)),
    (0x00081140, 'SQ', [[(0x00081150, 'UI', CT), (0x00081155, 'UI', uid('ref', 1))],
                        [(0x00081150, 'UI', CT), (0x00081155, 'UI', uid('ref', 2)), (0x00091002, 'OB', LONG[::-1])]])])
PDF = Instance('1.2.840.10008.5.1.4.1.1.104.1', [e for e in image('pdf', 1, modality='DOC').elements
                                                 if e[0] >> 16 not in (0x28, 0x7FE0)] +
               [(0x00420011, 'OB', b'%PDF-1.4\n' + LONG + b'\n'), (0x00420012, 'LO', 'application/pdf')])
for one in (PDF,):
    one.elements = [(t, v, x) for t, v, x in one.elements if t != 0x00080016] + [(0x00080016, 'UI', one.sop_class)]
    one.data = encode(one.elements)
ALL = LE + [IMPLICIT, BIG, DEFLATED, MULTI, LOSSY, TWO_K, BULKY, PDF] + MIXED
check(all(s == 0 for s in node.store(ALL)), 'C-STORE')
check(all(s == 0 for s in node.store([FOREIGN], 'OTHER')), 'C-STORE')


def same_data(part, one, syntax=None):
    """The part's Part 10 file holds the instance's data set as it was sent."""
    file = Part10(part.body)
    equal(part.type, DICOM, 'type of a part')
    equal(part.syntax, syntax or one.syntax, 'syntax in the head of a part')
    equal(file.syntax, syntax or one.syntax, 'syntax of the file')
    if syntax in (None, one.syntax):
        check(file.data == one.data, 'data set of %s differs' % one.uid)
    equal(text(parse(file.data, file.syntax), 0x00080018), one.uid, 'instance')
    equal(part.location.rsplit('/', 1)[1], one.uid, 'Content-Location')


def in_order(instances):
    return sorted(instances, key=lambda i: (text(parse(i.data), 0x00200011), text(parse(i.data), 0x00200013)))


# ---- whole instances

@case('a study, a series and an instance come in parts, in the order of a viewer, byte for byte')
def whole():
    for at, wanted in ((study_path(LE[0]), in_order(LE)),
                       (series_path(LE[0]), in_order([i for i in LE if i.series == LE[0].series])), (path(LE[0]), LE[:1])):
        parts = web.get(at, ANY_SYNTAX).parts()
        equal(len(parts), len(wanted), 'parts')
        for part, one in zip(parts, wanted):
            same_data(part, one)
            equal(web.get(part.location, 'application/dicom; transfer-syntax=*').body, part.body, 'its location')


@case('Accept: quotes, stars, preferences, and what nobody can give')
def accept():
    trap(28, '*/*, q, quotes, transfer-syntax, the accept parameter, single part and multipart, 400 and 406')
    at, le, rle = path(LE[0]), EXPLICIT_LE, RLE
    rows = [
        (None, 200, True, le), ('*/*', 200, True, le), ('', 200, True, le),
        ('multipart/related', 200, True, le), ('multipart/*', 200, True, le),
        (related(DICOM), 200, True, le), ('multipart/related; type=application/dicom', 200, True, le),
        (related(DICOM, '*'), 200, True, le), ('multipart/related;type=application/dicom;transfer-syntax="*"', 200, True, le),
        (related(DICOM, rle), 200, True, rle), (related(DICOM, JPEG_LS), 200, True, JPEG_LS),
        ('application/dicom', 200, False, le), ('application/dicom; transfer-syntax=' + rle, 200, False, rle),
        (related(DICOM, rle) + ', ' + related(DICOM, le), 200, True, le),
        (related(DICOM, rle) + ', ' + related(DICOM, le) + ';q=0.5', 200, True, rle),
        (related(DICOM, J2K) + ', ' + related(DICOM, le) + ';q=0.1', 200, True, le),
        ('application/dicom;q=0.2, ' + related(DICOM), 200, True, le),
        ('text/html, application/xhtml+xml, */*;q=0.8', 200, True, le),
        (related(DICOM, J2K), 406, None, None), (related(DICOM, IMPLICIT_LE), 406, None, None),
        ('image/png', 406, None, None), ('application/json', 406, None, None),
        ('application/dicom, image/jpeg', 400, None, None), ('nonsense', 400, None, None),
    ]
    for accepted, status, multipart, syntax in rows:
        answer = web.get(at, accepted)
        equal(answer.status, status, 'Accept: %s: %s' % (accepted, answer))
        if status == 406:
            check(json.loads(answer.body)['error'].count('application/dicom') >= 1, answer)
            says = json.loads(answer.body)['error']
            if 'transfer-syntax' in accepted:  # the stored one first, then all that can be made of it
                named = re.findall('application/dicom; transfer-syntax=([0-9.]+)', says)
                check(named[0] == le and {RLE, JPEG_LS, JPEG_SV1, HTJ2K_LOSSLESS, J2K_LOSSLESS, DEFLATED_LE} < set(named), named)
                check(not {J2K, HTJ2K, IMPLICIT_LE} & set(named), named)
                check(says.endswith('multipart/related; type="application/dicom"; transfer-syntax=' + named[-1]), says)
            else:
                check(says.endswith('type="application/dicom+xml"'), 'all that there is, to its end: %s' % answer)
        if status == 200:
            equal(answer.type, 'multipart/related' if multipart else DICOM, accepted)
            body = answer.parts()[0] if multipart else answer
            equal(Part10(body.body).syntax, syntax, accepted)
            check(multipart or 'transfer-syntax=' + syntax in answer.headers['Content-Type'], answer)
    equal(web.get(at + '?accept=application/dicom', related(DICOM)).type, DICOM, 'the parameter goes first')
    equal(web.get(at + '?accept=application%2Fdicom%3Btransfer-syntax%3D' + rle).status, 200, 'encoded parameter')
    equal(web.get(study_path(LE[0]), 'application/dicom').status, 406, 'several cannot be alone')


@case('without a transfer syntax: Explicit VR Little Endian, but lossy and unknown ones as they are')
def default_syntax():
    trap(28, 'the default syntax where none is named')
    for one, syntax in ((IMPLICIT, EXPLICIT_LE), (BIG, EXPLICIT_LE), (DEFLATED, EXPLICIT_LE), (LOSSY, JPEG_BASELINE),
                        (TWO_K, JPEG_XL)):
        part, = web.get(path(one), related(DICOM)).parts()
        same_data(part, one, syntax)
        if syntax == EXPLICIT_LE:
            frames = 3 if one is BIG else 2 if one is DEFLATED else 1
            equal(parse(Part10(part.body).data)[0x7FE00010], pixels(32, 1) * frames, 'pixels of ' + one.syntax)


@case('what cannot be given in the syntax asked for is said, not left out silently')
def partial():
    answer = web.get(study_path(MIXED[0]), related(DICOM, EXPLICIT_LE))
    equal(answer.status, 206, 'status')
    check(answer.headers['Warning'].startswith('299 ') and '1 of 3' in answer.headers['Warning'], answer.headers)
    equal([text(parse(Part10(p.body).data), 0x00080018) for p in answer.parts_of_any()], [MIXED[0].uid, MIXED[2].uid],
          'those that can')
    equal(len(web.get(study_path(MIXED[0]), ANY_SYNTAX).parts()), 3, 'as stored')
    equal(len(web.get(study_path(MIXED[0]), related(DICOM)).parts()), 3, 'by default')
    none = web.get(study_path(TWO_K), related(DICOM, EXPLICIT_LE))
    equal(none.status, 406, none)
    check(JPEG_XL in none.body.decode(), none)


@case('an instance alone: ETag, HEAD, ranges')
def single():
    kind = 'application/dicom; transfer-syntax=*'
    full = web.get(path(MULTI), kind)
    equal((full.status, full.headers['Accept-Ranges']), (200, 'bytes'), full)
    tag = full.headers['ETag']
    check(tag.startswith('"') and 'private' in full.headers['Cache-Control'] and 'max-age' in full.headers['Cache-Control'],
          full.headers)
    equal(web.get(path(MULTI), kind, If_None_Match=tag).status, 304, 'If-None-Match')
    equal(web.get(path(MULTI), kind, If_None_Match='"other", ' + tag).status, 304, 'If-None-Match, a list')
    equal(web.get(path(MULTI), kind, If_None_Match='"other"').status, 200, 'another tag')
    check(web.get(path(MULTI), 'application/dicom; transfer-syntax=' + RLE).headers['ETag'] != tag, 'other bytes, other tag')
    head = web.ask('HEAD', path(MULTI), kind)
    equal((head.status, head.body, head.headers['Content-Length']), (200, b'', str(len(full.body))), 'HEAD')
    for wanted, first, last in (('0-0', 0, 0), ('100-299', 100, 299), ('500-', 500, len(full.body) - 1),
                                ('-7', len(full.body) - 7, len(full.body) - 1)):
        part = web.get(path(MULTI), kind, Range='bytes=' + wanted)
        equal((part.status, part.body), (206, full.body[first:last + 1]), wanted)
        equal(part.headers['Content-Range'], 'bytes %d-%d/%d' % (first, last, len(full.body)), wanted)
    beyond = web.get(path(MULTI), kind, Range='bytes=%d-' % len(full.body))
    equal((beyond.status, beyond.headers['Content-Range']), (416, 'bytes */%d' % len(full.body)), beyond)
    equal(web.get(path(MULTI), kind, Range='bytes=0-9', If_Range=tag).status, 206, 'If-Range')
    equal(web.get(path(MULTI), kind, Range='bytes=0-9', If_Range='"x"').status, 200, 'If-Range of another')
    equal(web.get(path(MULTI), kind, Range='bytes=0-9,20-29').status, 200, 'several ranges')


@case('what is not there, and what belongs to another site, look the same')
def scope():
    nobody = image('nobody', 1)
    for suffix in ('', '/metadata', '/frames/1', '/bulkdata', '/bulkdata/7FE00010', '/pixeldata'):
        a, b = web.get(path(FOREIGN) + suffix), web.get(path(nobody) + suffix)
        equal((a.status, a.body), (404, b.body), suffix)
        equal(b.status, 404, suffix)
    for at in (study_path, series_path):
        for suffix in ('', '/metadata', '/bulkdata', '/pixeldata'):
            a, b = web.get(at(FOREIGN) + suffix), web.get(at(nobody) + suffix)
            equal((a.status, a.body, b.status), (404, b.body, 404), at(FOREIGN) + suffix)
    equal(web.get(study_path(FOREIGN), 'application/zip').status, 404, 'zip')
    crossed = '%s/series/%s/instances/%s' % (study_path(LE[0]), MULTI.series, MULTI.uid)
    equal(web.get(crossed).status, 404, 'an instance under another study')
    equal(web.get('/dicom-web/studies/1.2.x').status, 400, 'no UID')
    equal(web.get('/dicom-web/studies/..%2F..%2Fetc').status, 400, 'no UID')


# ---- frames

def native_frame(one, n):
    return pixels(32, 1)


@case('what came under a UID with letters is found where its RetrieveURL says; other such words are no UIDs')
def odd_uids():
    odd = image('odd', 1, key='odd', extra=[(0x00080018, 'UI', '1.2.a'), (0x0020000D, 'UI', 'Study_3-b')])
    equal(node.store([odd]), [0], 'status of C-STORE')
    row = json.loads(web.get('/dicom-web/instances?SOPInstanceUID=1.2.a').body)[0]
    at = urllib.parse.urlparse(row['00081190']['Value'][0]).path
    equal(at, path(odd), 'RetrieveURL')
    for below in ('', '/metadata', '/frames/1'):
        equal(web.get(at + below).status, 200, at + below)
    equal(json.loads(web.get(study_path(odd) + '/series').body)[0]['0020000D']['Value'], ['Study_3-b'], 'series')
    wado = '/wado?requestType=WADO&studyUID=%s&seriesUID=%s&objectUID=%s' % (odd.study, odd.series, odd.uid)
    equal(web.get(wado + '&contentType=application/dicom').status, 200, 'the URI service')
    for wrong in ('/dicom-web/studies/Study_4', at.replace('1.2.a', '1.2.b'), at.replace('Study_3-b', 'Study_3-b%2F..')):
        answer = web.get(wrong)
        check(answer.status == 400 and b'no UID' in answer.body, answer)


@case('frames of samples: lists in the order asked for, twice too, in little endian whatever is stored')
def native_frames():
    trap(26, 'native frames: little endian from big endian and deflated data sets, lists')
    size = 32 * 32 * 2
    colored = image('frames', 1, frames=4, extra=[(0x00280004, 'CS', 'MONOCHROME2')])
    body = b''.join(bytes([n + 1]) * size for n in range(4))
    colored = Instance(CT, [e for e in colored.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'OW', body)])
    check(node.store([colored]) == [0], 'C-STORE')
    frames = path(colored) + '/frames/'
    for wanted in ('1', '4', '1,2,3,4', '4,1', '2,2,2'):
        parts = web.get(frames + wanted, ANY_FRAMES).parts()
        equal([p.body for p in parts], [bytes([int(n)]) * size for n in wanted.split(',')], wanted)
        for part, n in zip(parts, wanted.split(',')):
            equal((part.type, part.syntax, part.location), (OCTETS, EXPLICIT_LE, frames + n), wanted)
    equal(web.get(frames + '1%2C3', ANY_FRAMES).parts()[1].body, b'\3' * size, 'encoded comma')
    equal(web.get(frames + '3', OCTETS).body, b'\3' * size, 'alone')
    equal(web.get(frames + '3', OCTETS, Range='bytes=10-19').body, b'\3' * 10, 'a range of one alone')
    equal(web.get(frames + '1,3', OCTETS).status, 406, 'two alone')
    for wanted, status in (('0', 404), ('5', 404), ('1,5', 404), ('1,', 400), ('x', 400), ('-1', 400), ('1-3', 400),
                           ('99999999999999999999', 400)):
        equal(web.get(frames + wanted, ANY_FRAMES).status, status, wanted)
    for one, count in ((BIG, 3), (DEFLATED, 2), (IMPLICIT, 1)):
        for n in range(1, count + 1):
            part, = web.get('%s/frames/%d' % (path(one), n), ANY_FRAMES).parts()
            equal((part.body, part.syntax), (pixels(32, 1), EXPLICIT_LE), one.syntax)
        equal(web.get('%s/frames/%d' % (path(one), count + 1), ANY_FRAMES).status, 404, one.syntax)
    equal(web.get(path(PDF) + '/frames/1', ANY_FRAMES).status, 404, 'a document has no frames')


@case('frames of single bits begin at a byte')
def bits():
    trap(26, 'frames of one bit that begin within a byte')
    frames, side = 5, 9  # 81 bits each
    bits_of = [[(f * 7 + i * i) % 3 == 0 for i in range(side * side)] for f in range(frames)]

    def packed(values):
        return bytes(sum(1 << k for k, b in enumerate(values[i:i + 8]) if b) for i in range(0, len(values), 8))
    for syntax in (EXPLICIT_LE, DEFLATED_LE):
        base = image('bits' + syntax, 1, side=side, frames=frames, syntax=syntax, extra=[
            (0x00280100, 'US', 1), (0x00280101, 'US', 1), (0x00280102, 'US', 0)])
        one = Instance(CT, [e for e in base.elements if e[0] != 0x7FE00010] +
                       [(0x7FE00010, 'OB', packed(sum(bits_of, [])))], syntax)
        check(node.store([one]) == [0], 'C-STORE')
        for n in range(frames):
            equal(web.get('%s/frames/%d' % (path(one), n + 1), OCTETS).body, packed(bits_of[n]), 'frame %d' % (n + 1))
        equal([p.body for p in web.get(path(one) + '/frames/3,1', ANY_FRAMES).parts()],
              [packed(bits_of[2]), packed(bits_of[0])], 'a list')


@case('compressed frames: tables empty, whole and wrong, fragments, lies about their number')
def encapsulated():
    trap(26, 'empty and full offset tables, extended ones, several fragments a frame, a wrong number of frames')
    streams = [stream(n, 500 + 100 * n) for n in range(3)]
    streams = [s + b'\0' * (len(s) % 2) for s in streams]
    halves = [p for s in streams for p in (s[:200], s[200:])]

    def table(pieces, firsts, code='<%dI'):
        offsets, at = [], 0
        for n, p in enumerate(pieces):
            if n in firsts:
                offsets.append(at)
            at += len(p) + 8
        return struct.pack(code % len(offsets), *offsets)
    extended = [(0x7FE00001, 'OV', table(streams, (0, 1, 2), '<%dQ')),
                (0x7FE00002, 'OV', struct.pack('<3Q', *map(len, streams)))]
    rows = [('no table', streams, 3, b'', ()), ('table', streams, 3, table(streams, (0, 1, 2)), ()),
            ('fragments with a table', halves, 3, table(halves, (0, 2, 4)), ()),
            ('fragments without', halves, 3, b'', ()),
            ('extended table', streams, 3, b'', extended),
            ('too many promised', streams, 7, b'', ()),
            ('table that lies', streams, 3, struct.pack('<3I', 0, 77, 99), ())]
    for n, (word, pieces, frames, offsets, extra) in enumerate(rows):
        one = fragments('enc', JPEG_BASELINE, pieces, frames, offsets, number=n + 1, extra=list(extra))
        check(node.store([one]) == [0], word)
        parts = web.get(path(one) + '/frames/1,2,3', ANY_FRAMES).parts()
        equal([p.body for p in parts], streams, word)
        equal({(p.type, p.syntax) for p in parts}, {(OCTETS, JPEG_BASELINE)}, word)
        equal(web.get(path(one) + '/frames/4', ANY_FRAMES).status, 404, word)
        same_data(web.get(path(one), ANY_SYNTAX).parts()[0], one)
    single = fragments('enc one', JPEG_BASELINE, halves[:2], 1)
    check(node.store([single]) == [0], 'C-STORE')
    equal(web.get(path(single) + '/frames/1', 'image/jpeg').body, streams[0], 'one frame in two fragments')


@case('compressed frames by media type, and what is not there is named')
def media_types():
    for n, (syntax, kind) in enumerate(((JPEG_BASELINE, 'image/jpeg'), (JPEG_SV1, 'image/jpeg'), (JPEG_LS, 'image/jls'),
                                        (J2K_LOSSLESS, 'image/jp2'), (J2K, 'image/jp2'), (HTJ2K, 'image/jphc'),
                                        (RLE, 'image/dicom-rle'))):
        one = image('types', n + 1, syntax=syntax, frames=2)
        check(node.store([one]) == [0], 'C-STORE')
        bodies = [p.body for p in web.get(path(one) + '/frames/1,2', ANY_FRAMES).parts()]
        for accepted in (related(kind), related(kind, syntax), related('image/*'), related(kind, '*')):
            parts = web.get(path(one) + '/frames/1,2', accepted).parts()
            equal([(p.type, p.syntax, p.body) for p in parts], [(kind, syntax, b) for b in bodies], accepted)
        alone = web.get(path(one) + '/frames/2', kind)
        equal((alone.status, alone.type, alone.body), (200, kind, bodies[1]), kind)
        other = web.get(path(one) + '/frames/1', related('image/jxr'))
        check(other.status == 406 and kind in other.body.decode() and syntax in other.body.decode(), other)
    raw = web.get(path(TWO_K) + '/frames/1', related(OCTETS))
    check(raw.status == 406 and 'image/jxl' in raw.body.decode(), 'samples of what nothing decodes: %s' % raw)
    raw = web.get(path(image('types', 4, syntax=J2K_LOSSLESS, frames=2)) + '/frames/1', related(OCTETS))
    check(raw.status == 406 and 'frame 1 of 2' in raw.body.decode(), 'samples of what cannot be decoded: %s' % raw)


@case('frames are decoded where samples are asked for')
def decoded():
    trap(27, 'lossless frames come out as the samples that were compressed')
    at = lib.folder()
    source = image('decoded', 1, side=64, frames=3, extra=[(0x00280102, 'US', 15), (0x00280101, 'US', 16)])
    file = source.save(os.path.join(at, 'source.dcm'))
    for n, (program, options) in enumerate((('dcmcrle', []), ('dcmcjpls', ['+el']), ('dcmcjpeg', ['+e1']))):
        to = os.path.join(at, '%d.dcm' % n)
        tool(program, *options, '+un', file, to)
        with open(to, 'rb') as f:
            part10 = Part10(f.read())
        found = parse(part10.data, part10.syntax)
        sop, study, series = (text(found, t) for t in (0x00080018, 0x0020000D, 0x0020000E))
        if sop == source.uid:  # lossless: the same instance; once is enough for the archive
            tool('dcmodify', '-nb', '-m', '(0008,0018)=%s.%d' % (sop[:50], n), to)
            with open(to, 'rb') as f:
                part10 = Part10(f.read())
            sop = text(parse(part10.data, part10.syntax), 0x00080018)
        node.teleread('import', to, '--site', 'NORTH')
        frames = '/dicom-web/studies/%s/series/%s/instances/%s/frames/' % (study, series, sop)
        equal([p.body for p in web.get(frames + '1,3', related(OCTETS)).parts()], [pixels(64, 1)] * 2, program)
        part, = web.get(frames + '2', related(OCTETS, EXPLICIT_LE)).parts()
        equal((part.body, part.syntax), (pixels(64, 1), EXPLICIT_LE), program)
        equal(web.get(frames + '2', ANY_FRAMES).parts()[0].syntax, part10.syntax, 'as stored')
        equal(web.get(frames + '4', related(OCTETS)).status, 404, program)


def compressed(source, program, *options):
    to = os.path.join(lib.folder(), 'to.dcm')
    tool(program, *options, '+un', source.save(to + '.source'), to)
    node.teleread('import', to, '--site', 'NORTH')
    with open(to, 'rb') as f:
        return Part10(f.read())


@case('colours, signs and depths of what is decoded are those that were stored, and what it says of them is true')
def truth():
    trap(27, 'signed samples, fewer bits stored than allocated, palettes, planes; frames of lossy YBR are as the metadata say, '
             'instances become RGB and say both')
    side = 16
    signed = struct.pack('<%dh' % (side * side), *(i * 16 % 4096 - 2048 for i in range(side * side)))
    indices = bytes(i * 7 % 256 for i in range(side * side))
    planes = b''.join(bytes((i * k) % 256 for i in range(side * side)) for k in (1, 3, 5))
    bytewise = [(0x00280100, 'US', 8), (0x00280101, 'US', 8), (0x00280102, 'US', 7)]
    table = [(t, 'OW', bytes(i * k % 256 for i in range(512)))
             for t, k in ((0x00281201, 1), (0x00281202, 3), (0x00281203, 5))]
    colours = bytewise + [(0x00280002, 'US', 3), (0x00280004, 'CS', 'RGB')]
    sign = [(0x00280103, 'US', 1)]
    rows = [('signed', 'dcmcjpeg', '+e1', signed, sign), ('signed', 'dcmcjpls', '+el', signed, sign),
            ('signed', 'dcmcrle', '+un', signed, sign),
            ('palette', 'dcmcrle', '+un', indices, bytewise + table + [(0x00280004, 'CS', 'PALETTE COLOR')] + [
                (t, 'US', [256, 0, 16]) for t in (0x00281101, 0x00281102, 0x00281103)]),
            ('planes', 'dcmcrle', '+un', planes, colours + [(0x00280006, 'US', 1)])]
    for n, (word, program, option, samples, extra) in enumerate(rows, 1):
        source = image('truth ' + word, n, side=side, extra=extra + [(0x7FE00010, 'OW', samples)])
        compressed(source, program, option)
        equal(web.get(path(source) + '/frames/1', OCTETS).body, samples, '%s, %s: frame' % (word, program))
        got = parse(Part10(web.get(path(source), DICOM).body).data)
        equal(got[0x7FE00010], samples, '%s, %s: instance' % (word, program))
        for tag, vr, _ in extra:
            equal(got[tag].strip(), parse(source.data)[tag].strip(), '%s, %s: %08X' % (word, program, tag))

    smooth = bytes(v for i in range(side * side) for v in (200, 40 + i // 16, 10))
    source = image('truth lossy', 1, side=side, extra=colours + [(0x00280006, 'US', 0), (0x7FE00010, 'OB', smooth)])
    stored = compressed(source, 'dcmcjpeg', '+eb', '+q', '95')
    at = '%s/instances/%s' % (series_path(source), text(parse(stored.data, stored.syntax), 0x00080018))
    metadata = json.loads(web.get(at + '/metadata').body)[0]
    colour = metadata['00280004']['Value'][0]
    check(colour in ('YBR_FULL', 'YBR_FULL_422'), 'metadata is of what is stored: %s' % colour)
    frame = rgb_of(web.get(at + '/frames/1', OCTETS).body, colour)
    check(len(frame) == len(smooth) and max(abs(a - b) for a, b in zip(frame, smooth)) < 12, 'frame, read as %s: %r' % (colour, frame[:12]))
    got = parse(Part10(web.get(at, 'application/dicom; transfer-syntax=' + EXPLICIT_LE).body).data)
    equal((text(got, 0x00280004), text(got, 0x00282110)), ('RGB', '01'), 'what a decoded instance says')
    instance = got[0x7FE00010]
    check(len(instance) == len(smooth) and max(abs(a - b) for a, b in zip(instance, smooth)) < 12, 'instance: %r' % instance[:12])


def rgb_of(samples, colour):
    """RGB by pixel of what is YBR by pixel, or in pairs (PS3.3 C.7.6.3.1.2)."""
    if colour == 'YBR_FULL_422':
        samples = b''.join(bytes((samples[i], *samples[i + 2:i + 4], *samples[i + 1:i + 4])) for i in range(0, len(samples), 4))
    out = bytearray()
    for i in range(0, len(samples), 3):
        y, cb, cr = samples[i], samples[i + 1] - 128, samples[i + 2] - 128
        out += bytes(max(0, min(255, round(v))) for v in (y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb))
    return bytes(out)


@case('frames are known by tags, and kept by browsers')
def frame_tags():
    answer = web.get(path(MULTI) + '/frames/2', ANY_FRAMES)
    check('private' in answer.headers['Cache-Control'] and 'max-age' in answer.headers['Cache-Control'], answer.headers)
    equal(web.get(path(MULTI) + '/frames/2', ANY_FRAMES, If_None_Match=answer.headers['ETag']).status, 304, 'frame')
    again = web.get(path(MULTI) + '/frames/1,2', ANY_FRAMES)
    equal(web.get(path(MULTI) + '/frames/1,2', ANY_FRAMES, If_None_Match=again.headers['ETag']).status, 304, 'list')
    check('Content-Encoding' not in web.get(path(MULTI) + '/frames/1', ANY_FRAMES, Accept_Encoding='gzip').headers,
          'pixels are never gzipped')


# ---- pixel data and bulk data

@case('pixel data of an instance, a series and a study')
def pixel_data():
    whole, = web.get(path(MULTI) + '/pixeldata', related(OCTETS)).parts()
    equal((whole.body, whole.syntax), (pixels(32, 1) * 5, EXPLICIT_LE), 'samples are one part')
    equal(web.get(path(MULTI) + '/pixeldata', OCTETS).body, pixels(32, 1) * 5, 'alone')
    equal(web.get(path(BIG) + '/pixeldata', OCTETS).body, pixels(32, 1) * 3, 'from big endian')
    parts = web.get(path(LOSSY) + '/pixeldata', related('image/jpeg')).parts()
    equal([p.body for p in parts], [p.body for p in web.get(path(LOSSY) + '/frames/1,2,3', ANY_FRAMES).parts()],
          'compressed frames are parts')
    parts = web.get(study_path(MIXED[0]) + '/pixeldata', related(OCTETS, '*')).parts()
    equal([p.syntax for p in parts], [EXPLICIT_LE, JPEG_XL, EXPLICIT_LE], 'of a study')
    equal(len(web.get(series_path(LE[0]) + '/pixeldata').parts()), 3, 'of a series')
    equal(web.get(path(PDF) + '/pixeldata').status, 404, 'there is none')


@case('bulk data by path: private, within sequences, with ranges')
def bulk_data():
    base = path(BULKY) + '/bulkdata/'
    for name, value in (('00091002', LONG), ('00091003', b'short!'), ('00282000', LONG[:12000]),
                        ('00081140/1/00091002', LONG[::-1]), ('00081140/0/00081150', CT.encode() + b'\0' * (len(CT) % 2)),
                        ('7FE00010', pixels(32, 1)), ('7fe00010', pixels(32, 1))):
        part, = web.get(base + name, related(OCTETS)).parts()
        equal((part.type, part.body), (OCTETS, value), name)
        equal(web.get(base + name, OCTETS).body, value, name)
        equal(web.get(base + name).parts()[0].body, value, name)
    equal(web.get(base + '00091002', OCTETS, Range='bytes=100-199').body, LONG[100:200], 'a range')
    equal(web.get(base + '00091002', OCTETS, Range='bytes=-5').body, LONG[-5:], 'a range from the end')
    equal(web.get(base + '00091002', OCTETS, Range='bytes=20000-').status, 416, 'a range behind it')
    tag = web.get(base + '00091002', OCTETS).headers['ETag']
    equal(web.get(base + '00091002', OCTETS, If_None_Match=tag).status, 304, 'ETag')
    for name, status in (('00091099', 404), ('00081140', 404), ('00081140/2/00091002', 404), ('0009100', 400),
                         ('00081140/1', 400), ('..%2F..%2Fetc%2Fpasswd', 400), ('PatientName', 400)):
        equal(web.get(base + name, OCTETS).status, status, name)
    equal(web.get(base + '00091002', 'image/jpeg').status, 406, 'no picture')
    found = {p.location.split('/bulkdata/')[1]: p.body for p in web.get(path(BULKY) + '/bulkdata').parts()}
    equal(found, {'00091002': LONG, '00081140/1/00091002': LONG[::-1], '7FE00010': pixels(32, 1)}, 'all of it')
    equal(len(web.get(study_path(LE[0]) + '/bulkdata').parts()), 6, 'of a study')
    equal(len(web.get(study_path(LE[0]), related(OCTETS)).parts()), 6, 'a study in octets is its bulk data')


@case('an encapsulated document goes out as what it is')
def document():
    body = dict((t, v) for t, _, v in PDF.elements)[0x00420011]
    body += b'\0' * (len(body) % 2)
    at = path(PDF) + '/bulkdata/00420011'
    pdf = web.get(at, 'application/pdf')
    equal((pdf.status, pdf.type, pdf.body), (200, 'application/pdf', body), 'PDF')
    equal(web.get(at, OCTETS).body, body, 'octets')
    equal(web.get(path(BULKY) + '/bulkdata/00091002', 'application/pdf').status, 406, 'no PDF')


# ---- metadata

def bulk_uris(item, out):
    for tag, element in item.items():
        if 'BulkDataURI' in element:
            out.append((tag, element['BulkDataURI']))
        if element.get('vr') == 'SQ':
            for one in element.get('Value', []):
                bulk_uris(one, out)
    return out


@case('metadata as JSON: in order, complete, with references that lead to the bytes')
def metadata_json():
    for at, wanted in ((study_path(LE[0]), in_order(LE)),
                       (series_path(LE[0]), in_order([i for i in LE if i.series == LE[0].series])), (path(LE[0]), LE[:1])):
        answer = web.get(at + '/metadata')
        equal((answer.status, answer.type), (200, 'application/dicom+json'), answer)
        found = json.loads(answer.body)
        equal([i['00080018']['Value'][0] for i in found], [i.uid for i in wanted], at)
        for item, one in zip(found, wanted):
            (tag, reference), = bulk_uris(item, [])
            check(not reference.startswith(('/', 'http')), 'relative: ' + reference)
            equal(web.get(resolve(at + '/metadata', reference), OCTETS).body, pixels(32, int(item['00200013']['Value'][0])),
                  reference)
        for alias in ('application/json', 'application/dicom+json', '*/*', 'application/dicom+json; charset=utf-8'):
            equal(web.get(at + '/metadata', alias).status, 200, alias)
        equal(json.loads(web.get(at, 'application/dicom+json').body)[0]['00080018'], found[0]['00080018'], 'without /metadata')
        item = json.loads(web.get(at, 'application/dicom+json').body)[0]
        equal(web.get(resolve(at, bulk_uris(item, [])[0][1]), OCTETS).status, 200, 'a reference without /metadata')
    item, = json.loads(web.get(path(BULKY) + '/metadata').body)
    uris = dict(bulk_uris(item, []))
    equal(sorted(uris), ['00091002', '7FE00010'] if len(uris) == 2 else [], 'references')
    check('InlineBinary' in item['00282000'], 'an ICC profile is inline')
    check('InlineBinary' in item['00091003'], 'what is short is inline')
    equal(item['00091001']['Value'], ['private value'], 'private')
    for reference in (u for _, u in bulk_uris(item, [])):
        equal(web.get(resolve(path(BULKY) + '/metadata', reference), OCTETS).status, 200, reference)
    equal(web.get(study_path(LE[0]) + '/metadata', 'image/png').status, 406, 'no picture')


@case('metadata as XML: one part for each instance')
def metadata_xml():
    parts = web.get(study_path(LE[0]) + '/metadata', related('application/dicom+xml')).parts()
    found = []
    for part in parts:
        root = xml.etree.ElementTree.fromstring(part.body)
        equal((part.type, root.tag), ('application/dicom+xml', NATIVE_XML + 'NativeDicomModel'), 'root')
        found.append(root.find(NATIVE_XML + 'DicomAttribute[@tag="00080018"]/' + NATIVE_XML + 'Value').text)
        reference = root.find('.//' + NATIVE_XML + 'BulkData').get('uri')
        equal(web.get(resolve(study_path(LE[0]) + '/metadata', reference), OCTETS).status, 200, reference)
    equal(found, [i.uid for i in in_order(LE)], 'order')


@case('metadata that has not changed is not sent again, and what has changed is')
def metadata_tags():
    first = image('growing', 1, name='Wang^XiaoDong=王^小东', charset='ISO_IR 192')
    check(node.store([first]) == [0], 'C-STORE')
    for at in (study_path(first) + '/metadata', series_path(first) + '/metadata'):
        one = web.get(at)
        tag = one.headers['ETag']
        equal(web.get(at, If_None_Match=tag).status, 304, 'unchanged')
        equal(web.get(at).body, one.body, 'kept')
        packed = web.get(at, Accept_Encoding='gzip')
        equal((packed.headers['Content-Encoding'], gzip.decompress(packed.body)), ('gzip', one.body), 'gzipped')
        packed = web.get(at, Accept_Encoding='gzip')
        equal(gzip.decompress(packed.body), one.body, 'gzipped, kept')
        check('王^小东' in one.body.decode(), 'UTF-8')
        equal(web.ask('HEAD', at).body, b'', 'HEAD')
    second = image('growing', 2)
    check(node.store([second]) == [0], 'C-STORE')
    for at in (study_path(first) + '/metadata', series_path(first) + '/metadata'):
        after = web.get(at, If_None_Match=tag)
        equal((after.status, len(json.loads(after.body))), (200, 2), 'grown')
    instance = web.get(path(first) + '/metadata')
    equal(web.get(path(first) + '/metadata', If_None_Match=instance.headers['ETag']).status, 304, 'instance')


# ---- ZIP

@case('a study, a series and an instance as a ZIP file')
def zipped():
    for at, wanted in ((study_path(LE[0]), in_order(LE)), (series_path(LE[0]), None), (path(LE[0]), LE[:1]),
                       (study_path(MIXED[0]), MIXED)):
        answer = web.get(at, 'application/zip')
        equal((answer.status, answer.type), (200, 'application/zip'), answer)
        check(answer.headers['Content-Disposition'].endswith('.zip"'), answer.headers)
        with zipfile.ZipFile(io.BytesIO(answer.body)) as z:
            equal(z.testzip(), None, 'checksums')
            names = z.namelist()
            for name in names:
                check(not name.startswith('/') and '..' not in name and name.endswith('.dcm'), name)
            if wanted:
                equal([Part10(z.read(n)).data == i.data for n, i in zip(names, wanted)], [True] * len(wanted), 'bytes')
                equal(len(names), len(wanted), 'members')
        to = os.path.join(lib.folder(), 'study.zip')
        with open(to, 'wb') as f:
            f.write(answer.body)
        tool('unzip', '-q', to, '-d', os.path.dirname(to))
        tool('dcmdump', '-q', os.path.join(os.path.dirname(to), names[0]))
    explicit = web.get(study_path(IMPLICIT), 'application/zip; transfer-syntax=' + EXPLICIT_LE)
    with zipfile.ZipFile(io.BytesIO(explicit.body)) as z:
        equal(Part10(z.read(z.namelist()[0])).syntax, EXPLICIT_LE, 'another syntax')


# ---- the URI service

def uri(one, **more):
    query = dict(requestType='WADO', studyUID=one.study, seriesUID=one.series, objectUID=one.uid, **more)
    return '/wado?' + '&'.join('%s=%s' % (k, v) for k, v in query.items() if v is not None)


@case('the URI service: instances, syntaxes, pictures, and clear refusals')
def uri_service():
    dicom = web.get(uri(LE[0], contentType='application/dicom'))
    equal((dicom.status, dicom.type, Part10(dicom.body).data == LE[0].data), (200, DICOM, True), dicom)
    equal(Part10(web.get(uri(IMPLICIT, contentType='application%2Fdicom')).body).syntax, EXPLICIT_LE, 'default')
    equal(Part10(web.get(uri(LE[0], contentType='application/dicom', transferSyntax=RLE)).body).syntax, RLE, 'named')
    equal(web.get(uri(LE[0], contentType='application/dicom', transferSyntax=J2K)).status, 406, 'cannot be')
    for wrong in (dict(transferSyntax='1.2.3'), dict(transferSyntax=IMPLICIT_LE)):
        equal(web.get(uri(LE[0], contentType='application/dicom', **wrong)).status, 400, wrong)
    for name in ('requestType', 'studyUID', 'seriesUID', 'objectUID'):
        refused = web.get(uri(LE[0]).replace(name + '=', 'x=', 1))
        check(refused.status == 400 and name in refused.body.decode(), refused)
    equal(web.get(uri(LE[0]).replace('requestType=WADO', 'requestType=STOW')).status, 400, 'another service')
    equal(web.get('/wado?requestType=WADO&studyUID=a&seriesUID=1&objectUID=1').status, 400, 'no UID')
    equal(web.get(uri(FOREIGN)).status, 404, 'of another site')
    for name in ('anonymize', 'annotation'):
        refused = web.get(uri(LE[0], contentType='application/dicom', **{name: 'yes'}))
        check(refused.status == 501 and name in refused.body.decode(), refused)
    equal(web.get(uri(LE[0], contentType='text/html')).status, 406, 'no such form')
    for kind, magic in (('image/jpeg', b'\xff\xd8'), ('image/png', b'\x89PNG')):
        picture = web.get(uri(MULTI, contentType=kind, frameNumber=2))
        equal((picture.status, picture.type, picture.body[:len(magic)]), (200, kind, magic), picture)
    equal(web.get(uri(MULTI)).type, 'image/jpeg', 'a picture by default')
    equal(web.get(uri(MULTI, contentType='image/jpeg', frameNumber=6)).status, 404, 'no such frame')
    equal(web.get(uri(PDF)).type, DICOM, 'no picture of a document')


lib.main()
