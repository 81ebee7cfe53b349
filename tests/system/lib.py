"""lib - what the system tests share: TAP lines, a node of one's own, DCMTK's tools, memory watched from outside.

A test is a function marked @case('what holds'); main() runs them in order and prints one TAP line for each. A node lies
in a folder of its own under TMPDIR, on free loopback ports, and is ended by its process id.
Environment: TELEREAD_BUILD (folder with the program), TELEREAD_SHARED (folder of real files), TELEREAD_BIG=1 (more).
"""
import atexit
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import dul
import objects

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get('TELEREAD_SOURCE') or os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('TELEREAD_BUILD') or os.path.join(SOURCE, 'build')
SHARED = os.environ.get('TELEREAD_SHARED') or os.path.join(os.path.dirname(SOURCE), 'shared')
PROGRAM = os.environ.get('TELEREAD_PROGRAM') or os.path.join(BUILD, 'teleread')
BIG = os.environ.get('TELEREAD_BIG') == '1'
SLOW = 4.0 if os.environ.get('TELEREAD_SLOW') == '1' else 1.0  # factor on time limits, for sanitizers
READY_S = 30 * SLOW
os.environ['TCP_NODELAY'] = '1'  # for DCMTK's tools: without it each answer waits 40 ms
os.environ.setdefault('UBSAN_OPTIONS', 'halt_on_error=1')


# ---- TAP

class Skip(Exception):
    """Raised in a case that cannot run here; says why."""


_cases = []


def case(name):
    def mark(function):
        _cases.append((name, function))
        return function
    return mark


def note(text):
    for line in str(text).splitlines():
        print('# ' + line, flush=True)


def trap(row, what):
    """The case that runs shows this row of the table of traps; tests/traps.md is made of these marks."""
    check(1 <= row <= 30, 'there is no row %d' % row)
    note('trap %d: %s' % (row, what))


def skip_all(why):
    print('1..1\nok 1 - all of it # SKIP ' + why, flush=True)
    sys.exit(77)


def main():
    """Runs all cases; a word on the command line picks those with it in their name."""
    picked = [c for c in _cases if len(sys.argv) < 2 or any(w in c[0] for w in sys.argv[1:])]
    failed = 0
    print('1..%d' % len(picked), flush=True)
    for number, (name, function) in enumerate(picked, 1):
        begun = time.monotonic()
        try:
            function()
            print('ok %d - %s' % (number, name), flush=True)
        except Skip as why:
            print('ok %d - %s # SKIP %s' % (number, name, why), flush=True)
        except Exception:  # noqa: a case fails by whatever it raises
            failed += 1
            print('not ok %d - %s' % (number, name), flush=True)
            note(traceback.format_exc())
            for node in list(Node.running):
                note('log of the node at %s:\n%s' % (node.folder, node.log_tail()))
        if time.monotonic() - begun > 5:
            note('took %.1f s' % (time.monotonic() - begun))
    for node in list(Node.running):
        node.kill()
    sys.exit(1 if failed else 0)


def equal(got, wanted, what=''):
    if got != wanted:
        raise AssertionError('%s: %.300r, expected %.300r' % (what or 'value', got, wanted))


def check(truth, what):
    if not truth:
        raise AssertionError(what)


def wait_until(true, seconds, what):
    end = time.monotonic() + seconds * SLOW
    while not true():
        if time.monotonic() > end:
            raise AssertionError('%s: not within %g s' % (what, seconds * SLOW))
        time.sleep(0.02)


# ---- folders, ports, threads

_folders = []


def folder():
    path = tempfile.mkdtemp(prefix='teleread-test-')
    _folders.append(path)
    return path


@atexit.register
def _clean():
    for node in list(Node.running):
        node.kill()
    if os.environ.get('TELEREAD_KEEP') != '1':
        for path in _folders:
            shutil.rmtree(path, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def together(*functions):
    """Runs functions in threads, waits for all; raises the first error."""
    errors, results = [], [None] * len(functions)

    def run(i, function):
        try:
            results[i] = function()
        except BaseException as e:  # noqa: handed to the caller
            errors.append(e)
    threads = [threading.Thread(target=run, args=(i, f)) for i, f in enumerate(functions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results


# ---- programs

class Result:
    def __init__(self, words, code, out, err):
        self.words, self.code, self.out, self.err = words, code, out, err
        self.all = out + err

    def __str__(self):
        return '%s: exit %d\n%s' % (' '.join(self.words)[:200], self.code, self.all[-3000:])


def execute(words, timeout=60, env=None, cwd=None):
    words = [str(w) for w in words]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout * SLOW, cwd=cwd, env=dict(os.environ, **(env or {})))
    return Result(words, done.returncode, done.stdout.decode('utf-8', 'replace'),
                  done.stderr.decode('utf-8', 'replace'))


def tool(*words, code=0, timeout=60, cwd=None):
    """A DCMTK tool; code None: whatever it returns."""
    if not shutil.which(words[0]):
        raise Skip('%s (Debian package dcmtk) is not installed' % words[0])
    done = execute(words, timeout, cwd=cwd)
    if code is not None and done.code != code:
        raise AssertionError('expected exit %d from %s' % (code, done))
    return done


def need_program():
    if not os.access(PROGRAM, os.X_OK):
        skip_all('no program at %s' % PROGRAM)


def need_tools(*names):
    for name in names:
        if not shutil.which(name):
            skip_all('%s (Debian package dcmtk) is not installed' % name)


def has_faults():
    with open(PROGRAM, 'rb') as f:
        return b'TELEREAD_FAULT_POINT' in f.read()


def sanitized():
    """Sanitizers change what memory and time mean."""
    with open(PROGRAM, 'rb') as f:
        return b'__asan_init' in f.read()


# ---- a node

SETTINGS = {
    'dicom.listen': '127.0.0.1', 'archive.pack_size': '8M', 'archive.prewrite': '2M', 'archive.reserve': '64M',
    'log.level': 'info', 'imaging.sandbox': 'optional',  # where the kernel has no seccomp, test_worker.py says so
}


class Node:
    running = []

    def __init__(self, settings=None, env=None, at=None, sites=True):
        self.folder = at or folder()
        self.data = os.path.join(self.folder, 'data')
        self.config = os.path.join(self.folder, 'node.conf')
        self.log = os.path.join(self.folder, 'log')
        self.process, self.port, self.http_port, self.env = None, 0, 0, dict(env or {})
        self.settings = dict(SETTINGS, **(settings or {}))
        self.write_config()
        if sites:
            self.teleread('site', 'add', 'NORTH', '--name', 'North Demo County Hospital', '--parent', '')
            self.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH')

    def write_config(self):
        sections = {}
        for key, value in self.settings.items():
            section, name = key.split('.', 1)
            sections.setdefault(section, []).append('%s = %s\n' % (name, value))
        with open(self.config, 'w') as f:
            for section, lines in sections.items():
                f.write('[%s]\n%s' % (section, ''.join(lines)))

    def teleread(self, *words, code=0, timeout=120, env=None):
        """A subcommand on this node's folder. Its verb comes first: teleread('site', 'add', ...)."""
        n = 2 if words[0] in ('site', 'peer', 'config', 'commitment', 'quarantine', 'audit', 'user', 'token') and len(words) > 1 else 1
        line = [PROGRAM, *words[:n], '--config', self.config, '--data', self.data, *words[n:]]
        done = execute(line, timeout, env=env)
        if code is not None and done.code != code:
            raise AssertionError('expected exit %d from %s' % (code, done))
        return done

    def json_lines(self, *words, **rest):
        return [json.loads(line) for line in self.teleread(*words, '--json', **rest).out.splitlines()]

    def start(self, *words, timeout=READY_S):
        """Returns the seconds until it was ready."""
        begun = time.monotonic()
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [PROGRAM, 'serve', '--config', self.config, '--data', self.data, '--dicom-port', '0', '--http-port', '0',
                 *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=dict(os.environ, **self.env))
        Node.running.append(self)
        line, end = b'', begun + timeout
        while not line.endswith(b'\n'):
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                self.kill()
                raise AssertionError('not ready after %g s\n%s' % (timeout, self.log_tail()))
            piece = os.read(self.process.stdout.fileno(), 1)
            if not piece:
                code = self.process.wait()
                self.forget()
                raise AssertionError('ended with %d before it was ready\n%s' % (code, self.log_tail()))
            line += piece
        words = line.decode().split()
        equal(words[0], 'ready', 'first word of the ready line')
        said = dict(w.split('=', 1) for w in words[1:])
        equal(int(said['pid']), self.process.pid, 'pid in the ready line')
        self.port = int(said['dicom'].rsplit(':', 1)[1])
        self.tls_port = int(said.get('dicom-tls', ':0').rsplit(':', 1)[1])
        self.http_port = int(said['http'].rsplit(':', 1)[1])
        return time.monotonic() - begun

    def forget(self):
        if self in Node.running:
            Node.running.remove(self)
        if self.process and self.process.stdout:
            self.process.stdout.close()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds=30):
        code = self.process.wait(seconds * SLOW)
        self.forget()
        return code

    def stop(self, seconds=30):
        """SIGTERM; the exit status must be 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait(seconds)
        equal(code, 0, 'exit status after SIGTERM')

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        self.forget()

    def log_tail(self, lines=12):
        try:
            with open(self.log, 'rb') as f:
                return '\n'.join(f.read().decode('utf-8', 'replace').splitlines()[-lines:])
        except OSError:
            return ''

    def __enter__(self):
        if not self.alive():
            self.start()
        return self

    def __exit__(self, *what):
        if what[0] is None and self.alive():
            self.stop()
        else:
            if what[0]:
                note('log of the node at %s:\n%s' % (self.folder, self.log_tail()))
            self.kill()

    # ---- what the node holds, asked from outside

    def associate(self, calling='COUNTY', contexts=((dul.VERIFICATION, [dul.IMPLICIT_LE]),), **rest):
        return dul.Association(self.port, calling, contexts=contexts, **rest)

    def store(self, instances, calling='COUNTY', **rest):
        """Sends them over one association; the statuses."""
        pairs = sorted({(i.sop_class, i.syntax) for i in instances})
        with self.associate(calling, [(c, [s]) for c, s in pairs], **rest) as a:
            return [a.store(i.sop_class, i.uid, i.syntax, i.data).status for i in instances]

    def find(self, level, calling='COUNTY', model=dul.STUDY_FIND, **named):
        """The answers as {tag: bytes}; the last status must be success."""
        with self.associate(calling, [(model, [dul.IMPLICIT_LE])]) as a:
            rows, final = a.find(model, objects.keys(level, **named))
        equal(final.status, 0, 'status of C-FIND (%s)' % final.comment)
        return [objects.parse(r.data, dul.IMPLICIT_LE) for r in rows]

    def get(self, level, pairs, calling='COUNTY', model=dul.STUDY_GET, **named):
        """(objects, final) of a C-GET; pairs: (class, syntax) that may come."""
        with self.associate(calling, [(model, [dul.IMPLICIT_LE])], get=[(c, [s]) for c, s in pairs]) as a:
            return a.get(model, objects.keys(level, **named))

    def get_all(self, instances, calling='COUNTY'):
        """{uid: (syntax, data)} of the studies of these instances."""
        out = {}
        for study in sorted({i.study for i in instances}):
            pairs = sorted({(i.sop_class, i.syntax) for i in instances if i.study == study})
            got, _ = self.get('STUDY', pairs, calling, StudyInstanceUID=study)
            for _, uid, syntax, data in got:
                check(uid not in out, 'instance %s came twice' % uid)
                out[uid] = (syntax, data)
        return out

    def echo(self, calling='COUNTY', timeout=10.0):
        with self.associate(calling, timeout=timeout) as a:
            return a.echo().status

    def instances(self, calling='COUNTY'):
        """UIDs of all instances that queries find, study by study."""
        out = []
        for study in self.find('STUDY', calling, StudyInstanceUID=''):
            study_uid = objects.text(study, 0x0020000D)
            for series in self.find('SERIES', calling, StudyInstanceUID=study_uid, SeriesInstanceUID=''):
                out += [objects.text(i, 0x00080018) for i in self.find(
                    'IMAGE', calling, StudyInstanceUID=study_uid, SeriesInstanceUID=objects.text(series, 0x0020000E),
                    SOPInstanceUID='')]
        return out

    def memory(self):
        """(VmRSS, RssAnon) in KiB."""
        with open('/proc/%d/status' % self.process.pid) as f:
            rows = dict(line.split(':', 1) for line in f)
        return int(rows['VmRSS'].split()[0]), int(rows['RssAnon'].split()[0])

    def cpu_seconds(self):
        with open('/proc/%d/stat' % self.process.pid) as f:
            words = f.read().rsplit(')', 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


class Watch:
    """The highest resident size of a node while the block runs, in KiB."""

    def __init__(self, node):
        self.node, self.first, self.most, self.over = node, node.memory()[0], 0, threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            try:
                self.most = max(self.most, self.node.memory()[0])
            except (OSError, KeyError):
                return

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.over.set()
        self.thread.join()
        self.grown = max(self.most, self.first) - self.first


class Receiver:
    """DCMTK's storescp: keeps the bytes as they come. files(): {uid: data set}."""

    def __init__(self, aet, *words, port=None):
        if not shutil.which('storescp'):
            raise Skip('storescp (Debian package dcmtk) is not installed')
        self.port, self.aet, self.folder = port or free_port(), aet, folder()
        self.process = subprocess.Popen(
            ['storescp', '-aet', aet, '+B', '--fork', '-od', self.folder, *words, str(self.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(self.listening, 10, 'storescp listens')

    def listening(self):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.port)) == 0

    def files(self):
        out = {}
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), 'rb') as f:
                part10 = objects.Part10(f.read())
            out[objects.text(part10.meta, 0x00020003)] = part10.data
        return out

    def __enter__(self):
        return self

    def __exit__(self, *what):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def corpus():
    """Paths of the real files, relative to the corpus, in order; and the corpus folder."""
    top = os.path.join(SHARED, 'data', 'dicom')
    if not os.path.isdir(top):
        skip_all('no corpus at %s' % top)
    out = []
    for at, folders, names in os.walk(top):
        folders.sort()
        out += [os.path.relpath(os.path.join(at, n), top) for n in names]
    plain = ('.md', '.tsv', '.json', '.py')
    return top, sorted(p for p in out if not p.endswith(plain))


sys.setswitchinterval(0.002)
