#!/usr/bin/env python3
"""Orthanc as a real peer: it pushes to us, we C-MOVE to it, it queries us and C-MOVEs from us. Names in GB18030 survive."""
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
import lib
from lib import case, equal, tool, trap
from objects import KEYWORDS, MR, Part10, image, keys, parse, text, uid
import dul

lib.need_program()
ORTHANC = shutil.which('Orthanc', path=os.environ['PATH'] + ':/usr/sbin')
if not ORTHANC:
    lib.skip_all('Orthanc (Debian package orthanc) is not installed')

HTTP, DICOM = lib.free_port(), lib.free_port()
NAME = 'Wang^XiaoDong=王^小东'.encode('gb18030')
node = lib.Node()
node.teleread('peer', 'add', 'ORTHANC', '--site', 'NORTH', '--host', '127.0.0.1', '--port', DICOM)
node.start()
PUSHED = [image('pushed', n, 1, 'GB1', NAME, charset='GB18030') for n in range(1, 6)]
MOVED = [image('moved', n, 1, 'GB2', 'Li^Mei=李^梅'.encode('gb18030'), charset='GB18030') for n in range(1, 13)]
FETCHED = [image('fetched', n, 1, 'GB3', 'Zhao^Gang=赵^刚'.encode('gb18030'), charset='GB18030', date='20260505')
           for n in range(1, 6)]


class Orthanc:
    def __init__(self):
        at = lib.folder()
        config = {
            'Name': 'test', 'StorageDirectory': at, 'IndexDirectory': at, 'HttpPort': HTTP, 'DicomPort': DICOM,
            'DicomAet': 'ORTHANC', 'RemoteAccessAllowed': False, 'AuthenticationEnabled': False, 'Plugins': [],
            'DefaultEncoding': 'Chinese', 'DicomModalities': {'node': ['TELEREAD', '127.0.0.1', node.port]},
            'StorageCompression': False, 'OverwriteInstances': False, 'HttpVerbose': False, 'SslEnabled': False,
        }
        path = os.path.join(at, 'orthanc.json')
        with open(path, 'w') as f:
            json.dump(config, f)
        self.log = os.path.join(at, 'log')
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen([ORTHANC, path], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lib.wait_until(self.up, 30, 'Orthanc answers')

    def up(self):
        if self.process.poll() is not None:
            with open(self.log) as f:
                lib.skip_all('Orthanc does not start here: ' + ' '.join(f.read().split()[-30:]))
        try:
            self.ask('/system')
            return True
        except (OSError, urllib.error.URLError):
            return False

    def ask(self, path, data=None, raw=False):
        """GET, or POST of data (bytes, or what becomes JSON)."""
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
        request = urllib.request.Request('http://127.0.0.1:%d%s' % (HTTP, path), data=data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            body = answer.read()
        return body if raw else json.loads(body)

    def upload(self, instances):
        return [self.ask('/instances', i.part10())['ID'] for i in instances]

    def holds(self, instances):
        """{uid: parsed data set} of what it has of these."""
        out = {}
        for one in instances:
            found = self.ask('/tools/lookup', one.uid.encode())
            if found:
                part10 = Part10(self.ask(found[0]['Path'] + '/file', raw=True))
                out[one.uid] = parse(part10.data, part10.syntax)
        return out

    def end(self):
        self.process.terminate()
        self.process.wait(20)


def compare(got, one):
    """What may not change on the way through another toolkit: identity, text as bytes, pixels."""
    mine = parse(one.data, one.syntax)
    for tag in (0x00080005, 0x00080018, 0x00100010, 0x00100020, 0x0020000D, 0x7FE00010):
        equal(got.get(tag, b'').rstrip(b' \0'), mine[tag].rstrip(b' \0'), '%08x of %s' % (tag, one.uid))


orthanc = Orthanc()


@case('Orthanc echoes us, and we echo it')
def echo():
    orthanc.ask('/modalities/node/echo', b'{}')
    node.teleread('peer', 'echo', 'ORTHANC')


@case('Orthanc pushes to us')
def push():
    trap(22, 'Orthanc sends the same again')
    trap(20, 'what Orthanc sent comes back')
    ids = orthanc.upload(PUSHED)
    job = orthanc.ask('/modalities/node/store', {'Resources': ids, 'Synchronous': True})
    equal(job.get('FailedInstancesCount', 0), 0)
    got = node.get_all(PUSHED, 'ORTHANC')
    equal(sorted(got), sorted(i.uid for i in PUSHED))
    for one in PUSHED:
        compare(parse(got[one.uid][1], got[one.uid][0]), one)
    again = orthanc.ask('/modalities/node/store', {'Resources': ids, 'Synchronous': True})
    equal(again.get('FailedInstancesCount', 0), 0, 'and once more')
    row, = node.json_lines('find', 'PatientName=王*')
    equal(row['00100010']['Value'][0]['Ideographic'], '王^小东')


@case('Orthanc asks for storage commitment and takes the report: what it pushed is kept, what nobody sent is not')
def committed():
    trap(23, 'Orthanc as the SCU: its request, our report on a new association')
    absent = uid('never pushed')

    def ask(wanted):
        begun = orthanc.ask('/modalities/node/storage-commitment', {'DicomInstances': wanted})
        lib.wait_until(lambda: orthanc.ask(begun['Path'])['Status'] != 'Pending', 20, 'the report arrives')
        return orthanc.ask(begun['Path'])

    kept = [[i.sop_class, i.uid] for i in PUSHED]
    report = ask(kept)
    equal((report['Status'], report['RemoteAET']), ('Success', 'TELEREAD'), 'all of them')
    equal(sorted(s['SOPInstanceUID'] for s in report['Success']), sorted(i.uid for i in PUSHED), 'kept')
    report = ask(kept[:2] + [[PUSHED[0].sop_class, absent], [MR, PUSHED[2].uid]])
    equal(report['Status'], 'Failure', 'not all of them')
    equal(sorted(s['SOPInstanceUID'] for s in report['Success']), sorted(i.uid for i in PUSHED[:2]), 'kept')
    equal({f['SOPInstanceUID']: f['FailureReason'] for f in report['Failures']},
          {absent: 0x0112, PUSHED[2].uid: 0x0119}, 'reasons')


@case('we C-MOVE to Orthanc')
def move():
    equal(set(node.store(MOVED)), {0})
    tool('movescu', '-S', '-aet', 'COUNTY', '-aec', 'TELEREAD', '-aem', 'ORTHANC', '-k', 'QueryRetrieveLevel=STUDY', '-k',
         'StudyInstanceUID=' + MOVED[0].study, '127.0.0.1', node.port)
    got = orthanc.holds(MOVED)
    equal(sorted(got), sorted(i.uid for i in MOVED))
    for one in MOVED:
        compare(got[one.uid], one)


@case('Orthanc finds with Chinese names and C-MOVEs from us')
def fetch():
    trap(3, 'Orthanc asks for an ideographic name')
    equal(set(node.store(FETCHED)), {0})
    query = orthanc.ask('/modalities/node/query', {'Level': 'Study', 'Query': {'PatientName': '赵*', 'StudyDate': '',
                                                                               'PatientID': ''}})
    answers = orthanc.ask(query['Path'] + '/answers?expand&simplify')
    equal([(a['PatientName'], a['PatientID'], a['StudyDate']) for a in answers],
          [('Zhao^Gang=赵^刚', 'GB3', '20260505')])
    orthanc.ask(query['Path'] + '/retrieve', {'TargetAet': 'ORTHANC', 'Synchronous': True})
    got = orthanc.holds(FETCHED)
    equal(sorted(got), sorted(i.uid for i in FETCHED))
    for one in FETCHED:
        compare(got[one.uid], one)


@case('a destination that has gone: failures are counted, A702')
def gone():
    trap(14, 'A702 with all of them listed')
    orthanc.end()
    with node.associate('COUNTY', [(dul.STUDY_MOVE, [dul.IMPLICIT_LE])], timeout=60) as a:
        final = a.move(dul.STUDY_MOVE, 'ORTHANC', keys('STUDY', StudyInstanceUID=MOVED[0].study))[1]
    equal((final.status, final.completed, final.failed), (0xA702, 0, len(MOVED)))
    listed = text(parse(final.data, dul.IMPLICIT_LE), KEYWORDS['FailedSOPInstanceUIDList'][0]).split('\\')
    equal(sorted(listed), sorted(i.uid for i in MOVED))
    node.stop()
    node.teleread('fsck')


try:
    lib.main()
finally:
    if orthanc.process.poll() is None:
        orthanc.end()
