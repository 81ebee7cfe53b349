#!/usr/bin/env python3
"""STOW-RS: what comes by HTTP is what a C-STORE would have brought, answered one by one; broken bodies, sites, bulk data."""
import base64
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET

sys.dont_write_bytecode = True
import lib
import objects
from lib import case, check, equal, trap
from objects import CT, EXPLICIT_LE, IMPLICIT_LE, J2K_LOSSLESS, encode, image, uid

lib.need_program()
MB = 1 << 20
LIMIT = 50 * 1024  # KiB that a request of any size may cost
PATH = '/dicom-web/studies'
NODE = lib.Node()
NODE.start('--accept-unknown', 'NORTH')
SPACE = '{http://dicom.nema.org/PS3.19/models/NativeDICOM}'


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def items(self, tag):
        return self.json().get(tag, {}).get('Value', [])

    def done(self):
        """{UID: reason of a warning, or None}"""
        return {i['00081155']['Value'][0]: i['00081196']['Value'][0] if '00081196' in i else None
                for i in self.items('00081199')}

    def failed(self):
        return {i['00081155']['Value'][0]: i['00081197']['Value'][0] for i in self.items('00081198')}

    def others(self):
        return [i['00081197']['Value'][0] for i in self.items('0008119A')]


def part(body, kind='application/dicom', location=None, length=False, **headers):
    head = 'Content-Type: %s\r\n' % kind if kind else ''
    head += 'Content-Location: %s\r\n' % location if location else ''
    head += 'Content-Length: %d\r\n' % len(body) if length else ''
    head += ''.join('%s: %s\r\n' % (k.replace('_', '-'), v) for k, v in headers.items())
    return head.encode() + b'\r\n' + body


def body_of(parts, boundary='bb', end='--\r\n'):
    mark = b'--' + boundary.encode()
    return mark + b'\r\n' + (b'\r\n' + mark + b'\r\n').join(parts) + b'\r\n' + mark + end.encode()


def multipart(kind='application/dicom', boundary='bb'):
    return 'multipart/related; type="%s"; boundary=%s' % (kind, boundary)


def post(body, kind=None, path=PATH, node=NODE, **headers):
    """body: bytes, with their length, or pieces, chunked."""
    connection = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=120 * lib.SLOW)
    headers = {k.replace('_', '-'): v for k, v in headers.items()}
    connection.request('POST', path, body, dict(headers, **{'Content-Type': kind or multipart()}),
                       encode_chunked=not isinstance(body, bytes))
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def files(instances):
    return [part(i.part10()) for i in instances]


def same_back(instances, node=NODE):
    got = node.get_all(instances)
    equal(sorted(got), sorted(i.uid for i in instances), 'what is there')
    for i in instances:
        equal(got[i.uid], (i.syntax, i.data), 'instance %s' % i.uid)


def found(study, node=NODE):
    return node.find('STUDY', StudyInstanceUID=study)


# ---- files

@case('one file, several files, with and without quotes, chunked and not, alone in the body')
def _():
    trap(29, 'boundary in quotes or not, Content-Length of parts or not, chunked bodies; the answer names each instance')
    sent = [image('s1', n) for n in range(1, 9)]
    answer = post(body_of(files(sent[:1])))
    equal(answer.status, 200, answer.body)
    equal(answer.headers['Content-Type'], 'application/dicom+json')
    root = 'http://127.0.0.1:%d%s/%s' % (NODE.http_port, PATH, sent[0].study)
    equal(answer.json()['00081190'], {'vr': 'UR', 'Value': [root]})
    equal(answer.items('00081199'), [{
        '00081150': {'vr': 'UI', 'Value': [CT]}, '00081155': {'vr': 'UI', 'Value': [sent[0].uid]},
        '00081190': {'vr': 'UR', 'Value': ['%s/series/%s/instances/%s' % (root, sent[0].series, sent[0].uid)]}}])
    check('00081198' not in answer.json() and '0008119A' not in answer.json(), 'sequences without items')
    odd = "a'()+_,-./:=? b"
    answer = post(body_of([part(sent[1].part10(), length=True), part(sent[2].part10(), None)], odd),
                  'Multipart/Related;boundary="%s"; type=application/dicom' % odd, PATH + '/' + sent[1].study)
    equal((answer.status, answer.done()), (200, {sent[1].uid: None, sent[2].uid: None}))
    whole = body_of(files(sent[3:6]))
    answer = post((whole[i:i + 777] for i in range(0, len(whole), 777)))
    equal((answer.status, list(answer.done())), (200, [i.uid for i in sent[3:6]]))
    equal(post(sent[6].part10(), 'application/dicom').status, 200)
    path = sent[7].save(os.path.join(NODE.folder, 'one.dcm'))
    with open(path + '.body', 'wb') as f:
        f.write(body_of(files(sent[7:])))
    out = subprocess.run(['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Expect: 100-continue', '-H',
                          'Content-Type: ' + multipart(), '--data-binary', '@' + path + '.body',
                          'http://127.0.0.1:%d%s' % (NODE.http_port, PATH)], stdout=subprocess.PIPE, timeout=60)
    equal(out.stdout, b'200')
    same_back(sent)


@case('the same by C-STORE and by STOW is one instance, with the bytes that came first')
def _():
    sent = [image('s2', n, syntax=s) for n, s in enumerate((IMPLICIT_LE, EXPLICIT_LE, J2K_LOSSLESS), 1)]
    equal(NODE.store(sent), [0, 0, 0])
    before = NODE.json_lines('quarantine', 'list')
    for _ in range(2):
        answer = post(body_of(files(sent)))
        equal((answer.status, len(answer.done())), (200, 3))
    other = [image('s2b', n, syntax=s) for n, s in enumerate((IMPLICIT_LE, objects.DEFLATED_LE, J2K_LOSSLESS), 1)]
    equal(post(body_of(files(other))).status, 200)
    equal(NODE.store(other), [0, 0, 0])
    same_back(sent + other)
    equal(NODE.json_lines('quarantine', 'list'), before)


@case('an instance of another study than the URL says fails alone')
def _():
    trap(29, 'a study that is not the one of the URL: C409 for that instance, 409 when it is all of them')
    a, b = image('s3'), image('s3-other')
    answer = post(body_of(files([b])), path=PATH + '/' + a.study)
    equal((answer.status, answer.failed(), answer.done()), (409, {b.uid: 0xC409}, {}))
    check('Study Instance UID' in answer.headers['Warning'], answer.headers['Warning'])
    answer = post(body_of(files([a, b])), path=PATH + '/' + a.study)
    equal((answer.status, answer.failed(), answer.done()), (202, {b.uid: 0xC409}, {a.uid: None}))
    equal(found(b.study), [])


@case('what contradicts the archive is kept apart, with a warning')
def _():
    trap(29, 'quarantine is a warning: 202 with B000')
    one, other = image('s4'), image('s4', seed=77)
    equal(post(body_of(files([one]))).status, 200)
    for _ in range(2):
        answer = post(body_of(files([other])))
        equal((answer.status, answer.done()), (202, {one.uid: 0xB000}))
        check('00081190' not in answer.items('00081199')[0], 'a URL of what cannot be retrieved')
        check('other content' in answer.headers['Warning'], answer.headers['Warning'])
    rows = [r for r in NODE.json_lines('quarantine', 'list') if one.uid in str(r)]
    equal(len(rows), 1, rows)
    same_back([one])


@case('what is no instance fails; the rest is stored')
def _():
    good, broken = image('s5'), image('s5', 2, side=64)
    cut = broken.part10()[:-3000]
    answer = post(body_of([part(b'nothing of the kind'), part(good.part10()), part(b''), part(b'x', 'text/plain')]))
    equal((answer.status, answer.done(), answer.others()), (202, {good.uid: None}, [0xC000] * 3))
    equal(post(body_of([part(b'nothing of the kind')])).status, 409)
    no_series = encode([e for e in broken.elements if e[0] != 0x0020000E])
    answer = post(body_of([part(objects.file_meta(CT, broken.uid, EXPLICIT_LE) + no_series)]))
    equal((answer.status, answer.failed()), (409, {broken.uid: 0xC000}))
    answer = post(body_of([part(cut)]))  # as a C-STORE has it: kept, with a remark
    equal(answer.status, 200, answer.body)


@case('a part whose length is not what it says is not stored')
def _():
    one = image('s6')
    answer = post(body_of([part(one.part10(), Content_Length=len(one.part10()) + 1)]))
    equal((answer.status, answer.failed()), (409, {one.uid: 0xC000}))
    check('Content-Length' in answer.headers['Warning'], answer.headers['Warning'])
    equal(found(one.study), [])
    answer = post(body_of([part(one.part10(), Content_Transfer_Encoding='base64')]))
    equal((answer.status, answer.others()), (409, [0xC000]))


@case('boundaries: in the payload, without line ends behind, preamble, epilogue, bare line feeds')
def _():
    trap(29, 'boundary bytes in pixel data, no final CRLF, preamble and epilogue, bare LF')
    tricky = b'\r\n--b\r\n--bx\r\n--bb-\r\n--bbb\r\n\r\n--b' * 100
    sent = [image('s7', n, extra=[(0x7FE00010, 'OW', tricky + b'\r' * (len(tricky) % 2))]) for n in range(1, 5)]
    for i in sent:
        i.elements = [e for e in i.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'OW', tricky + b'\r\r')]
        i.data = encode(i.elements)
    bare = b'--bb\nContent-Type: application/dicom\n\n' + sent[2].part10() + b'\n--bb--'
    for i, body in enumerate((body_of(files(sent[:1]), end='--'),
                              b'hello\r\n' + body_of(files(sent[1:2]), end='-- \r\nbye\r\n'), bare,
                              body_of(files(sent[3:])).replace(b'--bb\r\n', b'--bb \t\r\n', 1))):
        answer = post(body)
        equal((answer.status, answer.done()), (200, {sent[i].uid: None}), 'body %d %s' % (i, answer.body))
    same_back(sent)


@case('without the closing boundary what was complete is stored, the rest fails')
def _():
    trap(29, 'a body that breaks off: complete parts stay, 202; nothing complete is 400')
    a, b = image('s8', 1), image('s8', 2)
    whole = body_of(files([a, b]))
    answer = post(whole[:-2000])
    equal((answer.status, answer.done()), (202, {a.uid: None}))
    equal(len(answer.others()) + len(answer.failed()), 1)
    check('closing boundary' in answer.headers['Warning'], answer.headers['Warning'])
    equal(NODE.instances().count(b.uid), 0)
    answer = post(whole[:1000])
    equal(answer.status, 400)
    check('closing boundary' in answer.json()['error'], answer.body)
    for body in (b'', b'nothing', b'--bb\r\nno head\r\n\r\nx\r\n--bb--', body_of([])[:0] + b'--bb--\r\n',
                 b'--bb\r\n' + b'A: b\r\n' * 100 + b'\r\n--bb--', b'x' * 200000):
        answer = post(body)
        check(answer.status in (400, 413) and answer.json()['error'], '%r: %d' % (body[:30], answer.status))


# ---- requests that are refused

@case('media types: what cannot be taken is refused before the body comes')
def _():
    trap(29, '415, 406 and 400 come before the body, where the client waits for 100 Continue')
    for kind, status in (('text/plain', 415), ('multipart/form-data; boundary=b', 415),
                         ('multipart/related; type="image/jpeg"; boundary=b', 415), ('nothing', 400),
                         ('multipart/related; type="application/dicom"', 400),
                         ('multipart/related; boundary=%s' % ('x' * 201), 400),
                         ('multipart/related; boundary=a; boundary=b', 400)):
        answer = post(b'x', kind)
        equal((answer.status, bool(answer.json()['error'])), (status, True), kind)
        with socket.create_connection(('127.0.0.1', NODE.http_port), timeout=30 * lib.SLOW) as s:
            s.sendall(('POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nExpect: 100-continue\r\nContent-Length: '
                       '1000000000\r\n\r\n' % (PATH, kind)).encode())
            said = s.recv(4096)
            check(said.startswith(b'HTTP/1.1 %d ' % status), '%s: %r' % (kind, said[:60]))
    equal(post(body_of(files([image('s9')])), Accept='image/png').status, 406)
    equal(post(body_of(files([image('s9')])), Content_Encoding='gzip').status, 415)
    equal(post(body_of(files([image('s9')])), path=PATH + '/1.2.x').status, 400)
    equal(found(image('s9').study), [])


@case('the answer as XML')
def _():
    a, b = image('s10', 1), image('s10-other')
    for accept in ('application/dicom+xml', 'application/dicom+json;q=0.5, application/dicom+xml'):
        answer = post(body_of(files([a, b])), path=PATH + '/' + a.study, Accept=accept)
        equal((answer.status, answer.headers['Content-Type']), (202, 'application/dicom+xml'))
        root = ET.fromstring(answer.body)
        sequences = {e.get('keyword'): e for e in root.findall(SPACE + 'DicomAttribute')}
        equal(sorted(sequences), ['FailedSOPSequence', 'ReferencedSOPSequence', 'RetrieveURL'])
        values = {e.get('keyword'): e.find(SPACE + 'Value').text
                  for e in sequences['FailedSOPSequence'].iter(SPACE + 'DicomAttribute') if e.get('vr') != 'SQ'}
        equal(values, {'ReferencedSOPClassUID': CT, 'ReferencedSOPInstanceUID': b.uid, 'FailureReason': str(0xC409)})
    equal(post(body_of(files([a])), Accept='*/*').headers['Content-Type'], 'application/dicom+json')


@case('site=: whoever has no site of his own must name one of his scope')
def _():
    n = lib.Node()
    n.teleread('site', 'add', 'SOUTH', '--name', 'South', '--parent', '')
    n.start()
    n.teleread('site', 'add', 'WEST', '--name', 'West', '--parent', '')

    def token(*words):
        out = n.teleread('token', 'create', '--name', 'gateway', '--role', 'site-sender', *words).out
        return {'Authorization': 'Bearer ' + out.split()[-1]}
    both, west = token('--site', 'NORTH,WEST'), token('--site', 'NORTH,WEST', '--store-as', 'WEST')
    one = image('site')
    body = body_of(files([one]))
    equal(post(body, node=n).status, 401)
    said = {post(body, node=n, path=PATH + '?site=' + w, **both).body.replace(w.encode(), b'') for w in ('SOUTH', 'NOWHERE')}
    equal(len(said), 1, 'what is not in the scope looks like what is not there')
    for path in (PATH, PATH + '?site=SOUTH', PATH + '?site='):
        answer = post(body, node=n, path=path, **both)
        equal(answer.status, 400, path)
        check('site' in answer.json()['error'], answer.body)
    equal(post(body, node=n, path=PATH + '?site=NORTH', **west).status, 400)
    equal(post(body, node=n, path=PATH + '?site=NORTH', **both).status, 200)
    equal(n.instances(), [one.uid])
    equal(post(body_of(files([image('site-west')])), node=n, **west).status, 200)
    equal(n.instances(), [one.uid], 'another site sees')
    answer = post(body, node=n, **west)  # a study of one site stays that site's
    equal((answer.status, answer.done()), (202, {one.uid: 0xB000}))
    n.stop()


# ---- metadata and bulk data

STRINGS = {'AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'LT', 'PN', 'SH', 'ST', 'TM', 'UC', 'UI', 'UR', 'UT'}


def json_of(elements, bulk):
    """bulk: {tag: URI}; these elements become references."""
    out = {}
    for tag, vr, value in elements:
        one = {'vr': 'OW' if vr == 'encapsulated' else vr}
        if tag in bulk:
            one['BulkDataURI'] = bulk[tag]
        elif vr == 'SQ':
            one['Value'] = [json_of(i, bulk) for i in value]
        elif vr == 'PN':
            one['Value'] = [{'Alphabetic': value}]
        elif vr in STRINGS:
            one['Value'] = [int(value) if vr == 'IS' else value]
        elif isinstance(value, int):
            one['Value'] = [value]
        else:
            one['InlineBinary'] = base64.b64encode(value).decode()
        out['%08X' % tag] = one
    return out


def xml_of(elements, bulk):
    out = ''
    for tag, vr, value in elements:
        inner = '<Value number="1">%s</Value>' % value
        if tag in bulk:
            inner = '<BulkData uri="%s"/>' % bulk[tag]
        elif vr == 'SQ':
            inner = ''.join('<Item number="%d">%s</Item>' % (n, xml_of(i, bulk)) for n, i in enumerate(value, 1))
        elif vr == 'PN':
            family, given = value.split('^')
            inner = ('<PersonName number="1"><Alphabetic><FamilyName>%s</FamilyName><GivenName>%s</GivenName></Alphabetic>'
                     '</PersonName>' % (family, given))
        out += '<DicomAttribute tag="%08X" vr="%s" keyword="x">%s</DicomAttribute>' % (
            tag, 'OW' if vr == 'encapsulated' else vr, inner)
    return out


def xml_document(elements, bulk):
    return ('<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xmlns="%s" xml:space="preserve">%s</NativeDicomModel>'
            % (SPACE[1:-1], xml_of(elements, bulk))).encode()


def stored_as(one, data, syntax=EXPLICIT_LE):
    got = NODE.get_all([objects.Instance(CT, one.elements, syntax)])[one.uid]
    equal(got[0], syntax)
    kept, wanted = objects.parse(got[1]), objects.parse(data)
    kept.pop(0x00080005, None)
    equal(sorted(kept), sorted(wanted))
    check(uid('ref', [v for t, _, v in one.elements if t == 0x00081030][0][6:]).encode() in kept.pop(0x00081140), 'the sequence')
    wanted.pop(0x00081140)  # whose length is said in another way
    equal(kept, wanted)


@case('JSON metadata with bulk data by Content-Location, and inline')
def _():
    trap(29, 'metadata and bulk data: matched by Content-Location, native pixel data, several instances')
    sent = [image('s11', n, side=64) for n in range(1, 5)]
    uris = ['http://elsewhere:8080/bulk/%d' % n for n in range(4)]
    metadata = json.dumps([json_of(i.elements, {0x7FE00010: u}) for i, u in zip(sent[:3], uris)]).encode()
    bulk = [part(i.elements[-1][2], 'application/octet-stream', u) for i, u in zip(sent[:3], uris)]
    random.Random(1).shuffle(bulk)
    answer = post(body_of([part(metadata, 'application/dicom+json')] + bulk), multipart('application/dicom+json'))
    equal((answer.status, sorted(answer.done())), (200, sorted(i.uid for i in sent[:3])), answer.body)
    alone = json.dumps(json_of(sent[3].elements, {})).encode()
    answer = post(alone, 'application/dicom+json')
    equal((answer.status, answer.done()), (200, {sent[3].uid: None}), answer.body)
    for i in sent:
        stored_as(i, i.data)


@case('XML metadata with bulk data')
def _():
    sent = [image('s12', n) for n in (1, 2)]
    parts = [part(xml_document(i.elements, {0x7FE00010: 'b/%s' % i.uid}), 'application/dicom+xml') for i in sent]
    parts += [part(i.elements[-1][2], None, 'b/%s' % i.uid) for i in sent]
    answer = post(body_of(parts), multipart('application/dicom+xml'))
    equal((answer.status, sorted(answer.done())), (200, sorted(i.uid for i in sent)), answer.body)
    for i in sent:
        stored_as(i, i.data)


@case('encapsulated frames, each in a part of its own')
def _():
    one = image('s13', frames=3, syntax=J2K_LOSSLESS)
    streams = one.elements[-1][2][1:]
    metadata = json.dumps([json_of(one.elements, {0x7FE00010: '/px'})]).encode()
    for n, kind in enumerate(('image/jp2', 'image/jp2; transfer-syntax=' + J2K_LOSSLESS)):
        parts = [part(metadata, 'application/dicom+json')] + [part(s, kind, '/px') for s in streams]
        answer = post(body_of(parts), multipart('application/dicom+json'))
        equal((answer.status, answer.done()), (200, {one.uid: None}), answer.body)
    got = NODE.get_all([one])[one.uid]
    equal(got[0], J2K_LOSSLESS)
    check(got[1].endswith(encode([(0x7FE00010, 'encapsulated', one.elements[-1][2])])), 'fragments as a file has them')
    equal(NODE.json_lines('quarantine', 'list'), [r for r in NODE.json_lines('quarantine', 'list') if one.uid not in str(r)])
    two = image('s13b', frames=2, syntax=objects.JPEG_BASELINE)
    jpeg = b'\xff\xd8\xff\xe0\0\4ab\xff\xc0\0\4ab\xff\xd9'
    metadata = json.dumps([json_of(two.elements, {0x7FE00010: '/px'})]).encode()
    answer = post(body_of([part(metadata, 'application/dicom+json')] + [part(jpeg, 'image/jpeg', '/px')] * 2),
                  multipart('application/dicom+json'))
    equal(answer.status, 200, answer.body)
    equal(NODE.get_all([two])[two.uid][0], objects.JPEG_BASELINE)


@case('bulk data that does not come, that nobody refers to, that is no DICOM')
def _():
    a, b, c = (image('s14', n) for n in (1, 2, 3))
    metadata = json.dumps([json_of(i.elements, {0x7FE00010: u}) for i, u in ((a, 'a'), (b, 'b'), (c, 'c'))]).encode()
    parts = [part(metadata, 'application/dicom+json'), part(a.elements[-1][2], None, 'a'), part(b'x', None, 'nobody'),
             part(b'x', 'image/png', 'c')]
    answer = post(body_of(parts), multipart('application/dicom+json'))
    equal((answer.status, answer.done()), (202, {a.uid: None}))
    equal(sorted(answer.failed().items()), sorted({b.uid: 0xC000, c.uid: 0xC122}.items()))
    equal(len(answer.others()), 2)
    for body in (b'[{"00100010":1}]', b'[{', b'{"00080018":{"vr":"UI","Value":["1.2"]},"00080018":{"vr":"UI"}}',
                 b'[' * 100000, b'{"00081140":{"vr":"SQ","Value":[' * 200, b'"text"'):
        answer = post(body, 'application/dicom+json')
        equal(answer.status, 409, answer.body)
        check(answer.headers['Warning'], 'nothing says why')
    bomb = ('<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + ''.join(
        '<!ENTITY %s "%s">' % (chr(98 + n), ('&%s;' % chr(97 + n)) * 10) for n in range(9)) + ']>').encode()
    answer = post(bomb + b'<NativeDicomModel>&j;</NativeDicomModel>', 'application/dicom+xml')
    equal(answer.status, 409, answer.body)
    check('entities' in answer.headers['Warning'], answer.headers['Warning'])


@case('references to bulk data have a greatest length, and so has all that waits for them')
def _():
    def refer(n):
        return {'00080018': {'vr': 'UI', 'Value': [uid('s14b', str(n))]},
                '7FE00010': {'vr': 'OW', 'BulkDataURI': '%08d' % n + 'u' * 3900}}

    long = dict(refer(1), **{'7FE00010': {'vr': 'OW', 'BulkDataURI': 'u' * 5000}})
    for sets, says in (([long], '(7FE0,0010): BulkDataURI is longer than 4096 bytes'),
                       ([refer(n) for n in range(3000)], 'more than 8388608 bytes of BulkDataURI wait')):
        answer = post(body_of([part(json.dumps(sets).encode(), 'application/dicom+json')]), multipart('application/dicom+json'))
        equal(answer.status, 409)
        check(says in answer.headers['Warning'], answer.headers['Warning'])


def get(path, accept):
    connection = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=60 * lib.SLOW)
    connection.request('GET', path, headers={'Accept': accept})
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


@case('the metadata and bulk data that we give out, stored again under other UIDs')
def _():
    one = image('s17', 1, side=64)
    equal(post(body_of(files([one]))).status, 200)
    path = '%s/%s/series/%s/instances/%s/metadata' % (PATH, one.study, one.series, one.uid)
    answer = get(path, 'application/dicom+json')
    if answer.status in (404, 405):
        raise lib.Skip('this node gives out no metadata')
    equal(answer.status, 200, answer.body)
    metadata, = answer.json()
    where = urllib.parse.urljoin(path, metadata['7FE00010']['BulkDataURI'])
    bulk = get(urllib.parse.urlsplit(where).path, 'application/octet-stream')
    equal((bulk.status, bulk.body), (200, one.elements[-1][2]))
    document = get(path, 'application/dicom+xml, multipart/related; type="application/dicom+xml"').body
    document = document[document.index(b'<NativeDicomModel'):document.index(b'</NativeDicomModel>') + 19]
    for word, text, kind in (('json', json.dumps([metadata]).encode(), 'application/dicom+json'),
                             ('xml', document, 'application/dicom+xml')):
        new = {old: uid('s17', word, old) for old in (one.study, one.series, one.uid)}
        uri = metadata['7FE00010']['BulkDataURI']
        text = text.replace(uri.encode(), b'@')
        for old, fresh in new.items():
            text = text.replace(old.encode(), fresh.encode())
        elements = [(t, vr, new.get(v, v) if vr == 'UI' else v) for t, vr, v in one.elements]
        answer = post(body_of([part(text, kind), part(bulk.body, None, '@')]), multipart(kind))
        equal((answer.status, answer.done()), (200, {new[one.uid]: None}), answer.body)
        stored_as(objects.Instance(CT, elements), encode(elements))


@case('the audit trail has each study that came, and who brought it')
def _():
    a, b = [image('s18', n) for n in (1, 2, 3)], image('s18b', patient='P18')
    equal(post(body_of(files(a + [b]))).status, 200)
    for study, patient, n in ((a[0].study, 'P1', 3), (b.study, 'P18', 1)):
        lib.wait_until(lambda: NODE.json_lines('audit', 'search', '--study', study), 10, 'the trail')
        event, = NODE.json_lines('audit', 'search', '--study', study)
        equal((event['kind'], event['patient'], event['instances']), ('received', patient, n), event)
    refused = image('s19')
    equal(post(body_of(files([refused])), 'text/plain').status, 415)


# ---- long, slow, broken off

def connect(length, node=NODE, kind=None):
    s = socket.create_connection(('127.0.0.1', node.http_port), timeout=120 * lib.SLOW)
    s.sendall(('POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n' %
               (PATH, kind or multipart(), length)).encode())
    return s


@case('a client that leaves: complete parts stay, the broken one leaves nothing')
def _():
    whole, half, large = (image('s15', n, bulk=size) for n, size in ((1, 600000), (2, 700000), (3, 8 * MB)))
    for second in (half, large):
        body = body_of(files([whole, second]))
        with connect(len(body)) as s:
            s.sendall(body[:-2000])
            time.sleep(0.3)
        lib.wait_until(lambda: NODE.find('STUDY', StudyInstanceUID=whole.study), 20, 'the complete part')
    time.sleep(0.3)
    equal(NODE.instances().count(half.uid) + NODE.instances().count(large.uid), 0)
    same_back([whole])
    NODE.teleread('fsck')


@case('slow uploads hold nobody up')
def _():
    one = [image('s16', n) for n in range(40)]
    bodies = [body_of(files([i])) for i in one]
    slow = [connect(len(b)) for b in bodies]
    for s, b in zip(slow, bodies):
        s.sendall(b[:700])
    equal(post(body_of(files([image('s16-quick')]))).status, 200)
    for at in range(700, max(map(len, bodies)), 900):
        for s, b in zip(slow, bodies):
            s.sendall(b[at:at + 900])
        equal(NODE.echo(), 0)
    for s, i in zip(slow, one):
        said = s.recv(4096)
        check(said.startswith(b'HTTP/1.1 200 '), said[:80])
        s.close()
    same_back(one)


def huge(size):
    one = image('huge', 1)
    head = encode([e for e in one.elements if e[0] != 0x7FE00010])
    head += objects.struct.pack('<HH2sHI', 0x7FE0, 0x0010, b'OW', 0, size)
    piece = bytes(range(256)) * 4096

    def pieces():
        yield b'--bb\r\nContent-Type: application/dicom\r\n\r\n' + objects.file_meta(CT, one.uid, EXPLICIT_LE) + head
        for _ in range(size // len(piece)):
            yield piece
        yield b'\r\n--bb--'
    return one, pieces()


@case('memory does not grow with an instance, nor with the number of them')
def _():
    trap(29, 'huge parts and many of them are streamed')
    if lib.sanitized():
        raise lib.Skip('sanitizers keep memory of their own')
    size = 4000 * MB if lib.BIG else 700 * MB
    many = 8000 if lib.BIG else 2000
    if lib.shutil.disk_usage(NODE.folder).free < 3 * size:
        raise lib.Skip('too little room in %s' % NODE.folder)
    one, pieces = huge(size)
    with lib.Watch(NODE) as watch:
        answer = post(pieces)
    equal((answer.status, list(answer.done())), (200, [one.uid]))
    lib.note('one instance of %d MB: %d KiB more' % (size // MB, watch.grown))
    check(watch.grown < LIMIT, 'grown by %d KiB' % watch.grown)
    numbers = [image('many', n, side=8) for n in range(many)]
    with lib.Watch(NODE) as watch:
        answer = post(p for p in [b'--bb'] + [b'\r\n' + p + b'\r\n--bb' for p in files(numbers)] + [b'--\r\n'])
    equal((answer.status, len(answer.done())), (200, many))
    lib.note('%d instances: %d KiB more' % (many, watch.grown))
    check(watch.grown < LIMIT, 'grown by %d KiB' % watch.grown)
    with lib.Watch(NODE) as watch:
        answer = post(body_of([part(b'nothing')] * 100000))
    equal((answer.status, len(answer.others())), (409, 100000))
    lib.note('100000 parts that are nothing: %d KiB more' % watch.grown)
    check(watch.grown < LIMIT, 'grown by %d KiB' % watch.grown)
    bulk = image('bulk', 1)
    metadata = json.dumps([json_of(bulk.elements, {0x7FE00010: 'x'})]).encode()

    def chunks():
        yield b'--bb\r\nContent-Type: application/dicom+json\r\n\r\n' + metadata + b'\r\n--bb\r\nContent-Location: x\r\n\r\n'
        for _ in range(size // 4 // MB):
            yield bytes(range(256)) * 4096
        yield b'\r\n--bb--'
    with lib.Watch(NODE) as watch:
        answer = post(chunks(), multipart('application/dicom+json'))
    equal((answer.status, list(answer.done())), (200, [bulk.uid]))
    lib.note('bulk data of %d MB: %d KiB more' % (size // 4 // MB, watch.grown))
    check(watch.grown < LIMIT, 'grown by %d KiB' % watch.grown)


@case('killed under load: what was acknowledged is there')
def _():
    n = lib.Node()
    for turn in range(2):
        n.start('--accept-unknown', 'NORTH')
        acknowledged, over = [], threading.Event()

        def send(word):
            number = 0
            while not over.is_set():
                number += 1
                batch = [image('kill-%d-%s-%d' % (turn, word, number), k) for k in range(3)]
                try:
                    if post(body_of(files(batch)), node=n).status == 200:
                        acknowledged.extend(batch)
                except (OSError, http.client.HTTPException):
                    return
        threads = [threading.Thread(target=send, args=(w,)) for w in 'abcd']
        for t in threads:
            t.start()
        time.sleep(1.0)
        n.kill()
        over.set()
        for t in threads:
            t.join()
        check(len(acknowledged) > 10, 'too little was sent: %d' % len(acknowledged))
        n.start()
        got = n.get_all(acknowledged)
        for i in acknowledged:
            equal(got[i.uid], (i.syntax, i.data), 'acknowledged')
        n.stop()
        n.teleread('fsck')


@case('a full disk: 507 before the body, and nothing is stored')
def _():
    n = lib.Node({'archive.reserve': '900T'})
    n.start('--accept-unknown', 'NORTH')
    answer = post(body_of(files([image('full')])), node=n)
    equal(answer.status, 507, answer.body)
    check('reserve' in answer.json()['error'], answer.body)
    n.stop()


@case('limits: of a body, 413; of an instance, which fails alone')
def _():
    n = lib.Node({'http.max_body': '3M', 'archive.max_instance': '1M'})
    n.start('--accept-unknown', 'NORTH')
    small, large = image('limit', 1), image('limit', 2, bulk=2 * MB)
    answer = post(body_of(files([small, large])), node=n)
    equal((answer.status, answer.done(), answer.failed()), (202, {small.uid: None}, {large.uid: 0xA700}))
    whole = body_of(files([image('limit', n, bulk=900000) for n in range(3, 8)]))
    answer = post(whole, node=n)
    equal((answer.status, 'max_body' in answer.json()['error']), (413, True))
    answer = post((whole[i:i + 60000] for i in range(0, len(whole), 60000)), node=n)
    equal((answer.status, 'max_body' in answer.json()['error']), (413, True))
    n.stop()


@case('the node ends in order, and its archive is healthy')
def _():
    NODE.stop()
    NODE.teleread('fsck')


lib.main()
