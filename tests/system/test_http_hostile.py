#!/usr/bin/env python3
"""Hostile HTTP: whatever comes in, the answer is a clear 4xx or the line is closed; others are served, memory stays bounded."""
import http.client
import io
import os
import random
import re
import socket
import struct
import sys
import threading
import time
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib  # noqa: E402
import objects  # noqa: E402
from lib import case, check, equal  # noqa: E402

lib.need_program()
NODE = lib.Node({'http.head_time': '2s', 'http.idle': '3s', 'http.max_body': '64M', 'login.tries': '20'}, sites=False)
NODE.start('--accept-unknown', 'NORTH')
NODE.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH')
GROWTH = (150 if not lib.sanitized() else 1500) * 1024  # KiB
WAIT = 20 * lib.SLOW
ONE = objects.image('witness', frames=3, side=16)
equal(NODE.store([ONE]), [0])
STUDY = '/dicom-web/studies/' + ONE.study
SERIES = STUDY + '/series/' + ONE.series
INSTANCE = SERIES + '/instances/' + ONE.uid
QUICK = {400, 401, 403, 404, 405, 406, 408, 409, 411, 413, 414, 415, 416, 417, 429, 431, 501, 505}


def throw(*pieces, wait=None):
    """Sends, and reads to the end of the line. Bytes of the answer; socket.timeout where the node neither answers nor closes."""
    out = b''
    with socket.create_connection(('127.0.0.1', NODE.http_port), 10) as s:
        s.settimeout(wait or WAIT)
        try:
            for p in pieces:
                s.sendall(p)
        except OSError:
            pass
        try:
            piece = s.recv(65536)
            while piece:
                out += piece
                piece = s.recv(65536)
        except ConnectionError:
            pass
    return out


def statuses(answer):
    return [int(n) for n in re.findall(rb'HTTP/1\.1 (\d{3}) ', answer)]


def request(method, path, body=b'', **headers):
    lines = ['%s %s HTTP/1.1' % (method, path), 'Host: localhost', 'Connection: close']
    if body:
        lines.append('Content-Length: %d' % len(body))
    lines += ['%s: %s' % (k.replace('_', '-'), v) for k, v in headers.items()]
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('utf-8', 'surrogateescape') + body


def refused(name, answer, least=400, most=499):
    found = statuses(answer)
    check(found and least <= found[-1] <= most, '%s: %s %.200r' % (name, found, answer[:200]))
    return found[-1]


class Answer:
    def __init__(self, raw):
        check(raw.startswith(b'HTTP/1.1 '), 'no answer: %.80r' % raw)
        head, _, self.body = raw.partition(b'\r\n\r\n')
        self.status = int(head[9:12])
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (x.partition(':') for x in head.decode().split('\r\n')[1:])}
        if self.headers.get('transfer-encoding') == 'chunked':
            self.body = unchunked(self.body)


def unchunked(body):
    out = b''
    while True:
        size, _, body = body.partition(b'\r\n')
        n = int(size, 16)
        if n == 0:
            return out
        out, body = out + body[:n], body[n + 2:]


def get(path, method='GET', body=b'', **headers):
    return Answer(throw(request(method, path, body, **headers)))


class Good:
    """A client that asks all the time, and must be answered right."""

    def __enter__(self):
        self.over, self.count, self.wrong = False, 0, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.watch = lib.Watch(NODE)
        self.watch.__enter__()
        self.thread.start()
        return self

    def run(self):
        while not self.over:
            try:
                c = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=WAIT)
                for path, accept in ((INSTANCE, 'application/dicom'), (STUDY + '/metadata', 'application/dicom+json')):
                    c.request('GET', path, headers={'Accept': accept})
                    r = c.getresponse()
                    body = r.read()
                    if r.status != 200 or (accept.endswith('dicom') and not body.endswith(ONE.data)):
                        self.wrong.append('%s: %d %r' % (path, r.status, body[:80]))
                c.close()
                self.count += 1
            except (OSError, http.client.HTTPException) as e:
                self.wrong.append(repr(e))
            time.sleep(0.01)

    def __exit__(self, kind, *what):
        self.over = True
        self.thread.join()
        self.watch.__exit__()
        if kind is None:
            check(NODE.alive(), 'the node is gone')
            check(self.count > 0 and not self.wrong, 'a good client, %d rounds: %s' % (self.count, self.wrong[:3]))
            check(self.watch.grown < GROWTH, 'memory grew by %d MB' % (self.watch.grown >> 10))
            equal(NODE.echo(timeout=WAIT), 0, 'an echo')


GOOD = b'GET /healthz HTTP/1.1\r\nHost: x\r\n'
POST = b'POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/related; type="application/dicom"; boundary=b\r\n'
SMUGGLED = b'GET /healthz?smuggled HTTP/1.1\r\nHost: x\r\n\r\n'


@case('first lines, targets and headers that are none')
def _():
    with Good():
        for name, text in (
                ('absolute target', b'GET http://evil.example/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
                ('connect', b'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nConnection: close\r\n\r\n'),
                ('trace', b'TRACE /healthz HTTP/1.1\r\nHost: x\r\nCookie: secret=1\r\nConnection: close\r\n\r\n'),
                ('star', b'GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
                ('http2', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + b'\0\0\x12\4' + b'\0' * 200),
                ('http2 upgrade', GOOD + b'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n'),
                ('tls hello', b'\x16\3\1\2\0\1\0\1\xfc\3\3' + bytes(range(256)) * 3),
                ('socks', b'\5\1\0'), ('dicom', b'\1\0\0\0\0\xcd\0\1' + b' ' * 200), ('zeros', b'\0' * 5000), ('ff', b'\xff' * 5000),
                ('long line', b'GET /' + b'a' * 70000 + b' HTTP/1.1\r\nHost: x\r\n\r\n'),
                ('long query', b'GET /healthz?' + b'a=b&' * 20000 + b' HTTP/1.1\r\nHost: x\r\n\r\n'),
                ('long name', GOOD + b'A' * 70000 + b': b\r\n\r\n'), ('long value', GOOD + b'A: ' + b'b' * 70000 + b'\r\n\r\n'),
                ('many headers', GOOD + b'A: b\r\n' * 20000 + b'\r\n'), ('long accept', GOOD + b'Accept: ' + b'a/b, ' * 13107 + b'\r\n\r\n'),
                ('ten thousand q', GOOD + b'Accept: ' + b','.join(b'a/b;q=0.%d' % (i % 999) for i in range(10000)) + b'\r\n\r\n')):
            found = statuses(throw(text))
            check(len(found) <= 1 and all(s in QUICK or s == 200 for s in found), '%s: %s' % (name, found))
            check(name not in ('trace', 'connect', 'long line', 'long query', 'long name', 'long accept') or found[:1] != [200], name)
        for c in list(range(0x20)) + [0x7f, 0x80, 0xff]:
            for where in (b'GET /hea%clthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', b'GE%cT /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
                          GOOD + b'Connection: close\r\nA%cB: c\r\n\r\n', GOOD + b'Connection: close\r\nAccept: */%c*\r\n\r\n'):
                text = where.replace(b'%c', bytes([c]), 1)
                found = statuses(throw(text + SMUGGLED))
                check(all(s in QUICK or s == 200 for s in found), '%02x in %r: %s' % (c, where, found))


@case('lengths that lie: what stands behind is never taken for a request')
def _():
    with Good():
        for name, headers, body in (
                ('negative', b'Content-Length: -1\r\n', b''), ('hex', b'Content-Length: 0x10\r\n', b'0' * 16),
                ('plus', b'Content-Length: +3\r\n', b'abc'), ('huge', b'Content-Length: 9223372036854775808\r\n', b''),
                ('huger', b'Content-Length: %s\r\n' % (b'9' * 400), b''), ('blank', b'Content-Length: 1 0\r\n', b'abc'),
                ('list', b'Content-Length: 3,3\r\n', b'abc'), ('twice', b'Content-Length: 3\r\nContent-Length: 0\r\n', b'abc'),
                ('both', b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', b'0\r\n\r\n'),
                ('te list', b'Transfer-Encoding: chunked, identity\r\n', b'0\r\n\r\n'),
                ('te twice', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', b'0\r\n\r\n'),
                ('te quoted', b'Transfer-Encoding: "chunked"\r\n', b'0\r\n\r\n'),
                ('te tab', b'Transfer-Encoding:\tchunked\x0b\r\n', b'0\r\n\r\n'),
                ('te gzip', b'Transfer-Encoding: gzip\r\n', b'abc'),
                ('chunk huge', b'Transfer-Encoding: chunked\r\n', b'ffffffffffffffff\r\nabc'),
                ('chunk huger', b'Transfer-Encoding: chunked\r\n', b'f' * 5000 + b'\r\nabc'),
                ('chunk negative', b'Transfer-Encoding: chunked\r\n', b'-1\r\nabc\r\n0\r\n\r\n'),
                ('chunk without end', b'Transfer-Encoding: chunked\r\n', b'3\r\nabcdef\r\n0\r\n\r\n')):
            found = statuses(throw(POST + headers + b'\r\n' + body + SMUGGLED))
            check(len(set(found)) <= 1 and all(s in QUICK for s in found), '%s: %s' % (name, found))
        for name, body in (('extension', b'3;%s\r\nabc\r\n0\r\n\r\n' % (b'a=b;' * 100)), ('long extension', b'3;' + b'x' * 200000 + b'\r\nabc\r\n0\r\n\r\n'),
                           ('trailer', b'3\r\nabc\r\n0\r\nX: y\r\n\r\n'), ('many trailers', b'3\r\nabc\r\n0\r\n' + b'X: y\r\n' * 50000 + b'\r\n'),
                           ('leading zeros', b'0' * 50 + b'3\r\nabc\r\n0\r\n\r\n'), ('leading zeros without end', b'0' * 500000),
                           ('single bytes', b'1\r\na\r\n' * 50000 + b'0\r\n\r\n'), ('empty', b'0\r\n\r\n')):
            found = statuses(throw(POST + b'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n' + body))
            # where the line of a chunk's size fits no buffer the library gives up with a 500 of its own, and closes
            own = {500} if name in ('long extension', 'leading zeros without end') else set()
            check(all(s in QUICK | own for s in found), '%s: %s' % (name, found))
        refused('over max_body', throw(request('POST', '/dicom-web/studies', Content_Type='multipart/related; boundary=b',
                                               Content_Length=1 << 50)), 413, 413)
        answer = throw(GOOD + b'\r\n' + GOOD + b'\r\n' + b'garbage \0 behind\r\n\r\n' + SMUGGLED)
        found = statuses(answer)
        check(found[:2] == [200, 200] and all(s in QUICK for s in found[2:]), 'garbage behind two good ones: %s' % found)
        first = request('GET', '/healthz', b'abc').replace(b'Connection: close\r\n', b'')
        found = statuses(throw(first + SMUGGLED))
        check(found[:1] == [200] and len(found) <= 2, 'a body of a GET is not a request: %s' % found)


@case('slow ones: heads, bodies and readers are given up, and others do not wait')
def _():
    with Good():
        begun = time.monotonic()

        def trickle(head, piece, most):
            with socket.create_connection(('127.0.0.1', NODE.http_port), 10) as s:
                s.settimeout(0.05)
                s.sendall(head)
                sent = 0
                while sent < most:
                    try:
                        s.sendall(piece)
                        sent += len(piece)
                        if s.recv(4096) == b'':
                            return sent
                    except socket.timeout:
                        pass
                    except OSError:
                        return sent
                    check(time.monotonic() - begun < 60 * lib.SLOW, 'still open after %d bytes' % sent)
                return sent

        def reader():
            with socket.create_connection(('127.0.0.1', NODE.http_port), 10) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                s.sendall(request('GET', INSTANCE, Accept='application/dicom') * 50)
                time.sleep(4)
        heads = [lambda: trickle(b'GET /healthz HTTP/1.1\r\nHost: x\r\n', b'A: b\r\n', 1 << 20) for _ in range(20)]
        bodies = [lambda: trickle(POST + b'Content-Length: 1000000\r\n\r\n', b'x', 1 << 20) for _ in range(20)]
        chunks = [lambda: trickle(POST + b'Transfer-Encoding: chunked\r\n\r\n', b'1\r\nx\r\n', 1 << 20) for _ in range(5)]
        lib.together(*(heads + bodies + chunks + [reader] * 20))
        flood = trickle(b'GET /healthz HTTP/1.1\r\nHost: x\r\n', b'X-%s: y\r\n' % (b'a' * 4000), 1 << 30)
        check(flood < 64 << 20, 'a head of %d MB was read' % (flood >> 20))


def stow(body, kind='multipart/related; type="application/dicom"; boundary=bb', **more):
    return throw(request('POST', '/dicom-web/studies', body, Content_Type=kind, Accept='application/dicom+json', **more))


def whole(one, boundary=b'bb', end=b'\r\n'):
    return b'--' + boundary + b'\r\nContent-Type: application/dicom\r\n\r\n' + one.part10() + b'\r\n--' + boundary + b'--' + end


def count():
    return len(NODE.instances())


@case('multipart: boundaries, parts and ends of all shapes')
def _():
    with Good():
        before = count()
        one = objects.image('multi', side=8)
        good = whole(one)
        kinds = ['multipart/related', 'multipart/related; boundary=', 'multipart/related; boundary=""', 'multipart/related; boundary=' + 'b' * 71,
                 'multipart/related; boundary=' + 'b' * 5000, 'multipart/related; boundary="a\\"b"', 'multipart/related; boundary=b b; x',
                 'multipart/related; boundary=bb; boundary=cc', 'multipart/related;;;;', 'multipart/mixed; boundary=bb', '/', ';',
                 'multipart/form-data; boundary=bb', 'text/plain', 'multipart/related; type=' + 'x' * 4000 + '; boundary=bb',
                 'multipart/related; type="image/png"; boundary=bb', "multipart/related; boundary*=utf-8''bb"]
        for kind in kinds:
            refused(kind[:60], stow(good.replace(b'bb', b'zz'), kind))
        bodies = {
            'empty': b'', 'no boundary': b'x' * 100000, 'boundary alone': b'--bb', 'end alone': b'--bb--', 'end first': b'--bb--\r\n' + good,
            'no end': good[:-8], 'no head': b'--bb\r\n\r\n--bb--\r\n', 'half a head': b'--bb\r\nContent-Type: application/di',
            'endless head': b'--bb\r\n' + b'A: b\r\n' * 100000, 'long header': b'--bb\r\nA: ' + b'b' * 1000000 + b'\r\n\r\nx\r\n--bb--',
            'folded': b'--bb\r\nContent-Type: application/\r\n dicom\r\n\r\nx\r\n--bb--', 'NUL': b'--bb\r\nA\0: b\r\n\r\nx\r\n--bb--',
            'short': b'--bb\r\nContent-Type: application/dicom\r\nContent-Length: 5\r\n\r\n' + one.part10() + b'\r\n--bb--\r\n',
            'long': b'--bb\r\nContent-Type: application/dicom\r\nContent-Length: 99999999999\r\n\r\nDICM\r\n--bb--\r\n',
            'negative': b'--bb\r\nContent-Type: application/dicom\r\nContent-Length: -1\r\n\r\nDICM\r\n--bb--\r\n',
            'many empty': b'--bb\r\n\r\n\r\n' * 100000 + b'--bb--\r\n', 'nearly': b'--bb\r\nContent-Type: application/dicom\r\n\r\n' + b'\r\n--b' * 200000,
            'nested': b'--bb\r\nContent-Type: multipart/related; boundary=bb\r\n\r\n' * 5000, 'LF and CRLF': good.replace(b'\r\n', b'\n', 1)[:-6]}
        for name, body in bodies.items():
            answer = stow(body or b'\r\n')
            found = statuses(answer)
            check(found and (found[0] in QUICK or found[0] == 202), '%s: %s' % (name, found))
        equal(count(), before, 'instances: nothing of that was stored')
        for name, body in (('without the last CRLF', whole(one, end=b'')), ('again', good), ('preamble', b'hello\r\n' + good),
                           ('epilogue', good + b'bye' * 10000), ('padding', good.replace(b'--bb\r\n', b'--bb \t\r\n', 1))):
            equal(statuses(stow(body)), [200], name)
        equal(count(), before + 1, 'instances: one, once')
        rng = random.Random(11)
        for _ in range(150):
            body = bytearray(whole(objects.image('multi', number=1, side=8)))
            for _ in range(rng.randrange(1, 5)):
                at = rng.randrange(len(body)) if rng.random() < .5 else rng.randrange(160)
                if rng.random() < .3:
                    del body[at:at + rng.randrange(60)]
                else:
                    body[at:at + 1] = bytes([rng.choice((0, 10, 13, 45, 255, rng.randrange(256)))])
            found = statuses(stow(bytes(body)))
            check(found and (found[0] in QUICK or found[0] in (200, 202)), 'changed: %s' % found)


def metadata(text, kind='application/dicom+json'):
    body = b'--bb\r\nContent-Type: %s\r\n\r\n' % kind.encode() + text + b'\r\n--bb--\r\n'
    return stow(body, 'multipart/related; type="%s"; boundary=bb' % kind)


XML = b'<?xml version="1.0"?>%s<NativeDicomModel>%s</NativeDicomModel>'
ELEMENT = b'<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1"><Alphabetic><FamilyName>%s</FamilyName>' \
          b'</Alphabetic></PersonName></DicomAttribute>'


@case('JSON that is a bomb, or none')
def _():
    deep = b'[{"00081140":{"vr":"SQ","Value":['
    with Good():
        for name, text in {
                'arrays': b'[' * 1000000, 'objects': b'{"a":' * 300000, 'sequences': deep[1:] * 50000, 'closed': b'[' * 100000 + b']' * 100000,
                'number': b'[{"00280010":{"vr":"US","Value":[' + b'9' * 1000000 + b']}}]', 'exponent': b'[{"00280010":{"vr":"FD","Value":[1e999999]}}]',
                'minus': b'[{"00280010":{"vr":"US","Value":[-1]}}]', 'twice': b'[{"00080018":{"vr":"UI","Value":["1.2"]},"00080018":{"vr":"UI","Value":["1.3"]}}]',
                'surrogate': b'[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"\\ud800"}]}}]', 'NUL': b'[{"00100020":{"vr":"LO","Value":["a\\u0000b"]}}]',
                'BOM': b'\xef\xbb\xbf[{}]', 'UTF-16': '[{}]'.encode('utf-16'), 'UTF-32': '[{}]'.encode('utf-32'), 'latin': b'[{"00100020":{"vr":"LO","Value":["\xe4"]}}]',
                'overlong': b'[{"00100020":{"vr":"LO","Value":["\xc0\xaf"]}}]', 'long string': b'[{"00100020":{"vr":"LO","Value":["' + b'x' * 5000000 + b'"]}}]',
                'many items': b'[' + b'{},' * 500000 + b'{}]', 'many keys': b'[{' + b','.join(b'"%08X":{"vr":"LO"}' % (0x00091000 + i) for i in range(60000)) + b'}]',
                'bad tags': b'[{"zzzzzzzz":{"vr":"LO"}}]', 'bad vr': b'[{"00100020":{"vr":"../.."}}]', 'null': b'null', 'nothing': b' ', 'text': b'"x"', 'number alone': b'1',
                'behind': b'[{}] []', 'comment': b'/**/[{}]', 'traversal': b'[{"00080018":{"vr":"UI","Value":["../../../tmp/pwned"]},"7FE00010":{"vr":"OW","BulkDataURI":"file:///etc/passwd"}}]',
                'far': b'[{"7FE00010":{"vr":"OW","BulkDataURI":"http://127.0.0.1:1/x"}}]', 'base64': b'[{"7FE00010":{"vr":"OW","InlineBinary":"%%%%"}}]',
                'dataset': b'[' + b'{"00080018":{"vr":"UI","Value":["1.2.3"]}},' * 3000 + b'{}]'}.items():
            found = statuses(metadata(text))
            check(found and (found[0] in QUICK or found[0] == 202), '%s: %s' % (name, found))
        for name, text in (('login', b'{"name":' * 3000), ('login array', b'[' * 8000), ('login keys', b'{"name":"a","name":"b","password":"c"}'),
                           ('login lone', b'{"name":"\\ud800","password":"c"}'), ('login BOM', b'\xef\xbb\xbf{"name":"a","password":"b"}')):
            refused(name, throw(request('POST', '/api/login', text, Content_Type='application/json')))
    check(not os.path.exists('/tmp/pwned'), 'wrote /tmp/pwned')


@case('XML that is a bomb, or none')
def _():
    lol = b'<!DOCTYPE x [<!ENTITY a0 "lol">' + b''.join(b'<!ENTITY a%d "%s">' % (i, b'&a%d;' % (i - 1) * 10) for i in range(1, 12)) + b']>'
    with Good():
        for name, text in {
                'laughs': XML % (lol, ELEMENT % b'&a11;'), 'quadratic': XML % (b'<!DOCTYPE x [<!ENTITY a "' + b'x' * 100000 + b'">]>', ELEMENT % (b'&a;' * 10000)),
                'external': XML % (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', ELEMENT % b'&a;'),
                'parameter': XML % (b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>'.replace(b'%', b'%'), b''),
                'dtd': XML % (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">', ELEMENT % b'a'),
                'deep': b'<a>' * 500000, 'deep items': XML % (b'', b'<DicomAttribute tag="00081140" vr="SQ"><Item number="1">' * 20000),
                'attributes': b'<NativeDicomModel ' + b' '.join(b'a%d="b"' % i for i in range(100000)) + b'/>', 'long attribute': b'<NativeDicomModel a="' + b'x' * 12000000 + b'"/>',
                'long text': XML % (b'', ELEMENT % (b'x' * 12000000)), 'numbers': XML % (b'', b'<DicomAttribute tag="00100020" vr="LO"><Value number="999999999999">x</Value></DicomAttribute>'),
                'number 0': XML % (b'', b'<DicomAttribute tag="00100020" vr="LO"><Value number="0">x</Value></DicomAttribute>'),
                'number 2^31': XML % (b'', b'<DicomAttribute tag="00100020" vr="LO"><Value number="2147483648">x</Value></DicomAttribute>'),
                'xinclude': XML % (b'', b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'),
                'encoding': b'<?xml version="1.0" encoding="UTF-7"?><NativeDicomModel/>', 'utf-16': '<?xml version="1.0" encoding="UTF-16"?><NativeDicomModel/>'.encode('utf-16'),
                'ebcdic': b'\x4c\x6f\xa7\x94\x93' * 100, 'NUL': b'<NativeDicomModel>\0</NativeDicomModel>', 'PI': b'<?xml-stylesheet href="file:///etc/passwd"?><NativeDicomModel/>',
                'cut': b'<NativeDicomModel><Dicom', 'nothing': b' ', 'json': b'[{}]'}.items():
            answer = metadata(text, 'application/dicom+xml')
            found = statuses(answer)
            check(found and (found[0] in QUICK or found[0] == 202), '%s: %s' % (name, found))
            check(b'root:' not in answer, name + ' reads a file')


TRICKS = ('..', '../..', '%2e%2e', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '..%2f..%2f..%2fetc%2fpasswd', '%252e%252e%252f', '..%5c..%5c', '..%c0%af', '%c0%ae%c0%ae',
          '%e0%80%ae', '%u002e%u002e', '%00', '1.2%00.3', '1.2.%0a3', '1.2%0d%0aSet-Cookie:%20a=b', "1'%20or%201=1--", '1;drop', '%', '%4', '%zz', '%ff', '1' * 65,
          '1.' * 3000, '%31' * 65, '*', '?', '$(id)', '`id`', '%25s%25n', '{{7*7}}', '%3Cscript%3E', '%F0%9F%92%A9', '%ED%A0%80', '/', '//', '/./', '/../')


@case('paths: percent-encoding, traversal, overlong UTF-8, line ends; in each place of a UID')
def _():
    templates = ['/dicom-web/studies/%s', '/dicom-web/studies/%s/metadata', STUDY + '/series/%s', STUDY + '/series/%s/rendered', SERIES + '/instances/%s',
                 SERIES + '/instances/%s/bulkdata/7FE00010', INSTANCE + '/frames/%s', INSTANCE + '/frames/%s/rendered', INSTANCE + '/bulkdata/%s',
                 '/api/bin/%s/restore', '/%s', '/api/%s', '/dicom-web/%s', '/wado?requestType=WADO&studyUID=%s', '/api/changes?site=%s',
                 '/dicom-web/studies?PatientID=%s', '/dicom-web/studies?StudyInstanceUID=%s', '/dicom-web/studies?includefield=%s', '/dicom-web/studies?%s=1',
                 '/api/oidc/callback?state=%s&code=1', '/healthz?%s']
    with Good():
        for template in templates:
            for trick in TRICKS:
                raw = throw(request('GET', template.replace('%s', trick)))
                a = Answer(raw)
                check(a.status in QUICK or a.status in (200, 204), '%s with %s: %d' % (template, trick, a.status))
                head = raw.partition(b'\r\n\r\n')[0].lower()
                check(b'set-cookie' not in head and b'root:' not in raw, '%s with %s' % (template, trick))
                if '?' not in template and trick not in ('/', '//', '?', '1;drop', '%31' * 65):
                    check(a.status in QUICK, '%s with %s: %d' % (template, trick, a.status))


@case('ranges: many, overlapping, huge, negative, backwards; on all that has them')
def _():
    places = ((INSTANCE, 'application/dicom'), (INSTANCE + '/frames/1', 'application/octet-stream'), (INSTANCE + '/bulkdata/7FE00010', 'application/octet-stream'),
              (STUDY + '/metadata', 'application/dicom+json'), (STUDY, 'application/zip'), (INSTANCE + '/frames/1/rendered', 'image/png'))
    with Good():
        for path, accept in places:
            whole_ = get(path, Accept=accept)
            equal(whole_.status, 200, path)
            for r in ('bytes=0-', 'bytes=-5', 'bytes=0-0', 'bytes=5-2', 'bytes=-0', 'bytes=-99999999999999999999', 'bytes=99999999999999999999-', 'bytes=0-99999999999999999999',
                      'bytes=18446744073709551615-18446744073709551616', 'bytes=--1', 'bytes=1--2', 'bytes=', 'bytes', 'bytes=a-b', 'octets=0-1', 'bytes=0-1,2-3', 'bytes=0x0-0x5',
                      'bytes=' + ','.join('0-%d' % i for i in range(900)), 'bytes=' + '0-0,' * 1900, 'bytes=' + ','.join('-%d' % i for i in range(1, 1000)), 'bytes= 0 - 1',
                      'bytes=0-1, bytes=2-3', '=', ',', 'bytes=,', 'bytes=0-1\t', 'bytes=+1-+2'):
                a = get(path, Accept=accept, Range=r)
                check(a.status in (200, 206, 400, 416), '%s %s: %d' % (path, r[:60], a.status))
                check(len(a.body) <= 2 * len(whole_.body) + 100000, '%s %s: %d bytes' % (path, r[:60], len(a.body)))
                if a.status == 206 and 'multipart' not in a.headers['content-type']:
                    first, last = map(int, re.match(r'bytes (\d+)-(\d+)/', a.headers['content-range']).groups())
                    equal(len(a.body), last - first + 1, '%s %s' % (path, r[:60]))
                    equal(a.body, whole_.body[first:last + 1], '%s %s' % (path, r[:60]))


@case('lists and parameters that do not end: frames, fields, keys, wado-uri')
def _():
    uri = '/wado?requestType=WADO&studyUID=%s&seriesUID=%s&objectUID=%s&' % (ONE.study, ONE.series, ONE.uid)
    numbers = ('0', '-1', '99999999999999999999', '1e9', '0x1', '1.5', '', 'NaN', '%00', '+1', '1,', ',', '1;2', '4294967297')
    with Good():
        for path in [INSTANCE + '/frames/' + n for n in numbers if n] + [INSTANCE + '/frames/' + ','.join(['1'] * 100000), INSTANCE + '/frames/' + ','.join(['1'] * 3000),
                     INSTANCE + '/frames/' + ',' * 3000, INSTANCE + '/frames/1-3', INSTANCE + '/frames/' + '1' * 3000]:
            a = get(path)
            check(a.status in QUICK or (a.status == 200 and len(a.body) < 4 << 20), '%s: %d' % (path[-60:], a.status))
        for n in numbers + ('65535', '2147483647', '100000,100000'):
            for name in ('viewport', 'quality', 'window', 'frames', 'annotation', 'iccprofile'):
                a = get(INSTANCE + '/rendered?%s=%s' % (name, n))
                check(a.status in QUICK or a.status == 200, '%s=%s: %d' % (name, n, a.status))
            for name in ('rows', 'columns', 'region', 'windowCenter', 'windowWidth', 'frameNumber', 'imageQuality', 'presentationUID', 'contentType', 'charset', 'transferSyntax'):
                a = get(uri + '%s=%s' % (name, n))
                check(a.status in QUICK or a.status == 200, '%s=%s: %d' % (name, n, a.status))
            for name in ('limit', 'offset'):
                a = get('/dicom-web/studies?%s=%s' % (name, n))
                check(a.status in QUICK or a.status in (200, 204), '%s=%s: %d' % (name, n, a.status))
        for query in ('&'.join(['includefield=all'] * 400), 'includefield=' + ','.join(['00100010'] * 800), 'includefield=' + ','.join(['all'] * 1500),
                      '&'.join('PatientID=%d' % i for i in range(500)), 'PatientName=' + '*a' * 1500, 'PatientName=' + '?' * 3000, 'StudyInstanceUID=' + ','.join('1.%d' % i for i in range(1000)),
                      'StudyDate=' + '-' * 3000, 'StudyDate=0-99999999999', 'StudyTime=99:99:99', 'ModalitiesInStudy=' + '\\\\'.join(['CT'] * 700).replace('\\', '%5C'),
                      '.'.join(['00081140'] * 300) + '=1', '.' * 3000, '=&' * 1500, '&' * 3000, '%26=%3d' * 400, 'a' * 4000):
            a = get('/dicom-web/studies?' + query)
            check(a.status in QUICK or a.status in (200, 204), '%s: %d' % (query[:60], a.status))
        for query in ('&'.join(['includefield=all'] * 10000), '&'.join('PatientID=%d' % i for i in range(10000)), 'a' * 100000, 'PatientName=' + '*' * 100000):
            refused(query[:30], throw(request('GET', '/dicom-web/studies?' + query)))


@case('cookies and Authorization of all shapes are nobody, and never someone')
def _():
    secrets = ('', ' ', 'x', 'Bearer', 'Bearer ', 'Bearer  ', 'Bearer tr_', 'Bearer tr_1', 'Bearer tr_1_', 'Bearer tr_0_x', 'Bearer tr_-1_x', 'Bearer tr_99999999999999999999_x',
               'Bearer tr_1_' + 'A' * 43, 'Bearer tr_1_' + 'A' * 5000, 'Bearer ' + 'a' * 5000, 'Bearer a.b.c', 'Bearer ..', 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.',
               'Bearer ' + '.' * 5000, 'Basic YWRtaW46YWRtaW4=', 'Digest username="admin"', 'bearer tr_1_x', 'Bearer\ttr_1_x', 'Bearer tr_1_x, Bearer tr_2_y', 'Negotiate x',
               "Bearer tr_1_' or 1=1", 'Bearer tr_1_\xff', 'Bearer tr_1_%00', 'AWS4-HMAC-SHA256 Credential=x')
    with Good():
        for s in secrets:
            a = get('/api/me', Authorization=s)
            check(a.status in (400, 401) or (not s.strip() and a.status == 200 and b'unknown' in a.body), 'Authorization %.40r: %d' % (s, a.status))
        for s in ('teleread=', 'teleread=x', 'teleread="x"', 'teleread=' + 'A' * 43, 'teleread=' + 'A' * 5000, 'teleread=x; teleread=y', 'teleread=\xff', 'teleread=%00',
                  'a=b; teleread=x', 'teleread=x, teleread=y', ';;;;teleread=x', 'teleread=' + 'A' * 42 + '=', "teleread=' or 1=1"):
            equal(get('/api/me', Cookie=s).status, 401, 'Cookie %.40r' % s)
        for s in ('', '=', ';', ';' * 100, 'a', 'a=b; ' * 50, 'Teleread=x', 'teleread', 'xteleread=x', '__Host-teleread=x', 'teleread.x=y', '=teleread'):
            a = get('/api/me', Cookie=s)
            check(a.status == 200 and b'"unknown"' in a.body, 'Cookie %.40r: %d' % (s, a.status))
        for name, value in (('X_Forwarded_For', '127.0.0.1'), ('X_Forwarded_Proto', 'https'), ('Forwarded', 'for=127.0.0.1'), ('X_Real_IP', '127.0.0.1'), ('Via', '1.1 x'),
                            ('X_Forwarded_For', '"' * 3000), ('X_Forwarded_For', ',' * 3000)):
            equal(get('/api/me', **{name: value}).status, 401, '%s: %s' % (name, value[:20]))
        for name in ('X_Client_Certificate_SHA256', 'X_Client_Certificate'):
            for value in ('a' * 64, 'A' * 65, '%00', '-----BEGIN CERTIFICATE-----%0AAAAA%0A-----END CERTIFICATE-----'):
                check(b'"unknown"' in get('/api/me', **{name: value}).body, '%s from nobody\'s proxy' % name)


@case('hostile values in what is stored reach no name of a ZIP, no header, and no picture of the log')
def _():
    for i, name in enumerate(('../../../tmp/pwned', '/etc/cron.d/x', '..\\..\\x', 'a\r\nSet-Cookie: x=y', '"; filename="x.exe', '<script>', '%s%n', 'x' * 64)):
        hostile = objects.image('zip', number=i + 1, side=8, patient=name[:64], name=name[:60],
                                extra=((0x0008103E, 'LO', name[:60]), (0x00081030, 'LO', name[:60]), (0x00200010, 'SH', name[:16])))
        status = NODE.store([hostile])[0]
        found = get('/dicom-web/studies/' + hostile.study, Accept='application/zip')
        check(found.status == 200 or status != 0, 'zip after %r: %d' % (name, found.status))
        if found.status != 200:
            continue
        check('\r' not in str(found.headers) and 'x=y' not in str(found.headers), 'headers: %s' % found.headers)
        for entry in zipfile.ZipFile(io.BytesIO(found.body)).namelist():
            check(re.fullmatch(r'[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*', entry) and '..' not in entry, 'name in the ZIP: %r' % entry)
    before = count()
    for name in ('../../../tmp/pwned', '/etc/cron.d/x', '..', '1.2/../3', '1.2\r\n3', '1.2\x003', '%2e%2e%2f', '1.2;x'):
        for tag in (0x00080018, 0x0020000D, 0x0020000E):
            hostile = objects.image('uids', side=8, extra=((tag, 'UI', name),))
            found = statuses(stow(whole(hostile)))
            check(found and found[0] in QUICK, '%r as %08X: %s' % (name, tag, found))
    equal(count(), before, 'instances with such UIDs')
    for path in ('/tmp/pwned', '/etc/cron.d/x'):
        check(not os.path.exists(path), 'wrote ' + path)
    for at, _, files in os.walk(NODE.folder):
        for f in files:
            check(all(c.isalnum() or c in '.-_' for c in f), 'a file of the name %r' % f)


@case('all of it at once, from many sides, with random bytes between')
def _():
    rng = random.Random(7)
    seeds = [request('GET', INSTANCE, Accept='multipart/related; type="application/dicom"'), request('GET', STUDY + '/metadata', Accept='*/*'),
             request('GET', '/dicom-web/studies?PatientName=D*&includefield=all&limit=3'), POST + b'Connection: close\r\nContent-Length: 9\r\n\r\n--b--\r\n\r\n',
             request('GET', INSTANCE + '/frames/1,2/rendered?viewport=9,9&quality=5'), request('GET', INSTANCE, Range='bytes=0-9,20-29'),
             request('POST', '/dicom-web/studies', whole(ONE), Content_Type='multipart/related; type="application/dicom"; boundary=bb')]

    def attack(seed):
        mine = random.Random(seed)
        for _ in range(60):
            text = bytearray(mine.choice(seeds))
            for _ in range(mine.randrange(1, 6)):
                at = mine.randrange(min(len(text), 400))
                how = mine.randrange(4)
                if how == 0:
                    text[at:at + 1] = bytes([mine.choice((0, 9, 10, 13, 32, 37, 58, 59, 127, 128, 255))])
                elif how == 1:
                    del text[at:at + mine.randrange(1, 30)]
                elif how == 2:
                    text[at:at] = text[at:at + mine.randrange(60)]
                else:
                    text[at:at] = bytes(mine.randrange(256) for _ in range(mine.randrange(9)))
            found = statuses(throw(bytes(text)))
            check(all(s < 500 or s in (501, 505) for s in found), '%r: %s' % (bytes(text), found))

    def vanish():
        for _ in range(60):
            with socket.create_connection(('127.0.0.1', NODE.http_port), 10) as s:
                s.sendall(seeds[rng.randrange(len(seeds))])
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))  # a reset
    with Good():
        lib.together(*([lambda n=n: attack(n) for n in range(12)] + [vanish] * 4))


@case('the node ends in order, and its log has no line that came from outside')
def _():
    with open(NODE.log, 'rb') as f:
        for line in f.read().splitlines():
            check(re.match(rb'\d{4}-\d\d-\d\d |teleread|account:|first ', line) or line == b'', 'a line of the log: %r' % line)
            check(not any(c < 32 for c in line), 'control characters in %r' % line)
    NODE.stop()


lib.main()
