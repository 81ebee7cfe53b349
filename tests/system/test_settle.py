#!/usr/bin/env python3
"""Settling: what was sent stays what is found, sent, vouched for and given back, byte for byte, before, during and after;
through kills, late arrivals, a busy node and an encoder that errs."""
import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import lib
import objects
from dul import COMMITMENT, DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal, trap
from objects import CT, HTJ2K_RPCL, J2K_LOSSLESS, JPEG_LS, MR, SECONDARY, US_MULTI, Part10, image, parse, text
from parts import DICOM, OCTETS, Client, path, related, series_path

lib.need_program()
SOON = {'settle.quiet': '1s', 'settle.grace': '0ms', 'settle.enabled': 'true', 'settle.busy': '0ms'}
BY_HAND = {'settle.enabled': 'false', 'settle.grace': '0ms'}
PIXELS = 0x7FE00010
SR = '1.2.840.10008.5.1.4.1.1.88.11'


class Node(lib.Node):
    """Answers HTTP without login, as the site NORTH."""

    def start(self, *words, **rest):
        return super().start('--accept-unknown', 'NORTH', *words, **rest)


def node_of(settings=None, env=None, rules=''):
    node = Node(dict(BY_HAND, **(settings or {})), env)
    if rules:
        with open(node.config, 'a') as f:
            f.write(rules)
    return node


def status(node):
    return json.loads(node.teleread('settle', 'status', '--json').out)


def settle(node, *words, code=0):
    return json.loads(node.teleread('settle', '--now', '--json', *words, code=code, timeout=300).out)


def originals(node, *words):
    """{uid: data set} of export --original."""
    to = os.path.join(lib.folder(), 'out')
    done = node.teleread('export', '--original', '--to', to, *(words or ('--all',)), code=None, timeout=300)
    check('failed 0,' in done.out, done)
    out = {}
    for at, _, names in os.walk(os.path.join(to, 'DICOM')):
        for name in names:
            with open(os.path.join(at, name), 'rb') as f:
                one = Part10(f.read())
            out[text(one.meta, 0x00020003)] = one
    shutil.rmtree(to)
    return out


def notes(node, study):
    return ''.join(line + '\n' for one in node.json_lines('settle', 'notes', '--study', study) for line in one['notes'])


def check_originals(node, instances):
    got = originals(node)
    equal(sorted(got), sorted(i.uid for i in instances), 'instances exported')
    for i in instances:
        check(got[i.uid].data == i.data, 'export --original of %s (%s): another data set' % (i.uid, i.syntax))
        equal(got[i.uid].syntax, i.syntax, 'transfer syntax of the original')


def stored_as(node, one):
    """(syntax, data set) of what lies there."""
    answer = Client(node).get(path(one), '%s; transfer-syntax=*' % related(DICOM))
    equal(answer.status, 200, 'status of %s' % path(one))
    whole = Part10(answer.parts()[0].body)
    return whole.syntax, whole.data


def ramp(n, step=37, most=4096):
    """n words of 16 bits that look a little like a picture."""
    return b''.join(struct.pack('<H', (i * i // 64 + i * step) % most) for i in range(n))


def picture(word, number, rows, columns, samples=1, bits=16, stored=None, photometric='MONOCHROME2', planar=None,
            signed=0, frames=1, sop_class=SECONDARY, modality='OT', syntax=EXPLICIT_LE, more=(), body=None):
    stored = stored or bits
    size = rows * columns * samples * frames
    if body is None:
        body = ramp(size, most=1 << min(stored, 12)) if bits == 16 else bytes((i * 7 + i // 50) % 256 for i in range(size))
    body += b'\0' * (len(body) % 2)
    extra = [(0x00280002, 'US', samples), (0x00280004, 'CS', photometric), (0x00280010, 'US', rows),
             (0x00280011, 'US', columns), (0x00280100, 'US', bits), (0x00280101, 'US', stored),
             (0x00280102, 'US', stored - 1), (0x00280103, 'US', signed)]
    if planar is not None:
        extra.append((0x00280006, 'US', planar))
    if frames > 1:
        extra.append((0x00280008, 'IS', str(frames)))
    one = image(word, number, modality=modality, sop_class=sop_class, extra=extra + list(more), bulk=2)
    one.elements[-1] = (PIXELS, 'OW' if bits > 8 or syntax == IMPLICIT_LE else 'OB', body)
    return objects.Instance(sop_class, one.elements, syntax)


def no_pixels(word, number=1):
    one = image(word, number, sop_class=SR, modality='SR')
    return objects.Instance(SR, one.elements[:-1], EXPLICIT_LE)


PALETTE = tuple((0x00281100 + i, 'US', [256, 0, 16]) for i in (1, 2, 3)) + tuple(
    (0x00281200 + i, 'OW', ramp(256, most=65536)) for i in (1, 2, 3))


def native_studies():
    """What is encoded: a study of each kind."""
    out = [image('ct', n, syntax=s, series=k) for k, s in enumerate((IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE), 1)
           for n in (1, 2, 3)]
    out += [picture('mr', n, 33, 17, signed=1, sop_class=MR, modality='MR', syntax=s, frames=1)
            for n, s in enumerate((IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE), 1)]
    out += [picture('us-planes', 1, 15, 21, 3, 8, photometric='RGB', planar=1, sop_class=US_MULTI, modality='US', frames=3),
            picture('us', 1, 15, 21, 3, 8, photometric='RGB', planar=0, sop_class=US_MULTI, modality='US', frames=3,
                    syntax=IMPLICIT_LE),
            picture('us-big', 1, 16, 22, 3, 8, photometric='RGB', planar=0, sop_class=US_MULTI, modality='US', frames=2,
                    syntax=EXPLICIT_BE),
            picture('grey8', 1, 11, 13, 1, 8, syntax=IMPLICIT_LE), picture('grey8', 2, 11, 13, 1, 8),
            picture('ybr', 1, 16, 16, 3, 8, photometric='YBR_FULL', planar=0),
            picture('palette', 1, 19, 23, 1, 8, photometric='PALETTE COLOR', more=PALETTE),
            picture('mono1', 1, 40, 31, stored=12, photometric='MONOCHROME1', modality='DX'),
            picture('tail', 1, 20, 20, stored=10, more=[(0xFFFCFFFC, 'OB', b'\0' * 10)])]
    return out


def kept_studies():
    """What stays as it came, and why."""
    return [(image('deflated', 1, syntax=DEFLATED_LE), 'it came deflated'),
            (image('jls', 1, syntax=JPEG_LS), 'it came compressed'),
            (no_pixels('report'), 'it has no pixel data'),
            (picture('cut', 1, 20, 20, body=ramp(399)), 'its pixel data is not as long as its frames are'),
            (picture('mask', 1, 9, 9, 1, 1, frames=3, body=b'\x5a' * 31), 'its pixels are single bits')]


def native_pixels(i):
    """{uid: pixels in little endian by pixel} as they were sent."""
    return parse(encoded_le(i), EXPLICIT_LE)[PIXELS]


def encoded_le(i):
    return objects.encode(i.elements, EXPLICIT_LE)


def frames_native(node, instances):
    """{uid: samples of all frames, by pixel} as a browser gets them."""
    out = {}
    for i in instances:
        n = int(text(parse(encoded_le(i)), 0x00280008) or 1)
        answer = Client(node).get('%s/frames/%s' % (path(i), ','.join(str(k + 1) for k in range(n))), related(OCTETS))
        equal(answer.status, 200, 'status of frames')
        meta = json.loads(Client(node).get(path(i) + '/metadata', 'application/dicom+json').body)[0]
        planar = meta.get('00280006', {}).get('Value', [0])[0]
        out[i.uid] = b''.join(by_pixel(p.body, meta['00280002']['Value'][0], planar) for p in answer.parts())
    return out


def get_native(node, instances):
    """C-GET of everything in Explicit VR Little Endian: {uid: data set}."""
    out = {}
    for study in sorted({i.study for i in instances}):
        pairs = sorted({(i.sop_class, EXPLICIT_LE) for i in instances if i.study == study})
        got, final = node.get('STUDY', pairs, StudyInstanceUID=study)
        equal(final.status, 0, 'status of C-GET')
        for _, uid, syntax, data in got:
            equal(syntax, EXPLICIT_LE, 'transfer syntax of C-GET')
            out[uid] = data
    return out


def by_pixel(body, samples, planar):
    if samples == 1 or not planar:
        return body
    size, out = len(body) // samples, bytearray(len(body) // samples * samples)
    for s in range(samples):
        out[s::samples] = body[s * size:(s + 1) * size]
    return bytes(out) + body[len(out):]


def answers(node):
    """What C-FIND says at every level."""
    out = []
    for study in node.find('STUDY', StudyInstanceUID='', PatientName='', NumberOfStudyRelatedInstances='',
                           NumberOfStudyRelatedSeries='', ModalitiesInStudy=''):
        out.append(sorted(study.items()))
        for series in node.find('SERIES', StudyInstanceUID=text(study, 0x0020000D), SeriesInstanceUID='', Modality='',
                                NumberOfSeriesRelatedInstances=''):
            out.append(sorted(series.items()))
            out += [sorted(i.items()) for i in node.find(
                'IMAGE', StudyInstanceUID=text(study, 0x0020000D), SeriesInstanceUID=text(series, 0x0020000E),
                SOPInstanceUID='', SOPClassUID='', InstanceNumber='')]
    return out


def clean(node):
    """fsck finds nothing, and an index built from the packs is the one that is there."""
    equal(json.loads(node.teleread('fsck', '--json').out.splitlines()[-1])['faults'], 0, 'faults')
    node.teleread('reindex', '--prove')


def metrics(node):
    if not hasattr(node, 'watch'):
        node.watch = node.teleread('token', 'create', '--name', 'watch', '--role', 'admin').out.split()[-1]
    answer = Client(node).get('/metrics', Authorization='Bearer ' + node.watch)
    equal(answer.status, 200, 'status of /metrics')
    out = {}
    for line in answer.body.decode().splitlines():
        if line and line[0] != '#':
            name, value = line.rsplit(' ', 1)
            out[name] = float(value)
    return out


# ---- the whole way

NATIVE = native_studies()


@case('every kind of image settles, and comes back in every way as it was sent')
def whole_way():
    with node_of() as node:
        equal(set(node.store(NATIVE)), {0}, 'statuses')
        before, pixels = answers(node), frames_native(node, NATIVE)
        run = settle(node)
        equal((run['encoded'], run['mismatched'], run['failed']), (len(NATIVE), 0, 0), 'the run: %s' % run)
        equal(answers(node), before, 'answers of C-FIND')
        for i in NATIVE:
            syntax, data = stored_as(node, i)
            equal(syntax, HTJ2K_RPCL, 'stored syntax of %s' % i.uid)
            equal(text(parse(data), 0x00080018), i.uid, 'SOP Instance UID')
        after = frames_native(node, NATIVE)
        for i in NATIVE:
            check(after[i.uid] == pixels[i.uid], 'other samples of %s (%s)' % (i.uid, i.syntax))
        check_originals(node, NATIVE)
        equal(set(node.store(NATIVE)), {0}, 'statuses of the same again')
        equal(status(node)['waiting'], 0, 'series waiting after the same came again')
        clean(node)
        node.stop()
        check_originals(node, NATIVE)
        clean(node)
    trap(20, 'settled data sets come back bit for bit: implicit, explicit, big endian, private elements, padding')
    trap(27, 'settling keeps photometric, planar, signed, stored bits; lossless, under the same UID')


@case('an independent decoder sees the samples that were sent')
def independent():
    if not shutil.which('opj_decompress'):
        raise lib.Skip('opj_decompress (Debian package libopenjp2-tools) is not installed')
    grey = picture('decoder', 1, 37, 29, stored=12)
    colour = picture('decoder-rgb', 1, 37, 29, 3, 8, photometric='RGB', planar=0)
    with node_of() as node:
        equal(node.store([grey, colour]), [0, 0], 'statuses')
        settle(node)
        for one in (grey, colour):
            answer = Client(node).get(path(one) + '/frames/1', '%s; transfer-syntax=*' % related('image/jphc'))
            equal(answer.status, 200, 'status of the frame')
            at = lib.folder()
            with open(os.path.join(at, 'f.j2k'), 'wb') as f:
                f.write(answer.parts()[0].body)
            lib.tool('opj_decompress', '-i', at + '/f.j2k', '-o', at + '/f.rawl')
            with open(at + '/f.rawl', 'rb') as f:
                raw = f.read()
            sent = native_pixels(one)
            if one is colour:  # the tool writes by plane
                size = 37 * 29
                sent = b''.join(sent[:3 * size][c::3] for c in range(3))
            check(raw == sent[:len(raw)] and len(sent) - len(raw) < 2, 'the decoder sees other samples')


@case('a peer that takes native images only gets the samples that were sent')
def native_peer():
    with node_of() as node:
        equal(set(node.store(NATIVE)), {0}, 'statuses')
        settle(node)
        got = get_native(node, NATIVE)
        equal(sorted(got), sorted(i.uid for i in NATIVE), 'instances')
        for i in NATIVE:
            was, now = (parse(d, EXPLICIT_LE) for d in (encoded_le(i), got[i.uid]))
            n = struct.unpack('<H', was[0x00280002])[0]
            size = struct.unpack('<H', was[0x00280010])[0] * struct.unpack('<H', was[0x00280011])[0] * n

            def by_frame(d):
                planar = struct.unpack('<H', d.get(0x00280006, b'\0\0'))[0]
                frames = len(d[PIXELS]) // size if n == 3 else 0
                return b''.join(by_pixel(d[PIXELS][k * size:(k + 1) * size], n, planar)
                                for k in range(frames)) or d[PIXELS]
            check(by_frame(now) == by_frame(was), 'other samples of %s (%s)' % (i.uid, i.syntax))
            equal(text(now, 0x00280004), text(was, 0x00280004), 'photometric interpretation')
            equal(text(now, 0x00282110), '', 'Lossy Image Compression')


@case('what cannot be encoded is kept as it came, and the notes say why')
def kept():
    cases = kept_studies()
    with node_of() as node:
        equal(set(node.store([i for i, _ in cases])), {0}, 'statuses')
        run = settle(node)
        equal((run['encoded'], run['kept']), (0, len(cases)), 'the run: %s' % run)
        for i, _ in cases:
            equal(stored_as(node, i), (i.syntax, i.data), 'what lies there')
        check_originals(node, [i for i, _ in cases])
        equal(status(node)['settled'], len(cases), 'settled series')
        for i, why in cases:
            equal(notes(node, i.study), '%s kept %s: %s\n' % (i.uid, i.syntax, why), 'notes')
        clean(node)


def behind(one, tag, vr, value):
    """With an attribute taken out of its place, and put behind the pixel data."""
    moved = [e for e in one.elements if e[0] != tag]
    one.data = objects.encode(moved, one.syntax) + objects.encode([(tag, vr, value)], one.syntax)
    return one


@case('what stands behind the pixel data is in an index that is built from what was settled')
def out_of_place():
    some = [behind(picture('behind', n, 8, 8, syntax=s), 0x00280004, 'CS', 'MONOCHROME2')
            for n, s in enumerate((EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE), 1)]
    kept = behind(picture('behind-kept', 1, 9, 9, 1, 1, frames=2, body=b'\x5a' * 21), 0x00280101, 'US', 1)
    with node_of() as node:
        equal(set(node.store(some + [kept])), {0}, 'statuses')
        equal(settle(node)['encoded'], len(some), 'encoded')
        equal(status(node)['reclaimable'], 0, 'bytes still to be given back')
        check_originals(node, some + [kept])
        clean(node)


@case('wide samples in big endian that are said to lie in bytes are the same image before and after')
def bytes_that_are_words():
    sent = bytes(i * 37 % 251 for i in range(60))
    one = picture('not-bytes', 1, 6, 5, syntax=EXPLICIT_BE)
    one.elements[-1] = (PIXELS, 'OB', sent)
    one = objects.Instance(one.sop_class, one.elements, EXPLICIT_BE)
    words = b''.join(sent[k + 1:k - 1:-1] if k else sent[1::-1] for k in range(0, 60, 2))
    with node_of() as node:
        equal(node.store([one]), [0], 'status')
        for when in ('before', 'after'):
            equal(frames_native(node, [one])[one.uid].hex(), words.hex(), 'samples ' + when)
            got = parse(get_native(node, [one])[one.uid], EXPLICIT_LE)
            equal(got[PIXELS].hex(), words.hex(), 'samples by C-GET ' + when)
            if when == 'before':
                equal(settle(node)['encoded'], 1, 'encoded')
        check_originals(node, [one])


@case('what would not become smaller is kept as it came')
def not_smaller():
    noise = b''.join(hashlib.sha256(b'%d' % n).digest() for n in range(400 * 400 * 2 // 32))
    one = picture('noise', 1, 400, 400, body=noise)
    with node_of() as node:
        equal(node.store([one]), [0], 'status')
        run = settle(node)
        equal((run['encoded'], run['kept'], run['in']), (0, 1, 0), 'the run: %s' % run)
        equal(stored_as(node, one), (one.syntax, one.data), 'what lies there')
        equal(notes(node, one.study), '%s kept %s: encoded it would not be smaller\n' % (one.uid, one.syntax), 'notes')
        clean(node)


@case('a limit of workers is a failed try, not a reason to keep; after that, settling again by other limits')
def limits():
    one = picture('wide', 1, 4400, 4400, 3, 8, photometric='RGB', planar=0, body=bytes(range(256)) * (4400 * 4400 * 3 // 256))
    other = picture('narrow', 1, 64, 64)
    node = node_of({'imaging.memory': '128M'}, rules='\n[settle narrow]\nmodality = OT\nphotometric = MONOCHROME2\nform = keep\n')
    with node:
        equal(node.store([one, other]), [0, 0], 'statuses')
        equal(status(node)['waiting'], 2, 'what waits')
        equal(settle(node, code=1)['failed'], 1, 'failed series')
        now = status(node)
        equal((now['waiting'], now['settled'], now['given_up']), (1, 1, 0), 'series: %s' % now)
        said = now['failed'][0]
        equal((said['series'], said['state'], said['tries']), (one.series, 'waiting', 1), 'what failed')
        check('128 MB' in said['why'] and said['due'], said)
        check('again at' in node.teleread('settle', 'status').out, 'status as text')
        for _ in range(7):
            last = node.teleread('settle', '--now', '--json', code=None)
        equal(json.loads(last.out)['kept'], 1, 'kept in the end')
        check('128 MB' in notes(node, one.study), 'the reason')
        check(any(a['subject'] == one.uid for a in node.json_lines('alerts')), 'no alert')
    node.settings['imaging.memory'] = '2G'
    node.write_config()
    with open(node.config, 'a') as f:
        f.write('\n[settle narrow]\nmodality = OT\nform = htj2k-lossless\n')
    equal(settle(node)['encoded'], 0, 'what is settled is left')
    equal(settle(node, '--again', '--study', one.study)['encoded'], 1, 'the wide one, again')
    equal(settle(node, '--again')['encoded'], 1, 'all others, by another rule')
    equal(settle(node, '--again')['series'], 0, 'nothing is left')
    check_originals(node, [one, other])
    clean(node)


@case('rules: the first that holds, by modality, site and photometric; as a wrong one is refused with its line')
def rules():
    text_of = '\n[settle chest]\nmodality = DX\nform = j2k-lossless\n[settle colour]\nphotometric = RGB\nform = keep\n' \
              '[settle rest]\nsite = NORTH\nform = jpegls-lossless\n'
    some = [picture('dx', 1, 30, 40, stored=12, modality='DX'), picture('rgb', 1, 10, 10, 3, 8, photometric='RGB', planar=0),
            picture('ot', 1, 30, 40, stored=12)]
    with node_of(rules=text_of) as node:
        equal(node.store(some), [0] * 3, 'statuses')
        settle(node)
        equal([stored_as(node, i)[0] for i in some], [J2K_LOSSLESS, EXPLICIT_LE, JPEG_LS], 'stored syntaxes')
        check_originals(node, some)
    bad = node_of(rules='\n[settle small]\nmodality = CT\nform = j2k-lossy 10\n')
    lines = open(bad.config).read().splitlines()
    done = bad.teleread('config', 'check', code=2)
    want = '%s:%d: [settle small] form = j2k-lossy 10: expected htj2k-lossless' % (
        bad.config, lines.index('form = j2k-lossy 10') + 1)
    check(want in done.err, done.err)
    odd = node_of(rules='\n[settle a]\nmodality = CT MR, CT\nsop_class = 12\nphotometric = GREY, RGB\nsite = NOWHERE, NORTH\nform = keep\n'
                        '[settle rest]\nform = keep\n[settle late]\nmodality = MR\nform = keep\n')
    said = [line for line in odd.teleread('config', 'check').out.splitlines() if line.startswith('warning: [settle')]
    equal([line.split(': ')[1] for line in said],
          ['[settle a] modality', '[settle a] sop_class', '[settle a] photometric',
           '[settle late] never counts', '[settle a] site'], 'warnings: %s' % said)
    check('CT MR never' in said[0] and 'GREY never' in said[2] and said[4].endswith('NOWHERE'), said)


@case('a node settles by itself, and counts; a late instance opens its series again')
def by_itself():
    first = [image('itself', n, side=128) for n in range(1, 5)]
    with node_of(SOON) as node:
        equal(node.store(first), [0] * 4, 'statuses')
        lib.wait_until(lambda: status(node)['settled'] == 1, 30, 'the series is settled')
        equal([stored_as(node, i)[0] for i in first], [HTJ2K_RPCL] * 4, 'stored syntaxes')
        count = metrics(node)
        equal(count['teleread_settle_instances_total{outcome="encoded"}'], 4, 'encoded')
        check(count['teleread_settle_bytes_in_total'] > count['teleread_settle_bytes_out_total'] > 0, 'bytes')
        equal(count['teleread_settle_encode_seconds_count'], 4, 'encodings timed')
        late = image('itself', 5)
        equal(node.store([late]), [0], 'status')
        lib.wait_until(lambda: stored_as(node, late)[0] == HTJ2K_RPCL, 30, 'the late one is settled, too')
        lib.wait_until(lambda: status(node)['settled'] == 1, 30, 'the series is done')
        check_originals(node, first + [late])
        equal(notes(node, late.study).count(' encoded '), 5, 'what became of those of before is noted still')
        equal(sorted(node.instances()), sorted(i.uid for i in first + [late]), 'instances found')
        with open(node.log) as f:
            log = f.read()
        check('settled series %s: 4 instances encoded' % late.series in log, log[-1000:])
        check('P1' not in log and 'Demo^One' not in log, 'patient data in the log')
        clean(node)


@case('metadata of a settled series are as they were, but for what encoding changes')
def extras():
    some = [image('extras', n, side=64) for n in range(1, 6)]
    with node_of() as node:
        equal(node.store(some), [0] * 5, 'statuses')
        web = Client(node)
        before = json.loads(web.get(series_path(some[0]) + '/metadata', 'application/dicom+json').body)
        settle(node)
        after = json.loads(web.get(series_path(some[0]) + '/metadata', 'application/dicom+json').body)
        equal(len(after), 5, 'instances in the metadata')
        shown = web.get(series_path(some[0]) + '/thumbnail', 'image/jpeg')
        equal((shown.status, shown.body[:2]), (200, b'\xff\xd8'), 'the thumbnail')
        for a, b in zip(before, after):
            differs = sorted(t for t in set(a) | set(b) if a.get(t) != b.get(t))
            check(set(differs) <= {'00080008', '00280004', '00280006', '7FE00010', '00083002'}, 'changed: %s' % differs)


@case('storage commitment holds before and after')
def commitment():
    import dul
    some = [image('promised', n) for n in range(1, 4)]
    listener = dul.Acceptor()
    node = node_of()
    node.teleread('peer', 'remove', 'COUNTY')
    node.teleread('peer', 'add', 'COUNTY', '--site', 'NORTH', '--host', '127.0.0.1', '--port', listener.port)
    with node:
        equal(node.store(some), [0] * 3, 'statuses')
        for when in ('before', 'after'):
            transaction = objects.uid('transaction', when)
            with node.associate('COUNTY', [(COMMITMENT, [EXPLICIT_LE])]) as a:
                asked = a.action(objects.commitment(transaction, [(i.sop_class, i.uid) for i in some], EXPLICIT_LE))
                equal(asked.status, 0, 'status of N-ACTION')

            def heard():
                return [m for m in listener.received if text(parse(m.data, m.syntax), 0x00081195) == transaction]
            lib.wait_until(heard, 20, 'a report ' + when)
            equal(heard()[0].event_type, 1, 'event type: all are kept, ' + when)
            if when == 'before':
                settle(node)


# ---- trouble

def many(word, n, side=256):
    return [image(word, k, side=side, series=1 + k % 3) for k in range(1, n + 1)]


@case('kill -9 while it settles, again and again: everything is there, and settles again')
def killed():
    some = many('killed', 60)
    node = node_of()
    node.start()
    equal(set(node.store(some)), {0}, 'statuses')
    before = answers(node)
    for wait in (0.05, 0.2, 0.4, 0.8):
        at = subprocess.Popen([lib.PROGRAM, 'settle', '--now', '--config', node.config, '--data', node.data],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        node.kill()
        at.wait(30)
        node.start()
        equal(answers(node), before, 'answers after kill -9')
        equal(json.loads(node.teleread('fsck', '--json').out.splitlines()[-1])['faults'], 0, 'faults after kill -9')
    run = settle(node)
    equal((run['mismatched'], run['failed']), (0, 0), 'the run: %s' % run)
    equal([stored_as(node, i)[0] for i in some], [HTJ2K_RPCL] * 60, 'stored syntaxes')
    check_originals(node, some)
    clean(node)
    node.stop()


@case('SIGTERM while it settles ends it soon; the next start goes on')
def stopped():
    some = many('stopped', 90)
    node = node_of({'settle.enabled': 'true', 'settle.quiet': '0ms', 'settle.busy': '0ms'})
    node.start()
    equal(set(node.store(some)), {0}, 'statuses')
    begun = time.monotonic()
    node.stop()
    check(time.monotonic() - begun < 8 * lib.SLOW, 'the stop took %.1f s' % (time.monotonic() - begun))
    with node:
        lib.wait_until(lambda: status(node)['settled'] == 3, 60, 'all is settled')
        check_originals(node, some)
        clean(node)


@case('what is damaged is called that, with its pack, when the original is asked for')
def damaged():
    one = picture('damaged', 1, 64, 64)
    node = node_of()
    with node:
        equal(node.store([one]), [0], 'status')
        equal(settle(node)['encoded'], 1, 'encoded')
    pack = sorted(os.path.join(at, name) for at, _, names in os.walk(os.path.join(node.data, 'packs')) for name in names)
    hit = 0
    for name in pack:
        with open(name, 'r+b') as f:
            body = f.read()
            at = body.find(b'\xff\x4f\xff\x51')
            if at >= 0:
                f.seek(at + 200)
                f.write(b'\x55' * 40)
                hit += 1
    equal(hit, 1, 'packs with a code stream')
    done = node.teleread('export', '--original', '--all', '--to', os.path.join(lib.folder(), 'out'), code=1)
    check('what was settled in pack ' in done.out + done.err and 'is damaged' in done.out + done.err, done)


@case('a node that is killed, and an interrupt, are told as what they are')
def told():
    some = many('told', 60)
    with node_of() as node:
        equal(set(node.store(some)), {0}, 'statuses')
        words = [lib.PROGRAM, 'settle', '--now', '--config', node.config, '--data', node.data]
        at = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.15)
        at.send_signal(signal.SIGINT)
        said = at.communicate(timeout=30)[1]
        if at.returncode == 1:  # else it was quicker
            check('the node goes on' in said, said)
        at = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.15)
        node.kill()
        said = at.communicate(timeout=30)[1]
        if at.returncode == 1:
            check('the node ended' in said or 'node is about to' in said, said)


def on_disk(node):
    """Bytes of blocks of the packs."""
    return sum(os.stat(os.path.join(at, name)).st_blocks * 512
               for at, _, names in os.walk(os.path.join(node.data, 'packs')) for name in names)


@case('the disk space of what was received is given back after the grace, and not before')
def grace():
    some = [picture('space', n, 200, 200, stored=12, modality='CT') for n in range(1, 21)]
    node = node_of({'settle.grace': '1h', 'archive.prewrite': '0', 'archive.pack_size': '1M'})
    with node:
        equal(set(node.store(some)), {0}, 'statuses')
    before = on_disk(node)
    settle(node)
    check(status(node)['reclaimable'] > 0, 'nothing to be given back')
    check(on_disk(node) > before, 'given back within the grace')
    node.settings['settle.grace'] = '0ms'
    node.write_config()
    settle(node)
    equal(status(node)['reclaimable'], 0, 'bytes still to be given back')
    check(on_disk(node) < before, '%d bytes on disk, %d before' % (on_disk(node), before))
    check_originals(node, some)
    clean(node)


@case('below the reserve nothing is encoded: no scratch file takes what is left')
def reserve():
    some = [picture('reserve', n, 200, 200, stored=12, modality='CT') for n in (1, 2)]
    node = node_of()
    with node:
        equal(node.store(some), [0, 0], 'statuses')
    free = os.statvfs(node.data)
    node.settings['archive.reserve'] = '%dM' % ((free.f_bavail * free.f_frsize >> 20) * 2)
    node.write_config()
    with node:
        done = node.teleread('settle', '--now', '--json', code=1)
        equal(json.loads(done.out)['failed'], 1, 'series that failed')
        check('beyond the reserve of' in done.err, done.err)
        equal(metrics(node).get('teleread_imaging_encode_bytes_total', 0), 0, 'bytes that were encoded')
    node.settings['archive.reserve'] = '0'
    node.write_config()
    equal(settle(node)['encoded'], 2, 'encoded when there is room')
    check_originals(node, some)


@case('without a node the command settles by itself; status and exit codes')
def without_node():
    some = [image('alone', n, side=128) for n in range(1, 4)]
    node = node_of()
    equal(node.teleread('settle', '--now', '--study', '1.2.3', code=1).err.strip(),
          'teleread settle: there is no study 1.2.3', 'what it says')
    with node:
        equal(node.store(some + [image('other', 1)]), [0] * 4, 'statuses')
    run = settle(node, '--study', some[0].study)
    equal((run['series'], run['encoded']), (1, 3), 'the run')
    now = status(node)
    equal((now['waiting'], now['settled']), (1, 1), 'series')
    equal([m['modality'] for m in now['modalities']], ['CT'], 'modalities')
    check(now['modalities'][0]['received'] > now['modalities'][0]['kept'] > 0, now)
    node.teleread('settle', 'nonsense', code=2)
    node.teleread('settle', 'status', '--now', code=2)
    equal(settle(node)['series'], 1, 'series of the second run')
    equal(settle(node)['series'], 0, 'series of the third run')
    clean(node)


@case('the memory of the node does not grow with an instance that it settles')
def memory():
    if lib.sanitized():
        raise lib.Skip('memory means something else under sanitizers')
    row = ramp(512)
    frame = b''.join(row[2 * k:] + row[:2 * k] for k in range(512))
    one = picture('large', 1, 512, 512, stored=12, frames=200, sop_class=objects.ENHANCED_CT, modality='CT',
                  body=frame * 200)
    with node_of() as node:
        equal(node.store([one]), [0], 'status')
        with lib.Watch(node) as watch:
            run = settle(node)
        equal(run['encoded'], 1, 'the run')
        check(watch.grown < 48 << 10, 'grew by %d KB over an instance of %d KB' % (watch.grown, len(one.data) >> 10))
        check_originals(node, [one])


@case('while the node receives, settling gives way')
def gives_way():
    some = many('way', 30)
    with node_of({'settle.enabled': 'true', 'settle.quiet': '0ms', 'settle.busy': '1h'}) as node:
        equal(set(node.store(some)), {0}, 'statuses')
        lib.wait_until(lambda: status(node)['settled'] == 3, 120, 'it settles all the same')
        count = metrics(node)
        check(count['teleread_settle_pause_seconds_count'] >= count['teleread_settle_instances_total{outcome="encoded"}']
              >= 30, 'it did not rest behind each instance')


@case('an encoder that errs: what was received stays, an alert names the instance, and it is counted')
def mismatch():
    if not lib.has_faults():
        raise lib.Skip('this build has no fault points (configure --enable-faults)')
    errs = (b'teleread-fault=flip;' + ramp(200))[:400]
    some = [picture('flipped', n, 20, 20, 1, 8, body=errs if n == 2 else None) for n in (1, 2, 3)]
    with node_of() as node:
        equal(node.store(some), [0] * 3, 'statuses')
        run = settle(node, code=None)
        equal((run['encoded'], run['mismatched']), (2, 1), 'the run; ' + notes(node, some[0].study))
        lies = [stored_as(node, i) for i in some]
        equal([syntax for syntax, _ in lies], [HTJ2K_RPCL, EXPLICIT_LE, HTJ2K_RPCL], 'stored syntaxes')
        alerts = [a for a in node.json_lines('alerts') if a['kind'] == 'settle']
        equal([a['subject'] for a in alerts], [some[1].uid], 'alerts')
        equal(metrics(node)['teleread_settle_instances_total{outcome="mismatch"}'], 1, 'counted')
        check_originals(node, some)
        clean(node)


# ---- real files

@case('the whole corpus settles, and every original comes back')
def corpus():
    top, names = lib.corpus()
    node = node_of({'dicom.dimse': '2min'})
    node.teleread('import', top, code=None, timeout=600)
    before = {uid: (one.syntax, hashlib.sha256(one.data).digest()) for uid, one in originals(node).items()}
    check(len(before) > 50, 'only %d instances' % len(before))
    run = settle(node, code=None)
    equal((run['mismatched'], run['failed']), (0, 0), 'the run: %s' % run)
    after = originals(node)
    equal(sorted(after), sorted(before), 'instances')
    for uid, one in after.items():
        equal((one.syntax, hashlib.sha256(one.data).digest()), before[uid], 'the original of ' + uid)
    now = status(node)
    lib.note('%d instances: %d encoded, %d kept; %d -> %d bytes of what was encoded' % (
        len(before), run['encoded'], run['kept'], run['in'], run['out']))
    for m in sorted(now['modalities'], key=lambda m: m['modality']):
        lib.note('%-6s %4d instances %12d -> %12d bytes  %.2f:1' % (
            m['modality'], m['instances'], m['received'], m['kept'], m['received'] / max(m['kept'], 1)))
    clean(node)


lib.main()
