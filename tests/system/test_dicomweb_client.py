#!/usr/bin/env python3
"""The npm package dicomweb-client, which most web viewers stand on, against a node: searches, retrieves and stores."""
import hashlib
import os
import sys
import urllib.parse

sys.dont_write_bytecode = True
import clients
import lib
import objects
from lib import case, check, equal, note
from objects import Part10

lib.need_program()
clients.need_clients()
ICC = bytes(range(256)) * 40
STUDY = [objects.image('ONE', number=n, series=s, frames=3 if s == 2 else 1, name='Wang^XiaoDong=王^小东', charset='ISO_IR 192')
         for s in (1, 2) for n in (1, 2)]
STUDY.append(objects.image('ONE', number=1, series=3, extra=[(0x00282000, 'OB', ICC)]))
SYNTAXES = (objects.IMPLICIT_LE, objects.EXPLICIT_LE, objects.JPEG_LS, objects.J2K_LOSSLESS, objects.RLE)
OTHERS = [objects.image('TWO', number=n, syntax=s, patient='P2', name='Li^Lei', date='20260212', modality='MR')
          for n, s in enumerate(SYNTAXES, 1)]
node = lib.Node()
node.start('--accept-unknown', 'NORTH')
SENDER = node.teleread('token', 'create', '--name', 'a gateway', '--role', 'site-sender', '--site', 'NORTH').out.strip()
VIEWER = node.teleread('token', 'create', '--name', 'a viewer', '--role', 'site-viewer', '--site', 'NORTH').out.strip()
FOLDER = lib.folder()


def answers(*calls, token=None, singlepart=''):
    job = {'url': 'http://127.0.0.1:%d/dicom-web' % node.http_port, 'calls': calls, 'singlepart': singlepart,
           'headers': {'Authorization': 'Bearer ' + token} if token else {}}
    return clients.run('dicomweb-client.mjs', job)


def results(*calls, token=None, **rest):
    got = answers(*calls, token=token, **rest)
    for call, one in zip(calls, got):
        check('error' not in one, '%s: %s' % (call[0], one))
    return [one.get('result') for one in got]


def at(one, **more):
    return dict(studyInstanceUID=one.study, seriesInstanceUID=one.series, sopInstanceUID=one.uid, **more)


def value(row, tag):
    return row[tag]['Value'][0]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def frames(one):
    pixels = next(v for t, _, v in one.elements if t == 0x7FE00010)
    if one.syntax in objects.NATIVE:
        count = int(next((v for t, _, v in one.elements if t == 0x00280008), '1'))
        return [pixels[n * len(pixels) // count:(n + 1) * len(pixels) // count] for n in range(count)]
    return pixels[1:]


@case('instances are stored with a token, and by who is not known where that is allowed')
def stores():
    for some, token in ((STUDY, SENDER), (OTHERS, None)):
        paths = [{'file': one.save(os.path.join(FOLDER, one.uid))} for one in some]
        said, = results(['storeInstances', {'datasets': paths}], token=token)
        note('storeInstances: %.120r' % said)
    equal(sorted(node.instances()), sorted(o.uid for o in STUDY + OTHERS), 'what is there')


@case('studies, series and instances are found')
def searches():
    for token in (VIEWER, None):
        everything, chinese, day, none, first, series, of_study, of_series, instances = results(
            ['searchForStudies', {}], ['searchForStudies', {'queryParams': {'PatientName': '王^小东', 'fuzzymatching': True}}],
            ['searchForStudies', {'queryParams': {'StudyDate': '20260201-', 'ModalitiesInStudy': 'MR',
                                                  'includefield': '00081030'}}],
            ['searchForStudies', {'queryParams': {'PatientID': 'nobody'}}],
            ['searchForStudies', {'queryParams': {'limit': 1, 'offset': 1}}],
            ['searchForSeries', {'studyInstanceUID': STUDY[0].study}],
            ['searchForInstances', {'studyInstanceUID': STUDY[0].study}],
            ['searchForInstances', {'studyInstanceUID': STUDY[0].study, 'seriesInstanceUID': STUDY[0].series}],
            ['searchForInstances', {'queryParams': {'Modality': 'MR'}}], token=token)
        equal(sorted(value(r, '0020000D') for r in everything), sorted({o.study for o in STUDY + OTHERS}), 'studies')
        equal([value(r, '0020000D') for r in chinese], [STUDY[0].study], 'by a Chinese name')
        equal(value(chinese[0], '00100010'), {'Alphabetic': 'Wang^XiaoDong', 'Ideographic': '王^小东'}, 'the name')
        equal([value(r, '00081030') for r in day], ['Study TWO'], 'by date and modality')
        equal((none, len(first)), ([], 1), 'nothing, and one')
        equal(sorted(value(r, '0020000E') for r in series), sorted({o.series for o in STUDY}), 'series')
        equal(sorted(value(r, '00080018') for r in of_study), sorted(o.uid for o in STUDY), 'instances of the study')
        equal(sorted(value(r, '00080018') for r in of_series), sorted(o.uid for o in STUDY[:2]), 'instances of the series')
        equal(sorted(value(r, '00080018') for r in instances), sorted(o.uid for o in OTHERS), 'instances of all studies')


@case('metadata, and the bulk data that it refers to')
def metadata():
    one = STUDY[-1]
    for token in (VIEWER, None):
        study, series, instance = results(
            ['retrieveStudyMetadata', {'studyInstanceUID': one.study}],
            ['retrieveSeriesMetadata', {'studyInstanceUID': one.study, 'seriesInstanceUID': STUDY[0].series}],
            ['retrieveInstanceMetadata', at(one)], token=token)
        equal([len(study), len(series)], [5, 2], 'instances')
        equal([value(i, '00080018') for i in instance], [one.uid], 'the instance')
        # relative to the address of the metadata, which the package leaves to its caller
        uri = urllib.parse.urljoin('http://127.0.0.1:%d/dicom-web/studies/%s/series/%s/instances/%s/metadata' % (
            node.http_port, one.study, one.series, one.uid), instance[0]['7FE00010']['BulkDataURI'])
        bulk, = results(['retrieveBulkData', {'BulkDataURI': uri}], token=token)
        alone, piece = results(['retrieveBulkData', {'BulkDataURI': uri}],
                               ['retrieveBulkData', {'BulkDataURI': uri, 'headers': {
                                   'Range': 'bytes=10-29', 'Accept': 'application/octet-stream'}}],
                               token=token, singlepart='bulkdata')
        pixels, = frames(one)
        equal([b['sha256'] for b in bulk + alone], [digest(pixels)] * 2, 'bulk data in parts and alone')
        equal([b['sha256'] for b in piece], [digest(pixels[10:30])], 'a range of it')


@case('instances, series and a study come back byte for byte')
def instances():
    for token in (VIEWER, None):
        wanted = {digest(one.data): one for one in STUDY}
        calls = [['retrieveStudy', {'studyInstanceUID': STUDY[0].study}],
                 ['retrieveSeries', {'studyInstanceUID': STUDY[0].study, 'seriesInstanceUID': STUDY[0].series}]]
        calls += [['retrieveInstance', at(one)] for one in STUDY]
        study, series, *singles = results(*calls, token=token)
        equal([len(study), len(series), len(singles)], [len(STUDY), 2, len(wanted)], 'files')
        equal({b['sha256'] for b in study}, {b['sha256'] for b in singles}, 'alone and together')
        for one, got in zip(STUDY, singles):
            file = lib.execute(['curl', '-sf', '-o', os.path.join(FOLDER, 'got'), '-H', 'Accept: application/dicom', *(
                ['-H', 'Authorization: Bearer ' + token] if token else []),
                'http://127.0.0.1:%d/dicom-web/studies/%s/series/%s/instances/%s' % (
                    node.http_port, one.study, one.series, one.uid)])
            equal(file.code, 0, 'curl')
            with open(os.path.join(FOLDER, 'got'), 'rb') as f:
                raw = f.read()
            equal(Part10(raw).data, one.data, 'the data set')
            equal(got['sha256'], digest(raw), 'the file')


@case('frames in every encapsulation, one and several')
def every_frame():
    multi = next(o for o in STUDY if len(frames(o)) == 3)
    accept = [{'mediaType': 'application/octet-stream', 'transferSyntaxUID': '*'}]
    calls = [['retrieveInstanceFrames', at(one, frameNumbers=[1], mediaTypes=accept)] for one in OTHERS]
    calls += [['retrieveInstanceFrames', at(multi, frameNumbers=[3, 1])], ['retrieveInstanceFrames', at(multi, frameNumbers=[2])],
              ['retrieveInstanceFrames', at(OTHERS[2], frameNumbers=[1], mediaTypes=[
                  {'mediaType': 'image/jls', 'transferSyntaxUID': objects.JPEG_LS}])],
              ['retrieveInstanceFrames', at(OTHERS[3], frameNumbers=[1], mediaTypes=[
                  {'mediaType': 'image/jp2', 'transferSyntaxUID': objects.J2K_LOSSLESS}])]]
    wanted = [[frames(one)[0]] for one in OTHERS]
    wanted += [[frames(multi)[2], frames(multi)[0]], [frames(multi)[1]], frames(OTHERS[2]), frames(OTHERS[3])]
    for token in (VIEWER, None):
        for call, got, expected in zip(calls, results(*calls, token=token), wanted):
            equal([g['sha256'] for g in got], [digest(e) for e in expected], str(call))


@case('pictures')
def rendered():
    one, multi = STUDY[0], STUDY[2]
    calls = [['retrieveInstanceRendered', at(one, mediaTypes=[{'mediaType': 'image/png'}])],
             ['retrieveInstanceRendered', at(one, mediaTypes=[{'mediaType': 'image/jpeg'}], queryParams={'quality': 80})],
             ['retrieveInstanceFramesRendered', at(multi, frameNumbers=[2], mediaTypes=[{'mediaType': 'image/png'}])],
             ['retrieveInstanceThumbnail', at(one, mediaTypes=[{'mediaType': 'image/jpeg'}])]]
    for token in (VIEWER, None):
        for call, got in zip(calls, results(*calls, token=token)):
            picture, = got if isinstance(got, list) else [got]
            check(picture['bytes'] > 100, '%s: %s' % (call[0], got))


@case('who may not, and what is not there, are errors with their status')
def refusals():
    got, = answers(['searchForStudies', {}], token='no token of ours')
    equal(got.get('status'), 401, 'a wrong token: %s' % got)
    got, = answers(['searchForStudies', {}], token=SENDER)
    equal(got.get('status'), 403, 'a sender searches: %s' % got)
    got, = answers(['retrieveInstance', dict(at(STUDY[0]), sopInstanceUID='1.2.3')], token=VIEWER)
    equal(got.get('status'), 404, 'an unknown instance: %s' % got)
    path = {'file': objects.image('THREE').save(os.path.join(FOLDER, 'three'))}
    got, = answers(['storeInstances', {'datasets': [path]}], token=VIEWER)
    equal(got.get('status'), 403, 'a viewer stores: %s' % got)


lib.main()
