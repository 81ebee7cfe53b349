#!/usr/bin/env python3
"""Retrieval over HTTP streams: a huge instance, in every form, to quick and slow readers and to those who leave, raises the
node's resident size by less than 50 MB. By default 500 MB; TELEREAD_BIG=1 takes 4 GB."""
import http.client
import shutil
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
import dul
import lib
from lib import case, check, equal
from objects import CT, encode, image
from parts import OCTETS, Client, path, related, study_path

lib.need_program()
if lib.sanitized():
    lib.skip_all('sanitizers keep memory of their own')
MB = 1 << 20
SIZE = (4000 if lib.BIG else 500) * MB
LIMIT = 50 * 1024  # KiB
node = lib.Node({'archive.pack_size': '64M', 'archive.prewrite': '16M'})
if shutil.disk_usage(node.folder).free < SIZE + 1024 * MB:
    lib.skip_all('too little room in %s' % node.folder)
node.start('--accept-unknown', 'NORTH')
web = Client(node)
HUGE = image('huge', 1)


@case('a huge instance is stored')
def store():
    head = encode([e for e in HUGE.elements if e[0] != 0x7FE00010])
    head += struct.pack('<HH2sHI', 0x7FE0, 0x0010, b'OW', 0, SIZE)

    def pieces():
        yield head
        for _ in range(SIZE // 65536):
            yield bytes(65536)
    with node.associate('COUNTY', [(CT, [dul.EXPLICIT_LE])], timeout=120 * lib.SLOW) as a:
        equal(a.store(HUGE.sop_class, HUGE.uid, HUGE.syntax, pieces()).status, 0, 'status')


def length_of(at, accept):
    c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=120 * lib.SLOW)
    c.request('GET', at, headers={'Accept': accept})
    response, n = c.getresponse(), 0
    equal(response.status, 200, at)
    while True:
        piece = response.read(MB)
        if not piece:
            c.close()
            return n
        n += len(piece)


FORMS = [(path(HUGE), 'application/dicom; transfer-syntax=*'), (path(HUGE), related('application/dicom', '*')),
         (study_path(HUGE), related('application/dicom')), (study_path(HUGE), 'application/zip'),
         (path(HUGE) + '/bulkdata/7FE00010', OCTETS), (study_path(HUGE) + '/pixeldata', related(OCTETS))]


@case('it comes whole in every form, through little memory')
def whole():
    web.get(study_path(HUGE) + '/metadata')
    for at, accept in FORMS:
        with lib.Watch(node) as watch:
            check(length_of(at, accept) >= SIZE, '%s as %s is short' % (at, accept))
        check(watch.grown < LIMIT, '%s as %s: %d KiB more' % (at, accept, watch.grown))


@case('slow readers and those who leave hold neither memory nor a thread')
def slow():
    with lib.Watch(node) as watch:
        held = []
        for n in range(60):
            at, accept = FORMS[n % len(FORMS)]
            s = socket.create_connection(('127.0.0.1', node.http_port), timeout=30 * lib.SLOW)
            s.sendall(('GET %s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\n\r\n' % (at, accept)).encode())
            held.append(s)
        for s in held:
            check(s.recv(1000).startswith(b'HTTP/1.1 200'), 'an answer begins')
        equal(web.get('/healthz').status, 200, 'others are served')
        equal(web.get(path(HUGE) + '/metadata').status, 200, 'with work on the index, too')
        for s in held[::2]:
            s.close()
        time.sleep(0.2)
        for s in held[1::2]:
            check(len(s.recv(100000)) > 0, 'goes on')
            s.close()
        equal(web.get(path(HUGE) + '/metadata').status, 200, 'afterwards')
    check(watch.grown < LIMIT, '%d KiB more' % watch.grown)


lib.main()
