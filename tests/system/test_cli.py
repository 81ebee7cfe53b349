#!/usr/bin/env python3
"""The commands: import, export, find, site, peer, config, fsck, reindex; their output and exit codes."""
import json
import os
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, execute, tool
from objects import JPEG_LS, Part10, image, uid

lib.need_program()
node = lib.Node()
TREE = lib.folder()
SOME = [image('cli%d' % s, n, series, 'C%d' % s, 'Command^Line%d' % s, '2026030%d' % s, syntax=syntax)
        for s in (1, 2, 3) for series, syntax in ((1, dul.EXPLICIT_LE), (2, JPEG_LS), (3, dul.EXPLICIT_BE)) for n in (1, 2)]


def plant():
    for k, one in enumerate(SOME):
        at = os.path.join(TREE, one.study[-6:], str(k % 3))
        os.makedirs(at, exist_ok=True)
        one.save(os.path.join(at, 'IM%02d' % k))
    with open(os.path.join(TREE, 'readme.txt'), 'w') as f:
        f.write('not a DICOM file\n')
    open(os.path.join(TREE, 'empty'), 'w').close()


def summary(*words, code=0, on=node):
    return on.json_lines('import', *words, code=code)[-1]


def part10s(top):
    out = {}
    for at, _, names in os.walk(top):
        for name in names:
            if name != 'DICOMDIR':
                with open(os.path.join(at, name), 'rb') as f:
                    one = Part10(f.read())
                out[one.meta[0x00020003].decode().rstrip('\0 ')] = (one.syntax, one.data)
    return out


def wanted(instances):
    return {i.uid: (i.syntax, i.data) for i in instances}


@case('import takes a tree in, and says the same of it again')
def import_tree():
    plant()
    said = summary(TREE)
    equal((said['imported'], said['same'], said['refused'], said['skipped']), (len(SOME), 0, 0, 2))
    said = summary(TREE)
    equal((said['imported'], said['same'], said['refused'], said['skipped']), (0, len(SOME), 0, 2))
    node.teleread('fsck')


@case('import takes single files, and exits 1 naming what it refuses')
def import_files():
    one, other = image('single', 1), image('single', 1, seed=9)
    a, b = one.save(os.path.join(TREE, 'a.dcm')), other.save(os.path.join(TREE, 'b.dcm'))
    equal(summary(a)['imported'], 1)
    done = node.teleread('import', b, code=1)
    check('b.dcm' in done.err and 'quarantined' in done.all, done)
    broken = os.path.join(TREE, 'broken.dcm')
    with open(broken, 'wb') as f:
        f.write(one.part10()[:400])
    done = node.teleread('import', broken, code=1)
    check('broken.dcm' in done.err and 'quarantined 1' in done.out, done)
    check('nowhere' in node.teleread('import', os.path.join(TREE, 'nowhere'), code=1).err, 'a path that is not there')
    for path in (a, b, broken):
        os.unlink(path)


@case('import beside a running node goes through it')
def import_beside():
    with node:
        more = [image('beside', n) for n in range(1, 6)]
        at = lib.folder()
        for one in more:
            one.save(os.path.join(at, one.uid))
        equal(summary(at)['imported'], 5)
        got = node.get_all(more)
        equal({u: v[1] for u, v in got.items()}, {i.uid: i.data for i in more})
        equal(summary(at)['same'], 5)


@case('a request with several files is refused, and none of them stays open')
def import_several():
    def descriptors():
        return len(os.listdir('/proc/%d/fd' % node.process.pid))
    one = image('several', 1)
    at = os.path.join(lib.folder(), 'one')
    one.save(at)
    with node, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door, open(at, 'rb') as f:
        door.settimeout(10 * lib.SLOW)
        door.connect(os.path.join(node.data, 'control'))

        def ask(files):
            socket.send_fds(door, [b'import NORTH'], [f.fileno()] * files)
            return door.recv(512).decode().split()[0]
        equal(ask(1), 'imported')
        before = descriptors()
        equal([ask(n) for n in (2, 3, 2, 9, 2, 2, 2, 2)], ['error'] * 8)
        check(descriptors() < before + 8, '%d descriptors, then %d' % (before, descriptors()))
        f.seek(0)
        equal(ask(1), 'same')


@case('import that is killed is simply run again')
def import_killed():
    at, total = lib.folder(), 1500
    for n in range(total):
        image('killed%d' % (n // 50), n, 1, 'K%d' % (n // 50)).save(os.path.join(at, '%04d' % n))
    for running in (False, True):
        one = lib.Node()
        if running:
            one.start()
        words = [lib.PROGRAM, 'import', '--config', one.config, '--data', one.data, at]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.25)
        process.kill() if not running else one.kill()
        code = process.wait(30 * lib.SLOW)
        check(code in (-9, 0) if not running else code in (0, 1), 'exit status %d' % code)
        said = summary(at, on=one)
        lib.note('%d were there already' % said['same'])
        equal((said['imported'] + said['same'], said['refused'], said['quarantined']), (total, 0, 0))
        one.teleread('fsck')
        equal(len(one.json_lines('find', '--level', 'image')), total)


@case('import needs to know the site where there are several')
def import_site():
    with lib.Node(sites=False) as two:
        for code in ('EAST', 'WEST'):
            two.teleread('site', 'add', code, '--name', 'Demo ' + code)
        check('--site' in two.teleread('import', TREE, code=2).err, 'says what is missing')
        equal(summary('--site', 'WEST', TREE, on=two)['imported'], len(SOME))
        two.teleread('peer', 'add', 'WEST_PACS', '--site', 'WEST')
        two.teleread('peer', 'add', 'EAST_PACS', '--site', 'EAST')
        equal([len(two.find('STUDY', who, StudyInstanceUID='')) for who in ('WEST_PACS', 'EAST_PACS')], [3, 0])


@case('export writes files with a DICOMDIR that DCMTK reads')
def export():
    to = os.path.join(lib.folder(), 'out')
    said = node.json_lines('export', '--study', SOME[0].study, '--to', to)[-1]
    mine = [i for i in SOME if i.study == SOME[0].study]
    equal((said['exported'], said['failed']), (len(mine), 0))
    equal(part10s(to), wanted(mine))
    dump = tool('dcmdump', os.path.join(to, 'DICOMDIR')).out
    for one in mine:
        check(one.uid in dump, 'the DICOMDIR names %s' % one.uid)
    equal(dump.count('ReferencedFileID'), len(mine))
    for at, _, names in os.walk(to):
        for name in names:
            if name != 'DICOMDIR':
                tool('dcmftest', os.path.join(at, name))
    done = node.teleread('export', '--study', SOME[0].study, '--to', to, code=2)
    check('not overwritten' in done.err, done)
    done = node.teleread('export', '--study', uid('nowhere'), '--to', to + '2', code=1)
    equal(('no study' in done.err, os.path.exists(to + '2')), (True, False))


@case('export of nothing says so and leaves no folder')
def export_nothing():
    empty = lib.Node()
    to = os.path.join(lib.folder(), 'out')
    done = empty.teleread('export', '--all', '--to', to, code=1)
    equal(('holds no study' in done.err, os.path.exists(to)), (True, False))
    os.mkdir(to)
    empty.teleread('export', '--all', '--to', to, code=1)
    equal(os.listdir(to), [], 'a folder that was there stays, empty')


@case('export names every file that the DICOMDIR cannot')
def export_unnamed():
    one, at = lib.Node(), lib.folder()
    for n in range(3):
        cls = '1.2.840.10008.5.1.4.1.1.2' if n == 1 else '1.2.840.10008.5.1.4.1.1.99999'
        image('unnamed', n + 1, 1, sop_class=cls).save(os.path.join(at, str(n)))
    equal(summary(at, on=one)['imported'], 3)
    done = one.teleread('export', '--all', '--to', os.path.join(at, 'out'), code=1)
    said = [line for line in done.err.splitlines() if line.endswith('no record in the DICOMDIR')]
    equal([line.split('/')[-1][:8] for line in said], ['I0000001', 'I0000003'], done.all)
    check('without a DICOMDIR record 2,' in done.out, done.out)


@case('export --all, and import of its DICOMDIR elsewhere: equal')
def round_trip():
    to = os.path.join(lib.folder(), 'all')
    node.teleread('export', '--all', '--to', to)
    everything = part10s(to)
    check(len(everything) >= len(SOME), '%d files' % len(everything))
    other = lib.Node()
    said = summary(os.path.join(to, 'DICOMDIR'), on=other)
    equal((said['imported'], said['refused'], said['skipped']), (len(everything), 0, 0))
    back = os.path.join(lib.folder(), 'back')
    other.teleread('export', '--all', '--original', '--to', back)
    check(part10s(back) == everything, 'the same files come out')


@case('find prints DICOM JSON, one object a line')
def find_json():
    rows = node.json_lines('find', 'PatientName=Command*')
    equal(len(rows), 3)
    equal(sorted(r['0020000D']['Value'][0] for r in rows), sorted({i.study for i in SOME}))
    equal({r['00100010']['vr'] for r in rows}, {'PN'})
    equal(sorted(r['00100010']['Value'][0]['Alphabetic'] for r in rows), ['Command^Line%d' % n for n in (1, 2, 3)])
    row, = node.json_lines('find', 'PatientID=C2', 'NumberOfStudyRelatedInstances', 'ModalitiesInStudy=')
    equal((row['00201208']['Value'], row['00080061']['Value']), ([6], ['CT']))
    equal(len(node.json_lines('find', '--level', 'image', 'StudyInstanceUID=' + SOME[0].study)), 6)
    equal(len(node.json_lines('find', '--level', 'series', 'StudyInstanceUID=' + SOME[0].study)), 3)
    equal(len(node.json_lines('find', '--level', 'patient', 'PatientID=C?')), 3)
    equal(len(node.json_lines('find', 'StudyDate=20260301-20260302')), 2)
    equal(len(node.json_lines('find', '--limit', '2')), 2)
    equal(node.json_lines('find', 'PatientID=nobody'), [])


@case('find prints a table for people')
def find_text():
    done = node.teleread('find', 'PatientID=C1')
    check(SOME[0].study in done.out and 'Command^Line1' in done.out, done)
    heading, row = done.out.splitlines()
    check(len(heading.split()) > 3 and SOME[0].study in row, 'a heading and a row')
    done = node.teleread('find', 'PatientID=nobody')
    equal((done.out, done.err), ('', 'nothing found\n'))


@case('output that cannot be written is no success')
def full_output():
    for words in (('find', 'PatientID=C1'), ('find', '--json'), ('site', 'list'), ('fsck',)):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([lib.PROGRAM, *words, '--data', node.data], stdout=full, stderr=subprocess.PIPE)
        equal((done.returncode, b'cannot be written' in done.stderr), (1, True), ' '.join(words))


@case('find finds Chinese names, written in any charset')
def find_chinese():
    at = lib.folder()
    for n, (charset, codec) in enumerate((('GB18030', 'gb18030'), ('ISO_IR 192', 'utf-8'), ('GBK', 'gbk'))):
        image('zh%d' % n, 1, 1, 'ZH%d' % n, 'Li^Mei=李^梅'.encode(codec), charset=charset,
              ).save(os.path.join(at, str(n)))
    equal(summary(at)['imported'], 3)
    for value in ('李*', '*梅*', '李^梅', 'li^mei'):
        rows = node.json_lines('find', 'PatientName=' + value)
        equal(sorted(r['00100010']['Value'][0].get('Ideographic', '') for r in rows), ['李^梅'] * 3, value)


@case('usage errors exit 2')
def usage():
    for words in (('nonsense',), (), ('find', '--nonsense'), ('site',), ('site', 'nonsense'), ('export',), ('import',),
                  ('peer', 'add'), ('find', '--level', 'room')):
        done = execute([lib.PROGRAM, *words])
        equal(done.code, 2, ' '.join(words))
        check(done.err, 'says why: ' + ' '.join(words))
    for words in (('--help',), ('--version',), ('find', '--help'), ('site', '--help'), ('serve', '--help')):
        done = execute([lib.PROGRAM, *words])
        equal((done.code, bool(done.out)), (0, True), ' '.join(words))
    equal(node.teleread('find', 'NoSuchKeyword=1', code=2).code, 2)
    for words, said in ((('find', 'StudyDate=5.1.2026'), 'expected 20260105 or'),
                        (('find', '--level', 'series', 'SeriesNumber=x'), 'number'),
                        (('site', 'add', 'A B', '--name', 'x'), 'code'),
                        (('peer', 'add', 'X', '--site', 'NORTH', '--address', '10.x'), 'range')):
        done = node.teleread(*words, code=2)
        check(said in done.err, done)


@case('an option does not swallow the next one, nor a folder without a name')
def swallowed():
    at = lib.folder()
    for words in (('serve', '--data', '--demo'), ('find', '--data', ''), ('find', '--config', '--json'),
                  ('find', '--level', '--json'), ('export', '--study', '--all', '--to', 'x'), ('find', '--config', '')):
        done = execute([lib.PROGRAM, *words], 20, cwd=at)
        equal((done.code, words[1] in done.err, os.listdir(at)), (2, True, []), ' '.join(words))


@case('help leads somewhere, and hints name the verb')
def help_text():
    for words, said in ((('help',), 'Subcommands:'), (('help', '--help'), 'teleread help ['),
                        (('version', '--help'), 'Prints the version'), (('help', 'find'), 'KEY=VALUE'),
                        (('help', 'site'), 'Verbs:'), (('help', 'site', 'add'), '--tier')):
        done = execute([lib.PROGRAM, *words])
        equal((done.code, said in done.out), (0, True), ' '.join(words))
    for words, said in ((('help', 'bogus'), 'teleread --help'), (('site', 'add', 'X'), 'teleread site add --help'),
                        (('peer', 'add', 'X'), 'teleread peer add --help'), (('site',), 'teleread site --help'),
                        (('config', 'show', 'x'), 'teleread config show --help')):
        done = execute([lib.PROGRAM, *words])
        equal((done.code, said in done.err), (2, True), ' '.join(words))


@case('site and peer: add, list, show, set, remove')
def registry():
    with lib.Node(sites=False) as one:
        one.teleread('site', 'add', 'PROV', '--name', '示范省中心', '--tier', 'province')
        one.teleread('site', 'add', 'CTY', '--name', 'Demo County', '--parent', 'PROV')
        one.teleread('site', 'add', 'CTY', '--name', 'Again', code=1)
        one.teleread('site', 'add', 'LOST', '--name', 'Lost', '--parent', 'NOWHERE', code=1)
        rows = {r['code']: r for r in one.json_lines('site', 'list')}
        equal((rows['CTY']['parent'], rows['PROV']['name'], rows['CTY']['tier']), ('PROV', '示范省中心', 'county'))
        one.teleread('site', 'set', 'CTY', '--name', 'Renamed')
        one.teleread('peer', 'add', 'AE1', '--site', 'CTY', '--host', '127.0.0.1', '--port', str(one.port))
        done = one.teleread('peer', 'add', 'AE1', '--site', 'PROV', code=1)
        check('of site CTY: remove that one first' in done.err, done)
        one.teleread('peer', 'add', 'AE1', '--site', 'PROV', '--address', '10.0.0.0/8')
        one.teleread('peer', 'add', 'AE2', '--site', 'NOWHERE', code=1)
        one.teleread('peer', 'add', 'TOO_LONG_FOR_A_TITLE', '--site', 'CTY', code=2)
        equal(one.json_lines('site', 'show', 'CTY')[0]['name'], 'Renamed')
        equal(sorted((p['aet'], p['site']) for p in one.json_lines('peer', 'list')), [('AE1', 'CTY'), ('AE1', 'PROV')])
        equal(one.echo('AE1'), 0, 'a peer added beside the running node may call at once')
        one.teleread('site', 'remove', 'CTY', code=1)
        one.teleread('peer', 'remove', 'AE1', '--site', 'CTY')
        equal([p['site'] for p in one.json_lines('peer', 'list')], ['PROV'])
        one.teleread('site', 'remove', 'CTY')
        one.teleread('peer', 'remove', 'AE9', code=1)


@case('peer echo says whether a peer answers')
def peer_echo():
    with lib.Node() as one:
        one.teleread('peer', 'add', 'TELEREAD', '--site', 'NORTH', '--host', '127.0.0.1', '--port', str(one.port))
        said, = one.json_lines('peer', 'echo', 'TELEREAD')
        equal(said['status'], 0)
        one.teleread('peer', 'add', 'SILENT', '--site', 'NORTH', '--host', '127.0.0.1', '--port', str(lib.free_port()))
        check('SILENT' in one.teleread('peer', 'echo', 'SILENT', code=1).err, 'names it')
        one.teleread('peer', 'echo', 'NOBODY', code=1)
        check('no host and port' in one.teleread('peer', 'echo', 'COUNTY', code=1).err, 'known, but not callable')


@case('the log tells why somebody is refused')
def refusals():
    with lib.Node() as one:
        one.teleread('peer', 'add', 'CT1', '--site', 'NORTH', '--address', '10.0.0.0/8')
        for who, why in (('CT1', 'CT1 is registered, but not from 127.0.0.1'),
                         ('NOBODY', 'nobody is registered as NOBODY at 127.0.0.1')):
            try:
                one.echo(who)
                raise AssertionError(who + ' was accepted')
            except dul.Rejected:
                lib.wait_until(lambda: why in one.log_tail(), 5, why)


@case('config: default, check and show; errors name file, line, key and what was expected')
def config():
    at = os.path.join(lib.folder(), 'c.conf')

    def said(text, code):
        with open(at, 'w') as f:
            f.write(text)
        done = execute([lib.PROGRAM, 'config', 'check', '--config', at])
        equal(done.code, code, done.all)
        return done.all
    printed = execute([lib.PROGRAM, 'config', 'default']).out
    check(len(printed) > 500 and said(printed, 0), 'the default is fine')
    for text, words in (('[dicom]\nport = 99999\n', (':2', 'port', '65535')),
                        ('[dicom]\n\nartim = 30\n', (':3', 'artim')),
                        ('[archive]\nreserve = lots\n', (':2', 'reserve')),
                        ('[dicom]\nprot = 1\n', (':2', 'prot')),
                        ('[nonsense]\nx = 1\n', ('nonsense',)),
                        ('[node]\naet = ROOM1 # ours\n', (':2', 'a line of its own')),
                        ('[node]\naet = "ROOM1"\n', (':2', 'quotes')),
                        ('[dicom]\nport = 1\nport = 2\n', (':3', 'port'))):
        out = said(text, 2)
        check(at in out and all(w in out for w in words), 'for %r it says: %s' % (text, out))
    with open(at, 'w') as f:
        f.write('[dicom]\nport = 12345\n')
    shown = execute([lib.PROGRAM, 'config', 'show', '--config', at]).out
    check('12345' in shown, shown)
    with open(at, 'w') as f:
        f.write('[dicom]\nport = x\n')
    equal(execute([lib.PROGRAM, 'serve', '--config', at, '--data', lib.folder()]).code, 2, 'serve with a bad file')
    equal(execute([lib.PROGRAM, 'config', 'check', '--config', at + '.none']).code, 2, 'no such file')


@case('serve alone makes its folder, and --accept-unknown takes loopback callers as a site')
def alone():
    at = os.path.join(lib.folder(), 'fresh')
    one = lib.Node(sites=False, at=lib.folder())
    one.data = at
    one.start()
    one.teleread('site', 'add', 'DEMO', '--name', 'Demo Site')
    try:
        one.echo('ANYBODY')
        raise AssertionError('an unknown caller was accepted')
    except dul.Rejected:
        pass
    one.stop()
    check(os.path.exists(os.path.join(at, 'index.sqlite')), 'made its folder')
    one.start('--accept-unknown', 'DEMO')
    equal(one.store([image('anyone', 1)], 'ANYBODY'), [0])
    equal(len(one.find('STUDY', 'SOMEBODY', StudyInstanceUID='')), 1)
    one.stop()
    done = execute([lib.PROGRAM, 'serve', '--data', at, '--accept-unknown', 'DEMO', '--listen', '0.0.0.0', '--dicom-port',
                    '0', '--http-port', '0'], 20)
    equal(done.code, 2, 'with another listening address it refuses')


@case('serve --demo shows something at once')
def demo():
    at = lib.folder()
    one = lib.Node(sites=False, at=at)
    one.start('--demo')
    check(len(one.json_lines('site', 'list')) >= 2, 'sites')
    check(len(one.json_lines('find')) >= 1, 'studies')
    one.stop()
    one.start('--demo')
    one.stop()
    one.teleread('fsck')


@case('serve --demo stays off the network and out of an archive of others')
def demo_refused():
    at = os.path.join(lib.folder(), 'demo')
    words = ['--demo', '--dicom-port', '0', '--http-port', '0']
    done = execute([lib.PROGRAM, 'serve', '--data', at, '--listen', '0.0.0.0', *words], 20)
    equal((done.code, '--demo' in done.err, os.path.exists(at)), (2, True, False))
    other = lib.Node()
    done = execute([lib.PROGRAM, 'serve', '--data', other.data, *words], 20)
    equal((done.code, 'NORTH' in done.err), (2, True), done.err)
    equal([s['code'] for s in other.json_lines('site', 'list')], ['NORTH'])
    one = lib.Node(sites=False)
    one.start('--demo')
    one.teleread('site', 'add', 'MORE', '--name', 'More')
    one.stop()
    one.start('--demo')
    one.stop()
    check('DEMO-COUNTY (--demo)' in one.log_tail(), one.log_tail())


def pack_with(data_set):
    for at, _, names in os.walk(os.path.join(node.data, 'packs')):
        for name in names:
            with open(os.path.join(at, name), 'rb') as f:
                offset = f.read().find(data_set)
            if offset >= 0:
                return os.path.join(at, name), offset
    raise AssertionError('no pack holds the data set byte for byte')


def flip(path, at):
    with open(path, 'r+b') as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes((byte[0] ^ 0x40,)))


@case('fsck finds one flipped bit in a data set, and names the instance')
def fsck():
    equal(node.json_lines('fsck')[-1]['faults'], 0)
    one = SOME[0]
    path, at = pack_with(one.data)
    flip(path, at + len(one.data) // 2)
    done = node.teleread('fsck', code=1)
    check(one.uid in done.out or os.path.basename(path)[:-5] in done.out, done)
    to = os.path.join(lib.folder(), 'damaged')
    done = node.teleread('export', '--study', one.study, '--to', to, code=1)
    check(one.uid in done.err, done)
    flip(path, at + len(one.data) // 2)
    node.teleread('fsck')


@case('fsck finds a flipped bit in a record header, a lost row and a lost pack')
def fsck_more():
    path, at = pack_with(SOME[1].data)
    record = at // 4096 * 4096
    flip(path, record + 40)
    node.teleread('fsck', code=1)
    flip(path, record + 40)
    node.teleread('fsck')
    os.rename(path, path + '.away')
    node.teleread('fsck', code=1)
    os.rename(path + '.away', path)
    node.teleread('fsck')


@case('reindex builds the same index from the packs alone')
def reindex():
    before = sorted(json.dumps(r, sort_keys=True) for level in ('study', 'image')
                    for r in node.json_lines('find', '--level', level, 'PatientName', 'PatientID'))
    sites = node.json_lines('site', 'list')
    sums = node.json_lines('fsck')[-1]
    node.teleread('reindex')
    node.teleread('reindex', '--prove')
    for name in os.listdir(node.data):
        if name.startswith('index.sqlite'):
            os.unlink(os.path.join(node.data, name))
    node.teleread('reindex')
    after = sorted(json.dumps(r, sort_keys=True) for level in ('study', 'image')
                   for r in node.json_lines('find', '--level', level, 'PatientName', 'PatientID'))
    check(after == before, 'find answers the same: %d rows, %d rows' % (len(before), len(after)))
    equal(node.json_lines('fsck')[-1]['rows'], sums['rows'])
    equal({s['code'] for s in node.json_lines('site', 'list')} & {s['code'] for s in sites}, {'NORTH'})


@case('reindex and import make no archive where there is none')
def no_archive():
    at = os.path.join(lib.folder(), 'typo')
    for words in (('reindex',), ('reindex', '--prove'), ('import', TREE), ('fsck',), ('find',), ('alerts',)):
        done = execute([lib.PROGRAM, words[0], '--data', at, *words[1:]])
        equal((done.code, at + ' holds no archive' in done.err, os.path.exists(at)), (1, True, False), ' '.join(words))
    check('site add' in execute([lib.PROGRAM, 'import', '--data', at, TREE]).err, 'says how to make one')


@case('an empty list says so, but not as JSON')
def empty_lists():
    at = lib.Node(sites=False)
    at.teleread('site', 'add', 'ONLY', '--name', 'Only')
    for words in (('peer', 'list'), ('quarantine', 'list'), ('commitment', 'list'), ('drop', '--list'), ('hold', '--list'),
                  ('events',), ('alerts',)):
        done, json_done = at.teleread(*words), at.teleread(*words, '--json')
        equal((done.out, 'there are none' in done.err), ('', True), ' '.join(words))
        equal((json_done.out, json_done.err), ('', ''), ' '.join(words))


@case('an archive without its index is told from a folder without an archive')
def no_index():
    at = lib.Node(sites=False)
    at.teleread('site', 'add', 'ONLY', '--name', 'Only')
    for name in os.listdir(at.data):
        if name.startswith('index.sqlite'):
            os.unlink(os.path.join(at.data, name))
    for words in (('find',), ('fsck',), ('events',)):
        check('teleread reindex builds it' in at.teleread(*words, code=1).err, ' '.join(words))
    at.teleread('reindex')
    equal(at.teleread('find').err.strip(), 'nothing found')


@case('reindex beside a running node is the node\'s work, and an index proved equal')
def reindex_beside():
    if not [p for p in node.json_lines('peer', 'list') if p['aet'] == 'COUNTY']:
        node.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH')
    with node:
        check('read again by the running node' in node.teleread('reindex').out, 'the node does it')
        node.teleread('reindex', '--prove')
        equal(node.echo(), 0)


lib.main()
