#!/usr/bin/env python3
"""A full disk: A700 before anything breaks, nothing acknowledged is lost, and it recovers when there is room again."""
import os
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal
from objects import CT, image

lib.need_program()
if os.geteuid() != 0:
    lib.skip_all('a small file system needs root to be mounted')
MB = 1 << 20
SIZE, INDEX_LOG = 144 * MB, 26 * MB  # the index may prepare its log within the reserve
at = lib.folder()
if lib.execute(['mount', '-t', 'tmpfs', '-o', 'size=%d' % SIZE, 'teleread-test', at]).code != 0:
    lib.skip_all('a tmpfs cannot be mounted here')
CTX = [(CT, [dul.EXPLICIT_LE])]
node = lib.Node({'archive.reserve': '48M', 'archive.pack_size': '4M', 'archive.prewrite': '8M'}, at=at)
stored = []


def room():
    st = os.statvfs(at)
    return st.f_bavail * st.f_frsize


def packs():
    for folder, _, names in os.walk(os.path.join(node.data, 'packs')):
        for name in names:
            yield name, os.path.getsize(os.path.join(folder, name))


def fill(word, most, bulk=500000):
    """Sends until the first refusal; its status, or None."""
    with node.associate('COUNTY', CTX) as a:
        for n in range(1, most + 1):
            one = image(word, n, bulk=bulk)
            answer = a.store(one.sop_class, one.uid, one.syntax, one.data)
            if answer.status != 0:
                return answer
            stored.append(one)
    return None


def verify():
    found = node.instances()
    equal(sorted(found), sorted(i.uid for i in stored))
    got = node.get_all(stored)
    equal([i.uid for i in stored if got[i.uid][1] != i.data], [])
    node.teleread('fsck')


def ended():
    node.kill()
    lib.execute(['umount', '-l', at])


@case('instances are taken until the reserve is reached, then A700')
def until_full():
    node.start()
    refused = fill('one', 400)
    check(refused is not None, 'it was refused in the end')
    equal(refused.status, 0xA700)
    check(refused.comment, 'and says why')
    check(len(stored) > 60, 'most of the room was used: %d instances' % len(stored))
    check(room() > 48 * MB - INDEX_LOG, 'the reserve is still there: %d MB' % (room() // MB))


@case('at the limit the node lives, answers and holds everything')
def lives():
    equal(node.echo(), 0)
    for _ in range(5):
        equal(fill('two', 5).status, 0xA700)
    verify()


@case('an instance larger than the room is refused half way, and leaves nothing')
def large():
    before = room()
    one = image('large', 1, bulk=90 * MB)
    with node.associate('COUNTY', CTX, timeout=60) as a:
        equal(a.store(one.sop_class, one.uid, one.syntax, one.data).status, 0xA700)
        equal(a.store(one.sop_class, one.uid, one.syntax, one.data).status, 0xA700, 'the association goes on')
    lib.wait_until(lambda: room() > before - INDEX_LOG, 5, 'its room is given back')
    equal([p for p, size in packs() if size > 8 * MB], [], 'packs of its own')
    verify()


@case('kill -9 while full: everything is there after the restart')
def killed():
    node.kill()
    node.start()
    verify()
    check(fill('two', 100) is not None, 'it still refuses')


@case('a disk that others fill to the last byte breaks nothing')
def brim():
    path = os.path.join(at, 'filler')
    with open(path, 'wb', buffering=0) as f:  # else what was not written is tried again when it is closed
        try:
            while True:
                f.write(b'x' * 65536)
        except OSError:
            pass
    equal(node.echo(), 0)
    equal(fill('three', 3).status, 0xA700)
    equal(sorted(node.instances()), sorted(i.uid for i in stored))
    os.unlink(path)
    verify()


@case('it recovers by itself when there is room again')
def recovers():
    equal(lib.execute(['mount', '-o', 'remount,size=%d' % (SIZE + 64 * MB), at]).code, 0)
    lib.wait_until(lambda: fill('four', 1) is None, 20, 'an instance is taken')
    equal(fill('five', 20), None)
    verify()
    node.stop()
    node.teleread('fsck')


try:
    lib.main()
finally:
    ended()
