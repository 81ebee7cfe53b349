#!/usr/bin/env python3
"""Chinese text between this node and others' toolkits: DCMTK's findscu, movescu and getscu, and Orthanc in both directions,
asking in GB18030, GBK and UTF-8, sending and receiving GB18030. Orthanc has no GBK: its SimplifiedChinese names ISO 2022 IR 58
as the first character set, which the standard does not allow, and it cannot read an answer that names it as the second."""
import os
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, tool, trap
from objects import Part10, encode, image, parse, text
from orthanc import Orthanc

lib.need_program()
lib.need_tools('findscu', 'movescu', 'getscu', 'storescp', 'dcmdump')
WANG, LI, RARE = 'Wang^XiaoDong=王^小东', 'Li^Mei=李^梅', 'Yan^Yan=𠮷^䶮'  # RARE: four bytes each in GB18030
BACKSLASH = 'Zhen^Cheng=診^誠'  # both end in the byte of a backslash in GBK

node = lib.Node()
receiver = lib.Receiver('STORE')
node.teleread('peer', 'add', 'STORE', '--site', 'NORTH', '--host', '127.0.0.1', '--port', receiver.port)
STUDIES = {
    'gb18030': [image('gb18030', n, 1, 'C1', WANG.encode('gb18030'), charset='GB18030', date='20260501') for n in (1, 2, 3)],
    'gbk': [image('gbk', n, 1, 'C2', BACKSLASH.encode('gbk'), charset='GBK', date='20260502') for n in (1, 2)],
    'utf8': [image('utf8', n, 1, 'C3', LI.encode(), charset='ISO_IR 192', date='20260503') for n in (1, 2)],
    'rare': [image('rare', n, 1, 'C4', RARE.encode('gb18030'), charset='GB18030', date='20260504') for n in (1, 2)],
}
NAMES = {'gb18030': WANG, 'gbk': BACKSLASH, 'utf8': LI, 'rare': RARE}
IDS = {'gb18030': 'C1', 'gbk': 'C2', 'utf8': 'C3', 'rare': 'C4'}
CODECS = {'GB18030': 'gb18030', 'GBK': 'gbk', 'ISO_IR 192': 'utf-8'}


def query_file(charset, name, level='STUDY'):
    """A file with the identifier, in this character set, for DCMTK's tools."""
    path = os.path.join(lib.folder(), 'query.dcm')
    elements = [(0x00080005, 'CS', charset), (0x00080020, 'DA', ''), (0x00080052, 'CS', level),
                (0x00100010, 'PN', name.encode(CODECS[charset])), (0x00100020, 'LO', ''), (0x0020000D, 'UI', '')]
    with open(path, 'wb') as f:
        f.write(encode(elements, dul.IMPLICIT_LE))
    return path


def scu(name, *words):
    return tool(name, '-aet', 'COUNTY', '-aec', 'TELEREAD', *words)


def ask_dcmtk(charset, name):
    """[(character set, name in it, patient ID)] of findscu's answers."""
    at = lib.folder()
    scu('findscu', '-S', '-X', '-od', at, '127.0.0.1', node.port, query_file(charset, name))
    out = []
    for file in sorted(os.listdir(at)):
        with open(os.path.join(at, file), 'rb') as f:
            part10 = Part10(f.read())
        row = parse(part10.data, part10.syntax)
        label = text(row, 0x00080005)
        out.append((label, row[0x00100010].rstrip(b' ').decode(CODECS[label]), text(row, 0x00100020)))
    return out


def saved(at):
    out = {}
    for name in os.listdir(at):
        with open(os.path.join(at, name), 'rb') as f:
            part10 = Part10(f.read())
        out[text(parse(part10.data, part10.syntax), 0x00080018)] = part10.data
    return out


@case('storescu sends names in GB18030, GBK and UTF-8')
def store():
    trap(20, 'text in any character set is kept as it came')
    node.start()
    at = lib.folder()
    sent = [i for study in STUDIES.values() for i in study]
    for n, one in enumerate(sent):
        one.save(os.path.join(at, '%02d.dcm' % n))
    scu('storescu', '+sd', '127.0.0.1', node.port, at)
    got = node.get_all(sent)
    equal([i.uid for i in sent if got[i.uid][1] != i.data], [], 'changed')


@case('findscu asks in GB18030, GBK and UTF-8, and is answered in the same')
def find():
    trap(6, 'DCMTK reads each answer in the character set of its request')
    trap(3, 'ideographic groups, asked for by DCMTK')
    for charset in CODECS:
        for word, pattern in (('gb18030', '王*'), ('gb18030', '*小?'), ('utf8', '李^梅'), ('utf8', 'li*'), ('gbk', '*誠')):
            equal(ask_dcmtk(charset, pattern), [(charset, NAMES[word], IDS[word])],
                  '%s in %s' % (pattern, charset))


@case('characters of four bytes in GB18030')
def rare():
    trap(6, 'characters beyond GBK, in GB18030 and UTF-8')
    for charset in ('GB18030', 'ISO_IR 192'):
        for pattern in ('𠮷*', '*䶮', '?^䶮'):
            equal(ask_dcmtk(charset, pattern), [(charset, RARE, 'C4')], '%s in %s' % (pattern, charset))


@case('a name with the byte of a backslash in it, in GBK')
def backslash():
    trap(5, 'a character that ends in 5C, asked for and answered in GBK and GB18030')
    check(b'\\' in '誠'.encode('gbk'), 'the character has the byte')
    for charset in ('GBK', 'GB18030'):
        equal(ask_dcmtk(charset, '診^誠'), [(charset, BACKSLASH, 'C2')])
        equal(ask_dcmtk(charset, '診^?'), [(charset, BACKSLASH, 'C2')])


@case('a GBK request whose answer GBK cannot say')
def beyond():
    trap(6, 'an answer that the character set of the request cannot say')
    rows = ask_dcmtk('GBK', 'yan*')
    equal([(r[0], r[1]) for r in rows if r[2] == 'C4'], [('ISO_IR 192', RARE)])


@case('getscu and movescu bring the bytes back')
def retrieve():
    trap(20, 'C-GET and C-MOVE to DCMTK, bit by bit')
    for word, study in STUDIES.items():
        at = lib.folder()
        scu('getscu', '-S', '+B', '-od', at, '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=' + study[0].study,
            '127.0.0.1', node.port)
        equal(saved(at), {i.uid: i.data for i in study}, word)
        scu('movescu', '-S', '-aem', 'STORE', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=' + study[0].study,
            '127.0.0.1', node.port)
    wanted = {i.uid: i.data for study in STUDIES.values() for i in study}
    equal({u: d == wanted.get(u) for u, d in receiver.files().items()}, {u: True for u in wanted})


# ---- Orthanc; its Encoding setting is the character set that it asks in

def with_orthanc(encoding, talk):
    orthanc = Orthanc(node, encoding)
    node.teleread('peer', 'remove', 'ORTHANC', code=None)
    node.teleread('peer', 'add', 'ORTHANC', '--site', 'NORTH', '--host', '127.0.0.1', '--port', orthanc.port)
    try:
        talk(orthanc)
    finally:
        orthanc.end()


def ask_orthanc(orthanc, name):
    query = orthanc.ask('/modalities/node/query', {'Level': 'Study', 'Query': {'PatientName': name, 'PatientID': ''}})
    answers = orthanc.ask(query['Path'] + '/answers?expand&simplify')
    return query, sorted((a['PatientName'], a['PatientID']) for a in answers)


def retrieved(orthanc, query, study):
    orthanc.ask(query['Path'] + '/retrieve', {'TargetAet': 'ORTHANC', 'Synchronous': True})
    got = orthanc.holds(study)
    equal(sorted(got), sorted(i.uid for i in study), 'instances that came')
    for one in study:
        orthanc.compare(got[one.uid], one)


def orthanc_case(encoding, label):
    @case('Orthanc asks in %s, and takes what it found' % label)
    def run():
        trap(6, 'Orthanc reads each answer in the character set of its request')
        trap(14, 'C-MOVE asked for by Orthanc, to itself')

        def talk(orthanc):
            for word, pattern in (('gb18030', '王*'), ('utf8', '李^梅'), ('gbk', '*誠')):
                query, answers = ask_orthanc(orthanc, pattern)
                equal(answers, [(NAMES[word], IDS[word])], '%s in %s' % (pattern, label))
                retrieved(orthanc, query, STUDIES[word])
        with_orthanc(encoding, talk)


orthanc_case('Chinese', 'GB18030')
orthanc_case('Utf8', 'UTF-8')


@case('Orthanc sends names in GB18030, and they are found in any way of writing')
def orthanc_sends():
    trap(20, 'what Orthanc sent comes back, text as bytes')
    trap(22, 'sent once more by Orthanc: the same')
    study = [image('orthanc', n, 1, 'C5', 'Zhao^Gang=赵^刚'.encode('gb18030'), charset='GB18030') for n in (1, 2, 3)]

    def talk(orthanc):
        ids = orthanc.upload(study)
        for _ in range(2):
            job = orthanc.ask('/modalities/node/store', {'Resources': ids, 'Synchronous': True})
            equal(job.get('FailedInstancesCount', 0), 0)
        got = node.get_all(study, 'ORTHANC')
        for one in study:
            orthanc.compare(parse(got[one.uid][1], got[one.uid][0]), one)
        for charset in CODECS:
            equal(ask_dcmtk(charset, '赵*'), [(charset, 'Zhao^Gang=赵^刚', 'C5')], charset)
        row, = node.json_lines('find', 'PatientName=赵^刚')
        equal(row['00100010']['Value'][0]['Ideographic'], '赵^刚')
    with_orthanc('Chinese', talk)


@case('fsck and a proof find nothing wrong')
def health():
    node.teleread('fsck')
    node.teleread('reindex', '--prove')
    node.stop()


try:
    lib.main()
finally:
    receiver.__exit__()
