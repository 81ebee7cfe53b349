#!/usr/bin/env python3
"""CornerstoneJS loads frames of a settled series in two stages by byte ranges: a coarse picture is painted first, then all samples
are there."""
import array
import hashlib
import os
import random
import sys

sys.dont_write_bytecode = True
import clients
import lib
from front import Front
from lib import case, check, equal, note
from objects import encode, image

SIDE, IMAGES, DIVISOR = 512, 3, 8

lib.need_program()
clients.need_clients(browser=True)
node = lib.Node({'http.trusted_proxies': '127.0.0.1', 'settle.enabled': 'false'})
WORD = node.teleread('user', 'add', 'reader', '--role', 'site-viewer', '--site', 'NORTH').out.strip()
node.start()
front = Front(node.http_port, {'/pages/': os.path.join(clients.INSTALLED, 'pages')})


def picture(seed):
    noise, out = random.Random(seed), []
    for y in range(SIDE):
        out.append(array.array('H', [600 + seed * 100 + x + y + (r & 15) if (x - 256) ** 2 + (y - 256) ** 2 < 40000 else r & 7
                                     for x, r in enumerate(noise.randbytes(SIDE))]).tobytes())
    return b''.join(out)


def plain(number, samples):
    one = image('progressive', number=number, side=SIDE, extra=[
        (0x00281052, 'DS', '0'), (0x00281053, 'DS', '1'), (0x00200032, 'DS', '0\\0\\%d' % number),
        (0x00200037, 'DS', '1\\0\\0\\0\\1\\0'), (0x00280030, 'DS', '0.5\\0.5'), (0x00281050, 'DS', '1000'), (0x00281051, 'DS', '2000')])
    one.elements = [e for e in one.elements if e[0] != 0x7FE00010] + [(0x7FE00010, 'OW', samples)]
    one.data = encode(one.elements)
    return one


SAMPLES = {n: picture(n) for n in range(1, IMAGES + 1)}
SERIES = [plain(n, s) for n, s in SAMPLES.items()]


@case('coarse first, by ranges that were answered with 206, and every sample at last')
def two_stages():
    check(all(s == 0 for s in node.store(SERIES)), 'C-STORE')
    node.teleread('settle', '--now', timeout=300)
    got = clients.run('cornerstone.mjs', dict(
        chromium=clients.CHROMIUM, origin=front.origin, user='reader', password=WORD, load=[], show=[],
        progressive=[{'study': SERIES[0].study, 'series': SERIES[0].series, 'divisor': DIVISOR}]), timeout=240)
    if 'error' in got:
        raise AssertionError('%s\n%s' % (got['error'], '\n'.join(got['log']['console'][-20:] + got['log']['failures'][-20:])))
    seen = got['progressive'][0]
    first = seen['first']
    for one in SERIES:
        asked = [a for a in seen['asked'] if one.uid in a['url']]
        equal([(a['status'], a['range']) for a in asked], [(206, 'bytes=0-%d' % (first - 1)), (206, 'bytes=%d-' % first)], 'requests')
        total = int(asked[0]['content'].split('/')[1])
        equal(asked[1]['content'], 'bytes %d-%d/%d' % (first, total - 1, total), 'the rest')
        note('first picture of %s from %d of %d bytes' % (one.uid, first, total))
        painted = [p for p in seen['painted'] if one.uid in p['id']]
        check(len(painted) >= 2, 'painted once only: %s' % painted)
        check(painted[0]['quality'] < seen['full'], 'the first picture is whole already: %s' % painted)
        equal(painted[-1]['quality'], seen['full'], 'quality of the last picture')
        equal((painted[-1]['columns'], painted[-1]['rows']), (SIDE, SIDE), 'its size')
    equal({i['uid']: i['sha256'][0] for i in seen['images']},
          {one.uid: hashlib.sha256(SAMPLES[n]).hexdigest() for n, one in enumerate(SERIES, 1)}, 'samples at last')


lib.main()
