#!/usr/bin/env python3
"""Pictures of real images beside those of DCMTK: every file of the collection that both can show, with its overlays, through its
first window, else its table, else from the darkest to the brightest value; presentation states beside dcmp2pgm.

Tolerance: 1 of 255 for grey and RGB; 2 for YBR, where the tool rounds on its way. What dcmj2pnm does not decode, gdcmconv
decompresses first. OTHERWISE says where pictures differ, and why ours is right."""
import csv
import http.client
import os
import shutil
import struct
import sys

sys.dont_write_bytecode = True
import lib  # noqa: E402
import objects  # noqa: E402
from lib import case, check, equal, note, tool  # noqa: E402

lib.need_program()
COMPARE = os.path.join(lib.BUILD, 'tests', 'system', 'picture_compare')
if not os.path.exists(COMPARE):
    lib.skip_all('no %s' % COMPARE)
TOP = os.path.join(lib.SHARED, 'data', 'dicom')
TMP = lib.folder()
LARGEST = 40 << 20

OTHERWISE = {  # why
    'dcm4che/3gb-bulk-data-truncated': 'ends within its first frame: there is none for us',
    'dicom-test-files/MR_truncated.dcm': 'what is missing is black, and so the darkest value that a window spreads from',
}
NODE = lib.Node()
NODE.start('--accept-unknown', 'NORTH')


def get(path, accept='image/png'):
    connection = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=60 * lib.SLOW)
    connection.request('GET', path, headers={'Accept': accept})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, answer.headers


def compare(a, b):
    """(sizes of a, of b, greatest difference, how many are beyond 1, of how many)"""
    numbers = [int(n) for n in tool(COMPARE, a, b).out.split()]
    return tuple(numbers[:3]), tuple(numbers[3:6]), numbers[6], numbers[7], numbers[8]


def save(name, body):
    path = os.path.join(TMP, name)
    with open(path, 'wb') as f:
        f.write(body)
    return path


# ---- the collection

def corpus():
    if not os.path.isdir(TOP):
        raise lib.Skip('no real images at %s' % TOP)
    for name in ('dcmj2pnm', 'dcml2pnm', 'gdcmconv', 'dcmodify'):
        if not shutil.which(name):
            raise lib.Skip('%s is not installed' % name)
    with open(os.path.join(TOP, 'facts.tsv'), newline='') as f:
        rows = [row['file'] for row in csv.DictReader(f, delimiter='\t') if row['pixel_status'] != 'no-pixels']
    return [name for name in rows if os.path.getsize(os.path.join(TOP, name)) <= LARGEST]


def elements(path):
    with open(path, 'rb') as f:
        file = objects.Part10(f.read())
    return file, objects.parse(file.data, file.syntax)


def address(d):
    study, series, sop = (objects.text(d, t) for t in (0x0020000D, 0x0020000E, 0x00080018))
    return '/dicom-web/studies/%s/series/%s/instances/%s/frames/1/rendered' % (study, series, sop)


def renamed(path):
    """A copy with identifiers of its own; None where the tool cannot make one."""
    copy = os.path.join(TMP, 'renamed.dcm')
    shutil.copy(path, copy)
    return copy if tool('dcmodify', '-nb', '-ie', '-gst', '-gse', '-gin', copy, code=None).code == 0 else None


def stored(path, d, own):
    """The answer for the first frame. own: nobody else had these identifiers."""
    answer = get(address(d)) if own else (404, b'', {})
    copy = renamed(path) if answer[0] in (400, 404) else None
    if not copy:
        return answer
    NODE.teleread('import', '--site', 'NORTH', copy, code=None)
    return get(address(elements(copy)[1]))


# ---- what DCMTK shows

def beside(path, file, d):
    to, plain = os.path.join(TMP, 'wanted'), os.path.join(TMP, 'plain.dcm')
    photometric = objects.text(d, 0x00280004)
    voi = ['+Wi', '1'] if d.get(0x00281050) else ['+Wl', '1'] if 0x00283010 in d else ['+Wm']
    program = 'dcml2pnm' if file.syntax in ('1.2.840.10008.1.2.4.80', '1.2.840.10008.1.2.4.81') else 'dcmj2pnm'
    guess = ['+cg'] if file.syntax.startswith('1.2.840.10008.1.2.4.5') and not photometric.startswith('MONO') else []  # JPEG's markers know better than attributes
    for source in (path, plain):
        if source == plain and tool('gdcmconv', '--raw', path, plain, code=None).code != 0:
            return None
        for words in ([], ) if photometric not in ('MONOCHROME1', 'MONOCHROME2') else (voi, ):
            done = lib.execute([program if source == path else 'dcm2pnm', '+F', '1', *(guess if source == path else []), *words,
                                source, to], timeout=300)
            if done.code == 0 and 'differ' not in done.all:  # not so for pixel data that ends early
                return to
    return None


def grouped(d):
    return any(t in d for t in (0x52009229, 0x52009230))


@case('every real image looks as DCMTK shows it')
def _():
    files = corpus()
    counts = dict(compared=0, otherwise=0, refused=0, absent=0, alone=0, grouped=0)
    wrong, images, seen, first = [], [], set(), []
    for name in files:
        path = os.path.join(TOP, name)
        try:
            file, d = elements(path)
        except Exception:  # its identifiers cannot be told
            counts['absent'] += 1
            continue
        own = objects.text(d, 0x00080018) not in seen
        seen.add(objects.text(d, 0x00080018))
        first += [path] * own
        images.append((name, path, file, d, own))
    NODE.teleread('import', '--site', 'NORTH', *first, code=None, timeout=600)
    for name, path, file, d, own in images:
        status, body, headers = stored(path, d, own)
        if name in OTHERWISE:
            counts['otherwise'] += 1
        elif status in (400, 404):
            counts['absent'] += 1
        elif grouped(d):  # the tool does not look into functional groups
            counts['grouped'] += 1
        else:
            wanted = beside(path, file, d)
            if status != 200:
                counts['refused'] += 1
                if wanted:
                    wrong.append('%s: %d %r' % (name, status, body[:200]))
            elif not wanted:
                counts['alone'] += 1
            else:
                ours, theirs, most, more, of = compare(save('ours.png', body), wanted)
                counts['compared'] += 1
                if ours != theirs:
                    wrong.append('%s: %s, expected %s' % (name, ours, theirs))
                elif most > 1 + objects.text(d, 0x00280004).startswith('YBR'):
                    wrong.append('%s: %d of %d samples differ, by up to %d; %s %s' % (name, more, of, most, file.syntax, objects.text(d, 0x00280004)))
    note(', '.join('%d %s' % (n, word) for word, n in counts.items()))
    for line in wrong:
        note(line)
    equal(len(wrong), 0, 'pictures that differ')
    check(counts['compared'] >= 150, 'only %d images were compared' % counts['compared'])


# ---- presentation states

@case('presentation states look as dcmp2pgm shows them')
def _():
    source, plain = os.path.join(TOP, 'dcm4che', 'CT-JPEGLosslessSV1.dcm'), os.path.join(TMP, 'ct.dcm')
    made, pgm = os.path.join(TMP, 'state.dcm'), os.path.join(TMP, 'wanted.pgm')
    if not os.path.exists(source):
        raise lib.Skip('no real images at %s' % TOP)
    for name in ('dcmpsmk', 'dcmp2pgm', 'dcmodify', 'dcmdjpeg'):
        if not shutil.which(name):
            raise lib.Skip('%s is not installed' % name)
    tool('dcmdjpeg', source, plain)
    tool('dcmodify', '-nb', '-gst', '-gse', '-gin', plain)
    NODE.teleread('import', '--site', 'NORTH', plain)
    for changes in ([], ['0070,0042=90', '0070,0041=N'], ['0070,0042=270', '0070,0041=Y'], ['0070,0042=180', '0070,0041=Y'],
                    ['2050,0020=INVERSE'], ['2050,0020=IDENTITY'], None):
        tool('dcmpsmk', '+Vw', plain, made)
        words = ['-e', '0028,3110', '-e', '0028,1052', '-e', '0028,1053', '-e', '0028,1054'] if changes is None else \
            [word for change in changes for word in ('-i', change)]
        if words:  # without modality and VOI: of all that the samples could be
            tool('dcmodify', '-nb', *words, made)
        tool('dcmodify', '-nb', '-gin', made)
        tool('dcmp2pgm', '-p', made, plain, pgm)
        NODE.teleread('import', '--site', 'NORTH', made)
        status, body, _ = get(address(elements(made)[1]).replace('/frames/1', ''))
        equal(status, 200, '%r: %r' % (changes, body[:200]))
        ours, theirs, most, _, _ = compare(save('ours.png', body), pgm)
        equal(ours, theirs, changes)
        check(most <= 1, '%r: differs by up to %d' % (changes, most))


if __name__ == '__main__':
    lib.main()
