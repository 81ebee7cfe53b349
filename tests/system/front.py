"""front - Debian's nginx before a node, with the example configuration that is shipped, and certificates of one's own."""
import atexit
import os
import socket
import subprocess

import lib
from lib import check, equal

NGINX = next((p for p in ('/usr/sbin/nginx', '/usr/bin/nginx') if os.access(p, os.X_OK)), None)
if not NGINX:
    lib.skip_all('nginx is not installed')
lib.need_tools('openssl')
FOLDER = lib.folder()


def at(name):
    return os.path.join(FOLDER, name)


def openssl(*words):
    subprocess.run(['openssl', *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates():
    for name in ('authority', 'stranger'):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                '/CN=' + name, '-keyout', at(name + '.key'), '-out', at(name + '.crt'))
    with open(at('names'), 'w') as f:
        f.write('subjectAltName=DNS:localhost,IP:127.0.0.1')
    for name in ('server', 'gateway'):
        openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name,
                '-keyout', at(name + '.key'), '-out', at(name + '.csr'))
        openssl('x509', '-req', '-in', at(name + '.csr'), '-CA', at('authority.crt'), '-CAkey', at('authority.key'),
                '-CAcreateserial', '-days', '2', '-extfile', at('names'), '-out', at(name + '.crt'))


class Front:
    """nginx with the example, its ports and files replaced and nothing else.

    files: {path: folder} that is served beside the node. root: folder of an application of one page, which has all paths but
    the node's."""

    def __init__(self, upstream, files=None, root=None):
        make_certificates()
        self.port = lib.free_port()
        self.origin = 'https://localhost:%d' % self.port
        with open(os.path.join(lib.SOURCE, 'data/deploy/nginx.conf')) as f:
            text = f.read()
        for old, new in (('user www-data;', 'user root;' if os.getuid() == 0 else ''), ('/run/nginx.pid', at('nginx.pid')),
                         ('/var/log/nginx/error.log', at('nginx.log')), ('127.0.0.1:8104', '127.0.0.1:%d' % upstream),
                         ('listen 443 ', 'listen 127.0.0.1:%d ' % self.port), ('/etc/teleread/tls.crt', at('server.crt')),
                         ('/etc/teleread/tls.key', at('server.key')), ('/etc/teleread/clients.pem', at('authority.crt')),
                         ('http {\n', 'http {\n' + ''.join('    %s_temp_path %s;\n' % (kind, at(kind)) for kind in
                                                           ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi')))):
            equal(text.count(old), 1, 'how often the example has "%s"' % old.strip())
            text = text.replace(old, new)
        with open(at('types'), 'w') as f:
            f.write('types { text/html html; text/css css; text/javascript js mjs; application/wasm wasm; image/svg+xml svg; }')
        for path, folder in (files or {}).items():
            text = text.replace('        location / {', '        location %s { alias %s/; include %s; }\n        location / {' % (
                path, folder, at('types')))
        if root:
            text = text.replace('        location / {', '        root %s; include %s;\n        location / { try_files $uri '
                                '/index.html; }\n        location ~ ^/(dicom-web|api|wado) {' % (root, at('types')))
        with open(at('nginx.conf'), 'w') as f:
            f.write(text)
        self.process = subprocess.Popen([NGINX, '-p', FOLDER, '-c', at('nginx.conf'), '-g', 'daemon off;'])
        atexit.register(self.stop)
        lib.wait_until(self.listens, 20, 'nginx does not listen')

    def listens(self):
        check(self.process.poll() is None, 'nginx ended at once')
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(30 * lib.SLOW)
