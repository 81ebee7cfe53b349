#!/usr/bin/env python3
"""The main job: a county sends, a specialist finds and retrieves, each within the scope of its site."""
import os
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, tool, trap
from objects import (CT, HEVC, HTJ2K, HTJ2K_LOSSLESS, HTJ2K_RPCL, J2K, J2K_LOSSLESS, JPEG_BASELINE, JPEG_LS, JPEG_SV1,
                     JPEG_XL, KEYWORDS, MPEG4, MR, NATIVE, RLE, Part10, encode, image, keys, parse, text, uid)

lib.need_program()
lib.need_tools('storescp')

SITES = [('PROVINCE', '', 'province'), ('CITY', 'PROVINCE', 'city'), ('NORTHC', 'CITY', 'county'),
         ('SOUTHC', 'CITY', 'county')]
PEERS = [('NORTH_PACS', 'NORTHC'), ('SOUTH_PACS', 'SOUTHC'), ('READER', 'PROVINCE'), ('CITY_WS', 'CITY')]

node = lib.Node(sites=False)
for code, parent, tier in SITES:
    node.teleread('site', 'add', code, '--name', 'Demo ' + code.title(), '--tier', tier, '--parent', parent)
for aet, site in PEERS:
    node.teleread('peer', 'add', aet, '--site', site)
receiver = lib.Receiver('STATION')
node.teleread('peer', 'add', 'STATION', '--site', 'PROVINCE', '--host', '127.0.0.1', '--port', receiver.port)
node.start()

NAMES = [('P1', 'Demo^Anna'), ('P2', 'Demo^Bert'), ('P3', 'Sample^Anton'), ('P4', 'Wang^XiaoDong=王^小东')]
NORTH, SOUTH = [], []
for p, (patient, name) in enumerate(NAMES):
    for study in range(2):
        word = 'n%s%d' % (patient, study)
        for series in (1, 2):
            for number in range(1, 4):
                NORTH.append(image(word, number, series, patient, name, '2026%02d1%d' % (p + 1, study),
                                   'CT' if series == 1 or study == 0 else 'MR', CT if series == 1 else MR,
                                   charset='ISO_IR 192' if '=' in name else None, extra=[(0x00080050, 'SH', word)]))
for number in range(1, 5):
    SOUTH.append(image('south', number, 1, 'P1', 'Southern^Person', '20260115'))


def found(level, word, calling='READER', **named):
    return sorted(text(r, KEYWORDS[word][0]) for r in node.find(level, calling, **dict({word: ''}, **named)))


def studies(**named):
    return {text(r, KEYWORDS['AccessionNumber'][0])
            for r in node.find('STUDY', 'NORTH_PACS', AccessionNumber='', StudyInstanceUID=named.pop('uid', ''), **named)}


def all_studies(of=('P1', 'P2', 'P3', 'P4'), nth=(0, 1)):
    return {'n%s%d' % (p, n) for p in of for n in nth}


def scu(name, *words, calling='NORTH_PACS', code=0, timeout=60):
    return tool(name, '-aet', calling, '-aec', 'TELEREAD', *words, code=code, timeout=timeout)


def where():
    return '127.0.0.1', str(node.port)


def saved(at):
    out = {}
    for name in os.listdir(at):
        with open(os.path.join(at, name), 'rb') as f:
            part10 = Part10(f.read())
        out[text(parse(part10.data, part10.syntax), 0x00080018)] = part10.data
    return out


@case('echoscu gets its answer')
def echo():
    scu('echoscu', *where())


@case('an unknown peer is refused at association')
def unknown():
    done = scu('echoscu', *where(), calling='STRANGER', code=None)
    check(done.code != 0 and 'Reject' in done.all, done)
    try:
        node.echo('STRANGER')
        raise AssertionError('was accepted')
    except dul.Rejected as r:
        equal((r.result, r.source, r.reason), (1, 1, 3), 'result, source, reason')


@case('storescu and dcmsend send studies of two counties')
def store():
    for instances, calling, sender in ((NORTH, 'NORTH_PACS', 'dcmsend'), (SOUTH, 'SOUTH_PACS', 'storescu')):
        at = lib.folder()
        for n, one in enumerate(instances):
            one.save(os.path.join(at, '%03d.dcm' % n))
        done = scu(sender, '-v', '+sd', *where(), at, calling=calling)
        if sender == 'dcmsend':
            check('with status SUCCESS  : %d\n' % len(instances) in done.all, done)


@case('findscu finds at each level of the study root')
def find_levels():
    one = NORTH[0]
    for level, keys_, count in (('STUDY', ['StudyInstanceUID'], 8),
                                ('SERIES', ['StudyInstanceUID=' + one.study, 'SeriesInstanceUID'], 2),
                                ('IMAGE', ['StudyInstanceUID=' + one.study, 'SeriesInstanceUID=' + one.series,
                                           'SOPInstanceUID'], 3)):
        at = lib.folder()
        words = [w for k in ['QueryRetrieveLevel=' + level] + keys_ for w in ('-k', k)]
        scu('findscu', '-S', '-X', '-od', at, *words, *where())
        equal(len(os.listdir(at)), count, 'answers at ' + level)


@case('findscu finds at each level of the patient root')
def find_patient():
    one = NORTH[0]
    for level, keys_, count in (('PATIENT', ['PatientID', 'PatientName'], 4),
                                ('PATIENT', ['PatientID=P2'], 1),
                                ('STUDY', ['PatientID=P1', 'StudyInstanceUID'], 2),
                                ('SERIES', ['PatientID=P1', 'StudyInstanceUID=' + one.study, 'SeriesInstanceUID'], 2),
                                ('IMAGE', ['PatientID=P1', 'StudyInstanceUID=' + one.study,
                                           'SeriesInstanceUID=' + one.series, 'SOPInstanceUID'], 3)):
        at = lib.folder()
        words = [w for k in ['QueryRetrieveLevel=' + level] + keys_ for w in ('-k', k)]
        scu('findscu', '-P', '-X', '-od', at, *words, *where())
        equal(len(os.listdir(at)), count, 'answers at %s %s' % (level, keys_))


@case('keys: single value')
def single():
    trap(2, 'a single value matches itself; a name in any case')
    equal(studies(PatientID='P1'), all_studies(['P1']))
    equal(studies(PatientID='p1'), set(), 'another case')
    equal(studies(PatientID='P'), set(), 'a prefix')
    equal(studies(PatientName='Demo^Bert'), all_studies(['P2']))
    equal(studies(PatientName='DEMO^BERT'), all_studies(['P2']), 'names match without case')


@case('keys: wildcards')
def wildcards():
    trap(4, '* and ? stand for characters; a percent sign is no wildcard')
    equal(studies(PatientName='Demo*'), all_studies(['P1', 'P2']))
    equal(studies(PatientName='*An*'), all_studies(['P1', 'P3', 'P4']))
    equal(studies(PatientID='P?'), all_studies())
    equal(studies(PatientID='?'), set())
    equal(studies(PatientID='*'), all_studies())
    equal(studies(PatientName='%'), set(), 'a percent sign is no wildcard')


@case('keys: Chinese characters, by group and with wildcards that count characters')
def chinese():
    trap(3, 'any component group; ? is one Chinese character')
    trap(6, 'the answer is in GB18030 where the request was')
    for value in ('*王*', '王^小东', '王*', '王^小?', 'wang^xiaodong', 'Wang^XiaoDong=王^小东'):
        equal(studies(SpecificCharacterSet='ISO_IR 192', PatientName=value), all_studies(['P4']), value)
    equal(studies(SpecificCharacterSet='ISO_IR 192', PatientName='王?'), set(), '王?')
    gb = [(0x00080005, 'CS', 'GB18030'), (0x00080052, 'CS', 'STUDY'), (0x00100010, 'PN', '王*'.encode('gb18030')),
          (0x0020000D, 'UI', '')]
    with node.associate('NORTH_PACS', [(dul.STUDY_FIND, [dul.IMPLICIT_LE])]) as a:
        rows, final = a.find(dul.STUDY_FIND, encode(gb, dul.IMPLICIT_LE))
    equal((len(rows), final.status), (2, 0))
    row = parse(rows[0].data, dul.IMPLICIT_LE)
    equal(row[0x00100010].decode('gb18030').strip(), 'Wang^XiaoDong=王^小东', 'the answer speaks the request\'s charset')


@case('keys: dates and ranges')
def dates():
    trap(7, 'closed and open ranges')
    equal(studies(StudyDate='20260110'), {'nP10'})
    equal(studies(StudyDate='20260110-20260210'), {'nP10', 'nP11', 'nP20'})
    equal(studies(StudyDate='20260311-'), {'nP31', 'nP40', 'nP41'})
    equal(studies(StudyDate='-20260110'), {'nP10'})
    equal(studies(StudyDate='20250101-20251231'), set())


@case('keys: list of UIDs, empty keys, modalities in study')
def lists():
    trap(1, 'a list of Study Instance UIDs')
    trap(10, 'empty keys match all; any modality of the study')
    some = [uid('study', 'nP10'), uid('study', 'nP31'), uid('study', 'nowhere')]
    equal(studies(uid='\\'.join(some)), {'nP10', 'nP31'})
    equal(studies(PatientID='', PatientName='', StudyDate=''), all_studies())
    equal(studies(ModalitiesInStudy='MR'), all_studies(nth=[1]))
    equal(studies(ModalitiesInStudy='CT'), all_studies())
    equal(studies(ModalitiesInStudy='US'), set())
    equal(studies(ModalitiesInStudy='US\\MR'), all_studies(nth=[1]))
    many = [uid('no', n) for n in range(3000)] + some
    equal(studies(uid='\\'.join(many)), {'nP10', 'nP31'}, '3003 UIDs')


@case('counts and modalities in the answers')
def counts():
    row, = node.find('STUDY', 'NORTH_PACS', StudyInstanceUID=uid('study', 'nP11'), NumberOfStudyRelatedSeries='',
                     NumberOfStudyRelatedInstances='', ModalitiesInStudy='', PatientID='')
    equal([text(row, KEYWORDS[k][0]) for k in ('NumberOfStudyRelatedSeries', 'NumberOfStudyRelatedInstances', 'PatientID')],
          ['2', '6', 'P1'])
    equal(sorted(text(row, KEYWORDS['ModalitiesInStudy'][0]).split('\\')), ['CT', 'MR'])
    row, = node.find('SERIES', 'NORTH_PACS', StudyInstanceUID=uid('study', 'nP11'),
                     SeriesInstanceUID=uid('series', 'nP11', 2), NumberOfSeriesRelatedInstances='', Modality='')
    equal([text(row, KEYWORDS[k][0]) for k in ('NumberOfSeriesRelatedInstances', 'Modality')], ['3', 'MR'])
    row, = node.find('PATIENT', 'NORTH_PACS', dul.PATIENT_FIND, PatientID='P1', NumberOfPatientRelatedStudies='',
                     NumberOfPatientRelatedInstances='')
    equal([text(row, KEYWORDS[k][0]) for k in ('NumberOfPatientRelatedStudies', 'NumberOfPatientRelatedInstances')],
          ['2', '12'])


@case('a missing unique key above the level is refused')
def hierarchy():
    trap(11, 'a missing unique key is A900, and the association goes on')
    with node.associate('NORTH_PACS', [(dul.STUDY_FIND, [dul.IMPLICIT_LE])]) as a:
        rows, final = a.find(dul.STUDY_FIND, keys('SERIES', SeriesInstanceUID=''))
        equal((len(rows), final.status), (0, 0xA900))
        rows, final = a.find(dul.STUDY_FIND, keys('STUDY', StudyInstanceUID=''))
        equal((len(rows), final.status), (8, 0), 'the association goes on')


@case('C-CANCEL ends a query')
def cancel():
    trap(13, 'C-FIND ends with FE00, and the association goes on; findscu, too')
    with node.associate('NORTH_PACS', [(dul.STUDY_FIND, [dul.IMPLICIT_LE])]) as a:
        rows, final = a.find(dul.STUDY_FIND, keys('STUDY', StudyInstanceUID=''), cancel_after=1)
        check(final.status in (0, dul.CANCELLED), final)
        equal(a.find(dul.STUDY_FIND, keys('STUDY', StudyInstanceUID=''))[1].status, 0, 'the next query')
    done = scu('findscu', '-S', '-v', '--cancel', '1', '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID', *where(),
               code=None)
    check(done.code in (0, 2), done)


@case('scope: a county sees nothing of another, the city and the province see both')
def scope():
    equal(found('STUDY', 'StudyInstanceUID', 'SOUTH_PACS'), [uid('study', 'south')])
    equal(len(found('STUDY', 'StudyInstanceUID', 'NORTH_PACS')), 8)
    for peer in ('CITY_WS', 'READER', 'STATION'):
        equal(len(found('STUDY', 'StudyInstanceUID', peer)), 9, peer)
    equal(found('STUDY', 'StudyInstanceUID', 'NORTH_PACS', StudyInstanceUID=uid('study', 'south')), [])
    equal(len(node.find('PATIENT', 'READER', dul.PATIENT_FIND, PatientID='P1')), 2, 'P1 of two sites is two patients')
    got, final = node.get('STUDY', [(CT, dul.EXPLICIT_LE)], 'NORTH_PACS', StudyInstanceUID=uid('study', 'south'))
    equal((len(got), final.status, final.completed or 0), (0, 0, 0), 'C-GET across counties')


@case('getscu brings back identical data sets')
def getscu():
    at = lib.folder()
    scu('getscu', '-S', '+B', '-od', at, '-k', 'QueryRetrieveLevel=STUDY', '-k', 'StudyInstanceUID=' + uid('study', 'nP10'),
        *where(), calling='READER')
    wanted = {i.uid: i.data for i in NORTH if i.study == uid('study', 'nP10')}
    equal({k: v == wanted.get(k) for k, v in saved(at).items()}, {k: True for k in wanted})


@case('movescu sends identical data sets to a registered destination')
def movescu():
    scu('movescu', '-P', '-aem', 'STATION', '-k', 'QueryRetrieveLevel=PATIENT', '-k', 'PatientID=P1', *where(),
        calling='READER')
    wanted = {i.uid: i.data for i in NORTH + SOUTH if i.study in (uid('study', 'nP10'), uid('study', 'nP11'),
                                                                  uid('study', 'south'))}
    got = receiver.files()
    equal({k: v == wanted.get(k) for k, v in got.items()}, {k: True for k in wanted})


@case('C-MOVE counts, and an unknown destination is A801')
def move():
    trap(14, 'A801 for an unknown destination; success without a match')
    request = keys('SERIES', StudyInstanceUID=uid('study', 'nP20'), SeriesInstanceUID=uid('series', 'nP20', 1))
    with node.associate('READER', [(dul.STUDY_MOVE, [dul.IMPLICIT_LE])]) as a:
        equal(a.move(dul.STUDY_MOVE, 'NOWHERE', request)[1].status, 0xA801)
        final = a.move(dul.STUDY_MOVE, 'STATION', request)[1]
        equal((final.status, final.completed, final.failed, final.warning), (0, 3, 0, 0))
        final = a.move(dul.STUDY_MOVE, 'STATION', keys('STUDY', StudyInstanceUID=uid('nothing')))[1]
        equal((final.status, final.completed or 0), (0, 0), 'nothing matches')


@case('who agreed to receive only does not send')
def role():
    trap(15, 'who agreed to receive only does not send')
    one = image('role', 1)
    with node.associate('NORTH_PACS', get=[(CT, [dul.EXPLICIT_LE])]) as a:
        equal(a.store(CT, one.uid, dul.EXPLICIT_LE, one.data).status, 0x0122)
        equal(a.echo().status, 0, 'the association goes on')
    with node.associate('NORTH_PACS', [(CT, [dul.EXPLICIT_LE])], get=[(CT, [dul.EXPLICIT_LE])]) as a:
        equal(a.store(CT, one.uid, dul.EXPLICIT_LE, one.data).status, 0, 'both roles')


@case('C-GET: what cannot be sent as stored is counted and listed, the rest comes')
def partial():
    trap(15, 'a class without a role fails alone, and is listed')
    one = image('mixed', 1, 1, 'P9', 'Mixed^Study')
    two = image('mixed', 2, 1, 'P9', 'Mixed^Study', sop_class=MR, modality='CT')
    three = image('mixed', 3, 1, 'P9', 'Mixed^Study', syntax=JPEG_LS)
    equal(node.store([one, two, three], 'NORTH_PACS'), [0, 0, 0])
    got, final = node.get('STUDY', [(CT, dul.EXPLICIT_LE)], 'NORTH_PACS', StudyInstanceUID=one.study)
    equal([g[1] for g in got], [one.uid])
    equal((final.status, final.completed, final.failed), (0xB000, 1, 2))
    failed = text(parse(final.data, dul.IMPLICIT_LE), KEYWORDS['FailedSOPInstanceUIDList'][0])
    equal(sorted(failed.split('\\')), sorted([two.uid, three.uid]))
    got, final = node.get('STUDY', [(CT, dul.EXPLICIT_LE), (MR, dul.EXPLICIT_LE), (CT, JPEG_LS)], 'NORTH_PACS',
                          StudyInstanceUID=one.study)
    equal((final.status, final.completed, {g[1]: g[3] for g in got}),
          (0, 3, {i.uid: i.data for i in (one, two, three)}))


@case('C-GET writes another native syntax for who cannot take the stored one')
def transcode():
    big = image('big', 1, 1, 'P10', 'Big^Endian', syntax=dul.EXPLICIT_BE)
    equal(node.store([big], 'NORTH_PACS'), [0])
    got, final = node.get('STUDY', [(CT, dul.EXPLICIT_LE)], 'NORTH_PACS', StudyInstanceUID=big.study)
    equal((final.status, final.completed, got[0][2]), (0, 1, dul.EXPLICIT_LE))
    equal(parse(got[0][3], dul.EXPLICIT_LE)[0x7FE00010], parse(image('big', 1, 1).data)[0x7FE00010], 'pixels')
    got, _ = node.get('STUDY', [(CT, dul.EXPLICIT_BE)], 'NORTH_PACS', StudyInstanceUID=big.study)
    check(got[0][3] == big.data, 'as stored where that is taken')


@case('C-GET and C-MOVE are cancelled by C-CANCEL, and say what remained')
def cancel_get():
    trap(13, 'C-GET and C-MOVE say what remained; the association goes on')
    many = [image('many', n, 1, 'P11', 'Many^Images', side=128) for n in range(1, 61)]
    equal(set(node.store(many, 'NORTH_PACS')), {0})
    with node.associate('READER', [(dul.STUDY_GET, [dul.IMPLICIT_LE]), (dul.STUDY_MOVE, [dul.IMPLICIT_LE])],
                        get=[(CT, [dul.EXPLICIT_LE])]) as a:
        got, final = a.get(dul.STUDY_GET, keys('STUDY', StudyInstanceUID=many[0].study), cancel_after=5)
        equal(final.status, dul.CANCELLED)
        check(5 <= len(got) < 60 and final.remaining == 60 - len(got), '%d came, %s remain' % (len(got), final.remaining))
        _, final = a.move(dul.STUDY_MOVE, 'STATION', keys('STUDY', StudyInstanceUID=many[0].study), cancel_after=1)
        check(final.status in (dul.CANCELLED, 0), final)
        got, final = a.get(dul.STUDY_GET, keys('STUDY', StudyInstanceUID=many[0].study))
        equal((final.status, len(got)), (0, 60), 'the association goes on')


@case('every transfer syntax is kept as it was sent')
def syntaxes():
    trap(20, 'each transfer syntax is kept as it was sent')
    some = [image('syntaxes', n, n, 'P12', 'Syntax^All', syntax=s, frames=1 + n % 3) for n, s in enumerate(
        (*NATIVE, JPEG_BASELINE, JPEG_SV1, JPEG_LS, J2K, J2K_LOSSLESS, RLE, HTJ2K, HTJ2K_LOSSLESS, HTJ2K_RPCL, JPEG_XL,
         MPEG4, HEVC))]
    equal(set(node.store(some, 'NORTH_PACS')), {0})
    got = node.get_all(some, 'NORTH_PACS')
    equal({k: (v[0], 'same') for k, v in got.items()}, {i.uid: (i.syntax, 'same' if got.get(i.uid, (0, 0))[1] == i.data
                                                                else 'other') for i in some})


@case('fsck finds nothing wrong, the index can be proven, SIGTERM ends with 0')
def health():
    node.teleread('fsck')
    node.teleread('reindex', '--prove')
    node.stop()
    node.teleread('fsck')
    receiver.__exit__()
    with open(node.log, encoding='utf-8', errors='replace') as f:
        log = f.read()
    equal([word for word in ('Demo^', 'Sample^', '小东', 'XiaoDong') if word in log], [], 'patients named in the log')


lib.main()
