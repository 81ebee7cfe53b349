"""hostile - what a peer should not send: PDUs, messages and data sets with one thing wrong, made from a seed.

Each function gives (name, bytes, fault): all that one client sends on one connection, and a pattern of the log line that
must name what was wrong; None where whatever comes of it is right as long as the node lives.
"""
import re
import struct
import zlib

import dul
from objects import CT, EXPLICIT_LE, IMPLICIT_LE, UNDEFINED, encode, file_meta, image, uid

FIND = dul.STUDY_FIND
RELEASE, ABORT = dul.pdu(5, b'\0\0\0\0'), dul.pdu(7, b'\0\0\0\0')
AET = 'HOSTILE'


# ---- pieces, with lengths that may lie

def item(kind, value, length=None):
    return struct.pack('>BBH', kind, 0, (len(value) if length is None else length) & 0xFFFF) + value


def context(number, abstract, syntaxes):
    return item(0x20, struct.pack('>B3x', number) + item(0x30, abstract.encode())
                + b''.join(item(0x40, s.encode()) for s in syntaxes))


def user(extra=b'', max_pdu=16384):
    return item(0x50, item(0x51, struct.pack('>I', max_pdu)) + item(0x52, b'1.2.3.4') + extra)


CONTEXTS = (context(1, dul.VERIFICATION, [IMPLICIT_LE]) + context(3, CT, [EXPLICIT_LE])
            + context(5, FIND, [IMPLICIT_LE]) + context(7, CT, [dul.DEFLATED_LE]))


def associate(items=None, called=b'TELEREAD', calling=AET.encode(), length=None, tail=b''):
    if items is None:
        items = item(0x10, dul.APPLICATION.encode()) + CONTEXTS + user()
    body = struct.pack('>HH', 1, 0) + called.ljust(16)[:16] + calling.ljust(16)[:16] + b'\0' * 32 + items + tail
    return struct.pack('>BBI', 1, 0, len(body) if length is None else length) + body


def proposing(extra=b'', contexts=CONTEXTS, **rest):
    return associate(item(0x10, dul.APPLICATION.encode()) + contexts + user(extra, **rest))


def pdata(number, flags, value, pdv=None, pdu=None):
    body = struct.pack('>IBB', len(value) + 2 if pdv is None else pdv, number, flags) + value
    return struct.pack('>BBI', 4, 0, len(body) if pdu is None else pdu) + body


def data(number, value, size=16000):
    pieces = [value[i:i + size] for i in range(0, len(value), size)] or [b'']
    return b''.join(pdata(number, 2 if i == len(pieces) - 1 else 0, p) for i, p in enumerate(pieces))


def command(**fields):
    return dul.encode_command(dict({'message_id': 1, 'data_type': dul.NO_DATA}, **fields))


ECHO = command(affected_class=dul.VERIFICATION, field=0x30)


def store_command(instance, sop_class=CT):
    return command(affected_class=sop_class, field=1, priority=0, data_type=1, affected_instance=instance)


FIND_COMMAND = command(affected_class=FIND, field=0x20, priority=0, data_type=1)


def store(instance, data_set, number=3):
    return proposing() + pdata(number, 3, store_command(instance)) + data(number, data_set) + RELEASE


def find(identifier):
    return proposing() + pdata(5, 3, FIND_COMMAND) + data(5, identifier) + RELEASE


def nested(depth, defined, explicit, tag=0x00081115):
    """Sequences in sequences, with or without lengths."""
    head = struct.pack('<HH', tag >> 16, tag & 0xFFFF) + (b'SQ\0\0' if explicit else b'')
    if not defined:
        begin = head + struct.pack('<IHHI', UNDEFINED, 0xFFFE, 0xE000, UNDEFINED)
        return begin * depth + struct.pack('<HHIHHI', 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0) * depth
    lengths, out = 0, []
    for _ in range(depth):  # from the innermost outwards
        out.append(head + struct.pack('<IHHI', lengths + 8, 0xFFFE, 0xE000, lengths))
        lengths += len(head) + 12
    return b''.join(reversed(out))


def bomb(prefix, size):
    squeeze = zlib.compressobj(9, wbits=-15)
    out = [squeeze.compress(prefix)] + [squeeze.compress(b'\0' * (1 << 20)) for _ in range(size >> 20)]
    out = b''.join(out) + squeeze.flush()
    return out + b'\0' * (len(out) % 2)


def plain_object(word, extra=b'', instance=None, study=None):
    """A small CT object without pixels, explicit VR, and what follows."""
    instance = uid('hostile', word) if instance is None else instance
    return encode([(0x00080016, 'UI', CT), (0x00080018, 'UI', instance), (0x00100020, 'LO', 'H' + word[:20]),
                   (0x0020000D, 'UI', uid('hostile study', word) if study is None else study),
                   (0x0020000E, 'UI', uid('hostile series', word))]) + extra


# ---- association requests

def requests():
    good = proposing()
    for name, hello in (('tls', bytes.fromhex('16030100a5010000a10303') + b'\x11' * 160),
                        ('tls 1.3', bytes.fromhex('16030302000100')), ('sslv3', bytes.fromhex('160300002f0100'))):
        yield name, hello, 'TLS'
    for name, hello in (('get', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), ('post', b'POST /studies HTTP/1.1\r\n\r\n'),
                        ('http 2', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), ('head', b'HEAD / HTTP/1.0\r\n\r\n')):
        yield name, hello, 'HTTP'
    for name, hello in (('ssh', b'SSH-2.0-OpenSSH_9.2\r\n'), ('mllp', b'\x0bMSH|^~\\&|A|B\r\x1c\r')):
        yield name, hello, 'PDU type 0x|HTTP'
    for length in (0, 1, 43, 67, 68, 73, len(good) + 10, 1 << 20, (1 << 20) + 1, 0x7FFFFFFF, 0xFFFFFFFF):
        yield 'request of length %d' % length, associate(length=length), 'PDU type 0x01|A-ASSOCIATE|closed'
    for kind in [0, 4, 5, 6] + list(range(8, 256, 31)):
        yield 'type %02X first' % kind, dul.pdu(kind, b'\0\0\0\0'), 'PDU type 0x%02X' % kind
    yield 'abort first', ABORT, 'aborted before'
    yield 'accept first', dul.pdu(2, good[6:]), 'PDU type 0x02'
    yield 'junk behind the items', associate(tail=b'\xff' * 999), 'A-ASSOCIATE: item 0xFF'
    application = item(0x10, dul.APPLICATION.encode())
    many = b''.join(context((2 * i + 1) & 255, CT, [IMPLICIT_LE]) for i in range(300))
    yield '300 contexts', associate(application + many + user()), 'there twice'
    yield '128 contexts', associate(application + b''.join(
        context(2 * i + 1, '1.2.3.%d' % i, [IMPLICIT_LE]) for i in range(128)) + user()) + RELEASE, None
    syntaxes = ['1.2.%d' % i for i in range(5000)]
    yield '5000 syntaxes', associate(application + context(1, CT, syntaxes) + user()), 'A-ASSOCIATE'
    yield 'no syntax', associate(application + context(1, CT, []) + user()), '0 transfer syntaxes'
    yield 'context without a name', associate(application + item(0x20, b'\1\0\0\0') + user()), 'A-ASSOCIATE'
    yield 'no application', associate(CONTEXTS + user()), '0 application contexts'
    yield 'two applications', associate(application * 2 + CONTEXTS + user()), '2 application contexts'
    yield 'another application', associate(item(0x10, b'1.2.3') + CONTEXTS + user()), 'application context'
    yield 'no user items', associate(application + CONTEXTS) + RELEASE, None
    yield 'items of the answer', associate(application + item(0x21, b'\1\0\0\0') + user()), 'wrong PDU'
    for number in (0, 2, 254):
        yield 'context id %d' % number, proposing(contexts=context(number, CT, [IMPLICIT_LE])), 'even'
    for title in (b'\0' * 16, b' ' * 16):
        yield 'empty title', associate(calling=title), 'AE title is empty'
    for title in (b'A\x1b[31m', b'A\r\nB', b'\xff\xfe\x80', b'A\0B'):
        yield 'title %r' % title, associate(calling=title), 'AE title has control'
        yield 'called %r' % title, associate(called=title), 'AE title has control'
    for name in ('..' * 33, '1.' * 1000):
        yield 'a name of %d' % len(name), proposing(contexts=context(1, name, [IMPLICIT_LE])), 'A-ASSOCIATE: abstract'
    for name in ("1.2'; DROP TABLE x", '../../etc/passwd', '%s%n', '1..2'):
        yield 'class %s' % name, proposing(contexts=context(1, name, [IMPLICIT_LE])) + RELEASE, None
        yield 'syntax %s' % name, proposing(contexts=context(1, CT, [name])) + RELEASE, None
    for size in (1, 5, 13):
        yield 'answers of %d at most' % size, proposing(max_pdu=size), 'no room for data'


def user_items():
    c = CT.encode()
    uid_item = struct.pack('>H', len(c)) + c
    good = {0x51: struct.pack('>I', 16384), 0x53: b'\0\5\0\5', 0x54: uid_item + b'\1\1', 0x55: b'X', 0x56: uid_item + b'\1\1',
            0x57: uid_item + struct.pack('>H', 4) + b'1.23' + b'\0\0', 0x58: b'\2\0\0\4user\0\4pass'}
    for kind, value in good.items():
        for size in range(len(value)):
            yield 'item %02X of %d bytes' % (kind, size), proposing(item(kind, value[:size])), None
        yield 'item %02X says more' % kind, proposing(item(kind, value, 0xFFFF)), 'A-ASSOCIATE: item'
        yield 'item %02X and more' % kind, proposing(item(kind, value + b'\xff' * 500)), None
    for kind in (0x51, 0x53, 0x55, 0x58):
        twice = item(kind, good[kind]) * (1 if kind == 0x51 else 2)  # user() has one 51 already
        yield 'item %02X twice' % kind, proposing(twice), 'there twice'
    for kind in (0x54, 0x56, 0x57):
        yield 'item %02X 1000 times' % kind, proposing(item(kind, good[kind]) * 1000) + RELEASE, None
    for lie in (0, 1, 26, 0xFFFF):
        for kind in (0x54, 0x56, 0x57):
            yield 'item %02X, inner %d' % (kind, lie), proposing(item(kind, struct.pack('>H', lie) + c + b'\1\1')), None
    for kind in (0, 6, 0xC7, 255):
        yield 'identity of type %d' % kind, proposing(item(0x56, good[0x56]) + item(0x58, bytes((kind, 0)) + good[0x58][2:])), \
            'user identity'
    yield 'identity with a passcode too many', proposing(item(0x56, good[0x56]) + item(0x58, b'\1\0\0\4user\0\4pass')), \
        'user identity of type 1 with a passcode'
    yield 'window 0', proposing(item(0x53, b'\0\0\0\0')) + pdata(1, 3, ECHO) + RELEASE, None
    yield 'window 65535', proposing(item(0x53, b'\xff' * 4)) + pdata(1, 3, ECHO) * 200 + RELEASE, None
    yield 'unknown items', proposing(b''.join(item(k, b'x' * k) for k in range(0x60, 0xFF))) + RELEASE, None


# ---- an association that goes wrong

def broken_flow():
    good, whole = proposing(), store('1.2.3', plain_object('flow'))
    for kind in [0, 1, 2, 3, 6] + list(range(8, 256, 27)):
        yield 'type %02X within' % kind, good + dul.pdu(kind, b'\0\0\0\0'), 'PDU type 0x%02X' % kind
    yield 'second request', good + good, 'PDU type 0x01 on an established'
    for n in (0, 1, 5, 16385, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFF):
        yield 'P-DATA of %d' % n, good + pdata(1, 3, ECHO, pdu=n), 'P-DATA PDU|PDV of|closed'
    for n in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(ECHO) + 3):
        yield 'PDV of %d' % n, good + pdata(1, 3, ECHO, pdv=n), 'PDV of'
    for n in (0, 2, 4, 9, 99, 255):
        yield 'context %d' % n, good + pdata(n, 3, ECHO), 'context %d, which was not accepted' % n
    for n in (0, 3, 5, 0xFFFF):
        yield 'release of %d bytes' % n, good + struct.pack('>BBI', 5, 0, n) + b'\0' * n, 'PDU type 0x05'
        yield 'abort of %d bytes' % n, good + struct.pack('>BBI', 7, 0, n) + b'\0' * n, 'PDU type 0x07'
    yield 'data first', good + pdata(3, 2, b'1234'), 'a data set came where a command was due'
    yield 'command in data', good + pdata(3, 3, store_command('1.2.3')) + pdata(3, 0, b'12') + pdata(3, 3, ECHO), \
        'a command came in the middle'
    yield 'data in a command', good + pdata(3, 1, ECHO[:20]) + pdata(3, 2, ECHO[20:]), 'a data set came'
    yield 'contexts mixed in data', good + pdata(3, 3, store_command('1.2.3')) + pdata(3, 0, b'12') + pdata(5, 2, b'34'), \
        'changed from context 3 to 5'
    yield 'contexts mixed in a command', good + pdata(3, 1, ECHO[:20]) + pdata(1, 3, ECHO[20:]), 'changed from context'
    yield 'release in data', good + pdata(3, 3, store_command('1.2.3')) + pdata(3, 0, b'12') + RELEASE, 'release asked for'
    yield 'release in a command', good + pdata(3, 1, ECHO[:20]) + RELEASE, 'release asked for'
    yield 'abort in data', good + pdata(3, 3, store_command('1.2.3')) + pdata(3, 0, b'12') + ABORT, 'peer aborted'
    yield 'release and abort', good + RELEASE + ABORT, None
    yield 'release twice', good + RELEASE + RELEASE, None
    yield 'release answered unasked', good + dul.pdu(6, b'\0\0\0\0'), 'PDU type 0x06'
    yield 'a command without end', good + pdata(1, 1, b'\0' * 16000) * 6, 'command set over'
    yield '5000 empty fragments of a command', good + pdata(1, 1, b'') * 5000 + pdata(1, 3, ECHO) + RELEASE, None
    yield '10000 empty fragments of data', good + pdata(3, 3, store_command('1.2.3')) + pdata(3, 0, b'') * 10000 + \
        pdata(3, 2, b'') + RELEASE, 'refused with|kept aside'
    yield 'one byte each', good + pdata(1, 3, ECHO) + b''.join(
        pdata(3, 1, ECHO[i:i + 1]) for i in range(len(ECHO) - 1)) + pdata(3, 3, ECHO[-1:]) + RELEASE, None
    for n in range(6, len(whole), 3):
        yield 'cut at %d' % n, whole[:n], None


def commands():
    good = proposing()

    def raw(*elements):
        body = b''.join(struct.pack('<HHI', g, e, len(v) if n is None else n) + v for g, e, v, n in elements)
        return struct.pack('<HHII', 0, 0, 4, len(body)) + body
    field, message = (0, 0x100, b'\x30\0', None), (0, 0x110, b'\1\0', None)
    none = (0, 0x800, b'\1\1', None)
    for name, body, fault in (
            ('empty', b'', 'an empty command'), ('short', b'\0\0', 'bytes where a command element begins'),
            ('no field', raw(message, none), 'without command field'), ('no type', raw(field, message), 'without data set type'),
            ('field of 4', raw((0, 0x100, b'\x30\0\0\0', None), none), r'\(0000,0100\) of 4'),
            ('longer than it is', raw(field, none, (0, 2, b'', 0xFFFFFFFE)), 'of 4294967294 bytes'),
            ('another group', raw(field, none, (8, 0x18, b'1.2', None)), r'element \(0008,0018\) in a command'),
            ('twice', raw(field, field, none), 'there twice'),
            ('NUL in a UID', raw((0, 2, b'1.2\0003', None), field, none), 'control characters'),
            ('line end in a UID', raw((0, 2, b'1.2\n3', None), field, none), 'control characters'),
            ('long UID', raw((0, 2, b'1.' * 5000, None), field, none), 'of 10000 bytes'),
            ('long title', raw(field, (0, 0x600, b'A' * 17, None), none), 'of 17 bytes')):
        yield 'command ' + name, good + pdata(1, 3, body), fault
    for f in (0x0000, 0x0002, 0x0140, 0x7777):
        yield 'command %04x' % f, good + pdata(1, 3, command(field=f)) + RELEASE, 'command %04x is not known' % f
    for f in (0x8001, 0x8020, 0x8030):
        yield 'answer %04x' % f, good + pdata(1, 3, command(field=f, status=0, responded_id=1)), 'answer %04x' % f
    for name in ('../../../tmp/pwned', '/etc/cron.d/x', '%2e%2e%2f', '1.2;rm', "1'--", '$(id)', '1,2'):
        yield 'instance %s' % name, store(name[:64], plain_object('name', instance=name[:64])), 'refused with|kept aside'
    yield 'instance missing', store('', plain_object('none')), 'refused with|kept aside'
    yield 'class of another context', good + pdata(3, 3, store_command('1.2.3', FIND)) + data(3, b'') + RELEASE, 'refused with|kept aside'


# ---- data sets

def data_sets():
    good = proposing()

    def stored(word, extra=b'', fault=None, **rest):
        return word, store(uid('hostile', word), plain_object(word, extra, **rest)), fault
    for depth in (63, 64, 65, 10000, 60000):
        for defined in (False, True):
            if depth < 60000 or not defined:
                yield stored('%d deep%s' % (depth, ' with lengths' if defined else ''), nested(depth, defined, True))
    for length in (0xFFFFFFFE, 0x7FFFFFFF, 0x80000000):
        yield stored('element of %x' % length, struct.pack('<HH2sHI', 0x40, 0xA124, b'UN', 0, length) + b'xx')
        yield stored('pixels of %x' % length, struct.pack('<HH2sHI', 0x7FE0, 0x10, b'OW', 0, length) + b'xx')
        yield stored('sequence of %x' % length, struct.pack('<HH2sHI', 0x40, 0xA730, b'SQ', 0, length) + b'xx')
        yield stored('item of %x' % length, struct.pack('<HH2sHIHHI', 0x40, 0xA730, b'SQ', 0, UNDEFINED, 0xFFFE, 0xE000, length))
        yield stored('fragment of %x' % length, struct.pack('<HH2sHIHHI', 0x7FE0, 0x10, b'OB', 0, UNDEFINED, 0xFFFE, 0xE000,
                                                            length))
    for vr in (b'??', b'\0\0', b'ZZ', b'un', b'--', b'\xff\xff', b'O\n'):
        yield stored('vr %r' % vr, struct.pack('<HH', 0x40, 0xA124) + vr + struct.pack('<H', 2) + b'xx')
    for name in ('../../../pwned', '/etc/cron.d/x', '1.2\r\n3', '1.2\x003', '%s%n', '..', "1'; DROP TABLE x", '<b>'):
        yield stored('study %r' % name, study=name, fault='Study Instance UID is not a UID')
        yield 'instance %r in the data set' % name, store(uid('hostile', 'good'), plain_object('x', instance=name)), \
            'refused with|kept aside'
    yield stored('a million empty elements', b''.join(struct.pack('<HH2sH', 0x1001 + 2 * (i >> 16), i & 0xFFFF, b'LO', 0)
                                                      for i in range(300000)))
    yield stored('200000 fragments', struct.pack('<HH2sHI', 0x7FE0, 0x10, b'OB', 0, UNDEFINED)
                 + struct.pack('<HHI', 0xFFFE, 0xE000, 0) * 200000)
    head = plain_object('bomb')
    yield 'deflate bomb', store(uid('hostile', 'bomb'), bomb(head + struct.pack(
        '<HH2sHI', 0x40, 0xA124, b'UN', 0, 0xFFFFFFFE), 600 << 20), 7), None
    early = bomb(head[:40], 300 << 20)
    yield 'deflate bomb before its UIDs', store(uid('hostile', 'bomb2'), early, 7), 'refused with|kept aside'
    yield 'not deflated', store(uid('hostile', 'bomb3'), plain_object('bomb3'), 7), 'refused with|kept aside'
    yield 'empty', good + pdata(3, 3, store_command('1.2.3')) + data(3, b'') + RELEASE, 'refused with|kept aside'


def identifiers():
    level = struct.pack('<HHI', 8, 0x52, 6) + b'STUDY '

    def element(tag, value, length=None):
        return struct.pack('<HHI', tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value
    for depth in (64, 65, 10000, 60000):
        yield '%d deep key' % depth, find(level + nested(depth, False, False)), None
        if depth < 60000:
            yield '%d deep key with lengths' % depth, find(level + nested(depth, True, False)), None
    for length in (0xFFFFFFFE, 0x7FFFFFFF, 3):
        yield 'key of %x' % length, find(level + element(0x00100020, b'x', length)), None
    yield 'no level', find(element(0x00100020, b'X ')), None
    yield 'unknown level', find(element(0x00080052, b'GALAXY')), None
    yield 'empty identifier', find(b''), None
    yield 'noise', find(b'\xff' * 4000), None
    yield 'stars', find(level + element(0x00100010, b'*a' * 40 + b'*b')), None
    yield 'question marks', find(level + element(0x00100010, b'?*' * 3000)), None
    for value in (b'../..', b"' OR 1=1 --", b'%', b'_', b'\\' * 5000, b'1.2\n3', b'1.2\x003', b'\xff' * 100):
        for tag in (0x0020000D, 0x00100020, 0x00100010, 0x00080020, 0x00080030):
            yield 'key %08X %r' % (tag, value[:12]), find(level + element(tag, value + b' ' * (len(value) % 2))), None
    uids = b'\\'.join(b'1.2.%d' % i for i in range(20000))
    yield '20000 UIDs', find(level + element(0x0020000D, uids + b' ' * (len(uids) % 2))), None
    yield '100000 keys', find(level + b''.join(element(0x00090000 + i % 65536 + (i >> 16 << 17), b'') for i in range(100000))), None
    yield 'a key of a megabyte', find(level + element(0x00100010, b'x' * (1 << 20))), None


# ---- random changes of what is right

def conversation(rng):
    one = image('conversation %d' % rng.randrange(4), rng.randrange(9), side=4)
    level = struct.pack('<HHI', 8, 0x52, 6) + b'STUDY '
    return (proposing(), pdata(1, 3, ECHO), pdata(3, 3, store_command(one.uid)), data(3, one.data, 700),
            pdata(5, 3, FIND_COMMAND), data(5, level + struct.pack('<HHI', 0x10, 0x20, 2) + b'P*'), RELEASE)


def changed(rng):
    """A conversation with a few bytes changed, a piece cut out, doubled or moved."""
    parts = list(conversation(rng))
    how = rng.randrange(6)
    if how == 0:
        rng.shuffle(parts)
    elif how == 1:
        parts.insert(rng.randrange(len(parts)), rng.choice(parts))
    whole = bytearray(b''.join(parts))
    if how == 2:
        at = rng.randrange(len(whole))
        del whole[at:at + rng.randrange(1, 40)]
    elif how == 3:
        del whole[rng.randrange(len(whole)):]
    else:
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(whole))
            whole[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256), whole[at] ^ 1 << rng.randrange(8)))
    return bytes(whole)


def changed_file(raw, rng):
    whole = bytearray(raw)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(128, len(whole))
        whole[at] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256), whole[at] ^ 1 << rng.randrange(8)))
    if rng.randrange(4) == 0:
        del whole[rng.randrange(132, len(whole)):]
    return bytes(whole)


# ---- a folder to import

def directory(ids, syntax=EXPLICIT_LE):
    records = [[(0x00041410, 'US', 0xFFFF), (0x00041430, 'CS', 'IMAGE'), (0x00041500, 'CS', i)] for i in ids]
    data_set = [(0x00041130, 'CS', 'DEMO'), (0x00041220, 'SQ', records)]
    return file_meta('1.2.840.10008.1.3.10', '1.2.3', syntax) + encode(data_set, syntax)


def folder_files():
    """(name, bytes) to be imported, DICOMDIRs apart: (folder/DICOMDIR, bytes)."""
    meta = file_meta(CT, uid('hostile', 'file'), EXPLICIT_LE)
    deflated = file_meta(CT, uid('hostile', 'file'), dul.DEFLATED_LE)
    yield 'bomb.dcm', deflated + bomb(plain_object('file') + struct.pack('<HH2sHI', 0x40, 0xA124, b'UN', 0, 0xFFFFFFFE), 600 << 20)
    yield 'deep.dcm', meta + plain_object('file', nested(60000, False, True))
    yield 'escape.dcm', meta + plain_object('escape', instance='../../../pwned')
    yield 'empty.dcm', b''
    yield 'meta-only.dcm', meta
    yield 'noise.dcm', b'\xff' * 5000
    names = ['..\\..\\PWNED', '\\ETC\\PASSWD', 'A\\..\\..\\B', '', '.', 'X' * 300, 'A\nB', 'ABSENT']
    yield 'out/DICOMDIR', directory(names)
    yield 'deep/DICOMDIR', directory([]) + nested(60000, False, True, 0x00041220)
    yield 'bomb/DICOMDIR', file_meta('1.2.840.10008.1.3.10', '1.2.3', dul.DEFLATED_LE) + bomb(
        encode([(0x00041130, 'CS', 'DEMO')]) + struct.pack('<HH2sHI', 4, 0x1220, b'UN', 0, 0xFFFFFFFE), 700 << 20)
    yield 'long/DICOMDIR', directory([])[:-12] + struct.pack('<HH2sHI', 4, 0x1220, b'SQ', 0, 0xFFFFFFF0)
    yield 'noise/DICOMDIR', b'\xff' * 3000


def names_fault(line, fault):
    return re.search(fault, line) is not None
