"""parts - an HTTP client for tests that believes nothing: bodies of several parts are read strictly, to the last byte."""
import http.client
import re
import urllib.parse

import lib
from lib import check, equal

DICOM, OCTETS = 'application/dicom', 'application/octet-stream'
NATIVE_XML = '{http://dicom.nema.org/PS3.19/models/NativeDICOM}'


def related(kind, syntax=None):
    return 'multipart/related; type="%s"%s' % (kind, '; transfer-syntax=' + syntax if syntax else '')


class Part:
    def __init__(self, headers, body):
        self.headers, self.body = headers, body
        kind = headers['Content-Type'].split(';')
        self.type = kind[0].strip()
        parameters = dict(p.strip().split('=', 1) for p in kind[1:])
        self.syntax = parameters.get('transfer-syntax', '').strip('"')
        self.location = headers.get('Content-Location', '')


def split(body, boundary):
    """RFC 2046 to the letter: no preamble, no epilogue, CRLF everywhere, spelling of names as viewers look for it."""
    mark, at, out = b'--' + boundary.encode(), 0, []
    check(body.startswith(mark), 'begins with something else than a boundary: %r' % body[:60])
    while True:
        at += len(mark)
        if body[at:] == b'--\r\n':
            return out
        equal(body[at:at + 2], b'\r\n', 'behind a boundary')
        end = body.index(b'\r\n\r\n', at)
        headers = {}
        for line in body[at + 2:end].split(b'\r\n'):
            name, value = line.decode('ascii').split(': ', 1)
            check(name not in headers, 'header %s twice' % name)
            headers[name] = value
        check('Content-Type' in headers, 'a part without Content-Type: %s' % headers)
        start = end + 4
        if 'Content-Length' in headers:
            stop = start + int(headers['Content-Length'])
            equal(body[stop:stop + 2 + len(mark)], b'\r\n' + mark, 'behind a part of %s bytes' % headers['Content-Length'])
        else:
            stop = body.index(b'\r\n' + mark, start)
        check(mark not in body[start:stop], 'the boundary occurs within a part')
        out.append(Part(headers, body[start:stop]))
        at = stop + 2


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body
        self.type = (self.headers['Content-Type'] or '').split(';')[0]

    def parts(self):
        equal(self.status, 200, self.body[:300])
        return self.parts_of_any()

    def parts_of_any(self):
        kind = self.headers['Content-Type']
        found = re.fullmatch(r'multipart/related; type="([^"]+)"; boundary=([0-9A-Za-z-]{20,70})', kind)
        check(found, 'Content-Type: %s' % kind)
        out = split(self.body, found.group(2))
        if out:
            equal(out[0].type, found.group(1), 'type of the first part')
        return out

    def __str__(self):
        return '%d %s %r' % (self.status, self.headers['Content-Type'], self.body[:300])


class Client:
    def __init__(self, node, **headers):
        self.node, self.headers = node, headers

    def ask(self, method, path, accept=None, **headers):
        headers = dict(self.headers, **headers)
        if accept is not None:
            headers['Accept'] = accept
        c = http.client.HTTPConnection('127.0.0.1', self.node.http_port, timeout=60 * lib.SLOW)
        try:
            c.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                c.putheader(name.replace('_', '-'), value)
            c.endheaders()
            response = c.getresponse()
            return Answer(response, response.read())
        finally:
            c.close()

    def get(self, path, accept=None, **headers):
        return self.ask('GET', path, accept, **headers)


def study_path(one):
    return '/dicom-web/studies/' + one.study


def series_path(one):
    return '%s/series/%s' % (study_path(one), one.series)


def path(one):
    return '%s/instances/%s' % (series_path(one), one.uid)


def resolve(base, reference):
    return urllib.parse.urljoin(base, reference)
