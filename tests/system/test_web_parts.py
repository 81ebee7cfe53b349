#!/usr/bin/env python3
"""DELETE of a series and of an instance: into the bin, out of it, and never of what is not in one's scope."""
import http.client
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib  # noqa: E402
import objects  # noqa: E402
from lib import case, equal  # noqa: E402

lib.need_program()
NODE = lib.Node()
NODE.start()
NODE.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital', '--parent', '')


def token(role, site):
    return NODE.teleread('token', 'create', '--name', role + site, '--role', role, '--site', site).out.split()[-1]


WHY = '?why=sent%20twice'
NORTH, SOUTH, READER = token('chief', 'NORTH'), token('chief', 'SOUTH'), token('reader', 'NORTH')


def ask(method, path, who=NORTH):
    connection = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=30 * lib.SLOW)
    connection.request(method, path, headers={'Authorization': 'Bearer ' + who})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def at(one, level=0):
    path = '/dicom-web/studies/' + one.study
    return path + ('', '/series/' + one.series, '/series/%s/instances/%s' % (one.series, one.uid))[level]


def left(*some):
    """Which of these are in sight."""
    there = set(NODE.get_all(some))
    return [one.uid in there for one in some]


@case('an instance, then a series, and all of it back')
def back_and_forth():
    some = [objects.image('web', 1, series=1), objects.image('web', 2, series=1), objects.image('web', 1, series=2)]
    equal(NODE.store(some), [0, 0, 0])
    equal(ask('DELETE', at(some[0], 2), READER)[0], 403)
    status, body = ask('DELETE', at(some[0], 2) + WHY)
    equal(status, 200, body)
    equal(some[0].uid.encode() in body and some[0].series.encode() in body, True, body)
    equal(left(*some), [False, True, True])
    equal(ask('DELETE', at(some[0], 2))[0], 404)
    equal(ask('DELETE', at(some[2], 1) + WHY)[0], 200)
    equal(left(*some), [False, True, False])
    equal(ask('DELETE', at(some[2], 1))[0], 404)
    equal(ask('DELETE', at(some[1], 2) + WHY)[0], 200)  # the last one: no shell is left
    equal(ask('GET', at(some[0]) + '/series')[1], ask('GET', '/dicom-web/studies/1.2.3/series')[1])
    equal(ask('POST', '/api/bin/%s/restore' % some[0].study)[0], 200)
    equal(left(*some), [True, True, True])


@case('what is held stays, whole')
def held():
    some = [objects.image('webheld', 1), objects.image('webheld', 2)]
    equal(NODE.store(some), [0, 0])
    NODE.teleread('hold', '--study', some[0].study, '--why', 'a case in court')
    equal([ask('DELETE', at(some[0], level) + WHY)[0] for level in range(3)], [409] * 3)
    equal(left(*some), [True, True])


@case('of another site: as what does not exist, and it stays')
def of_another_site():
    some = [objects.image('webother', 1), objects.image('webother', 2)]
    equal(NODE.store(some), [0, 0])
    for level in range(3):
        there = ask('DELETE', at(some[0], level), SOUTH)
        equal(there[0], 404)
        equal(there, ask('DELETE', at(objects.image('nowhere'), level), SOUTH))
    equal(left(*some), [True, True])
    equal(ask('DELETE', at(some[0]) + '/series/' + objects.image('web').series)[0], 404)  # of another study


@case('the packs tell the same')
def last():
    NODE.teleread('fsck')
    NODE.teleread('reindex', '--prove')
    NODE.stop()


lib.main()
