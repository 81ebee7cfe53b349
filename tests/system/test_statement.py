#!/usr/bin/env python3
"""The conformance statement against the node: what it lists is so, and what it does not list is not."""
import json
import os
import sys
import time

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal
from objects import CT, KEYWORDS, encode, image, parse, text

lib.need_program()


class Stating(lib.Node):
    def write_config(self):
        super().write_config()
        with open(self.config, 'a', encoding='utf-8') as f:
            f.write('[coerce CT1]\nset InstitutionName = North\nremove = PatientAddress\n')


node = Stating({'node.aet': 'STATED', 'dicom.check_called_aet': 'true', 'dicom.max_pdu_receive': '32K',
                'dicom.max_associations': '3', 'dicom.async_window': '5', 'query.fuzzy': 'off', 'index.attributes': 'ReconstructionDiameter series'})
node.teleread('peer', 'add', 'CT1', '--site', 'NORTH')
node.start()
FACTS = json.loads(node.teleread('statement', '--json').out)
AE = FACTS['application_entity']
SYNTAXES = list(FACTS['transfer_syntaxes'])
LEVELS = ('PATIENT', 'STUDY', 'SERIES', 'IMAGE')
ONE = image('stated', charset='ISO_IR 192', name='Wang^Xiaodong=王^小东')


def associate(contexts, calling='COUNTY', **rest):
    return dul.Association(node.port, calling, 'STATED', contexts, **rest)


def patiently():
    """An association, while those before it may still be on their way out."""
    for _ in range(100):
        try:
            return associate([(dul.VERIFICATION, [dul.IMPLICIT_LE])])
        except dul.Rejected as e:
            equal(e.result, 2, 'transient')
            time.sleep(0.05)
    raise AssertionError('no association within five seconds')


def results(contexts, calling='COUNTY'):
    """The result of each context, 120 in an association."""
    out = []
    for at in range(0, len(contexts), 120):
        some = contexts[at:at + 120]
        with associate(some, calling) as a:
            out += [a.results[2 * i + 1] for i in range(len(some))]
    return out


def ask(level, elements, model=dul.STUDY_FIND):
    with associate([(model, [dul.EXPLICIT_LE])]) as a:
        rows, final = a.find(model, encode([(0x00080052, 'CS', level)] + elements))
    return rows, final


with associate([(CT, [ONE.syntax])]) as a:
    equal(a.store(CT, ONE.uid, ONE.syntax, ONE.data).status, 0)


@case('the web services listed are those that the node documents, and answers')
def web_services():
    import http.client
    token = json.loads(node.teleread('token', 'create', '--name', 'stated', '--role', 'site-viewer', '--site', 'NORTH', '--json').out)['token']

    def get(path):
        c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=20)
        c.request('GET', path, headers={'Authorization': 'Bearer ' + token})
        answer = c.getresponse()
        return answer.status, answer.read()
    paths = json.loads(get('/api/openapi.json')[1])['paths']
    documented = {(m.upper(), p) for p in paths for m in paths[p] if p.startswith(('/dicom-web', '/wado')) and m != 'parameters'}
    listed = {(s['method'], s['resource'].replace('...', '')) for s in FACTS['web_services']}
    equal(sorted(listed - documented), [], 'services that are listed and not documented')
    equal(sorted(documented - listed - {('HEAD', p) for p in paths}), [], 'and the reverse')
    equal(get('/dicom-web/studies')[0], 200, 'one of them')
    equal(FACTS['security'], {'dicom_tls': False, 'dicom_tls_port': 2762, 'http_tls': False, 'audit_syslog': False}, 'security')


@case('AE title, largest PDU, implementation, number of associations')
def entity():
    equal((AE['title'], AE['max_pdu_receive'], AE['called_title_checked']), ('STATED', 32768, True))
    with associate([(dul.VERIFICATION, [dul.IMPLICIT_LE])]) as a:
        equal(a.peer_max, AE['max_pdu_receive'])
        equal(a.window, None, 'not asked for')
    with associate([(dul.VERIFICATION, [dul.IMPLICIT_LE])], window=(0, 0)) as a:
        equal(a.window[0], AE['async_window'])
    try:
        node.associate('COUNTY')
        raise AssertionError('another called AE title was accepted')
    except dul.Rejected as e:
        equal((e.result, e.source, e.reason), (1, 1, 7))
    held = [patiently() for _ in range(AE['max_associations'])]
    try:
        associate([(dul.VERIFICATION, [dul.IMPLICIT_LE])])
        raise AssertionError('one more association was accepted')
    except dul.Rejected as e:
        equal(e.result, 2, 'transient')
    for a in held:
        a.release()


@case('every SOP class with every transfer syntax: accepted where listed, refused where not')
def contexts():
    pairs, wanted = [], []
    for c in FACTS['sop_classes']:
        listed = FACTS['syntax_sets'][c['syntaxes']]
        for s in SYNTAXES:
            pairs.append((c['uid'], [s]))
            wanted.append(0 if s in listed else 4)
    check(len(pairs) > 10000, 'all of them')
    got = results(pairs)
    wrong = [(p, g, w) for p, g, w in zip(pairs, got, wanted) if g != w]
    equal(wrong[:3], [])


@case('other SOP classes are refused')
def classes():
    listed = {c['uid'] for c in FACTS['sop_classes']}
    others = [c for c in ('1.2.840.10008.1.20.1', '1.2.840.10008.5.1.4.31', '1.2.840.10008.3.1.2.3.3',
                          '1.2.840.10008.5.1.4.34.6.1', '1.2.840.10008.5.1.1.9', '1.2.840.10008.5.1.4.1.2.3.1',
                          '1.2.840.10008.1.3.10', '1.2.3.4') if c not in listed]
    check(len(others) > 4, 'some are left')
    equal(results([(c, [dul.IMPLICIT_LE, dul.EXPLICIT_LE]) for c in others]), [3] * len(others))


@case('syntaxes for a peer with rules of coercion')
def coercion():
    peer, = FACTS['coercion']
    equal((peer['peer'], peer['status'], [r['attribute'] for r in peer['rules']]),
          ('CT1', 'B000', ['InstitutionName', 'PatientAddress']))
    equal(results([(CT, [s]) for s in SYNTAXES], 'CT1'), [0 if s in peer['syntaxes'] else 4 for s in SYNTAXES])
    with associate([(CT, [ONE.syntax])], 'CT1') as a:
        two = image('stated two')
        equal('%04X' % a.store(CT, two.uid, two.syntax, two.data).status, peer['status'])


def value_of(key):
    return (int(key['tag'].replace(',', ''), 16), key['vr'], [] if key['vr'] == 'SQ' else '')


@case('each query key that is listed at a level is answered with FF00, others with FF01')
def keys():
    every = {}
    for level in LEVELS:
        for k in FACTS['query_keys'][level]:
            every[k['tag']] = k
    check('0018,1100' in every and len(every) > 100, 'those of the configuration, too')
    above = {'PATIENT': [], 'STUDY': [], 'SERIES': [(0x0020000D, 'UI', ONE.study)],
             'IMAGE': [(0x0020000D, 'UI', ONE.study), (0x0020000E, 'UI', ONE.series)]}
    for level in LEVELS:
        listed = {k['tag'] for k in FACTS['query_keys'][level]}
        model = dul.PATIENT_FIND if level == 'PATIENT' else dul.STUDY_FIND
        with associate([(model, [dul.EXPLICIT_LE])]) as a:
            for tag, k in sorted(every.items()):
                keys = [e for e in above[level] if e[0] != value_of(k)[0]]
                if len(keys) < len(above[level]):
                    continue
                rows, final = a.find(model, encode([(0x00080052, 'CS', level), value_of(k)] + keys))
                check(rows and final.status == 0, 'matches of %s at %s: %s' % (tag, level, final))
                equal('%04X' % rows[0].status, 'FF00' if tag in listed else 'FF01', '%s at %s' % (tag, level))
                if tag in listed:
                    check(value_of(k)[0] in parse(rows[0].data), '%s is answered at %s' % (tag, level))
    for tag, vr in ((0x00180081, 'DS'), (0x00101081, 'LO'), (0x00091010, 'LO')):
        equal(ask('STUDY', [(tag, vr, '')])[0][0].status, 0xFF01)


@case('matching is as listed: list of UID, range, wild card, number, sequence')
def matching():
    said = {k['keyword']: k['matching'] for k in FACTS['query_keys']['STUDY']}

    def count(elements):
        rows, final = ask('STUDY', elements + [(0x00100020, 'LO', 'P1')])
        equal(final.status, 0)
        return len([r for r in rows if text(parse(r.data), 0x0020000D) == ONE.study])
    check('list of UID' in said['StudyInstanceUID'], said['StudyInstanceUID'])
    equal(count([(0x0020000D, 'UI', '1.2.3\\' + ONE.study)]), 1)
    check('range' in said['StudyDate'], said['StudyDate'])
    equal([count([(0x00080020, 'DA', v)]) for v in ('20260101-20260131', '-20250101')], [1, 0])
    check('wild card' in said['StudyDescription'], said['StudyDescription'])
    equal([count([(0x00081030, 'LO', v)]) for v in ('St?dy st*', 'st*')], [1, 0])
    check('wild card' not in said['PatientAge'], said['PatientAge'])
    check('component group' in said['PatientName'], said['PatientName'])
    equal(count([(0x00080005, 'CS', 'ISO_IR 192'), (0x00100010, 'PN', '王*')]), 1)


@case('extended negotiation is as listed')
def extended():
    items = {c['name']: c['items'] for c in FACTS['extended_negotiation']}
    study = items['Study Root Query/Retrieve - FIND']
    equal([i['agreed'] for i in study if 'fuzzy' in i['name']], [False], 'query.fuzzy is off')
    equal([i['agreed'] for i in study if 'relational' in i['name']], [True])
    on = lib.Node({'query.fuzzy': 'negotiated'}, sites=False)
    facts = json.loads(on.teleread('statement', '--json').out)
    agreed, = [i['agreed'] for c in facts['extended_negotiation'] if c['name'].startswith('Study Root') and 'FIND' in c['name']
               for i in c['items'] if 'fuzzy' in i['name']]
    check(agreed, 'fuzzy matching where it may be negotiated')


@case('character sets: answers are in each set that is listed alone')
def charsets():
    samples = {'ISO_IR 6': 'x', 'ISO_IR 13': 'ｱ', 'ISO_IR 100': 'é', 'ISO_IR 101': 'ł', 'ISO_IR 109': 'ħ', 'ISO_IR 110': 'ā',
               'ISO_IR 126': 'Ω', 'ISO_IR 127': 'ا', 'ISO_IR 138': 'א', 'ISO_IR 144': 'Ж', 'ISO_IR 148': 'ğ', 'ISO_IR 166': 'ก',
               'ISO_IR 203': '€', 'ISO_IR 192': '王', 'GB18030': '王', 'GBK': '王'}
    terms = [c['term'] for c in FACTS['character_sets'] if c['term']]
    equal(sorted(terms), sorted(samples), 'a sample for each')
    for n, term in enumerate(terms):
        one = image('set%d' % n, patient='S%d' % n, charset='ISO_IR 192', name='Set^' + samples[term])
        with associate([(CT, [one.syntax])]) as a:
            equal(a.store(CT, one.uid, one.syntax, one.data).status, 0)
        rows, _ = ask('STUDY', [(0x00080005, 'CS', term), (0x00100010, 'PN', ''), (0x00100020, 'LO', 'S%d' % n)])
        row = parse(rows[0].data)
        equal(text(row, 0x00080005), '' if term == 'ISO_IR 6' else term)
        if term in ('ISO_IR 192', 'GB18030', 'GBK'):
            codec = {'ISO_IR 192': 'utf-8'}.get(term, term)
            equal(text(row, 0x00100010, codec), 'Set^王')


@case('classes have names of one kind, each once; retired ones say so')
def names():
    named = {c['uid']: c['name'] for c in FACTS['sop_classes']}
    equal(sorted(n for n in set(named.values()) if list(named.values()).count(n) > 1), [], 'names that stand twice')
    equal([n for n in named.values() if ' ' not in n and n != 'Verification'], [], 'names that are not in words')
    root = '1.2.840.10008.5.1.4.1.1.'
    equal([named[root + end] for end in ('2', '2.3', '1.1', '6', '6.1', '3', '5', '13.1.1')],
          ['CT Image Storage', 'CT Image Storage - For Processing', 'Digital X-Ray Image Storage For Presentation',
           'Ultrasound Image Storage (retired)', 'Ultrasound Image Storage', 'Ultrasound Multiframe Image Storage (retired)',
           'Nuclear Medicine Image Storage (retired)', 'X-Ray 3D Angiographic Image Storage'])


@case('statuses that the node answers are listed')
def statuses():
    codes = {name: {s['code'] for s in rows} for name, rows in FACTS['statuses'].items()}

    def listed(service, answer):
        check('%04X' % answer.status in codes[service], '%04X of %s' % (answer.status, service))
        return answer.status
    equal(codes['C-STORE'] & {'FE00', '0111', '0112'}, set(), 'codes that a C-STORE never has')
    equal(codes['C-FIND'] & {'0111', '0112'}, set(), 'codes that a C-FIND never has')
    other = image('stated', name='Other^One')
    with associate([(CT, [ONE.syntax]), (dul.STUDY_FIND, [dul.EXPLICIT_LE]), (dul.STUDY_MOVE, [dul.EXPLICIT_LE]),
                    (dul.VERIFICATION, [dul.EXPLICIT_LE])]) as a:
        equal(listed('C-ECHO', a.echo()), 0)
        equal(listed('C-STORE', a.store(CT, ONE.uid, ONE.syntax, ONE.data)), 0)
        equal(listed('C-STORE', a.store(CT, other.uid, other.syntax, other.data)), 0xB000)
        equal(listed('C-STORE', a.store(CT, '1.2.3', ONE.syntax, ONE.data)), 0xA900)
        listed('C-STORE', a.store(CT, '1.2.3.4', ONE.syntax, b'nonsense'))
        study = [(0x00080052, 'CS', 'STUDY'), (0x0020000D, 'UI', ONE.study)]
        for elements in (study, [], study + [(0x00080020, 'DA', 'never')]):
            rows, final = a.find(dul.STUDY_FIND, encode(elements))
            listed('C-FIND', final)
            for row in rows:
                listed('C-FIND', row)
        equal(listed('C-MOVE', a.move(dul.STUDY_MOVE, 'NOWHERE', encode(study))[1]), 0xA801)
        listed('C-MOVE', a.move(dul.STUDY_MOVE, 'NOWHERE', encode([]))[1])


@case('the text has every class, syntax, key and status, tables of equal columns')
def markdown():
    page = node.teleread('statement').out
    words = [c['uid'] for c in FACTS['sop_classes']] + SYNTAXES
    words += ['(%s)' % k['tag'] for level in LEVELS for k in FACTS['query_keys'][level]]
    words += [s['code'] for rows in FACTS['statuses'].values() for s in rows]
    words += [FACTS['product']['implementation_class_uid'], 'STATED', '32768', 'ISO 2022 IR 58']
    listed = {s for group in FACTS['syntax_sets'] for s in group}
    equal([w for w in words if w not in page and (w not in SYNTAXES or w in listed)], [])
    columns = 0
    for line in page.split('```')[0].splitlines():
        bars = line.count('|')
        check(not bars or not columns or bars == columns, line)
        columns = bars
    equal(lib.execute([lib.PROGRAM, 'statement', '--data', os.path.join(lib.folder(), 'nothing')]).code, 0, 'without an archive')


@case('the node stops')
def stop():
    node.stop()


lib.main()
