#!/usr/bin/env python3
"""Debian's nginx with the example configuration before a node: HTTP/2, streams both ways, certificates, smuggling."""
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import lib
import objects
from front import Front, at
from lib import case, check, equal

lib.need_program()
lib.need_tools('curl')


def fingerprint(name):
    with open(at(name + '.crt')) as f:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()


NODE = lib.Node({'http.trusted_proxies': '127.0.0.1'})
NODE.start()
TOKEN = NODE.teleread('token', 'create', '--name', 'a machine', '--role', 'site-sender', '--site', 'NORTH').out.strip()
FRONT = Front(NODE.http_port)
URL = FRONT.origin
ADMIN = NODE.teleread('token', 'create', '--name', 'an operator', '--role', 'admin').out.strip()
READER = NODE.teleread('token', 'create', '--name', 'a viewer', '--role', 'site-viewer', '--site', 'NORTH').out.strip()


def curl(*words, token=TOKEN, timeout=60):
    return subprocess.run(['curl', '-s', '--cacert', at('authority.crt'), '--resolve', 'localhost:%d:127.0.0.1' % FRONT.port,
                           '-H', 'Authorization: Bearer ' + token, *words], stdout=subprocess.PIPE,
                          timeout=timeout * lib.SLOW).stdout


def tls(alpn=('http/1.1',)):
    context = ssl.create_default_context(cafile=at('authority.crt'))
    context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(socket.create_connection(('127.0.0.1', FRONT.port), 30 * lib.SLOW), server_hostname='localhost')


def multipart(bodies, boundary='bb'):
    mark = b'--' + boundary.encode()
    parts = [b'Content-Type: application/dicom\r\n\r\n' + b for b in bodies]
    return mark + b'\r\n' + (b'\r\n' + mark + b'\r\n').join(parts) + b'\r\n' + mark + b'--\r\n'


KIND = 'Content-Type: multipart/related; type="application/dicom"; boundary=bb'


@case('what goes in by HTTP/2 is found by HTTP/2, compressed where that helps')
def _():
    some = [objects.image('S1', number=n, frames=2) for n in range(1, 6)]
    with open(at('body'), 'wb') as f:
        f.write(multipart([i.part10() for i in some]))
    out = curl('--http2', '-H', KIND, '--data-binary', '@' + at('body'), '-w', '\n%{http_code} %{http_version}',
               URL + '/dicom-web/studies')
    equal(out.rsplit(b'\n', 1)[1], b'200 2')
    out = curl('--http2', '-D', at('head'), '-w', '\n%{http_code} %{http_version}', '--compressed', '-H',
               'Accept: application/dicom+json', URL + '/dicom-web/instances?includefield=all', token=READER)
    rows, said = out.rsplit(b'\n', 1)
    equal(said, b'200 2')
    equal(len(json.loads(rows)), 5)
    check('content-encoding: gzip' in open(at('head')).read().lower(), 'the answer is not compressed')


@case('a body that nobody could keep in memory goes through both')
def _():
    size = 200 << 20
    one = objects.image('BIG', bulk=size)
    with open(at('big'), 'wb') as f:
        f.write(multipart([one.part10()]))
    with lib.Watch(NODE) as watch:
        out = curl('--http2', '-H', KIND, '-T', at('big'), '-X', 'POST', '-w', '\n%{http_code}', URL + '/dicom-web/studies',
                   timeout=300)
        equal(out.rsplit(b'\n', 1)[1], b'200', out[:300])
    check(watch.grown < 50 * 1024, 'the node grew by %d KiB' % watch.grown)
    os.remove(at('big'))
    check(not any(os.listdir(at(d)) for d in ('client_body', 'proxy') if os.path.isdir(at(d))), 'nginx kept a body')


def broken_off():
    """Requests that the node has seen end without an answer."""
    c = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=20 * lib.SLOW)
    c.request('GET', '/metrics', headers={'Authorization': 'Bearer ' + ADMIN})
    r = c.getresponse()
    equal(r.status, 200, 'status of /metrics')
    found = re.search(r'teleread_http_requests_total{status="none"} (\d+)', r.read().decode())
    c.close()
    return int(found[1]) if found else 0


@case('a body is passed on while it arrives, and its end when the client goes')
def _():
    body = multipart([objects.image('SLOW', frames=4).part10()])
    before, half = broken_off(), len(body) // 2
    with tls() as s:
        s.sendall(('POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n'
                   'Transfer-Encoding: chunked\r\n\r\n' % (TOKEN, KIND)).encode())
        s.sendall(b'%x\r\n%s\r\n' % (half, body[:half]))
        time.sleep(0.2)
    lib.wait_until(lambda: broken_off() == before + 1, 20, 'the node sees nothing of a body that is not whole')


@case('an event leaves as it happens')
def _():
    with tls() as s:
        s.sendall(('GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n' % READER).encode())
        out = s.recv(65536)
        check(b'text/event-stream' in out, out[:300])
        some = objects.image('EVENT')
        with open(at('body'), 'wb') as f:
            f.write(multipart([some.part10()]))
        curl('--http2', '-H', KIND, '--data-binary', '@' + at('body'), '-o', '/dev/null', URL + '/dicom-web/studies')
        while objects.uid('study', 'EVENT').encode() not in out:
            piece = s.recv(65536)  # times out where the proxy holds it back
            check(piece, 'the stream ends')
            out += piece


@case('a client certificate that the proxy verified lets a gateway in')
def _():
    NODE.teleread('user', 'certificate', 'gw', '--file', at('gateway.crt'), '--role', 'site-sender', '--site', 'NORTH')
    with open(at('body'), 'wb') as f:
        f.write(multipart([objects.image('CERT').part10()]))
    for name, wanted in (('gateway', b'200'), ('stranger', b'400'), (None, b'401')):
        words = ['--cert', at(name + '.crt'), '--key', at(name + '.key')] if name else []
        out = subprocess.run(['curl', '-s', '--cacert', at('authority.crt'), *words, '-H', KIND, '--data-binary',
                              '@' + at('body'), '-o', '/dev/null', '-w', '%{http_code}', '--resolve',
                              'localhost:%d:127.0.0.1' % FRONT.port, URL + '/dicom-web/studies'], stdout=subprocess.PIPE,
                             timeout=60 * lib.SLOW).stdout
        equal(out, wanted, 'status with %s' % name)


@case('headers that the proxy says cannot be said by the client')
def _():
    out = curl('-H', 'X-Client-Certificate-SHA256: ' + fingerprint('gateway'), '-H', 'X-Client-Certificate: nonsense', '-H',
               'X-Forwarded-For: 203.0.113.9', '-o', '/dev/null', '-w', '%{http_code}', URL + '/dicom-web/studies',
               token='nonsense')
    equal(out, b'401')
    refused = [r['address'] for r in NODE.json_lines('audit', 'search') if r['kind'] == 'refused']
    equal(refused[-1], '127.0.0.1', 'the address of who was refused')


# What a front and a node might cut into requests in two ways. None may reach the node as two, and none may hurt whoever
# uses the connection between them next.
INNER = b'GET /healthz?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
HOST = b'Host: localhost\r\n'
POST = b'POST /dicom-web/studies HTTP/1.1\r\n' + HOST
SMUGGLING = {
    'CL.TE': POST + b'Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' % (5 + len(INNER)) + INNER,
    'TE.CL': POST + b'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n%x\r\n' % len(INNER) + INNER + b'\r\n0\r\n\r\n',
    'TE.TE': POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n' + INNER,
    'TE with a space': POST + b'Transfer-Encoding : chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n' % (5 + len(INNER)) + INNER,
    'TE with a tab': POST + b'Transfer-Encoding:\x0bchunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n' % (5 + len(INNER)) + INNER,
    'TE xchunked': POST + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n' + INNER,
    'CL twice': POST + b'Content-Length: 0\r\nContent-Length: %d\r\n\r\n' % len(INNER) + INNER,
    'CL negative': POST + b'Content-Length: -1\r\n\r\n' + INNER,
    'CL on GET': b'GET /healthz HTTP/1.1\r\n' + HOST + b'Content-Length: %d\r\n\r\n' % len(INNER) + INNER,
    'line feeds': b'GET /healthz HTTP/1.1\nHost: localhost\nX: a\n\n',
    'line feed in a value': b'GET /healthz HTTP/1.1\r\n' + HOST + b'X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'chunk with line feeds': POST + b'Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n',
    'chunk extension': POST + b'Transfer-Encoding: chunked\r\n\r\n3;a\nbc\r\nabc\r\n0\r\n\r\n',
    'chunk that lies': POST + b'Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n' + INNER,
    'folded': b'GET /healthz HTTP/1.1\r\n' + HOST + b'X: a\r\n b\r\n\r\n',
    'NUL': b'GET /healthz HTTP/1.1\r\n' + HOST + b'X: a\0b\r\n\r\n',
    'two hosts': b'GET /healthz HTTP/1.1\r\n' + HOST + b'Host: elsewhere\r\n\r\n',
    'absolute': b'GET http://elsewhere/healthz HTTP/1.1\r\n' + HOST + b'\r\n',
}


def statuses(sent):
    out = b''
    with tls() as s:
        s.settimeout(1)
        try:
            s.sendall(sent)
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                out += piece
        except OSError:
            pass
    return [int(x) for x in re.findall(rb'(?:^|\n|[^ ])HTTP/1\.1 (\d\d\d)', out)]


@case('nothing is smuggled past the front')
def _():
    for name, sent in SMUGGLING.items():
        got = statuses(sent)
        check(all(s < 500 or s == 501 for s in got), '%s: %s' % (name, got))
        # Only what the front itself takes for a second request is one: behind a body that it knows the end of.
        check(len(got) <= 2, '%s: %s' % (name, got))
        for k in range(4):  # the connections to the node are in step
            out = curl('-w', ' %{http_code}', URL + '/dicom-web/studies?PatientID=nobody-%d' % k, '-H',
                       'Accept: application/dicom+json', token=READER)
            check(out.split() in ([b'[]', b'200'], [b'204']), 'after %s: %s' % (name, out[:200]))


@case('the same, to the node itself, ends every connection')
def _():
    for name in ('CL.TE', 'TE.CL', 'TE.TE', 'TE with a space', 'TE xchunked', 'CL twice', 'CL negative', 'line feeds',
                 'line feed in a value', 'folded', 'NUL', 'two hosts'):
        with socket.create_connection(('127.0.0.1', NODE.http_port), 20 * lib.SLOW) as s:
            s.sendall(SMUGGLING[name])
            out = b''
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                out += piece
        check(re.match(rb'HTTP/1\.1 (400|501) ', out), '%s: %s' % (name, out[:60]))
        check(b'200 OK' not in out, '%s: something was served' % name)


try:
    lib.main()
finally:
    FRONT.stop()
