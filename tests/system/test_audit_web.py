#!/usr/bin/env python3
"""Who looked at whose images, over every door: each event names the patient, says what happened, and why it failed."""
import http.client
import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib
import objects
from lib import Node, case, check, equal

lib.need_program()
PATIENT = 'P-4711'
JSON = {'Accept': 'application/dicom+json'}


def ask(node, method, path, who=None, body=None, **headers):
    if who:
        headers['Authorization'] = 'Bearer ' + who
    if isinstance(body, str):
        headers['Content-Type'] = 'application/json'
    c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=30 * lib.SLOW)
    try:
        c.request(method, path, body, headers)
        answer = c.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        c.close()


def token(node, name, role, *words):
    return node.teleread('token', 'create', '--name', name, '--role', role, *words).out.strip()


def events(node, *words):
    """Of who= none but those that tell of people and machines."""
    return node.json_lines('audit', 'search', *words)


def wait_for(node, *words):
    lib.wait_until(lambda: events(node, *words), 10, 'an event: ' + ' '.join(words))
    return events(node, *words)


def image(name, n=1):
    return objects.image(name, n, patient=PATIENT)


@case('what was done with the images of a patient is found by the Patient ID, whatever the door')
def patient():
    with Node({'archive.retention_years': '0'}) as node:
        one, other = image('whose'), objects.image('other', 1, patient='P-1')
        equal(node.store([one, other]), [0, 0], 'statuses')
        chief, sender = token(node, 'chief', 'chief', '--site', 'NORTH'), token(node, 'gateway', 'site-sender', '--site', 'NORTH')
        study = '/dicom-web/studies/' + one.study
        instance = '%s/series/%s/instances/%s' % (study, one.series, one.uid)
        for path in (study, study + '/metadata', instance + '/rendered', instance + '/frames/1', instance):
            equal(ask(node, 'GET', path, chief)[0], 200, path)
        equal(ask(node, 'GET', '/wado?requestType=WADO&studyUID=%s&seriesUID=%s&objectUID=%s&contentType=application%%2Fdicom' %
                  (one.study, one.series, one.uid), chief)[0], 200, 'WADO-URI')
        body = b'--b\r\nContent-Type: application/dicom\r\n\r\n' + image('whose', 2).part10() + b'\r\n--b--\r\n'
        status, said, _ = ask(node, 'POST', '/dicom-web/studies', sender, body,
                              **{'Content-Type': 'multipart/related; type="application/dicom"; boundary=b'})
        equal(status, 200, said)
        node.get_all([one])
        node.teleread('export', '--study', one.study, '--to', os.path.join(lib.folder(), 'out'))
        equal(ask(node, 'DELETE', study + '?why=asked%20by%20the%20court', chief)[0], 200, 'DELETE')
        equal(ask(node, 'POST', '/api/bin/%s/restore?why=found%%20innocent' % one.study, chief)[0], 200, 'restore')
        node.teleread('drop', '--study', one.study, '--why', 'at last')
        node.stop()
        found = events(node, '--patient', PATIENT)
        equal({e['study'] for e in found}, {one.study}, 'studies')
        said = {(e['kind'], e['who'], e['what'].split(';')[0]) for e in found if e['how'] != 'console'}
        for wanted in (('received', 'COUNTY', 'C-STORE'), ('sent', 'COUNTY', 'C-GET'), ('received', 'gateway', 'store instances'),
                       ('sent', 'chief', 'retrieve study'), ('sent', 'chief', 'retrieve metadata of study'),
                       ('sent', 'chief', 'retrieve pictures of instance ' + one.uid),
                       ('sent', 'chief', 'retrieve frames of instance ' + one.uid),
                       ('sent', 'chief', 'retrieve instance ' + one.uid), ('sent', 'chief', 'retrieve instance (URI service)'),
                       ('deleted', 'chief', 'delete study: asked by the court'),
                       ('changed', 'chief', 'restore study: found innocent')):
            check(wanted in said, '%s is in the trail: %s' % (wanted, sorted(said)))
        console = [(e['kind'], e['what']) for e in found if e['how'] == 'console']
        check(('sent', 2) == (console[0][0], [e['instances'] or 2 for e in found if e['how'] == 'console'][0]), console)
        check(console[0][1].startswith('export 2 instances'), console)
        equal(console[1], ('deleted', 'drop: at last'), 'the drop')
        check(not any(e['study'] == other.study for e in found), 'nothing of others')


@case('what failed says with which status, and why')
def causes():
    with Node() as node:
        node.teleread('site', 'add', 'SOUTH', '--name', 'South', '--parent', '')
        one = image('cause')
        node.store([one])
        reader, south = token(node, 'reader', 'reader', '--site', 'NORTH'), token(node, 'south', 'reader', '--site', 'SOUTH')
        study = '/dicom-web/studies/' + one.study
        equal(ask(node, 'DELETE', study + '?why=x', reader)[0], 403, 'DELETE by a reader')
        equal(ask(node, 'GET', study, south)[0], 404, 'of another site')
        equal(ask(node, 'GET', '/dicom-web/studies', 'tr_1_x')[0], 401, 'a wrong token')
        refused = wait_for(node, '--who', 'reader', '--failed')
        equal([e['kind'] for e in refused], ['refused'], 'kinds')
        check('403' in refused[0]['what'] and 'the right to delete' in refused[0]['what'], refused)
        failed = wait_for(node, '--who', 'south', '--failed')
        equal([(e['kind'], e['study'], e['patient']) for e in failed], [('sent', one.study, PATIENT)], 'of another site')
        check('retrieve study; 404' in failed[0]['what'], failed)
        unknown = [e for e in events(node, '--kind', 'refused') if '401' in e['what']]
        check(unknown and 'no token' in unknown[0]['what'], unknown)


@case('a login, right or wrong, is one line with the name that was tried; during a pause, too')
def logins():
    with Node({'login.tries': '4'}) as node:
        password = node.teleread('user', 'add', 'li.na', '--role', 'reader', '--site', 'NORTH').out.strip()

        def log_in(name, secret):
            return ask(node, 'POST', '/api/login', None, json.dumps({'name': name, 'password': secret}))[0]

        equal(log_in('li.na', password), 200, 'login')
        equal(log_in('evil\x1b[2J', 'wrong'), 401, 'a wrong name')
        tried = [log_in('li.na', 'wrong') for _ in range(4)]
        equal(tried[:2], [401, 401], 'wrong passwords')
        equal(tried[3], 429, 'a pause')
        node.stop()
        said = [(e['kind'], e['who'], e['what'], e['failed']) for e in events(node) if e['kind'] in ('login', 'refused', 'sent')]
        equal(said[0], ('login', 'li.na', 'log in', False), 'the login')
        equal(said[1], ('login', 'evil?[2J', 'log in: name or password are wrong', True), 'the wrong name')
        wrong = [s for s in said[2:] if s[0] == 'login']
        equal(len(wrong), tried.count(401), 'wrong passwords')
        paused = [s for s in said[2:] if s[0] == 'refused']
        equal([(s[1], s[3]) for s in paused][:1], [('li.na', True)], 'who tried during the pause')
        check('not tried' in paused[0][2], paused)
        equal(len(said), 2 + len(wrong) + len(paused), 'lines')


@case('an emergency is one line, and nothing was sent by it; listeners that leave are no failure')
def emergency():
    with Node() as node:
        node.teleread('site', 'add', 'SOUTH', '--name', 'South', '--parent', '')
        one = image('glass')
        node.store([one])
        password = node.teleread('user', 'add', 'wang', '--role', 'reader', '--site', 'SOUTH').out.strip()
        _, said, headers = ask(node, 'POST', '/api/login', None, json.dumps({'name': 'wang', 'password': password}))
        session = {'Cookie': headers['Set-Cookie'].split(';')[0], 'X-CSRF-Token': json.loads(said)['csrf']}
        for reason, status in (('ow', 400), ('the patient is in shock here', 201)):
            equal(ask(node, 'POST', '/api/break-glass', None, json.dumps({'study': one.study, 'reason': reason}), **session)[0],
                  status, reason)
        s = socket.create_connection(('127.0.0.1', node.http_port))
        s.sendall(('GET /events HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n' % session['Cookie']).encode())
        check(b'200' in s.recv(100), 'a stream of events')
        s.close()
        node.stop()
        found = [e for e in events(node, '--who', 'wang') if e['kind'] != 'login']
        equal([(e['kind'], e['failed']) for e in found], [('break-glass', True), ('break-glass', False), ('query', False)], 'events')
        equal(found[1]['what'], 'break glass: the patient is in shock here', 'the reason')
        equal(found[1]['patient'], PATIENT, 'the patient')
        check('not opened' in found[0]['what'] and 'at least' in found[0]['what'], found[0])
        equal(found[2]['what'], 'follow changes', 'the listener')


if __name__ == '__main__':
    lib.main()
