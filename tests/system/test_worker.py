#!/usr/bin/env python3
"""The workers of a node: killed from outside while many ask for pictures, fed with what kills them, and gone with the node."""
import http.client
import os
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
import lib  # noqa: E402
from lib import Skip, case, check, equal, note  # noqa: E402
from objects import EXPLICIT_LE, encode, image, pixels  # noqa: E402

lib.need_program()
NODE = lib.Node({'imaging.workers': '3', 'imaging.memory': '512M', 'imaging.time': '20s', 'imaging.sandbox': 'required',
                 'http.workers': '8'})
WATCH = NODE.teleread('token', 'create', '--name', 'an operator', '--role', 'admin').out.strip()
try:
    NODE.start('--accept-unknown', 'NORTH')
except AssertionError:
    if 'allow-list of system calls (seccomp)' in NODE.log_tail():
        lib.skip_all('this kernel refuses seccomp: nothing here was tried, and workers run without their allow-list')
    raise
FRAMES = 64
GOOD = [image('worker-%d' % n, 1, frames=FRAMES) for n in range(4)]
equal(set(NODE.store(GOOD)), {0}, 'statuses of C-STORE')
KINDS = ['image/jls', 'image/jphc', 'image/jp2', 'image/jpeg', 'image/dicom-rle']


def get(path, **headers):
    connection = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=120 * lib.SLOW)
    try:
        connection.request('GET', path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def frame(i, number=1):
    return '/dicom-web/studies/%s/series/%s/instances/%s/frames/%d' % (i.study, i.series, i.uid, number)


def frame_as(seed, n):
    """A frame of one of the images in one of the syntaxes that a worker must make it in: another one for each n."""
    return get(frame(GOOD[(seed + n) % len(GOOD)], n % FRAMES + 1), Accept=KINDS[(seed + n // FRAMES) % len(KINDS)])


def metric(name):
    """The sum of all that have this name."""
    status, text = get('/metrics', Authorization='Bearer ' + WATCH)
    equal(status, 200, '/metrics')
    rows = [line.rsplit(' ', 1) for line in text.decode().splitlines() if not line.startswith('#')]
    return sum(int(value) for key, value in rows if key == name or key.startswith(name + '{'))


def workers(node=NODE):
    """Processes that the node has started."""
    out = []
    for task in os.listdir('/proc/%d/task' % node.process.pid):
        try:
            with open('/proc/%d/task/%s/children' % (node.process.pid, task)) as f:
                out += [int(word) for word in f.read().split()]
        except OSError:
            pass
    return out


def status_of(pid):
    with open('/proc/%d/status' % pid) as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def gone(pid):
    try:
        return status_of(pid)['State'].startswith('Z')
    except (OSError, KeyError):
        return True


@case('a node begins with a worker that is locked in')
def locked_in():
    pids = workers()
    check(pids, 'a worker')
    said = status_of(pids[0])
    equal(said['Name'], 'teleread-worker')
    equal(said['NoNewPrivs'], '1')
    equal(said['Seccomp'], '2')
    equal(int(said['CapEff'], 16), 0, 'capabilities')
    equal(said['Threads'], '1')
    with open('/proc/%d/limits' % pids[0]) as f:
        files = next(line.split()[3:5] for line in f if line.startswith('Max open files'))
    equal(files, ['9' if lib.sanitized() else '7'] * 2, 'open files: none that it could keep of an earlier job')


@case('a worker has its socket, and of the node\'s files and doors none')
def descriptors():
    pid = workers()[0]
    try:
        names = {int(n): os.readlink('/proc/%d/fd/%s' % (pid, n)) for n in os.listdir('/proc/%d/fd' % pid)}
    except PermissionError:
        raise Skip('only root looks into a process that is not dumpable')
    check(names.pop(3).startswith('socket:'), 'the socket')
    if lib.sanitized():
        names.pop(2)
    equal(set(names.values()), {'/dev/null'}, 'what else is open')
    check(set(names) <= {0, 1, 2}, 'more is open: %r' % names)


@case('by hand the subcommand does nothing, and says so')
def by_hand():
    done = lib.execute([lib.PROGRAM, 'worker'])
    equal(done.code, 2, 'exit status')
    check('is started by the program itself' in done.err, done.err)


@case('workers that are killed from outside under load: no request notices')
def killed():
    wrong, asked, over = [], [0], threading.Event()
    before = metric('teleread_imaging_deaths_total')

    def ask(seed):
        n = 0
        while not over.is_set():
            n += 1
            status, body = frame_as(seed, n)
            asked[0] += 1
            if status != 200:
                wrong.append((status, body[:200]))

    def kill():
        """One after every ten pictures, idle or at work."""
        end, kills = time.monotonic() + 120 * lib.SLOW, 0
        while kills < 25 and not wrong and time.monotonic() < end:
            pids = [p for p in workers() if not gone(p)]
            if asked[0] >= 10 * kills and pids:
                try:
                    os.kill(pids[kills % len(pids)], signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
            time.sleep(0.003)
        over.set()
        return kills

    kills = lib.together(*[lambda s=s: ask(s) for s in range(6)], kill)[-1]
    note('%d workers killed, %d pictures asked for' % (kills, asked[0]))
    equal(wrong, [], 'answers')
    equal(kills, 25, 'workers killed')
    check(metric('teleread_imaging_deaths_total') > before, 'no death in /metrics')
    check(metric('teleread_imaging_jobs_total') > 0, 'no jobs in /metrics')
    equal(metric('teleread_imaging_refused_inputs'), 0, 'inputs that are refused')


def poisoned(word):
    """An image whose first pixels make a worker of a build with faults do what the word says."""
    mark = ('teleread-fault=%s;' % word).encode()
    plain = pixels(32, 1)
    bad = image('poison-' + word, 1)
    bad.elements = [e for e in bad.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'OW', mark.ljust(32) + plain[32:])]
    bad.data = encode(bad.elements, EXPLICIT_LE)
    return bad


@case('a picture that crashes its worker is an error for who asked; others and the node go on')
def crash():
    if not lib.has_faults():
        raise Skip('this build has no faults (configure --enable-faults)')
    bad = poisoned('crash')
    equal(set(NODE.store([bad])), {0}, 'status of C-STORE')
    wrong, over = [], threading.Event()

    def ask(seed):
        n = 0
        while not over.is_set():
            n += 1
            status, body = frame_as(seed, n)
            if status != 200:
                wrong.append((status, body[:200]))

    def ask_bad():
        try:
            return [get(frame(bad), Accept='image/jls') for _ in range(4)]
        finally:
            over.set()
    answers = lib.together(lambda: ask(0), lambda: ask(1), ask_bad)[-1]
    equal(wrong, [], 'answers to others')
    check(all(status >= 400 for status, _ in answers), repr(answers))
    check(b'two workers died of it' in answers[0][1], repr(answers[0]))
    equal(metric('teleread_imaging_refused_inputs'), 1, 'inputs that are refused')
    equal(NODE.echo(), 0, 'C-ECHO')


@case('a picture that takes for ever does not keep the node from ending')
def stop_under_way():
    if not lib.has_faults():
        raise Skip('this build has no faults (configure --enable-faults)')
    bad = poisoned('wait')
    equal(set(NODE.store([bad])), {0}, 'status of C-STORE')

    def ask():
        try:
            return get(frame(bad), Accept='image/jls')[0]
        except (OSError, http.client.HTTPException):
            return 0
    before = workers()
    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    NODE.stop(40)
    thread.join()
    check(all(gone(p) for p in before), 'a worker is left')


@case('kill -9 of the node leaves no worker, not even one at work')
def node_killed():
    NODE.start('--accept-unknown', 'NORTH')
    pids = workers()
    check(pids, 'a worker')
    NODE.kill()
    lib.wait_until(lambda: all(gone(p) for p in pids), 10, 'workers end with their node')


if __name__ == '__main__':
    lib.main()
