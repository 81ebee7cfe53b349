#!/usr/bin/env python3
"""Alerts: what a person must look at is written once, counted, and printed by `teleread alerts`."""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dul
import lib
import objects
from lib import Node, case, check, equal


def alerts(node, *words):
    return node.json_lines('alerts', *words)


@case('collisions and mismatches are alerts, and counted')
def outcomes():
    with Node() as node:
        first = [objects.image('a', n) for n in (1, 2)]
        equal(node.store(first), [0, 0], 'statuses')
        other = [objects.image('a', n, series=2, patient='P2') for n in (1, 2)]
        equal(node.store(other), [0xB000, 0xB000], 'statuses of another patient\'s images')
        equal(node.store([objects.image('a', 1, seed=9)]), [0xB000], 'status of other content')
        kinds = [(a['kind'], a['subject']) for a in alerts(node)]
        equal(kinds, [('mismatch', first[0].study), ('collision', first[0].uid)], 'alerts')
        equal(len(alerts(node, '--kind', 'collision')), 1, 'alerts of one kind')
        equal(alerts(node, '--since', '2100-01-01'), [], 'alerts of a later time')
        equal(len(alerts(node, '--since', '1h')), 2, 'alerts of the last hour')
        check('COUNTY' in alerts(node)[0]['message'], 'the alert names the sender')
        node.stop()
    summed = [a for a in alerts(node) if a['kind'] == 'mismatch']
    equal([a['count'] for a in summed], [1, 1], 'counts after the stop')
    with open(os.path.join(node.data, 'metrics.prom')) as f:
        check('teleread_alerts_total{kind="mismatch"} 2' in f.read(), 'the metrics count alerts')


@case('repeated failures of one peer are one alert, a single one is none')
def repeated():
    with Node({'alerts.repeated': 3}) as node:
        for n in range(4):
            try:
                node.associate('NOBODY').close()
            except dul.Rejected:
                pass
            equal(len(alerts(node)), 1 if n >= 2 else 0, 'alerts after %d refusals' % (n + 1))
        equal(alerts(node)[0]['count'], 3, 'count')
        check('NOBODY' in alerts(node)[0]['subject'], 'the alert names the peer')


@case('what fsck finds is an alert, beside a node and without one, and so is what reindex finds')
def damage():
    with Node() as node:
        node.store([objects.image('a', n) for n in (1, 2)])
        node.stop()
        pack = max((os.path.join(at, n) for at, _, names in os.walk(os.path.join(node.data, 'packs')) for n in names),
                   key=os.path.getsize)
        with open(pack, 'r+b') as f:
            f.seek(4096 + 512 + 900)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 1]))
        node.teleread('fsck', code=1)
        equal([a['subject'] for a in alerts(node, '--kind', 'corrupt')], ['fsck'], 'alerts without a node')
        node.start()
        node.teleread('fsck', code=1)
        equal([a['subject'] for a in alerts(node, '--kind', 'corrupt')], ['fsck'] * 2, 'alerts beside a node')
        node.stop()
        node.teleread('reindex', code=1)
        equal([a['subject'] for a in alerts(node, '--kind', 'corrupt')][2:], ['reindex'], 'alerts of reindex')


@case('--follow prints what comes, across a change of files')
def follow():
    with Node({'alerts.size': '4K', 'alerts.repeated': 1}) as node:
        reader = subprocess.Popen([lib.PROGRAM, 'alerts', '--data', node.data, '--follow', '--json'],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            for n in range(40):
                try:
                    node.associate('NOBODY%d' % n)
                except dul.Rejected:
                    pass
            seen = [json.loads(reader.stdout.readline())['subject'].split()[0] for _ in range(40)]
        finally:
            reader.send_signal(signal.SIGTERM)
            reader.wait()
            reader.stdout.close()
        equal(seen, ['NOBODY%d' % n for n in range(40)], 'subjects')
        check(os.path.exists(os.path.join(node.data, 'alerts.log.1')), 'the file was begun anew')


@case('wrong usage is told')
def usage():
    node = Node()
    check('corrupt' in node.teleread('alerts', '--kind', 'fire', code=2).err, 'the kinds are told')
    check('min' in node.teleread('alerts', '--since', 'soon', code=2).err, 'the units are told')
    done = node.teleread('alerts')
    equal((done.out, 'none' in done.err), ('', True), 'output where there are no alerts')


lib.need_program()
lib.main()
