#!/usr/bin/env python3
"""Orthanc's DICOMweb plugin as peer, both ways: it stores with us, asks us and retrieves from us, and we are its client."""
import hashlib
import json
import os
import subprocess
import sys
import urllib.error

sys.dont_write_bytecode = True
import lib
import objects
import orthanc
from lib import case, check, equal, note
from objects import Part10, parse

lib.need_program()
lib.need_tools('curl')
PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so'
if not os.path.exists(PLUGIN):
    lib.skip_all("Orthanc's DICOMweb plugin (Debian package orthanc-dicomweb) is not installed")

SYNTAXES = (objects.EXPLICIT_LE, objects.IMPLICIT_LE, objects.RLE, objects.JPEG_LS, objects.J2K_LOSSLESS)
THEIRS = [objects.image('THEIRS', number=n, syntax=s, patient='P1', name='Wang^XiaoDong=王^小东', charset='ISO_IR 192')
          for n, s in enumerate(SYNTAXES, 1)]
OURS = [objects.image('OURS', number=n, syntax=s, frames=2, patient='P2', name='Li^Lei', modality='MR',
                     charset='ISO_IR 192') for n, s in
        enumerate(SYNTAXES, 1)]
node = lib.Node()
node.start()
SENDER = node.teleread('token', 'create', '--name', 'a gateway', '--role', 'site-sender', '--site', 'NORTH').out.strip()
VIEWER = node.teleread('token', 'create', '--name', 'a viewer', '--role', 'site-viewer', '--site', 'NORTH').out.strip()


def as_server(token):
    return {'Url': 'http://127.0.0.1:%d/dicom-web/' % node.http_port, 'HttpHeaders': {'Authorization': 'Bearer ' + token},
            'ChunkedTransfers': True, 'HasDelete': False}


peer = orthanc.Orthanc(node, settings={
    'Plugins': [PLUGIN], 'HttpTimeout': 60,
    'DicomWeb': {'Enable': True, 'Root': '/dicom-web/', 'EnableWado': False, 'Servers': {
        'sends': as_server(SENDER), 'views': as_server(VIEWER), 'nobody': as_server('trt_not_one_of_ours'),
        'whole': dict(as_server(SENDER), ChunkedTransfers=False)}}})


def data_set(part10):
    return hashlib.sha256(Part10(part10).data).hexdigest()


def held(instances, calling='COUNTY'):
    """What we have of these, by C-GET: {uid: (syntax, data)}."""
    return {uid: v for uid, v in node.get_all(instances, calling).items()}


def refused(path, body):
    """The status that Orthanc answers with, which hides ours; whatever it is, it is no success."""
    try:
        peer.ask(path, body)
    except urllib.error.HTTPError as e:
        return e.code
    raise AssertionError('%s succeeded' % path)


@case('Orthanc stores a study with us by STOW, in chunks and with a length')
def stow():
    peer.upload(THEIRS)
    study = peer.ask('/tools/lookup', THEIRS[0].study.encode())[0]['ID']
    for server in ('sends', 'whole'):
        said = peer.ask('/dicom-web/servers/%s/stow' % server, {'Resources': [study], 'Synchronous': True})
        note('%r' % said)
    got = held(THEIRS)
    equal(sorted(got), sorted(o.uid for o in THEIRS), 'what came')
    for one in THEIRS:
        syntax, data = got[one.uid]
        equal(syntax, one.syntax, 'syntax of %s' % one.uid)
        peer.compare(parse(data, syntax), one)
        theirs = Part10(peer.ask('/instances/%s/file' % peer.ask('/tools/lookup', one.uid.encode())[0]['ID'], raw=True))
        equal(data, theirs.data, 'the data set that Orthanc has')
    equal(node.find('STUDY', PatientID='P1', StudyInstanceUID='', NumberOfStudyRelatedInstances='')[0][0x00201208].strip(), b'5',
          'instances')


@case('Orthanc searches with us by QIDO')
def qido():
    node.store(OURS)
    ask = lambda uri, **arguments: peer.ask('/dicom-web/servers/views/get', {  # noqa: E731
        'Uri': uri, 'Arguments': arguments, 'HttpHeaders': {'Accept': 'application/dicom+json'}})
    equal(sorted(s['0020000D']['Value'][0] for s in ask('/studies')), sorted({o.study for o in OURS + THEIRS}), 'studies')
    one, = ask('/studies', PatientName='Wang*', includefield='00081030')
    equal(one['00100010']['Value'][0], {'Alphabetic': 'Wang^XiaoDong', 'Ideographic': '王^小东'}, 'the name')
    rows = ask('/studies/%s/series/%s/instances' % (OURS[0].study, OURS[0].series))
    equal(sorted(r['00080018']['Value'][0] for r in rows), sorted(o.uid for o in OURS), 'instances')


@case('Orthanc retrieves a study, a series and an instance from us by WADO-RS')
def wado():
    one = OURS[0]
    for what, number in (({'Study': one.study, 'Series': one.series, 'Instance': one.uid}, 1),
                         ({'Study': one.study, 'Series': one.series}, 5), ({'Study': one.study}, 5)):
        peer.ask('/dicom-web/servers/views/retrieve', {'Resources': [what], 'Synchronous': True})
        found = peer.holds(OURS)
        equal(len(found), number, 'what Orthanc has')
        for got in (o for o in OURS if o.uid in found):
            peer.compare(found[got.uid], got)
            at = peer.ask('/tools/lookup', got.uid.encode())[0]['Path']
            file = Part10(peer.ask(at + '/file', raw=True))
            equal((file.syntax, file.data), (got.syntax, got.data), 'what Orthanc has of %s' % got.uid)
        peer.forget(OURS)


@case('who may not is refused, and nothing comes')
def refusals():
    more = [objects.image('MORE', number=1)]
    peer.upload(more)
    study = peer.ask('/tools/lookup', more[0].study.encode())[0]['ID']
    for server in ('nobody', 'views'):
        refused('/dicom-web/servers/%s/stow' % server, {'Resources': [study], 'Synchronous': True})
    equal(node.find('STUDY', StudyInstanceUID=more[0].study), [], 'what came')
    for server in ('nobody', 'sends'):
        refused('/dicom-web/servers/%s/retrieve' % server, {'Resources': [{'Study': OURS[0].study}], 'Synchronous': True})
    equal(peer.holds(OURS), {}, 'what Orthanc has')


@case('a body that Orthanc answers WADO-RS with is what our STOW takes')
def through():
    """A gateway that passes on: what comes out of one is sent to the other as it is."""
    out = [objects.image('THROUGH', number=n, syntax=s) for n, s in enumerate(SYNTAXES, 1)]
    peer.upload(out)
    at = os.path.join(lib.folder(), 'body')
    theirs = subprocess.run(['curl', '-sf', '-D', '-', '-o', at, '-H', 'Accept: multipart/related; type="application/dicom"; '
                             'transfer-syntax=*', 'http://127.0.0.1:%d/dicom-web/studies/%s' % (peer.http, out[0].study)],
                            stdout=subprocess.PIPE, check=True).stdout.decode()
    kind = next(line for line in theirs.splitlines() if line.lower().startswith('content-type:'))
    said = subprocess.run(['curl', '-s', '-w', '\n%{http_code}', '-H', kind, '-H', 'Authorization: Bearer ' + SENDER, '-H',
                           'Accept: application/dicom+json', '--data-binary', '@' + at,
                           'http://127.0.0.1:%d/dicom-web/studies' % node.http_port], stdout=subprocess.PIPE).stdout
    body, status = said.rsplit(b'\n', 1)
    equal(status, b'200', body[:300])
    equal(len(json.loads(body)['00081199']['Value']), 5, 'instances')
    for one in out:
        file = Part10(peer.ask('/instances/%s/file' % peer.ask('/tools/lookup', one.uid.encode())[0]['ID'], raw=True))
        equal(held([one])[one.uid], (file.syntax, file.data), 'what came')


try:
    lib.main()
finally:
    peer.end()
