#!/usr/bin/env python3
"""What is kept but not shown, and the decisions about it: quarantine, drop and undrop, holds and retention, unreadable
input; beside a running node and without one, through kills, and as the packs alone tell it."""
import datetime
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import CT, EXPLICIT_LE, encode, image, keys, text, uid

lib.need_program()
CTX = [(CT, [dul.EXPLICIT_LE])]
WHY = ('--why', 'sent by mistake 误传')
nodes = {}


def node():
    """One node for most cases, running."""
    if 'one' not in nodes:
        nodes['one'] = lib.Node()
        nodes['one'].start()
    return nodes['one']


def both(function):
    """The same with the node running and with the folder alone."""
    def run():
        function(node(), 'on')
        node().stop()
        try:
            function(node(), 'off')
        finally:
            node().start()
    return run


class Running:
    """The node runs within; it is left as it was found."""

    def __init__(self, n):
        self.n, self.was = n, n.alive()

    def __enter__(self):
        if not self.was:
            self.n.start()

    def __exit__(self, *what):
        if not self.was and self.n.alive():
            self.n.stop()


def send(n, *instances):
    with Running(n):
        return n.store(instances)


def got(n, instances):
    """{uid: bytes} of what C-GET brings of these studies."""
    with Running(n):
        return {u: data for u, (_, data) in n.get_all(instances).items()}


def found(n, study):
    with Running(n):
        return len(n.find('STUDY', StudyInstanceUID=study))


def kept(n, *words):
    return n.json_lines('quarantine', 'list', *words)


def sound(n):
    n.teleread('fsck')
    n.teleread('reindex', '--prove')


def of(*instances):
    return {i.uid: i.data for i in instances}


# ---- contradictions

@case('a collision is listed, shown and written out as it is kept')
@both
def listed(n, how):
    trap(22, 'the second one is kept whole, and can be looked at')
    one, two = (image('list' + how, 1, seed=s) for s in (1, 2))
    equal(send(n, one, two), [0, 0xB000])
    row, = kept(n, '--study', one.study)
    equal((row['kind'], row['instance'], row['study'], row['site'], row['aet'], row['discarded']),
          ('contradiction', one.uid, one.study, 'NORTH', 'COUNTY', False))
    check('other content' in row['reason'], row['reason'])
    equal(kept(n, '--kind', 'contradiction', '--study', one.study), [row])
    equal(kept(n, '--kind', 'dropped', '--study', one.study), [])
    path = os.path.join(n.folder, 'kept-%s.dcm' % how)
    shown, = n.json_lines('quarantine', 'show', row['number'], '--out', path)
    equal({key: shown[key] for key in row}, row)
    against = shown['against']
    equal((against['instance'], against['number'] < row['number'], against['aet']), (one.uid, True, 'COUNTY'))
    with open(path, 'rb') as f:
        raw = f.read()
    equal(raw[128:132], b'DICM')
    check(raw.endswith(two.data), 'the data set, byte for byte')
    n.teleread('quarantine', 'show', row['number'], '--out', path, code=1)  # nothing is written over
    n.teleread('quarantine', 'show', '999999', code=1)
    n.teleread('quarantine', 'show', 'x', code=2)
    n.teleread('quarantine', 'list', '--kind', 'x', code=2)
    n.teleread('quarantine', 'release', row['number'], code=2)  # no reason given


@case('release: what still contradicts stays, with its reason; --replace puts it in the place of the first')
@both
def release(n, how):
    trap(22, 'which of two is right is decided by a person, and nothing is lost by it')
    one, two = (image('rel' + how, 1, seed=s) for s in (1, 2))
    other = image('rel' + how, 2)
    equal(send(n, one, other, two), [0, 0, 0xB000])
    row, = kept(n, '--study', one.study)
    done = n.teleread('quarantine', 'release', row['number'], *WHY, code=1)
    check('other content' in done.out, done)
    equal(got(n, [one]), of(one, other))
    n.teleread('quarantine', 'release', row['number'], '--replace', *WHY)
    equal(got(n, [one]), of(two, other))
    back, = kept(n, '--study', one.study)
    equal((back['kind'], back['instance']), ('replaced', one.uid))
    n.teleread('quarantine', 'release', back['number'], '--replace', '--why', 'the first was right')
    equal(got(n, [one]), of(one, other))
    equal([r['kind'] for r in kept(n, '--study', one.study)], ['replaced'])
    sound(n)


@case('release of a study that belonged to another patient, once the other one is dropped')
@both
def owner(n, how):
    one, two = image('own' + how, 1, patient='PA' + how), image('own' + how, 2, patient='PB' + how)
    equal(send(n, one, two), [0, 0xB000])
    row, = kept(n, '--study', one.study)
    n.teleread('quarantine', 'release', row['number'], *WHY, code=1)
    n.teleread('drop', '--study', one.study, *WHY)
    n.teleread('quarantine', 'release', row['number'], *WHY)
    equal(got(n, [two]), of(two))
    # and what cannot come back is named
    done = n.teleread('drop', '--undo', '--study', one.study, *WHY, code=1)
    check('another patient' in done.out and one.uid in done.out, done)
    equal(got(n, [two]), of(two))
    sound(n)


@case('the only instance of a study is replaced by one of another patient')
@both
def replace_patient(n, how):
    one, two = image('rp' + how, 1, patient='RA' + how), image('rp' + how, 1, patient='RB' + how)
    equal(send(n, one, two), [0, 0xB000])
    row, = kept(n, '--study', one.study)
    shown, = n.json_lines('quarantine', 'show', row['number'])
    for side, patient, instance in ((shown, 'RB', two), (shown['against'], 'RA', one)):
        equal((side['patient_id'], side['study'], side['modality'], side['unread']), (patient + how, instance.study, 'CT', None))
        check(side['patient_name'] and side['study_date'], side)
    said = n.teleread('quarantine', 'show', row['number']).out
    check('patient   RA%s  (differs)' % how in said and 'patient   RB%s\n' % how in said, said)
    check(' NORTH ' in n.teleread('quarantine', 'list', '--study', one.study).out, 'the site')
    n.teleread('quarantine', 'release', row['number'], '--replace', *WHY)
    replaced, = kept(n, '--study', one.study)
    shown, = n.json_lines('quarantine', 'show', replaced['number'])
    equal((replaced['aet'], shown['aet'], shown['against']['number']), ('COUNTY', 'COUNTY', row['number']))
    equal(got(n, [two]), of(two))
    with Running(n):
        equal(n.find('PATIENT', model=dul.PATIENT_FIND, PatientID='RA' + how), [])
        equal(len(n.find('PATIENT', model=dul.PATIENT_FIND, PatientID='RB' + how)), 1)
    sound(n)


@case('what was replaced only in part leaves the counts right')
def counts():
    n = node()
    some = [image('counts', k, series=s, modality='CT' if s == 1 else 'MR') for s in (1, 2) for k in (1, 2)]
    two = image('counts', 1, series=2, modality='PT', seed=9, key=None)
    equal(send(n, *some), [0] * 4)
    equal(send(n, two), [0xB000])
    row, = kept(n, '--study', two.study)
    n.teleread('quarantine', 'release', row['number'], '--replace', *WHY)
    answer, = n.find('STUDY', StudyInstanceUID=two.study, NumberOfStudyRelatedInstances='', NumberOfStudyRelatedSeries='',
                     ModalitiesInStudy='')
    equal((text(answer, 0x00201208), text(answer, 0x00201206), text(answer, 0x00080061)), ('4', '2', 'CT\\MR'))
    sound(n)


@case('a refresh leaves to a series what its first instance said, though it was replaced since')
def refreshed():
    with lib.Node() as n:
        said = [image('heir', k, seed=s, extra=[(0x0008103E, 'LO', w), (0x00081030, 'LO', w), (0x00100040, 'CS', x)])
                for k, s, w, x in ((1, 1, 'first', 'M'), (2, 1, 'second', 'F'), (1, 2, 'third', 'O'))]
        equal(send(n, *said), [0, 0, 0xB000])
        for _ in range(2):  # the second time puts the first back
            row, = kept(n, '--study', said[0].study)
            n.teleread('quarantine', 'release', row['number'], '--replace', *WHY)
            n.teleread('reindex', '--prove')
            n.teleread('reindex')
            n.teleread('reindex', '--prove')


@case('drop of a record: no longer listed but with --all, and sent again it is not written again')
@both
def discard(n, how):
    one, two = (image('dis' + how, 1, seed=s) for s in (1, 2))
    equal(send(n, one, two), [0, 0xB000])
    row, = kept(n, '--study', one.study)
    n.teleread('quarantine', 'drop', row['number'], *WHY)
    equal(kept(n, '--study', one.study), [])
    row, = kept(n, '--study', one.study, '--all')
    equal(row['discarded'], True)
    n.teleread('quarantine', 'drop', row['number'], *WHY, code=1)
    n.teleread('quarantine', 'release', row['number'], *WHY, code=1)  # nothing comes of it
    equal(kept(n, '--study', one.study, '--all'), [row])
    equal(send(n, two), [0xB000])
    equal(kept(n, '--study', one.study), [])
    n.teleread('quarantine', 'drop', '999999', *WHY, code=1)


@case('what contradicts no longer is taken when it is sent again')
def again():
    n = node()
    one, two = image('again', 1, patient='AA'), image('again', 2, patient='AB')
    equal(send(n, one, two), [0, 0xB000])
    n.teleread('drop', '--study', one.study, *WHY)
    equal(send(n, two), [0])
    equal(got(n, [two]), of(two))
    sound(n)


# ---- drop and undrop

@case('drop: nobody finds it; undo: the same bytes come back')
@both
def round_trip(n, how):
    trap(22, 'a study is taken out of sight and brought back, bit by bit')
    some = [image('trip' + how, k, series=s) for s in (1, 2) for k in (1, 2, 3)] + \
        [image('trip' + how, 9, bulk=2500000)]
    equal(send(n, *some), [0] * 7)
    before, = kept(n, '--study', some[0].study) or [None]
    equal(before, None)
    n.teleread('drop', '--study', some[0].study, *WHY)
    equal(found(n, some[0].study), 0)
    equal(got(n, some), {})
    with Running(n):
        _, final = n.get('STUDY', [(CT, dul.EXPLICIT_LE)], StudyInstanceUID=some[0].study)
        equal((final.status, final.completed), (0, 0))
    equal(n.json_lines('find', '--level', 'study', 'StudyInstanceUID=' + some[0].study), [])
    n.teleread('export', '--study', some[0].study, '--to', os.path.join(n.folder, 'none' + how), code=None)
    check(not any(f for _, _, fs in os.walk(os.path.join(n.folder, 'none' + how)) for f in fs if f != 'DICOMDIR'),
          'nothing is exported')
    row, = [r for r in n.json_lines('drop', '--list') if r['study'] == some[0].study]
    equal((row['records'], row['why']), (7, WHY[1]))
    check(row['who'], 'who did it')
    sound(n)
    n.teleread('drop', '--study', some[0].study, *WHY, code=1)
    n.teleread('drop', '--undo', '--study', some[0].study, '--why', 'after all')
    equal(got(n, some), of(*some))
    equal([r for r in n.json_lines('drop', '--list') if r['study'] == some[0].study], [])
    n.teleread('drop', '--undo', '--study', some[0].study, *WHY, code=1)
    equal([(e['decision'], e['done'], e['records'], e['why']) for e in n.json_lines('events', '--study', some[0].study)],
          [('drop', True, 7, WHY[1]), ('undrop', True, 7, 'after all')])
    sound(n)


@case('sent again after a drop it is new; undo then names what contradicts, and takes the rest')
@both
def resend(n, how):
    trap(22, 'UIDs of what was dropped are free')
    some = [image('res' + how, k) for k in (1, 2, 3)]
    changed = image('res' + how, 2, seed=99)
    equal(send(n, *some), [0] * 3)
    n.teleread('drop', '--study', some[0].study, *WHY)
    equal(send(n, some[0], changed), [0, 0])
    equal(got(n, some), of(some[0], changed))
    done = n.teleread('drop', '--undo', '--study', some[0].study, *WHY, code=1)
    check('other content' in done.out and some[1].uid in done.out and some[2].uid not in done.out, done)
    equal(got(n, some), of(some[0], changed, some[2]))
    equal([r['instance'] for r in kept(n, '--study', some[0].study)], [some[1].uid])
    sound(n)


@case('an archive built from its packs alone says the same: find, quarantine, holds, events')
def from_packs():
    n = node()
    n.teleread('hold', '--study', uid('study', 'nowhere'), *WHY)
    n.stop()
    before = [n.teleread(*w).out for w in (('quarantine', 'list', '--all'), ('drop', '--list'), ('hold', '--list'), ('events',))]
    studies = n.teleread('find', '--level', 'study').out
    n.teleread('reindex')
    equal([n.teleread(*w).out for w in (('quarantine', 'list', '--all'), ('drop', '--list'), ('hold', '--list'), ('events',))],
          before)
    equal(sorted(n.teleread('find', '--level', 'study').out.splitlines()), sorted(studies.splitlines()))
    sound(n)
    n.start()


def flip(n, data):
    """Turns one bit of the header of the record that keeps this data set."""
    for at, _, names in os.walk(os.path.join(n.data, 'packs')):
        for name in names:
            with open(os.path.join(at, name), 'r+b') as f:
                place = f.read().find(data)
                if place >= 0:
                    f.seek(place // 4096 * 4096 + 40)
                    byte = f.read(1)
                    f.seek(-1, 1)
                    f.write(bytes((byte[0] ^ 1,)))
                    return
    raise AssertionError('no pack holds the data set')


@case('reindex: an index that knows of a damaged record is left as it is, unless forced')
def damaged():
    n = lib.Node()
    one, two = (image('damaged', 1, seed=s, side=16) for s in (1, 2))
    with n:
        equal(send(n, one, two), [0, 0xB000])
        row, = kept(n, '--study', one.study)
        n.teleread('quarantine', 'release', row['number'], '--replace', *WHY)
        n.stop()
        lists = [('quarantine', 'list', '--all'), ('events',), ('find', '--level', 'image')]
        before = [n.teleread(*w).out for w in lists]
        flip(n, two.data)
        for _ in range(2):
            done = n.teleread('reindex', code=1)
            check(two.uid in done.out and '--force' in done.err, done)
            equal([n.teleread(*w).out for w in lists], before)
        check(any(two.uid in str(a) for a in n.json_lines('alerts', '--kind', 'corrupt')), 'an alert names it')
        n.teleread('reindex', '--force', '--prove', code=2)
        n.teleread('reindex', '--force')
        equal([r['kind'] for r in kept(n, '--study', one.study)], [])
        flip(n, two.data)
        n.teleread('reindex')
        equal([n.teleread(*w).out for w in lists], before)
        flip(n, WHY[1].encode())
        done = n.teleread('reindex', code=1)
        check('decision' in done.out, done)
        equal([n.teleread(*w).out for w in lists], before)
        n.teleread('fsck', code=1)


@case('a study of many instances: the drop is one step, the undo many')
def many():
    n = lib.Node()
    some = [image('many', k, side=8) for k in range(1, 1201)]
    n.start()
    equal(set(n.store(some)), {0})
    n.teleread('drop', '--study', some[0].study, *WHY)
    equal(n.instances(), [])
    n.teleread('drop', '--undo', '--study', some[0].study, *WHY)
    equal(len(n.instances()), 1200)
    equal([(e['decision'], e['records']) for e in n.json_lines('events')],
          [('drop', 1200), ('undrop', 500), ('undrop', 500), ('undrop', 200)])
    sound(n)
    n.stop()


@case('a C-GET under way when its study is dropped ends, what has gone counted as failed')
def drop_while_get():
    n = lib.Node()
    some = [image('under', k, bulk=60000) for k in range(1, 801)]
    n.start()
    equal(set(n.store(some)), {0})
    dropped = threading.Event()

    def drop():
        n.teleread('drop', '--study', some[0].study, *WHY)
        dropped.set()
    with n.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=CTX) as a:
        thread, count = [], [0]

        def arrived():
            count[0] += 1
            if count[0] == 20:
                thread.append(threading.Thread(target=drop))
                thread[0].start()
                dropped.wait(20)
        objects, final = get_slowly(a, some[0].study, arrived)
    thread[0].join()
    sent = {i.uid: i.data for i in some}
    check(20 <= len(objects) < 800, 'some came: %d' % len(objects))
    check(all(sent[u] == data for u, data in objects), 'and those are whole')
    equal((final.status, final.completed, final.failed), (0xB000, len(objects), 800 - len(objects)))
    check(n.alive(), 'the node goes on')
    equal(n.echo(), 0)
    sound(n)
    n.stop()


def get_slowly(a, study, arrived):
    """A C-GET whose receiver says when something has come; [(uid, data)], the last answer."""
    out = []

    def stored(one):
        out.append((one[1], one[3]))
        arrived()
    _, final = a.get(dul.STUDY_GET, keys('STUDY', StudyInstanceUID=study), stored=stored)
    return out, final


@case('a patient has the name that the studies left to him say')
def patient_renamed():
    with lib.Node() as n:
        wrong = image('wrong', 1, patient='NAMED', name='Wrong^Name')
        equal(send(n, wrong, image('right', 1, patient='NAMED', name='Right^Name')), [0, 0])
        n.teleread('drop', '--study', wrong.study, *WHY)
        for name, rows in (('Wrong*', 0), ('Right*', 1)):
            equal(len(n.find('PATIENT', model=dul.PATIENT_FIND, PatientName=name)), rows, name)
        n.teleread('reindex')
        sound(n)
        n.teleread('drop', '--undo', '--study', wrong.study, *WHY)
        sound(n)
        n.teleread('reindex')
        sound(n)


# ---- holds and retention

@case('a held study cannot be dropped, nor can its records be discarded or replaced')
@both
def holds(n, how):
    one, two = (image('hold' + how, 1, seed=s) for s in (1, 2))
    n.teleread('hold', '--study', one.study, '--why', 'two\nlines', code=2)
    done = n.teleread('hold', '--study', one.study, '--why', 'asked for by the court')  # before it is there
    check('the study is not here' in done.err, done)
    equal(send(n, one, two), [0, 0xB000])
    row, = kept(n, '--study', one.study)
    for words in (('drop', '--study', one.study), ('quarantine', 'drop', row['number']),
                  ('quarantine', 'release', row['number'], '--replace'), ('hold', '--study', one.study)):
        done = n.teleread(*words, *WHY, code=1)
        check('asked for by the court' in done.err, done)
    row, = [r for r in n.json_lines('hold', '--list') if r['study'] == one.study]
    equal(row['why'], 'asked for by the court')
    n.teleread('hold', '--release', '--study', one.study, *WHY)
    n.teleread('hold', '--release', '--study', one.study, *WHY, code=1)
    equal(n.teleread('hold', '--study', one.study, *WHY).err, '')
    n.teleread('hold', '--release', '--study', one.study, *WHY)
    n.teleread('drop', '--study', one.study, *WHY)
    equal(found(n, one.study), 0)
    for words in (('hold', *WHY), ('drop', *WHY), ('drop', '--undo', *WHY), ('quarantine', 'list'), ('events',)):
        for wrong in ('not a uid', '', '1.2.' + '3' * 61, '.1'):
            check('cannot be a UID' in n.teleread(*words, '--study', wrong, code=2).err, words)
    n.teleread('hold', '--list', '--study', one.study, code=2)


@case('within the retention nothing is dropped, and the date is named')
def retention():
    n = lib.Node(settings={'archive.retention_years': '15'})
    young = datetime.date.today().replace(day=1)
    one = image('young', 1, date=young.strftime('%Y%m%d'))
    old = image('old', 1, date='20010131')
    undated = image('undated', 1, date='')
    n.start()
    equal(n.store([one, old, undated]), [0] * 3)
    for how in ('on', 'off'):
        done = n.teleread('drop', '--study', one.study, *WHY, code=1)
        check('kept until %04d-%02d-01' % (young.year + 15, young.month) in done.err, done)
        done = n.teleread('drop', '--study', undated.study, *WHY, code=1)
        check('arrival' in done.err, done)
        if how == 'on':
            n.teleread('drop', '--study', old.study, *WHY)
            n.stop()
    equal(n.json_lines('events')[0]['study'], old.study)


# ---- what nobody can read

def broken():
    """(what, data set) of a CT whose request is sound."""
    one = image('broken', 1)
    no_series = encode([e for e in one.elements if e[0] != 0x0020000E])
    bad_uid = encode([e if e[0] != 0x0020000D else (e[0], e[1], 'not a uid') for e in one.elements])
    cut = one.data[:60]
    return [('no series', no_series), ('bad study UID', bad_uid), ('cut before its identity', cut),
            ('text', b'This is no data set at all, whatever it was called on the way here. ' * 3)]


@case('what cannot be understood: C000, kept whole with the reason, once')
def unreadable():
    trap(22, 'never silent loss: even what nobody can read is kept')
    n = node()
    for k, (what, data) in enumerate(broken()):
        name = uid('unreadable', k)
        if what == 'no series':
            data = data.replace(image('broken', 1).uid.encode(), name.encode()) if len(name) == len(
                image('broken', 1).uid) else data
        before = len(kept(n, '--kind', 'unreadable'))
        with n.associate('COUNTY', CTX) as a:
            answers = [a.store(CT, name, EXPLICIT_LE, data) for _ in range(3)]
        equal([x.status for x in answers], [0xC000] * 3, what)
        check(all(x.comment for x in answers), 'a comment says why')
        rows = kept(n, '--kind', 'unreadable')
        equal(len(rows), before + 1, what)
        row = rows[-1]
        equal((row['instance'], row['aet']), (name, 'COUNTY'))
        path = os.path.join(n.folder, 'unreadable-%d' % k)
        n.teleread('quarantine', 'show', row['number'], '--out', path)
        with open(path, 'rb') as f:
            check(f.read().endswith(data), 'the bytes as they came')
        done = n.teleread('quarantine', 'release', row['number'], *WHY, code=1)
        check('not done' in done.out, done)
    check(any('unreadable' in line for line in n.teleread('alerts').out.splitlines()), 'an alert was raised')
    sound(n)


@case('an unreadable instance with a pack of its own')
def unreadable_large():
    n = node()
    name, data = uid('unreadable', 'large'), b'no data set ' * 300000
    with n.associate('COUNTY', CTX) as a:
        equal(a.store(CT, name, EXPLICIT_LE, data).status, 0xC000)
        equal(a.store(CT, name, EXPLICIT_LE, data).status, 0xC000)
    row, = [r for r in kept(n, '--kind', 'unreadable') if r['instance'] == name]
    check(row['bytes'] > len(data), 'whole')
    sound(n)


@case('import of files that cannot be understood')
@both
def unreadable_files(n, how):
    at = os.path.join(n.folder, 'files-' + how)
    os.mkdir(at)
    one = image('file' + how, 1)
    good = one.part10()
    head = good[:len(good) - len(one.data)]
    for name, raw in (('cut', head + one.data[:50]), ('empty', head),
                      ('nameless', head + encode([e for e in one.elements if e[0] != 0x00080018]))):
        with open(os.path.join(at, name), 'wb') as f:
            f.write(raw)
    before = len(kept(n, '--kind', 'unreadable'))
    for _ in range(2):
        done = n.teleread('import', at, code=1)
        check('quarantined 2' in done.out, done)
    equal(len(kept(n, '--kind', 'unreadable')), before + 2)
    sound(n)


# ---- crashes

def killed(point, n_pass, words):
    n = lib.Node(env={'TELEREAD_FAULT_POINT': '%s:%d' % (point, n_pass)})
    plain = dict(n.env)
    n.env = {}
    n.start()
    some = [image('kill', k) for k in range(1, 6)]
    equal(set(n.store(some)), {0})
    if '--undo' in words:
        n.teleread('drop', '--study', some[0].study, *WHY)
    n.stop()
    n.env = plain
    n.start()
    n.teleread(*words, '--study', some[0].study, *WHY, code=1)
    n.process.wait(20)
    n.forget()
    n.env = {}
    n.start()
    sound(n)
    left = found(n, some[0].study)
    equal(got(n, some), of(*some) if left else {})
    events = [e['decision'] for e in n.json_lines('events')]
    equal(left, 1 - events.count('drop') + events.count('undrop'), 'as the events say')
    if point in ('after-sync', 'before-commit', 'after-commit'):
        check(events[-1:] == ['undrop' if '--undo' in words else 'drop'], 'what was durable is done')
    # and it can be done, or done again
    again = 0 if left == (1 if words == ('drop',) else 0) else 1
    n.teleread(*words, '--study', some[0].study, *WHY, code=again)
    sound(n)
    n.stop()
    sound(n)
    n.teleread('reindex')
    sound(n)


def kill_case(point):
    @case('kill at %s of a drop and of an undo' % point)
    def run():
        if not lib.has_faults():
            raise lib.Skip('this build has no fault points (configure --enable-faults)')
        killed(point, 1, ('drop',))
        killed(point, 1, ('drop', '--undo'))


for one_point in ('event-write', 'before-sync', 'after-sync', 'before-commit', 'after-commit'):
    kill_case(one_point)


@case('drops, undos and stores at the same time, kill -9 in between')
def turmoil():
    n = lib.Node()
    n.start()
    some = [[image('t%d' % s, k, patient='T%d' % s) for k in range(1, 9)] for s in range(4)]
    for study in some:
        equal(set(n.store(study)), {0})
    for _ in range(3):
        def decide(study):
            n.teleread('drop', '--study', study[0].study, *WHY, code=None)
            n.teleread('drop', '--undo', '--study', study[0].study, *WHY, code=None)
            n.teleread('drop', '--study', study[0].study, *WHY, code=None)

        def feed():
            try:
                for k in range(100, 400):
                    n.store([image('feed', k)])
            except (OSError, dul.Closed, dul.Aborted, dul.Rejected, AssertionError):
                pass
        killer = threading.Timer(1.0, n.process.kill)
        killer.start()
        lib.together(*[lambda s=s: decide(s) for s in some[:3]], feed)
        killer.join()
        n.kill()
        n.start()
        sound(n)
        for study in some:
            in_sight = found(n, study[0].study)
            equal(got(n, study), of(*study) if in_sight else {})
        for study in some:
            if not found(n, study[0].study):
                n.teleread('drop', '--undo', '--study', study[0].study, *WHY)
    for study in some:
        equal(got(n, study), of(*study))
    n.stop()
    sound(n)


@case('a series, and an instance, are dropped by themselves and come back')
@both
def parts(n, how):
    name = 'parts' + how
    ct = [image(name, 1, series=1), image(name, 2, series=1)]
    other = [image(name, 1, series=2), image(name, 2, series=2)]
    equal(send(n, *ct, *other), [0] * 4)
    study = ('drop', '--study', ct[0].study)
    one = study + ('--series', ct[0].series, '--instance', ct[0].uid)
    done = n.teleread(*study, '--series', other[0].series, *WHY)
    check('series %s' % other[0].series in done.out and '2 records' in done.out, done)
    equal(got(n, ct), of(*ct))
    n.teleread(*study, '--series', other[0].series, *WHY, code=1)  # it is gone already
    n.teleread(*study, '--instance', ct[0].uid, *WHY, code=2)      # of which series?
    n.teleread(*study, '--series', '..', *WHY, code=2)
    n.teleread('hold', '--study', ct[0].study, *WHY)
    check('held' in n.teleread(*one, *WHY, code=1).err, 'a part of what is held')
    n.teleread('hold', '--release', '--study', ct[0].study, *WHY)
    n.teleread(*one, *WHY)
    equal(got(n, ct), of(ct[1]))
    sound(n)
    events = n.json_lines('events', '--study', ct[0].study)
    equal([(e['decision'], e['series'], e['instance']) for e in events],
          [('drop', other[0].series, None), ('hold', None, None), ('unhold', None, None),
           ('drop', ct[0].series, ct[0].uid)])
    n.teleread(*one, '--undo', *WHY)
    equal(got(n, ct), of(*ct))
    n.teleread(*one, *WHY)
    n.teleread(*study, '--series', ct[0].series, *WHY)
    equal(found(n, ct[0].study), 0)
    n.teleread(*study, '--undo', *WHY)
    equal(got(n, ct), of(*ct, *other))
    sound(n)


@case('an index of the first form is moved: keys of instances become their sequence numbers')
def older_index():
    n = lib.Node()
    some = [image('older', 1), image('older', 1, seed=9), image('older', 2), image('older2', 1)]
    n.start()
    equal(n.store(some), [0, 0xB000, 0, 0])
    n.stop()
    path = os.path.join(n.data, 'index.sqlite')
    old = path + '.old'
    with open(os.path.join(lib.SOURCE, 'data', 'sql', 'sqlite', '0001-index.sql')) as f:
        first = f.read()
    db = sqlite3.connect(old)
    db.executescript(first + 'CREATE TABLE schema_version(version INTEGER NOT NULL PRIMARY KEY);'
                             'INSERT INTO schema_version VALUES (0), (1); DELETE FROM meta')
    db.execute('ATTACH ? AS new', (path,))
    for table, in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                             "AND name <> 'schema_version'").fetchall():
        columns = ', '.join(row[1] for row in db.execute('PRAGMA main.table_info(%s)' % table))
        db.execute('INSERT INTO main.%s (%s) SELECT %s FROM new.%s' % (table, columns, columns, table))
    db.execute('UPDATE instance SET pk = (SELECT count(*) FROM instance i WHERE i.seq <= instance.seq) + 1000')
    db.execute('UPDATE instance SET pk = pk - 1000')
    equal([r[0] for r in db.execute('SELECT pk FROM instance ORDER BY pk')], [1, 2, 3])
    db.execute("DELETE FROM meta WHERE key IN ('feed', 'tag_seed')")  # younger than that form
    db.commit()
    db.close()
    os.replace(old, path)
    n.start()
    equal(got(n, some[2:]), of(some[0], some[2], some[3]))
    sound(n)
    with sqlite3.connect(path) as db:
        equal(db.execute('SELECT pk, seq FROM instance ORDER BY pk').fetchall(), [(1, 1), (3, 3), (4, 4)])
        equal(db.execute('SELECT number, kind, seq FROM change').fetchall(), [(1, 1, 1), (2, 1, 3), (3, 1, 4)])
    n.teleread('drop', '--study', some[0].study, *WHY)
    equal(send(n, image('older3', 1)), [0])
    sound(n)
    with sqlite3.connect(path) as db:
        equal(db.execute('SELECT number, kind, seq FROM change WHERE number > 3').fetchall(), [(4, 2, 1), (5, 2, 3), (6, 1, 6)])
    n.stop()


@case('who may not work in the folder is told whose it is')
def other_user():
    if os.geteuid() != 0:
        raise lib.Skip('only root can become another user')
    n = lib.Node()
    os.chmod(n.folder, 0o755)
    program = os.path.join(n.folder, 'teleread')
    shutil.copy(lib.PROGRAM, program)
    for words in (('hold', '--study', '1.2.3', *WHY), ('site', 'add', 'X', '--name', 'X'), ('reindex',), ('find',)):
        line = [program, *words, '--config', n.config, '--data', n.data]
        if words[0] == 'site':
            line = [program, *words[:2], '--config', n.config, '--data', n.data, *words[2:]]
        for mode in (0o755, 0o700):
            os.chmod(n.data, mode)
            done = subprocess.run(line, user=65534, group=65534, extra_groups=[], capture_output=True, text=True)
            if mode == 0o755 and done.returncode == 0:  # to read may be allowed
                continue
            equal(done.returncode, 1, done.stderr)
            check('belongs to root: run this as that user' in done.stderr, '%s: %s' % (words, done.stderr))
        check('belongs' not in n.teleread('quarantine', 'show', '1', code=1).err, 'not to the owner')


@case('all of the first node at last: fsck, reindex --prove')
def last():
    sound(node())
    node().stop()
    sound(node())


lib.main()
