#!/usr/bin/env python3
"""Storage commitment: asked by N-ACTION, verified byte by byte, told by N-EVENT-REPORT; over either association, again
after refusals, restarts and kills."""
import json
import os
import sqlite3
import sys

sys.dont_write_bytecode = True
import dul
import lib
from dul import COMMITMENT, COMMITMENT_INSTANCE, EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal, trap
from objects import CT, MR, commitment, image, keys, parse, text, uid

lib.need_program()
SETTINGS = {'commitment.retry': '200ms'}
WAY = [(COMMITMENT, [EXPLICIT_LE, IMPLICIT_LE])]
TRANSACTION, FAILED, REFERENCED, REASON = 0x00081195, 0x00081198, 0x00081199, 0x00081197

listener = dul.Acceptor()  # COUNTY's own SCP: reports come to it on associations of the node's
node = lib.Node(SETTINGS)
node.teleread('peer', 'remove', 'COUNTY')
node.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', listener.port)
node.teleread('peer', 'add', 'DEAF', '--site', 'NORTH')  # cannot be called
node.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital')
node.teleread('peer', 'add', 'SOUTHCT', '--site', 'SOUTH')
node.start()
STORED = [image('committed', n) for n in range(1, 6)]
SOUTH = [image('south', 1, patient='S1')]
equal(node.store(STORED), [0] * 5, 'statuses')
equal(node.store(SOUTH, 'SOUTHCT'), [0], 'statuses')


def pairs(instances):
    return [(i.sop_class, i.uid) for i in instances]


def items(data, tag, syntax):
    """[(class, instance, reason)] of a sequence of an event report."""
    out, raw, at = [], parse(data, syntax).get(tag, b''), 0
    while at < len(raw):
        equal(raw[at:at + 4], b'\xfe\xff\x00\xe0', 'tag of an item')
        length = int.from_bytes(raw[at + 4:at + 8], 'little')
        one = parse(raw[at + 8:at + 8 + length], syntax)
        out.append((text(one, 0x00081150), text(one, 0x00081155), int.from_bytes(one.get(REASON, b'\0\0'), 'little')))
        at += 8 + length
    return out


def check_report(message, transaction, kept=(), failed=(), syntax=EXPLICIT_LE):
    equal(message.field, 0x0100, 'command')
    equal((message.affected_class, message.affected_instance), (COMMITMENT, COMMITMENT_INSTANCE), 'about')
    equal(message.event_type, 2 if failed else 1, 'event type')
    data = parse(message.data, syntax)
    equal(text(data, TRANSACTION), transaction, 'Transaction UID')
    equal(text(data, 0x00080054), 'TELEREAD', 'Retrieve AE Title')
    equal(items(message.data, REFERENCED, syntax), [(c, i, 0) for c, i in kept], 'Referenced SOP Sequence')
    equal(items(message.data, FAILED, syntax), list(failed), 'Failed SOP Sequence')
    equal(REFERENCED in data, bool(kept), 'a Referenced SOP Sequence')
    equal(FAILED in data, bool(failed), 'a Failed SOP Sequence')


def heard(transaction, acceptor=None):
    """The reports of a transaction that a listener got."""
    return [m for m in (acceptor or listener).received if text(parse(m.data, m.syntax), TRANSACTION) == transaction]


def told(transaction, acceptor=None, seconds=10):
    lib.wait_until(lambda: heard(transaction, acceptor), seconds, 'a report of ' + transaction)
    return heard(transaction, acceptor)[0]


def ask(transaction, wanted, calling='COUNTY', at=None):
    """Asks, and releases at once."""
    with (at or node).associate(calling, WAY) as a:
        answer = a.action(commitment(transaction, wanted, EXPLICIT_LE))
        equal(answer.status, 0, 'status of N-ACTION (%s)' % answer.comment)
        equal((answer.field, answer.affected_class, answer.affected_instance, answer.action_type),
              (0x8130, COMMITMENT, COMMITMENT_INSTANCE, 1), 'the answer to N-ACTION')


def alerts(at):
    """(kind, subject) of the alerts of a node."""
    with open(os.path.join(at.data, 'alerts.log')) as f:
        return [(r['kind'], r['subject']) for r in map(json.loads, f)]


def listed(transaction, *words, at=None):
    found = [r for r in (at or node).json_lines('commitment', 'list', *words) if r['transaction'] == transaction]
    return found[0] if found else None


@case('the report comes on a new association once the one that asked is released, with the role of an SCP')
def new_association():
    trap(23, 'N-EVENT-REPORT on a new association, role reversal SCP')
    ask('2.25.1001', pairs(STORED))
    message = told('2.25.1001')
    check_report(message, '2.25.1001', kept=pairs(STORED))
    at = listener.received.index(message)
    equal(listener.associations[at], ('TELEREAD', 'COUNTY'), 'calling and called')
    equal(listener.roles[at], {COMMITMENT: (0, 1)}, 'roles proposed')
    lib.wait_until(lambda: listed('2.25.1001', '--all')['state'] == 'told', 10, 'it is told')
    equal(listed('2.25.1001'), None, 'what waits')


@case('the report comes on the same association where it stays open')
def same_association():
    trap(23, 'N-EVENT-REPORT on the same association')
    with node.associate('COUNTY', WAY) as a:
        equal(a.action(commitment('2.25.1002', pairs(STORED[:2]), EXPLICIT_LE)).status, 0, 'status')
        check_report(a.event(), '2.25.1002', kept=pairs(STORED[:2]))
        lib.wait_until(lambda: listed('2.25.1002', '--all')['state'] == 'told', 10, 'it is told')
        equal(heard('2.25.1002'), [], 'reports on new associations')
    with node.associate('DEAF', [(COMMITMENT, [IMPLICIT_LE])]) as a:  # cannot be called: at once, and in its syntax
        equal(a.action(commitment('2.25.1003', pairs(STORED[:1]))).status, 0, 'status')
        check_report(a.event(), '2.25.1003', kept=pairs(STORED[:1]), syntax=IMPLICIT_LE)
        equal(a.action(commitment('2.25.1004', pairs(STORED[1:2]))).status, 0, 'status of a second one')
        check_report(a.event(), '2.25.1004', kept=pairs(STORED[1:2]), syntax=IMPLICIT_LE)


@case('an association that asked and aborted is told on a new one')
def aborted():
    a = node.associate('COUNTY', WAY)
    equal(a.action(commitment('2.25.1005', pairs(STORED), EXPLICIT_LE)).status, 0, 'status')
    a.abort()
    check_report(told('2.25.1005'), '2.25.1005', kept=pairs(STORED))


@case('instances that are unknown, of another class, or of another site are failures with their reasons')
def failures():
    trap(23, 'reasons 0112 and 0119; class and UID are compared; what another site sent is as unknown as what nobody did')
    absent = uid('never sent')
    wanted = pairs(STORED[:1]) + [(MR, STORED[1].uid), (CT, absent), (CT, SOUTH[0].uid), (MR, SOUTH[0].uid)] \
        + pairs(STORED[2:3])
    ask('2.25.1010', wanted)
    check_report(told('2.25.1010'), '2.25.1010', kept=[wanted[0], wanted[5]],
                 failed=[(MR, STORED[1].uid, 0x0119), (CT, absent, 0x0112), (CT, SOUTH[0].uid, 0x0112),
                         (MR, SOUTH[0].uid, 0x0112)])
    equal(listed('2.25.1010', '--all')['failed'], 4, 'failed')
    ask('2.25.1011', [(CT, absent)])
    check_report(told('2.25.1011'), '2.25.1011', failed=[(CT, absent, 0x0112)])


@case('requests that are wrong are refused, each with its status, and the association stays good')
def refused():
    one = pairs(STORED[:1])
    good = commitment('2.25.1020', one, EXPLICIT_LE)
    wrong = [
        ('another instance', 0x0112, good, {'requested_instance': '1.2.840.10008.1.20.1.2'}),
        ('another class', 0x0118, good, {'requested_class': CT}),
        ('another action', 0x0123, good, {'action_type': 2}),
        ('no action information', 0x0115, None, {}),
        ('no transaction', 0x0115, commitment(None, one, EXPLICIT_LE), {}),
        ('a transaction that is none', 0x0115, commitment('not a UID', one, EXPLICIT_LE), {}),
        ('a transaction that is too long', 0x0115, commitment('1.' * 40 + '1', one, EXPLICIT_LE), {}),
        ('no sequence', 0x0115, commitment('2.25.1020', None, EXPLICIT_LE), {}),
        ('an empty sequence', 0x0115, commitment('2.25.1020', [], EXPLICIT_LE), {}),
        ('an item without class', 0x0115, commitment('2.25.1020', one + [(None, '1.2.3')], EXPLICIT_LE), {}),
        ('an item without instance', 0x0115, commitment('2.25.1020', [(CT, None)], EXPLICIT_LE), {}),
        ('an item with a path', 0x0115, commitment('2.25.1020', [(CT, '../../etc')], EXPLICIT_LE), {}),
        ('bytes that are no data set', 0x0115, b'\x08\x00\x95\x11UI\xff\xff123', {}),
    ]
    with node.associate('COUNTY', WAY + [(dul.VERIFICATION, [IMPLICIT_LE])]) as a:
        for name, status, data, fields in wrong:
            equal(a.action(data, **fields).status, status, name)
        equal(a.echo().status, 0, 'C-ECHO afterwards')
        a.send(a.context(COMMITMENT), {'affected_class': COMMITMENT, 'affected_instance': '1.2.3', 'field': 0x0001,
                                       'message_id': a.next_id(), 'priority': 0}, STORED[0].data)
        equal(a.receive()[1].status, 0x0122, 'C-STORE on the context of commitment')
    equal(listed('2.25.1020', '--all'), None, 'what was kept of it')


@case('the same request again gets the same report again; another one under its Transaction UID is refused')
def again():
    trap(23, 'idempotent by Transaction UID; 0131 for another request')
    ask('2.25.1030', pairs(STORED[:3]))
    told('2.25.1030')
    lib.wait_until(lambda: listed('2.25.1030', '--all')['state'] == 'told', 10, 'it is told')
    ask('2.25.1030', pairs(STORED[:3]))
    lib.wait_until(lambda: len(heard('2.25.1030')) == 2, 10, 'a second report')
    first, second = heard('2.25.1030')
    equal(second.data, first.data, 'the second report')
    with node.associate('COUNTY', WAY) as a:
        equal(a.action(commitment('2.25.1030', pairs(STORED[:2]), EXPLICIT_LE)).status, 0x0131, 'another request')
    ask('2.25.1030', pairs(SOUTH), 'DEAF')  # another peer's transactions are its own


@case('a request of thousands of instances is verified and told whole')
def many():
    wanted = [pairs(STORED[:1])[0]] + [(CT, uid('absent', n)) for n in range(20000)]
    with node.associate('DEAF', WAY) as a:
        equal(a.action(commitment('2.25.1040', wanted, EXPLICIT_LE)).status, 0, 'status')
        check_report(a.event(), '2.25.1040', kept=wanted[:1], failed=[(c, i, 0x0112) for c, i in wanted[1:]])
        equal(a.action(commitment('2.25.1041', wanted * 4, EXPLICIT_LE)).status, 0x0213, 'more than there may be')


@case('a report that is refused, or whose peer is away, is told again later')
def told_later():
    trap(23, 'N-EVENT-REPORT is retried')
    answers = [0x0110, 0x0110, 'abort', 'close', 0]
    picky = dul.Acceptor(answer=lambda command: answers.pop(0), answer_roles=True)
    node.teleread('peer', 'add', 'PICKY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', picky.port)
    ask('2.25.1050', pairs(STORED), 'PICKY')
    lib.wait_until(lambda: listed('2.25.1050', '--all')['state'] == 'told', 20, 'it is told')
    equal([len(heard('2.25.1050', picky)), answers], [5, []], 'reports, and answers left')
    for message in picky.received:
        check_report(message, '2.25.1050', kept=pairs(STORED))
    with node.associate('PICKY', WAY) as a:  # refused on the same association, too
        answers[:] = [0]
        equal(a.action(commitment('2.25.1051', pairs(STORED), EXPLICIT_LE)).status, 0, 'status')
        check_report(a.event(0x0110), '2.25.1051', kept=pairs(STORED))
        check_report(told('2.25.1051', picky), '2.25.1051', kept=pairs(STORED))
    picky.close()


@case('a request is given up after its time, and says why; asked again it is told')
def given_up():
    brief = lib.Node(dict(SETTINGS, **{'commitment.give_up': '1s', 'commitment.retry': '100ms'}))
    port = lib.free_port()
    brief.teleread('peer', 'add', 'AWAY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', port)
    with brief:
        ask('2.25.1060', pairs(STORED[:1]), 'AWAY', brief)
        lib.wait_until(lambda: listed('2.25.1060', at=brief)['state'] == 'given-up', 20, 'it is given up')
        row = listed('2.25.1060', at=brief)
        check(row['tries'] > 1 and row['why'], 'it says how often and why: %r' % row)
        check(('commitment', '2.25.1060') in alerts(brief), 'an alert')
        check('given-up' in brief.teleread('commitment', 'list').out, 'the table names it')
        away = dul.Acceptor(port=port)
        ask('2.25.1060', pairs(STORED[:1]), 'AWAY', brief)
        check_report(told('2.25.1060', away), '2.25.1060', failed=[(CT, STORED[0].uid, 0x0112)])
        away.close()


def survives(end, transaction):
    """Asked and verified while the peer is away; `end` of the node; told after the next start."""
    port = lib.free_port()
    other = lib.Node(SETTINGS)
    other.teleread('peer', 'add', 'AWAY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', port)
    other.start()
    equal(other.store(STORED), [0] * 5, 'statuses')
    ask(transaction, pairs(STORED), 'AWAY', other)
    lib.wait_until(lambda: listed(transaction, at=other)['tries'] > 0, 10, 'a try to tell it')
    equal(listed(transaction, at=other)['state'], 'verified', 'state')
    end(other)
    away = dul.Acceptor(port=port)
    other.start()
    check_report(told(transaction, away), transaction, kept=pairs(STORED))
    other.stop()
    other.teleread('reindex')
    equal(listed(transaction, '--all', at=other)['state'], 'told', 'state after the index was built anew')
    away.close()


@case('what was verified but not told survives a stop, and an index built anew')
def survives_stop():
    survives(lambda other: other.stop(), '2.25.1070')


@case('what was verified but not told survives kill -9')
def survives_kill():
    trap(23, 'durable before the answer: a kill between action and report loses nothing')
    survives(lambda other: other.kill(), '2.25.1071')


@case('a request that was answered is told although the node was killed the moment after')
def killed_at_once():
    trap(23, 'durable before the answer: a kill right behind it loses nothing')
    port = lib.free_port()
    other = lib.Node(SETTINGS)
    other.teleread('peer', 'add', 'AWAY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', port)
    other.start()
    equal(other.store(STORED), [0] * 5, 'statuses')
    for round_ in range(3):
        a = other.associate('AWAY', WAY)
        equal(a.action(commitment('2.25.108%d' % round_, pairs(STORED), EXPLICIT_LE)).status, 0, 'status')
        other.kill()
        a.close()
        other.start()
    away = dul.Acceptor(port=port)
    for round_ in range(3):
        check_report(told('2.25.108%d' % round_, away), '2.25.108%d' % round_, kept=pairs(STORED))
    other.stop()
    away.close()


@case('bytes that were damaged on the disk are not committed (0110)')
def damaged():
    trap(23, 'bytes are read again and compared before they are committed: 0110')
    other = lib.Node(SETTINGS)
    other.start()
    equal(other.store(STORED), [0] * 5, 'statuses')
    other.stop()
    needle, hit = STORED[2].data[-2048:-1024], 0  # of its pixels
    for at, _, names in os.walk(os.path.join(other.data, 'packs')):
        for name in names:
            with open(os.path.join(at, name), 'r+b') as f:
                whole = f.read()
                first = whole.find(STORED[2].uid.encode())
                place = whole.find(needle, first) if first >= 0 else -1
                if place >= 0:
                    f.seek(place)
                    f.write(bytes(b ^ 0x40 for b in needle[:1]))
                    hit += 1
    equal(hit, 1, 'packs damaged')
    with other:
        with other.associate('COUNTY', WAY) as a:
            equal(a.action(commitment('2.25.1090', pairs(STORED), EXPLICIT_LE)).status, 0, 'status')
            check_report(a.event(), '2.25.1090', kept=pairs(STORED[:2] + STORED[3:]),
                         failed=[(CT, STORED[2].uid, 0x0110)])
        equal(alerts(other), [('corrupt', STORED[2].uid)], 'alerts')
        away = [(CT, '1.2.3.%d' % k) for k in range(12)]
        with other.associate('COUNTY', WAY) as a:
            equal(a.action(commitment('2.25.1091', away + [(MR, STORED[0].uid)], EXPLICIT_LE)).status, 0, 'status')
            a.event()
        lib.wait_until(lambda: listed('2.25.1091', '--all', at=other)['failed'] == 13, 10, 'it is told')
        first, second = (listed(t, '--all', at=other)['failures'] for t in ('2.25.1090', '2.25.1091'))
        equal([(f['class'], f['instance'], f['reason']) for f in first], [(CT, STORED[2].uid, '0110')], 'failures')
        equal([(f['class'], f['instance'], f['reason']) for f in second],
              [(c, i, '0112') for c, i in away] + [(MR, STORED[0].uid, '0119')], 'failures')
        check(all(f['text'] != 'unknown' for f in first + second), 'and in words')
        text = other.teleread('commitment', 'list', '--all').out
        check('0110 ' + STORED[2].uid in text and text.count('  0112 ') == 10 and 'and 3 more' in text, text)
        other.stop()
        with open(os.path.join(other.data, 'metrics.prom')) as f:
            check('teleread_commitment_instances_total{verdict="failure"} 1' in f.read(), 'the metric counts it')


@case('report = new and report = same decide which association is used')
def configured():
    for word in ('new', 'same'):
        other = lib.Node(dict(SETTINGS, **{'commitment.report': word}))
        peer = dul.Acceptor()
        other.teleread('peer', 'add', 'BOTH', '--site', 'NORTH', '--host', '127.0.0.1', '--port', peer.port)
        with other:
            equal(other.store(STORED[:1], 'BOTH'), [0], 'statuses')
            with other.associate('BOTH', WAY) as a:
                equal(a.action(commitment('2.25.1100', pairs(STORED[:1]), EXPLICIT_LE)).status, 0, 'status')
                message = told('2.25.1100', peer) if word == 'new' else a.event()
                check_report(message, '2.25.1100', kept=pairs(STORED[:1]))
            equal(len(peer.received), 1 if word == 'new' else 0, 'reports on new associations')
        peer.close()


@case('a peer that would be the SCP itself gets no context, and one that proposes the role of the SCU gets it')
def roles():
    with node.associate('COUNTY', WAY + [(dul.VERIFICATION, [IMPLICIT_LE])], roles=[(COMMITMENT, 0, 1)]) as a:
        check(1 not in a.contexts, 'no context for an SCP')
        equal(a.echo().status, 0, 'C-ECHO')
    with node.associate('COUNTY', WAY, roles=[(COMMITMENT, 1, 0)]) as a:
        equal(a.roles, {COMMITMENT: (1, 0)}, 'roles answered')
        equal(a.action(commitment('2.25.1110', pairs(STORED[:1]), EXPLICIT_LE)).status, 0, 'status')
        check_report(a.event(), '2.25.1110', kept=pairs(STORED[:1]))


@case('the answer to a report may come between the sub-operations of a C-GET')
def crossing():
    trap(23, 'N-EVENT-REPORT-RSP during a C-GET on the same association')
    get = dul.STUDY_GET
    with node.associate('DEAF', WAY + [(get, [IMPLICIT_LE])], get=[(CT, [EXPLICIT_LE])]) as a:
        equal(a.action(commitment('2.25.1120', pairs(STORED[:1]), EXPLICIT_LE)).status, 0, 'status')
        on, report = a.receive()
        check_report(report, '2.25.1120', kept=pairs(STORED[:1]))
        a.send(a.context(get), {'affected_class': get, 'field': 0x0010, 'message_id': a.next_id(), 'priority': 0},
               keys('STUDY', StudyInstanceUID=STORED[0].study))
        came, (number, message) = 0, a.receive()
        while message.field == 0x0001 or message.status in dul.PENDING:
            if message.field == 0x0001:
                if came == 1:
                    a.event_answer(on, report)
                a.send(number, {'affected_class': message.affected_class, 'affected_instance': message.affected_instance,
                                'field': 0x8001, 'responded_id': message.message_id, 'status': 0})
                came += 1
            number, message = a.receive()
        equal((message.field, message.status, message.completed, came), (0x8010, 0, 5, 5), 'the end of the C-GET')
        lib.wait_until(lambda: listed('2.25.1120', '--all')['state'] == 'told', 10, 'it is told')
        equal(listed('2.25.1120', '--all')['tries'], 1, 'tries')


@case('a request that cannot be read is put off, with an alert, and holds up no other')
def put_off():
    other = lib.Node(SETTINGS)
    other.start()
    equal(other.store(STORED[:1]), [0], 'status')
    other.stop()
    index = sqlite3.connect(os.path.join(other.data, 'index.sqlite'))
    with index:  # longer than any request can be
        index.execute("INSERT INTO commitment (site, aet, transaction_uid, state, n, failed, tries, asked, changed, due, why, items,"
                      " verdicts) SELECT id, 'COUNTY', '2.25.1130', 1, 1, 0, 0, 1, 1, 1, '', ?, x'' FROM site", ('x' * (10 << 20),))
    index.close()
    with other:
        with other.associate('COUNTY', WAY) as a:
            equal(a.action(commitment('2.25.1131', pairs(STORED[:1]), EXPLICIT_LE)).status, 0, 'status')
            check_report(a.event(), '2.25.1131', kept=pairs(STORED[:1]))
        check(('commitment', 'COUNTY') in alerts(other), 'an alert')
        equal(listed('2.25.1130', at=other)['state'], 'asked', 'what could not be read')


@case('a request that waits is in a backup, and is told by the node that serves the copy')
def restored():
    port, to = lib.free_port(), os.path.join(lib.folder(), 'data')
    with lib.Node(SETTINGS) as other:
        other.teleread('peer', 'add', 'AWAY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', port)
        equal(other.store(STORED), [0] * 5, 'statuses')
        ask('2.25.1140', pairs(STORED), 'AWAY', other)
        lib.wait_until(lambda: listed('2.25.1140', at=other)['tries'] > 0, 10, 'a try to tell it')
        other.teleread('backup', to)
    away = dul.Acceptor(port=port)
    with lib.Node(SETTINGS, at=os.path.dirname(to), sites=False) as copy:
        check_report(told('2.25.1140', away), '2.25.1140', kept=pairs(STORED))
        lib.wait_until(lambda: listed('2.25.1140', '--all', at=copy)['state'] == 'told', 10, 'it is told')
    away.close()


lib.main()
