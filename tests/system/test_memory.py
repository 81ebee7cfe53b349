#!/usr/bin/env python3
"""Memory: a huge instance, and several at once, raise the node's resident size by less than 100 MB; idle is small.

By default one instance of 1 GB and eight of 128 MB, to keep the suite short; TELEREAD_BIG=1 takes 4 GB and 16 of 1 GB.
"""
import shutil
import struct
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal
from objects import CT, HTJ2K, encode, image, keys

lib.need_program()
if lib.sanitized():
    lib.skip_all('sanitizers keep memory of their own')
MB = 1 << 20
ONE, EACH, AT_ONCE = (4000 * MB, 1024 * MB, 16) if lib.BIG else (1000 * MB, 128 * MB, 8)
LIMIT = 100 * 1024  # KiB
CTX = [(CT, [dul.EXPLICIT_LE])]
PIECE, PIECE_MB = bytes(131072 - 12), bytes(MB)
node = lib.Node({'archive.pack_size': '64M', 'archive.prewrite': '16M'})
if shutil.disk_usage(node.folder).free < 2 * (ONE + EACH * AT_ONCE) + 1024 * MB:
    lib.skip_all('too little room in %s' % node.folder)
node.start()


def huge(word, size):
    """(instance without its pixels, the bytes of the data set in pieces)."""
    one = image(word, 1)
    head = encode([e for e in one.elements if e[0] != 0x7FE00010])
    head += struct.pack('<HH2sHI', 0x7FE0, 0x0010, b'OW', 0, size)

    def pieces():
        yield head
        left = size
        while left:
            n = min(left, len(PIECE))
            yield PIECE[:n]
            left -= n
    return one, pieces()


def send(word, size):
    one, pieces = huge(word, size)
    with node.associate('COUNTY', CTX, timeout=120 * lib.SLOW) as a:
        equal(a.store(one.sop_class, one.uid, one.syntax, pieces).status, 0, word)
    return one


class Count:
    """Takes a data set as it passes and keeps its length only."""

    def __init__(self, association):
        self.n, self.association = 0, association
        association.read_part = self.read_part

    def read_part(self, command):
        out = []
        while True:
            number, flags, value = self.association.read_pdv()
            if command:
                out.append(value)
            else:
                self.n += len(value)
            if flags & 2:
                return number, b''.join(out)


@case('an idle node is under 60 MB')
def idle():
    rss, anonymous = node.memory()
    lib.note('VmRSS %d MB, RssAnon %d MB' % (rss >> 10, anonymous >> 10))
    check(rss < 60 * 1024, 'VmRSS is %d MB' % (rss >> 10))


@case('one instance of %d MB in and out: less than 100 MB' % (ONE // MB))
def one_huge():
    equal(node.store([image('warm', n) for n in range(10)]), [0] * 10)
    with lib.Watch(node) as watch:
        one = send('huge', ONE)
    lib.note('in: VmRSS grew by %d MB' % (watch.grown >> 10))
    check(watch.grown < LIMIT, 'grew by %d MB' % (watch.grown >> 10))
    with lib.Watch(node) as watch:
        with node.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=CTX, timeout=120) as a:
            count = Count(a)
            _, final = a.get(dul.STUDY_GET, keys('STUDY', StudyInstanceUID=one.study), stored=lambda o: None)
    equal((final.status, final.completed), (0, 1))
    check(count.n > ONE, '%d bytes came' % count.n)
    lib.note('out: VmRSS grew by %d MB' % (watch.grown >> 10))
    check(watch.grown < LIMIT, 'grew by %d MB' % (watch.grown >> 10))


@case('an instance of more than 4 GiB in fragments goes in and out')
def beyond():
    if not lib.BIG:
        raise lib.Skip('TELEREAD_BIG=1 runs it')
    one = image('beyond', 1, syntax=HTJ2K)
    head = encode([e for e in one.elements if e[0] != 0x7FE00010])
    head += struct.pack('<HH2sHI', 0x7FE0, 0x0010, b'OB', 0, 0xFFFFFFFF) + struct.pack('<HHI', 0xFFFE, 0xE000, 0)
    total = [0]

    def pieces():
        def counted(piece):
            total[0] += len(piece)
            return piece
        yield counted(head)
        for _ in range(5):
            yield counted(struct.pack('<HHI', 0xFFFE, 0xE000, 1000 * MB))
            for _ in range(1000):
                yield counted(PIECE_MB)
        yield counted(struct.pack('<HHI', 0xFFFE, 0xE0DD, 0))
    with lib.Watch(node) as watch:
        with node.associate('COUNTY', [(CT, [HTJ2K])], timeout=300) as a:
            equal(a.store(CT, one.uid, HTJ2K, pieces()).status, 0)
        with node.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=[(CT, [HTJ2K])], timeout=300) as a:
            count = Count(a)
            _, final = a.get(dul.STUDY_GET, keys('STUDY', StudyInstanceUID=one.study), stored=lambda o: None)
    equal((final.status, final.completed, count.n), (0, 1, total[0]))
    check(watch.grown < LIMIT, 'grew by %d MB' % (watch.grown >> 10))
    equal(len(node.find('STUDY', StudyInstanceUID=one.study)), 1)


@case('%d instances of %d MB at once: less than 100 MB' % (AT_ONCE, EACH // MB))
def many_huge():
    with lib.Watch(node) as watch:
        lib.together(*(lambda k=k: send('at-once-%d' % k, EACH) for k in range(AT_ONCE)))
    lib.note('VmRSS grew by %d MB' % (watch.grown >> 10))
    check(watch.grown < LIMIT, 'grew by %d MB' % (watch.grown >> 10))
    equal(len(node.find('STUDY', StudyInstanceUID='')), AT_ONCE + (3 if lib.BIG else 2))


@case('thousands of small instances and queries leave no memory behind')
def small():
    def burst(word):
        lib.together(*(lambda k=k: node.store([image('%s-%d' % (word, k), n, side=8) for n in range(250)])
                       for k in range(4)))
        for _ in range(50):
            node.find('STUDY', StudyInstanceUID='', PatientName='Demo*')
    burst('first')
    before = node.memory()[1]
    burst('second')
    grown = node.memory()[1] - before
    lib.note('RssAnon grew by %d KB' % grown)
    check(grown < 16 * 1024, 'grew by %d KB' % grown)
    node.stop()


lib.main()
