#!/usr/bin/env python3
"""C-MOVE to destinations that refuse, convert, warn, abort, or do not answer: what fails is counted and listed, the rest
arrives."""
import sys
import threading

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import (CT, HTJ2K, JPEG_LS, KEYWORDS, MR, RLE, image, keys, parse, text)

lib.need_program()
node = lib.Node({'dicom.dimse': '3s', 'dicom.artim': '2s'})
node.start()
SOME = [image('dest', n, 1 + n % 2, 'D1', 'Dest^One', sop_class=MR if n % 5 == 0 else CT,
              syntax=dul.EXPLICIT_LE if n % 3 else JPEG_LS) for n in range(1, 31)]
ALL = {i.uid: i for i in SOME}


def move(calling='COUNTY', to='DEST', study=SOME[0].study, cancel_after=None, **narrower):
    """(pending answers, final, failed UIDs)."""
    level = 'SERIES' if narrower else 'STUDY'
    with node.associate(calling, [(dul.STUDY_MOVE, [dul.IMPLICIT_LE])], timeout=60) as a:
        progress, final = a.move(dul.STUDY_MOVE, to, keys(level, StudyInstanceUID=study, **narrower),
                                 cancel_after=cancel_after)
        a.cancel(1)  # one that comes too late is passed over
    failed = []
    if final.data:
        failed = text(parse(final.data, dul.IMPLICIT_LE), KEYWORDS['FailedSOPInstanceUIDList'][0]).split('\\')
    return progress, final, [f for f in failed if f]


def destination(*words, **how):
    """A destination registered as DEST."""
    acceptor = dul.Acceptor(**how)
    node.teleread('peer', 'remove', 'DEST', code=None)
    node.teleread('peer', 'add', 'DEST', '--site', 'NORTH', '--host', '127.0.0.1', '--port', acceptor.port, *words)
    return acceptor


def came(acceptor):
    return {c.affected_instance: c for c in acceptor.received if c.status is None}


def counts(final):
    return (final.status, final.completed, final.failed, final.warning)


@case('all of it arrives as stored, with the originator named')
def plain():
    trap(14, 'counters of each pending answer add up; the originator and its message ID are named')
    equal(set(node.store(SOME)), {0})
    d = destination()
    progress, final, failed = move()
    equal((counts(final), failed), ((0, 30, 0, 0), []))
    got = came(d)
    equal(sorted(got), sorted(ALL))
    for uid, c in got.items():
        check(c.data == ALL[uid].data and c.syntax == ALL[uid].syntax, 'instance %s changed' % uid)
        equal((c.originator, c.originator_id, c.abstract), ('COUNTY', 1, ALL[uid].sop_class))
    equal(set(d.associations), {('TELEREAD', 'DEST')})
    for p in progress:
        equal(sum(n or 0 for n in (p.remaining, p.completed, p.failed, p.warning)), 30, 'counters of a pending answer')
    d.close()


@case('several sub-associations where the peer\'s entry allows them, one where not')
def parallel():
    gate = threading.Event()
    for most in (1, 3):
        d = destination('--associations', most, answer=lambda c: gate.wait(0.02) and 0 or 0)
        equal(counts(move()[1]), (0, 30, 0, 0))
        equal(sorted(came(d)), sorted(ALL))
        check(d.most_at_once <= most, '%d at once' % d.most_at_once)
        check(most == 1 or d.most_at_once > 1, 'only one at once')
        d.close()


@case('what the destination refuses is listed, what it warns of is counted, the rest arrives')
def partial():
    trap(14, 'refused ones are listed, warned ones counted, B000; the rest arrives')
    refused, warned = {SOME[3].uid, SOME[7].uid}, {SOME[11].uid}
    d = destination(answer=lambda c: 0xA700 if c.affected_instance in refused
                    else 0xB000 if c.affected_instance in warned else 0)
    _, final, failed = move()
    equal((counts(final), sorted(failed)), ((0xB000, 27, 2, 1), sorted(refused)))
    equal(sorted(came(d)), sorted(ALL))
    d.close()


@case('a class that the destination does not take fails alone')
def no_class():
    trap(14, 'a class that the destination does not take fails alone')
    d = destination(takes=lambda abstract, syntaxes: syntaxes[0] if abstract == CT else None)
    _, final, failed = move()
    mr = sorted(i.uid for i in SOME if i.sop_class == MR)
    equal((counts(final), sorted(failed)), ((0xB000, 30 - len(mr), len(mr), 0), mr))
    d.close()


@case('a destination that takes implicit little endian only gets native objects rewritten')
def implicit():
    d = destination(takes=lambda abstract, syntaxes: dul.IMPLICIT_LE if dul.IMPLICIT_LE in syntaxes else None)
    _, final, failed = move()
    native = [i for i in SOME if i.syntax == dul.EXPLICIT_LE]
    equal(counts(final)[1:], (len(native), 30 - len(native), 0))  # the JPEG-LS ones hold nothing that decodes
    equal(final.status, 0xB000)
    for one in native:
        mine, theirs = parse(one.data), parse(came(d)[one.uid].data, dul.IMPLICIT_LE)
        for tag in (0x00080018, 0x00100010, 0x0020000D, 0x7FE00010):
            equal(theirs[tag].rstrip(b' \0'), mine[tag].rstrip(b' \0'), '%08x' % tag)
    d.close()


@case('a destination that aborts in the middle is tried again; what it never takes is listed')
def aborts():
    trap(14, 'a destination that aborts costs one instance')
    poison, hits = SOME[9].uid, []

    def answer(c):
        if c.affected_instance == poison:
            hits.append(1)
            return 'abort' if len(hits) % 2 else 'close'
        return 0
    d = destination('--associations', 1, answer=answer)
    _, final, failed = move()
    equal((counts(final), failed), ((0xB000, 29, 1, 0), [poison]))
    check(set(ALL) - {poison} <= set(came(d)), 'the rest arrives')
    d.close()


@case('a destination that does not answer in time costs its instances only')
def silent():
    trap(14, 'a destination without an answer costs its instances only')
    stuck, gate = {SOME[4].uid}, threading.Event()
    d = destination('--associations', 1, answer=lambda c: gate.wait(20) and 'close'
                    if c.affected_instance in stuck else 0)
    series = SOME[4].series
    mine = [i for i in SOME if i.series == series]
    _, final, failed = move(SeriesInstanceUID=series)
    gate.set()
    equal((counts(final), failed), ((0xB000, len(mine) - 1, 1, 0), sorted(stuck)))
    d.close()


@case('nobody listens at the destination: A702, all of them listed')
def nobody():
    trap(14, 'nobody listens: A702, all listed')
    d = destination()
    d.close()
    _, final, failed = move()
    equal((counts(final), sorted(failed)), ((0xA702, 0, 30, 0), sorted(ALL)))


@case('C-CANCEL stops the move, and says what remained')
def cancel():
    trap(13, 'C-MOVE: FE00, and what remained')
    slow = threading.Event()
    d = destination('--associations', 1, answer=lambda c: slow.wait(0.15) and 0 or 0)
    _, final, _ = move(cancel_after=1)
    equal(final.status, dul.CANCELLED)
    check(final.remaining > 0 and final.remaining + final.completed == 30, final)
    check(len(came(d)) < 30, 'it went on')
    d.close()


@case('more classes and syntaxes than one association has contexts')
def contexts():
    trap(16, 'more pairs of class and syntax than one association has contexts')
    classes = ['1.2.840.10008.5.1.4.1.1.' + tail for tail in (
        '1', '1.1', '1.1.1', '1.2', '1.2.1', '1.3', '1.3.1', '2', '2.1', '3.1', '4', '4.1', '4.2', '6.1', '6.2', '7', '7.1',
        '7.2', '7.3', '7.4', '12.1', '12.1.1', '12.2', '12.2.1', '13.1.1', '13.1.2', '13.1.3', '20', '66.4', '77.1.1',
        '77.1.2', '77.1.3', '77.1.4', '77.1.5.1', '77.1.6', '104.1', '128', '130', '481.1', '481.2')]
    many = [image('contexts', n, n, 'D2', 'Dest^Two', sop_class=c, syntax=s, side=4)
            for n, (c, s) in enumerate((c, s) for c in classes for s in (dul.EXPLICIT_LE, dul.IMPLICIT_LE, RLE, HTJ2K))]
    for part in range(0, len(many), 100):
        equal(set(node.store(many[part:part + 100])), {0})
    d = destination()
    _, final, failed = move(study=many[0].study)
    equal((counts(final), failed), ((0, len(many), 0, 0), []))
    got = came(d)
    equal([i.uid for i in many if got[i.uid].data != i.data or got[i.uid].syntax != i.syntax], [])
    d.close()


@case('a destination of another site gets nothing of ours')
def other_site():
    node.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital')
    d = dul.Acceptor()
    node.teleread('peer', 'add', 'ELSEWHERE', '--site', 'SOUTH', '--host', '127.0.0.1', '--port', d.port)
    _, final, failed = move(to='ELSEWHERE')
    check(final.status in (0xA702, 0xA801), final)
    equal(came(d), {})
    d.close()
    node.stop()


lib.main()
