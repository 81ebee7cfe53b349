#!/usr/bin/env python3
"""Pictures as large as they come: ten gigapixels in small tiles are served tile by tile; one frame of gigapixels is refused with the
reason. Neither the node nor a worker takes memory for it."""
import json
import os
import re
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
import bombs
import lib
from lib import case, check, equal, note
from objects import HTJ2K_LOSSLESS, JPEG_LS, SECONDARY, SLIDE, Instance, image
from parts import OCTETS, Client, path, related

lib.need_program()
TILE, ACROSS = 512, 196  # 100,352 by 100,352
FRAMES = ACROSS * ACROSS
MEMORY = 256 << 20  # of a worker, besides what the program takes itself
GROWTH = 24 << 10  # KiB of anonymous memory of the node
BYTES = [(0x00280100, 'US', 8), (0x00280101, 'US', 8), (0x00280102, 'US', 7)]
node = lib.Node({'settle.enabled': 'false', 'settle.grace': '0ms', 'imaging.memory': '256M', 'dicom.dimse': '2min'})
node.start('--accept-unknown', 'NORTH')
web = Client(node)
TILES = [bytes((x // 64 * k + y // 128 * 9) % 256 for y in range(TILE) for x in range(TILE)) for k in (1, 2, 3)]


def said(rows, columns):
    return [*BYTES, (0x00280010, 'US', rows), (0x00280011, 'US', columns)]


seed = bombs.made('tiles', ('OB', b''.join(TILES)), changes=said(TILE, TILE), frames=3, sop_class=SECONDARY)
equal(node.store([seed]), [0], 'C-STORE')


def workers():
    """Processes that the node has started."""
    out = []
    for task in os.listdir('/proc/%d/task' % node.process.pid):
        try:
            with open('/proc/%d/task/%s/children' % (node.process.pid, task)) as f:
                out += [int(word) for word in f.read().split()]
        except OSError:
            pass
    return out


class Workers:
    """The most that any of the node's workers takes while the block runs, KiB."""

    def __enter__(self):
        self.most, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        while not self.over.wait(0.01):
            for pid in workers():
                try:
                    with open('/proc/%d/status' % pid) as f:
                        self.most = max(self.most, int(re.search(r'RssAnon:\s+(\d+)', f.read()).group(1)))
                except (OSError, AttributeError):
                    pass

    def __exit__(self, *what):
        self.over.set()
        self.thread.join()


def slide(syntax, kind):
    """Ten gigapixels in one instance, of three tiles again and again."""
    parts = [bombs.even(p.body) for p in web.get(path(seed) + '/frames/1,2,3', related(kind, syntax)).parts()]
    offsets, at = [], 0
    for i in range(FRAMES):
        offsets.append(at)
        at += len(parts[i % 3]) + 8
    base = [e for e in image('slide ' + syntax, sop_class=SLIDE, modality='SM', extra=[
        *said(TILE, TILE), (0x00280008, 'IS', str(FRAMES)), (0x00480006, 'UL', TILE * ACROSS), (0x00480007, 'UL', TILE * ACROSS),
        (0x00209311, 'CS', 'TILED_FULL')]).elements if e[0] != bombs.PIXELS]
    table = struct.pack('<%dI' % FRAMES, *offsets)
    return Instance(SLIDE, base + [(bombs.PIXELS, 'encapsulated', [table] + [parts[i % 3] for i in range(FRAMES)])], syntax), parts


def tiles_answer(one, parts, kind, what):
    for n in (1, 2, FRAMES // 2, FRAMES):
        at = path(one) + '/frames/%d' % n
        got = web.get(at, kind)
        equal((got.status, bombs.even(got.body)), (200, parts[(n - 1) % 3]), '%s, frame %d as stored' % (what, n))
        equal(web.get(at, OCTETS).body, TILES[(n - 1) % 3], '%s, frame %d decoded' % (what, n))
        got = web.get(at + '/rendered', 'image/jpeg')
        equal((got.status, got.body[:2]), (200, b'\xff\xd8'), '%s, frame %d rendered' % (what, n))
    equal(web.get(path(one) + '/frames/%d' % (FRAMES + 1), kind).status, 404, what + ', a frame behind the last')
    equal(web.get(path(one) + '/thumbnail', 'image/jpeg').status, 200, what + ', thumbnail')


@case('ten gigapixels in small tiles: any tile at once, before and after settling; the node takes no memory for it')
def gigapixels():
    for syntax, kind in ((JPEG_LS, 'image/jls'), (HTJ2K_LOSSLESS, 'image/jphc')):
        one, parts = slide(syntax, kind)
        at = one.save(os.path.join(lib.folder(), 'slide.dcm'))
        first = node.memory()[1]
        with lib.Watch(node) as watch:
            begun = time.monotonic()
            node.teleread('import', at, timeout=300)
            took = time.monotonic() - begun
            tiles_answer(one, parts, kind, 'as it came')
            run = json.loads(node.teleread('settle', '--now', '--json', '--study', one.study, timeout=300).out)
            equal((run['failed'], run['mismatched']), (0, 0), 'the run: %s' % run)
            tiles_answer(one, parts, kind, 'settled')
        grown = node.memory()[1] - first
        note('%s: %d frames, %d MB, import %.1f s; resident %d KB more at most, %d KB of them stay' % (
            syntax, FRAMES, len(one.data) >> 20, took, watch.grown, grown))
        check(lib.sanitized() or grown < GROWTH, 'the node grew by %d KB' % grown)


def refused(one, what, ways=(('/frames/1', OCTETS), ('/frames/1', 'image/jls'), ('/rendered', 'image/jpeg'),
                            ('/thumbnail', 'image/jpeg'))):
    for at, accepted in ways:
        answer = web.get(path(one) + at, accepted)
        equal(answer.status, 406, '%s, %s as %s: %s' % (what, at, accepted, answer))
        sentence = json.loads(answer.body)['error']
        check(re.search('memory|more|does not fit|larger', sentence), '%s, %s: %s' % (what, at, sentence))
        note('%s, %s as %s: %s' % (what, at, accepted, sentence))


@case('one frame of gigapixels is refused with the reason; no worker takes more than its memory')
def one_frame():
    first = node.memory()[1]
    jumbo = [bombs.made('jumbo %d' % side, ('encapsulated', [b'', bombs.j2k(side, side, bits=8, high=high)]),
                        HTJ2K_LOSSLESS if high else '1.2.840.10008.1.2.4.90', said(side, side), sop_class=SECONDARY)
             for side, high in ((60000, False), (60001, True), (24000, False), (24001, True))]
    with Workers() as seen:
        for one in jumbo:
            equal(node.store([one]), [0], 'C-STORE')
            refused(one, next(v for t, _, v in one.elements if t == 0x00081030))
            equal(web.get(path(seed) + '/frames/2', OCTETS).body, TILES[1], 'another picture')
    note('a worker took %d KB at most' % seen.most)
    check(lib.sanitized() or seen.most << 10 < MEMORY + (64 << 20), 'a worker took %d KB' % seen.most)
    check(lib.sanitized() or node.memory()[1] - first < GROWTH, 'the node grew')


@case('a frame that just does not fit: the worker tries, says so, and takes no more than it may')
def just_not():
    with Workers() as seen:
        for side in (4000, 8000, 10500):
            row = bytes(i * i // 977 % 256 for i in range(side))
            body = b''.join(row[k % 97:] + row[:k % 97] for k in range(side))
            one = bombs.made('large %d' % side, ('OB', body), changes=said(side, side), sop_class=SECONDARY)
            equal(node.store([one]), [0], 'C-STORE')
            answers = {k: web.get(path(one) + '/frames/1', k) for k in ('image/jp2', 'image/jphc', 'image/jls', OCTETS)}
            answers['rendered'] = web.get(path(one) + '/rendered?viewport=512,512', 'image/jpeg')
            check(answers[OCTETS].body == body, 'samples')
            note('%d by %d: %s; a worker takes %d KB' % (side, side, {k: a.status for k, a in answers.items()}, seen.most))
            for kind, a in answers.items():
                check(a.status in (200, 406), '%s: %s' % (kind, a))
                if a.status == 406:
                    check('memory' in json.loads(a.body)['error'], '%s: %s' % (kind, a))
    check(lib.sanitized() or seen.most << 10 < MEMORY + (64 << 20), 'a worker took %d KB' % seen.most)


@case('a native frame of 3.6 GB: kept and given as it is, refused as a picture')
def native():
    if not lib.BIG:
        raise lib.Skip('3.6 GB of disk; TELEREAD_BIG=1')
    side = 60000
    one = bombs.made('huge', ('OB', b''), changes=said(side, side), sop_class=SECONDARY)
    at = one.save(os.path.join(lib.folder(), 'huge.dcm'))
    with open(at, 'r+b') as f:
        f.seek(-4, 2)
        f.write(struct.pack('<I', side * side))
        f.truncate(f.tell() + side * side)
    first = node.memory()[1]
    begun = time.monotonic()
    node.teleread('import', at, timeout=900)
    note('import of %d MB: %.1f s' % (side * side >> 20, time.monotonic() - begun))
    refused(one, 'native', (('/frames/1', 'image/jphc'), ('/rendered', 'image/jpeg'), ('/thumbnail', 'image/jpeg')))
    run = json.loads(node.teleread('settle', '--now', '--json', '--study', one.study, timeout=900).out)
    equal((run['kept'], run['failed']), (1, 0), 'the run: %s' % run)
    check(lib.sanitized() or node.memory()[1] - first < GROWTH, 'the node grew by %d KB' % (node.memory()[1] - first))


lib.main()
