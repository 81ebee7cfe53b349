#!/usr/bin/env python3
"""Every real file is sent as it is and comes back by C-GET with an identical data set, or is refused with a reason.

What is refused stands in corpus-refused.tsv: file, status, reason. A new refusal fails, and so does one that vanished.
TELEREAD_UPDATE=1 writes that table anew. Files whose UIDs contradict each other are taken to fresh nodes in turn, so
that each is judged alone. A data set of odd length is kept as it is (export shows that), but fragments on the wire have
even lengths: it comes back padded, written anew, or not at all, and stands in the table too.
"""
import os
import sys

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import Part10, parse, text

lib.need_program()
TOP, FILES = lib.corpus()
TABLE = os.path.join(lib.HERE, 'corpus-refused.tsv')
UIDS = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
refused, returned, differing = {}, [], []


class File:
    def __init__(self, name):
        with open(os.path.join(TOP, name), 'rb') as f:
            part10 = Part10(f.read())
        self.name, self.syntax, self.data = name, part10.syntax, part10.data
        try:
            found = parse(self.data, self.syntax, UIDS)
            other = parse(self.data, dul.IMPLICIT_LE, UIDS)
            if not found and len(other.get(UIDS[2], b'') or b'0' * 65) <= 64:  # it says explicit and is implicit
                found = other
        except Exception:  # noqa: a file that not even its head can be read of
            found = {}
        self.sop_class, self.sop_instance, self.study, self.series = (text(found, t) for t in UIDS)
        self.sop_class = self.sop_class or text(part10.meta, 0x00020002)
        self.sop_instance = self.sop_instance or text(part10.meta, 0x00020003)


def send(node, file):
    """(status, reason)."""
    try:
        with node.associate('COUNTY', [(file.sop_class or '1.2.3', [file.syntax])]) as a:
            answer = a.store(file.sop_class or '1.2.3', file.sop_instance, file.syntax, file.data)
            return '%04X' % answer.status, answer.comment or ''
    except dul.NotAccepted as e:
        return 'context', 'result %s' % e.args[0]
    except (dul.Aborted, dul.Closed, OSError) as e:
        return 'abort', type(e).__name__


def bring_back(node, file):
    got, final = node.get('IMAGE', [(file.sop_class, file.syntax)], StudyInstanceUID=file.study,
                          SeriesInstanceUID=file.series, SOPInstanceUID=file.sop_instance)
    if len(got) == 1 and got[0][2:] == (file.syntax, file.data) and final.status == 0:
        returned.append(file.name)
    elif len(file.data) % 2 and final.status in (0, 0xA702):
        how = 'not at all' if not got else 'padded' if got[0][3] == file.data + b'\0' else 'written anew'
        refused[file.name] = ('%04X' % final.status, 'taken; of odd length, comes back ' + how)
    else:
        differing.append('%s: %d came, final %s' % (file.name, len(got), final))


def kept(node, files):
    """What was taken lies there byte for byte, odd lengths too."""
    to = os.path.join(lib.folder(), 'out')
    done = node.teleread('export', '--all', '--original', '--to', to, code=None)
    check(done.code in (0, 1) and 'failed 0' in done.out, done)  # 1: some files cannot stand in the DICOMDIR
    found = {}
    for at, _, names in os.walk(to):
        for name in names:
            if name != 'DICOMDIR':
                with open(os.path.join(at, name), 'rb') as f:
                    part10 = Part10(f.read())
                found[text(part10.meta, 0x00020003)] = (part10.syntax, part10.data)
    wrong = [f.name for f in files if found.get(f.sop_instance) != (f.syntax, f.data)]
    equal(wrong, [], 'export differs')
    equal(len(found), len(files), 'exported')


def rounds():
    waiting = [File(name) for name in FILES]
    while waiting:
        again, taken = [], []
        with lib.Node(sites=False) as node:
            node.teleread('site', 'add', 'NORTH', '--name', 'North Demo County Hospital')
            node.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH', '--private')
            for file in waiting:
                status, reason = send(node, file)
                if status == 'B000' and taken:
                    again.append(file)
                elif status == '0000':
                    taken.append(file)
                    bring_back(node, file)
                else:
                    refused[file.name] = (status, reason)
            kept(node, taken)
            node.teleread('fsck')
            node.teleread('reindex', '--prove')
        waiting = again


@case('every file is answered; what was taken lies there byte for byte; index and packs agree')
def all_files():
    rounds()
    equal(len(returned) + len(differing) + len(refused), len(FILES))


@case('what was taken came back identical')
def identical():
    trap(20, 'real files of many kinds come back bit by bit')
    lib.note('%d files came back identical, %d were refused' % (len(returned), len(refused)))
    equal(differing, [])
    check(len(returned) > len(FILES) * 3 // 4, 'most files are taken')


@case('what was refused is what the table says, with status and reason')
def table():
    lines = ['%s\t%s\t%s' % (name, *refused[name]) for name in sorted(refused)]
    if os.environ.get('TELEREAD_UPDATE') == '1':
        with open(TABLE, 'w') as f:
            f.write('# file\tstatus\treason\n' + ''.join(line + '\n' for line in lines))
    with open(TABLE) as f:
        known = [line.rstrip('\n') for line in f if not line.startswith('#')]
    equal([line for line in lines if line not in known], [], 'new refusals')
    equal([line for line in known if line not in lines], [], 'refusals that vanished')


lib.main()
