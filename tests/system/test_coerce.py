#!/usr/bin/env python3
"""Coercion by rule: what a peer's rules change, what the answer says, and that everything else stays as it was sent."""
import os
import re
import shutil
import signal
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, tool, trap
from objects import CT, JPEG_LS, RLE, file_meta, image, parse, text, uid

lib.need_program()
RULES = """
[coerce CT1]
set InstitutionName = 北县医院
default IssuerOfPatientID = COUNTY1
prefix PatientID = C1-
remove = PatientAddress

[coerce QUIET]
set InstitutionName = North
status = success

[coerce NOTHING]
default PatientID = UNKNOWN
"""
ID, ISSUER, INSTITUTION, ADDRESS, ORIGINAL = 0x00100020, 0x00100021, 0x00080080, 0x00101040, 0x04000561
UTF8 = 'ISO_IR 192'


class Coercing(lib.Node):
    def write_config(self):
        super().write_config()
        with open(self.config, 'a', encoding='utf-8') as f:
            f.write(RULES)


node = Coercing()
for aet in ('CT1', 'QUIET', 'NOTHING'):
    node.teleread('peer', 'add', aet, '--site', 'NORTH')
node.start()


def picture(study, number=1, **rest):
    rest.setdefault('charset', UTF8)
    return image(study, number, extra=[(ADDRESS, 'LO', '1 Demo Street'), *rest.pop('extra', ())], **rest)


def send(one, calling='CT1', on=None):
    with (on or node).associate(calling, [(one.sop_class, [one.syntax])]) as a:
        return a.store(one.sop_class, one.uid, one.syntax, one.data)


def kept(one):
    return node.get_all([one])[one.uid]


def dump(one, syntax, data):
    """What DCMTK reads, in UTF-8."""
    at = os.path.join(lib.folder(), 'one.dcm')
    with open(at, 'wb') as f:
        f.write(file_meta(one.sop_class, one.uid, syntax) + data)
    return tool('dcmdump', '+U8', at).out


def sums():
    return node.json_lines('fsck')[-1]


@case('rules change what they name, in every syntax, and say so')
def change():
    trap(21, 'B000 with what was changed, Original Attributes Sequence, UIDs kept')
    for n, syntax in enumerate((dul.IMPLICIT_LE, dul.EXPLICIT_LE, dul.EXPLICIT_BE, JPEG_LS, RLE)):
        one = picture('change%d' % n, patient='77', syntax=syntax)
        answer = send(one)
        equal(answer.status, 0xB000, 'status in ' + syntax)
        equal(answer['all_offending'], [INSTITUTION, ID, ISSUER, ADDRESS])
        equal(answer.comment, 'coerced: InstitutionName, PatientID, IssuerOfPatientID, PatientA')
        equal(answer.affected_instance, one.uid)
        got_syntax, data = kept(one)
        equal(got_syntax, syntax)
        native = syntax if syntax in (dul.IMPLICIT_LE, dul.EXPLICIT_BE) else dul.EXPLICIT_LE
        was, now = parse(one.data, native), parse(data, native)
        equal([text(now, t) for t in (ID, ISSUER, INSTITUTION)], ['C1-77', 'COUNTY1', '北县医院'])
        check(ADDRESS not in now and ORIGINAL in now, 'removed, and noted')
        for tag in (ID, ISSUER, INSTITUTION, ADDRESS, ORIGINAL):
            was.pop(tag, None), now.pop(tag, None)
        equal(now, was, 'the rest in ' + syntax)


@case('the note is as the standard has it, read by DCMTK')
def original():
    if not shutil.which('dcmdump'):
        raise lib.Skip('dcmdump (Debian package dcmtk) is not installed')
    trap(21, 'Original Attributes Sequence as DCMTK reads it')
    for n, syntax in enumerate((dul.IMPLICIT_LE, dul.EXPLICIT_LE, dul.EXPLICIT_BE)):
        one = picture('note%d' % n, patient='78', syntax=syntax)
        equal(send(one).status, 0xB000)
        lines = dump(one, *kept(one))
        note = lines[lines.index('(0400,0561)'):lines.index('(7fe0,0010)')]
        for pattern in (r'\(0400,0550\) SQ', r'\(0010,0020\) LO \[78\]', r'\(0010,0021\) LO \(no value',
                        r'\(0008,0080\) LO \(no value', r'\(0010,1040\) LO \[1 Demo Street\]',
                        r'\(0400,0562\) DT \[20\d{12}\.\d{6}\+0000', r'\(0400,0563\) LO \[TELEREAD\]',
                        r'\(0400,0564\) LO \[CT1\]', r'\(0400,0565\) CS \[COERCE\]'):
            check(re.search(pattern, note), '%s in the note:\n%s' % (pattern, note))
        check('(0010,0020) LO [C1-78]' in lines and '北县医院' in lines, lines)


@case('what was coerced is found by its new values')
def found():
    one = picture('found', patient='79')
    equal(send(one).status, 0xB000)
    equal(len(node.find('STUDY', PatientID='C1-79', StudyInstanceUID='')), 1)
    equal(len(node.find('STUDY', PatientID='79', StudyInstanceUID='')), 0)


@case('an item that is there already stays')
def appended():
    older = [(0x04000550, 'SQ', [[(0x00100010, 'PN', 'Older^One')]]), (0x04000562, 'DT', '20200101'),
             (0x04000563, 'LO', 'ELSEWHERE'), (0x04000564, 'LO', ''), (0x04000565, 'CS', 'CORRECT')]
    one = picture('append', extra=[(ORIGINAL, 'SQ', [older])])
    equal(send(one).status, 0xB000)
    before, after = parse(one.data)[ORIGINAL], parse(kept(one)[1])[ORIGINAL]
    check(after.startswith(before) and len(after) > len(before), 'the older item comes first, byte by byte')
    if shutil.which('dcmdump'):
        equal(len(re.findall(r'\(0400,0565\) CS', dump(one, *kept(one)))), 2)


@case('the same instance again is the same, whatever the time')
def again():
    one = picture('again')
    equal(send(one).status, 0xB000)
    before, first = sums(), kept(one)
    for _ in range(3):
        answer = send(one)
        equal((answer.status, answer['all_offending'][:2]), (0xB000, [INSTITUTION, ID]))
    after = sums()
    equal((after['rows'], after['records'], after['quarantined'], after['faults']),
          (before['rows'], before['records'], before['quarantined'], 0))
    equal(kept(one), first)


@case('racing deliveries of one instance: one is kept, nothing is in quarantine')
def race():
    before = sums()
    for n in range(10):
        one = picture('race%d' % n)
        equal(lib.together(*(lambda one=one: send(one).status for _ in range(4))), [0xB000] * 4)
    after = sums()
    equal((after['rows'] - before['rows'], after['quarantined'], after['faults']), (10, before['quarantined'], 0))


@case('other content is kept apart, once however often it comes')
def other():
    one, two = picture('other', seed=1), picture('other', seed=2)
    equal(send(one).status, 0xB000)
    before = sums()
    for _ in range(2):
        answer = send(two)
        equal(answer.status, 0xB000)
        check('known SOP Instance UID' in answer.comment, answer.comment)
    equal(sums()['quarantined'], before['quarantined'] + 1)


@case('a workstation that sends a coerced instance back: the same')
def returned():
    one = picture('back')
    equal(send(one).status, 0xB000)
    with node.associate('COUNTY', [(CT, [one.syntax])]) as a:
        equal(a.store(CT, one.uid, one.syntax, kept(one)[1]).status, 0, 'as it is kept')
        equal(a.store(CT, one.uid, one.syntax, one.data).status, 0, 'as it was sent')
    equal(send(picture('back')).status, 0xB000)


@case('peers without rules and import: not a byte is changed')
def others():
    one, two = picture('plain'), picture('import')
    equal(send(one, 'COUNTY').status, 0)
    equal(kept(one)[1], one.data)
    at = lib.folder()
    two.save(os.path.join(at, 'two.dcm'))
    node.teleread('import', '--site', 'NORTH', at)
    equal(kept(two)[1], two.data)


@case('success instead of the warning, and success where nothing had to change')
def quiet():
    one, two = picture('quiet'), picture('nothing')
    equal(send(one, 'QUIET').status, 0)
    equal(text(parse(kept(one)[1]), INSTITUTION), 'North')
    answer = send(two, 'NOTHING')
    equal((answer.status, answer.comment), (0, None))
    equal(kept(two)[1], two.data)


@case('rules for a peer that nobody registered are a warning')
def strangers():
    check('warning' not in node.teleread('config', 'check').out, 'all peers are registered')
    other = Coercing()
    with other:
        pass
    done = other.teleread('config', 'check')
    equal(done.out.count('no registered peer has this AE title'), 3, done.out)
    with open(other.log) as f:
        check('[coerce QUIET]: no registered peer has this AE title' in f.read(), other.log_tail())


@case('a value that the character set cannot hold is refused with the reason')
def charset():
    for n, label in enumerate((None, 'ISO_IR 100')):
        one = picture('charset%d' % n, charset=label)
        answer = send(one)
        equal(answer.status, 0xC000)
        check('InstitutionName' in answer.comment and 'cannot hold' in answer.comment, answer.comment)
        row, = [r for r in node.json_lines('quarantine', 'list', '--kind', 'unreadable') if r['instance'] == one.uid]
        path = os.path.join(node.folder, 'as-it-came-%d' % n)
        node.teleread('quarantine', 'show', row['number'], '--out', path)
        with open(path, 'rb') as f:
            check(f.read().endswith(one.data), 'it is kept aside, byte for byte')
        equal(node.find('STUDY', StudyInstanceUID=one.study), [])
        node.teleread('quarantine', 'release', row['number'], '--why', 'good enough as it is')
        equal(kept(one)[1], one.data)
        node.teleread('fsck')
        node.teleread('reindex', '--prove')
    one = picture('gb', charset='GB18030', name='Wang^Xiaodong')
    equal(send(one).status, 0xB000)
    equal(parse(kept(one)[1])[INSTITUTION], '北县医院'.encode('gb18030'))


@case('deflated contexts are not accepted from such a peer, others are')
def deflated():
    with node.associate('CT1', [(CT, [dul.DEFLATED_LE]), (CT, [dul.DEFLATED_LE, dul.EXPLICIT_LE])]) as a:
        equal((a.results[1], a.contexts[3][1]), (4, dul.EXPLICIT_LE))
    with node.associate('COUNTY', [(CT, [dul.DEFLATED_LE])]) as a:
        equal(a.results[1], 0)


@case('a large instance streams through, and one fragment at a time does too')
def large():
    big = picture('large', bulk=5 << 20)
    equal(send(big).status, 0xB000)
    data = kept(big)[1]
    check(data.endswith(big.data[-(5 << 20):]), 'the pixels')
    small = picture('small', side=4)
    with node.associate('CT1', [(CT, [small.syntax])]) as a:
        a.store_begin(CT, small.uid, small.syntax, [small.data[i:i + 1] for i in range(len(small.data))])
        equal(a.receive()[1].status, 0xB000)


@case('a head too large is kept aside, an attribute behind its place is refused; the association goes on')
def refused():
    huge = picture('huge', extra=[(0x00091002, 'UN', b'\0' * (3 << 20))])
    behind = picture('behind', side=4)
    behind.data += b'\x10\0\x20\0LO\2\0XX'
    with node.associate('CT1', [(CT, [dul.EXPLICIT_LE])]) as a:
        for one, status, words in ((huge, 0xC000, 'head is larger'), (behind, 0xC000, 'behind its place')):
            answer = a.store(CT, one.uid, one.syntax, one.data)
            equal(answer.status, status)
            check(words in answer.comment, answer.comment)
        equal(a.store(CT, uid('x'), dul.EXPLICIT_LE, picture('last').data).status, 0xA900)
    row, = [r for r in node.json_lines('quarantine', 'list', '--kind', 'unreadable') if r['instance'] == huge.uid]
    path = os.path.join(node.folder, 'huge')
    node.teleread('quarantine', 'show', row['number'], '--out', path)
    with open(path, 'rb') as f:
        check(f.read().endswith(huge.data), 'as it came')


@case('config check names file, line, key and what was expected')
def config():
    for line, words in (('set StudyInstanceUID = 1.2', 'expected an attribute of the dictionary'),
                        ('set PixelData = x', 'expected an attribute'), ('set Nonsense = x', 'expected an attribute'),
                        ('set SpecificCharacterSet = GBK', 'the character set is not coerced'),
                        ('set PatientBirthDate = 1970', 'a date: YYYYMMDD'), ('change X = y', 'set ATTRIBUTE'),
                        ('remove = SOPInstanceUID', 'expected an attribute'), ('status = off', 'warning or success')):
        at = os.path.join(lib.folder(), 'bad.conf')
        with open(at, 'w') as f:
            f.write('[node]\naet = TELEREAD\n[coerce CT1]\n# a comment\n%s\n' % line)
        done = lib.execute([lib.PROGRAM, 'config', 'check', '--config', at])
        equal(done.code, 2)
        check('%s:5: [coerce CT1] %s' % (at, line.split(' =')[0]) in done.err and words in done.err, done.err)
    for head in ('[coerce ]', '[coerce LONGER_THAN_SIXTEEN]', '[coercion X]'):
        with open(at, 'w') as f:
            f.write(head + '\nset PatientID = 1\n')
        done = lib.execute([lib.PROGRAM, 'config', 'check', '--config', at])
        check(done.code == 2 and at + ':1: ' in done.err, done.err)
    shown = node.teleread('config', 'show').out
    with open(at, 'w', encoding='utf-8') as f:
        f.write(shown)
    equal(lib.execute([lib.PROGRAM, 'config', 'show', '--config', at]).out, shown, 'show, loaded again')


@case('rules changed while it runs hold from the next association on')
def reload():
    one, two = picture('before'), picture('after')
    with node.associate('CT1', [(CT, [one.syntax])]) as a:
        with open(node.config, 'a') as f:
            f.write('[coerce COUNTY]\nset PatientComments = late\n')
        node.process.send_signal(signal.SIGHUP)
        lib.wait_until(lambda: 'configuration loaded again' in node.log_tail(50), 10, 'reload')
        equal(a.store(CT, one.uid, one.syntax, one.data).status, 0xB000)
    equal(send(two, 'COUNTY').status, 0xB000)


@case('dropped and brought back, taken out of quarantine: still known by what was sent')
def settled():
    why = ('--why', 'a test')
    one = picture('settled')
    equal(send(one).status, 0xB000)
    first = kept(one)
    node.teleread('drop', '--study', one.study, *why)
    node.teleread('drop', '--undo', '--study', one.study, *why)
    before = sums()
    equal(send(one).status, 0xB000)
    equal((kept(one), sums()['records']), (first, before['records']))
    two = picture('settled', seed=9)
    equal(send(two).status, 0xB000)
    row, = [r for r in node.json_lines('quarantine', 'list') if r.get('sop') == two.uid or two.uid in r.values()]
    node.teleread('quarantine', 'release', str(row['number']), '--replace', *why)
    check(kept(two) != first, 'the second took the place of the first')
    before = sums()
    equal(send(two).comment[:8], 'coerced:')
    equal(sums()['records'], before['records'])


@case('the index from packs alone knows what was sent, too; after a kill as well')
def rebuilt():
    node.teleread('reindex', '--prove')
    one = picture('killed')
    equal(send(one).status, 0xB000)
    node.kill()
    os.unlink(os.path.join(node.data, 'index.sqlite'))
    for tail in ('-wal', '-shm'):
        if os.path.exists(os.path.join(node.data, 'index.sqlite' + tail)):
            os.unlink(os.path.join(node.data, 'index.sqlite' + tail))
    for aet in ('CT1', 'COUNTY'):
        node.teleread('peer', 'add', aet, '--site', 'NORTH', code=None)
    node.teleread('site', 'add', 'NORTH', '--name', 'North', code=None)
    for aet in ('CT1', 'COUNTY'):
        node.teleread('peer', 'add', aet, '--site', 'NORTH', code=None)
    node.start()
    before = sums()
    for name in ('again', 'killed', 'gb'):
        again = picture(name, charset='GB18030', name='Wang^Xiaodong') if name == 'gb' else picture(name)
        equal(send(again).status, 0xB000)
    two = picture('other', seed=2)
    equal(send(two).status, 0xB000)
    after = sums()
    equal({k: after[k] for k in ('rows', 'records', 'quarantined', 'faults')},
          {k: before[k] for k in ('rows', 'records', 'quarantined', 'faults')})
    node.stop()
    node.teleread('reindex', '--prove')


lib.main()
