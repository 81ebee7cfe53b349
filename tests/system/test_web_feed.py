#!/usr/bin/env python3
"""What happens in the archive, followed over HTTP: the change feed, server-sent events, the bin; each within a scope."""
import http.client
import json
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib  # noqa: E402
import objects  # noqa: E402
from lib import case, check, equal  # noqa: E402

lib.need_program()
NODE = lib.Node({'archive.retention_years': '0'})
NODE.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital', '--parent', '')
NODE.teleread('peer', 'add', 'SOUTHERN', '--site', 'SOUTH')
NODE.start()


def token(name, role, *sites):
    words = [w for s in sites for w in ('--site', s)]
    return NODE.teleread('token', 'create', '--name', name, '--role', role, *words).out.strip().split()[-1]


NORTH = token('north', 'chief', 'NORTH')
SOUTH = token('south', 'chief', 'SOUTH')
BOTH = token('both', 'chief', 'NORTH', 'SOUTH')
VIEWER = token('viewer', 'site-viewer', 'NORTH')


def ask(method, path, who, node=NODE):
    c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=30 * lib.SLOW)
    c.request(method, path, headers={'Authorization': 'Bearer ' + who} if who else {})
    answer = c.getresponse()
    body = answer.read()
    c.close()
    return answer.status, json.loads(body) if body else None


def feed(who=NORTH, site='NORTH', **more):
    query = '&'.join('%s=%s' % pair for pair in [('site', site), *more.items()])
    status, answer = ask('GET', '/api/changes?' + query, who)
    equal(status, 200, answer)
    return answer


class Events:
    """Server-sent events as a browser takes them apart: self.seen is (id when it came, event, data)."""

    def __init__(self, who=NORTH, last=None, node=NODE, query=''):
        self.socket = socket.create_connection(('127.0.0.1', node.http_port), timeout=60 * lib.SLOW)
        head = 'GET /events%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n' % (query, who)
        self.socket.sendall((head + ('Last-Event-ID: %s\r\n' % last if last is not None else '') + '\r\n').encode())
        self.answer = http.client.HTTPResponse(self.socket)
        self.answer.begin()
        self.seen, self.id, self.comments, self.over = [], last, 0, False
        if self.answer.status == 200:
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()

    def read(self):
        event = data = None
        try:
            for line in self.answer:
                line = line.decode().rstrip('\n')
                if line.startswith(':'):
                    self.comments += 1
                elif line.startswith('id: '):
                    self.id = line[4:]
                elif line.startswith('event: '):
                    event = line[7:]
                elif line.startswith('data: '):
                    data = json.loads(line[6:])
                elif not line and data is not None:
                    self.seen.append((self.id, event, data))
                    event = data = None
        except (OSError, http.client.HTTPException, ValueError):
            pass
        self.over = True

    def wait(self, n):
        lib.wait_until(lambda: len(self.seen) >= n, 20, '%d events, there are %d' % (n, len(self.seen)))
        return self.seen

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.answer.status == 200:
            self.thread.join(20 * lib.SLOW)
        self.socket.close()


def send(study, numbers=(1,), calling='COUNTY'):
    images = [objects.image(study, number=n) for n in numbers]
    equal(set(NODE.store(images, calling)), {0})
    return images


@case('the feed of a site: numbered without gaps, in pages, and of that site alone')
def _():
    north = send('feed', range(1, 6))
    send('feed-south', (1, 2), 'SOUTHERN')
    whole = feed()
    equal([c['number'] for c in whole['changes']], [1, 2, 3, 4, 5])
    equal([c['instance'] for c in whole['changes']], [i.uid for i in north])
    equal({c['kind'] for c in whole['changes']}, {'stored'})
    equal((whole['site'], whole['next'], whole['last']), ('NORTH', 5, 5))
    page = feed(since=1, limit=2)
    equal(([c['number'] for c in page['changes']], page['next'], page['last']), ([2, 3], 3, 5))
    equal(feed(since=5)['changes'], [])
    equal(feed(since=5)['next'], 5)
    equal(feed(limit=0)['changes'], [])
    equal([c['number'] for c in feed(since=3, feed=whole['feed'])['changes']], [4, 5])
    equal([c['number'] for c in feed(since=3, feed='of-another-index')['changes']], [1, 2, 3, 4, 5])
    equal(feed(SOUTH, 'SOUTH')['last'], 2)
    equal(feed(BOTH, 'SOUTH')['last'], 2)


@case('a site outside the scope looks as one that is not there')
def _():
    other, none = ask('GET', '/api/changes?site=SOUTH', NORTH), ask('GET', '/api/changes?site=NOWHERE', NORTH)
    equal(other, none)
    equal(other[0], 404)
    equal(ask('GET', '/api/changes?site=NORTH', None)[0], 401)
    equal(ask('GET', '/api/changes?since=-1&site=NORTH', NORTH)[0], 400)
    equal(ask('GET', '/api/changes?since=x&site=NORTH', NORTH)[0], 400)
    equal(ask('GET', '/api/changes?limit=99999999&site=NORTH', NORTH)[0], 400)


@case('a long feed comes in one answer that is whole')
def _():
    send('long', range(1, 1301))
    answer = feed(limit=100000)
    numbers = [c['number'] for c in answer['changes']]
    equal(numbers, list(range(1, answer['last'] + 1)))
    check(answer['last'] >= 1300, answer['last'])
    check(len(feed()['changes']) == 1000, 'the standard limit')


@case('events come as they happen, of the scope alone')
def _():
    a, b, c = Events(NORTH), Events(SOUTH), Events(BOTH)
    equal(a.answer.headers['Content-Type'], 'text/event-stream')
    equal(a.answer.headers['Cache-Control'], 'no-store')
    first = send('now', (1, 2))
    second = send('now-south', (1,), 'SOUTHERN')
    equal([(e, d['site'], d['instance']) for _, e, d in a.wait(2)], [('change', 'NORTH', i.uid) for i in first])
    equal([(d['site'], d['instance']) for _, _, d in b.wait(1)], [('SOUTH', second[0].uid)])
    equal({d['instance'] for _, _, d in c.wait(3)}, {i.uid for i in first + second})
    last = feed()['last']
    equal(a.seen[-1][0].split('@')[0], 'NORTH:%d' % last)
    lib.wait_until(lambda: 'SOUTH' in (c.id or '') and 'NORTH:%d' % last in c.id, 10, 'the id of two sites')
    for s in (a, b, c):
        equal(s.over, False)
        s.close()
    equal((len(a.seen), len(b.seen), len(c.seen)), (2, 1, 3))


@case('Last-Event-ID goes on without loss, over both sites and over a restart')
def _():
    stream = Events(BOTH)
    sent = send('resume', (1, 2)) + send('resume-south', (1,), 'SOUTHERN')
    stream.wait(3)
    lib.wait_until(lambda: stream.id and 'SOUTH' in stream.id, 10, 'an id')
    place = stream.id
    stream.close()
    sent = send('resume', (3, 4)) + send('resume-south', (2, 3), 'SOUTHERN')
    stream = Events(BOTH, place)
    equal({d['instance'] for _, _, d in stream.wait(4)}, {i.uid for i in sent})
    stream.close()
    NODE.stop()
    NODE.start()
    sent += send('resume-south', (4,), 'SOUTHERN')
    stream = Events(BOTH, place)
    equal({d['instance'] for _, _, d in stream.wait(5)}, {i.uid for i in sent})
    stream.close()
    equal(len(stream.seen), 5)
    by_parameter = Events(BOTH, None, query='?since=' + place.replace('@', '%40'))
    equal(len(by_parameter.wait(5)), 5)
    by_parameter.close()
    again = Events(NORTH, 'NORTH:7@of-another-index')
    equal(again.wait(1)[0][2]['number'], 1)
    again.close()
    for nonsense in ('x', 'NORTH', 'NORTH:', 'NORTH:1;SOUTH:2', ':5', 'NORTH:99999999999999999999', 'N' * 40 + ':1'):
        equal(Events(BOTH, nonsense).answer.status, 400, nonsense)


@case('a long backlog for a client that reads slowly comes in order and whole')
def _():
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(60 * lib.SLOW)
    stream.connect(('127.0.0.1', NODE.http_port))
    stream.sendall(b'GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nLast-Event-ID: NORTH:0\r\n\r\n' %
                   NORTH.encode())
    answer = http.client.HTTPResponse(stream)
    answer.begin()
    last = feed(limit=0)['last']
    send('slow', (1,))  # comes behind the backlog
    numbers = []
    while len(numbers) < last + 1:
        line = answer.readline()
        check(line, 'the stream ended after %d' % len(numbers))
        if line.startswith(b'data: '):
            numbers.append(json.loads(line[6:])['number'])
    equal(numbers, list(range(1, last + 2)))
    stream.close()


@case('a principal has at most so many streams')
def _():
    streams = [Events(VIEWER) for _ in range(16)]
    equal({s.answer.status for s in streams}, {200})
    more = Events(VIEWER)
    equal(more.answer.status, 429)
    check(more.answer.headers['Retry-After'], 'no Retry-After')
    equal(Events(NORTH).answer.status, 200)
    streams.pop().close()

    def free():
        s = Events(VIEWER)
        streams.append(s)
        return s.answer.status == 200
    lib.wait_until(free, 10, 'a place')
    for s in streams:
        s.close()


@case('a heartbeat keeps the line open')
def _():
    stream = Events(NORTH)
    lib.wait_until(lambda: stream.comments >= 2, 25, 'a heartbeat')
    equal(stream.seen, [])
    stream.close()


# ---- the bin

def rows(who, study):
    return [r for r in ask('GET', '/api/bin', who)[1]['studies'] if r['study'] == study]


@case('a study goes into the bin and comes back, and both are in the feed')
def _():
    images = send('binned', (1, 2, 3))
    study = images[0].study
    begin = feed(limit=0)['last']
    status, said = ask('DELETE', '/dicom-web/studies/%s?why=asked%%20for' % study, NORTH)
    equal((status, said['decision'], said['records']), (200, 'drop', 3))
    equal(NODE.find('STUDY', StudyInstanceUID=study), [])
    equal([(r['who'], r['why'], r['records']) for r in rows(NORTH, study)], [('north', 'asked for', 3)])
    equal(ask('DELETE', '/dicom-web/studies/' + study, NORTH)[0], 404)
    status, said = ask('POST', '/api/bin/%s/restore' % study, NORTH)
    equal((status, said['records'], said['left']), (200, 3, 0))
    equal(len(NODE.find('STUDY', StudyInstanceUID=study)), 1)
    equal(rows(NORTH, study), [])
    equal(ask('POST', '/api/bin/%s/restore' % study, NORTH)[0], 404)
    kinds = [c['kind'] for c in feed(since=begin)['changes']]
    equal(kinds, ['dropped'] * 3 + ['restored'] * 3)


@case('nobody deletes, sees in the bin or restores what is not in their scope')
def _():
    images = send('foreign', (1,))
    study = images[0].study
    unknown = ask('DELETE', '/dicom-web/studies/1.2.3', SOUTH)
    equal(ask('DELETE', '/dicom-web/studies/' + study, SOUTH), unknown)
    equal(unknown[0], 404)
    equal(ask('DELETE', '/dicom-web/studies/' + study, VIEWER)[0], 403)
    equal(ask('DELETE', '/dicom-web/studies/' + study, None)[0], 401)
    equal(len(NODE.find('STUDY', StudyInstanceUID=study)), 1)
    status, said = ask('DELETE', '/dicom-web/studies/' + study, NORTH)
    equal(status, 400, 'without a reason')
    check('why=' in said['error'], said)
    equal(ask('DELETE', '/dicom-web/studies/%s?why=%%20' % study, NORTH)[0], 400, 'a blank reason')
    equal(len(NODE.find('STUDY', StudyInstanceUID=study)), 1)
    equal(ask('DELETE', '/dicom-web/studies/%s?why=test' % study, NORTH)[0], 200)
    equal(rows(SOUTH, study), [])
    equal(len(rows(BOTH, study)), 1)
    equal(ask('POST', '/api/bin/%s/restore' % study, SOUTH), ask('POST', '/api/bin/1.2.3/restore', SOUTH))
    equal(ask('POST', '/api/bin/%s/restore' % study, VIEWER)[0], 403)
    equal(ask('POST', '/api/bin/%s/restore' % study, BOTH)[0], 200)


@case('what is held is not deleted, and the sentence says why')
def _():
    study = send('held', (1,))[0].study
    NODE.teleread('hold', '--study', study, '--why', 'court order 7')
    status, said = ask('DELETE', '/dicom-web/studies/%s?why=test' % study, NORTH)
    equal(status, 409)
    check('court order 7' in said['error'], said)
    equal(len(NODE.find('STUDY', StudyInstanceUID=study)), 1)


@case('what is to be retained is not deleted')
def _():
    node = lib.Node({'archive.retention_years': '30'})
    who = node.teleread('token', 'create', '--name', 'n', '--role', 'chief', '--site', 'NORTH').out.strip().split()[-1]
    with node:
        one = objects.image('retained')
        equal(node.store([one]), [0])
        status, said = ask('DELETE', '/dicom-web/studies/%s?why=test' % one.study, who, node)
        equal(status, 409)
        check('retention' in said['error'] or 'retain' in said['error'] or 'years' in said['error'], said)


@case('a stop ends the streams at once')
def _():
    streams = [Events(NORTH) for _ in range(5)]
    begun = time.monotonic()
    NODE.stop()
    for s in streams:
        lib.wait_until(lambda s=s: s.over, 10, 'the end of a stream')
    check(time.monotonic() - begun < 8 * lib.SLOW, 'waited for listeners')


lib.main()
