#!/usr/bin/env python3
"""`teleread backup`: a copy that can be served, made while the node receives; cut short, it leaves the earlier one."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
import lib
from lib import Node, case, check, equal
from objects import image
from load import Load

lib.need_program()
FAULTY = lib.has_faults()


def backup(node, to, *words, code=0, env=None):
    done = node.teleread('backup', to, '--json', *words, code=code, env=env)
    return json.loads(done.out.splitlines()[-1]) if done.out else done


def target():
    return os.path.join(lib.folder(), 'data')


def pack_files(data):
    out = {}
    for at, _, names in os.walk(os.path.join(data, 'packs')):
        for name in names:
            out[os.path.relpath(os.path.join(at, name), data)] = os.path.join(at, name)
    return out


def served(data, settings=None):
    """A node on the restored folder: a copy, so that the backup stays one."""
    at = lib.folder()
    shutil.copytree(data, os.path.join(at, 'data'))
    return Node(settings, at=at, sites=False)


def holds(data, wanted, exactly=False):
    """A node started on it has these instances, byte for byte; fsck and a proof find nothing."""
    with served(data) as node:
        found = node.instances()
        missing = sorted(set(i.uid for i in wanted) - set(found))
        equal(missing, [], 'instances that were acknowledged before the backup began')
        if exactly:
            equal(len(found), len(wanted), 'instances')
        got = node.get_all(wanted)
        for one in wanted:
            check(got[one.uid] == (one.syntax, one.data), '%s comes back changed' % one.uid)
        node.teleread('fsck')
        node.teleread('reindex', '--prove')
        equal([s['code'] for s in node.json_lines('site', 'list')], ['NORTH'], 'sites')
        equal([p['aet'] for p in node.json_lines('peer', 'list')], ['COUNTY'], 'peers')
        return len(found)


@case('beside a node that receives: what was acknowledged before is there, and the copy is whole')
def online():
    to = target()
    with Node() as node:
        before = [image('before', n, bulk=200000) for n in range(1, 21)]
        before += [image('large', n, bulk=2500000) for n in (1, 2)]
        equal(set(node.store(before)), {0}, 'statuses')
        load = Load(node, 'during', most=400, bulk=60000).start()
        first = backup(node, to)
        between = [i for u, i in load.sent.items() if u in set(load.acknowledged)]
        second = backup(node, to, '--verify')
        node.stop()
        load.join()
    equal((first['faults'], second['faults']), (0, 0), 'faults')
    check(second['through'] >= first['through'], 'the second goes as far as the first')
    count = holds(to, before + between)
    lib.note('%d instances in the restored folder, %d were sent' % (count, len(before) + len(load.sent)))


@case('without a node, and again: unchanged packs are kept, changed ones copied')
def incremental():
    to, node = target(), Node()
    with node:
        equal(set(node.store([image('a', n, bulk=700000) for n in range(1, 30)])), {0}, 'statuses')
    first = backup(node, to)
    equal((first['kept'], first['removed'], first['instances']), (0, 0, 29), 'first run')
    shown = sorted(os.listdir(to))
    for name in ('lock', 'clean', 'control', 'metrics.prom', 'backup.begun'):
        check(name == 'lock' or name not in shown, '%s is not copied' % name)
    with open(os.path.join(to, 'backup.json')) as f:
        said = json.load(f)
    equal((said['through'], said['instances']), (first['through'], 29), 'backup.json')
    for path in pack_files(to).values():  # as if time had passed since the packs were written
        inner = os.path.relpath(path, to)
        old = os.stat(os.path.join(node.data, inner)).st_mtime - 1000
        os.utime(os.path.join(node.data, inner), (old, old))
    backup(node, to)
    again = backup(node, to)
    equal((again['copied'], again['kept']), (0, first['copied']), 'a run with nothing new')
    with node:
        equal(node.store([image('b', 1)]), [0], 'status')
    third = backup(node, to)
    equal((third['copied'], third['kept']), (1, first['copied']), 'a run with one new instance')
    holds(to, [image('a', n, bulk=700000) for n in range(1, 30)] + [image('b', 1)], exactly=True)


@case('zeros written ahead take no space in the copy')
def sparse():
    to = target()
    with Node({'archive.prewrite': '64M', 'archive.pack_size': '256M'}) as node:
        equal(node.store([image('a', 1)]), [0], 'status')

        def ahead():
            return max(os.path.getsize(p) for p in pack_files(node.data).values()) > 16 << 20
        lib.wait_until(ahead, 20, 'zeros are written ahead')
        check(backup(node, to)['bytes'] < 1 << 20, 'what was copied is counted')
    check(sum(os.stat(p).st_blocks * 512 for p in pack_files(to).values()) < 1 << 20, 'the copy is small on the disk')
    holds(to, [image('a', 1)], exactly=True)


def killed_at(point, n):
    to = target()
    with Node() as node:
        old = [image('old', k, bulk=700000) for k in range(1, 15)]
        new = [image('new', k, bulk=700000) for k in range(1, 15)]
        equal(set(node.store(old)), {0}, 'statuses')
        backup(node, to)
        equal(set(node.store(new)), {0}, 'statuses')
        node.teleread('backup', to, code=-9, env={'TELEREAD_FAULT_POINT': '%s:%d' % (point, n)})
        holds(to, old)
        equal(backup(node, to)['faults'], 0, 'faults of the run after it')
        holds(to, old + new, exactly=True)


@case('kill -9 in the middle leaves the earlier backup; the next run goes on')
def killed():
    if not FAULTY:
        raise lib.Skip('this build has no fault points (configure --enable-faults)')
    for point, n in (('backup-index', 1), ('backup-pack', 1), ('backup-pack', 2), ('backup-place', 1),
                     ('backup-placed', 1)):
        killed_at(point, n)


@case('a first backup that was killed is no archive yet, and the next run completes it')
def killed_first():
    if not FAULTY:
        raise lib.Skip('this build has no fault points (configure --enable-faults)')
    to = target()
    os.mkdir(to)
    with open(os.path.join(to, 'lock'), 'w'):
        pass  # the first thing that a backup makes, and all of one that was killed then
    with Node() as node:
        equal(node.store([image('a', 1)]), [0], 'status')
        node.teleread('backup', to, code=-9, env={'TELEREAD_FAULT_POINT': 'backup-pack:1'})
        check(not os.path.exists(os.path.join(to, 'index.sqlite')), 'no index')
        backup(node, to)
        holds(to, [image('a', 1)], exactly=True)


@case('a full disk ends it with a sentence, and leaves the earlier backup')
def full():
    if os.geteuid() != 0:
        raise lib.Skip('a small file system needs root to be mounted')
    at = lib.folder()
    if lib.execute(['mount', '-t', 'tmpfs', '-o', 'size=24M', 'teleread-test', at]).code != 0:
        raise lib.Skip('a tmpfs cannot be mounted here')
    try:
        with Node() as node:
            small = [image('a', n) for n in range(1, 4)]
            equal(node.store(small), [0] * 3, 'statuses')
            to = os.path.join(at, 'data')
            backup(node, to)
            equal(set(node.store([image('b', n, bulk=2000000) for n in range(1, 16)])), {0}, 'statuses')
            done = node.teleread('backup', to, code=1)
            check('No space' in done.err or 'full' in done.err, 'the reason: %s' % done.err)
            holds(to, small)
            check(not [n for n in os.listdir(to) if n.endswith('.new')], 'nothing half done is left')
    finally:
        lib.execute(['umount', '-l', at])


def damage(path, needle):
    with open(path, 'r+b') as f:
        at = f.read().find(needle)
        check(at > 0, 'the needle is in the pack')
        f.seek(at)
        f.write(b'#')


@case('damage is named: of the archive, and of the copy, which --verify mends')
def damaged():
    to = target()
    with Node() as node:
        equal(node.store([image('a', n, name='NEEDLE%d^X' % n) for n in (1, 2, 3)]), [0] * 3, 'statuses')
    for path in pack_files(node.data).values():
        os.utime(path, (1000000000, 1000000000))
    backup(node, to)
    copy = max(pack_files(to).values(), key=os.path.getsize)
    stat = os.stat(copy)
    damage(copy, b'NEEDLE2')
    os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    equal(backup(node, to)['copied'], 0, 'packs copied without --verify')
    mended = backup(node, to, '--verify')
    equal((mended['copied'], mended['faults']), (1, 0), 'with --verify')
    damage(max(pack_files(node.data).values(), key=os.path.getsize), b'NEEDLE3')
    equal(backup(node, to, code=1)['faults'], 1, 'faults of a damaged archive')
    alerts = node.json_lines('alerts', '--kind', 'corrupt')
    equal([a['subject'] for a in alerts], ['backup'], 'alerts')


@case('what the archive has damaged keeps its earlier copy; what is new in the pack is copied')
def damaged_later():
    to, node = target(), Node()
    old = [image('a', n, name='NEEDLE%d^X' % n) for n in (1, 2, 3)]
    with node:
        equal(node.store(old), [0] * 3, 'statuses')
    equal(backup(node, to)['faults'], 0, 'faults')
    with node:
        equal(node.store([image('a', 4)]), [0], 'status')
    pack = max(pack_files(node.data).values(), key=os.path.getsize)
    damage(pack, b'NEEDLE2')
    with open(pack, 'r+b') as f:  # the header of another record
        at = f.read().find(old[2].uid.encode())
        f.seek(at - at % 4096)
        f.write(b'\0' * 16)
    for run in 'first', 'again':
        done = node.teleread('backup', to, code=1)
        equal(done.out.count('is damaged in the archive; the earlier copy of it is kept'), 2, 'faults of the %s run' % run)
        check('2 faults' in done.out, done)
    holds(to, old + [image('a', 4)], exactly=True)
    os.truncate(pack, 4096)
    node.teleread('backup', to, code=1)
    holds(to, old + [image('a', 4)], exactly=True)


@case('a record that is gone is missed, although a decision stands in the same pack')
def gone():
    one = image('a', 2)
    with Node() as node:
        equal(node.store([image('a', 1), one, image('a', 3)]), [0] * 3, 'statuses')
        node.teleread('hold', '--study', one.study, '--why', 'a case for teaching')
    path = max(pack_files(node.data).values(), key=os.path.getsize)
    with open(path, 'r+b') as f:
        at = f.read().find(one.uid.encode())  # in the header of its record
        f.seek(at - at % 4096)
        f.write(b'\0' * 16)
    done = node.teleread('backup', target(), code=1)
    check('holds 2 records, the index refers to 3' in done.out, 'the fault: %s' % done.out)


@case('a pack that the archive has lost stays in the backup, and is named')
def lost():
    to = target()
    with Node() as node:
        equal(node.store([image('a', 1, bulk=2500000), image('b', 1)]), [0, 0], 'statuses')
    backup(node, to)
    os.unlink(max(pack_files(node.data).values(), key=os.path.getsize))
    done = backup(node, to, code=1)
    equal((done['faults'], done['removed']), (1, 0), 'faults, packs removed')
    holds(to, [image('a', 1, bulk=2500000), image('b', 1)], exactly=True)


@case('a node says which packs its index misses, and serves the rest; another that has all says nothing')
def missing_at_start():
    one, large = image('b', 1), image('a', 1, bulk=2500000)

    def named(node):
        return [a['subject'] for a in node.json_lines('alerts', '--kind', 'corrupt')]
    with Node() as node:
        equal(node.store([large, one, one]), [0] * 3, 'statuses')
    with node:
        equal(node.store([image('c', 1)]), [0], 'status')
    equal(named(node), [], 'alerts where all is there')
    lost = max(pack_files(node.data).values(), key=os.path.getsize)
    os.unlink(lost)
    number = int(os.path.basename(lost)[:4], 16)
    with node:
        lib.wait_until(lambda: named(node) == ['pack %d' % number], 10, 'the pack is named')
        with open(node.log) as f:
            check('pack %d, which the index refers to, is missing' % number in f.read(), node.log_tail())
        check(one.uid in node.get_all([one]), 'the rest is served')


@case('folders that cannot be the backup are refused and left alone')
def refused():
    with Node() as node:
        equal(node.store([image('a', 1)]), [0], 'status')
        other = target()
        with Node() as another:
            equal(another.store([image('b', 1)]), [0], 'status')
            node.teleread('backup', another.data, code=1)  # served
            backup(another, other)
        before = sorted(os.listdir(other))
        node.teleread('backup', other, code=2)  # of another archive
        equal(sorted(os.listdir(other)), before, 'the other backup')
        node.teleread('backup', another.data, code=2)  # an archive
        node.teleread('backup', os.path.join(node.data, 'copy'), code=2)
        done = node.teleread('backup', os.path.join(lib.folder(), 'none', 'copy'), code=2)
        check('No such file' in done.err, done)
        node.teleread('backup', node.data, code=2)
        node.teleread('backup', node.folder, code=2)
        full = lib.folder()
        with open(os.path.join(full, 'letter.txt'), 'w') as f:
            f.write('keep me')
        node.teleread('backup', full, code=2)
        equal(os.listdir(full), ['letter.txt'], 'a folder with something in it')
        to = target()
        backup(node, to)
        for inner in 'sub', 'packs':
            done = node.teleread('backup', os.path.join(to, inner), code=2)
            check('inside it' in done.err, done)
        check(not os.path.exists(os.path.join(to, 'sub')), 'a folder inside a backup')
        with Node(at=os.path.dirname(to), sites=False):
            node.teleread('backup', to, code=1)
        node.teleread('backup', to, code=2)  # served since


@case('what quarantine holds, and what was decided, is in the copy')
def kept():
    to = target()
    with Node() as node:
        equal(node.store([image('a', 1), image('a', 1, seed=7), image('b', 1), image('c', 1)]), [0, 0xB000, 0, 0], 'statuses')
        node.teleread('drop', '--study', image('b', 1).study, '--why', 'sent by mistake')
        node.teleread('hold', '--study', image('c', 1).study, '--why', 'a case for teaching')
        backup(node, to, '--verify')
        listed = [node.json_lines('quarantine', 'list'), node.json_lines('events'), node.json_lines('hold', '--list')]
        check(all(listed), 'something was decided')
    with served(to) as restored:
        equal([restored.json_lines('quarantine', 'list'), restored.json_lines('events'), restored.json_lines('hold', '--list')],
              listed, 'quarantine, events and holds')
        restored.teleread('fsck')
        restored.teleread('reindex', '--prove')


@case('the audit trail is in the copy, grows with it, and goes on where it is put to use')
def trail():
    to = target()
    with Node({'audit.size': '64K'}) as node:
        node.store([image('a', 1)])
        backup(node, to)
        first = node.json_lines('audit', 'verify', '--data', to)[0]
        for n in range(90):
            node.teleread('peer', 'add', 'P%d' % n, '--site', 'NORTH', timeout=60)
        node.stop()
        backup(node, to)
        whole = node.json_lines('audit', 'verify')[0]
    again = node.json_lines('audit', 'verify', '--data', to)[0]
    check(first['whole'] and first['events'] > 0, 'a trail: %s' % first)
    equal((again['whole'], again['digest']), (True, whole['digest']), 'the end of the trail')
    with served(to) as restored:
        restored.stop()
        after = restored.json_lines('audit', 'verify')[0]
        check(after['whole'] and after['first'] == 1 and after['events'] > whole['events'], 'it goes on: %s' % after)


@case('the audit trail goes along, grows with each run, and goes on in the restored node')
def trail_grows():
    to = target()

    def verify(at):
        return json.loads(lib.execute([lib.PROGRAM, 'audit', 'verify', '--json', '--data', at]).out)

    with Node({'audit.size': '64K'}) as node:
        equal(set(node.store([image('a', n) for n in (1, 2)])), {0}, 'statuses')
        equal(backup(node, to)['faults'], 0, 'faults of the first run')
        first = verify(to)
        for n in range(150):  # several files
            node.find('STUDY', PatientID='P%d' % n, StudyInstanceUID='')
        with open(os.path.join(node.data, 'audit', 'sent'), 'w') as f:
            f.write('%020d\n' % first['events'])
        equal(backup(node, to)['faults'], 0, 'faults of the second run')
        second, own = verify(to), verify(node.data)
        check(first['events'] >= 3 and second['events'] >= first['events'] + 150, 'the copy grows: %s' % [first, second])
        equal((second['whole'], second['events']), (True, own['events']), 'the copy')
        names = sorted(os.listdir(os.path.join(to, 'audit')))
        equal(names, sorted(os.listdir(os.path.join(node.data, 'audit'))), 'files')
        check(len(names) > 3, 'several files: %s' % names)
        with open(os.path.join(to, 'audit', 'sent')) as f:
            equal(int(f.read()), first['events'], 'the mark of what a collector has')
        at = os.path.join(to, 'audit', names[0])
        os.remove(os.path.join(node.data, 'audit', names[0]))  # the operator took the oldest one elsewhere
        cut = os.path.join(node.data, 'audit', names[1])
        os.truncate(cut, os.path.getsize(cut) - 10)
        done = node.teleread('backup', to, code=1)
        equal(done.out.count('is shorter than its copy'), 1, 'faults: %s' % done.out)
        check(os.path.exists(at), 'what was taken elsewhere stays in the backup')
        equal(verify(to)['whole'], True, 'the copy, beside a trail that was cut')
    with served(to) as restored:
        equal(restored.find('STUDY', PatientID='P1', StudyInstanceUID='') is None, False, 'it answers')
        restored.stop()
        after = verify(restored.data)
        check(after['whole'] and after['events'] > second['events'], 'the restored node goes on with it')
        kinds = [e['kind'] for e in restored.json_lines('audit', 'search')]
        equal((kinds.count('start'), kinds.count('received') > 0), (2, True), 'starts, old events')


lib.main()
