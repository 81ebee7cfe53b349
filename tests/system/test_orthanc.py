#!/usr/bin/env python3
"""Orthanc as a real peer: it pushes to us, we C-MOVE to it, it queries us and C-MOVEs from us. Names in GB18030 survive."""
import sys

sys.dont_write_bytecode = True
import lib
from lib import case, equal, tool, trap
from objects import KEYWORDS, MR, image, keys, parse, text, uid
from orthanc import PROGRAM, Orthanc
import dul

lib.need_program()
if not PROGRAM:
    lib.skip_all('Orthanc (Debian package orthanc) is not installed')

DICOM = lib.free_port()
NAME = 'Wang^XiaoDong=王^小东'.encode('gb18030')
node = lib.Node()
node.teleread('peer', 'add', 'ORTHANC', '--site', 'NORTH', '--host', '127.0.0.1', '--port', DICOM)
node.start()
PUSHED = [image('pushed', n, 1, 'GB1', NAME, charset='GB18030') for n in range(1, 6)]
MOVED = [image('moved', n, 1, 'GB2', 'Li^Mei=李^梅'.encode('gb18030'), charset='GB18030') for n in range(1, 13)]
FETCHED = [image('fetched', n, 1, 'GB3', 'Zhao^Gang=赵^刚'.encode('gb18030'), charset='GB18030', date='20260505')
           for n in range(1, 6)]
orthanc = Orthanc(node, port=DICOM)
compare = orthanc.compare


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
    orthanc.end()
