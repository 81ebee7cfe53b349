#!/usr/bin/env python3
"""Limits: many associations at once and one too many, silent and slow peers, timers, an orderly end."""
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import CT, image, keys

lib.need_program()
MOST = 64
CTX = [(CT, [dul.EXPLICIT_LE])]
node = lib.Node({'dicom.max_associations': str(MOST), 'dicom.artim': '2s', 'dicom.idle': '4s', 'dicom.dimse': '10s'})
node.start()


def closed_within(sock, seconds):
    """Seconds until the peer closed, whatever it sent before."""
    begun = time.monotonic()
    sock.settimeout(seconds)
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        pass
    except socket.timeout:
        raise AssertionError('still open after %g s' % seconds)
    return time.monotonic() - begun


def until_free():
    """All associations of the case before are over."""
    def full():
        try:
            for a in [node.associate() for _ in range(8)]:
                a.release()
            return True
        except dul.Rejected:
            return False
    lib.wait_until(full, 10, 'associations end')


@case('%d associations at once store and are answered' % MOST)
def many():
    def go(k):
        with node.associate('COUNTY', CTX, timeout=60) as a:
            return [a.store(i.sop_class, i.uid, i.syntax, i.data).status
                    for i in (image('many%d' % k, n) for n in range(3))]
    equal(lib.together(*(lambda k=k: go(k) for k in range(MOST))), [[0] * 3] * MOST)
    until_free()


@case('one association more is rejected as transient, and the others go on')
def too_many():
    trap(19, 'one association too many is rejected as transient, local limit')
    held = [node.associate() for _ in range(MOST)]
    for _ in range(3):
        try:
            node.associate()
            raise AssertionError('association %d was accepted' % (MOST + 1))
        except dul.Rejected as r:
            equal((r.result, r.source, r.reason), (2, 3, 2), 'result, source, reason')
    equal([a.echo().status for a in held], [0] * MOST)
    held.pop().release()
    lib.wait_until(can_associate, 5, 'its place is free again')
    for a in held:
        a.release()
    until_free()


def can_associate():
    try:
        node.associate().release()
        return True
    except dul.Rejected:
        return False


@case('silent connections hold nobody up and are closed after ARTIM')
def silent():
    trap(19, 'ARTIM ends a connection without a request')
    quiet = [socket.create_connection(('127.0.0.1', node.port)) for _ in range(8)]
    half = socket.create_connection(('127.0.0.1', node.port))
    half.sendall(b'\x01\x00\x00\x00')
    begun = time.monotonic()
    equal(node.echo(timeout=2 * lib.SLOW), 0)
    check(time.monotonic() - begun < 1 * lib.SLOW, 'the echo took %.1f s' % (time.monotonic() - begun))
    for s in quiet + [half]:
        closed_within(s, 6 * lib.SLOW)
        s.close()
    check(time.monotonic() - begun > 1.5, 'not before ARTIM')


@case('a slow sender does not hold a fast one up')
def slow():
    one, stop = image('slow', 1), threading.Event()
    a = node.associate('COUNTY', CTX)
    request = dul.encode_command({'affected_class': CT, 'affected_instance': one.uid, 'field': 1, 'message_id': 1,
                                  'priority': 0, 'data_type': 1})
    a.send_part(1, [request], 1)

    def drip():
        data = dul.struct.pack('>BBIIBB', 4, 0, 506, 502, 1, 0) + one.data[:500]
        for k in range(len(data)):
            if stop.wait(0.1):
                return
            a.socket.sendall(data[k:k + 1])
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        begun, n = time.monotonic(), 0
        with node.associate('COUNTY', CTX) as fast:
            while time.monotonic() - begun < 1.5:
                n += 1
                i = image('fast', n)
                equal(fast.store(i.sop_class, i.uid, i.syntax, i.data).status, 0)
        lib.note('%d stored beside it in 1.5 s' % n)
        check(n >= 20, 'only %d stored in 1.5 s' % n)
    finally:
        stop.set()
        thread.join()
        a.close()


@case('a receiver that does not read holds only itself up')
def stalled_reader():
    some = [image('stall', n, bulk=400000) for n in range(20)]
    equal(set(node.store(some)), {0})
    a = node.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=CTX)
    a.send(1, {'affected_class': dul.STUDY_GET, 'field': 0x10, 'message_id': 1, 'priority': 0},
           keys('STUDY', StudyInstanceUID=some[0].study))
    time.sleep(0.3)
    equal(node.echo(timeout=2 * lib.SLOW), 0)
    equal(len(node.find('STUDY', StudyInstanceUID=some[0].study)), 1)
    equal(node.store([image('beside', 1)]), [0])
    a.close()


@case('an idle association is aborted after its time')
def idle():
    trap(19, 'an idle association is aborted')
    a = node.associate()
    equal(a.echo().status, 0)
    took = closed_within(a.socket, 12 * lib.SLOW)
    a.close()
    check(3 < took < 9 * lib.SLOW, 'idle for %.1f s of 4' % took)


@case('a message that stops half way is given up')
def half_message():
    trap(19, 'a message that stops half way is given up')
    one = image('halfway', 1)
    a = node.associate('COUNTY', CTX)
    a.send_part(1, [dul.encode_command({'affected_class': CT, 'affected_instance': one.uid, 'field': 1, 'message_id': 1,
                                        'priority': 0, 'data_type': 1})], 1)
    a.send_pdv(1, 0, one.data[:500])
    took = closed_within(a.socket, 25 * lib.SLOW)
    a.close()
    check(took > 2, 'closed after %.1f s' % took)
    equal(node.find('STUDY', StudyInstanceUID=one.study), [])


@case('peers may send PDUs of any size up to what is announced')
def pdus():
    trap(17, 'PDUs from 64 bytes up to what was announced')
    for size in (64, 1000, 16384, 131072):
        one = image('pdu%d' % size, 1, side=128)
        a = node.associate('COUNTY', CTX, max_pdu=max(size, 4096))
        check(4096 <= a.peer_max <= 131072, 'announced: %d' % a.peer_max)
        a.peer_max = min(size, a.peer_max)
        equal(a.store(one.sop_class, one.uid, one.syntax, one.data).status, 0, 'PDUs of %d' % size)
        a.release()
        got = node.get_all([one])
        check(got[one.uid][1] == one.data, 'comes back')


@case('C-GET keeps to the PDU size of the receiver')
def small_pdus():
    trap(17, 'no PDU is larger than the receiver takes, headers included')
    one = image('small', 1, side=128)
    equal(node.store([one]), [0])
    for size in (4096, 16384):
        sizes = []
        a = node.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=CTX, max_pdu=size)
        plain = a.read_pdu

        def read_pdu():
            kind, body = plain()
            sizes.append(len(body))
            return kind, body
        a.read_pdu = read_pdu
        got, final = a.get(dul.STUDY_GET, keys('STUDY', StudyInstanceUID=one.study))
        equal((len(got), final.status), (1, 0))
        check(got[0][3] == one.data, 'the data set')
        check(max(sizes) <= size, 'a PDU of %d for a receiver of %d' % (max(sizes), size))
        a.read_pdu = plain
        a.release()


@case('SIGTERM finishes what is under way and exits 0')
def term():
    one = image('term', 1, bulk=4000000)
    a = node.associate('COUNTY', CTX, timeout=30)
    idle_one = node.associate()
    a.send_part(1, [dul.encode_command({'affected_class': CT, 'affected_instance': one.uid, 'field': 1, 'message_id': 1,
                                        'priority': 0, 'data_type': 1})], 1)
    half = len(one.data) // 2 // 100000 * 100000
    for at in range(0, half, 100000):
        a.send_pdv(1, 0, one.data[at:at + 100000])
    node.process.send_signal(signal.SIGTERM)
    lib.wait_until(refused, 5, 'the port is closed')
    a.send_part(1, [one.data[half:]], 0)
    equal(a.receive()[1].status, 0, 'what was under way is answered')
    a.close()
    idle_one.close()
    equal(node.wait(20), 0, 'exit status')
    node.start()
    check(node.get_all([one])[one.uid][1] == one.data, 'and is there')
    node.stop()


def refused():
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', node.port)) != 0


@case('a called AE title that is not ours is refused where the settings say so')
def called():
    trap(19, 'a called AE title that is not ours: permanent, reason 7')
    with lib.Node({'dicom.check_called_aet': 'true', 'node.aet': 'DEMO'}) as strict:
        strict.associate(called='DEMO').release()
        try:
            strict.associate(called='OTHER')
            raise AssertionError('was accepted')
        except dul.Rejected as r:
            equal((r.result, r.source, r.reason), (1, 1, 7))


@case('a second node on the same folder is refused, the first goes on')
def twice():
    with lib.Node() as one:
        two = lib.Node(at=one.folder, sites=False)
        try:
            two.start()
            raise AssertionError('started')
        except AssertionError as e:
            check('before it was ready' in str(e), e)
        equal(one.echo(), 0)


@case('a peer may call from its addresses only, and the narrowest entry says whose it is')
def addresses():
    with lib.Node(sites=False) as one:
        for code in ('FAR', 'NEAR'):
            one.teleread('site', 'add', code, '--name', 'Demo ' + code)
        one.teleread('peer', 'add', 'CALLER', '--site', 'FAR', '--address', '10.0.0.0/8')
        try:
            one.echo('CALLER')
            raise AssertionError('was accepted')
        except dul.Rejected:
            pass
        one.teleread('peer', 'add', 'CALLER', '--site', 'FAR', '--address', '127.0.0.0/8')
        one.teleread('peer', 'add', 'CALLER', '--site', 'NEAR', '--address', '127.0.0.1/32')
        equal(one.store([image('near', 1)], 'CALLER'), [0])
        one.teleread('peer', 'add', 'NEAR_WS', '--site', 'NEAR')
        one.teleread('peer', 'add', 'FAR_WS', '--site', 'FAR')
        equal([len(one.find('STUDY', who, StudyInstanceUID='')) for who in ('NEAR_WS', 'FAR_WS')], [1, 0])


@case('private classes and syntaxes are taken from those peers only whose entry says so')
def private():
    trap(16, 'a class that is not taken is refused as such, reason 3')
    odd = image('private', 1, sop_class='1.2.826.999.1', syntax=dul.EXPLICIT_LE)
    with lib.Node() as one:
        one.teleread('peer', 'add', 'MAKER', '--site', 'NORTH', '--private')
        try:
            one.store([odd])
            raise AssertionError('was taken')
        except dul.NotAccepted as e:
            equal(e.args[0], 3, 'abstract syntax not supported')
        equal(one.store([odd], 'MAKER'), [0])
        check(one.get_all([odd], 'MAKER')[odd.uid][1] == odd.data, 'and comes back')


@case('SIGHUP reads the settings again; a bad file changes nothing')
def reload():
    with lib.Node({'dicom.check_called_aet': 'false'}) as one:
        one.associate(called='ANY').release()
        one.settings['dicom.check_called_aet'] = 'true'
        one.write_config()
        one.process.send_signal(signal.SIGHUP)

        def strict():
            try:
                one.associate(called='ANY').release()
                return False
            except dul.Rejected:
                return True
        lib.wait_until(strict, 5, 'the new setting holds')
        one.settings['dicom.check_called_aet'] = 'perhaps'
        one.write_config()
        one.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        check(one.alive() and strict(), 'the last good settings hold')
        equal(one.associate(called='TELEREAD').echo().status, 0)
        one.settings['dicom.check_called_aet'] = 'true'
        one.write_config()


@case('the limit of matches and the largest instance are kept to')
def settings():
    with lib.Node({'dicom.find_limit': '3', 'archive.max_instance': '100K'}) as small:
        equal(set(small.store([image('s%d' % n) for n in range(5)])), {0})
        with small.associate('COUNTY', [(dul.STUDY_FIND, [dul.IMPLICIT_LE])]) as a:
            rows, final = a.find(dul.STUDY_FIND, keys('STUDY', StudyInstanceUID=''))
        equal(len(rows), 3)
        check(final.status in (0xA700, 0xC000), final)
        big = image('big', 1, bulk=200000)
        equal(small.store([big, image('fits', 1)]), [0xA700, 0])


lib.main()
