#!/usr/bin/env python3
"""Hostile input: whatever is thrown at the port, the node lives, answers at once, and its memory stays bounded."""
import http.client
import json
import os
import re
import socket
import sys
import time

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal, trap
from objects import CT, JPEG_LS, Part10, image, keys, parse, text

lib.need_program()
TOP = os.path.join(lib.SHARED, 'data', 'hostile')
if not os.path.isdir(TOP):
    lib.skip_all('no hostile inputs at %s' % TOP)
GROWTH = (200 if not lib.sanitized() else 1200) * 1024  # KiB
node = lib.Node({'dicom.artim': '2s', 'dicom.dimse': '3s', 'dicom.idle': '5s', 'dicom.max_associations': '300'},
                sites=False)
node.teleread('site', 'add', 'NORTH', '--name', 'North Demo County Hospital')
for aet in ('COUNTY', 'HOSTILE', 'TESTER', 'CLIENT'):
    node.teleread('peer', 'add', aet, '--site', 'NORTH', '--private')
node.start('--accept-unknown', 'NORTH')
witness = image('witness', 1)


def names(kind):
    return sorted(os.listdir(os.path.join(TOP, kind)), key=lambda n: (not n.startswith('ok-'), n))  # controls first


def read(kind, name):
    with open(os.path.join(TOP, kind, name), 'rb') as f:
        return f.read()


def throw(data, wait=0.3, port=None):
    """Sends all of it, listens a little, hangs up. What was answered."""
    answer = b''
    with socket.create_connection(('127.0.0.1', port or node.port), 5) as s:
        s.settimeout(wait)
        try:
            s.sendall(data)
        except OSError:
            pass
        end = time.monotonic() + wait
        try:
            while time.monotonic() < end and len(answer) < 100000:
                piece = s.recv(65536)
                if not piece:
                    break
                answer += piece
        except OSError:
            pass
    return answer


def still_well(name, first):
    check(node.alive(), '%s: the node is gone (%s)' % (name, node.process.returncode))
    begun = time.monotonic()
    equal(node.echo(timeout=10 * lib.SLOW), 0, 'echo after ' + name)
    took = time.monotonic() - begun
    check(took < 2 * lib.SLOW, '%s: the echo after it took %.1f s' % (name, took))
    grown = node.memory()[0] - first
    check(grown < GROWTH, '%s: memory grew by %d MB' % (name, grown >> 10))


def nothing_escaped():
    for path in ('/tmp/pwned', '/etc/cron.d/x', os.path.join(node.folder, 'pwned')):
        check(not os.path.exists(path), 'wrote ' + path)
    for at, _, files in os.walk(node.folder):
        for f in files:
            check(all(c.isalnum() or c in '.-_' for c in f), 'a file of the name %r' % f)


@case('each of the byte streams: the node lives, echoes and stays small')
def pdus():
    trap(17, 'byte streams that are no PDUs')
    equal(node.store([witness]), [0])
    first = node.memory()[0]
    for name in names('pdu'):
        answer = throw(read('pdu', name))
        if name.startswith('ok-'):
            check(answer[:1] == b'\x02', name + ' works')
        still_well(name, first)
    nothing_escaped()


@case('all byte streams at once, cut short, and one behind another')
def at_once():
    first = node.memory()[0]
    streams = [read('pdu', n) for n in names('pdu')]
    lib.together(*(lambda s=s: throw(s, 1.0) for s in streams[:40]))
    still_well('forty at once', first)
    for s in streams:
        throw(s[:len(s) // 2], 0.02)
    still_well('cut short', first)
    good = dul.associate_request('COUNTY', 'TELEREAD', [(1, dul.VERIFICATION, [dul.IMPLICIT_LE])])
    for s in streams:
        throw(good + s, 0.02)
    still_well('behind a good request', first)


@case('each of the files, sent as it is: answered or refused, never fatal')
def files():
    first = node.memory()[0]
    said = []
    for name in names('file'):
        part10 = Part10(read('file', name))
        sop_class, sop_instance = text(part10.meta, 0x00020002) or CT, text(part10.meta, 0x00020003)
        try:
            with node.associate('COUNTY', [(sop_class, [part10.syntax])], timeout=30 * lib.SLOW) as a:
                answer = a.store(sop_class, sop_instance.encode('utf-8').decode('latin-1'), part10.syntax, part10.data)
            said.append('%s %s' % (name, answer))
            if name.startswith('ok-'):
                check(answer.status in (0, 0xB000), '%s: %s' % (name, answer))  # a stream above may hold its UID
        except (dul.NotAccepted, dul.Aborted, dul.Closed, dul.Rejected, OSError) as e:
            said.append('%s %s' % (name, type(e).__name__))
        still_well(name, first)
    lib.note('\n'.join(said))
    nothing_escaped()


def web_answer(name, data, wait):
    """The status; 0 where the line was closed without one, or nothing more was due."""
    answer = throw(data, wait * lib.SLOW, node.http_port)
    if not answer:
        return 0
    found = re.match(rb'HTTP/1\.1 (\d{3}) ', answer)
    check(found, '%s: %r' % (name, answer[:80]))
    status = int(found.group(1))
    check(status < 500 or status in (501, 505), '%s: %d' % (name, status))
    return status


def still_searches(name):
    c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=10 * lib.SLOW)
    c.request('GET', '/dicom-web/studies?limit=1', headers={'Accept': 'application/dicom+json'})
    equal(c.getresponse().status, 200, 'a search after ' + name)
    c.close()


@case('each of the HTTP requests: refused in words or closed, and searches go on')
def requests():
    first, said = node.memory()[0], []
    for name in names('http'):
        status = web_answer(name, read('http', name), 1.5)
        said.append('%s %d' % (name, status))
        if name.startswith('ok-'):
            equal(status // 100, 2, name)
        still_searches(name)
        still_well(name, first)
    lib.note('\n'.join(said))
    nothing_escaped()


@case('each of the files, stored over HTTP: answered or refused, never fatal')
def stowed():
    first, said = node.memory()[0], []
    head = ('POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/dicom+json\r\n'
            'Content-Type: multipart/related; type="application/dicom"; boundary=B\r\nContent-Length: %d\r\n\r\n')
    for name in names('file'):
        body = b'--B\r\nContent-Type: application/dicom\r\n\r\n' + read('file', name) + b'\r\n--B--\r\n'
        status = web_answer(name, (head % len(body)).encode() + body, 30)
        check(status in (200, 202, 400, 409), '%s: %d' % (name, status))
        said.append('%s %d' % (name, status))
        still_searches(name)
        still_well(name, first)
    lib.note('\n'.join(said))
    nothing_escaped()


@case('each of the files that were taken, asked for in another syntax: sent or counted, never fatal')
def rewritten():
    first, said = node.memory()[0], []
    for name in names('file'):
        part10 = Part10(read('file', name))
        try:
            found = parse(part10.data, part10.syntax, (0x00080016, 0x00080018, 0x0020000D, 0x0020000E))
        except Exception:  # noqa: not even its head can be read
            continue
        sop_class, sop_instance, study, series = (text(found, t) for t in (0x00080016, 0x00080018, 0x0020000D, 0x0020000E))
        for syntax in (dul.IMPLICIT_LE, dul.EXPLICIT_BE, dul.DEFLATED_LE, JPEG_LS):
            if syntax == part10.syntax or not (study and series and sop_instance):
                continue
            got, final = ask(sop_class, syntax, study, series, sop_instance)
            said.append('%s in %s: %d came, %s' % (name, syntax[17:], got, final))
            still_well('%s in %s' % (name, syntax), first)
    lib.note('%d asked for, %d sent' % (len(said), sum(' 1 came' in s for s in said)))


WAYS = (('', 'application/dicom'), ('', 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1'), ('', 'application/zip'), ('/metadata', '*/*'),
        ('/metadata', 'multipart/related; type="application/dicom+xml"'), ('/rendered', 'image/jpeg'), ('/rendered?viewport=50,50', 'image/png'),
        ('/thumbnail', 'image/jpeg'), ('/pixeldata', '*/*'), ('/bulkdata', '*/*'), ('/frames/1', '*/*'), ('/frames/1,2147483647', '*/*'),
        ('/frames/1', 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1'), ('/frames/1/rendered', 'image/png'),
        ('/bulkdata/7FE00010', '*/*'), ('/bulkdata/00400010/0/00400011', '*/*'))


@case('each instance that was taken, in every way that HTTP gives it: an answer below 500, or one that is seen to be cut')
def retrieved():
    first, said = node.memory()[0], {}
    c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=60 * lib.SLOW)
    c.request('GET', '/dicom-web/instances?limit=1000', headers={'Accept': 'application/dicom+json'})
    rows = json.loads(c.getresponse().read())
    check(len(rows) > 20, 'instances: %d' % len(rows))
    for row in rows:
        uids = tuple(row[t]['Value'][0] for t in ('0020000D', '0020000E', '00080018'))
        for more, accept in WAYS:
            path = '/dicom-web/studies/%s/series/%s/instances/%s' % uids + more
            try:
                c.request('GET', path, headers={'Accept': accept})
                answer = c.getresponse()
                status = answer.status
                answer.read()
            except (http.client.HTTPException, OSError):
                c.close()
                status = 'cut'
            check(status == 'cut' or status < 500 or status == 501, '%s as %s: %s' % (path, accept, status))
            said[more, status] = said.get((more, status), 0) + 1
        still_well(uids[2], first)
    c.close()
    lib.note('\n'.join('%s %s: %d' % (m, s, n) for (m, s), n in sorted(said.items(), key=str)))


def ask(sop_class, syntax, study, series, sop_instance):
    count = []
    with node.associate('COUNTY', [(dul.STUDY_GET, [dul.IMPLICIT_LE])], get=[(sop_class, [syntax])],
                        timeout=60 * lib.SLOW) as a:
        _, final = a.get(dul.STUDY_GET, keys('IMAGE', StudyInstanceUID=study, SeriesInstanceUID=series,
                                             SOPInstanceUID=sop_instance), stored=count.append)
    return len(count), final


@case('each of the files, imported: answered or refused, never fatal')
def imported():
    done = node.teleread('import', '--json', os.path.join(TOP, 'file'), code=None, timeout=120)
    check(done.code in (0, 1), done)
    still_well('the import', node.memory()[0])


@case('what lies there afterwards can be found, retrieved and proven')
def afterwards():
    for level in ('patient', 'study', 'series', 'image'):
        node.json_lines('find', '--level', level)
    node.instances()
    check(node.get_all([witness])[witness.uid][1] == witness.data, 'the witness')
    to = os.path.join(lib.folder(), 'out')
    done = node.teleread('export', '--all', '--to', to, code=None)
    check(done.code in (0, 1), done)
    nothing_escaped()
    node.teleread('fsck')
    node.teleread('reindex', '--prove')
    node.stop()


lib.main()
