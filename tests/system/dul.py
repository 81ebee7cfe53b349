"""dul - a small DICOM peer in plain Python: the upper layer (PS3.8) and the C- services (PS3.7) as far as tests need.

It proposes any abstract and transfer syntax, sends data sets as the bytes they are, and says what came back; that is
what the toolkits' own clients will not do for odd files. One association belongs to one thread.
"""
import socket
import struct
import threading

APPLICATION = '1.2.840.10008.3.1.1.1'
IMPLEMENTATION = '2.25.112233445566778899'
VERIFICATION = '1.2.840.10008.1.1'
IMPLICIT_LE, EXPLICIT_LE = '1.2.840.10008.1.2', '1.2.840.10008.1.2.1'
DEFLATED_LE, EXPLICIT_BE = '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.2'
PATIENT_FIND, PATIENT_MOVE, PATIENT_GET = ('1.2.840.10008.5.1.4.1.2.1.%d' % n for n in (1, 2, 3))
STUDY_FIND, STUDY_MOVE, STUDY_GET = ('1.2.840.10008.5.1.4.1.2.2.%d' % n for n in (1, 2, 3))
COMMITMENT, COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1'
SUCCESS, CANCELLED, PENDING = 0x0000, 0xFE00, (0xFF00, 0xFF01)
NO_DATA = 0x0101

# elements of group 0000: name -> (element, kind)
FIELDS = {
    'affected_class': (0x0002, 'UI'), 'requested_class': (0x0003, 'UI'), 'field': (0x0100, 'US'),
    'message_id': (0x0110, 'US'), 'responded_id': (0x0120, 'US'), 'destination': (0x0600, 'AE'),
    'priority': (0x0700, 'US'), 'data_type': (0x0800, 'US'), 'status': (0x0900, 'US'), 'comment': (0x0902, 'LO'), 'offending': (0x0901, 'AT'),
    'affected_instance': (0x1000, 'UI'), 'remaining': (0x1020, 'US'), 'completed': (0x1021, 'US'),
    'requested_instance': (0x1001, 'UI'), 'event_type': (0x1002, 'US'), 'action_type': (0x1008, 'US'),
    'failed': (0x1022, 'US'), 'warning': (0x1023, 'US'), 'originator': (0x1030, 'AE'), 'originator_id': (0x1031, 'US'),
}
NAMES = {element: (name, kind) for name, (element, kind) in FIELDS.items()}


class Rejected(Exception):
    """A-ASSOCIATE-RJ."""

    def __init__(self, result, source, reason):
        super().__init__('association rejected: result %d, source %d, reason %d' % (result, source, reason))
        self.result, self.source, self.reason = result, source, reason


class Aborted(Exception):
    """A-ABORT."""


class Closed(Exception):
    """The connection ended without a word."""


class NotAccepted(Exception):
    """The presentation context was refused; args[0] is its result."""


class Answer(dict):
    """A command set; elements as attributes, None when absent. data: the data set's bytes, or None."""
    data = abstract = syntax = None

    def __getattr__(self, name):
        if name in FIELDS:
            return self.get(name)
        raise AttributeError(name)

    def __str__(self):
        return '%04x %s' % (self.status if self.status is not None else 0xFFFFFFFF, self.comment or '')


def encode_command(fields):
    body = b''
    for element, name, kind in sorted((FIELDS[n][0], n, FIELDS[n][1]) for n in fields):
        value = fields[name]
        if kind == 'US':
            value = struct.pack('<H', value)
        else:
            value = value if isinstance(value, bytes) else value.encode('latin-1')
            value += (b'\0' if kind == 'UI' else b' ') * (len(value) % 2)
        body += struct.pack('<HHI', 0, element, len(value)) + value
    return struct.pack('<HHII', 0, 0, 4, len(body)) + body


def tag_value(value):
    group, element = struct.unpack('<HH', value[:4])
    return group << 16 | element


def decode_command(data):
    out, at = Answer(), 0
    while at + 8 <= len(data):
        _, element, length = struct.unpack_from('<HHI', data, at)
        value = data[at + 8:at + 8 + length]
        at += 8 + length
        if element in NAMES:
            name, kind = NAMES[element]
            out[name] = struct.unpack('<H', value)[0] if kind == 'US' else tag_value(value) if kind == 'AT' else value.decode('latin-1').rstrip('\0 ')
            if name == 'offending':
                out['all_offending'] = [tag_value(value[i:]) for i in range(0, len(value), 4)]
    return out


def item(kind, body):
    return struct.pack('>BBH', kind, 0, len(body)) + body


def split_items(data):
    """[(kind, value)] of a run of items."""
    out, at = [], 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from('>BxH', data, at)
        out.append((kind, data[at + 4:at + 4 + length]))
        at += 4 + length
    return out


def pdu(kind, body):
    return struct.pack('>BBI', kind, 0, len(body)) + body


def associate_request(calling, called, contexts, roles=(), max_pdu=131072, extended=(), window=None):
    """contexts: [(id, abstract, [syntaxes])]; roles: [(abstract, scu, scp)]; extended: [(abstract, bytes)]; window:
    (invoked, performed)."""
    body = struct.pack('>HH16s16s32x', 1, 0, called.encode().ljust(16), calling.encode().ljust(16))
    body += item(0x10, APPLICATION.encode())
    for number, abstract, syntaxes in contexts:
        inner = item(0x30, abstract.encode()) + b''.join(item(0x40, s.encode()) for s in syntaxes)
        body += item(0x20, struct.pack('>B3x', number) + inner)
    user = item(0x51, struct.pack('>I', max_pdu)) + item(0x52, IMPLEMENTATION.encode())
    if window:
        user += item(0x53, struct.pack('>HH', *window))
    for abstract, scu, scp in roles:
        user += item(0x54, struct.pack('>H', len(abstract)) + abstract.encode() + bytes((scu, scp)))
    for abstract, information in extended:
        user += item(0x56, struct.pack('>H', len(abstract)) + abstract.encode() + bytes(information))
    return pdu(1, body + item(0x50, user + item(0x55, b'TELEREAD_TEST')))


class Wire:
    """PDUs and messages over a socket, for either side."""

    def __init__(self, sock, timeout):
        self.socket = sock
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.pdvs, self.peer_max = bytearray(), [], 16384
        self.window, self.roles = None, {}

    def read_user(self, items):
        """The user information: the peer's greatest PDU, its window (invoked, performed), roles {abstract: (scu, scp)}."""
        for kind, value in split_items(items):
            if kind == 0x51:
                self.peer_max = struct.unpack('>I', value)[0] or 131072
            elif kind == 0x53:
                self.window = struct.unpack('>HH', value)
            elif kind == 0x54:
                self.roles[value[2:-2].decode()] = (value[-2], value[-1])

    def read_exactly(self, n):
        while len(self.buffer) < n:
            piece = self.socket.recv(262144)
            if not piece:
                raise Closed('closed by the peer')
            self.buffer += piece
        out = bytes(self.buffer[:n])
        del self.buffer[:n]
        return out

    def read_pdu(self):
        kind, length = struct.unpack('>BxI', self.read_exactly(6))
        return kind, self.read_exactly(length)

    def read_pdv(self):
        while not self.pdvs:
            kind, body = self.read_pdu()
            if kind == 7:
                raise Aborted('aborted by the peer: source %d, reason %d' % (body[2], body[3]))
            if kind != 4:
                raise Closed('PDU of type %d within a message' % kind)
            self.take_data(body)
        return self.pdvs.pop(0)

    def take_data(self, body):
        at = 0
        while at < len(body):
            length, number, flags = struct.unpack_from('>IBB', body, at)
            self.pdvs.append((number, flags, body[at + 6:at + 4 + length]))
            at += 4 + length

    def read_part(self, command):
        out = []
        while True:
            number, flags, value = self.read_pdv()
            if bool(flags & 1) != command:
                raise Closed('command and data set mixed up')
            out.append(value)
            if flags & 2:
                return number, b''.join(out)

    def receive(self):
        """(context, Answer) of the next message."""
        number, raw = self.read_part(True)
        out = decode_command(raw)
        if out.data_type != NO_DATA:
            out.data = self.read_part(False)[1]
        return number, out

    def send_part(self, number, pieces, command):
        room, waiting = min(self.peer_max, 131072) - 6, b''
        for piece in pieces:
            for at in range(0, max(len(piece), 1), room):
                if waiting:
                    self.send_pdv(number, command, waiting)
                waiting = piece[at:at + room]
        self.send_pdv(number, command | 2, waiting)

    def send_pdv(self, number, flags, value):
        head = struct.pack('>BBIIBB', 4, 0, len(value) + 6, len(value) + 2, number, flags)
        self.socket.sendall(head + value)

    def send(self, number, fields, data=None):
        """data: bytes, or an iterable of pieces."""
        fields = dict(fields, data_type=NO_DATA if data is None else 1)
        self.send_part(number, [encode_command(fields)], 1)
        if data is not None:
            self.send_part(number, [data] if isinstance(data, (bytes, bytearray, memoryview)) else data, 0)


class Association(Wire):
    """Opens at once. contexts: [(abstract, [syntaxes])]; get: storage classes to be received, as contexts;
    extended: [(abstract, bytes)], answered in .extended."""

    def __init__(self, port, calling, called='TELEREAD', contexts=((VERIFICATION, [IMPLICIT_LE]),), get=(),
                 host='127.0.0.1', timeout=30.0, max_pdu=131072, extended=(), window=None,
                 roles=()):
        super().__init__(socket.create_connection((host, port), timeout), timeout)
        self.message_id = 0
        proposed = list(contexts) + list(get)
        numbered = [(2 * i + 1, a, list(s)) for i, (a, s) in enumerate(proposed)]
        self.proposed = {n: a for n, a, _ in numbered}
        self.results, self.contexts, self.extended = {}, {}, {}
        roles = list(roles) + [(a, 1 if any(a == c for c, _ in contexts) else 0, 1) for a in sorted({a for a, _ in get})]
        try:
            self.socket.sendall(associate_request(calling, called, numbered, roles, max_pdu, extended, window))
            kind, body = self.read_pdu()
            if kind == 3:
                raise Rejected(*body[1:4])
            if kind != 2:
                raise Closed('PDU %d instead of an answer' % kind)
            self.read_accept(body)
        except BaseException:
            self.socket.close()
            raise

    def read_accept(self, body):
        for kind, value in split_items(body[68:]):
            if kind == 0x21:
                number, result = value[0], value[2]
                self.results[number] = result
                if result == 0:
                    (_, syntax), = split_items(value[4:])
                    self.contexts[number] = (self.proposed[number], syntax.decode().rstrip('\0'))
            elif kind == 0x50:
                self.read_user(value)
                for inner, info in split_items(value):
                    if inner == 0x56:
                        n, = struct.unpack_from('>H', info)
                        self.extended[info[2:2 + n].decode()] = info[2 + n:]

    def context(self, abstract, syntax=None):
        for number, (a, s) in self.contexts.items():
            if a == abstract and (syntax is None or s == syntax):
                return number
        raise NotAccepted(next((self.results.get(n) for n, a in self.proposed.items() if a == abstract), None))

    def next_id(self):
        self.message_id = self.message_id % 65535 + 1
        return self.message_id

    # ---- services

    def echo(self):
        self.send(self.context(VERIFICATION),
                  {'affected_class': VERIFICATION, 'field': 0x0030, 'message_id': self.next_id()})
        return self.receive()[1]

    def store_begin(self, sop_class, sop_instance, syntax, data):
        self.send(self.context(sop_class, syntax),
                  {'affected_class': sop_class, 'affected_instance': sop_instance, 'field': 0x0001,
                   'message_id': self.next_id(), 'priority': 0}, data)

    def store(self, sop_class, sop_instance, syntax, data):
        self.store_begin(sop_class, sop_instance, syntax, data)
        return self.receive()[1]

    def cancel(self, number):
        self.send(number, {'field': 0x0FFF, 'responded_id': self.message_id})

    def find(self, model, keys, cancel_after=None):
        """(answers, final): the data sets of the pending answers, and the last word."""
        number, rows = self.context(model), []
        self.send(number, {'affected_class': model, 'field': 0x0020, 'message_id': self.next_id(), 'priority': 0}, keys)
        while True:
            answer = self.receive()[1]
            if answer.status not in PENDING:
                return rows, answer
            rows.append(answer)
            if cancel_after == len(rows):
                self.cancel(number)

    def get(self, model, keys, stored=None, status=SUCCESS, cancel_after=None):
        """(objects, final): (class, instance, syntax, data) of each sub-operation; stored(object) instead of keeping."""
        number, objects, count = self.context(model), [], 0
        self.send(number, {'affected_class': model, 'field': 0x0010, 'message_id': self.next_id(), 'priority': 0}, keys)
        while True:
            on, message = self.receive()
            if message.field == 0x0001:
                one = (message.affected_class, message.affected_instance, self.contexts[on][1], message.data)
                objects.append(one) if stored is None else stored(one)
                self.send(on, {'affected_class': one[0], 'affected_instance': one[1], 'field': 0x8001,
                               'responded_id': message.message_id, 'status': status})
                count += 1
                if cancel_after == count:
                    self.cancel(number)
            elif message.status not in PENDING:
                return objects, message

    def move(self, model, destination, keys, cancel_after=None):
        """(progress, final): the pending answers, and the last word."""
        number, progress = self.context(model), []
        self.send(number, {'affected_class': model, 'field': 0x0021, 'message_id': self.next_id(), 'priority': 0,
                           'destination': destination}, keys)
        while True:
            answer = self.receive()[1]
            if answer.status not in PENDING:
                return progress, answer
            progress.append(answer)
            if cancel_after == len(progress):
                self.cancel(number)

    def action(self, data, **fields):
        """N-ACTION of storage commitment; fields replace those of a proper request."""
        command = {'requested_class': COMMITMENT, 'requested_instance': COMMITMENT_INSTANCE, 'field': 0x0130,
                   'message_id': self.next_id(), 'action_type': 1}
        command.update(fields)
        self.send(self.context(COMMITMENT), command, data)
        return self.receive()[1]

    def event(self, status=SUCCESS):
        """The next message, which must be an N-EVENT-REPORT; it is answered."""
        number, message = self.receive()
        if message.field != 0x0100:
            raise Closed('command %04x instead of an event report' % message.field)
        self.event_answer(number, message, status)
        return message

    def event_answer(self, number, message, status=SUCCESS):
        self.send(number, {'affected_class': message.affected_class, 'affected_instance': message.affected_instance,
                           'field': 0x8100, 'responded_id': message.message_id, 'event_type': message.event_type,
                           'status': status})

    # ---- endings

    def release(self):
        try:
            self.socket.sendall(pdu(5, b'\0\0\0\0'))
            return self.read_pdu()[0] == 6
        finally:
            self.socket.close()

    def abort(self):
        try:
            self.socket.sendall(pdu(7, b'\0\0\0\0'))
        finally:
            self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is None:
            self.release()
        else:
            self.socket.close()


class Acceptor:
    """A storage SCP in threads. takes(abstract, syntaxes) chooses a syntax or None; answer(command) gives the status of a
    request, or 'abort' or 'close'. received: the commands with their data; associations: (calling, called) of each, and
    roles: what each proposed, answered as proposed where answer_roles says so."""

    def __init__(self, takes=lambda abstract, syntaxes: syntaxes[0], answer=lambda command: SUCCESS, max_pdu=131072,
                 port=0, answer_roles=False):
        self.takes, self.answer, self.max_pdu, self.received, self.associations = takes, answer, max_pdu, [], []
        self.most_at_once, self.now, self.lock, self.roles, self.answer_roles = 0, 0, threading.Lock(), [], answer_roles
        self.listener = socket.create_server(('127.0.0.1', port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with self.lock:
            self.now += 1
            self.most_at_once = max(self.most_at_once, self.now)
        try:
            self.converse(Wire(sock, 30))
        except (OSError, Closed, Aborted):
            pass
        finally:
            with self.lock:
                self.now -= 1
            sock.close()

    def converse(self, wire):
        contexts = self.associate(wire)
        while True:
            kind, body = wire.read_pdu()
            if kind == 5:
                wire.socket.sendall(pdu(6, b'\0\0\0\0'))
                return
            if kind != 4:
                return
            wire.take_data(body)
            number, command = wire.receive()
            command.abstract, command.syntax = contexts[number]
            with self.lock:
                self.received.append(command)
            status = self.answer(command)
            if status == 'abort':
                wire.socket.sendall(pdu(7, b'\0\0\0\0'))
            if status in ('abort', 'close'):
                return
            wire.send(number, {'affected_class': command.affected_class, 'affected_instance': command.affected_instance,
                               'field': command.field | 0x8000, 'responded_id': command.message_id, 'status': status})

    def associate(self, wire):
        kind, body = wire.read_pdu()
        if kind != 1:
            raise Closed('PDU %d instead of a request' % kind)
        self.associations.append((body[20:36].decode().strip(), body[4:20].decode().strip()))
        contexts, answers = {}, item(0x10, APPLICATION.encode())
        for kind, value in split_items(body[68:]):
            if kind == 0x50:
                wire.read_user(value)
            elif kind == 0x20:
                inner = [(k, v.decode().rstrip('\0')) for k, v in split_items(value[4:])]
                abstract, syntaxes = inner[0][1], [v for k, v in inner if k == 0x40]
                syntax = self.takes(abstract, syntaxes)
                if syntax:
                    contexts[value[0]] = (abstract, syntax)
                answers += item(0x21, struct.pack('>B2xB', value[0], 0)[:2] + bytes((0 if syntax else 4, 0))
                                + item(0x40, (syntax or syntaxes[0]).encode()))
        user = item(0x51, struct.pack('>I', self.max_pdu)) + item(0x52, IMPLEMENTATION.encode())
        self.roles.append(wire.roles)
        for abstract, (scu, scp) in wire.roles.items() if self.answer_roles else ():
            user += item(0x54, struct.pack('>H', len(abstract)) + abstract.encode() + bytes((scu, scp)))
        wire.socket.sendall(pdu(2, body[:68] + answers + item(0x50, user)))
        return contexts

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self.listener.close()
