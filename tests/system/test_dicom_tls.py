#!/usr/bin/env python3
"""DICOM over TLS: DCMTK's tools as callers and as those who are called, certificates pinned to peers, and lines that say what
was wrong when somebody speaks TLS on the plain port or the reverse."""
import os
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib
import objects
from lib import Node, case, check, equal

CA, NODE, COUNTY, OTHER = 'ca', 'node', 'county', 'other'


def openssl(*words):
    done = lib.execute(['openssl', *words])
    equal(done.code, 0, 'openssl: %s' % done.err)


class Certificates:
    """A CA, and three certificates by it: of the node, of a county, of somebody else."""

    def __init__(self):
        self.folder = lib.folder()
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', self.key(CA), '-out', self.pem(CA), '-days', '2',
                '-subj', '/CN=Demo CA', '-addext', 'basicConstraints=critical,CA:TRUE')
        for name in (NODE, COUNTY, OTHER):
            request, extra = os.path.join(self.folder, name + '.csr'), os.path.join(self.folder, name + '.ext')
            with open(extra, 'w') as f:
                f.write('subjectAltName=IP:127.0.0.1\n')
            openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', self.key(name), '-out', request, '-subj', '/CN=' + name)
            openssl('x509', '-req', '-in', request, '-CA', self.pem(CA), '-CAkey', self.key(CA), '-CAcreateserial', '-out',
                    self.pem(name), '-days', '2', '-extfile', extra)

    def pem(self, name):
        return os.path.join(self.folder, name + '.pem')

    def key(self, name):
        return os.path.join(self.folder, name + '.key')

    def settings(self):
        return {'dicom.tls_port': 0, 'dicom.tls_certificate': self.pem(NODE), 'dicom.tls_key': self.key(NODE),
                'dicom.tls_ca': self.pem(CA)}

    def tool(self, name):
        """Options of DCMTK's tools to show a certificate and to prove the other one."""
        return ['+tls', self.key(name), self.pem(name), '+cf', self.pem(CA)]


made = None


def certificates():
    global made
    made = made or Certificates()
    return made


def echo(port, *words, calling='COUNTY'):
    return lib.execute(['echoscu', '-aet', calling, '-aec', 'TELEREAD', '-to', '10', '-ta', '10', *words, '127.0.0.1', port], 40).code == 0


@case('a peer stores and asks over TLS')
def over_tls():
    c = certificates()
    with Node(c.settings()) as node:
        check(node.tls_port > 0, 'the ready line names the port')
        images = [objects.image('a', n, side=512) for n in (1, 2, 3)]
        files = []
        for n, image in enumerate(images):
            files.append(os.path.join(node.folder, '%d.dcm' % n))
            with open(files[-1], 'wb') as f:
                f.write(image.part10())
        done = lib.execute(['storescu', '-aet', 'COUNTY', '-aec', 'TELEREAD', *c.tool(COUNTY), '127.0.0.1', node.tls_port, *files])
        equal(done.code, 0, 'storescu: %s' % done.all)
        done = lib.execute(['findscu', '-S', '-aet', 'COUNTY', '-aec', 'TELEREAD', *c.tool(COUNTY), '-k', 'QueryRetrieveLevel=STUDY', '-k',
                            'StudyInstanceUID', '127.0.0.1', node.tls_port])
        check(images[0].study in done.all, 'the study is found over TLS: %s' % done.all)
        out = os.path.join(node.folder, 'out')
        os.mkdir(out)
        done = lib.execute(['getscu', '-S', '-aet', 'COUNTY', '-aec', 'TELEREAD', '-od', out, '+B', '-k', 'QueryRetrieveLevel=STUDY', '-k',
                            'StudyInstanceUID=' + images[0].study, '127.0.0.1', node.port])
        equal(done.code, 0, 'getscu without TLS: %s' % done.all)
        equal(len(os.listdir(out)), 3, 'images retrieved')
        equal(node.get_all(images), {i.uid: (i.syntax, i.data) for i in images}, 'what was stored over TLS')
        check('over TLS' in node.log_tail(30), 'the log says so')


@case('who must call over TLS is refused without it, and with another certificate')
def pinned():
    c = certificates()
    node = Node(c.settings())
    node.teleread('peer', 'add', 'SECURE', '--site', 'NORTH', '--tls')
    node.teleread('peer', 'add', 'PINNED', '--site', 'NORTH', '--cert', c.pem(COUNTY))
    with node:
        check(echo(node.port), 'a peer without such a rule may call without TLS')
        check(not echo(node.port, calling='SECURE'), 'refused without TLS')
        check(not echo(node.port, calling='PINNED'), 'refused without TLS')
        lib.wait_until(lambda: 'over TLS only' in node.log_tail(5), 10, 'a line in the log')
        check(echo(node.tls_port, *c.tool(OTHER), calling='SECURE'), 'any certificate of the CA will do')
        check(not echo(node.tls_port, '+tla', '+cf', c.pem(CA), calling='SECURE'), 'no certificate at all will not')
        check(echo(node.tls_port, *c.tool(COUNTY), calling='PINNED'), 'its own certificate')
        check(not echo(node.tls_port, *c.tool(OTHER), calling='PINNED'), 'another one of the same CA')
        lib.wait_until(lambda: 'not the one' in node.log_tail(5), 10, 'a line in the log')


@case('a self-signed certificate is enough where it is pinned, and not where it is not')
def self_signed():
    c = certificates()
    own = os.path.join(c.folder, 'own')
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', own + '.key', '-out', own + '.pem', '-days', '2', '-subj', '/CN=own')
    node = Node(c.settings())
    node.teleread('peer', 'add', 'OWN', '--site', 'NORTH', '--cert', own + '.pem')
    node.teleread('peer', 'add', 'ANY', '--site', 'NORTH', '--tls')
    with node:
        words = ['+tls', own + '.key', own + '.pem', '+cf', c.pem(CA)]
        check(echo(node.tls_port, *words, calling='OWN'), 'pinned')
        check(not echo(node.tls_port, *words, calling='ANY'), 'not pinned')


@case('TLS on the plain port and the reverse are told apart in the log, at once')
def crossed():
    c = certificates()
    with Node(dict(c.settings(), **{'dicom.artim': '20s'})) as node:
        check(not echo(node.port, *c.tool(COUNTY)), 'TLS on the plain port')
        lib.wait_until(lambda: 'TLS handshake on the port without TLS' in node.log_tail(5), 5, 'a line in the log')
        check(not echo(node.tls_port), 'plain on the port for TLS')
        lib.wait_until(lambda: 'without TLS on the port for TLS' in node.log_tail(5), 5, 'a line in the log')
        with socket.create_connection(('127.0.0.1', node.tls_port)) as s:
            s.sendall(b'GET / HTTP/1.1\r\n\r\n')
            lib.wait_until(lambda: 'first byte 0x47' in node.log_tail(5), 5, 'a line in the log')
        equal(node.echo(), 0, 'the others are served')


@case('who begins a handshake and does not end it is let go after ARTIM')
def stalled():
    c = certificates()
    with Node(dict(c.settings(), **{'dicom.artim': '1s'})) as node:
        with socket.create_connection(('127.0.0.1', node.tls_port)) as s:
            s.sendall(b'\x16\x03\x01\x02\x00\x01')
            s.settimeout(10 * lib.SLOW)
            while s.recv(1000):
                pass
        check(echo(node.tls_port, *c.tool(COUNTY)), 'another one is served')


@case('old versions and weak ciphers are refused')
def weak():
    c = certificates()
    with Node(c.settings()) as node:
        for words in (['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], ['-tls1_2', '-cipher', 'AES128-SHA:AES256-SHA:@SECLEVEL=0']):
            done = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % node.tls_port, *words], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
            check(b'Cipher is (NONE)' in done.stdout, 'refused: %s' % ' '.join(words))
        context = ssl.create_default_context(cafile=c.pem(CA))
        with context.wrap_socket(socket.create_connection(('127.0.0.1', node.tls_port)), server_hostname='127.0.0.1') as s:
            equal(s.version(), 'TLSv1.3', 'version')


@case('a caller that would take up an earlier session again is served, by a whole handshake')
def again():
    c = certificates()
    with Node(c.settings()) as node:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=c.pem(CA))
            context.maximum_version, session = version, None
            for _ in range(2):
                with context.wrap_socket(socket.create_connection(('127.0.0.1', node.tls_port)), server_hostname='127.0.0.1',
                                         session=session) as s:
                    check(not s.session_reused, 'a whole handshake')
                    session = s.session


class Called:
    """storescp that speaks TLS."""

    def __init__(self, c, name):
        self.port, self.folder = lib.free_port(), lib.folder()
        self.process = subprocess.Popen(['storescp', '-aet', 'DEST', '-od', self.folder, *c.tool(name), str(self.port)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lib.wait_until(self.listening, 10, 'storescp listens')

    def listening(self):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait()


@case('the node calls over TLS, and only the one that is meant')
def calls():
    c = certificates()
    right, wrong = Called(c, COUNTY), Called(c, OTHER)
    try:
        node = Node(c.settings())
        for name, port, words in (('RIGHT', right.port, ['--cert', c.pem(COUNTY)]), ('WRONG', wrong.port, ['--cert', c.pem(COUNTY)]),
                                  ('ANY', wrong.port, ['--tls'])):
            node.teleread('peer', 'add', name, '--site', 'NORTH', '--host', '127.0.0.1', '--port', port, *words)
        with node:
            node.teleread('peer', 'echo', 'RIGHT')
            node.teleread('peer', 'echo', 'ANY')
            done = node.teleread('peer', 'echo', 'WRONG', code=1)
            check('another certificate' in done.all, 'the reason: %s' % done.all)
            image = objects.image('a', 1)
            node.store([image])
            done = lib.execute(['movescu', '-S', '-aet', 'COUNTY', '-aec', 'TELEREAD', '-aem', 'RIGHT', '-k', 'QueryRetrieveLevel=STUDY', '-k',
                                'StudyInstanceUID=' + image.study, '127.0.0.1', node.port])
            equal(done.code, 0, 'movescu: %s' % done.all)
            equal(len(os.listdir(right.folder)), 1, 'images moved over TLS')
    finally:
        right.close()
        wrong.close()


@case('wrong certificates are a configuration error that names the file')
def wrong_files():
    c = certificates()
    for settings, named in (({'dicom.tls_certificate': '/nowhere.pem'}, '/nowhere.pem'),
                            ({'dicom.tls_certificate': c.pem(NODE), 'dicom.tls_key': c.key(COUNTY)}, c.key(COUNTY))):
        node = Node(settings)
        done = node.teleread('serve', '--dicom-port', '0', '--http-port', '0', code=2)
        check(named in done.all, 'the file is named: %s' % done.all)


if __name__ == '__main__':
    lib.need_program()
    lib.need_tools('echoscu', 'storescu', 'storescp', 'findscu', 'movescu', 'getscu', 'openssl')
    lib.main()
