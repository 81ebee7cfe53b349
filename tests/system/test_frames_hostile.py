#!/usr/bin/env python3
"""Frames of instances that lie or are damaged: every request is answered, an error names its frame, and the frames beside it are right.

Code streams of every syntax are cut, changed and told to be huge; tables of offsets and numbers of frames say what is not so.
"""
import json
import os
import random
import struct
import sys

sys.dont_write_bytecode = True
import lib
from lib import case, check, equal, note, trap
from objects import CT, J2K_LOSSLESS, JPEG_LS, JPEG_SV1, RLE, Instance, image, uid
from parts import OCTETS, Client, path, related

lib.need_program()
HT = '1.2.840.10008.1.2.4.201'
SIDE, FRAMES = 48, 3
SEED = int(os.environ.get('TELEREAD_SEED', '20261122'))
MOST = 100 if lib.BIG else 10  # mutations at random, of each syntax
node = lib.Node({'settle.enabled': 'false'})
node.start('--accept-unknown', 'NORTH')
web = Client(node)
PLAIN = image('plain', side=SIDE, frames=FRAMES)
noise = random.Random(SEED)
SAMPLES = [b''.join(struct.pack('<H', noise.randrange(64) + (x + y) * 9) for y in range(SIDE) for x in range(SIDE)) for _ in range(FRAMES)]
PLAIN = Instance(CT, [e for e in PLAIN.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'OW', b''.join(SAMPLES))])
check(node.store([PLAIN]) == [0], 'C-STORE')
KINDS = {JPEG_LS: 'image/jls', JPEG_SV1: 'image/jpeg', J2K_LOSSLESS: 'image/jp2', HT: 'image/jphc', RLE: 'image/dicom-rle'}
STREAMS = {}
for syntax, kind in KINDS.items():
    parts = web.get(path(PLAIN) + '/frames/1,2,3', related(kind, syntax)).parts()
    STREAMS[syntax] = [p.body + b'\0' * (len(p.body) % 2) for p in parts]
made = 0


def stored(syntax, items, frames=FRAMES, extra=()):
    """An instance with these items: the first is the Basic Offset Table."""
    global made
    made += 1
    base = [e for e in image('hostile', number=made, side=SIDE).elements if e[0] not in (0x7FE00010, 0x00280008)]
    one = Instance(CT, base + [(0x00280008, 'IS', str(frames))] + list(extra) + [(0x7FE00010, 'encapsulated', items)], syntax)
    check(node.store([one]) == [0], 'C-STORE')
    return one


def answer_to(at, accepted, what):
    """200 with something, or an error that says what it is about; never anything else."""
    answer = web.get(at, accepted)
    check(answer.status in (200, 404, 406), '%s: %s: %s' % (what, accepted, answer))
    if answer.status != 200:
        check(len(json.loads(answer.body)['error']) > 10, '%s: %s' % (what, answer))
    return answer


def look_at(one, right, what):
    """right: numbers of frames that nothing is wrong with."""
    syntax = one.syntax
    for n in range(1, FRAMES + 2):
        got = answer_to(path(one) + '/frames/%d' % n, OCTETS, what)
        if n in right:
            check(got.body == SAMPLES[n - 1], '%s: frame %d: %s' % (what, n, got))
        answer_to(path(one) + '/frames/%d' % n, KINDS[syntax], what)
    answer_to(path(one) + '/frames/2', 'image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202', what)
    answer_to(path(one) + '/rendered', 'image/png', what) if made % 7 == 0 else None
    listed = web.get(path(one) + '/frames/1,2,3', related(OCTETS))
    if listed.status == 200:
        for n, part in enumerate(listed.parts_of_any(), 1):
            if n in right:
                check(part.body == SAMPLES[n - 1], '%s: frame %d of a list' % (what, n))
            check(part.type in (OCTETS, 'application/json'), '%s: part of type %s' % (what, part.type))
    else:
        check(listed.status in (404, 406), '%s: list: %s' % (what, listed))
    equal(web.get(path(one) + '/metadata').status, 200, what + ': metadata')
    check(node.alive(), what)


def huge(syntax, stream):
    """It says that it is 60,000 by 60,000."""
    out, side = bytearray(stream), 60000
    if syntax in (J2K_LOSSLESS, HT):
        at = out.index(b'\xff\x51') + 6
        out[at:at + 8] = struct.pack('>II', side, side)
    elif syntax != RLE:
        at = next(i for i in range(len(out)) if out[i] == 0xFF and out[i + 1] in (0xC3, 0xF7))
        out[at + 5:at + 9] = struct.pack('>HH', side, side)
    else:
        out[0:4] = struct.pack('<I', 15)
    return bytes(out)


def even(stream):
    return stream + b'\0' * (len(stream) % 2)


@case('code streams that are cut, changed, empty, or say that they are huge')
def streams():
    trap(26, 'damaged code streams of every syntax: an error of that frame, the others are right')
    for syntax, (one, two, three) in STREAMS.items():
        name = KINDS[syntax]
        for what, bad in (('cut in half', even(two[:len(two) // 2])), ('cut in its head', even(two[:20])), ('two bytes', two[:2]),
                          ('nothing', b''), ('zeros', bytes(len(two))), ('text', b'<html>' * 20), ('huge', huge(syntax, two)),
                          ('of another kind', STREAMS[RLE if syntax != RLE else HT][1])):
            look_at(stored(syntax, [b'', one, bad, three]), (1, 3) if bad else (), '%s, %s' % (name, what))


@case('code streams with bytes changed at random')
def mutations():
    note('seed %d' % SEED)
    for syntax, (one, two, three) in STREAMS.items():
        for i in range(MOST):
            bad = bytearray(two)
            for _ in range(noise.choice((1, 3, 20))):
                bad[noise.randrange(len(bad) if i % 2 else min(len(bad), 120))] = noise.randrange(256)
            # what begins otherwise may be taken for a piece of the frame before
            bad[:4] = two[:4]
            look_at(stored(syntax, [b'', one, bytes(bad), three]), (1, 3), '%s, mutation %d' % (KINDS[syntax], i))


@case('tables of offsets that lie')
def tables():
    trap(26, 'offset tables that lie are not believed')
    for syntax, three in STREAMS.items():
        right, at = [], 0
        for s in three:
            right.append(at)
            at += len(s) + 8
        for what, table in (('right', right), ('all the same', [0, 0, 0]), ('backwards', right[::-1]), ('far out', [0, 1 << 30, 1 << 31]),
                            ('within a fragment', [0, 5, 9]), ('too many', right + [at, at + 8]), ('too few', right[:2])):
            look_at(stored(syntax, [struct.pack('<%dI' % len(table), *table), *three]), (1, 2, 3),
                    '%s, table %s' % (KINDS[syntax], what))
        look_at(stored(syntax, [b'odd', *three]), (1, 2, 3), '%s, table of three bytes' % KINDS[syntax])
        for what, offsets in (('far out', [0, 1 << 60, (1 << 64) - 8]), ('backwards', right[::-1])):
            look_at(stored(syntax, [b'', *three], extra=[(0x7FE00001, 'OV', struct.pack('<3Q', *offsets)),
                                                         (0x7FE00002, 'OV', struct.pack('<3Q', *map(len, three)))]), (1, 2, 3),
                    '%s, extended table %s' % (KINDS[syntax], what))


@case('numbers of frames that lie')
def numbers():
    for syntax, three in STREAMS.items():
        for said in ('0', '-1', '1', '2', '4', '2147483647', '99999999999', 'three', ''):
            look_at(stored(syntax, [b'', *three], frames=said), (1, 2, 3) if syntax != RLE or said not in ('1', '2') else (),
                    '%s, %r frames' % (KINDS[syntax], said))
    for said in ('0', '1', '2', '4', '2147483647'):
        other = image('numbers', number=int(said) % 100, side=SIDE)
        elements = [e for e in PLAIN.elements if e[0] not in (0x00080018, 0x0020000D, 0x0020000E, 0x00280008)]
        one = Instance(CT, elements + [(0x00280008, 'IS', said), (0x00080018, 'UI', other.uid), (0x0020000D, 'UI', other.study),
                                       (0x0020000E, 'UI', other.series)])
        check(node.store([one]) == [0], 'C-STORE')
        for n in (1, 2, 3):
            equal(answer_to(path(one) + '/frames/%d' % n, OCTETS, said).body, SAMPLES[n - 1], 'native, said to be %s' % said)
        equal(answer_to(path(one) + '/frames/4', OCTETS, said).status, 404, 'native, said to be %s' % said)


@case('shapes that do not fit the frames')
def shapes():
    for syntax, three in STREAMS.items():
        for what, changed in (('rows', {0x00280010: 9}), ('no columns', {0x00280011: 0}), ('huge', {0x00280010: 60000, 0x00280011: 60000}),
                              ('8 bits', {0x00280100: 8, 0x00280101: 8, 0x00280102: 7}), ('three samples', {0x00280002: 3}),
                              ('1 bit', {0x00280100: 1, 0x00280101: 1, 0x00280102: 0}), ('bits', {0x00280101: 77})):
            one = stored(syntax, [b'', *three])
            new = Instance(CT, [(t, v, changed.get(t, x) if t != 0x00080018 else uid('shapes', syntax, what)) for t, v, x in one.elements], syntax)
            check(node.store([new]) == [0], 'C-STORE')
            look_at(new, (), '%s, %s' % (KINDS[syntax], what))


@case('pixel data of a series: what cannot be taken apart says so in its place, the others are there')
def series():
    for order in (1, 2):
        good, bad = image('beside%d' % order, number=order, side=SIDE), image('beside%d' % order, number=3 - order, side=SIDE)
        bad = Instance(CT, [e for e in bad.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'encapsulated', [b''])], JPEG_LS)
        equal([node.store([one]) for one in (good, bad)], [[0], [0]], 'C-STORE')
        at = path(good)[:path(good).index('/instances/')]
        parts = {p.type: p.body for p in web.get(at + '/pixeldata', related(OCTETS)).parts_of_any()}
        equal(parts.get(OCTETS), next(e[2] for e in good.elements if e[0] == 0x7FE00010), 'what is whole')
        check(len(json.loads(parts.get('application/json', '{"error":""}'))['error']) > 10, 'the other says nothing: %s' % list(parts))


@case('after all that, what is whole is whole')
def whole():
    for n, wanted in enumerate(SAMPLES, 1):
        equal(web.get(path(PLAIN) + '/frames/%d' % n, OCTETS).body, wanted, 'samples')
    note('%d instances' % made)


lib.main()
