#!/usr/bin/env python3
"""The audit trail: what peers and operators do is in it, tampering shows, and a collector gets all of it over TLS."""
import glob
import os
import socket
import ssl
import sys
import threading
import time
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dul
import lib
import objects
from lib import Node, Skip, case, check, equal


def search(node, *words):
    return node.json_lines('audit', 'search', *words)


def files(node):
    return sorted(glob.glob(os.path.join(node.data, 'audit', '*.log')))


@case('what peers do is in the trail: store, query, retrieval, refusal')
def peers():
    with Node() as node:
        images = [objects.image('a', n) for n in (1, 2, 3)]
        equal(node.store(images), [0, 0, 0], 'statuses')
        node.find('STUDY', PatientID='P1', StudyInstanceUID='')
        node.get_all(images)
        try:
            node.associate('NOBODY').close()
        except dul.Rejected:
            pass
        node.stop()
    study = images[0].study
    events = [e for e in search(node) if e['kind'] not in ('start', 'stop', 'changed')]
    received = [e for e in events if e['kind'] == 'received']
    equal(sum(e['instances'] for e in received), 3, 'instances received')
    equal({e['study'] for e in received}, {study}, 'study of them')
    equal({(e['who'], e['how'], e['address']) for e in received}, {('COUNTY', 'peer', '127.0.0.1')}, 'who sent them')
    query = [e for e in events if e['kind'] == 'query']
    check('STUDY' in query[0]['what'] and 'P1' in query[0]['what'], 'the query is in the trail')
    equal(sum(e['instances'] for e in search(node, '--kind', 'sent', '--study', study)), 3, 'instances sent')
    refused = search(node, '--failed')
    equal([(e['kind'], e['who']) for e in refused], [('refused', 'NOBODY')], 'refusals')
    equal([e['kind'] for e in search(node, '--since', '1h', '--kind', 'start')], ['start'], 'starts')
    equal(search(node, '--until', '2020-01-01'), [], 'events of long ago')
    whole = node.json_lines('audit', 'verify')[0]
    check(whole['whole'] and whole['events'] == len(search(node)), 'the trail is whole')


@case('what operators do is in the trail, beside a running node')
def operators():
    with Node() as node:
        image = objects.image('a', 1)
        node.store([image])
        node.teleread('peer', 'add', 'OTHER', '--site', 'NORTH')
        node.teleread('drop', '--study', image.study, '--why', 'sent twice')
        deleted = search(node, '--kind', 'deleted')
        equal([(e['study'], e['how']) for e in deleted], [(image.study, 'console')], 'removals')
        check('sent twice' in deleted[0]['what'], 'with the reason')
        check(any('OTHER' in e['what'] for e in search(node, '--kind', 'changed')), 'the new peer is in the trail')
        node.teleread('audit', 'verify')


@case('tampering shows, and so does an end that is gone')
def tampering():
    node = Node()
    with node:
        node.store([objects.image('a', 1)])
        node.find('STUDY', PatientID='P1', StudyInstanceUID='')
        node.stop()
    end = node.teleread('audit', 'verify').out.split()[-1]
    node.teleread('audit', 'verify', '--expect', end)
    other = end[:-1] + ('0' if end[-1] != '0' else '1')
    check('not there' in node.teleread('audit', 'verify', '--expect', other, code=1).out, 'another end shows')
    path = files(node)[0]
    with open(path, 'rb') as f:
        text = f.read()
    lines = text.splitlines(True)
    for broken in (text.replace(b'COUNTY', b'COUNTX', 1), b''.join(lines[:1] + lines[2:]),
                   b''.join(lines[:2] + [lines[1]] + lines[2:]), b'garbage\n' + text, text + b'x' * 200000 + b'\n'):
        with open(path, 'wb') as f:
            f.write(broken)
        check('not whole' in node.teleread('audit', 'verify', code=1).out, 'it shows')
    with open(path, 'wb') as f:
        f.write(b''.join(lines[:-1]))
    check('missing' in node.teleread('audit', 'verify', code=1).out, 'the missing end shows by the head')
    os.remove(os.path.join(node.data, 'audit', 'head'))
    check('head' in node.teleread('audit', 'verify', code=1).out, 'a head that is missing shows')
    node.teleread('audit', 'verify', '--expect', 'nonsense', code=2)


@case('a node that starts on a trail that was cut, or is gone, raises an alert')
def cut():
    def alerts():
        return [a['message'] for a in node.json_lines('alerts') if a['kind'] == 'audit']

    node = Node()
    with node:
        node.store([objects.image('a', 1)])
        node.stop()
        node.start()
        node.stop()
        equal(alerts(), [], 'alerts of a trail that is whole')
        path = files(node)[-1]
        with open(path, 'rb') as f:
            lines = f.read().splitlines(True)
        with open(path, 'wb') as f:
            f.write(b''.join(lines[:-1]))
        node.start()
        node.stop()
        equal(len(alerts()), 1, 'alerts')
        check('missing' in alerts()[0] and 'missing' in node.log_tail(50), alerts())
        lib.shutil.rmtree(os.path.join(node.data, 'audit'))
        node.start()
        node.stop()
        check(any('gone' in a for a in alerts()), alerts())


@case('a killed node loses nothing that was written, and the trail goes on')
def killed():
    node = Node()
    with node:
        node.store([objects.image('a', 1)])
        node.kill()
    check(search(node, '--kind', 'received'), 'the arrival is in the trail')
    with open(files(node)[-1], 'ab') as f:
        f.write(b'99 00')
    with node:
        pass
    node.teleread('audit', 'verify')


def certificates(folder):
    """A CA-less pair: the collector's own certificate is what it is proved with."""
    key, pem = os.path.join(folder, 'key.pem'), os.path.join(folder, 'cert.pem')
    done = lib.execute(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
                        '-out', pem, '-days', '2', '-subj', '/CN=collector', '-addext', 'subjectAltName=IP:127.0.0.1'])
    equal(done.code, 0, 'openssl: %s' % done.err)
    return key, pem


class Collector:
    """Takes RFC 5425 frames over TLS; drops the connection after `drop` messages, once; begins to read after `pause` seconds."""

    def __init__(self, key, pem, drop=0, pause=0):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem, key)
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port, self.messages, self.drop = self.socket.getsockname()[1], [], drop
        self.pause, self.connections = pause, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                raw, _ = self.socket.accept()
                with self.context.wrap_socket(raw, server_side=True) as s, s.makefile('rb') as f:
                    self.connections += 1
                    time.sleep(self.pause)
                    self.serve(f)
            except (ssl.SSLError, ConnectionError):
                continue
            except OSError:
                return

    def serve(self, f):
        while True:
            digits = b''
            while not digits.endswith(b' '):
                c = f.read(1)
                if not c:
                    return
                digits += c
            self.messages.append(f.read(int(digits)))
            if self.drop and len(self.messages) == self.drop:
                self.drop = 0
                return

    def close(self):
        self.socket.close()


@case('a collector gets every message over TLS, after outages, too')
def collector():
    if not lib.shutil.which('openssl'):
        raise Skip('openssl is not installed')
    key, pem = certificates(lib.folder())
    server = Collector(key, pem, drop=3)
    with Node({'audit.syslog': '127.0.0.1:%d' % server.port, 'audit.syslog_ca': pem}) as node:
        for n in range(6):
            node.store([objects.image('study %d' % n, 1)])
        wanted = len(search(node))
        lib.wait_until(lambda: len({m.split(b'\xef\xbb\xbf', 1)[1] for m in server.messages}) >= wanted, 40, 'all messages')
        server.close()
        node.stop()
    head, body = server.messages[0].split(b'\xef\xbb\xbf', 1)
    words = head.decode().split(' ')
    equal(words[0], '<85>1', 'priority and version')
    equal(words[5], 'DICOM+RFC3881', 'MSGID')
    equal(xml.fromstring(body).tag, 'AuditMessage', 'the message')


def write_trail(node, first, last, size):
    """Another trail: lines as they are in the files; the collector's thread does not prove them."""
    folder = os.path.join(node.data, 'audit')
    lib.shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, '%012d.log' % first), 'w') as f:
        for n in range(first, last + 1):
            f.write('%d %s <line-%d>%s\n' % (n, '0' * 64, n, 'x' * size))


@case('a collector that is slow gets all of a long backlog over one connection')
def slow():
    if not lib.shutil.which('openssl'):
        raise Skip('openssl is not installed')
    key, pem = certificates(lib.folder())
    server = Collector(key, pem, pause=1)
    node = Node({'audit.syslog': '127.0.0.1:%d' % server.port, 'audit.syslog_ca': pem})
    write_trail(node, 1, 1000, 20000)
    with node:
        lib.wait_until(lambda: len(server.messages) >= 1000, 40, 'all messages')
        equal(server.connections, 1, 'connections')
        check(all(b'<line-%d>' % (n + 1) in server.messages[n] for n in range(1000)), 'in order')
        server.close()


@case('an older copy of the trail is put to use: what is new to it is sent')
def older():
    if not lib.shutil.which('openssl'):
        raise Skip('openssl is not installed')
    key, pem = certificates(lib.folder())
    server = Collector(key, pem)
    node = Node({'audit.syslog': '127.0.0.1:%d' % server.port, 'audit.syslog_ca': pem})
    write_trail(node, 1, 10, 10)
    with open(os.path.join(node.data, 'audit', 'sent'), 'w') as f:
        f.write('%020d\n' % 500)
    with node:
        lib.wait_until(lambda: server.messages, 20, 'a message')
        check('the audit trail ends with' in node.log_tail(50), 'the log says so')
        check(not any(b'<line-' in m for m in server.messages), 'nothing that was sent before')
        server.close()


@case('a collector that cannot be proved gets nothing, and the log says so')
def impostor():
    if not lib.shutil.which('openssl'):
        raise Skip('openssl is not installed')
    key, pem = certificates(lib.folder())
    _, other = certificates(lib.folder())
    server = Collector(key, pem)
    with Node({'audit.syslog': '127.0.0.1:%d' % server.port, 'audit.syslog_ca': other}) as node:
        lib.wait_until(lambda: 'syslog 127.0.0.1' in node.log_tail(50), 20, 'a line in the log')
        equal(server.messages, [], 'messages')
        server.close()


@case('a collector that is not there is named at once with the reason, and does not hold up a stop; its coming is told')
def away():
    if not lib.shutil.which('openssl'):
        raise Skip('openssl is not installed')
    key, pem = certificates(lib.folder())
    server = Collector(key, pem)
    with socket.create_server(('127.0.0.1', 0)) as closed:
        port = closed.getsockname()[1]
    with Node({'audit.syslog': '127.0.0.1:%d' % port, 'audit.syslog_ca': pem}) as node:
        lib.wait_until(lambda: 'syslog' in node.log_tail(50), 20, 'a line in the log')
        check('Connection refused' in node.log_tail(50), node.log_tail(50))
    with Node({'audit.syslog': '127.0.0.1:%d' % server.port, 'audit.syslog_ca': pem}) as node:
        lib.wait_until(lambda: 'connected' in node.log_tail(50), 20, 'a line in the log')
    node = Node({'audit.syslog': '127.0.0.1:1', 'audit.syslog_ca': '/nowhere/ca.pem'})
    try:
        node.start()
    except AssertionError:
        pass
    check('/nowhere/ca.pem' in node.log_tail(50), 'the file is named: ' + node.log_tail(50))
    server.close()


if __name__ == '__main__':
    lib.need_program()
    lib.main()
