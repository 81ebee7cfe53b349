#!/usr/bin/env python3
"""Every real file that the archive takes is retrieved over HTTP: byte for byte as it is, and in every other form there is.

Whatever a file is like, no answer is an error of the server's, and none breaks off: bodies of several parts are read to
their last byte. What the pixels are is compared with the file's own where those lie plainly in it.
"""
import json
import os
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
import lib
from dul import EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal, note, trap
from objects import Part10, parse, text
from parts import DICOM, OCTETS, Client, related

lib.need_program()
TOP, FILES = lib.corpus()
UIDS = (0x00080018, 0x0020000D, 0x0020000E)
by_uid = {}
for name in FILES:
    with open(os.path.join(TOP, name), 'rb') as f:
        part10 = Part10(f.read())
    for syntax in (part10.syntax, IMPLICIT_LE):
        try:
            uid = text(parse(part10.data, syntax, UIDS), UIDS[0])
        except Exception:  # noqa: a file that not even its head can be read of
            continue
        if uid:
            by_uid.setdefault(uid, []).append((part10.syntax, part10.data, name))
            break

node = lib.Node()
node.teleread('import', TOP, '--site', 'NORTH', code=None, timeout=300)
node.start('--accept-unknown', 'NORTH')
web = Client(node)
PATHS = {}


def study_instances():
    for study in json.loads(web.get('/dicom-web/studies?limit=1000').body):
        uid = study['0020000D']['Value'][0]
        answer = web.get('/dicom-web/studies/%s/instances?limit=1000' % uid)
        check(answer.status in (200, 204), '%s: %s' % (uid, answer))
        for item in json.loads(answer.body or '[]'):
            yield uid, item['0020000E']['Value'][0], item['00080018']['Value'][0]


@case('all instances are found')
def found():
    for study, series, sop in study_instances():
        if set(study + series + sop) <= set('0123456789.'):
            PATHS[sop] = '/dicom-web/studies/%s/series/%s/instances/%s' % (study, series, sop)
    note('%d instances of %d files' % (len(PATHS), len(FILES)))
    check(len(PATHS) > len(by_uid) // 2, 'only %d instances of %d' % (len(PATHS), len(by_uid)))


@case('each comes back byte for byte')
def as_stored():
    trap(26, 'real files of every encapsulation come back as they are')
    wrong = []
    for sop, path in PATHS.items():
        part, = web.get(path, related(DICOM, '*')).parts()
        file = Part10(part.body)
        if not any(file.data == data for _, data, _ in by_uid.get(sop, ())):
            wrong.append((path, [name for _, _, name in by_uid.get(sop, ())]))
        equal(web.get(path, 'application/dicom; transfer-syntax=*').body, part.body, 'alone')
    equal(wrong, [], 'differ')


@case('metadata of each is JSON and XML to its end, and refers to what is there')
def metadata():
    references = 0
    for sop, path in PATHS.items():
        answer = web.get(path + '/metadata')
        equal(answer.status, 200, '%s: %s' % (path, answer))
        item, = json.loads(answer.body)
        equal(item['00080018']['Value'][0], sop, path)
        part, = web.get(path + '/metadata', related('application/dicom+xml')).parts()
        xml.etree.ElementTree.fromstring(part.body)
        for tag, element in item.items():
            if 'BulkDataURI' in element:
                references += 1
                answer = web.get('%s/%s' % (path, element['BulkDataURI']), related(OCTETS, '*'))
                check(answer.status == 200, '%s of %s: %s' % (tag, by_uid[sop][0][2], answer))
                answer.parts()
    check(references > len(PATHS) // 2, 'only %d references' % references)


@case('frames of each, as stored, are its pixel data')
def frames():
    compared, given, damaged = 0, 0, []
    for sop, path in PATHS.items():
        answer = web.get(path + '/frames/1', related(OCTETS, '*'))
        check(answer.status in (200, 404, 406), '%s: %s' % (by_uid[sop][0][2], answer))
        if answer.status == 406:
            damaged.append(by_uid[sop][0][2])
        if answer.status != 200:
            continue
        given += 1
        part, = answer.parts()
        file = Part10(web.get(path, 'application/dicom; transfer-syntax=*').body)
        if file.syntax in (EXPLICIT_LE, IMPLICIT_LE):
            value = parse(file.data, file.syntax).get(0x7FE00010)
            if value and len(part.body) % 2 == 0:
                equal(part.body, value[:len(part.body)], path)
                compared += 1
    note('%d with frames, %d compared, %d cannot be read: %s' % (given, compared, len(damaged), damaged))
    check(len(damaged) <= 3, 'too many cannot be read')
    check(given > 50 and compared > 20, 'too few: %d, %d' % (given, compared))


@case('every other form is an answer, or a refusal with a reason')
def forms():
    seen = {}
    for sop, path in PATHS.items():
        for suffix, accept in (('', related(DICOM)), ('', related(DICOM, EXPLICIT_LE)), ('/frames/1', related(OCTETS)),
                               ('/frames/1', related('image/*')), ('/bulkdata', None), ('/pixeldata', None)):
            answer = web.get(path + suffix, accept)
            key = (suffix, accept, answer.status)
            seen.setdefault(key, []).append(by_uid[sop][0][2])
            if answer.status in (200, 206):
                answer.parts_of_any()
            else:
                check(json.loads(answer.body)['error'], answer)
    for (suffix, accept, status), names in sorted(seen.items(), key=str):
        note('%s %s: %d: %d files, such as %s' % (suffix or 'instance', accept, status, len(names), names[0]))
    errors = {key: names for key, names in seen.items() if key[2] >= 500 or key[2] not in (200, 206, 400, 404, 406, 413)}
    equal(errors, {}, 'errors of the server')


@case('whole studies come in parts and as ZIP files')
def studies():
    for study in sorted({p.split('/series/')[0] for p in PATHS.values()}):
        expected = sum(p.startswith(study + '/') for p in PATHS.values())
        equal(len(web.get(study, related(DICOM, '*')).parts()), expected, study)
        equal(len(json.loads(web.get(study + '/metadata').body)), expected, study)
        equal(web.get(study, 'application/zip').body[:2], b'PK', study)


lib.main()
