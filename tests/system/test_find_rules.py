#!/usr/bin/env python3
"""Matching of C-FIND to the letter: PS3.4 C.2.2.2 and C.4.1, and what an association may agree on (C.5.1.1)."""
import os
import sys

sys.dont_write_bytecode = True
import dul
import lib
from dul import IMPLICIT_LE, PATIENT_FIND, STUDY_FIND, STUDY_GET, STUDY_MOVE
from lib import case, check, equal, tool, trap
from objects import CT, MR, encode, image, parse, text, uid, walk

lib.need_program()

ACCESSION, DATE, TIME, STUDY, SERIES, SOP = 0x00080050, 0x00080020, 0x00080030, 0x0020000D, 0x0020000E, 0x00080018
LEVEL, MODALITIES, NAME, PATIENT, ZONE, MODALITY = 0x00080052, 0x00080061, 0x00100010, 0x00100020, 0x00080201, 0x00080060
PROCEDURE, REQUEST, OTHER_IDS, REGION = 0x00081032, 0x00400275, 0x00101002, 0x00082218
RETRIEVE_AET, AVAILABILITY = 0x00080054, 0x00080056
PRIVATE = '0009,1001 "TELEREAD TEST" LO study; 0018,9345 FD image; DistanceSourceToDetector series'


def code(value, scheme='99DEMO', meaning='Demo'):
    return [(0x00080100, 'SH', value), (0x00080102, 'SH', scheme), (0x00080104, 'LO', meaning)]


def study(word, n=1, **rest):
    extra = {ACCESSION: 'SH', DATE: 'DA', TIME: 'TM', 0x00081030: 'LO'}
    put = [(tag, extra[tag], value) for tag, value in rest.pop('put', {}).items()]
    return image(word, n, extra=put + list(rest.pop('extra', ())), **rest)


DAYS = [('d1', '20060705', '090000'), ('d2', '20060705', '120000'), ('d3', '20060706', '090000'),
        ('d4', '20060707', '120000'), ('d5', '20060707', '200000'), ('old', '18991231', '10')]
OBJECTS = [study(w, patient='DAYS', put={ACCESSION: w, DATE: d, TIME: t}) for w, d, t in DAYS]
OBJECTS += [
    study('coded', patient='SEQ', put={ACCESSION: 'coded'}, extra=[
        (PROCEDURE, 'SQ', [code('A1'), code('B2', 'LN')]),
        (OTHER_IDS, 'SQ', [[(PATIENT, 'LO', 'X1'), (0x00100022, 'CS', 'TEXT')]]),
        (0x00080051, 'SQ', [[(0x00400031, 'UT', 'HIS')]]),
        (REGION, 'SQ', [code('T-D3000', 'SRT', 'Chest')]),
        (REQUEST, 'SQ', [[(0x00400009, 'SH', 'S1'), (0x00401001, 'SH', 'R1'), (0x00400008, 'SQ', [code('P9')])]])]),
    study('plain', patient='SEQ', put={ACCESSION: 'plain'}, extra=[(PROCEDURE, 'SQ', [code('A1', 'LN')])]),
    study('zone', patient='ZONE', put={ACCESSION: 'zone', DATE: '20260102', TIME: '013000'},
          extra=[(ZONE, 'SH', '+0800'), (0x0008002A, 'DT', '20260102013000')]),
    study('east', patient='ZONE', put={ACCESSION: 'east', DATE: '20260102', TIME: '013000'},
          extra=[(ZONE, 'SH', '-0500'), (0x0008002A, 'DT', '20260102013000-0500')]),
    study('timeless', patient='TIMELESS', put={ACCESSION: 'timeless', DATE: '20060706', TIME: ''}),
    study('edge', patient='TIMELESS', put={ACCESSION: 'edge', DATE: '20060705', TIME: ''}),
    study('far', patient='FAR', put={ACCESSION: 'far', DATE: '20260103', TIME: '003000'}, extra=[(ZONE, 'SH', '+1400')]),
    study('odd', patient='ODD', put={ACCESSION: 'a%_b'}), study('odd2', patient='ODD', put={ACCESSION: 'a%xb'}),
    study('noacc', patient='ODD', put={ACCESSION: '', 0x00081030: ''}),
    study('mixed', patient='MIX', put={ACCESSION: 'mixed'}),
    study('mixed', 2, series=2, patient='MIX', put={ACCESSION: 'mixed'}, modality='MR', sop_class=MR),
    study('extra', patient='EXTRA', put={ACCESSION: 'extra'},
          extra=[(0x00189345, 'FD', 12.5), (0x00181110, 'DS', '1000')]),
]

node = lib.Node({'query.timezone': '+0800', 'index.attributes': PRIVATE})
node.start()
statuses = node.store(OBJECTS)
equal(set(statuses), {0}, 'statuses of C-STORE')


def ask(level, keys, extended=(), model=STUDY_FIND, at=None):
    """(rows, pending statuses, final); keys: elements besides the level."""
    with (at or node).associate(contexts=[(model, [IMPLICIT_LE])], extended=[(model, extended)] if extended else []) as a:
        rows, final = a.find(model, encode([(LEVEL, 'CS', level)] + list(keys), IMPLICIT_LE))
        if extended:
            final['agreed'] = a.extended.get(model)
    return [parse(r.data, IMPLICIT_LE) for r in rows], {r.status for r in rows}, final


def accessions(*keys, extended=(), patient=None, level='STUDY', **rest):
    who = [(PATIENT, 'LO', patient)] if patient else []
    have = [] if any(k[0] == ACCESSION for k in keys) else [(ACCESSION, 'SH', '')]
    rows, _, final = ask(level, list(keys) + who + have, extended, **rest)
    equal(final.status, 0, 'final status (%s)' % final.comment)
    return ' '.join(sorted(text(r, ACCESSION) for r in rows))


def items(value):
    """The items of a sequence in implicit VR."""
    return [parse(value[at:at + n], IMPLICIT_LE) for _, _, at, n in walk(value, 0, len(value), False, '<')]


# ---- what an association agrees on

@case('extended negotiation is answered')
def extended_negotiation_is_answered():
    trap(16, 'extended negotiation answered for the classes asked, with what is done')
    _, _, final = ask('STUDY', [(PATIENT, 'LO', 'MIX')], bytes((1, 1, 0, 1, 1, 1, 1)))
    equal(final['agreed'], bytes((1, 1, 0, 1, 0, 1, 1)), 'answer to all that was asked')
    equal(ask('STUDY', [(PATIENT, 'LO', 'MIX')], b'\1')[2]['agreed'], b'\1', 'one byte asked, one answered')
    equal(ask('STUDY', [(PATIENT, 'LO', 'MIX')], b'\0\2\0\0')[2]['agreed'], bytes(4), 'nothing asked')
    equal(ask('STUDY', [(PATIENT, 'LO', 'MIX')], bytes([1] * 40))[2]['agreed'][0], 1, 'more bytes than we know')
    with node.associate(contexts=[(STUDY_MOVE, [IMPLICIT_LE])],
                        extended=[(STUDY_MOVE, b'\1\1'), (dul.VERIFICATION, b'\1'), ('1.2.3', b'')]) as a:
        equal(a.extended, {STUDY_MOVE: b'\1\0'}, 'answers for other classes')


@case('hierarchical unless relational was agreed')
def hierarchical_unless_relational_was_agreed():
    trap(11, 'unique keys above the level, unless relational queries were agreed on')
    _, _, final = ask('SERIES', [(MODALITY, 'CS', 'MR'), (SERIES, 'UI', '')])
    equal((final.status, final.offending), (0xA900, STUDY), 'a series without its study')
    check('StudyInstanceUID' in final.comment, final.comment)
    rows, _, final = ask('SERIES', [(MODALITY, 'CS', 'MR'), (STUDY, 'UI', '')], b'\1')
    equal((final.status, [text(r, STUDY) for r in rows]), (0, [uid('study', 'mixed')]), 'relational')
    _, _, final = ask('STUDY', [(STUDY, 'UI', '')], model=PATIENT_FIND)
    equal((final.status, final.offending), (0xA900, PATIENT), 'patient root without a patient')
    rows, _, _ = ask('STUDY', [(STUDY, 'UI', ''), (ACCESSION, 'SH', 'mixed')], b'\1', model=PATIENT_FIND)
    equal([text(r, PATIENT) for r in rows], ['MIX'], 'patient root, relational')
    two = '%s\\%s' % (uid('study', 'mixed'), uid('study', 'd1'))
    equal(ask('SERIES', [(STUDY, 'UI', two)])[2].status, 0xA900, 'a list above the level')
    equal(len(ask('SERIES', [(STUDY, 'UI', two)], b'\1')[0]), 3, 'a list above the level, relational')


@case('the lenient switch')
def the_lenient_switch():
    trap(11, 'a lenient switch takes queries without unique keys above the level')
    with lib.Node({'query.relational': 'true'}) as lenient:
        lenient.store([OBJECTS[0]])
        rows, _, final = ask('SERIES', [(SERIES, 'UI', '')], at=lenient)
        equal((final.status, len(rows)), (0, 1), 'series of all studies')


@case('levels')
def levels():
    trap(11, 'the level must be one of the model')
    equal(ask('PATIENT', [(PATIENT, 'LO', '')])[2].status, 0xA900, 'PATIENT in the study root')
    _, _, final = ask('FRAME', [(STUDY, 'UI', '')])
    equal((final.status, final.offending), (0xA900, LEVEL), 'no such level')
    equal(ask('STUDY', [(ACCESSION, 'SH', 'mixed'), (0x00080053, 'CS', 'ENHANCED')])[1], {0xFF01}, 'no such view')
    with node.associate(contexts=[(STUDY_GET, [IMPLICIT_LE])], get=[(CT, [dul.EXPLICIT_LE])]) as a:
        _, final = a.get(STUDY_GET, encode([(LEVEL, 'CS', 'SERIES'), (SERIES, 'UI', '1.2')], IMPLICIT_LE))
        equal((final.status, final.offending), (0xA900, STUDY), 'C-GET of a series without its study')
    with node.associate(contexts=[(STUDY_GET, [IMPLICIT_LE])], get=[(CT, [dul.EXPLICIT_LE])],
                        extended=[(STUDY_GET, b'\1')]) as a:
        got, final = a.get(STUDY_GET, encode([(LEVEL, 'CS', 'SERIES'), (SERIES, 'UI', OBJECTS[0].series)], IMPLICIT_LE))
        equal((final.status, len(got)), (0, 1), 'C-GET, relational')
    equal(ask('patient ', [(PATIENT, 'LO', 'MIX')], model=PATIENT_FIND)[2].status, 0, 'in small letters')
    _, _, final = ask('STUDY', [(PATIENT, 'LO', '""')], bytes((0, 0, 0, 0, 0, 1)), model=PATIENT_FIND)
    equal((final.status, final.offending), (0xA900, PATIENT), 'the patient without an ID')


# ---- single values, lists, wildcards

@case('lists of uids')
def lists_of_uids():
    trap(1, 'thousands of UIDs in one key')
    made = [uid('none', i) for i in range(3000)]
    wanted = [uid('study', w) for w in ('d1', 'odd', 'mixed')]
    equal(accessions((STUDY, 'UI', '\\'.join(made[:1500] + wanted + made[1500:]))), 'a%_b d1 mixed', 'list of 3003')
    with node.associate(contexts=[(STUDY_GET, [IMPLICIT_LE])], get=[(CT, [dul.EXPLICIT_LE])]) as a:
        got, final = a.get(STUDY_GET, encode([(LEVEL, 'CS', 'STUDY'), (STUDY, 'UI', '\\'.join(made[:99] + wanted[:2]))],
                                             IMPLICIT_LE))
        equal((final.status, len(got)), (0, 2), 'C-GET by a list')
    lib.need_tools('findscu')
    done = tool('findscu', '-S', '-aet', 'COUNTY', '-aec', 'TELEREAD', '-k', 'QueryRetrieveLevel=STUDY', '-k',
                'StudyInstanceUID=' + '\\'.join(made[:40] + wanted), '-k', 'AccessionNumber', '127.0.0.1', node.port)
    equal(sum(w in done.all for w in ('[d1', '[a%_b', '[mixed')), 3, 'answers to findscu')


@case('single values')
def single_values():
    trap(2, 'case counts but for names; blanks around a value do not')
    equal(accessions((ACCESSION, 'SH', 'Mixed')), '', 'another case')
    equal(accessions((ACCESSION, 'SH', ' mixed ')), 'mixed', 'blanks')
    equal(accessions((NAME, 'PN', 'demo^ONE^^'), patient='MIX'), 'mixed', 'a name')
    equal(accessions((ACCESSION, 'SH', 'mixed\\d1')), 'd1 mixed', 'any of several values')


@case('wildcards and characters of sql')
def wildcards_and_characters_of_sql():
    trap(4, 'wildcards only where they are; % and _ are characters')
    equal(accessions((ACCESSION, 'SH', 'a%_b')), 'a%_b')
    equal(accessions((ACCESSION, 'SH', 'a%*')), 'a%_b a%xb')
    equal(accessions((ACCESSION, 'SH', 'a%?b')), 'a%_b a%xb')
    equal(accessions((ACCESSION, 'SH', '%')), '')
    equal(accessions((ACCESSION, 'SH', "a' OR 1=1 --")), '')
    equal(accessions((MODALITIES, 'CS', 'M?'), patient='MIX'), 'mixed')
    for tag, vr, value in [(STUDY, 'UI', '1.2*'), (DATE, 'DA', '2006*'), (TIME, 'TM', '09*'), (0x00101030, 'DS', '7*'),
                           (0x00101030, 'DS', '70\\80'), (DATE, 'DA', '20061301'), (DATE, 'DA', '20060101\\20060102')]:
        _, _, final = ask('STUDY', [(tag, vr, value)])
        equal((final.status, final.offending), (0xC000, tag), '%08x=%s' % (tag, value))
        check('expected' in final.comment, final.comment)


# ---- dates and times

@case('ranges')
def ranges():
    trap(7, 'ranges, open at either end, old spelling, before 1900, times of less precision')

    def on(date, time=None, **rest):
        return accessions((DATE, 'DA', date), *([(TIME, 'TM', time)] if time else []), patient='DAYS', **rest)
    equal(on('20060706-'), 'd3 d4 d5')
    equal(on('-20060705'), 'd1 d2 old')
    equal(on('2006.07.05-2006.07.06'), 'd1 d2 d3')
    equal(on('-19000101'), 'old')
    equal(on('20060705 - 20060706'), 'd1 d2 d3')
    equal(on('20060705-20060707', '1000-1800'), 'd2 d4', 'each range by itself')
    equal(on('20060705-20060707', '1000-1800', extended=b'\0\1'), 'd2 d3 d4', 'one range of moments')
    equal(on('20060705-', '1000-', extended=b'\0\1'), 'd2 d3 d4 d5', 'from a moment on')
    equal(on('-20060706', '-1000', extended=b'\0\1'), 'd1 d2 d3 old', 'up to a moment')
    equal(on('20060705', '1000-1800', extended=b'\0\1'), 'd2', 'not of the same form')
    equal(on('20060705-', '09'), 'd1 d3', 'an hour')
    equal(accessions((DATE, 'DA', '20060705-20060707'), (TIME, 'TM', '1000-1800'), patient='TIMELESS', extended=b'\0\1'),
          'timeless', 'a day within, without a time')
    equal(accessions((TIME, 'TM', '-095959'), patient='DAYS'), 'd1 d3')


@case('time zones')
def time_zones():
    trap(8, 'time zone of the query, where that was agreed on; each study has its own')
    both = bytes((0, 1, 0, 1))

    def at(zone, date, time, extended, patient='ZONE'):
        rows, _, final = ask('STUDY', [(ZONE, 'SH', zone), (DATE, 'DA', date), (TIME, 'TM', time), (ACCESSION, 'SH', ''),
                                       (PATIENT, 'LO', patient)], extended)
        equal(final.status, 0, 'status (%s)' % final.comment)
        return {text(r, ACCESSION): (text(r, DATE), text(r, TIME), text(r, ZONE)) for r in rows}
    equal(at('+0000', '20260101', '', both), {'zone': ('20260101', '173000', '+0000')}, 'the day before in UTC')
    equal(at('+0800', '20260102', '', both), {'zone': ('20260102', '013000', '+0800'),
                                              'east': ('20260102', '143000', '+0800')}, 'as the clocks there say')
    equal(at('-1200', '20260101', '', both, 'FAR'), {'far': ('20260101', '223000', '-1200')}, 'two days before')
    equal(set(at('+0000', '20260101-20260102', '1700-0600', both)), {'zone'}, 'up to 06:00 UTC')
    equal(set(at('+0000', '20260101-20260102', '1700-0630', both)), {'zone', 'east'}, 'up to 06:30 UTC')
    equal(set(at('+0000', '20260102', '', b'')), {'zone', 'east'}, 'not agreed on: each by its own clock')
    equal({v[2] for v in at('+0000', '20260102', '', b'').values()}, {'+0800', '-0500'}, 'their own zones are told')
    for key, found in [('20260101173000+0000', 'zone'), ('20260102063000+0000', 'east'), ('20260102013000', 'east zone'),
                       ('20260102-0500-', 'east')]:
        _, _, final = ask('IMAGE', [(0x0008002A, 'DT', key), (ACCESSION, 'SH', '')], b'\1')
        equal(accessions((0x0008002A, 'DT', key), extended=b'\1', level='IMAGE', patient='ZONE'), found, key)
    equal(ask('STUDY', [(ZONE, 'SH', 'Beijing')], both)[2].status, 0xC000, 'no zone')


# ---- universal, empty, several values

@case('universal and empty')
def universal_and_empty():
    trap(10, 'a key without value matches where there is none; "" asks for that')
    rows, pending, _ = ask('STUDY', [(ACCESSION, 'SH', ''), (0x00081030, 'LO', ''), (0x00081080, 'LO', ''),
                                     (PATIENT, 'LO', 'ODD')])
    equal((len(rows), pending), (3, {0xFF00}), 'universal')
    equal(accessions((ACCESSION, 'SH', '*'), patient='ODD'), ' a%_b a%xb', 'only *')
    six = bytes((0, 0, 0, 0, 0, 1))
    equal(len(ask('STUDY', [(ACCESSION, 'SH', '""'), (PATIENT, 'LO', 'ODD')], six)[0]), 1, 'empty, agreed on')
    equal(len(ask('STUDY', [(0x00081030, 'LO', '""'), (PATIENT, 'LO', 'ODD')], six)[0]), 1, 'not there at all')
    equal(len(ask('STUDY', [(ACCESSION, 'SH', '""'), (PATIENT, 'LO', 'ODD')])[0]), 0, 'not agreed on: a text')
    trap(10, 'Modalities in Study: any of them')
    for value, found in [('MR', 'mixed'), ('CT', 'mixed'), ('MR\\US', 'mixed'), ('US', '')]:
        equal(accessions((MODALITIES, 'CS', value), patient='MIX'), found, value)
    every = bytes((0, 0, 0, 0, 0, 0, 1))
    for value, found in [('MR\\CT', 'mixed'), ('CT', 'mixed'), ('MR\\US', ''), ('US', ''), ('MR\\*', 'mixed')]:
        equal(accessions((MODALITIES, 'CS', value), patient='MIX', extended=every), found, value + ', all of them')
    equal(accessions((ACCESSION, 'SH', 'mixed\\d1'), extended=every), 'd1 mixed', 'which has one value')
    rows, _, _ = ask('STUDY', [(MODALITIES, 'CS', 'MR'), (PATIENT, 'LO', 'MIX')])
    equal(set(text(rows[0], MODALITIES).split('\\')), {'CT', 'MR'}, 'all are answered')


# ---- sequences

@case('sequences')
def sequences():
    trap(9, 'all keys of the item match one and the same item; nested ones, too')

    def by(tag, *keys, level='STUDY', **rest):
        return accessions((tag, 'SQ', [list(keys)] if keys is not None else []), patient='SEQ', level=level, **rest)
    a1, b2 = (0x00080100, 'SH', 'A1'), (0x00080100, 'SH', 'B2')
    equal(by(PROCEDURE, a1), 'coded plain')
    equal(by(PROCEDURE, b2), 'coded')
    equal(by(PROCEDURE, a1, (0x00080102, 'SH', 'LN')), 'plain', 'both keys in one item')
    equal(by(PROCEDURE, b2, (0x00080102, 'SH', '99*')), '', 'each in another item')
    equal(by(PROCEDURE, (0x00080100, 'SH', '')), 'coded plain', 'nothing but what is to be told')
    equal(by(OTHER_IDS, (PATIENT, 'LO', 'X1')), 'coded')
    equal(by(0x00080051, (0x00400031, 'UT', 'HIS')), 'coded')
    equal(by(REQUEST, (0x00400008, 'SQ', [[(0x00080100, 'SH', 'P9')]]), level='SERIES', extended=b'\1'), 'coded', 'nested')
    equal(by(REQUEST, (0x00400008, 'SQ', [[(0x00080100, 'SH', 'P8')]]), level='SERIES', extended=b'\1'), '', 'nested')
    equal(by(REGION, (0x00080104, 'LO', 'Ch*'), level='SERIES', extended=b'\1'), 'coded')
    rows, pending, _ = ask('STUDY', [(PROCEDURE, 'SQ', [[b2, (0x00080104, 'LO', '')]]), (ACCESSION, 'SH', '')])
    told = items(rows[0][PROCEDURE])
    equal([sorted(i) for i in told], [[0x00080100, 0x00080104]], 'the item that matched, with what was asked')
    equal((text(told[0], 0x00080100), pending), ('B2', {0xFF00}), 'told')
    for value in ([], [[]]):
        rows, _, _ = ask('STUDY', [(PROCEDURE, 'SQ', value), (ACCESSION, 'SH', 'coded')])
        equal([len(i) for i in items(rows[0][PROCEDURE])], [3, 3], 'all of it')
    rows, _, _ = ask('STUDY', [(PROCEDURE, 'SQ', [[(0x00080100, 'SH', '')]]), (ACCESSION, 'SH', 'mixed')])
    equal(rows[0][PROCEDURE], b'', 'none is kept: empty')
    equal(ask('STUDY', [(PROCEDURE, 'SQ', [[a1], [b2]])])[2].offending, PROCEDURE, 'two items')


# ---- what is answered

@case('answers')
def answers():
    trap(12, 'FF01 where a key is not supported; Retrieve AE Title; no identifier at the end')
    rows, pending, final = ask('STUDY', [(ACCESSION, 'SH', 'mixed'), (0x00180050, 'DS', '')])
    equal((pending, 0x00180050 in rows[0], final.data), ({0xFF01}, False, None), 'a key below the level')
    equal(ask('STUDY', [(ACCESSION, 'SH', 'mixed'), (0x00111001, 'LO', 'x')])[1], {0xFF01}, 'a private key')
    equal(ask('STUDY', [(ACCESSION, 'SH', 'mixed'), (0x00201208, 'IS', '7')])[1], {0xFF01}, 'a count to look for')
    rows, pending, _ = ask('STUDY', [(ACCESSION, 'SH', 'mixed'), (AVAILABILITY, 'CS', ''), (RETRIEVE_AET, 'AE', '')])
    equal((pending, text(rows[0], AVAILABILITY), text(rows[0], RETRIEVE_AET), text(rows[0], LEVEL)),
          ({0xFF00}, 'ONLINE', 'TELEREAD', 'STUDY'), 'told always')
    rows, _, _ = ask('SERIES', [(STUDY, 'UI', uid('study', 'mixed')), (ACCESSION, 'SH', '')])
    equal([text(r, ACCESSION) for r in rows], ['mixed', 'mixed'], 'attributes of the study at the level of series')
    first = [text(r, SOP) for r in ask('IMAGE', [(SOP, 'UI', '')], b'\1')[0]]
    equal([text(r, SOP) for r in ask('IMAGE', [(SOP, 'UI', '')], b'\1')[0]], first, 'the order stays')
    equal(len(first), len(OBJECTS), 'all are there')


@case('too broad')
def too_broad():
    trap(12, 'a query that is too broad is refused before its first answer')
    with lib.Node({'query.require_key': 'true', 'query.most': '2'}) as strict:
        strict.store(OBJECTS[:4])
        for keys, said in [([(STUDY, 'UI', '')], 'too broad'), ([(ACCESSION, 'SH', '**')], 'too broad'),
                           ([(PATIENT, 'LO', 'DAYS')], 'over 2 matches')]:
            rows, _, final = ask('STUDY', keys, at=strict)
            equal((len(rows), final.status), (0, 0xA700), 'refused')
            check(said in final.comment, final.comment)
        equal(len(ask('STUDY', [(DATE, 'DA', '20060705')], at=strict)[0]), 2, 'two are not too many')


# ---- attributes of the configuration

@case('attributes of the configuration')
def attributes_of_the_configuration():
    trap(10, 'private attributes by their creator, whatever block the query has it in')
    keys = [(0x00090030, 'LO', 'TELEREAD TEST'), (0x00093001, 'LO', 'private*'), (PATIENT, 'LO', 'MIX')]
    rows, pending, _ = ask('STUDY', keys)
    equal((len(rows), pending), (1, {0xFF00}), 'matched')
    equal((text(rows[0], 0x00090030), text(rows[0], 0x00093001)), ('TELEREAD TEST', 'private value'), 'answered')
    equal(len(ask('STUDY', keys[:1] + [(0x00093001, 'LO', 'other')])[0]), 0, 'another value')
    equal(ask('STUDY', [(0x00090030, 'LO', 'ANOTHER')] + keys[1:])[1], {0xFF01}, 'another creator')
    rows, _, _ = ask('IMAGE', [(0x00189345, 'FD', 12.5), (0x00181110, 'DS', '')], b'\1')
    equal([(r[0x00189345], text(r, 0x00181110)) for r in rows], [(b'\0\0\0\0\0\0\x29\x40', '1000')], 'an FD, a DS')
    node.teleread('fsck')
    check(node.teleread('reindex', '--prove').out.rstrip().endswith('0 faults'), 'an index built anew is the same')


@case('attributes in the file')
def attributes_in_the_file():
    for wrong, said in [('0029,1010 LO study', 'expected TAG "CREATOR" VR LEVEL'), ('PatientName study', 'kept already'),
                        ('NoSuchWord study', 'expected a keyword or a tag'), ('0018,9345 XX image', 'expected a VR'),
                        ('SliceProgressionDirection frame', 'expected patient, study, series or image'),
                        ('DistanceSourceToDetector', 'expected KEYWORD LEVEL')]:
        path = os.path.join(node.folder, 'wrong.conf')
        with open(path, 'w') as f:
            f.write('[node]\naet = X\n\n[index]\nattributes = DistanceSourceToDetector series; %s\n' % wrong)
        done = lib.execute([lib.PROGRAM, 'config', 'check', '--config', path])
        equal(done.code, 2, str(done))
        check('%s:5: [index] attributes: entry 2' % path in done.all and said in done.all, done.all)


@case('the command line tells what it does not look at')
def command_line():
    done = node.teleread('find', 'AccessionNumber=mixed', 'SliceThickness=1', '0011,1001=x')
    equal(done.err.splitlines(), [
        'teleread find: SliceThickness is of a level below study: it is not looked at',
        'teleread find: 0011,1001=x is not kept in the index: it is not looked at'], 'said')
    heading, row = done.out.splitlines()
    equal((heading.split()[0], row.split()[0]), ('Site', 'NORTH'), 'whose it is')
    done = node.teleread('find', '--level', 'image', '0018,9345=12.5', '0009,0010=TELEREAD TEST', '0009,1001=private*')
    check(uid('sop', 'extra', 1, 1) in done.out and not done.err and len(done.out.splitlines()) == 2, done)
    done = node.teleread('find', '--level', 'image', 'Rows=32', 'AccessionNumber=mixed', 'ProcedureCodeSequence=')
    equal(len(done.out.splitlines()), 3, str(done))
    for key, found in [('ProcedureCodeSequence.CodeValue=B2', 1), ('ProcedureCodeSequence.CodeValue=A1', 2),
                       ('0008,1032.0008,0102=LN', 2), ('ProcedureCodeSequence.CodeValue=B3', 0)]:
        equal(len(node.json_lines('find', key)), found, key)
    equal(len(node.json_lines('find', 'ProcedureCodeSequence.CodeValue=B2',
                              'ProcedureCodeSequence.CodingSchemeDesignator=99*')), 0, 'both in one item')
    nested = 'RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue='
    equal([len(node.json_lines('find', '--level', 'series', nested + w)) for w in ('P9', 'P8')], [1, 0], 'nested')
    for wrong in ('PatientName.CodeValue=x', 'ProcedureCodeSequence.=x', '.CodeValue=x', 'ProcedureCodeSequence.X=x'):
        equal(node.teleread('find', wrong, code=2).out, '', wrong)


@case('attributes come with a reindex')
def attributes_come_with_a_reindex():
    with lib.Node() as later:
        later.store([OBJECTS[0]])
        later.stop()
        later.settings['index.attributes'] = PRIVATE
        later.write_config()
        keys = [(0x00090010, 'LO', 'TELEREAD TEST'), (0x00091001, 'LO', 'private value')]
        later.start()
        equal(len(ask('STUDY', keys, at=later)[0]), 0, 'not kept when it came')
        later.teleread('reindex')
        equal(len(ask('STUDY', keys, at=later)[0]), 1, 'after a reindex beside the node')


lib.main()
