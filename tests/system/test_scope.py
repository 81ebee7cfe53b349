#!/usr/bin/env python3
"""Who may not: each route of the node's own list, asked by each kind of principal, and by one site for what is another's.

What is not in one's scope must look exactly like what does not exist: the same status, the same headers, the same body.
A route that the node lists and ROUTES does not know makes this test fail.
"""
import http.client
import json
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib  # noqa: E402
import objects  # noqa: E402
from lib import case, check, equal  # noqa: E402

lib.need_program()
QUICK = 5  # seconds in which a change by a command takes effect
NODE = lib.Node({'archive.retention_years': '0', 'login.glass': '1min', 'login.tries': '100'}, sites=False)
for code, parent in (('PROVINCE', ''), ('ALPHA', 'PROVINCE'), ('BRAVO', 'PROVINCE')):
    NODE.teleread('site', 'add', code, '--name', code.title() + ' Demo', '--parent', parent)
NODE.teleread('peer', 'add', 'FROM_A', '--site', 'ALPHA', '--private')
NODE.teleread('peer', 'add', 'FROM_B', '--site', 'BRAVO', '--private')
NODE.start('--accept-unknown', 'ALPHA')


def token(name, role, *sites, **more):
    words = [w for s in sites for w in ('--site', s)] + [w for k, v in more.items() for w in ('--' + k, v)]
    return NODE.teleread('token', 'create', '--name', name, '--role', role, *words).out.strip().split()[-1]


def bearer(*words):
    return {'Authorization': 'Bearer ' + token(*words)}


class Answer:
    def __init__(self, response, body):
        self.status, self.body, self.headers = response.status, body, response.headers

    def all(self, *uids):
        """What a client can tell apart, but for the time and for the UIDs that it sent itself."""
        text = repr((self.status, sorted((k, v) for k, v in self.headers.items() if k != 'Date'), self.body))
        for uid in uids:
            text = text.replace(uid, 'UID')
        return re.sub(r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}', 'BOUNDARY', text)


def ask(method, path, who=None, body=None, **headers):
    c = http.client.HTTPConnection('127.0.0.1', NODE.http_port, timeout=30 * lib.SLOW)
    if method == 'DELETE':
        path += ('&' if '?' in path else '?') + 'why=test'
    try:
        c.request(method, path, body, dict(who or {}, **{k.replace('_', '-'): v for k, v in headers.items()}))
        response = c.getresponse()
        return Answer(response, response.read())
    finally:
        c.close()


def parts_of(*instances):
    return b''.join(b'--bb\r\nContent-Type: application/dicom\r\n\r\n' + i.part10() + b'\r\n' for i in instances) + b'--bb--\r\n'


def stow(who, *instances, path='/dicom-web/studies', **headers):
    return ask('POST', path, who, parts_of(*instances), Accept='application/dicom+json',
               Content_Type='multipart/related; type="application/dicom"; boundary=bb', **headers)


A1, A2 = objects.image('a1', patient='SHARED', side=16), objects.image('a2', side=16)
B1, B2 = objects.image('b1', patient='SHARED', side=16), objects.image('b2', patient='PB', name='Bravo^Only', side=16)
B1B = objects.image('b1', number=2, patient='SHARED', side=16)
equal(set(NODE.store([A1, A2], 'FROM_A') + NODE.store([B1, B1B, B2], 'FROM_B')), {0}, 'what the sites have')


class None_:
    """UIDs of the same length as B1's, of what does not exist."""
    study, series, uid = (u[:-4] + ('1234' if u[-4:] != '1234' else '4321') for u in (B1.study, B1.series, B1.uid))


NONE = None_
ROLES = ('site-sender', 'site-viewer', 'reader', 'chief', 'qa', 'admin')
RIGHTS = {'site-sender': 'login store', 'site-viewer': 'login see', 'reader': 'login see',
          'chief': 'login see delete watch', 'qa': 'login see watch audit', 'admin': 'login delete watch audit manage',
          'unknown': 'login see store', 'nobody': ''}
A = {role: bearer(role + ' of a', role, 'ALPHA') for role in ROLES}
B = {role: bearer(role + ' of b', role, 'BRAVO') for role in ROLES}
P = {role: bearer(role + ' of all', role, 'PROVINCE') for role in ROLES}
NOBODY = {'X-Forwarded-For': '192.0.2.1'}  # comes from elsewhere, and shows nothing
WHO = dict(A, unknown={}, nobody=NOBODY)


def fill(template, o):
    return (template.replace('{study}', o.study).replace('{series}', o.series).replace('{instance}', o.uid)
            .replace('{frames}', '1').replace('{path}', '7FE00010').replace('{path...}', '7FE00010'))


# (method, path): (right, statuses for who has it and asks for what is theirs)
STUDY = '/dicom-web/studies/{study}'
SERIES = STUDY + '/series/{series}'
INSTANCE = SERIES + '/instances/{instance}'
FRAMES = INSTANCE + '/frames/{frames}'
ROUTES = {
    ('GET', '/dicom-web/'): ('login', 200), ('OPTIONS', '/dicom-web/'): ('login', 200),
    ('GET', '/dicom-web/studies'): ('see', 200), ('GET', '/dicom-web/series'): ('see', 200),
    ('GET', '/dicom-web/instances'): ('see', 200), ('GET', STUDY + '/series'): ('see', 200),
    ('GET', STUDY + '/instances'): ('see', 200), ('GET', SERIES + '/instances'): ('see', 200),
    ('POST', '/dicom-web/studies'): ('store', 415), ('POST', STUDY): ('store', 415),
    ('DELETE', STUDY): ('delete', 200), ('DELETE', SERIES): ('delete', 200), ('DELETE', INSTANCE): ('delete', 200), ('POST', '/api/bin/{study}/restore'): ('delete', 200),
    ('GET', '/api/bin'): ('delete', 200), ('GET', '/api/changes'): ('see', 200), ('GET', '/events'): ('see', 200),
    ('GET', STUDY + '/metadata'): ('see', 200), ('GET', SERIES + '/metadata'): ('see', 200),
    ('GET', INSTANCE + '/metadata'): ('see', 200), ('GET', FRAMES): ('see', 200), ('GET', STUDY): ('see', 200),
    ('GET', SERIES): ('see', 200), ('GET', INSTANCE): ('see', 200), ('GET', '/wado'): ('see', 200),
    ('GET', INSTANCE + '/bulkdata/{path}'): ('see', 200), ('POST', '/api/login'): ('nobody', 415),
    ('POST', '/api/logout'): ('login', 400), ('GET', '/api/me'): ('login', 200), ('POST', '/api/password'): ('login', 415),
    ('POST', '/api/break-glass'): ('see', 415), ('GET', '/api/break-glass'): ('manage', 200),
    ('GET', '/api/'): ('nobody', 200), ('GET', '/api/openapi.json'): ('nobody', 200),
    ('GET', '/api/oidc/login'): ('nobody', 501), ('GET', '/api/oidc/callback'): ('nobody', 400),
    ('GET', '/healthz'): ('nobody', 200), ('GET', '/readyz'): ('nobody', 200), ('GET', '/metrics'): ('watch', 200),
}
for top in (STUDY, SERIES, INSTANCE):
    ROUTES.update({('GET', top + '/' + what): ('see', 200) for what in ('rendered', 'thumbnail', 'pixeldata', 'bulkdata')})
ROUTES.update({('GET', FRAMES + '/' + what): ('see', 200) for what in ('rendered', 'thumbnail')})
OBJECTS = sorted(k for k in ROUTES if '{study}' in k[1] and k[0] == 'GET' and k[1] not in (
    STUDY + '/series', STUDY + '/instances', SERIES + '/instances'))
SEARCHES = [k[1] for k in sorted(ROUTES) if k[0] == 'GET' and k[1].rsplit('/', 1)[1] in ('studies', 'series', 'instances')]


def uri(o, more=''):
    return '/wado?requestType=WADO&studyUID=%s&seriesUID=%s&objectUID=%s%s' % (o.study, o.series, o.uid, more)


@case('the table of this test has each route of the node, and no other')
def _():
    paths = json.loads(ask('GET', '/api/openapi.json').body)['paths']
    listed = {(method.upper(), path.replace('{path...}', '{path}')) for path, methods in paths.items() for method in methods
              if method in ('get', 'post', 'put', 'patch', 'delete', 'options', 'trace')}
    equal(sorted(listed ^ set(ROUTES)), [], 'routes without a row, or rows without a route')


def event_status(who):
    """Of the head alone: the body has no end."""
    with socket.create_connection(('127.0.0.1', NODE.http_port), 30) as s:
        s.sendall(('GET /events HTTP/1.1\r\nHost: x\r\n%s\r\n' % ''.join('%s: %s\r\n' % h for h in who.items())).encode())
        r = http.client.HTTPResponse(s)
        r.begin()
        return r.status


@case('each route, each role: what the role may, and 403 or 401 for all else')
def _():
    for (method, template), (right, good) in sorted(ROUTES.items()):
        for role, who in WHO.items():
            may = right == 'nobody' or right in RIGHTS[role].split()
            one = A1
            if method == 'DELETE' or template.endswith('/restore'):
                one = objects.image('bin %s %s' % (role, template.count('{')), side=8)
                equal(NODE.store([one], 'FROM_A'), [0], 'to be deleted')
                if template.endswith('/restore'):
                    equal(ask('DELETE', '/dicom-web/studies/' + one.study, A['chief']).status, 200, 'into the bin')
            path = uri(A1) if template == '/wado' else fill(template, one)
            if template == '/api/changes':
                path += '?site=ALPHA'
            wanted = good if may else 401 if role == 'nobody' else 403
            if template == '/events':
                got = event_status(who)
            else:
                got = ask(method, path, who, b'' if method == 'POST' else None).status
            equal(got, wanted, '%s %s by %s' % (method, template, role))


@case('what shows nothing, something wrong, or something old is 401 everywhere that needs a login')
def _():
    old = bearer('to be revoked', 'chief', 'ALPHA')
    equal(ask('GET', '/api/me', old).status, 200, 'a token, before')
    NODE.teleread('token', 'revoke', old['Authorization'].split('_')[1])
    lib.wait_until(lambda: ask('GET', '/api/me', old).status == 401, QUICK, 'a revoked token is refused')
    wrong = [old, {'Authorization': 'Bearer x'}, {'Authorization': 'Basic YTpi'}, {'Cookie': 'teleread=' + 'A' * 43}]
    for (method, template), (right, _) in sorted(ROUTES.items()):
        if right != 'nobody':
            answers = [ask(method, uri(A1) if template == '/wado' else fill(template, A1), w) for w in wrong + [NOBODY]]
            equal({a.status for a in answers}, {401}, '%s %s' % (method, template))
            for a in answers:
                check(A1.study.encode() not in a.body and b'SHARED' not in a.body, 'says what it knows')


VARIANTS = ({}, {'Accept': '*/*'}, {'Accept': 'application/dicom+json'}, {'Accept': 'application/zip'},
            {'Accept': 'multipart/related; type="application/dicom"; transfer-syntax=*'},
            {'Accept': 'multipart/related; type="application/octet-stream"; transfer-syntax=*'},
            {'Accept': 'image/png'}, {'Range': 'bytes=0-9'}, {'If-None-Match': '*'}, {'Accept': 'nothing/such'})


@case('what is another site\'s answers as what does not exist, byte by byte, on caches that it has warmed')
def _():
    compared = 0
    for method, template in OBJECTS + [('GET', '/wado')]:
        def path(o):
            return uri(o) if template == '/wado' else fill(template, o)
        for more in VARIANTS:
            for who in (B['reader'], P['reader']):
                warm = ask('GET', path(B1), who, **more)
                check(warm.status in (200, 206, 304, 406), '%s warms: %d' % (path(B1), warm.status))
            tag = warm.headers['ETag']
            for headers in [more] + ([{'If-None-Match': tag}, {'If-Range': tag, 'Range': 'bytes=0-3'}] if tag else []):
                for verb in ('GET', 'HEAD'):
                    theirs, none = (ask(verb, path(o), A['reader'], **headers) for o in (B1, NONE))
                    equal(theirs.all(B1.study, B1.series, B1.uid), none.all(NONE.study, NONE.series, NONE.uid),
                          '%s %s %s' % (verb, template, headers))
                    check(none.status in (404, 406), '%s %s %s: %d' % (verb, template, headers, none.status))
                    compared += 1
    lib.note('%d pairs of answers' % compared)


@case('mixed paths: a series or an instance of another site below one\'s own study')
def _():
    class Mixed:
        pass
    for which in ('series', 'uid', 'both'):
        pair = []
        for of in (B1, NONE):
            m = Mixed()
            m.study, m.series, m.uid = A1.study, of.series if which != 'uid' else A1.series, of.uid
            if which == 'series':
                m.uid = A1.uid
            pair.append(m)
        for _, template in OBJECTS:
            if '{series}' not in template or (which == 'uid' and '{instance}' not in template):
                continue
            for who in (A['reader'], P['reader']):  # not even who sees both finds it there
                x, y = (ask('GET', fill(template, m), who) for m in pair)
                equal(x.status, 404, '%s with another %s' % (template, which))
                equal(x.all(pair[0].series, pair[0].uid), y.all(pair[1].series, pair[1].uid), template)


@case('searches: by any key of another site nothing comes, and nothing is counted')
def _():
    json_ = {'Accept': 'application/dicom+json'}
    for level in ('studies', 'series', 'instances'):
        for key in ('StudyInstanceUID=' + B1.study, 'SeriesInstanceUID=' + B1.series, 'SOPInstanceUID=' + B1.uid,
                    'PatientID=PB', 'PatientName=Bravo*', 'PatientName=bravo%20only&fuzzymatching=true', 'AccessionNumber=Ab2',
                    'StudyInstanceUID=%s,%s' % (B1.study, B2.study), 'StudyDescription=Study%20b2'):
            theirs, seen = ask('GET', '/dicom-web/%s?%s' % (level, key), A['reader'], **json_), \
                ask('GET', '/dicom-web/%s?%s' % (level, key), B['reader'], **json_)
            none = ask('GET', '/dicom-web/%s?PatientID=nobody-has-it' % level, A['reader'], **json_)
            check(len(json.loads(seen.body or b'[]')) > 0, '%s?%s finds it for its own site' % (level, key))
            if theirs.headers['Warning'] and 'ignored' in theirs.headers['Warning']:  # keys below the level
                check(b'Bravo' not in theirs.body and B2.study.encode() not in theirs.body, '%s?%s' % (level, key))
                continue
            equal(theirs.all(), none.all(), '%s?%s' % (level, key))
        everything = ask('GET', '/dicom-web/%s?includefield=all&limit=1000' % level, A['reader'], **json_)
        text = everything.body.decode()
        check(A1.study in text, 'one\'s own')
        for secret in (B1.study, B2.study, B1.series, B1.uid, 'BRAVO', 'Bravo', '"PB"'):
            check(secret not in text, '%s has %s' % (level, secret))
    for template in (STUDY + '/series', STUDY + '/instances', SERIES + '/instances'):
        theirs, none = (ask('GET', fill(template, o), A['reader'], **json_) for o in (B1, NONE))
        equal(theirs.all(B1.study, B1.series), none.all(NONE.study, NONE.series), template)


def counts(who, level, of, *tags):
    rows = json.loads(ask('GET', '/dicom-web/%s?%s&%s' % (level, of, '&'.join('includefield=' + t for t in tags)), who,
                          Accept='application/dicom+json').body or b'[]')
    return [[r.get(t, {}).get('Value', [None])[0] for t in tags] for r in rows]


@case('numbers of related entities, limits and their warning, offsets: of the scope alone')
def _():
    related = ('00201200', '00201202', '00201204')
    for row in counts(A['reader'], 'studies', 'PatientID=SHARED', *related):
        check(all(n in (1, None) for n in row), 'patient of both sites, as one sees it: %s' % row)
    equal(len(counts(P['reader'], 'studies', 'PatientID=SHARED')), 2, 'as the province sees it')
    mine = len(json.loads(ask('GET', '/dicom-web/studies', A['reader'], Accept='application/dicom+json').body))
    whole = len(json.loads(ask('GET', '/dicom-web/studies', P['reader'], Accept='application/dicom+json').body))
    equal(whole, mine + 2, 'studies of the province')
    NODE.settings['http.qido_limit'] = '2'
    NODE.write_config()
    NODE.process.send_signal(1)
    try:
        lib.wait_until(lambda: ask('GET', '/dicom-web/studies', P['reader']).headers['Warning'], 10, 'the limit holds')
        for who, n in ((A, mine), (P, whole)):
            warning = ask('GET', '/dicom-web/studies', who['reader']).headers['Warning']
            wanted = n - 2 if n - 2 <= 2 else 'more than 2'
            check('There are %s additional' % wanted in warning, '%s of %d' % (warning, n))
        equal(ask('GET', '/dicom-web/studies', B['reader']).headers['Warning'], None, 'a site with two has no more')
    finally:
        del NODE.settings['http.qido_limit']
        NODE.write_config()
        NODE.process.send_signal(1)
    lib.wait_until(lambda: not ask('GET', '/dicom-web/studies', P['reader']).headers['Warning'], 10, 'the old limit')


@case('deleting, restoring and listing the bin: another site\'s study is not there')
def _():
    def pair(method, path, who, **headers):
        theirs, none = (ask(method, path % o.study, who, **headers) for o in (B2, NONE))
        equal(theirs.all(B2.study), none.all(NONE.study), path)
        equal(theirs.status, 404, path)
    for role in ('chief', 'admin'):
        pair('DELETE', '/dicom-web/studies/%s', A[role])
        for template in (SERIES, INSTANCE):
            x, y = (ask('DELETE', fill(template, o), A[role]) for o in (B2, NONE))
            equal((x.status, x.all(B2.study, B2.series, B2.uid)), (404, y.all(NONE.study, NONE.series, NONE.uid)), template)
            mixed = fill(template.replace('{study}', A1.study), B2)
            equal(ask('DELETE', mixed, A[role]).status, 404, mixed)
        pair('POST', '/api/bin/%s/restore', A[role])
    equal(ask('DELETE', '/dicom-web/studies/' + B2.study, B['chief']).status, 200, 'its own site deletes it')
    for role in ('chief', 'admin'):
        check(B2.study.encode() not in ask('GET', '/api/bin', A[role]).body, 'in the list of the bin')
        pair('POST', '/api/bin/%s/restore', A[role])
        pair('DELETE', '/dicom-web/studies/%s', A[role])
    check(B2.study.encode() in ask('GET', '/api/bin', B['chief']).body, 'in its own bin')
    before = ask('GET', '/api/bin', A['chief']).body
    equal(ask('POST', '/api/bin/%s/restore' % B2.study, B['chief']).status, 200, 'its own site restores it')
    equal(ask('GET', '/api/bin', A['chief']).body, before, 'the bin of the other')


@case('two sites that had one UID, one after the other: neither learns of the other\'s in the bin, nor brings it back')
def _():
    mine, theirs = (objects.image('one uid', number=n, side=8) for n in (1, 2))
    for one, aet, who in ((mine, 'FROM_A', A), (theirs, 'FROM_B', B)):
        equal(NODE.store([one], aet), [0])
        equal(ask('DELETE', '/dicom-web/studies/' + one.study, who['chief']).status, 200)
    for who in (A, B):
        check(mine.study.encode() not in ask('GET', '/api/bin', who['chief']).body, 'the other\'s decision in the list')
        x, y = (ask('POST', '/api/bin/%s/restore' % u, who['chief']).all(u) for u in (mine.study, NONE.study))
        equal(x, y, 'restoring it')
    check(mine.study.encode() in ask('GET', '/api/bin', P['chief']).body, 'who sees both')


@case('feeds: another site\'s code is none, and its numbers are not in one\'s own')
def _():
    for path in ('/api/changes?site=%s', '/api/changes?site=%s&since=1', '/api/changes?site=%s&limit=0'):
        theirs, none = (ask('GET', path % code, A['reader']).all(code) for code in ('BRAVO', 'NOONE'))
        equal(theirs, none, path)
    mine = json.loads(ask('GET', '/api/changes?site=ALPHA&limit=100000', A['reader']).body)
    equal([c['number'] for c in mine['changes']], list(range(1, mine['last'] + 1)), 'without gaps')
    check(not {c['study'] for c in mine['changes']} & {B1.study, B2.study}, 'what is another\'s')
    check(ask('GET', '/api/changes?site=PROVINCE', A['reader']).status == 404, 'the site above')
    equal(json.loads(ask('GET', '/api/me', A['reader']).body)['sites'], ['ALPHA'], 'sites of one\'s own')


@case('storing: into another site by name or by study, and with two sites and none named')
def _():
    new = objects.image('new of a', side=8)
    for site in ('BRAVO', 'PROVINCE', 'NOONE'):
        a = stow(A['site-sender'], new, path='/dicom-web/studies?site=' + site)
        check(400 <= a.status < 500, 'store into %s: %d' % (site, a.status))
    theirs, none = (stow(A['site-sender'], new, path='/dicom-web/studies?site=' + s).all(s) for s in ('BRAVO', 'NOONE'))
    equal(theirs, none, 'another site and no site')
    for who in (A, B, P):
        equal(ask('GET', '/dicom-web/studies/' + new.study, who['reader']).status, 404, 'nothing came of it')
    both = bearer('both', 'site-sender', 'ALPHA', 'BRAVO')
    a = stow(both, new)
    check(400 <= a.status < 500 and b'site' in a.body, 'two sites, and none named: %d %s' % (a.status, a.body))
    equal(stow(both, new, path='/dicom-web/studies?site=BRAVO').status, 200, 'the one that is named')
    equal([ask('GET', '/dicom-web/studies/' + new.study, w['reader']).status for w in (A, B)], [404, 200], 'whose it is')
    before = ask('GET', '/dicom-web/studies/%s/metadata' % B1.study, B['reader'])
    intruder = objects.image('b1', number=77, patient='SHARED', side=8)
    said = stow(A['site-sender'], intruder).body.decode('utf-8', 'replace')
    for secret in ('BRAVO', 'Bravo', 'SHARED', B1.uid):
        check(secret not in said, 'the answer of a store into another\'s study says %s: %s' % (secret, said))
    after = ask('GET', '/dicom-web/studies/%s/metadata' % B1.study, B['reader'])
    equal((after.body, after.headers['ETag']), (before.body, before.headers['ETag']), 'the study of the other site')
    equal(ask('GET', '/dicom-web/studies/' + B1.study, A['reader']).status, 404, 'it did not come into sight by that')


def log_in(name, password):
    a = ask('POST', '/api/login', {}, json.dumps({'name': name, 'password': password}), Content_Type='application/json')
    equal(a.status, 200, a.body)
    return {'Cookie': a.headers['Set-Cookie'].split(';')[0]}, json.loads(a.body)['csrf']


def person(name, role, *sites):
    password = NODE.teleread('user', 'add', name, '--role', role, *[w for s in sites for w in ('--site', s)]).out.strip()
    return log_in(name, password)


@case('CSRF: no changing route takes a cookie without the session\'s own token')
def _():
    roles = ','.join(ROLES)
    (mine, csrf), (_, other) = person('csrf', roles, 'ALPHA'), person('csrf2', roles, 'ALPHA')
    study = objects.image('csrf', side=8)
    equal(NODE.store([study], 'FROM_A'), [0])
    for (method, template), (right, _) in sorted(ROUTES.items()):
        if method in ('GET', 'OPTIONS') or right == 'nobody':
            continue
        path = fill(template, study)
        for wrong in (None, '', 'x', other, csrf[:-1], csrf + 'x', csrf.swapcase()):
            headers = {} if wrong is None else {'X_CSRF_Token': wrong}
            a = ask(method, path, mine, b'' if method == 'POST' else None, **headers)
            equal((a.status, b'CSRF' in a.body), (403, True), '%s %s with %r' % (method, template, wrong))
        a = ask(method, path + '?csrf=' + csrf, mine, b'' if method == 'POST' else None)
        equal(a.status, 403, 'in the URL')
    equal(ask('GET', '/dicom-web/studies/' + study.study, mine).status, 200, 'nothing was changed')
    equal(ask('GET', '/api/me', mine).status, 200, 'nor the session ended')
    a = ask('DELETE', '/dicom-web/studies/' + study.study, mine, X_CSRF_Token=csrf)
    equal(a.status, 200, 'with the token')


@case('a reader without a site, and one with all')
def _():
    none, _ = person('no site', 'reader')
    for _, template in OBJECTS:
        x, y = (ask('GET', fill(template, o), none) for o in (B1, NONE))
        equal(x.all(B1.study, B1.series, B1.uid), y.all(NONE.study, NONE.series, NONE.uid), template)
        check(x.status in (403, 404), x.status)
    for path in SEARCHES[:3]:
        a = ask('GET', fill(path, B1), none, Accept='application/dicom+json')
        check(a.status in (403, 204) or json.loads(a.body) == [], '%s: %d' % (path, a.status))
    for o in (A1, B1):
        equal(ask('GET', fill(STUDY + '/metadata', o), P['reader']).status, 200, 'the province sees both')


@case('the emergency opens one study: not its site\'s others, no list, no change, and to one person alone')
def _():
    me, csrf = person('glass', 'reader,chief', 'ALPHA')
    she, _ = person('glass2', 'reader,chief', 'ALPHA')
    for template in (INSTANCE, STUDY + '/metadata', STUDY + '/rendered', SERIES + '/instances'):
        check(ask('GET', fill(template, B1), me).status in (404, 200), 'before')  # and it is remembered that it was not there
    body = json.dumps({'study': B1.study, 'reason': 'stroke, nobody at the other site answers'})
    a = ask('POST', '/api/break-glass', me, body, Content_Type='application/json', X_CSRF_Token=csrf)
    equal(a.status, 201, a.body)
    for _, template in OBJECTS:
        equal(ask('GET', fill(template, B1), me).status, 200, 'in the emergency: ' + template)
        equal(ask('GET', fill(template, B2), me).all(B2.study, B2.series, B2.uid),
              ask('GET', fill(template, NONE), me).all(NONE.study, NONE.series, NONE.uid), 'its site\'s other study: ' + template)
        equal(ask('GET', fill(template, B1), she).status, 404, 'another person: ' + template)
        if '{series}' in template:
            path = fill(template.replace('{study}', B1.study), B2)
            equal(ask('GET', path, me).status, 404, 'the other study\'s, below this one: ' + path)
    json_ = {'Accept': 'application/dicom+json'}
    for path in ('/dicom-web/studies', '/dicom-web/series', '/dicom-web/instances'):
        for key in ('', '?StudyInstanceUID=' + B1.study, '?StudyInstanceUID=' + B2.study):
            text = ask('GET', path + key, me, **json_).body
            check(B1.study.encode() not in text and B2.study.encode() not in text, 'in the list ' + path + key)
    for level in ('series', 'instances'):
        for key in ('', '?StudyInstanceUID=' + B2.study, '?SeriesInstanceUID=' + B2.series, '?SOPInstanceUID=' + B2.uid,
                    '?StudyInstanceUID=%s,%s' % (B1.study, B2.study), '?PatientID=PB', '?PatientID=*', '?StudyInstanceUID=*',
                    '?0020000D=' + B2.study, '?StudyInstanceUID='):
            a = ask('GET', '%s/%s%s' % (fill(STUDY, B1), level, key), me, **json_)
            check(B2.study.encode() not in a.body.replace(b'2F', b'/') or a.status == 400, level + key)
            rows = json.loads(a.body or b'[]')
            if a.status == 200:
                equal({r['0020000D']['Value'][0] for r in rows} - {B1.study}, set(), 'the study of what is listed: ' + key)
    related = [r.get('00201200', {}).get('Value', [1])[0] for r in json.loads(
        ask('GET', fill(STUDY, B1) + '/series?includefield=00201200', me, **json_).body)]
    check(set(related) <= {1, '1'}, 'how many studies the patient has: %s' % related)
    equal(ask('DELETE', fill(STUDY, B1), me, X_CSRF_Token=csrf).status, 404, 'an emergency changes nothing')
    equal(ask('GET', '/api/changes?site=BRAVO', me).status, 404, 'nor does it open the feed')
    with NODE.associate('FROM_A', [(lib.dul.STUDY_FIND, [lib.dul.IMPLICIT_LE])]) as found:
        rows, _ = found.find(lib.dul.STUDY_FIND, objects.keys('STUDY', StudyInstanceUID=B1.study))
    equal(len(rows), 0, 'studies that a peer of the site finds')


@case('changed roles, disabled accounts, ended sessions and taken sites take effect on warm caches')
def _():
    me, _ = person('changes', 'reader', 'ALPHA', 'BRAVO')
    path = fill(STUDY + '/metadata', B1)
    equal(ask('GET', path, me).status, 200, 'at first')
    NODE.teleread('user', 'set', 'changes', '--role', 'reader', '--site', 'ALPHA')
    lib.wait_until(lambda: ask('GET', path, me).status == 404, QUICK, 'a site that was taken away')
    tag = ask('GET', path, B['reader']).headers['ETag']
    equal(ask('GET', path, me, If_None_Match=tag).status, 404, 'with a tag from before')
    NODE.teleread('user', 'set', 'changes', '--role', 'site-sender', '--site', 'ALPHA')
    lib.wait_until(lambda: ask('GET', fill(STUDY + '/metadata', A1), me).status == 403, QUICK, 'a role that was taken away')
    NODE.teleread('user', 'disable', 'changes')
    lib.wait_until(lambda: ask('GET', '/api/me', me).status == 401, QUICK, 'a disabled account')


class Listener:
    def __init__(self, who):
        self.socket = socket.create_connection(('127.0.0.1', NODE.http_port), 60)
        self.socket.sendall(('GET /events HTTP/1.1\r\nHost: x\r\n%s\r\n' % ''.join('%s: %s\r\n' % h for h in who.items())).encode())
        self.text, self.over = b'', False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        piece = b'x'
        while piece:
            try:
                piece = self.socket.recv(65536)
            except OSError:
                break
            self.text += piece
            if self.text.endswith(b'\r\n0\r\n\r\n'):  # the last chunk
                break
        self.over = True

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(10)
        self.socket.close()


@case('a stream of events ends, and tells no more, when its token is revoked or its site taken away')
def _():
    mine = bearer('listens', 'reader', 'ALPHA')
    me, _ = person('listener', 'reader', 'ALPHA', 'BRAVO')
    streams = [Listener(mine), Listener(me), Listener(A['reader'])]
    for s in streams:
        lib.wait_until(lambda s=s: b'listening' in s.text, 10, 'the stream begins')
    first = objects.image('told', side=8)
    equal(NODE.store([first], 'FROM_A'), [0])
    for s in streams:
        lib.wait_until(lambda s=s: first.study.encode() in s.text, 10, 'what happens is told')
    NODE.teleread('token', 'revoke', mine['Authorization'].split('_')[1])
    NODE.teleread('user', 'set', 'listener', '--role', 'reader', '--site', 'BRAVO')
    lib.wait_until(lambda: ask('GET', '/api/me', mine).status == 401, QUICK, 'the token is refused')
    lib.wait_until(lambda: json.loads(ask('GET', '/api/me', me).body)['sites'] == ['BRAVO'], QUICK, 'the site is gone')
    time.sleep(3)  # as long as a stream may believe what it knew
    later = objects.image('untold', side=8)
    equal(NODE.store([later], 'FROM_A'), [0])
    lib.wait_until(lambda: later.study.encode() in streams[2].text, 10, 'who may hears of it')
    for s in streams[:2]:
        lib.wait_until(lambda s=s: s.over, 30, 'the stream ends')
        check(later.study.encode() not in s.text, 'told to who may not')
    check(not streams[2].over, 'the stream of another')
    for s in streams:
        s.close()


@case('the table of roles in teleread-http(7) is the one that holds')
def _():
    with open(os.path.join(lib.SOURCE, 'man', 'teleread-http.7'), encoding='utf-8') as f:
        rows = [line[4:].strip().split(' Ta ') for line in f if line.startswith('.It ') and ' Ta ' in line]
    said = {row[0]: {right for right, word in zip(rows[0][1:], row[1:]) if word == 'yes'} for row in rows[1:]}
    equal(said, {role: set(RIGHTS[role].split()) for role in said}, 'rights of roles')
    equal(set(said) | {'unknown', 'nobody'}, set(RIGHTS), 'roles')


lib.main()
