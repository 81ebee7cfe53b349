#!/usr/bin/env python3
"""Broken files: what DCMTK's or gdcm's reader can read is taken, found and given back as it came; the rest is named.

Each file of lenient.py is shown to dcmdump and gdcmdump; they can read it when they end well and show its SOP Instance UID.
Ours is the verdict of import. Where the two differ, lenient-differs.tsv must say so: file, who reads it, ours, reason.
TELEREAD_UPDATE=1 writes that table anew.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import dul
import lenient
import lib
from lib import case, check, equal, trap
from objects import CT, Part10, text

lib.need_program()
lib.need_tools('dcmdump', 'gdcmdump')
TABLE = os.path.join(lib.HERE, 'lenient-differs.tsv')
TOP = lib.folder()


class File:
    def __init__(self, number, name, raw, uid):
        self.name, self.raw, self.uid = name, raw, uid
        self.path = os.path.join(TOP, '%04d.dcm' % number)
        self.outcome, self.reason, self.readers = 'imported', '', []
        with open(self.path, 'wb') as f:
            f.write(raw)

    def ask_readers(self):
        shown = re.compile(r'^\(0008,0018\) .{2,4}\[?%s' % re.escape(self.uid), re.M)
        for word, line in (('dcmtk', ['dcmdump', '-M', self.path]), ('gdcm', ['gdcmdump', self.path])):
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * lib.SLOW)
            if done.returncode == 0 and shown.search(done.stdout.decode('utf-8', 'replace')):
                self.readers.append(word)


files = [File(i, *f) for i, f in enumerate(lenient.files())]
by_uid = {f.uid: f for f in files}
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(File.ask_readers, files))
node = lib.Node(sites=False)
node.teleread('site', 'add', 'NORTH', '--name', 'North Demo County Hospital')
node.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH', '--private')


@case('each file is imported, or refused with a reason')
def imported():
    trap(20, 'broken encodings that readers take are taken')
    done = node.teleread('import', '--json', '--site', 'NORTH', TOP, code=None)
    check(done.code in (0, 1), done)
    by_path = {f.path: f for f in files}
    for line in done.out.splitlines():
        said = json.loads(line)
        file = by_path.get(said.get('file') or said.get('path'))
        if file:
            file.outcome, file.reason = said['outcome'], said.get('reason') or ''
    for f in files:
        check(f.outcome == 'imported' or f.reason, '%s: %s without a reason' % (f.name, f.outcome))


@case('what was taken is what DCMTK or gdcm can read; differences are those of the table')
def verdicts():
    lines = []
    for f in files:
        ours = f.outcome == 'imported'
        if ours != bool(f.readers) or (ours and f.reason):
            lines.append('%s\t%s\t%s\t%s' % (f.name, ' '.join(f.readers) or 'none', f.outcome, f.reason))
    taken = [f for f in files if f.outcome == 'imported']
    lib.note('%d files: %d read by dcmtk, %d by gdcm, %d taken, %d verdicts differ' % (
        len(files), sum('dcmtk' in f.readers for f in files), sum('gdcm' in f.readers for f in files), len(taken), len(lines)))
    if os.environ.get('TELEREAD_UPDATE') == '1':
        with open(TABLE, 'w') as out:
            out.write('# file\tread by\tours\treason\n' + ''.join(line + '\n' for line in lines))
    with open(TABLE) as table:
        known = [line.rstrip('\n') for line in table if not line.startswith('#')]
    equal([line for line in lines if line not in known], [], 'new differences')
    equal([line for line in known if line not in lines], [], 'differences that vanished')


@case('what was taken is found, and exported byte for byte')
def found():
    with node:
        seen = set(node.instances())
        wrong = [f.name for f in files if (f.uid in seen) != (f.outcome == 'imported')]
        equal(wrong, [], 'found')
        to = os.path.join(lib.folder(), 'out')
        done = node.teleread('export', '--all', '--original', '--to', to, code=None)
        check(done.code in (0, 1) and 'failed 0' in done.out, done)
        out = {}
        for at, _, names in os.walk(to):
            for name in names:
                if name != 'DICOMDIR':
                    with open(os.path.join(at, name), 'rb') as f:
                        part10 = Part10(f.read())
                    out[text(part10.meta, 0x00020003)] = part10
                    file = by_uid[text(part10.meta, 0x00020003)]
                    file.data, file.syntax = part10.data, part10.syntax
        wrong = [f.name for f in files if f.outcome == 'imported' and not
                 (f.raw.endswith(out[f.uid].data) and len(out[f.uid].data) >= len(f.raw) - 600)]
        equal(wrong, [], 'exported otherwise')
        node.teleread('fsck')
        node.teleread('reindex', '--prove')


@case('what was taken comes back by C-GET as it is, as far as even lengths allow')
def sent_back():
    with node:
        odd, wrong = [], []
        for f in files:
            if f.outcome != 'imported':
                continue
            with node.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=[(CT, [s]) for s in SYNTAXES]) as a:
                got, final = a.get(dul.STUDY_GET, lib.objects.keys('STUDY', StudyInstanceUID=lenient.uids(f.name)[1]))
            if len(got) == 1 and final.status == 0 and f.raw.endswith(got[0][3]):
                continue
            if len(got) == 1 and final.status == 0 and len(f.data) % 2:
                odd.append(f.name)
            else:
                wrong.append('%s: %d came, %s' % (f.name, len(got), final))
        lib.note('%d of odd length came padded or written anew' % len(odd))
        equal(wrong, [], 'sent otherwise')


@case('sent by C-STORE they meet the same verdict, but for syntaxes that cannot be proposed')
def sent():
    other = lib.Node(sites=False)
    other.teleread('site', 'add', 'NORTH', '--name', 'North Demo County Hospital')
    other.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH', '--private')
    wrong = []
    with other:
        for f in files:
            if f.outcome != 'imported' or f.syntax not in SYNTAXES:
                continue
            with other.associate('COUNTY', [(CT, [f.syntax])]) as a:
                answer = a.store(CT, f.uid, f.syntax, f.data)
            if answer.status:
                wrong.append('%s: %s' % (f.name, answer))
        equal(wrong, [], 'refused over the network')
        equal(sorted(other.instances()), sorted(f.uid for f in files if f.outcome == 'imported' and f.syntax in SYNTAXES))


SYNTAXES = [dul.IMPLICIT_LE, dul.EXPLICIT_LE, dul.EXPLICIT_BE, dul.DEFLATED_LE, lenient.J2K, lenient.GE_PRIVATE, '1.2.3.4.5']
lib.main()
