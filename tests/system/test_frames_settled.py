#!/usr/bin/env python3
"""A series over HTTP before and after it settles: frames, resolutions, metadata and tags, each true of what is stored now."""
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
import lib
from dul import EXPLICIT_LE
from lib import case, check, equal, note, tool
from objects import image, pixels
from parts import OCTETS, Client, path, related, series_path

lib.need_program()
HT_RPCL = '1.2.840.10008.1.2.4.202'
SIDE, FRAMES = 160, 3
node = lib.Node({'settle.enabled': 'false', 'settle.grace': '0ms'})
WATCH = node.teleread('token', 'create', '--name', 'an operator', '--role', 'admin').out.strip()
node.start('--accept-unknown', 'NORTH')
web = Client(node)
SERIES = [image('settles', n, side=SIDE, frames=FRAMES) for n in (1, 2, 3)]
check(all(s == 0 for s in node.store(SERIES)), 'C-STORE')
AT = [path(one) for one in SERIES]
ANY = related(OCTETS, '*')


def look():
    """What a viewer gets: syntax and tag of frames, tags of metadata, Available Transfer Syntax UID."""
    frame = web.get(AT[0] + '/frames/2', ANY)
    metadata = web.get(series_path(SERIES[0]) + '/metadata')
    said = {m['00083002']['Value'][0] for m in json.loads(metadata.body)}
    return {'syntax': frame.parts()[0].syntax, 'frame': frame.headers['ETag'], 'metadata': metadata.headers['ETag'], 'said': said}


def counted(name):
    text = web.get('/metrics', Authorization='Bearer ' + WATCH).body.decode()
    found = re.search(r'^%s (\d+)$' % re.escape(name), text, re.M)
    return int(found[1]) if found else 0


BEFORE = look()
RAW = [[web.get(at + '/frames/%d' % n, OCTETS).body for n in range(1, FRAMES + 1)] for at in AT]
OLD = [json.loads(web.get(at + '/metadata').body)[0] for at in AT]
node.teleread('settle', '--now', timeout=300)


@case('what is said of frames changes with their form, and so do the tags')
def changed():
    after = look()
    equal((BEFORE['syntax'], BEFORE['said']), (EXPLICIT_LE, {EXPLICIT_LE}), 'before')
    equal((after['syntax'], after['said']), (HT_RPCL, {HT_RPCL}), 'after')
    check(BEFORE['frame'] != after['frame'] and BEFORE['metadata'] != after['metadata'], 'the tags are those of before')
    equal(web.get(series_path(SERIES[0]) + '/metadata', If_None_Match=BEFORE['metadata']).status, 200, 'with the old tag')
    equal(web.get(series_path(SERIES[0]) + '/metadata', If_None_Match=after['metadata']).status, 304, 'with the new one')


@case('samples are those of before, alone and in lists')
def samples():
    for at, wanted in zip(AT, RAW):
        equal(wanted[0], pixels(SIDE, int(json.loads(web.get(at + '/metadata').body)[0]['00200013']['Value'][0])), 'as it was sent')
        equal([web.get(at + '/frames/%d' % n, OCTETS).body for n in range(1, FRAMES + 1)], wanted, 'alone')
        equal([p.body for p in web.get(at + '/frames/3,1,2', related(OCTETS)).parts()], [wanted[2], wanted[0], wanted[1]], 'a list')


@case('stored frames are found by the table that the instance carries, with the bytes of each resolution')
def resolutions():
    answer = web.get(AT[1] + '/frames/3', 'image/jphc')
    items = [re.fullmatch(r'(\d+);bytes=(\d+)', i) for i in answer.headers['Teleread-Resolutions'].split(', ')]
    sizes = {int(i[1]): int(i[2]) for i in items}
    equal((answer.headers['Content-Type'], sizes[1]), ('image/jphc; transfer-syntax=' + HT_RPCL, len(answer.body)), 'all of it')
    head = web.ask('HEAD', AT[1] + '/frames/3', 'image/jphc')
    for name in ('Teleread-Resolutions', 'ETag', 'Content-Length', 'Accept-Ranges'):
        equal(head.headers[name], answer.headers[name], 'HEAD: ' + name)
    part = web.get(AT[1] + '/frames/3', 'image/jphc', Range='bytes=0-%d' % (sizes[4] - 1))
    equal((part.status, part.body), (206, answer.body[:sizes[4]]), 'a range')
    if not shutil.which('ojph_expand'):
        raise lib.Skip('ojph_expand (Debian package openjph-tools) is not installed')
    pictures = []
    for name, stream in (('whole', answer.body), ('part', part.body)):
        at = os.path.join(lib.folder(), name)
        with open(at + '.jph', 'wb') as f:
            f.write(stream)
        tool('ojph_expand', '-i', at + '.jph', '-o', at + '.pgm', '-skip_res', '2,2', '-resilient', 'true')
        with open(at + '.pgm', 'rb') as f:
            pictures.append(f.read())
    check(pictures[0] == pictures[1] and b'%d %d' % (SIDE // 4, SIDE // 4) in pictures[0][:40], 'the picture at 1/4')
    note('1/4 from %d of %d bytes' % (sizes[4], sizes[1]))
    check(counted('teleread_frame_tables_total{from="appendix"}') >= 2, 'tables that were read')


@case('metadata of the series are those of its instances, from the document that settling wrote')
def metadata():
    before = counted('teleread_http_metadata_total{from="settled"}')
    check(before >= 1, 'nothing was answered from it')
    found = json.loads(web.get(series_path(SERIES[0]) + '/metadata').body)
    equal(len(found), len(SERIES), 'instances')
    for at, old, one in zip(AT, OLD, sorted(found, key=lambda m: int(m['00200013']['Value'][0]))):
        alone = json.loads(web.get(at + '/metadata').body)[0]
        equal(one.pop('7FE00010')['BulkDataURI'], 'instances/%s/bulkdata/7FE00010' % one['00080018']['Value'][0], 'reference')
        alone.pop('7FE00010')
        equal(one, alone, 'metadata of the instance')
        old.pop('7FE00010', None)
        equal({k for k in set(old) | set(one) if old.get(k) != one.get(k)}, {'00083002'}, 'what settling changed')
        equal([p.body for p in web.get(at + '/bulkdata/7FE00010', related(OCTETS)).parts()], RAW[AT.index(at)], 'bulk data')


@case('who takes zstd gets the document as it is kept')
def packed():
    late = [image('packed', n, side=32) for n in (1, 2)]
    check(all(s == 0 for s in node.store(late)), 'C-STORE')
    node.teleread('settle', '--now', timeout=300)
    at = series_path(late[0]) + '/metadata'
    answer = web.get(at, Accept_Encoding='gzip, zstd')
    equal((answer.status, answer.headers['Content-Encoding'], answer.body[:4]), (200, 'zstd', b'\x28\xb5\x2f\xfd'), answer.headers)
    plain = web.get(at)
    equal(plain.headers['Content-Encoding'], None, 'without')
    equal(len(json.loads(plain.body)), 2, 'instances')
    if not shutil.which('zstd'):
        raise lib.Skip('zstd (Debian package zstd) is not installed: its bytes were not unpacked')
    name = os.path.join(lib.folder(), 'document')
    with open(name + '.zst', 'wb') as f:
        f.write(answer.body)
    tool('zstd', '-q', '-d', name + '.zst', '-o', name)
    with open(name, 'rb') as f:
        equal(f.read(), plain.body, 'the document')


@case('an instance that comes later is in the metadata at once')
def late():
    more = image('settles', 4, side=SIDE, frames=FRAMES)
    check(node.store([more]) == [0], 'C-STORE')
    found = json.loads(web.get(series_path(more) + '/metadata').body)
    equal(sorted((int(m['00200013']['Value'][0]), m['00083002']['Value'][0]) for m in found),
          [(1, HT_RPCL), (2, HT_RPCL), (3, HT_RPCL), (4, EXPLICIT_LE)], 'instances and their form')


lib.main()
