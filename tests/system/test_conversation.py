#!/usr/bin/env python3
"""The rules of a conversation, from the first PDU to the last: contexts, roles, fragments, cancelling, endings."""
import socket
import struct
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import CT, MR, image, keys, uid

lib.need_program()
node = lib.Node({'dicom.artim': '3s', 'dicom.dimse': '5s'})
node.start()
STUDIES = [image('talk%d' % n, 1, patient='T%d' % n, side=4) for n in range(300)]
SERIES = [image('long', n, 1, 'T0', side=64) for n in range(1, 31)]
FIND, GET, MOVE = dul.STUDY_FIND, dul.STUDY_GET, dul.STUDY_MOVE
PLAIN = [dul.IMPLICIT_LE]
UPS_PUSH, MODALITY_WORKLIST = '1.2.840.10008.5.1.4.34.6.1', '1.2.840.10008.5.1.4.31'
equal(set(node.store(STUDIES + SERIES)), {0})


def rest_of(a):
    """(pending answers, final) of what is under way."""
    rows = []
    while True:
        answer = a.receive()[1]
        if answer.status not in dul.PENDING:
            return rows, answer
        rows.append(answer)


def ask(a, model=FIND, field=0x0020, identifier=None):
    number = a.context(model)
    a.send(number, {'affected_class': model, 'field': field, 'message_id': a.next_id(), 'priority': 0},
           identifier or keys('STUDY', StudyInstanceUID=''))
    return number


def request(contexts, roles=(), **changed):
    return dul.associate_request('COUNTY', 'TELEREAD', contexts, roles, **changed)


def answer_to(data):
    """(type, body) of the first PDU that comes back, or None when the line is cut."""
    with socket.create_connection(('127.0.0.1', node.port), 10 * lib.SLOW) as s:
        wire = dul.Wire(s, 10 * lib.SLOW)
        s.sendall(data)
        try:
            return wire.read_pdu()
        except (dul.Closed, ConnectionError):
            return None


class Together:
    """Stands for the socket of an association within a block: what is sent goes out with one call at its end."""

    def __init__(self, a):
        self.association, self.socket, self.data = a, a.socket, b''

    def __enter__(self):
        self.association.socket = self

    def sendall(self, data):
        self.data += data

    def __exit__(self, *what):
        self.association.socket = self.socket
        self.socket.sendall(self.data)


# ---- cancelling

@case('C-CANCEL right behind the request ends it before all answers went')
def cancel_at_once():
    trap(13, 'one that comes before the first answer is read')
    with node.associate('COUNTY', [(FIND, PLAIN)]) as a:
        with Together(a):
            a.cancel(ask(a))
        rows, final = rest_of(a)
        equal(final.status, dul.CANCELLED)
        check(len(rows) < len(STUDIES), 'all %d answers went' % len(rows))
        check(final.data is None, 'the end has no identifier')
        equal(a.find(FIND, keys('STUDY', StudyInstanceUID=STUDIES[0].study))[1].status, 0, 'the next query')


@case('C-CANCEL of another message changes nothing')
def cancel_other():
    trap(13, 'by message ID: one of another message is passed over')
    with node.associate('COUNTY', [(FIND, PLAIN)]) as a:
        number = ask(a)
        a.send(number, {'field': 0x0FFF, 'responded_id': 999})
        rows, final = rest_of(a)
        equal((final.status, len(rows)), (0, len(STUDIES) + 1))


@case('C-CANCEL without a request is passed over')
def cancel_idle():
    trap(13, 'one that comes too late')
    with node.associate('COUNTY', [(FIND, PLAIN), (dul.VERIFICATION, PLAIN)]) as a:
        for _ in range(3):
            a.cancel(a.context(FIND))
        equal(a.echo().status, 0)


@case('C-CANCEL while a C-STORE of a C-GET waits for its answer')
def cancel_get():
    trap(13, 'between a sub-operation and its answer, in a C-GET')
    with node.associate('COUNTY', [(GET, PLAIN)], get=[(CT, [dul.EXPLICIT_LE])]) as a:
        number = ask(a, GET, 0x0010, keys('STUDY', StudyInstanceUID=SERIES[0].study))
        on, first = a.receive()
        a.cancel(number)
        came = 0
        while first.field == 0x0001 or first.status in dul.PENDING:
            if first.field == 0x0001:
                came += 1
                a.send(on, {'affected_class': first.affected_class, 'affected_instance': first.affected_instance,
                            'field': 0x8001, 'responded_id': first.message_id, 'status': 0})
            on, first = a.receive()
        equal((first.status, first.completed, first.remaining), (dul.CANCELLED, came, len(SERIES) - came))
        check(came < len(SERIES), 'all came')


# ---- contexts and roles

@case('each context has its result, each accepted one a single syntax')
def results():
    trap(16, 'reason 3 for a class, 4 for a syntax; one syntax each, the first that the sender likes for storage')
    contexts = [(dul.VERIFICATION, [dul.EXPLICIT_BE, dul.IMPLICIT_LE, dul.EXPLICIT_LE]), (CT, [dul.IMPLICIT_LE, dul.EXPLICIT_LE]),
                (CT, ['1.2.3.4.5']), (uid('nobody'), PLAIN), (MODALITY_WORKLIST, PLAIN), (UPS_PUSH, PLAIN),
                (MR, ['1.2.3.4.5', dul.EXPLICIT_LE]), (FIND, ['1.2.3.4.5'])]
    with node.associate('COUNTY', contexts) as a:
        equal(a.results, {1: 0, 3: 0, 5: 4, 7: 3, 9: 3, 11: 3, 13: 0, 15: 4})
        equal([a.contexts[n][1] for n in (1, 3, 13)], [dul.EXPLICIT_LE, dul.IMPLICIT_LE, dul.EXPLICIT_LE])
        equal(a.echo().status, 0)


@case('one class on two contexts: each in its own syntax')
def two_contexts():
    trap(16, 'a class proposed twice has two contexts')
    one, two = image('both', 1, syntax=dul.EXPLICIT_LE), image('both', 2, syntax=dul.IMPLICIT_LE)
    with node.associate('COUNTY', [(CT, [dul.EXPLICIT_LE]), (CT, [dul.IMPLICIT_LE])]) as a:
        equal([a.store(CT, i.uid, i.syntax, i.data).status for i in (one, two)], [0, 0])
    got = node.get_all([one, two])
    equal({u: got[u] for u in got}, {i.uid: (i.syntax, i.data) for i in (one, two)})


@case('128 contexts, identified by odd numbers up to 255')
def most_contexts():
    trap(16, 'identifiers 1 to 255, odd ones')
    trap(15, '127 storage classes beside the query, the last one used')
    classes = [(CT, [dul.EXPLICIT_LE])] + [('1.2.840.10008.5.1.4.1.1.%d' % n, PLAIN) for n in range(1000, 1126)]
    with node.associate('COUNTY', [(GET, PLAIN)], get=list(reversed(classes))) as a:
        equal(sorted(a.results), list(range(1, 256, 2)))
        equal((a.results[1], a.results[255]), (0, 0))
        got, final = a.get(GET, keys('STUDY', StudyInstanceUID=STUDIES[0].study))
        equal((final.status, [g[3] == STUDIES[0].data for g in got]), (0, [True]))


@case('without the role of a receiver nothing is sent to it')
def no_role():
    trap(15, 'a storage context without the SCP role: failed and listed, not sent')
    with node.associate('COUNTY', [(GET, PLAIN), (CT, [dul.EXPLICIT_LE])]) as a:
        got, final = a.get(GET, keys('STUDY', StudyInstanceUID=STUDIES[0].study))
        equal((got, final.status, final.failed, final.completed), ([], 0xA702, 1, 0))
        check(STUDIES[0].uid.encode() in final.data, 'it is listed')
        equal(a.store(CT, STUDIES[0].uid, dul.EXPLICIT_LE, STUDIES[0].data).status, 0, 'it may still send')


@case('a message on a context that was not accepted ends the association')
def unaccepted():
    trap(16, 'a refused context carries nothing')
    a = node.associate('COUNTY', [(dul.VERIFICATION, PLAIN), (uid('nobody'), PLAIN)])
    a.send(3, {'affected_class': dul.VERIFICATION, 'field': 0x0030, 'message_id': 1})
    try:
        raise AssertionError('answered: %s' % (a.receive(),))
    except (dul.Aborted, dul.Closed, ConnectionError):
        a.close()
    equal(node.echo(), 0)


# ---- PDUs

@case('a receiver without a limit gets PDUs of a size that is sane')
def no_limit():
    trap(17, 'a greatest length of 0 is no limit')
    big = image('unlimited', 1, side=512)
    equal(node.store([big]), [0])
    with node.associate('COUNTY', [(GET, PLAIN)], get=[(CT, [dul.EXPLICIT_LE])], max_pdu=0) as a:
        got, final = a.get(GET, keys('STUDY', StudyInstanceUID=big.study))
        equal((final.status, got[0][3] == big.data), (0, True))


@case('fragments of odd and tiny lengths, several in one PDU, an empty one at the end')
def fragments():
    trap(17, 'odd fragments, several values in one PDU, command and data in one PDU, an empty last fragment')

    def pdv(flags, value):
        return struct.pack('>IBB', len(value) + 2, 1, flags) + value
    one = image('fragments', 1)
    for number, sizes in enumerate(((1, 3, 7, 1001), (2049,), (len(one.data),))):
        one = image('fragments', number + 1)
        command = dul.encode_command({'affected_class': CT, 'affected_instance': one.uid, 'field': 1, 'message_id': 7,
                                      'priority': 0, 'data_type': 1})
        parts, at, k = [pdv(1, command[:5]), pdv(3, command[5:])], 0, 0
        while at < len(one.data):
            n = sizes[k % len(sizes)]
            parts.append(pdv(0, one.data[at:at + n]))
            at, k = at + n, k + 1
        parts.append(pdv(2, b''))
        with node.associate('COUNTY', [(CT, [dul.EXPLICIT_LE])]) as a:
            for at in range(0, len(parts), 9):
                a.socket.sendall(dul.pdu(4, b''.join(parts[at:at + 9])))
            equal(a.receive()[1].status, 0, 'pieces of %s' % (sizes,))
        check(node.get_all([one])[one.uid][1] == one.data, 'comes back')


@case('every byte in a segment of its own')
def bytewise():
    trap(17, 'PDUs that come byte by byte')
    with node.associate() as a:
        command = dul.encode_command({'affected_class': dul.VERIFICATION, 'field': 0x30, 'message_id': 3, 'data_type': 0x0101})
        data = struct.pack('>BBIIBB', 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command
        for at in range(len(data)):
            a.socket.sendall(data[at:at + 1])
        equal(a.receive()[1].status, 0)


# ---- beginnings and endings

@case('what is no request for an association is refused or cut, with the reason')
def beginnings():
    trap(19, 'another protocol version or application context is rejected, another PDU aborted')
    good = request([(1, dul.VERIFICATION, PLAIN)])
    kind, body = answer_to(good[:6] + b'\0\2' + good[8:])
    equal((kind, body[1:4]), (3, bytes((1, 2, 2))), 'protocol version')
    kind, body = answer_to(good.replace(dul.APPLICATION.encode(), b'1.2.840.10008.3.1.1.9'))
    equal((kind, body[1:4]), (3, bytes((1, 1, 2))), 'application context')
    for data in (dul.pdu(5, b'\0\0\0\0'), dul.pdu(4, b'\0\0\0\2\1\3'), dul.pdu(9, b'\0' * 4)):
        answer = answer_to(data)
        check(answer is None or answer[0] == 7, 'answered with %s' % (answer,))
    equal(node.echo(), 0)


@case('a PDU that cannot be there is aborted by the provider, with the reason')
def wrong_pdus():
    trap(19, 'A-ABORT: source 2; 2 unexpected, 1 unrecognized, 6 invalid parameter')
    trap(17, 'lengths that do not fit abort the association')
    too_long = struct.pack('>BBI', 4, 0, 0x16030100)
    for data, reason in ((request([(1, dul.VERIFICATION, PLAIN)]), 2), (dul.pdu(2, b'\0' * 68), 2), (dul.pdu(9, b'\0' * 4), 1),
                         (dul.pdu(4, struct.pack('>IBB', 500, 1, 3)), 6), (dul.pdu(4, b'\0\0\0\1\1'), 6), (too_long, 6)):
        a = node.associate()
        a.socket.sendall(data)
        kind, body = a.read_pdu()
        equal((kind, body[2], body[3]), (7, 2, reason), 'answer to %r' % data[:12])
        a.close()
    equal(node.echo(), 0)


@case('a peer that closes its half is answered, then let go')
def half_closed():
    trap(19, 'TCP half-close behind a request')
    a = node.associate()
    a.send(a.context(dul.VERIFICATION), {'affected_class': dul.VERIFICATION, 'field': 0x0030, 'message_id': 1})
    a.socket.shutdown(socket.SHUT_WR)
    equal(a.receive()[1].status, 0)
    try:
        while a.read_pdu():
            pass
    except (dul.Closed, ConnectionError):
        pass
    a.close()
    equal(node.echo(), 0)


@case('an abort or a cut in the middle of a retrieval frees the place')
def cut_retrieval():
    trap(19, 'an abort while the node sends')
    for end in (dul.Association.abort, dul.Association.close):
        a = node.associate('COUNTY', [(GET, PLAIN)], get=[(CT, [dul.EXPLICIT_LE])])
        ask(a, GET, 0x0010, keys('STUDY', StudyInstanceUID=SERIES[0].study))
        a.receive()
        end(a)
    equal(node.echo(), 0)
    equal(len(node.find('STUDY', StudyInstanceUID=SERIES[0].study)), 1)
    node.stop()
    node.teleread('fsck')


lib.main()
