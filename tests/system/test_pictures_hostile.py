#!/usr/bin/env python3
"""Pictures that mean harm, over every door: frames, rendered ones, thumbnails, metadata, C-GET in another syntax, settling and
export. The node lives as the same process and stays small, errors say what they are about, others are served meanwhile, and what
is damaged is given back as it was sent.

TELEREAD_HOSTILE_MINUTES=15 goes on with mutations of all real files for so long; TELEREAD_SEED picks others.
"""
import json
import os
import random
import re
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
import bombs
import dul
import lib
from dul import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal, note, trap
from objects import CT, Instance, Part10, image, text
from parts import DICOM, OCTETS, Client, path, related

lib.need_program()
SEED = int(os.environ.get('TELEREAD_SEED', '20261122'))
MINUTES = float(os.environ.get('TELEREAD_HOSTILE_MINUTES', '0'))
SECONDS = 60 * MINUTES or (60 if lib.BIG else 6)  # of mutations
GROWTH = 48 << 10  # KiB of anonymous memory: tables of frames and pictures that are kept are part of it
BUSY = 503
node = lib.Node({'settle.enabled': 'false', 'settle.grace': '0ms', 'imaging.memory': '256M', 'imaging.time': '10s', 'dicom.dimse': '2min',
                 'http.workers': '8'})
OPERATOR = node.teleread('token', 'create', '--name', 'an operator', '--role', 'admin').out.strip()
node.start('--accept-unknown', 'NORTH')
web = Client(node)
noise = random.Random(SEED)
SIDE, FRAMES = bombs.SIDE, 3
SAMPLES = [b''.join(struct.pack('<H', noise.randrange(64) + (x + y) * 9) for y in range(SIDE) for x in range(SIDE)) for _ in range(FRAMES)]
GOOD = bombs.made('good', ('OW', b''.join(SAMPLES)), frames=FRAMES)
equal(node.store([GOOD]), [0], 'C-STORE')
STREAMS = {}
for syntax, kind in bombs.SYNTAXES.items():
    STREAMS[syntax] = [bombs.even(p.body) for p in web.get(path(GOOD) + '/frames/1,2,3', related(kind, syntax)).parts()]
web.get(path(GOOD) + '/frames/3/rendered', 'image/jpeg')
FIRST, PID = node.memory()[1], node.process.pid
sent = {}  # what was taken: {uid: instance}
unnamed, wrong, counted = [], [], {}
WAYS = [('/frames/1', '*/*'), ('/frames/1', OCTETS), ('/frames/1', 'image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202'),
        ('/frames/1,2', related(OCTETS)), ('/frames/1/rendered', 'image/jpeg'), ('/rendered?window=40,400,linear&viewport=100,100', 'image/png'),
        ('/thumbnail', 'image/jpeg'), ('/metadata', 'application/dicom+json'), ('', '%s; transfer-syntax=%s' % (related(DICOM), EXPLICIT_LE))]


def metric(name):
    answer = web.get('/metrics', None, Authorization='Bearer ' + OPERATOR)
    rows = [line.rsplit(' ', 1) for line in answer.body.decode().splitlines() if not line.startswith('#')]
    return sum(float(value) for key, value in rows if key == name or key.startswith(name + '{'))


def well(what):
    check(node.alive() and node.process.pid == PID, '%s: the node is gone' % what)
    grown = node.memory()[1] - FIRST
    check(lib.sanitized() or grown < GROWTH, '%s: memory grew by %d KB' % (what, grown))


def sentence(answer, what):
    """An error is JSON with a sentence."""
    try:
        said = json.loads(answer.body)['error']
    except (ValueError, KeyError, TypeError):
        raise AssertionError('%s: no error in JSON: %s' % (what, answer))
    check(len(said) > 10, '%s: %s' % (what, answer))
    return said


def look(one, what):
    """Every way to a picture of it: answered, or an error of what is stored, never of the node."""
    slow = one.syntax == dul.DEFLATED_LE and len(one.data) > 100000 and not MINUTES  # opened for each of them
    for at, accepted in WAYS[1::3] if slow else WAYS:
        where = '%s: %s as %s' % (what, at, accepted)
        answer = web.get(path(one) + at, accepted)
        counted[answer.status] = counted.get(answer.status, 0) + 1
        if answer.status not in (200, 206, 404, 406):
            wrong.append('%s: %s' % (where, answer))
        elif answer.status >= 400:
            said = sentence(answer, where)
            if answer.status == 406 and '/frames/1' in at and not any(
                    w in said for w in ('frame', 'pixel', 'data set', 'element', 'sequence', 'Offset Table', 'images in', 'acceptable')):
                unnamed.append('%s: %s' % (where, said))


def send(instances):
    """Over C-STORE; those that were taken."""
    out = []
    for what, one in instances:
        try:
            with node.associate('COUNTY', [(one.sop_class, [one.syntax])], timeout=60 * lib.SLOW) as a:
                status = a.store(one.sop_class, one.uid, one.syntax, one.data).status
        except (dul.NotAccepted, dul.Aborted, dul.Closed) as e:
            note('%s is not taken: %s' % (what, e))
            well(what)
            continue
        check(status in (0, 0xB000) or status & 0xF000 == 0xC000 or status & 0xFF00 == 0xA900, '%s: status of C-STORE %04X' % (what, status))
        if status == 0:
            sent[one.uid] = one
            out.append((what, one))
    return out


def fetch(one, what):
    """C-GET in a syntax that it was not sent in: it comes, or is counted as one that failed; the association goes on."""
    other = IMPLICIT_LE if one.syntax == EXPLICIT_LE else EXPLICIT_LE
    pairs = [(dul.STUDY_GET, [IMPLICIT_LE]), (dul.VERIFICATION, [IMPLICIT_LE])]
    import objects
    with node.associate('COUNTY', pairs, get=[(one.sop_class, [other])], timeout=60 * lib.SLOW) as a:
        got, final = a.get(dul.STUDY_GET, objects.keys('IMAGE', StudyInstanceUID=one.study, SeriesInstanceUID=one.series, SOPInstanceUID=one.uid))
        check((len(got), final.status) in ((1, 0), (0, 0xB000), (0, 0xA702), (0, 0xC000)) or final.status & 0xF000 == 0xC000,
              '%s: C-GET gave %d, status %04X' % (what, len(got), final.status))
        equal(a.echo().status, 0, what + ': C-ECHO on the same association')


class Beside:
    """Others ask for good frames and store good instances all the while."""

    def __init__(self, threads=1):
        self.threads, self.over, self.rounds, self.busy, self.errors = threads, threading.Event(), 0, 0, []

    def ask(self, seed):
        n = 0
        while not self.over.wait(0.01):
            n += 1
            at, accepted = (('/frames/%d' % (n % FRAMES + 1), OCTETS), ('/frames/2', 'image/jls'), ('/frames/3/rendered', 'image/jpeg'))[(n + seed) % 3]
            answer = web.get(path(GOOD) + at, accepted)
            if answer.status == BUSY:
                self.busy += 1
                check(answer.headers['Retry-After'], 'busy without Retry-After')
                continue
            equal(answer.status, 200, 'a good frame, %s as %s: %s' % (at, accepted, answer))
            if accepted == OCTETS:
                check(answer.body == SAMPLES[n % FRAMES], 'a good frame is wrong')
            if n % 10 == 0:
                equal(node.store([image('beside', number=n, series='%d %d' % (seed, id(self)))], calling='COUNTY'), [0], 'C-STORE beside')
            self.rounds += 1

    def run(self, seed):
        try:
            self.ask(seed)
        except Exception as e:  # noqa: said by __exit__
            self.errors.append(e)

    def __enter__(self):
        self.all = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(self.threads)]
        for t in self.all:
            t.start()
        return self

    def __exit__(self, kind, *rest):
        self.over.set()
        for t in self.all:
            t.join()
        if kind is None:
            equal(self.errors, [], 'those beside')
            check(self.rounds > 0, 'those beside did nothing')


def nothing_wrong():
    for line in wrong[:40]:
        note(line)
    equal(len(wrong), 0, 'answers that should be others')


def all_ways(instances):
    with Beside():
        for what, one in send(instances):
            look(one, what)
            fetch(one, what)
            well(what)
    nothing_wrong()


@case('bombs, shapes, tables and looks that lie')
def named():
    trap(26, 'code streams and data sets that declare what is not so, over every door')
    all_ways(bombs.named())
    note('statuses %s' % counted)


@case('the files made to do harm')
def shared():
    top = os.path.join(lib.SHARED, 'data', 'hostile', 'file')
    if not os.path.isdir(top):
        raise lib.Skip('no hostile files at %s' % top)
    some = []
    for name in sorted(os.listdir(top)):
        with open(os.path.join(top, name), 'rb') as f:
            try:
                one = bombs.of_part10(Part10(f.read()))
            except Exception:  # noqa: not even a data set; test_hostile.py sends it
                continue
            if all(c in '0123456789.' for c in one.uid + one.study + one.series) and one.uid and one.sop_class:
                some.append((name, one))
    check(len(some) > 15, 'only %d' % len(some))
    all_ways(some)


def own():
    """Good instances of each syntax, to be mutated."""
    out = [GOOD, bombs.made('big', ('OW', b''.join(SAMPLES)), EXPLICIT_BE, frames=FRAMES)]
    for syntax, streams in STREAMS.items():
        table = struct.pack('<3I', 0, len(streams[0]) + 8, len(streams[0]) + len(streams[1]) + 16)
        out.append(bombs.made('good in ' + syntax, ('encapsulated', [table, *streams]), syntax, frames=FRAMES))
    return out


def real():
    top = os.path.join(lib.SHARED, 'data', 'dicom')
    if not os.path.isdir(top):
        note('no corpus at %s: only files of our own are mutated' % top)
        return []
    out = []
    for name in lib.corpus()[1]:
        at = os.path.join(top, name)
        if os.path.getsize(at) > (3 << 20 if not MINUTES else 30 << 20):
            continue
        try:
            with open(at, 'rb') as f:
                one = bombs.of_part10(Part10(f.read()))
        except Exception:  # noqa: some of the corpus are no data sets
            continue
        if len(one.uid) > 20 and one.study and one.series and bombs.pixel_part(one.data):
            out.append(one)
    return out


@case('code streams cut anywhere, and mutations of what is good, of real files where they are')
def mutations():
    note('seed %d, %g s' % (SEED, SECONDS))
    mine, theirs = own(), real()
    end, n = time.monotonic() + SECONDS * lib.SLOW, 0
    with Beside():
        while time.monotonic() < end:
            n += 1
            one = noise.choice(theirs) if theirs and n % 3 else noise.choice(mine)
            state = noise.getstate()[1][0]
            what, bad = bombs.mutated(one, noise, n)
            what = 'mutation %d (%s of %s, %s, %d)' % (n, what, one.uid, one.syntax, state)
            for what, one in send([(what, bad)]):
                look(one, what)
                if n % 5 == 0:
                    fetch(one, what)
            well(what)
    nothing_wrong()
    check(n > 10 or lib.sanitized(), 'only %d mutations' % n)
    note('%d mutations; statuses %s' % (n, counted))


@case('errors name the frame, or what of the data set is wrong')
def names():
    for line in unnamed[:20]:
        note(line)
    equal(len(unnamed), 0, 'errors that do not say what they are about')


@case('thirty-two at once, good and bad, while others store')
def crowd():
    bad = [one for one in sent.values() if one.uid != GOOD.uid][-400:]
    pick = random.Random(SEED)
    asked = [(pick.choice(bad), *pick.choice(WAYS)) for _ in range(320 if MINUTES else 192)]
    statuses = {}

    def ask(mine):
        for one, at, accepted in mine:
            answer = web.get(path(one) + at, accepted)
            check(answer.status in (200, 206, 404, 406, BUSY), '%s as %s: %s' % (path(one) + at, accepted, answer))
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
    if lib.has_faults():  # what kills every worker that looks at it
        killer = bombs.made('killer', ('OW', b'teleread-fault=crash;'.ljust(32) + bytes(SIDE * SIDE * 2 - 32)))
        sent[killer.uid] = killer
        equal(node.store([killer]), [0], 'C-STORE')
        asked[::20] = [(killer, '/frames/1', 'image/jls')] * len(asked[::20])
    with Beside(8) as beside:
        lib.together(*(lambda k=k: ask(asked[k::24]) for k in range(24)))
    note('statuses of the bad ones %s; %d good ones beside, %d of them were told to come again' % (statuses, beside.rounds, beside.busy))
    check(not lib.has_faults() or metric('teleread_imaging_deaths_total') >= 2, 'no death of a worker was counted')
    well('the crowd')


@case('settled: what is damaged stays as it came, and export gives back what was sent')
def settled():
    before = metric('teleread_imaging_deaths_total')
    with Beside():
        done = node.teleread('settle', '--now', '--json', code=None, timeout=900 + SECONDS)
        run = json.loads(done.out)
    equal((run['mismatched'], run['failed']), (0, 0), 'the run: %s' % done)
    to = os.path.join(lib.folder(), 'out')
    done = node.teleread('export', '--original', '--to', to, '--all', code=None, timeout=900)
    failed = [line for line in done.err.splitlines() if 'no record in the DICOMDIR' not in line]
    check('failed 0,' in done.out, '%s; %s' % (done.out, failed[:20]))
    left = dict(sent)
    for at, _, files in os.walk(os.path.join(to, 'DICOM')):
        for name in files:
            with open(os.path.join(at, name), 'rb') as f:
                back = Part10(f.read())
            one = left.pop(text(back.meta, 0x00020003), None)
            if one:
                check(back.data == one.data and back.syntax == one.syntax, 'export --original of %s is something else' % one.uid)
    equal(sorted(left), [], 'instances that export did not give back')
    note('%d instances: %d encoded, %d kept; %d deaths of workers, %d in settling' % (
        len(sent), run['encoded'], run['kept'], metric('teleread_imaging_deaths_total'), metric('teleread_imaging_deaths_total') - before))
    for one in list(sent.values())[::15 if not MINUTES else 1]:
        look(one, 'settled ' + one.uid)
    equal(json.loads(node.teleread('fsck', '--json').out.splitlines()[-1])['faults'], 0, 'faults')
    well('settling')


@case('a frame that is not there, under UIDs that are none but are stored')
def odd():
    one = bombs.made('odd', ('OW', SAMPLES[0]), changes=[(0x0020000D, 'UI', 'c0ffee-1'), (0x0020000E, 'UI', 'c0ffee-2')])
    equal(node.store([one]), [0], 'C-STORE')
    equal(web.get(path(one) + '/frames/1', OCTETS).body, SAMPLES[0], 'samples')
    answer = web.get(path(one) + '/frames/1,2', related(OCTETS))
    equal(answer.status, 404, answer)
    equal(json.loads(answer.body)['error'], 'frame 2 of 1', 'what it says')


@case('after all that what is whole is whole, and the node ends as asked')
def whole():
    for n, wanted in enumerate(SAMPLES, 1):
        equal(web.get(path(GOOD) + '/frames/%d' % n, OCTETS).body, wanted, 'samples')
    equal(web.get(path(GOOD) + '/thumbnail', 'image/jpeg').status, 200, 'a thumbnail')
    equal(node.echo(), 0, 'C-ECHO')
    with open(node.log) as f:
        log = f.read()
    found = re.search('ERROR: AddressSanitizer: (?!SEGV)|runtime error', log)  # the killer is a SEGV
    check(not found, 'a sanitizer has found something: ' + (log[found.start():][:3000] if found else ''))
    note('memory grew by %d KB' % (node.memory()[1] - FIRST))
    node.stop(60)


if __name__ == '__main__':
    lib.main()
