#!/usr/bin/env python3
"""Acknowledged means durable and findable: the node is killed at every step of the intake, and at random under load;
writes and syncs fail; the tail of a pack is torn. What was acknowledged is there afterwards, byte for byte."""
import os
import random
import sys
import threading
import time

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal
from load import CTX, Load
from objects import CT, image, uid

lib.need_program()
POINTS = ('before-write', 'after-write', 'before-sync', 'after-sync', 'before-commit', 'after-commit')
LARGE = ('own-flush', 'own-synced')
FAULTY = lib.has_faults()


def need_faults():
    if not FAULTY:
        raise lib.Skip('this build has no fault points (configure --enable-faults)')


def verify(node, loads):
    """Everything acknowledged is found and identical; whatever is found is whole; the archive is healthy."""
    sent = {u: i for load in loads for u, i in load.sent.items()}
    acknowledged = {u for load in loads for u in load.acknowledged}
    found = node.instances()
    equal(len(found), len(set(found)), 'instances are found once')
    equal(sorted(acknowledged - set(found)), [], 'acknowledged, and not found')
    equal(sorted(set(found) - set(sent)), [], 'found, and never sent')
    got = node.get_all([sent[u] for u in found])
    equal(sorted(got), sorted(found), 'what is found can be retrieved')
    for u in found:
        check(got[u][1] == sent[u].data, 'instance %s comes back changed' % u)
    node.teleread('fsck')


def killed_at(point, n, bulk=None):
    node = lib.Node(env={'TELEREAD_FAULT_POINT': '%s:%d' % (point, n)})
    node.start()
    load = Load(node, 'k', bulk=bulk, most=12 if bulk is None else 4).start().join()
    wait_gone(node, point, n)
    node.env = {}
    node.start()
    verify(node, [load])
    after = Load(node, 'after', senders=1, most=2).start().join()
    equal(after.statuses, [0, 0], 'the node goes on')
    more = Load(node, 'k', bulk=bulk, most=12 if bulk is None else 4).start().join()
    equal(set(more.statuses), {0}, 'the senders send all of it again')
    verify(node, [load, after, more])
    node.stop()


def wait_gone(node, point, n):
    try:
        code = node.process.wait(10 * lib.SLOW)
    except Exception:  # noqa: it still lives
        node.kill()
        raise AssertionError('pass %d of %s never came' % (n, point))
    node.forget()
    equal(code, -9, 'killed by the fault point')


def kill_case(point, bulk=None):
    @case('kill at %s, at the first passes and later' % point)
    def run():
        need_faults()
        for n in (1, 2, 5, 11) if bulk is None else (1, 3, 6):
            killed_at(point, n, bulk)


for one_point in POINTS:
    kill_case(one_point)
for one_point in LARGE:
    kill_case(one_point, 2500000)


@case('kill -9 at random under load, five rounds in one folder')
def random_kills():
    node, loads, dice = lib.Node(), [], random.Random(4711)
    for n in range(5):
        node.start()
        load = Load(node, 'r%d' % n, most=400, bulk=dice.choice((None, 60000))).start()
        time.sleep(dice.uniform(0.2, 1.0))
        node.kill()
        loads.append(load.join())
    lib.note('%d sent, %d acknowledged' % (sum(len(x.sent) for x in loads), sum(len(x.acknowledged) for x in loads)))
    check(sum(len(x.acknowledged) for x in loads) > 20, 'some were acknowledged')
    node.start()
    verify(node, loads)
    node.teleread('reindex', '--prove')
    node.stop()


@case('two senders of other content under the same UIDs, and kill -9: who was told stored is there')
def conflicts():
    node, told = lib.Node(), {}
    for n in range(4):
        node.start()
        results, gate = {}, threading.Barrier(3)

        def go(seed, first=n * 1000):
            try:
                with node.associate('COUNTY', CTX, timeout=20) as a:
                    gate.wait()
                    for k in range(first, first + 400):
                        one = image('conflict%d' % k, 1, seed=seed)
                        results[one.uid, seed] = a.store(one.sop_class, one.uid, one.syntax, one.data).status, one
            except (OSError, dul.Closed, dul.Aborted):
                pass

        def stop():
            gate.wait()
            time.sleep(0.15 + 0.15 * n)
            node.kill()
        lib.together(lambda: go(1), lambda: go(2), stop)
        for (uid_, seed), (status, one) in results.items():
            check(status in (0, 0xB000), '%04x' % status)
            if status == 0:
                check(uid_ not in told, 'both senders were told stored')
                told[uid_] = one
    node.start()
    got = node.get_all(list(told.values()))
    equal([u for u, i in told.items() if got.get(u, (0, 0))[1] != i.data], [], 'another content, or none')
    lib.note('%d acknowledged' % len(told))
    check(len(told) > 20, 'some were acknowledged')
    node.teleread('fsck')
    node.teleread('reindex', '--prove')
    node.stop()


@case('fsck, reindex --prove, find and export beside a node under load see nothing wrong')
def beside():
    with lib.Node() as node:
        load = Load(node, 'b', most=600, pause=0.002).start()
        rounds = 0
        while any(t.is_alive() for t in load.threads) and rounds < 12:
            rounds += 1
            node.teleread('fsck')
            node.teleread('reindex', '--prove')
            node.json_lines('find', '--level', 'image')
            node.teleread('export', '--study', uid('study', 'b-0'), '--to', os.path.join(lib.folder(), 'out'))
        load.join()
        lib.note('%d rounds, %d stored' % (rounds, len(load.acknowledged)))
        equal(set(load.statuses), {0})
        verify(node, [load])


@case('an instance under way at kill -9 leaves nothing behind')
def under_way():
    node = lib.Node()
    node.start()
    one = image('half', 1, bulk=3000000)
    a = node.associate('COUNTY', CTX)
    number = a.context(CT)
    a.send_part(number, [dul.encode_command({'affected_class': CT, 'affected_instance': one.uid, 'field': 1,
                                             'message_id': 1, 'priority': 0, 'data_type': 1})], 1)
    for at in range(0, 2000000, 100000):
        a.send_pdv(number, 0, one.data[at:at + 100000])
    time.sleep(0.3)
    node.kill()
    a.close()
    node.start()
    equal(node.instances(), [])
    node.teleread('fsck')
    equal(node.store([one]), [0])
    node.stop()


def packs(node):
    out = []
    for at, _, names in os.walk(os.path.join(node.data, 'packs')):
        out += [os.path.join(at, n) for n in names if n.endswith('.pack')]
    return sorted(out, key=os.path.basename)


def torn(change):
    """A node with some instances is killed; change(packs) does what a crash may do to the end; then all is verified."""
    node = lib.Node()
    node.start()
    load = Load(node, 't', senders=2, most=10).start().join()
    equal(set(load.statuses), {0})
    node.kill()
    change(packs(node), load)
    node.start()
    verify(node, [load])
    more = Load(node, 'more', senders=1, most=5).start().join()
    verify(node, [load, more])
    node.kill()
    node.start()
    verify(node, [load, more])
    node.stop()
    node.teleread('reindex')
    node.teleread('fsck')
    with node:
        verify(node, [load, more])


def last_record_end(path):
    with open(path, 'rb') as f:
        data = f.read()
    end = len(data.rstrip(b'\0'))
    return (end + 4095) // 4096 * 4096


@case('garbage behind the last record is not trusted')
def garbage():
    def change(paths, load):
        path = max(paths, key=last_record_end)
        with open(path, 'r+b') as f:
            f.seek(last_record_end(path))
            f.write(random.Random(1).randbytes(10000))
    torn(change)


@case('a copy of a record\'s first half behind the last one is not trusted')
def half_record():
    def change(paths, load):
        path = max(paths, key=last_record_end)
        with open(path, 'r+b') as f:
            end = last_record_end(path)
            f.seek(4096)
            head = f.read(4096)
            f.seek(end)
            f.write(head)
    torn(change)


@case('an empty pack and one cut within its header are passed over')
def cut():
    def change(paths, load):
        at = os.path.dirname(paths[-1])
        last = int(os.path.basename(paths[-1])[:-5], 16)
        for n, size in ((1, 0), (2, 1000)):
            with open(os.path.join(at, '%016x.pack' % (last + n)), 'wb') as f:
                f.write(b'\0' * size)
    torn(change)


def failing(plan, most=10, senders=2, bulk=None):
    """Sends to a node whose storage fails by plan; what it acknowledged must be there, then and later."""
    need_faults()
    node = lib.Node(env={'TELEREAD_FAULT_BLOB': plan})
    node.start()
    load = Load(node, 'f', senders=senders, most=most, bulk=bulk).start().join()
    check(node.alive(), 'the node goes on')
    equal(len(load.statuses), senders * most, 'each instance was answered')
    bad = set(load.statuses) - {0}
    check(bad <= {0xA700, 0xA701, 0x0110}, 'statuses %s' % sorted('%04x' % s for s in bad))
    verify(node, [load])
    node.stop()
    node.env = {}
    node.start()
    verify(node, [load])
    again = Load(node, 'f', senders=senders, most=most, bulk=bulk).start().join()
    equal(set(again.statuses), {0}, 'later all of it is taken')
    verify(node, [load, again])
    node.stop()
    node.teleread('fsck')
    return load


@case('a failing sync: A700, nothing acknowledged is lost, the node goes on')
def syncs():
    loads = [failing(plan) for plan in ('sync:3', 'sync:2-4', 'sync:5')]
    check(any(s != 0 for load in loads for s in load.statuses), 'something failed')  # one may be a helper's own sync
    equal([load.statuses[-1] for load in loads], [0, 0, 0], 'later ones succeed')


@case('syncs that fail for good')
def syncs_forever():
    load = failing('sync:4-')
    check(load.statuses[-1] != 0, 'nothing is acknowledged any more')


@case('failing writes')
def writes():
    for plan in ('write:3', 'write:6-9'):  # some of these are packs begun ahead, and cost nobody anything
        failing(plan)
    check(failing('write:12-').statuses[-1] != 0, 'in the end nothing is acknowledged')


@case('failing writes and syncs of instances with a pack of their own')
def writes_large():
    for plan in ('write:4', 'sync:3', 'create:3', 'write:6-8,sync:5'):
        failing(plan, most=3, bulk=2500000)


@case('packs that cannot be made or sealed')
def creates():
    for plan in ('create:2-3', 'seal:1'):
        failing(plan, most=12, bulk=900000)


lib.main()
