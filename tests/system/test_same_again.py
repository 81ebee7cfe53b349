#!/usr/bin/env python3
"""The same SOP Instance UID again: equal is success, other content is kept apart and never replaces the first."""
import sys
import threading

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import CT, KEYWORDS, image, text, uid

lib.need_program()
node = lib.Node()
node.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital')
node.teleread('peer', 'add', 'SOUTH_PACS', '--site', 'SOUTH')
node.start()
CTX = [(CT, [dul.EXPLICIT_LE])]


def sums():
    return node.json_lines('fsck')[-1]


def send(one, calling='COUNTY'):
    with node.associate(calling, CTX) as a:
        return a.store(one.sop_class, one.uid, one.syntax, one.data)


@case('an equal instance again is success and writes nothing')
def same():
    trap(22, 'equal content again is success, and writes nothing')
    one = image('same', 1)
    equal(send(one).status, 0)
    before = sums()
    for _ in range(3):
        equal(send(one).status, 0)
    after = sums()
    equal((after['rows'], after['records'], after['quarantined']),
          (before['rows'], before['records'], before['quarantined']))
    equal(len(node.find('IMAGE', StudyInstanceUID=one.study, SeriesInstanceUID=one.series, SOPInstanceUID='')), 1)


@case('other content under the same UID: B000, quarantine, and the first stays')
def other():
    trap(22, 'B000 and quarantine; the first stays')
    one, two = image('other', 1, seed=1), image('other', 1, seed=2)
    equal(one.uid, two.uid)
    check(one.data != two.data, 'the two differ')
    equal(send(one).status, 0)
    before = sums()
    answer = send(two)
    equal(answer.status, 0xB000)
    check(answer.comment, 'an Error Comment says why')
    after = sums()
    equal((after['rows'], after['quarantined']), (before['rows'], before['quarantined'] + 1))
    equal(node.get_all([one])[one.uid][1], one.data, 'the first bytes')
    equal(send(one).status, 0, 'the first again')


@case('the same data set in another transfer syntax is other content')
def syntax():
    trap(22, 'the same data set in another syntax is other content')
    one, two = image('syn', 1), image('syn', 1, syntax=dul.IMPLICIT_LE)
    equal(node.store([one]), [0])
    equal(node.store([two]), [0xB000])
    equal(node.get_all([one])[one.uid], (one.syntax, one.data))


@case('two racing senders: one instance, one in quarantine, 20 rounds')
def race():
    trap(22, 'two senders racing: one instance, one in quarantine')
    for n in range(20):
        pair = [image('race%d' % n, 1, seed=s) for s in (1, 2)]
        gate = threading.Barrier(2)
        before = sums() if n in (0, 19) else None

        def go(one):
            with node.associate('COUNTY', CTX) as a:
                gate.wait()
                return a.store(one.sop_class, one.uid, one.syntax, one.data).status
        statuses = lib.together(*(lambda one=one: go(one) for one in pair))
        equal(sorted(statuses), [0, 0xB000], 'statuses of round %d' % n)
        winner = pair[statuses.index(0)]
        got = node.get_all([winner])
        equal(list(got), [winner.uid])
        check(got[winner.uid][1] == winner.data, 'what was acknowledged as stored is what is there')
        if before:
            after = sums()
            equal((after['rows'] - before['rows'], after['quarantined'] - before['quarantined']), (1, 1))


@case('two racing senders of the same bytes: both succeed, one instance')
def race_same():
    trap(22, 'two senders of equal bytes: both succeed')
    for n in range(10):
        one = image('twin%d' % n, 1)
        gate = threading.Barrier(2)

        def go():
            with node.associate('COUNTY', CTX) as a:
                gate.wait()
                return a.store(one.sop_class, one.uid, one.syntax, one.data).status
        equal(lib.together(go, go), [0, 0])
        equal(len(node.find('IMAGE', StudyInstanceUID=one.study, SeriesInstanceUID=one.series, SOPInstanceUID='')), 1)


@case('one study UID under two patient IDs: the first patient keeps it')
def two_patients():
    trap(22, 'a study of another patient is kept apart')
    one, two = image('patients', 1, patient='PA'), image('patients', 2, patient='PB')
    equal(send(one).status, 0)
    equal(send(two).status, 0xB000)
    rows = node.find('STUDY', StudyInstanceUID=one.study, PatientID='', NumberOfStudyRelatedInstances='')
    equal([(text(r, KEYWORDS['PatientID'][0]), text(r, KEYWORDS['NumberOfStudyRelatedInstances'][0])) for r in rows],
          [('PA', '1')])
    equal(len(node.find('PATIENT', model=dul.PATIENT_FIND, PatientID='PB')), 0)


@case('racing first objects of a new patient make one patient')
def race_patient():
    trap(22, 'racing first objects make one patient')
    for n in range(5):
        some = [image('rp%d-%d' % (n, k), 1, patient='RP%d' % n) for k in range(4)]
        gate = threading.Barrier(4)

        def go(one):
            with node.associate('COUNTY', CTX) as a:
                gate.wait()
                return a.store(one.sop_class, one.uid, one.syntax, one.data).status
        equal(lib.together(*(lambda one=one: go(one) for one in some)), [0] * 4)
        rows = node.find('PATIENT', model=dul.PATIENT_FIND, PatientID='RP%d' % n, NumberOfPatientRelatedStudies='')
        equal([text(r, KEYWORDS['NumberOfPatientRelatedStudies'][0]) for r in rows], ['4'])


@case('one series UID in two studies: the second is kept apart')
def two_studies():
    trap(22, 'a series of another study is kept apart')
    one = image('st1', 1)
    two = image('st2', 1, extra=[(0x0020000E, 'UI', one.series)])
    equal(two.series, one.series)
    equal([send(one).status, send(two).status], [0, 0xB000])


@case('a study UID of another site: kept apart, out of sight of both')
def two_sites():
    trap(22, 'a study of another site is kept apart')
    one, two = image('sites', 1), image('sites', 2)
    equal(send(one).status, 0)
    equal(send(two, 'SOUTH_PACS').status, 0xB000)
    equal(send(one, 'SOUTH_PACS').status, 0xB000, 'the very instance from another site')
    equal(node.find('STUDY', 'SOUTH_PACS', StudyInstanceUID=''), [])
    row, = node.find('STUDY', StudyInstanceUID=one.study, NumberOfStudyRelatedInstances='')
    equal(text(row, KEYWORDS['NumberOfStudyRelatedInstances'][0]), '1')


@case('UIDs of request and data set that differ are refused')
def mismatch():
    one = image('mismatch', 1)
    with node.associate('COUNTY', CTX) as a:
        equal(a.store(one.sop_class, uid('something else'), one.syntax, one.data).status, 0xA900)
        equal(a.store(one.sop_class, one.uid, one.syntax, one.data).status, 0, 'the association goes on')


@case('fsck and reindex --prove agree, beside the node and after it')
def health():
    node.teleread('fsck')
    done = node.teleread('reindex', '--prove')
    node.stop()
    node.teleread('fsck')
    equal(node.teleread('reindex', '--prove').code, done.code)
    before = sums()
    node.teleread('reindex')
    equal({k: v for k, v in sums().items() if k != 'bytes'}, {k: v for k, v in before.items() if k != 'bytes'})
    node.start()
    equal(len(node.find('STUDY', StudyInstanceUID=uid('study', 'race3'))), 1)
    node.stop()


lib.main()
