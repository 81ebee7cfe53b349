"""orthanc - an Orthanc of one's own as the peer ORTHANC of a node, driven through its REST interface."""
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

import lib
from lib import equal
from objects import Part10, parse

PROGRAM = shutil.which('Orthanc', path=os.environ['PATH'] + ':/usr/sbin')


class Orthanc:
    """encoding: its DefaultEncoding, the character set that it asks in; settings: more of its configuration. The node is its
    modality `node`."""

    def __init__(self, node, encoding='Chinese', port=None, settings=None):
        if not PROGRAM:
            raise lib.Skip('Orthanc (Debian package orthanc) is not installed')
        at = lib.folder()
        self.http, self.port = lib.free_port(), port or lib.free_port()
        config = {
            'Name': 'test', 'StorageDirectory': at, 'IndexDirectory': at, 'HttpPort': self.http, 'DicomPort': self.port,
            'DicomAet': 'ORTHANC', 'RemoteAccessAllowed': False, 'AuthenticationEnabled': False, 'Plugins': [],
            'DefaultEncoding': encoding, 'DicomModalities': {'node': ['TELEREAD', '127.0.0.1', node.port]},
            'StorageCompression': False, 'OverwriteInstances': False, 'HttpVerbose': False, 'SslEnabled': False,
        }
        config.update(settings or {})
        path = os.path.join(at, 'orthanc.json')
        with open(path, 'w') as f:
            json.dump(config, f)
        self.log = os.path.join(at, 'log')
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen([PROGRAM, path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            lib.wait_until(self.up, 30, 'Orthanc answers')
        except BaseException:
            self.end()
            raise

    def up(self):
        if self.process.poll() is not None:
            with open(self.log) as f:
                raise lib.Skip('Orthanc does not start here: ' + ' '.join(f.read().split()[-30:]))
        try:
            self.ask('/system')
            return True
        except (OSError, urllib.error.URLError):
            return False

    def ask(self, path, data=None, raw=False, method=None):
        """GET, or POST of data (bytes, or what becomes JSON)."""
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
        request = urllib.request.Request('http://127.0.0.1:%d%s' % (self.http, path), data=data, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            body = answer.read()
        return body if raw else json.loads(body)

    def upload(self, instances):
        return [self.ask('/instances', i.part10())['ID'] for i in instances]

    def forget(self, instances):
        for one in instances:
            for found in self.ask('/tools/lookup', one.uid.encode()):
                self.ask(found['Path'], method='DELETE', raw=True)

    def holds(self, instances):
        """{uid: parsed data set} of what it has of these."""
        out = {}
        for one in instances:
            found = self.ask('/tools/lookup', one.uid.encode())
            if found:
                part10 = Part10(self.ask(found[0]['Path'] + '/file', raw=True))
                out[one.uid] = parse(part10.data, part10.syntax)
        return out

    @staticmethod
    def compare(got, one):
        """What may not change on the way through another toolkit: identity, text as bytes, pixels."""
        mine = parse(one.data, one.syntax)
        for tag in (0x00080005, 0x00080018, 0x00100010, 0x00100020, 0x0020000D, 0x7FE00010):
            equal(got.get(tag, b'').rstrip(b' \0'), mine[tag].rstrip(b' \0'), '%08x of %s' % (tag, one.uid))

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
