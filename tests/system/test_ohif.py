#!/usr/bin/env python3
"""OHIF, from its npm package as it is, in Chromium behind nginx: the list of studies, and a CT series opened."""
import base64
import hashlib
import json
import os
import shutil
import sys
import tarfile

sys.dont_write_bytecode = True
import clients
import lib
import objects
from front import Front
from lib import case, check, equal, note
from objects import parse

lib.need_program()
PACKAGE = '@ohif/app@3.13.2'
SHA512 = 'WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=='
CONFIG = '''window.config = {
  routerBasename: null, extensions: [], modes: [], showStudyList: true, maxNumberOfWebWorkers: 1,
  showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false, showLoadingIndicator: true,
  defaultDataSourceName: 'node',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'node',
    configuration: {
      friendlyName: 'node', name: 'node', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web', wadoUriRoot: '/wado',
      qidoSupportsIncludeField: true, supportsFuzzyMatching: true, supportsWildcard: true, imageRendering: 'wadors',
      thumbnailRendering: 'wadors', enableStudyLazyLoad: true, bulkDataURI: { enabled: true, relativeResolution: 'instances' },
    },
  }],
};
'''
clients.need_clients(browser=True)
AT = os.path.join(clients.INSTALLED, 'ohif')


def unpack():
    """The package, fetched once and held to be the very one that this test was written with; only what a page reads of it."""
    if os.path.exists(os.path.join(AT, 'index.html')):
        return
    with clients.locked():
        packed, = json.loads(clients.npm('pack', '--json', '--ignore-scripts', PACKAGE))
        path = os.path.join(clients.INSTALLED, packed['filename'])
        with open(path, 'rb') as f:
            equal(base64.b64encode(hashlib.sha512(f.read()).digest()).decode(), SHA512, 'SHA-512 of ' + PACKAGE)
        shutil.rmtree(AT + '.new', ignore_errors=True)
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                name = member.name.removeprefix('package/dist/')
                # models for segmenting, maps of scripts: most of its size, and nothing of it is asked for
                if name != member.name and member.isfile() and not name.endswith('.map') and not name.startswith('ort'):
                    member.name = name
                    tar.extract(member, AT + '.new')
        os.remove(path)
        with open(os.path.join(AT + '.new', 'app-config.js'), 'w') as f:
            f.write(CONFIG)
        os.replace(AT + '.new', AT)


SIDE, SLICES = 128, 6


def slice_of(number):
    """A disc with a slope in it, as CT values + 1024."""
    def sample(x, y):
        inside = (x - SIDE / 2) ** 2 + (y - SIDE / 2) ** 2 < (SIDE / 2 - 8 - number) ** 2
        return 1024 + (x + y) // 2 + 10 * number if inside else 24
    pixels = b''.join(sample(x, y).to_bytes(2, 'little') for y in range(SIDE) for x in range(SIDE))
    return objects.image('CT', number=number, side=SIDE, patient='P1', name='Wang^XiaoDong=王^小东', charset='ISO_IR 192', extra=[
        (0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'), (0x00281052, 'DS', '-1024'), (0x00281053, 'DS', '1'),
        (0x00200032, 'DS', '0\\0\\%d' % number), (0x00200037, 'DS', '1\\0\\0\\0\\1\\0'), (0x00280030, 'DS', '1\\1'),
        (0x00180050, 'DS', '1'), (0x00200052, 'UI', objects.uid('frame of reference', 'CT')), (0x00281050, 'DS', '60'),
        (0x00281051, 'DS', '200'), (0x7FE00010, 'OW', pixels)])


CT = [slice_of(n) for n in range(1, SLICES + 1)]
OTHERS = [objects.image('MR%d' % n, patient='P%d' % n, name='Demo%d^Person' % n, modality='MR') for n in range(2, 13)]
unpack()


class Served:
    """A node with OHIF at the root before it, and a person to log in."""

    def __init__(self, fill):
        self.node = lib.Node({'http.trusted_proxies': '127.0.0.1'})
        fill(self.node)
        if not self.node.alive():
            self.node.start()
        self.word = self.node.teleread('user', 'add', 'reader', '--role', 'site-viewer', '--site', 'NORTH').out.strip()
        self.front = Front(self.node.http_port, root=AT)

    def visit(self, study, name, colours):
        """The list until this name is in it, the viewer of this study until its middle has so many colours."""
        shots = {n: os.path.join(clients.INSTALLED, 'ohif-%s.png' % n) for n in ('list', 'shot')}
        got = clients.run('ohif.mjs', dict(shots, chromium=clients.CHROMIUM, origin=self.front.origin, user='reader',
                                           password=self.word, study=study, name=name, colours=colours, patience=90000), 240)
        log = got['log']
        if 'error' in got:
            raise AssertionError('%s\n%s' % (got['error'], '\n'.join(log['console'][-20:] + log['failures'][-20:])))
        note('pictures: %s; %r' % (' '.join(shots.values()), got['seen']))
        equal([r for r in log['requests'] if not r.startswith((self.front.origin, 'blob:' + self.front.origin, 'data:'))], [],
              'requests that left the origin')
        equal(log['failures'], [], 'refused requests')
        check(got['seen']['number'] >= colours and got['seen']['most'] < 0.5, 'the viewport is nearly blank: %r' % got['seen'])
        return got['text']


def fill_with_made(node):
    node.start()
    node.store(CT + OTHERS)


@case('the list has every study, and a CT series is seen')
def made():
    text = Served(fill_with_made).visit(CT[0].study, 'Wang', 24)
    count = len(OTHERS) + 1
    check('1-%d of %d' % (count, count) in text, 'the list says otherwise: %.300s' % text)
    for one in [CT[0]] + OTHERS:
        name = objects.text(parse(one.data), 0x00100010).split('=')[0].replace('^', ', ')
        check(name in text, '%s is not in the list' % name)


@case('the same of real files')
def real():
    top = os.path.join(lib.SHARED, 'data', 'dicom')
    path = os.path.join(top, 'dcm4che', 'CT-JPEGLosslessSV1.dcm')
    if not os.path.exists(path):
        raise lib.Skip('no corpus at %s' % top)
    with open(path, 'rb') as f:
        part10 = objects.Part10(f.read())
    study = objects.text(parse(part10.data, part10.syntax, (0x0020000D,)), 0x0020000D)
    served = Served(lambda node: node.teleread('import', top, '--site', 'NORTH', code=None, timeout=300))
    text = served.visit(study, 'Ra33Id', 24)
    count = len(served.node.find('STUDY', StudyInstanceUID=''))
    check('of %d' % min(count, 101) in text, 'the list of %d studies says otherwise: %.300s' % (count, text))  # it asks for 101


lib.main()
