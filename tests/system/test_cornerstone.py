#!/usr/bin/env python3
"""CornerstoneJS's DICOM image loader in Chromium, behind nginx by HTTP/2, with a session's cookie: pixels and a stack.

What the loader makes of frames is compared with samples that are known: of files made here, and of real files of every
encapsulation, whose samples other decoders agree on.
"""
import csv
import hashlib
import os
import sys

sys.dont_write_bytecode = True
import clients
import lib
import objects
from front import Front
from lib import case, check, equal, note, tool
from objects import Part10, parse, text

lib.need_program()
clients.need_clients(browser=True)
SIDE = 96
node = lib.Node({'http.trusted_proxies': '127.0.0.1'})
FOLDER = lib.folder()


def made():
    """{series: {uid: SHA-256 of the samples}}, in our syntaxes and in those that DCMTK encodes."""
    out = {}
    encoders = {'JPEG lossless': ['dcmcjpeg', '+e1'], 'JPEG lossless, any predictor': ['dcmcjpeg', '+el'],
                'JPEG-LS': ['dcmcjpls'], 'RLE': ['dcmcrle'], 'implicit': ['dcmconv', '+ti'], 'big endian': ['dcmconv', '+tb'],
                'deflated': ['dcmconv', '+td'], 'explicit': None}
    for number, (name, words) in enumerate(encoders.items(), 1):
        for n in (1, 2, 3):
            one = objects.image('MADE', series=number, number=n, side=SIDE, seed=number * 10 + n, extra=[
                (0x00281052, 'DS', '-1024'), (0x00281053, 'DS', '1'), (0x00200032, 'DS', '0\\0\\%d' % n),
                (0x00200037, 'DS', '1\\0\\0\\0\\1\\0'), (0x00280030, 'DS', '0.5\\0.5'),
                (0x00281050, 'DS', '1024'), (0x00281051, 'DS', '4096'),
                (0x7FE00010, 'OW', samples(number * 10 + n))])
            path = one.save(os.path.join(FOLDER, one.uid))
            if words:
                tool(*words, path, path + '.new')
                os.replace(path + '.new', path)
            out.setdefault((one.study, one.series), {})[one.uid] = hashlib.sha256(samples(number * 10 + n)).hexdigest()
    return out


def samples(seed):
    return b''.join(((x * (7 + seed) + y * 13 + seed * 101) % 4096).to_bytes(2, 'little') for y in range(SIDE) for x in range(SIDE))


def real():
    """{(study, series): {uid: (SHA-256 of frame 1, file)}} of real grey files in syntaxes without loss."""
    top = os.path.join(lib.SHARED, 'data', 'dicom')
    out = {}
    if not os.path.isdir(top):
        return out
    with open(os.path.join(lib.HERE, 'corpus-refused.tsv'), encoding='utf-8') as f:
        refused = {line.split('\t')[0] for line in f if '\t0000\t' not in line}
    with open(os.path.join(top, 'facts.tsv'), encoding='utf-8') as f:
        for row in csv.DictReader(f, delimiter='\t'):
            if row['file'] in refused or row['transfer_syntax'] not in LOSSLESS or not row['pixel_status'].startswith('agree'):
                continue
            if not row['frames_rows_cols_samples'].endswith('x1') or int(row['bytes']) > 1500000 or row['modality'] == 'SEG':
                continue
            with open(os.path.join(top, row['file']), 'rb') as g:
                part10 = Part10(g.read())
            head = parse(part10.data, part10.syntax, (0x0020000D, 0x0020000E, 0x00080018, 0x00280004, 0x00280100))
            if not text(head, 0x00280004).startswith('MONO') or int.from_bytes(head[0x00280100], 'little') not in (8, 16, 2048, 4096):
                continue
            series = text(head, 0x0020000D), text(head, 0x0020000E)
            out.setdefault(series, {})[text(head, 0x00080018)] = row['frame1_sha256'], row['file'], part10.syntax
    return out


LOSSLESS = {'1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.5',
            *('1.2.840.10008.1.2.4.' + n for n in ('57', '70', '80', '90', '201', '202'))}
# What is not as it is known, by no fault of what the node sends.
OTHERWISE = {
    'dcmjs/sample-op.dcm': 'the frame is JPEG baseline under the label of lossless, which the loader believes',
    'dicom-test-files/mlut_18.dcm': 'the loader puts the sign into the bits above those stored, where the file has something else',
}
MADE, REAL = made(), real()
node.teleread('import', FOLDER, '--site', 'NORTH')
if REAL:
    node.teleread('import', os.path.join(lib.SHARED, 'data', 'dicom'), '--site', 'NORTH', code=None, timeout=300)
node.start()
WORD = node.teleread('user', 'add', 'reader', '--role', 'site-viewer', '--site', 'NORTH').out.strip()
front = Front(node.http_port, {'/pages/': os.path.join(clients.INSTALLED, 'pages')})


def open_page(load=(), show=(), **job):
    pairs = [[{'study': s, 'series': x} for s, x in some] for some in (load, show)]
    got = clients.run('cornerstone.mjs', dict(job, chromium=clients.CHROMIUM, origin=front.origin, user='reader', password=WORD,
                                              load=pairs[0], show=pairs[1]), timeout=240)
    if 'error' in got:
        raise AssertionError('%s\n%s' % (got['error'], '\n'.join(got['log']['console'][-20:] + got['log']['failures'][-20:])))
    check(all(r.startswith((front.origin, 'blob:' + front.origin, 'data:')) for r in got['log']['requests']), 'left the origin')
    return got


@case('frames that were made here, native and in what DCMTK encodes')
def made_here():
    got = open_page(load=MADE)
    for (series, wanted), found in zip(MADE.items(), got['loaded']):
        equal({f.get('uid'): f.get('sha256', [f.get('error')])[0] for f in found}, wanted, 'series %s' % series[1])


@case('CT series as stacks, painted by the processor')
def stack():
    got = open_page(show=MADE, shot=os.path.join(FOLDER, 'stack.png'))
    pictures = set()
    for series, shown in zip(MADE, got['shown']):
        equal(len(shown), 3, 'images of series %s' % series[1])
        for one in shown:
            check(one['levels'] > 30, 'only %d levels of grey in series %s' % (one['levels'], series[1]))
        pictures |= {one['sum'] for one in shown}
    equal(len(pictures), 3 * len(MADE), 'pictures that differ')


@case('first frames of real files, of every encapsulation without loss')
def real_files():
    if not REAL:
        raise lib.Skip('no corpus at %s' % lib.SHARED)
    got = open_page(load=REAL)
    right, wrong = {}, []
    for wanted, found in zip(REAL.values(), got['loaded']):
        found = {f.get('uid'): f for f in found}
        for uid, (digest, name, syntax) in wanted.items():
            one = found.get(uid, found.get(None))
            if one and digest in one.get('sha256', ()):
                right[syntax] = right.get(syntax, 0) + 1
            elif name in OTHERWISE:
                note('%s: %s' % (name, OTHERWISE[name]))
            else:
                wrong.append('%s (%s): %s' % (name, syntax, one))
    note('right: %s' % ', '.join('%d of %s' % (n, s) for s, n in sorted(right.items())))
    equal(wrong, [], 'read otherwise')


lib.main()
