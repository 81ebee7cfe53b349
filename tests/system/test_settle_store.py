#!/usr/bin/env python3
"""What series were settled from is given back: then the packs alone still tell what was received, whatever kills the node meanwhile,
and a backup that is made meanwhile is one."""
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
import lib
from dul import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from lib import case, check, equal
from objects import JPEG_LS, SECONDARY, Instance, Part10, image, text

lib.need_program()
SETTLED = {'settle.enabled': 'true', 'settle.quiet': '0ms', 'settle.grace': '0ms', 'settle.busy': '0ms'}
PIXELS = 0x7FE00010


def colour(word, number, syntax):
    """Its settled form has another Photometric Interpretation."""
    body = bytes((i * 7 + i // 50) % 256 for i in range(40 * 30 * 3))
    one = image(word, number, modality='OT', sop_class=SECONDARY, bulk=2, extra=[
        (0x00280002, 'US', 3), (0x00280004, 'CS', 'RGB'), (0x00280006, 'US', 0), (0x00280010, 'US', 30), (0x00280011, 'US', 40),
        (0x00280100, 'US', 8), (0x00280101, 'US', 8), (0x00280102, 'US', 7)])
    one.elements[-1] = (PIXELS, 'OW' if syntax == IMPLICIT_LE else 'OB', body)
    return Instance(SECONDARY, one.elements, syntax)


def every_kind():
    native = [image('kinds', n, syntax=s, series=k) for k, s in enumerate((IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE), 1) for n in (1, 2)]
    large = [image('large', n, side=800) for n in (1, 2)]  # packs of their own
    return native + large + [colour('colour', 1, EXPLICIT_LE), colour('colour', 2, IMPLICIT_LE), image('kept', 1, syntax=JPEG_LS)]


def status(node):
    return json.loads(node.teleread('settle', 'status', '--json').out)


def all_given_back(node):
    now = status(node)
    return now['waiting'] == 0 and now['given_up'] == 0 and now['settled'] > 0 and now['reclaimable'] == 0


def check_originals(node, instances):
    to = os.path.join(lib.folder(), 'out')
    node.teleread('export', '--original', '--to', to, '--all', timeout=300)
    got = {}
    for at, _, names in os.walk(os.path.join(to, 'DICOM')):
        for name in names:
            with open(os.path.join(at, name), 'rb') as f:
                one = Part10(f.read())
            got[text(one.meta, 0x00020003)] = one
    shutil.rmtree(to)
    equal(sorted(got), sorted(i.uid for i in instances), 'instances exported')
    for i in instances:
        check(got[i.uid].data == i.data, 'the original of %s (%s) is another one' % (i.uid, i.syntax))


def answers(node):
    out = []
    for study in node.find('STUDY', StudyInstanceUID='', PatientName='', NumberOfStudyRelatedInstances=''):
        out.append(sorted(study.items()))
        uid = text(study, 0x0020000D)
        for series in node.find('SERIES', StudyInstanceUID=uid, SeriesInstanceUID='', Modality=''):
            out.append(sorted(series.items()))
            out += [sorted(i.items()) for i in node.find(
                'IMAGE', StudyInstanceUID=uid, SeriesInstanceUID=text(series, 0x0020000E), SOPInstanceUID='', InstanceNumber='',
                PhotometricInterpretation='')]
    return out


def clean(node):
    equal(json.loads(node.teleread('fsck', '--json').out.splitlines()[-1])['faults'], 0, 'faults')
    node.teleread('reindex', '--prove')


def disk(node):
    """Bytes of disk that each pack takes."""
    return {os.path.join(at, n): os.stat(os.path.join(at, n)).st_blocks * 512
            for at, _, names in os.walk(node.data + '/packs') for n in names}


@case('the disk space comes back; an index made of what is left answers as before')
def given_back():
    some = every_kind()
    node = lib.Node(dict(SETTLED, **{'settle.enabled': 'false', 'archive.prewrite': '0'}))
    with node:
        equal(set(node.store(some)), {0}, 'statuses')
        before = answers(node)
    full = disk(node)
    node.settings['settle.enabled'] = 'true'
    node.write_config()
    with node:
        lib.wait_until(lambda: all_given_back(node), 120, 'all is settled and given back')
        equal(answers(node), before, 'answers')
        check_originals(node, some)
        clean(node)
    now = disk(node)
    left = sum(now.get(pack, 0) for pack in full)  # of the packs that instances came in
    check(left * 10 < sum(full.values()), '%d bytes of %d are left' % (left, sum(full.values())))
    node.settings['settle.enabled'] = 'false'
    node.write_config()
    node.teleread('reindex')
    with node:
        equal(answers(node), before, 'answers of an index made anew')
        check_originals(node, some)
        equal(set(node.store(some)), {0}, 'statuses of the same again')
        equal(answers(node), before, 'answers after the same came again')
        clean(node)


def killed_at(point, n):
    some = every_kind()
    node = lib.Node(dict(SETTLED, **{'settle.enabled': 'false'}))
    with node:
        equal(set(node.store(some)), {0}, 'statuses')
        before = answers(node)
    node.settings['settle.enabled'] = 'true'
    node.write_config()
    node.env = {'TELEREAD_FAULT_POINT': '%s:%d' % (point, n)}
    node.start()
    try:
        code = node.process.wait(60 * lib.SLOW)
    except Exception:  # noqa: it still lives
        node.kill()
        raise AssertionError('pass %d of %s never came' % (n, point))
    node.forget()
    equal(code, -9, 'killed by the fault point')
    node.env = {}
    with node:
        equal(answers(node), before, 'answers')
        check_originals(node, some)
        lib.wait_until(lambda: all_given_back(node), 120, 'all is settled and given back')
        equal(answers(node), before, 'answers in the end')
        check_originals(node, some)
        clean(node)


def kill_case(point, *passes):
    @case('kill at %s' % point)
    def run():
        if not lib.has_faults():
            raise lib.Skip('this build has no fault points (configure --enable-faults)')
        for n in passes:
            killed_at(point, n)


kill_case('settle-sealed', 1, 3)
kill_case('settle-committed', 2)
kill_case('reclaim-void', 1)
kill_case('reclaim-bytes', 1)
kill_case('reclaim-headers', 1)
kill_case('reclaim-removed', 1)
kill_case('reclaim-rows', 1)


@case('a backup made while series are settled and given back is whole')
def backup_meanwhile():
    some = [image('b%d' % k, n, side=96) for k in range(6) for n in range(1, 6)]
    to = os.path.join(lib.folder(), 'backup')
    node = lib.Node(SETTLED)
    with node:
        equal(set(node.store(some[:15])), {0}, 'statuses')
        for part in (some[15:20], some[20:25], some[25:]):
            node.teleread('backup', to, timeout=300)
            equal(set(node.store(part)), {0}, 'statuses')
        lib.wait_until(lambda: all_given_back(node), 120, 'all is settled and given back')
        node.teleread('backup', to, timeout=300)
        node.teleread('backup', to, '--verify', timeout=300)
        before = answers(node)
    node.data = to
    with node:
        equal(answers(node), before, 'answers of the backup')
        check_originals(node, some)
        clean(node)


lib.main()
