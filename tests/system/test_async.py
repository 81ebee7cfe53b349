#!/usr/bin/env python3
"""The asynchronous operations window: granted as asked and capped; requests sent ahead are answered in order, as they
become durable, whatever comes between them and however it ends."""
import sys

sys.dont_write_bytecode = True
import dul
import lib
from dul import EXPLICIT_LE, IMPLICIT_LE, STUDY_FIND, VERIFICATION
from lib import case, check, equal, trap
from objects import CT, encode, image, keys, uid

lib.need_program()
node = lib.Node()
node.start()
STORE = (CT, [EXPLICIT_LE])


def ahead(a, instances):
    """Sends them without waiting for an answer; the message ids."""
    ids = []
    for one in instances:
        a.store_begin(one.sop_class, one.uid, one.syntax, one.data)
        ids.append(a.message_id)
    return ids


def answers(a, ids, status=0):
    """They come in the order of the requests."""
    for number in ids:
        one = a.receive()[1]
        equal((one.field, one.responded_id, one.status), (0x8001, number, status), 'answer (%s)' % one.comment)


def series(name, n, at=1, **rest):
    return [image(name, i, patient=name, **rest) for i in range(at, at + n)]


def held(at, instances):
    """UIDs of these that queries find."""
    found = set(at.instances())
    return [i.uid for i in instances if i.uid in found]


@case('a window is granted as asked, at most the configured one; nothing is said where none was asked')
def granted():
    trap(18, 'what is granted: at most what was proposed and what is configured; 0 is no limit; 1 with C-GET')
    for asked, wanted in ((None, None), ((16, 1), (16, 1)), ((4, 0), (4, 1)), ((0, 0), (16, 1)), ((1, 1), (1, 1)),
                          ((65535, 7), (16, 1))):
        with node.associate(window=asked) as a:
            equal(a.window, wanted, 'granted for %r' % (asked,))
            equal(a.echo().status, 0, 'C-ECHO')
    with node.associate(contexts=[STORE, (dul.STUDY_GET, [IMPLICIT_LE])], window=(16, 1)) as a:
        equal(a.window, (1, 1), 'granted where a C-GET may come')
    with lib.Node({'dicom.async_window': 3}) as narrow, narrow.associate(window=(0, 0)) as a:
        equal(a.window, (3, 1), 'granted by the configuration')


@case('requests within the window are answered in order and are found')
def pipelined():
    trap(18, 'requests sent ahead, each answered under its message ID')
    sent = series('ahead', 96)
    with node.associate(contexts=[STORE], window=(16, 1)) as a:
        first = ahead(a, sent[:16])
        for one in sent[16:]:
            answers(a, first[:1])
            first = first[1:] + ahead(a, [one])
        answers(a, first)
    equal(len(held(node, sent)), 96, 'instances found')
    got = node.get_all(sent)
    check(all(got[i.uid][1] == i.data for i in sent), 'they come back as they were sent')


@case('a sender that sends more than was agreed, or without any agreement, is answered all the same')
def beyond():
    trap(18, 'more than agreed is held up, not broken')
    for name, window in (('none', None), ('one', (1, 1)), ('four', (4, 1)), ('sixteen', (16, 1))):
        sent = series(name, 150)
        with node.associate(contexts=[STORE], window=window) as a:
            answers(a, ahead(a, sent))
        equal(len(held(node, sent)), 150, 'instances found, window ' + name)


@case('the same again, contradictions, refusals and large instances in the middle have their own answers, in order')
def mixed():
    one, other = series('mixed', 2)
    contradicts = image('mixed', 1, patient='mixed', seed=77)
    large = [image('mixed large', n, patient='mixed', bulk=3 << 20) for n in (1, 2, 3)]
    late = series('mixed', 10, at=10)
    with node.associate(contexts=[STORE], window=(16, 1)) as a:
        ids = ahead(a, [one, one, other, contradicts] + large)
        a.store_begin(CT, uid('another'), EXPLICIT_LE, one.data)  # the data set says otherwise
        ids.append(a.message_id)
        a.store_begin(CT, '../x', EXPLICIT_LE, one.data)
        ids.append(a.message_id)
        a.store_begin(CT, uid('torn'), EXPLICIT_LE, encode([(0x00080016, 'UI', CT)])[:-3])
        ids.append(a.message_id)
        ids += ahead(a, late)
        got = [(m.responded_id, m.status) for m in (a.receive()[1] for _ in ids)]
    equal([n for n, _ in got], ids, 'the order of the answers')
    statuses = [status for _, status in got]
    equal(statuses[:7], [0, 0, 0, 0xB000, 0, 0, 0], 'the same, a contradiction, large ones')
    equal(statuses[7:9], [0xA900, 0x0117], 'refusals')
    check(statuses[9] >> 12 in (0xA, 0xC), 'a data set that cannot be read: %04x' % statuses[9])
    equal(statuses[10:], [0] * 10, 'those after them')
    equal(len(held(node, [one, other] + large + late)), 15, 'instances found')
    equal(node.get_all([one])[one.uid][1], one.data, 'the first one stays')


@case('other commands wait for what was sent before them, and may be sent ahead themselves')
def other_commands():
    sent = series('between', 12)
    ways = [STORE, (STUDY_FIND, [IMPLICIT_LE]), (VERIFICATION, [IMPLICIT_LE])]
    question = keys('STUDY', StudyInstanceUID=sent[0].study, NumberOfStudyRelatedInstances='')
    for window in ((16, 1), None):
        with node.associate(contexts=ways, window=window) as a:
            ids = ahead(a, sent)
            for _ in range(2):
                a.send(a.context(STUDY_FIND), {'affected_class': STUDY_FIND, 'field': 0x0020, 'priority': 0,
                                               'message_id': a.next_id()}, question)
                ids.append(a.message_id)
            a.send(a.context(VERIFICATION), {'affected_class': VERIFICATION, 'field': 0x0030, 'message_id': a.next_id()})
            ids += [a.message_id] + ahead(a, sent[:1])
            answers(a, ids[:12])
            for number in ids[12:14]:
                row, last = a.receive()[1], a.receive()[1]
                equal((row.responded_id, row.status >> 8, last.responded_id, last.status), (number, 0xFF, number, 0), 'find')
                check(b'12' in row.data, 'the find counts what was stored before it')
            equal(a.receive()[1].responded_id, ids[14], 'C-ECHO')
            answers(a, ids[15:])


@case('a release behind requests is answered after them')
def released():
    sent = series('release', 16)
    a = node.associate(contexts=[STORE], window=(16, 1))
    ids = ahead(a, sent)
    a.socket.sendall(dul.pdu(5, b'\0\0\0\0'))
    answers(a, ids)
    equal(a.read_pdu()[0], 6, 'A-RELEASE-RP behind the answers')
    a.close()
    equal(len(held(node, sent)), 16, 'instances found')


@case('an abort, a lost connection or kill -9 in the middle: what was acknowledged is there')
def broken():
    for name in ('abort', 'close', 'kill'):
        for round_ in range(3):
            sent = series('broken %s %d' % (name, round_), 40)
            a = node.associate(contexts=[STORE], window=(16, 1))
            ids = ahead(a, sent[:16])
            answers(a, ids[:3 + round_])
            ids += ahead(a, sent[16:])
            if name == 'abort':
                a.abort()
            elif name == 'close':
                a.close()
            else:
                node.kill()
                a.close()
                node.start()
            acknowledged = sent[:3 + round_]
            equal(len(held(node, acknowledged)), len(acknowledged), 'instances acknowledged before ' + name)
            equal(node.store(sent), [0] * 40, 'statuses of all of them again')
            equal(len(held(node, sent)), 40, 'instances found at last')
    node.teleread('fsck')


lib.main()
