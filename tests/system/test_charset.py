#!/usr/bin/env python3
"""Text in every character set: in by C-STORE, out by C-FIND in the set of the request; wrong labels; nothing but UTF-8."""
import json
import os
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import EXPLICIT_LE, encode, image, parse, text, uid

lib.need_program()
node = lib.Node()
node.start()

CHARSET, NAME, STUDY, DESCRIPTION, CODES = 0x00080005, 0x00100010, 0x0020000D, 0x00081030, 0x00081032
GB, GBK, UTF8 = ('GB18030', 'gb18030'), ('GBK', 'gbk'), ('ISO_IR 192', 'utf-8')
# trail bytes of the first four are \ ^ | ~ in ASCII, the next two are of four bytes, the last moved between editions
SEVEN = '昞俕寍亊㛃𬱖䶮'
IN_GBK = '昞俕寍亊'
IR58, IR149, IR87, TO_ASCII, TO_ROMAN = b'\x1b$)A', b'\x1b$)C', b'\x1b$B', b'\x1b(B', b'\x1b(J'


def holds(codec, word):
    try:
        word.encode(codec)
        return True
    except UnicodeEncodeError:
        return False


def send(study, name, charset, description='', extra=()):
    extra = list(extra) + ([(DESCRIPTION, 'LO', description)] if description else [])
    instance = image(study, patient='CS ' + study, name=name, charset=charset, extra=extra)
    equal(node.store([instance]), [0], 'status of C-STORE of ' + study)
    return instance


def ask(charset, **named):
    rows = node.find('STUDY', SpecificCharacterSet=charset, **named) if charset is not None else \
        node.find('STUDY', **named)
    return rows


def one(charset, **named):
    rows = ask(charset, **named)
    equal(len(rows), 1, 'matches of %r in %s' % (named, charset))
    return rows[0]


def studies(charset, **named):
    return sorted(text(r, STUDY) for r in ask(charset, StudyInstanceUID='', **named))


@case('seven names with trail bytes that are delimiters, in and out in three character sets')
def seven_names():
    trap(5, 'trail bytes 5C 5E 7C 7E and codes of four bytes, in names and between delimiters')
    trap(6, 'answers in the character set of the request when it holds the value, else in UTF-8')
    sent = []
    for n, char in enumerate(SEVEN):
        for label, codec in (GB, GBK, UTF8):
            if not holds(codec, char):
                continue
            name = 'Wang^Ming=王^%s%s^%s=' % (char, char, char)
            sent.append(('seven%d %s' % (n, label), name))
            send(sent[-1][0], name.encode(codec), label)
    equal(len(sent), 7 + 4 + 7, 'objects')
    for study, name in sent:
        for label, codec in (GB, GBK, UTF8):
            row = one(label, PatientID='CS ' + study, PatientName='')
            wanted, used = (label, codec) if holds(codec, name) else UTF8
            equal(text(row, CHARSET), wanted, 'character set of %s asked in %s' % (study, label))
            equal(row[NAME].rstrip(b' ').decode(used), name, 'name of %s asked in %s' % (study, label))


@case('names are searched for in any of these, characters counted as characters')
def searched():
    trap(3, '? is one character, in GBK and UTF-8 alike')
    trap(5, 'keys are decoded before they are split')
    send('wild1', '王昞'.encode('gbk'), 'GBK')
    send('wild2', '王小东'.encode(), 'ISO_IR 192')
    for label, codec in (GB, GBK, UTF8):
        found = studies(label, PatientID='CS wild*', PatientName='王?'.encode(codec))
        equal(found, [uid('study', 'wild1')], '王? in ' + label)
        found = studies(label, PatientID='CS wild*', PatientName='王*'.encode(codec))
        equal(found, sorted([uid('study', 'wild1'), uid('study', 'wild2')]), '王* in ' + label)
        found = studies(label, PatientID='CS seven*', PatientName='*昞^*'.encode(codec))
        equal(len(found), 3, '*昞^* in ' + label)


@case('ISO 2022 in and out: Japanese, Korean, Chinese, Thai, Cyrillic beside Latin')
def iso_2022():
    trap(6, 'ISO 2022 with several sets: escape sequences, and the first state before each delimiter')
    objects = [
        ('\\ISO 2022 IR 87', 'Yamada^Tarou=山田^太郎',
         b'Yamada^Tarou=' + IR87 + b';3ED' + TO_ASCII + b'^' + IR87 + b'B@O:' + TO_ASCII),
        ('ISO 2022 IR 13\\ISO 2022 IR 87', 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎',
         b'\xd4\xcf\xc0\xde^\xc0\xdb\xb3=' + IR87 + b';3ED' + TO_ROMAN + b'^' + IR87 + b'B@O:' + TO_ROMAN),
        ('\\ISO 2022 IR 149', 'Hong^Gildong=洪^吉洞=홍^길동',
         b'Hong^Gildong=' + IR149 + b'\xfb\xf3^' + IR149 + b'\xd1\xce\xd4\xd7=' + IR149 + b'\xc8\xab^' + IR149 +
         b'\xb1\xe6\xb5\xbf'),
        ('ISO 2022 IR 6\\ISO 2022 IR 58', 'Zhang^XiaoDong=张^小东',
         b'Zhang^XiaoDong=' + IR58 + b'\xd5\xc5^' + IR58 + b'\xd0\xa1\xb6\xab'),
        ('ISO 2022 IR 100\\ISO 2022 IR 144', 'Müller=Мюллер', b'M\xfcller=\x1b-L\xbc\xee\xdb\xdb\xd5\xe0\x1b-A'),
        ('ISO_IR 166', 'นาย', b'\xb9\xd2\xc2'),
        ('ISO_IR 13', 'ﾔﾏﾀﾞ', b'\xd4\xcf\xc0\xde'),
    ]
    for n, (label, name, raw) in enumerate(objects):
        send('iso%d' % n, raw, label)
    for n, (label, name, raw) in enumerate(objects):
        row = one('ISO_IR 192', PatientID='CS iso%d' % n, PatientName='')
        equal(text(row, NAME), name, 'name of ' + label)
        row = one(label, PatientID='CS iso%d' % n, PatientName='')
        equal((text(row, CHARSET), row[NAME].rstrip(b' ')), (label, raw), 'answer in ' + label)
        row = one(label, PatientName=raw, PatientID='')
        equal(text(row, 0x00100020), 'CS iso%d' % n, 'found by its own bytes in ' + label)
    row = one('\\ISO 2022 IR 149', PatientID='CS iso0', PatientName='')
    check(text(row, CHARSET) in ('\\ISO 2022 IR 149', 'ISO_IR 192'), 'another set that holds it, or UTF-8')
    row = one('ISO_IR 166', PatientID='CS iso2', PatientName='')
    equal((text(row, CHARSET), text(row, NAME)), ('ISO_IR 192', objects[2][1]), 'what Thai does not hold')


@case('text where it has no place, in codes, is answered in the character set of the rest')
def text_in_codes():
    sent = send('codes', 'Doe^John', 'GB18030', extra=[(0x00180015, 'CS', '头部'.encode('gbk'))])
    for label, wanted, codec in (('GB18030', 'GB18030', 'gbk'), (None, 'ISO_IR 192', 'utf-8')):
        keys = [(0x00080052, 'CS', 'SERIES'), (STUDY, 'UI', sent.study), (0x00180015, 'CS', '头*'.encode(codec))]
        keys += [(CHARSET, 'CS', label)] if label else []
        with node.associate(contexts=[(dul.STUDY_FIND, [dul.IMPLICIT_LE])]) as a:
            rows, _ = a.find(dul.STUDY_FIND, encode(keys, dul.IMPLICIT_LE))
        row, = [parse(r.data, dul.IMPLICIT_LE) for r in rows]
        equal((text(row, CHARSET), row[0x00180015].rstrip(b' ')), (wanted, '头部'.encode(codec)), 'asked in %s' % label)


@case('labels are understood as the field spells them; an unknown one is answered in UTF-8')
def spelled():
    send('spelled', b'M\xfcller^J\xf6rg', 'iso-ir 100')
    for label, wanted in (('iso ir 100', 'ISO_IR 100'), ('ISO_IR_100', 'ISO_IR 100'), ('utf-8', 'ISO_IR 192'),
                          ('ISO_IR 999', 'ISO_IR 192'), ('KLINGON', 'ISO_IR 192'), (None, 'ISO_IR 192')):
        row = one(label, PatientID='CS spelled', PatientName='')
        equal(text(row, CHARSET), wanted, 'character set of an answer to %s' % label)
        equal(row[NAME].rstrip().decode('latin-1' if wanted == 'ISO_IR 100' else 'utf-8'), 'Müller^Jörg', label)
    row = one('ISO 2022 GBK', PatientID='CS wild1', PatientName='')
    equal((text(row, CHARSET), row[NAME].rstrip()), ('GBK', '王昞'.encode('gbk')), 'ISO 2022 GBK')


@case('ASCII answers name no character set')
def ascii_answers():
    trap(6, '(0008,0005) only where there is text outside ASCII')
    send('ascii', 'Doe^John', 'ISO_IR 192')
    for label in (None, 'GB18030', 'ISO_IR 100', 'ISO 2022 IR 6\\ISO 2022 IR 58'):
        check(CHARSET not in one(label, PatientID='CS ascii', PatientName=''), 'no label in %s' % label)


@case('Chinese under a wrong label, or none, is found as labelled and as meant, marked, and kept as it came')
def wrong_labels():
    trap(5, 'GBK under ISO_IR 100 or none, UTF-8 under ISO_IR 100, none or GB18030: both readings found, study marked')
    meaning = [(0x00080100, 'SH', 'HEAD'), (0x00080102, 'SH', '99DEMO'), (0x00080104, 'LO', '头颅平扫'.encode('gbk'))]
    sent = [send('wrong gbk', '陈静=陈^静'.encode('gbk'), 'ISO_IR 100', '头颅 CT'.encode('gbk'), [(CODES, 'SQ', [meaning])]),
            send('wrong none', '陈静'.encode('gbk'), None), send('wrong utf', '陈静'.encode(), 'ISO_IR 100'),
            send('wrong none utf', '陈静'.encode(), None), send('wrong gb utf', '陈静'.encode(), 'GB18030'),
            send('wrong greek', '陈静^王小东'.encode('gbk'), 'ISO_IR 144')]
    every = sorted(i.study for i in sent)
    for label, codec in (GB, GBK, UTF8):
        equal(studies(label, PatientID='CS wrong*', PatientName='陈静*'.encode(codec)), every, '陈静* in ' + label)
    row = one('GB18030', PatientID='CS wrong gbk', PatientName='', StudyDescription='')
    equal((text(row, NAME, 'gbk'), text(row, DESCRIPTION, 'gbk')), ('陈静=陈^静', '头颅 CT'), 'shown as meant')
    # as labelled, too: who asks with the same mistake finds it
    mistaken = '陈静'.encode('gbk').decode('latin-1')
    equal(studies('ISO_IR 192', PatientName=mistaken + '*', PatientID='CS wrong gbk'), [sent[0].study], 'as labelled')
    for description in ('头颅 CT', '头*'):
        equal(studies('ISO_IR 192', StudyDescription=description), [sent[0].study], description)
    mistaken = '头颅'.encode('gbk').decode('latin-1')
    equal(studies('ISO_IR 192', StudyDescription=mistaken + '*'), [sent[0].study], 'description as labelled')
    equal({u: d for u, (_, d) in node.get_all(sent).items()}, {i.uid: i.data for i in sent}, 'bytes as they came')
    said = node.teleread('find', 'PatientID=CS wrong*').err
    for word in ('ISO_IR 100 is GB18030', 'none is GB18030', 'ISO_IR 100 is ISO_IR 192', 'none is ISO_IR 192',
                 'GB18030 is ISO_IR 192', 'ISO_IR 144 is GB18030'):
        check(word in said, 'teleread find says "%s": %s' % (word, said))


@case('who asks under a wrong label, or none, is understood')
def mistaken_requests():
    for label, codec in ((None, 'gbk'), (None, 'utf-8'), ('ISO_IR 100', 'gbk'), ('ISO_IR 100', 'utf-8'),
                         ('ISO_IR 192', 'gbk'), ('GB18030', 'utf-8'), ('ISO_IR 6', 'gbk')):
        equal(studies(label, PatientID='CS wild2', PatientName='王小东'.encode(codec)), [uid('study', 'wild2')],
              '%s under %s' % (codec, label))
    # in GB18030 these few bytes are Greek and Russian letters in UTF-8, and what stands for itself comes first
    for label in (None, 'ISO_IR 6', 'ISO_IR 100'):
        for key in ('*小*', '?小?', '*小东'):
            equal(studies(label, PatientID='CS wild2', PatientName=key.encode('gbk')), [uid('study', 'wild2')],
                  '%s under %s' % (key, label))
    russian = send('russian', 'С'.encode(), 'ISO_IR 192')
    equal('С'.encode(), '小'.encode('gbk'), 'two readings')
    equal(studies(None, PatientID='CS *', PatientName='*小*'.encode('gbk')), [russian.study], 'the likely reading')
    equal(studies('GB18030', PatientID='CS wild2', PatientName='*小*'.encode('gbk')), [uid('study', 'wild2')], 'labelled')


@case('Latin-1 is not taken for Chinese, labelled or not')
def latin_is_not_harmed():
    trap(5, 'Müller, Ångström, Böhm^Jörg, José, São, Übüng stay what they are')
    for n, name in enumerate(('Müller', 'Ångström', 'Böhm^Jörg', 'José', 'São', 'Übüng')):
        for label in ('ISO_IR 100', None):
            study = 'latin%d %s' % (n, label)
            send(study, name.encode('latin-1'), label)
            row = one('ISO_IR 192', PatientID='CS ' + study, PatientName='')
            equal(text(row, NAME), name, study)
            equal(studies('ISO_IR 100', PatientID='CS ' + study, PatientName=name.encode('latin-1')),
                  [uid('study', study)], study + ' by its name')
    said = node.teleread('find', 'PatientID=CS latin* ISO*').err
    check('is GB18030' not in said and 'ISO_IR 100 is' not in said, 'no remark on right labels: ' + said)


@case('bytes that are no text never come out as such')
def nothing_invalid():
    for n, raw in enumerate((b'A\xff\xfe\x80^B', b'\xf4\x90\x80\x80', b'\xed\xa0\x80', b'\xc3', b'\x1b$Z\x80', b'\xe7\x8e')):
        for label in (None, 'ISO_IR 192', 'GB18030', 'ISO_IR 149', '\\ISO 2022 IR 87', 'ISO_IR 13'):
            send('odd %d %s' % (n, label), raw, label)
    for label in (None, 'ISO_IR 192', 'GB18030', 'ISO_IR 100', '\\ISO 2022 IR 58'):
        for row in ask(label, PatientID='CS odd*', PatientName=''):
            used = text(row, CHARSET) if CHARSET in row else ''
            check(not used or used == 'ISO_IR 192' or used == label, 'label of an answer: ' + used)
            if used in ('', 'ISO_IR 192'):
                row[NAME].decode('utf-8')
            elif used in ('GB18030', 'ISO_IR 100'):
                row[NAME].decode({'GB18030': 'gb18030', 'ISO_IR 100': 'latin-1'}[used])
    line = [lib.PROGRAM, 'find', '--config', node.config, '--data', node.data, '--json', 'PatientID=CS*']
    for at in lib.subprocess.run(line, stdout=lib.subprocess.PIPE, check=True).stdout.splitlines():
        json.loads(at.decode('utf-8'))
    with open(node.log, 'rb') as f:
        f.read().decode('utf-8')


@case('a remark on a wrong label is logged once in an association')
def told_once():
    instances = [image('told', n, patient='CS told', name='张伟'.encode('gbk'), charset='ISO_IR 100') for n in range(1, 9)]
    equal(node.store(instances), [0] * 8, 'statuses')
    with open(node.log, encoding='utf-8') as f:
        lines = [at for at in f if 'ISO_IR 100 is GB18030' in at and 'remark' in at]
    told = [at for at in lines if any(i.uid in at for i in instances)]
    equal(len(told), 1, 'lines in the log for eight instances')
    alerts = node.json_lines('alerts', '--kind', 'charset')
    check(any(a['subject'] == 'COUNTY' for a in alerts), 'an alert about the sender: %r' % alerts)


@case("DCMTK's findscu asks in GB18030 and GBK, and reads the answers")
def findscu():
    trap(6, "DCMTK's client reads answers in GB18030 and GBK")
    for label, codec in (GB, GBK):
        query = os.path.join(lib.folder(), 'query.dcm')
        with open(query, 'wb') as f:
            keys = encode([(0x00080005, 'CS', label), (0x00080052, 'CS', 'STUDY'),
                           (NAME, 'PN', '王昞'.encode(codec)), (STUDY, 'UI', '')], EXPLICIT_LE)
            f.write(keys)
        done = lib.tool('findscu', '-S', '-v', '-aet', 'COUNTY', '-aec', 'TELEREAD', '-X', '-od', os.path.dirname(query),
                        '127.0.0.1', node.port, query)
        check('rsp0001.dcm' in os.listdir(os.path.dirname(query)), 'an answer: %s' % done)
        answer = os.path.join(os.path.dirname(query), 'rsp0001.dcm')
        shown = lib.tool('dcmdump', '+U8', '+P', '0010,0010', '+P', '0008,0005', answer).out
        check('[王昞]' in shown, 'the name as DCMTK reads it: ' + shown)


@case('the index that grew equals the one built from the packs')
def proven():
    node.stop()
    node.teleread('reindex', '--prove')
    node.teleread('fsck')


lib.main()
