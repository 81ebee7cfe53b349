#!/usr/bin/env python3
"""Names as people in China look for them: characters, pinyin, initials, wildcards; an index of an older form answers right
while it is moved to the present one, under load, and after a kill in the middle."""
import os
import sqlite3
import sys

sys.dont_write_bytecode = True
import dul
import lib
import objects
from lib import case, check, equal
from load import Load
from objects import image, text

lib.need_program()
NAMES = {
    'a': 'ZHANG^WEI=张^伟', 'b': '張偉', 'c': 'Zhang^Wei', 'd': 'WANG^FANG=王^芳', 'e': '王小明', 'f': '=张小明',
    'g': 'SHAN^XIONGXIN=单雄信', 'h': '吕布', 'i': 'Smith^John', 'j': 'Yamada^Tarou=山田^太郎=やまだ^たろう',
}
# key: found by the letter, found when fuzzy matching was agreed on
FINDS = {
    '张*': ('abf', 'abf'), '王?': ('d', 'd'), '王??': ('de', 'de'), '*伟*': ('ab', 'ab'), '张伟': ('ab', 'abc'),
    '張偉': ('ab', 'abc'), 'zhang wei': ('ac', 'abc'), 'ZHANG^WEI': ('ac', 'abc'), 'zhangwei': ('', 'abc'),
    'zw': ('', 'ab'), 'zxm': ('', 'f'), 'wei zhang': ('', 'abc'), 'zh* w*': ('ac', 'abc'), 'shan xiong xin': ('', 'g'),
    'dan*': ('', 'g'), 'lv bu': ('', 'h'), 'lyu bu': ('', 'h'), 'john smith': ('', 'i'), '山田*': ('j', 'j'),
    'やまだ たろう': ('j', 'j'), '*ang*': ('acd', 'abcdefj'), 'zhang xiao*': ('', 'f'),
}
FIND = dul.STUDY_FIND


def named(word, name, n=1):
    return [image('name-' + word, k, 1, 'ID' + word, name=name, charset='ISO_IR 192', side=2) for k in range(1, n + 1)]


def store_all(node, n=1):
    sent = [i for w, name in NAMES.items() for i in named(w, name, n)]
    equal(set(node.store(sent)), {0}, 'statuses')
    return sent


def find(node, key, fuzzy=False, agreed=None):
    """IDs' last letters in order. agreed: what the node must answer to our wish for fuzzy matching."""
    extended = [(FIND, b'\0\0\1')] if fuzzy else []
    with node.associate(contexts=[(FIND, [dul.IMPLICIT_LE])], extended=extended) as a:
        if agreed is not None:
            equal(a.extended.get(FIND), agreed, 'answer to the extended negotiation')
        rows, final = a.find(FIND, objects.keys('STUDY', SpecificCharacterSet='ISO_IR 192', PatientName=key,
                                                PatientID='', StudyInstanceUID=''))
    equal(final.status, 0, 'status')
    ids = [text(objects.parse(r.data, dul.IMPLICIT_LE), 0x00100020) for r in rows]
    return ''.join(sorted(i[2:] for i in ids if i.startswith('ID')))


def find_all(node):
    for key, (literal, fuzzy) in FINDS.items():
        equal(find(node, key), literal, key)
        equal(find(node, key, True), fuzzy, key + ' (fuzzy)')


def command_finds(node, fuzzy=False):
    for key in ('张*', '*伟*', '張偉', 'zhang wei', 'zw', 'lv bu'):
        found = FINDS[key]
        rows = node.json_lines('find', 'PatientName=' + key, *(['--fuzzy'] if fuzzy else []))
        ids = [r['00100020']['Value'][0] for r in rows]
        equal(''.join(sorted(i[2:] for i in ids if i.startswith('ID'))), found[1 if fuzzy else 0], key)


@case('names are found by characters, and by pinyin and initials where that is agreed on')
def by_characters_and_pinyin():
    lib.trap(2, 'names without regard to case, accents and width')
    lib.trap(3, 'any component group; ? is one character')
    with lib.Node() as node:
        store_all(node)
        find_all(node)
        equal(find(node, 'zw', True, b'\0\0\1'), 'ab', 'initials')
        command_finds(node)
        command_finds(node, True)
        node.teleread('reindex', '--prove')


@case('fuzzy matching always, and off, as the configuration says')
def by_configuration():
    with lib.Node({'query.fuzzy': 'always'}) as node:
        store_all(node)
        equal(find(node, 'zw'), 'ab', 'not asked for')
    with lib.Node({'query.fuzzy': 'off'}) as node:
        store_all(node)
        equal(find(node, 'zw', True, b'\0\0\0'), '', 'asked for in vain')


def make_old(node):
    """The index as a program of the first form would have left it: other forms, no pinyin, another spelling in the rows."""
    with sqlite3.connect(os.path.join(node.data, 'index.sqlite')) as db:
        db.execute("UPDATE meta SET value = '1' WHERE key = 'text_form'")
        db.execute('DELETE FROM name WHERE part > 3')
        db.execute("UPDATE form SET form = 'old ' || form")
        db.execute("UPDATE study SET names = 'old ' || names")
        db.execute("UPDATE patient SET names = 'old ' || names")
    db.close()


def form_of(node):
    db = sqlite3.connect('file:%s?mode=ro' % os.path.join(node.data, 'index.sqlite'), uri=True)
    try:
        return db.execute("SELECT value FROM meta WHERE key = 'text_form'").fetchone()[0]
    finally:
        db.close()


def moved(node):
    lib.wait_until(lambda: form_of(node) == '2', 30, 'the index is moved')


@case('an index of an older form answers right before, while and after the node moves it')
def older_form():
    with lib.Node() as node:
        store_all(node, 80)
    make_old(node)
    check('not up to date' in node.teleread('reindex', '--prove', code=1).err, 'nothing to prove yet')
    command_finds(node)
    command_finds(node, True)
    with node:
        find_all(node)  # as far as the move has come
        moved(node)
        find_all(node)
        check('moved to form 2' in open(node.log).read(), 'the node says what it does')
        node.teleread('reindex', '--prove')


@case('a move that is killed in the middle goes on at the next start')
def killed_in_the_middle():
    if not lib.has_faults():
        raise lib.Skip('this build has no fault points (configure --enable-faults)')
    for n in (1, 2, 3):
        node = lib.Node()
        with node:
            sent = store_all(node, 80)
        make_old(node)
        node.env = {'TELEREAD_FAULT_POINT': 'refresh:%d' % n}
        try:
            node.start()
            equal(node.process.wait(20 * lib.SLOW), -9, 'killed by the fault point')
        except AssertionError:
            if node.process.poll() != -9:
                raise
        node.forget()
        equal(form_of(node), '0', 'form in the middle')
        command_finds(node, True)
        node.env = {}
        with node:
            moved(node)
            find_all(node)
            check('goes on behind' in open(node.log).read(), 'the node says that it goes on')
            node.teleread('reindex', '--prove')
            equal(len(node.instances()), len(sent), 'instances')
            node.teleread('fsck')


@case('reindex beside a node that stores and finds: equal to an index built anew, and questions go on')
def beside_a_node():
    with lib.Node() as node:
        store_all(node, 60)
        load = Load(node, 'refresh', senders=2, most=150).start()
        done = node.teleread('reindex', '--json')
        find_all(node)
        again = node.teleread('reindex')
        load.join()
        equal(set(load.statuses), {0}, 'statuses of what came meanwhile')
        report = lib.json.loads(done.out)
        check(report['instances'] >= 600 and report['faults'] == 0, done.out)
        check('read again by the running node' in again.out, again)
        find_all(node)
        node.teleread('reindex', '--prove')
    node.teleread('reindex')
    command_finds(node, True)


@case('what a refresh reads again replaces what the index says; what it cannot read stays')
def takes_effect():
    node = lib.Node()
    with node:
        store_all(node)
    with sqlite3.connect(os.path.join(node.data, 'index.sqlite')) as db:
        db.execute("UPDATE instance SET attrs = x'', number = 77")
        db.execute("UPDATE series SET attrs = x'', modality = 'XX'")
        db.execute("UPDATE instance SET at = at + 4096 WHERE pk = (SELECT max(pk) FROM instance)")
        db.execute("UPDATE study SET names = 'other'")
        db.execute("UPDATE study SET accession = 'other', study_date = '19000101', attrs = x'' "
                   'WHERE pk <> (SELECT max(pk) FROM study)')
    db.close()
    with node:
        done = node.teleread('reindex', '--json', code=1)
        equal(lib.json.loads(done.out)['faults'], 1, 'faults')
        rows = node.json_lines('find', 'AccessionNumber=Aname-a', 'StudyDate=20260110')
        equal(len(rows), 1, 'attributes are there again')
        equal(find(node, 'yamada*'), 'j', 'what cannot be read again is found by what was kept of it')
        find_all(node)



@case('a remark on the character set of a study is made anew')
def remarks():
    with lib.Node() as node:
        sent = [image('wrong', 1, patient='W', name='张伟'.encode('gbk'), charset='ISO_IR 100'),
                image('wrong', 2, patient='W', name='张伟'.encode(), charset='ISO_IR 192'),
                image('right', 1, patient='R', name='李娜'.encode(), charset='ISO_IR 192')]
        equal(node.store(sent), [0] * 3, 'statuses')
        with sqlite3.connect(os.path.join(node.data, 'index.sqlite')) as db:
            db.execute("UPDATE study SET charset_note = 'ISO_IR 6 is GB18030'")
        db.close()
        node.teleread('reindex')
        said = node.teleread('find').err.splitlines()
        equal(said, ['study %s: text labelled ISO_IR 100 is GB18030' % sent[0].study], 'remarks')
        node.teleread('reindex', '--prove')


lib.main()
