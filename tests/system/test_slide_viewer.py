#!/usr/bin/env python3
"""dicom-microscopy-viewer in Chromium, behind nginx: a tiled pyramid made here, and a real one; tiles come, and are seen."""
import os
import sys

sys.dont_write_bytecode = True
import clients
import lib
import objects
from front import Front
from lib import case, check, equal, note

lib.need_program()
clients.need_clients(browser=True)
TILE, SIDE = 128, 512
FOLDER = lib.folder()
REAL = os.path.join(lib.SHARED, 'data', 'wsi', 'sm-jpegls-bot.dcm')
node = lib.Node({'http.trusted_proxies': '127.0.0.1'})


def tiles(side):
    """Frames of a level, row by row: each tile of a colour of its own, with a slope in it."""
    count = -(-side // TILE)
    for row in range(count):
        for column in range(count):
            yield b''.join(bytes((40 + 200 * column // count, 40 + 200 * row // count, 64 + (x + y) // 2))
                           for y in range(TILE) for x in range(TILE))


def level(number, side):
    spacing = 0.001 * SIDE / side
    frames = list(tiles(side))
    one = objects.image('SLIDE', number=number, modality='SM', sop_class=objects.SLIDE, side=TILE, extra=[
        (0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\VOLUME\\' + ('NONE' if side == SIDE else 'RESAMPLED')),
        (0x00200052, 'UI', objects.uid('frame of reference', 'SLIDE')), (0x00400512, 'LO', 'SLIDE1'),
        (0x00280002, 'US', 3), (0x00280004, 'CS', 'RGB'), (0x00280006, 'US', 0), (0x00280008, 'IS', str(len(frames))),
        (0x00280100, 'US', 8), (0x00280101, 'US', 8), (0x00280102, 'US', 7),
        (0x00480001, 'FL', [SIDE * 0.001]), (0x00480002, 'FL', [SIDE * 0.001]), (0x00480003, 'FL', [0.001]),
        (0x00480006, 'UL', side), (0x00480007, 'UL', side), (0x00480010, 'CS', 'NO'), (0x00480011, 'CS', 'NO'),
        (0x00480008, 'SQ', [[(0x0040072A, 'DS', '0'), (0x0040073A, 'DS', '0')]]), (0x00480012, 'CS', 'YES'),
        (0x00480102, 'DS', '0\\-1\\0\\-1\\0\\0'), (0x00480302, 'UL', 1), (0x00480303, 'UL', 1),
        (0x00209311, 'CS', 'TILED_FULL'),
        (0x00480105, 'SQ', [[(0x00480106, 'SH', '1'), (0x00480107, 'ST', 'bright field'),
                             (0x00220016, 'SQ', [[(0x00080100, 'SH', '111744'), (0x00080102, 'SH', 'DCM'),
                                                  (0x00080104, 'LO', 'Brightfield illumination')]])]]),
        (0x52009229, 'SQ', [[(0x00289110, 'SQ', [[(0x00180050, 'DS', '0.001'),
                                                  (0x00280030, 'DS', '%g\\%g' % (spacing, spacing))]])]]),
        (0x7FE00010, 'OB', b''.join(frames)),
    ])
    one.save(os.path.join(FOLDER, '%d.dcm' % number))
    return one


MADE = [level(n, side) for n, side in enumerate((SIDE, SIDE // 2, SIDE // 4), 1)]
node.teleread('import', FOLDER, '--site', 'NORTH')
if os.path.exists(REAL):
    node.teleread('import', REAL, '--site', 'NORTH')
node.start()
WORD = node.teleread('user', 'add', 'reader', '--role', 'site-viewer', '--site', 'NORTH').out.strip()
front = Front(node.http_port, {'/pages/': os.path.join(clients.INSTALLED, 'pages'), '/node_modules/': clients.MODULES})


def show(study, series):
    shot = os.path.join(lib.BUILD, 'tests', 'clients', 'slide.png')
    got = clients.run('slide.mjs', {'chromium': clients.CHROMIUM, 'origin': front.origin, 'user': 'reader', 'password': WORD,
                                    'show': [{'study': study, 'series': series, 'shot': shot}]})
    log = got['log']
    if 'error' in got:
        raise AssertionError('%s\n%s' % (got['error'], '\n'.join(log['console'][-20:] + log['failures'][-20:])))
    note('%r; %s' % (got['shown'][0], log['failures']))
    equal(log['failures'], [], 'refused requests')
    shown, = got['shown']
    equal(shown['errors'], [], 'errors of the viewer')
    return shown, [r for r in log['requests'] if '/frames/' in r]


@case('a pyramid that was made here')
def made_here():
    shown, asked = show(MADE[0].study, MADE[0].series)
    equal(shown['levels'], 3, 'levels')
    check(shown['frames'] > 0 and asked, 'no tiles: %r' % shown)
    check(shown['colours']['number'] >= 16 and shown['colours']['most'] < 0.9, 'nearly blank: %r' % shown)


@case('a real slide in JPEG-LS')
def real():
    if not os.path.exists(REAL):
        raise lib.Skip('no slide at %s' % REAL)
    part10 = objects.Part10(open(REAL, 'rb').read())
    head = objects.parse(part10.data, part10.syntax, (0x0020000D, 0x0020000E))
    shown, asked = show(*(objects.text(head, tag) for tag in (0x0020000D, 0x0020000E)))
    check(shown['frames'] > 0 and asked, 'no tiles: %r' % shown)
    check(shown['colours']['number'] >= 16, 'blank: %r' % shown)  # of few pixels, so small within the page


lib.main()
