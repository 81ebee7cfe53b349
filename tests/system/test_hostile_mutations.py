#!/usr/bin/env python3
"""Hostile input made from a seed (TELEREAD_SEED, else the day's; printed): whatever is sent, the node lives, one log
line names the fault, memory stays below MOST, others are served meanwhile, and nothing is written outside its folder.
"""
import os
import random
import re
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
import dul
import hostile
import lib
from lib import case, check, equal, trap
from objects import image

lib.need_program()
SEED = int(os.environ.get('TELEREAD_SEED') or time.strftime('%Y%m%d'))
MOST = (200 if not lib.sanitized() else 1500) << 10  # KiB that it may grow by
RANDOM = 600 if lib.BIG else 200
FAULT = re.compile(r'^\S+ \S+ (warn|error) |ended without an association')
END = re.compile(r'ended without an association|association of .* ended after')
node = lib.Node({'dicom.artim': '2s', 'dicom.dimse': '3s', 'dicom.idle': '5s', 'dicom.max_associations': '200'},
                sites=False)
node.teleread('site', 'add', 'NORTH', '--name', 'North Demo County Hospital')
for aet in (hostile.AET, 'WITNESS'):
    node.teleread('peer', 'add', aet, '--site', 'NORTH')
node.start('--accept-unknown', 'NORTH')
lib.note('seed %d' % SEED)
first, peak = node.memory()[0], 0


class Witness:
    """Another peer that echoes and stores all the while."""

    def __enter__(self):
        self.over, self.rounds, self.error = threading.Event(), 0, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        try:
            while True:
                one = image('witness', self.rounds, series=id(self))
                equal(node.echo('WITNESS', timeout=10 * lib.SLOW), 0, 'echo beside')
                equal(node.store([one], 'WITNESS', timeout=10 * lib.SLOW), [0], 'store beside')
                self.rounds += 1
                if self.over.wait(0.02):
                    return
        except Exception as e:  # noqa: said by __exit__
            self.error = e

    def __exit__(self, kind, *rest):
        self.over.set()
        self.thread.join()
        if kind is None:
            check(self.error is None, 'the peer beside: %s' % self.error)
            check(self.rounds > 0, 'the peer beside did nothing')
        well('all')


def talk(data, wait=20 * lib.SLOW, half=True):
    """Sends all of it, ends its own side, and hears the other out. What was answered."""
    answer = b''
    with socket.create_connection(('127.0.0.1', node.port), 5) as s:
        s.settimeout(wait)
        try:
            s.sendall(data)
            if half:
                s.shutdown(socket.SHUT_WR)
            while True:
                piece = s.recv(65536)
                if not piece:
                    return answer
                answer += piece
        except socket.timeout:
            raise AssertionError('no end within %g s' % wait)
        except OSError:
            return answer


def well(name):
    global peak
    check(node.alive(), '%s: the node is gone (%s)' % (name, node.process.returncode))
    peak = max(peak, node.memory()[0] - first)
    check(peak < MOST, '%s: memory grew by %d MB' % (name, peak >> 10))
    for path in ('/tmp/pwned', '/pwned', '/etc/cron.d/x', os.path.join(node.folder, 'pwned')):
        check(not os.path.exists(path), 'wrote ' + path)


class Log:
    """What the log says of one connection; the lines of the witness are left out."""

    def __init__(self):
        self.at = os.path.getsize(node.log)

    def faults(self):
        """Waits for the line that ends the connection; the lines that name a fault."""
        end = time.monotonic() + 10 * lib.SLOW
        while True:
            with open(node.log, 'rb') as f:
                f.seek(self.at)
                text = f.read()
            lines = [s for s in text[:text.rfind(b'\n') + 1].decode('utf-8').splitlines() if ' WITNESS ' not in s]
            if any(END.search(s) for s in lines):
                return [s for s in lines if FAULT.search(s)]
            check(time.monotonic() < end, 'no line ends the connection: %s' % lines)
            time.sleep(0.005)


def throw_all(cases):
    count = 0
    for name, data, fault in cases:
        log = Log()
        answer = talk(data)
        well(name)
        count += 1
        found = log.faults()
        if fault is None:
            continue
        equal(len(found), 1, '%s: log lines %s' % (name, found))
        check(hostile.names_fault(found[0], fault), '%s: the log says %s' % (name, found[0]))
        if 'refused with' in fault:
            check(b'\0\0\0\x09' in answer, '%s: no answer' % name)
    lib.note('%d thrown' % count)


@case('association requests with wrong lengths, items, titles and counts; TLS and HTTP')
def requests():
    trap(17, 'a TLS hello on the plain port')
    with Witness():
        throw_all(hostile.requests())


@case('requests cut at every byte, and one that says more than comes')
def cut_requests():
    whole = hostile.proposing(hostile.item(0x53, b'\0\1\0\1'))
    with Witness():
        for n in range(len(whole)):
            talk(whole[:n])
        well('cut requests')


@case('user items of every length, lying, twice and a thousand times')
def user_items():
    with Witness():
        throw_all(hostile.user_items())


@case('PDUs out of order, PDVs and fragments that do not fit, releases and aborts that cross')
def flow():
    trap(17, 'PDU and PDV lengths, interleaved fragments')
    trap(19, 'PDUs out of order, release and abort in the middle')
    with Witness():
        throw_all(hostile.broken_flow())


@case('command sets that cannot be read, unknown commands, names that are paths')
def commands():
    with Witness():
        throw_all(hostile.commands())


@case('data sets: 60,000 deep, 4 GiB long, deflate bombs, odd VRs and UIDs')
def data_sets():
    with Witness():
        throw_all(hostile.data_sets())


@case('identifiers: deep, long, wild, and 20,000 UIDs')
def identifiers():
    with Witness():
        throw_all(hostile.identifiers())


@case('random changes of a good conversation')
def changed():
    rng = random.Random(SEED)
    with Witness():
        for n in range(RANDOM):
            talk(hostile.changed(rng))
            well('change %d' % n)


@case('files and DICOMDIRs to import: bombs, depth, names that lead out, random changes')
def folders():
    rng, top = random.Random(SEED + 1), lib.folder()
    one = image('imported', 1).part10()
    files = list(hostile.folder_files()) + [('changed-%d.dcm' % n, hostile.changed_file(one, rng)) for n in range(RANDOM)]
    for name, data in files:
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data)
    with Witness():
        done = node.teleread('import', '--json', top, code=None, timeout=120)
    check(done.code in (0, 1) and 'Sanitizer' not in done.all and 'runtime error' not in done.all, done)
    for at, _, names in os.walk(node.folder):
        for name in names:
            check(re.fullmatch(r'[\w.-]+', name), 'a file of the name %r' % name)


@case('a message that drips is ended in time, and so is silence')
def drip():
    trap(19, 'a peer that drips, half-close, silence')
    begun = time.monotonic()
    with Witness():
        s = socket.create_connection(('127.0.0.1', node.port), 5)
        s.sendall(hostile.proposing() + hostile.pdata(3, 3, hostile.store_command('1.2.3')))
        s.sendall(hostile.pdata(3, 0, b'x' * 100)[:12])
        s.settimeout(0.2)
        ended = False
        while not ended and time.monotonic() - begun < 30 * lib.SLOW:
            try:
                s.sendall(b'x')  # one byte each 200 ms
                ended = any(piece in s.recv(65536) for piece in (b'\x07\0\0\0\0\x04',))
            except socket.timeout:
                continue
            except OSError:
                ended = True
        check(ended, 'it still listens after %.0f s' % (time.monotonic() - begun))
        s.close()
        silent = [socket.create_connection(('127.0.0.1', node.port), 5) for _ in range(20)]
        silent[0].sendall(hostile.proposing()[:30])
        for s in silent:
            s.settimeout(20 * lib.SLOW)
            try:
                equal(s.recv(100)[:1] in (b'', b'\x07', b'\x03'), True, 'what silence is answered with')
            except ConnectionError:
                pass
            s.close()


@case('1,000 connections at once: those who wait go, those who work stay')
def crowd():
    busy = node.associate('WITNESS', timeout=60 * lib.SLOW)
    open_ones = []
    try:
        for n in range(1000):
            s = socket.create_connection(('127.0.0.1', node.port), 10)
            s.setblocking(False)
            if n % 3 == 0:
                s.send(hostile.proposing()[:n % 200])
            open_ones.append(s)
        equal(busy.echo().status, 0, 'echo on an association that was there')
        equal(node.echo('WITNESS', timeout=20 * lib.SLOW), 0, 'echo on a new one')
        well('1000 connections')
    finally:
        for s in open_ones:
            s.close()
    busy.release()


@case('what lies there can be found and proven; nothing leaked')
def afterwards():
    for level in ('patient', 'study', 'series', 'image'):
        node.json_lines('find', '--level', level)
    node.teleread('fsck')
    node.teleread('reindex', '--prove')
    left = [f for f in os.listdir(os.path.join(node.data, 'tmp'))] if os.path.isdir(os.path.join(node.data, 'tmp')) else []
    equal(left, [], 'scratch files')
    lib.note('memory grew by %d MB at most, %d allowed' % (peak >> 10, MOST >> 10))
    node.stop()  # a sanitizer's leak report would be its exit status


lib.main()
