#!/usr/bin/env python3
"""Who may come in over HTTP: logins, sessions, tokens, roles, an OpenID Connect provider; and who may not."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import ssl
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib
import objects
import oidc
from lib import Node, case, check, equal

GOOD = 'correct horse 电池'
QUICK = 3  # seconds in which a change by a command takes effect


class Answer:
    def __init__(self, r):
        self.status, self.headers, self.body = r.status, r.headers, r.read()
        self.cookies = [v for k, v in r.getheaders() if k.lower() == 'set-cookie']

    def json(self):
        return json.loads(self.body)


def ask(node, method, path, body=None, token=None, cookie=None, csrf=None, tls=None, **headers):
    if token:
        headers['Authorization'] = 'Bearer ' + token
    if cookie:
        headers['Cookie'] = cookie
    if csrf:
        headers['X-CSRF-Token'] = csrf
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
        headers.setdefault('Content-Type', 'application/json')
    if tls:
        c = http.client.HTTPSConnection('127.0.0.1', node.http_port, timeout=20 * lib.SLOW, context=tls)
    else:
        c = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=20 * lib.SLOW)
    try:
        c.request(method, path, body, headers)
        return Answer(c.getresponse())
    finally:
        c.close()


def add_user(node, name, role, *words):
    return node.teleread('user', 'add', name, '--role', role, *words).out.strip()


def log_in(node, name, password):
    """(cookie, csrf)"""
    a = ask(node, 'POST', '/api/login', {'name': name, 'password': password})
    equal(a.status, 200, 'status of the login (%s)' % a.body[:200])
    return a.cookies[0].split(';')[0], a.json()['csrf']


def token_for(node, *words):
    return node.teleread('token', 'create', '--name', 'a machine', *words).out.strip()


def studies(node, **who):
    """How many are found."""
    a = ask(node, 'GET', '/dicom-web/studies', Accept='application/dicom+json', **who)
    check(a.status in (200, 204), 'status of a search: %d' % a.status)
    return len(a.json()) if a.body else 0


def log_of(node):
    with open(node.log, encoding='utf-8') as f:
        return f.read()


@case('the first start makes an administrator and prints the password, once')
def first_admin():
    with Node() as node:
        found = re.findall(r'account: admin, password (\S+) ', log_of(node))
        equal(len(found), 1, 'passwords in what the first start printed')
        cookie, _ = log_in(node, 'admin', found[0])
        me = ask(node, 'GET', '/api/me', cookie=cookie).json()
        equal((me['name'], me['roles'], me['sites']), ('admin', ['admin'], []), 'who that is')
        equal(ask(node, 'GET', '/dicom-web/studies', cookie=cookie).status, 403, 'an administrator sees no studies')
        node.stop()
        node.start()
        equal(log_of(node).count(found[0]), 1, 'times the password was printed')
        with open(os.path.join(node.data, 'index.sqlite'), 'rb') as f:
            check(found[0].encode() not in f.read(), 'the password is not in the index')


@case('login, who one is, CSRF, logout')
def login():
    with Node() as node:
        password = add_user(node, 'li.na', 'reader,site-sender', '--site', 'NORTH')
        equal(ask(node, 'GET', '/api/me').status, 401, 'without a login')
        for name, wrong in (('li.na', 'wrong password'), ('nobody', password), ('', ''), ('li.na', '')):
            a = ask(node, 'POST', '/api/login', {'name': name, 'password': wrong})
            equal((a.status, a.json()['error'], a.cookies), (401, 'name or password are wrong', []), 'a wrong login')
        a = ask(node, 'POST', '/api/login', {'name': 'li.na', 'password': password})
        equal(a.status, 200, 'login')
        cookie = a.cookies[0]
        for part in ('HttpOnly', 'SameSite=Strict', 'Path=/'):
            check(part in cookie, 'the cookie says ' + part)
        check('Domain' not in cookie and 'Secure' not in cookie, 'the cookie of a plain connection: ' + cookie)
        cookie, csrf = cookie.split(';')[0], a.json()['csrf']
        me = ask(node, 'GET', '/api/me', cookie=cookie)
        equal(me.headers['Cache-Control'], 'no-store', 'Cache-Control')
        me = me.json()
        equal((me['name'], me['how'], me['sites'], me['csrf']), ('li.na', 'password', ['NORTH'], csrf), 'me')
        for token in (None, 'x', csrf[:-1], csrf + 'A'):
            equal(ask(node, 'POST', '/api/logout', cookie=cookie, csrf=token).status, 403, 'logout with CSRF token %s' % token)
        equal(ask(node, 'GET', '/api/me', cookie=cookie).status, 200, 'still logged in')
        a = ask(node, 'POST', '/api/logout', cookie=cookie, csrf=csrf)
        equal(a.status, 204, 'logout')
        check('Max-Age=0' in a.cookies[0], 'the cookie is taken away')
        equal(ask(node, 'GET', '/api/me', cookie=cookie).status, 401, 'after the logout')


@case('bodies of a login that are none')
def bodies():
    with Node() as node:
        add_user(node, 'li', 'reader')
        good = {'Content-Type': 'application/json'}
        for body, headers, status in (
                ('name=li&password=x', {'Content-Type': 'application/x-www-form-urlencoded'}, 415),
                ('{"name":"li","password":"x"}', {'Content-Type': 'text/plain'}, 415),
                ('{"name":"li","password":"x"}', {}, 415), ('{', good, 400), ('[]', good, 400), ('', good, 400),
                ('{"name":"li"}', good, 400), ('{"name":1,"password":"x"}', good, 400),
                ('{"name":"li","name":"wang","password":"x"}', good, 400), ('[' * 5000, good, 400),
                ('{"name":"li\\u0000","password":"x"}', good, 400), ('{"name":"%s"}' % ('x' * 20000), good, 413)):
            a = ask(node, 'POST', '/api/login', body, **headers)
            equal(a.status, status, 'status for %.60r' % body)
            check(a.json()['error'], 'a sentence')


@case('wrong passwords lock a name, with Retry-After, an alert and an audit message; others log in')
def lock_out():
    with Node({'login.tries': 3, 'login.lock': '2s'}) as node:
        password = add_user(node, 'li', 'reader')
        other = add_user(node, 'wang', 'reader')
        seen = []
        for _ in range(200):
            a = ask(node, 'POST', '/api/login', {'name': 'li', 'password': 'wrong password'})
            seen.append(a.status)
            if a.status == 429:
                check(1 <= int(a.headers['Retry-After']) <= 2, 'Retry-After: %s' % a.headers['Retry-After'])
                equal(a.cookies, [], 'cookies')
            if seen.count(401) == 3:
                break
            time.sleep(0.05)
        equal(seen.count(401), 3, 'attempts until it is locked')
        equal(ask(node, 'POST', '/api/login', {'name': 'li', 'password': password}).status, 429, 'the right one, then')
        log_in(node, 'wang', other)
        equal([a['subject'] for a in node.json_lines('alerts', '--kind', 'login')], ['li'], 'alerts')
        lib.wait_until(lambda: ask(node, 'POST', '/api/login', {'name': 'li', 'password': password}).status == 200, 10,
                       'the lock ends')


@case('another password ends the other sessions; disabling ends all, in a running node')
def passwords():
    with Node() as node:
        password = add_user(node, 'li', 'reader', '--site', 'NORTH')
        here, csrf = log_in(node, 'li', password)
        there, _ = log_in(node, 'li', password)
        for old, new, status in (('wrong', GOOD, 403), (password, 'short', 400), (password, GOOD, 204)):
            equal(ask(node, 'POST', '/api/password', {'old': old, 'new': new}, cookie=here, csrf=csrf).status, status,
                  'status for %s' % new)
        equal(ask(node, 'GET', '/api/me', cookie=there).status, 401, 'the other session')
        equal(ask(node, 'GET', '/api/me', cookie=here).status, 200, 'this session')
        equal(len(node.json_lines('user', 'sessions', 'li')), 1, 'sessions')
        node.teleread('user', 'disable', 'li')
        lib.wait_until(lambda: ask(node, 'GET', '/api/me', cookie=here).status == 401, QUICK, 'the session ends')
        equal(ask(node, 'POST', '/api/login', {'name': 'li', 'password': GOOD}).status, 401, 'a disabled account')
        node.teleread('user', 'enable', 'li')
        log_in(node, 'li', GOOD)


@case('logins, refusals and changes are in the audit trail')
def audited():
    with Node() as node:
        password = add_user(node, 'li', 'reader', '--site', 'NORTH')
        ask(node, 'POST', '/api/login', {'name': 'li', 'password': 'wrong password'})
        cookie, csrf = log_in(node, 'li', password)
        ask(node, 'POST', '/api/logout', cookie=cookie, csrf=csrf)
        token_for(node, '--role', 'qa')
        node.stop()
        trail = node.teleread('audit', 'search', '--json').out
        check(password not in trail and 'wrong password' not in trail, 'no password in the trail')
        rows = [json.loads(line) for line in trail.splitlines()]
        logins = [(r['kind'], r['failed']) for r in rows if r.get('who') == 'li' and r['kind'] in ('login', 'logout')]
        equal(logins, [('login', True), ('login', False), ('logout', False)], 'logins of li')
        changes = ' '.join(r['what'] for r in rows if r['kind'] == 'changed')
        for what in ('user li added: reader', 'created for a machine: qa'):
            check(what in changes, '%s: %s' % (what, changes))


@case('tokens: once shown, kept as a digest, revoked in a running node')
def tokens():
    with Node() as node:
        token = token_for(node, '--role', 'site-viewer', '--site', 'NORTH', '--expires', '90d')
        check(re.fullmatch(r'tr_\d+_[A-Za-z0-9_-]{43}', token), token)
        equal(ask(node, 'GET', '/api/me', token=token).json()['how'], 'token', 'how')
        row, = node.json_lines('token', 'list')
        equal((row['name'], row['roles'], row['sites']), ('a machine', ['site-viewer'], ['NORTH']), 'the list')
        check(row['used'] and row['expires'], 'used and expires')
        check(token.split('_', 2)[2] not in json.dumps(row), 'the list has no secret')
        for name in os.listdir(node.data):
            path = os.path.join(node.data, name)
            if os.path.isfile(path):
                with open(path, 'rb') as f:
                    check(token.split('_', 2)[2].encode() not in f.read(), '%s has no secret' % name)
        equal(ask(node, 'POST', '/api/logout', token=token).status, 400, 'a token has no session to end')
        for wrong in (token[:-1], token + 'A', re.sub(r'^tr_\d+', 'tr_1', token), 'tr_1_', 'tr__', 'x'):
            equal(ask(node, 'GET', '/api/me', token=wrong).status, 401, 'token %s' % wrong)
        equal(ask(node, 'GET', '/api/me', Authorization='Basic ' + token).status, 401, 'another scheme')
        node.teleread('token', 'revoke', str(row['id']))
        lib.wait_until(lambda: ask(node, 'GET', '/api/me', token=token).status == 401, QUICK, 'it is refused')
        node.teleread('token', 'revoke', str(row['id']), code=1)


@case('roles: what each may, and may not')
def roles():
    with Node() as node:
        node.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital')
        node.store([objects.image('a', 1)])
        paths = {'see': '/dicom-web/studies', 'watch': '/metrics', 'manage': '/api/break-glass'}
        for role, may in (('site-sender', ''), ('site-viewer', 'see'), ('reader', 'see'), ('chief', 'see watch'),
                          ('qa', 'see watch'), ('admin', 'watch manage')):
            token = token_for(node, '--role', role, '--site', 'NORTH')
            for what, path in paths.items():
                status = ask(node, 'GET', path, token=token, Accept='*/*').status
                check((status == 200) == (what in may.split()) and status in (200, 403),
                      '%s asks for %s: %d' % (role, path, status))
        for site, n in (('NORTH', 1), ('SOUTH', 0)):
            equal(studies(node, token=token_for(node, '--role', 'reader', '--site', site)), n, 'studies of ' + site)
        equal(ask(node, 'GET', '/dicom-web/studies', token=token_for(node, '--role', 'reader')).status, 403,
              'a reader without a site')
        equal(ask(node, 'GET', '/dicom-web/studies').status, 401, 'nobody')


@case('an emergency opens one study of another site, to one person, with an alert')
def emergency():
    with Node() as node:
        node.teleread('site', 'add', 'SOUTH', '--name', 'South Demo County Hospital')
        images = [objects.image('a', 1), objects.image('b', 1)]
        node.store(images)
        password = add_user(node, 'li', 'reader', '--site', 'SOUTH')
        admin = token_for(node, '--role', 'admin')
        cookie, csrf = log_in(node, 'li', password)
        study, other = images[0].study, images[1].study

        def look(uid):
            return ask(node, 'GET', '/dicom-web/studies/%s/series' % uid, cookie=cookie, Accept='application/dicom+json')
        before, missing = look(study), look('1.2.3.4.5')
        equal((before.status, before.body), (missing.status, missing.body), 'another site\'s study looks like none')
        reason = 'stroke, county hospital cannot be reached'
        short = [({'study': study, 'reason': r}, 400) for r in ('', 'abc', 'a b c', 'abc      ', '脑卒中', '脑卒中\u3000\u3000')]
        for body, status in (*short, ({'study': '1.2.x', 'reason': reason}, 400),
                             ({'study': '1.2.3.4.5', 'reason': reason}, 404), ({'study': study, 'reason': reason}, 201)):
            equal(ask(node, 'POST', '/api/break-glass', body, cookie=cookie, csrf=csrf).status, status, str(body))
        equal(len(look(study).json()), 1, 'series of the study that was opened')
        equal(look(other).status, before.status, 'another study of that site')
        chinese = '脑卒中急诊'
        equal(ask(node, 'POST', '/api/break-glass', {'study': other, 'reason': chinese}, cookie=cookie, csrf=csrf).status,
              201, 'a reason of five characters')
        equal(ask(node, 'GET', '/api/break-glass', token=admin).json()[0]['reason'], chinese, 'that reason in the list')
        equal(ask(node, 'POST', '/api/break-glass', {'study': study, 'reason': reason}, cookie=cookie).status, 403, 'no CSRF token')
        equal(studies(node, cookie=cookie), 0, 'a list does not show it')
        machine = token_for(node, '--role', 'reader', '--site', 'SOUTH')
        equal(ask(node, 'POST', '/api/break-glass', {'study': study, 'reason': reason}, token=machine).status, 403,
              'a machine')
        rows = ask(node, 'GET', '/api/break-glass', token=admin).json()
        equal([(r['name'], r['study'], r['reason']) for r in rows], [('li', other, chinese), ('li', study, reason)], 'the list of the administrator')
        equal(ask(node, 'GET', '/api/break-glass', cookie=cookie).status, 403, 'the list, for a reader')
        subjects = [a['subject'] for a in node.json_lines('alerts', '--kind', 'emergency')]
        check('li ' + study in subjects, 'alerts: %s' % subjects)
        check(reason not in json.dumps(node.json_lines('alerts')), 'the reason is not in the alerts')


@case('--accept-unknown: who shows nothing is the site, who shows something wrong is nobody')
def unknown():
    with Node() as node:
        node.stop()
        node.start('--accept-unknown', 'NORTH')
        me = ask(node, 'GET', '/api/me').json()
        equal((me['how'], me['roles'], me['store_as']), ('unknown', ['site-sender', 'site-viewer'], 'NORTH'), 'nobody')
        for headers in ({'token': 'tr_1_x'}, {'cookie': 'teleread=x'}, {'cookie': 'teleread='}, {'Authorization': 'x'}):
            equal(ask(node, 'GET', '/api/me', **headers).status, 401, str(headers))
        equal(ask(node, 'GET', '/api/me', cookie='other=1').status, 200, 'a cookie of another program')
        equal(ask(node, 'GET', '/api/me', **{'X-Forwarded-For': '10.0.0.1'}).status, 401, 'who comes through a proxy')
        equal(ask(node, 'GET', '/metrics').status, 403, 'metrics')


# ---- TLS

def certificate(at, name, ca=None):
    """NAME.pem and NAME.key, signed by ca (a name) or by itself."""
    words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
             '/CN=' + name, '-keyout', '%s/%s.key' % (at, name), '-out', '%s/%s.pem' % (at, name)]
    if ca:
        words += ['-CA', '%s/%s.pem' % (at, ca), '-CAkey', '%s/%s.key' % (at, ca)]
    oidc.openssl(*words)
    return '%s/%s.pem' % (at, name), '%s/%s.key' % (at, name)


def tls_client(pair=None):
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if pair:
        c.load_cert_chain(*pair)
    return c


@case('TLS: the cookie of a login, and a client certificate for a machine')
def certificates():
    at = lib.folder()
    server, authority = certificate(at, 'server'), certificate(at, 'ca')
    gateway, stranger = certificate(at, 'gateway', 'ca'), certificate(at, 'stranger', 'ca')
    with Node({'http.tls_certificate': server[0], 'http.tls_key': server[1], 'http.tls_client_ca': authority[0]}) as node:
        node.teleread('user', 'certificate', 'gateway', '--role', 'site-sender', '--site', 'NORTH', '--file', gateway[0])
        me = ask(node, 'GET', '/api/me', tls=tls_client(gateway)).json()
        equal((me['name'], me['how'], me['roles'], me['store_as']), ('gateway', 'certificate', ['site-sender'], 'NORTH'), 'me')
        equal(ask(node, 'GET', '/api/me', tls=tls_client(stranger)).status, 401, 'a certificate that was not registered')
        equal(ask(node, 'GET', '/api/me', tls=tls_client()).status, 401, 'no certificate')
        equal(ask(node, 'GET', '/dicom-web/studies', tls=tls_client(gateway)).status, 403, 'a sender asks for studies')
        password = add_user(node, 'li', 'reader', '--site', 'NORTH')
        a = ask(node, 'POST', '/api/login', {'name': 'li', 'password': password}, tls=tls_client())
        cookie = a.cookies[0]
        check(cookie.startswith('__Host-teleread=') and 'Secure' in cookie and 'Path=/' in cookie, cookie)
        cookie = cookie.split(';')[0]
        equal(ask(node, 'GET', '/api/me', cookie=cookie, tls=tls_client()).json()['name'], 'li', 'who the cookie is')
        equal(ask(node, 'GET', '/api/me', cookie=cookie.replace('__Host-', ''), tls=tls_client()).status, 401,
              'the name that plain connections use')


# ---- OpenID Connect

def with_provider(run, **settings):
    at = lib.folder()
    keys = [oidc.Key('RSA', 'r1', at), oidc.Key('EC', 'e1', at)]
    provider = oidc.Provider(keys[:])
    try:
        with Node({'oidc.issuer': provider.issuer, 'oidc.audience': 'teleread-api', 'oidc.refresh': '100ms',
                   'oidc.roles_claim': 'realm_access.roles', 'oidc.roles': 'radiologists=reader,qa; heads=chief',
                   **settings}) as node:
            run(node, provider, keys, at)
    finally:
        provider.close()


def hs256(key, text):
    return oidc.b64(hmac.new(key, text.encode(), hashlib.sha256).digest())


@case('tokens of a provider: taken, and each way in which one can be wrong refused')
def signed():
    def run(node, provider, keys, at):
        rsa, ec = keys
        good = provider.claims(realm_access={'roles': ['radiologists', 'x']}, sites=['NORTH', 'NOWHERE'])
        for key in keys:
            a = ask(node, 'GET', '/api/me', token=oidc.token(key, good))
            equal(a.status, 200, 'a token signed by %s (%s)' % (key.kind, a.body))
            me = a.json()
            equal((me['name'], me['how'], me['roles'], me['sites']), ('Li Na', 'oidc', ['reader', 'qa'], ['NORTH']), 'me')
        now = int(time.time())
        fetched = provider.fetched
        for what, change in (('expired', {'exp': now - 120}), ('of later', {'nbf': now + 600}), ('of another', {'iss': 'https://x'}),
                             ('for another', {'aud': 'other'}), ('for nobody', {'aud': []}), ('of nobody', {'sub': ''})):
            equal(ask(node, 'GET', '/api/me', token=oidc.token(rsa, {**good, **change})).status, 401, 'a token ' + what)
        text = oidc.token(rsa, good)
        head, body, signature = text.split('.')
        none = oidc.b64(b'{"alg":"none"}')
        symmetric = oidc.b64(b'{"alg":"HS256","kid":"r1"}') + '.' + body
        for what, wrong in (
                ('with another body', '.'.join([head, oidc.b64(json.dumps({**good, 'sub': 'u-2'}).encode()), signature])),
                ('without a signature', '%s.%s.' % (head, body)), ('of alg none', '%s.%s.' % (none, body)),
                ('of alg none with a signature', '%s.%s.%s' % (none, body, signature)),
                ('of HS256 by the public key', symmetric + '.' + hs256(rsa.public_pem(), symmetric)),
                ('of HS256 by the JWK', symmetric + '.' + hs256(json.dumps(rsa.jwk()).encode(), symmetric)),
                ('of PS256 that is RS256', oidc.token(rsa, good, alg='PS256')),
                ('with crit', oidc.token(rsa, good, crit=['x'], x=1)), ('cut', text[:-20]), ('doubled', text + text)):
            equal(ask(node, 'GET', '/api/me', token=wrong).status, 401, 'a token ' + what)
        equal(provider.fetched, fetched, 'none of them made the node ask for keys')
        plain = ask(node, 'GET', '/api/me', token=oidc.token(rsa, provider.claims()))
        equal(plain.status, 403, 'somebody without a role')
    with_provider(run)


@case('keys of a provider change; an unknown one is asked for, but not again and again')
def rotation():
    def run(node, provider, keys, at):
        claims = provider.claims(realm_access={'roles': ['heads']})
        lib.wait_until(lambda: provider.fetched == 1, 10, 'the keys are fetched at start')
        new = oidc.Key('RSA', 'r2', at)
        text = oidc.token(new, claims)
        time.sleep(0.2)
        equal(ask(node, 'GET', '/api/me', token=text).status, 401, 'a key that is not published')
        provider.keys = [new]
        time.sleep(0.2)
        equal(ask(node, 'GET', '/api/me', token=text).json()['roles'], ['chief'], 'when it is')
        equal(ask(node, 'GET', '/api/me', token=oidc.token(keys[0], {**claims, 'sub': 'u-9'})).status, 401, 'the old key')
    with_provider(run)

    def run_slow(node, provider, keys, at):
        lib.wait_until(lambda: provider.fetched == 1, 10, 'the keys are fetched at start')
        wrong = oidc.Key('RSA', 'r9', at)
        for n in range(5):
            equal(ask(node, 'GET', '/api/me', token=oidc.token(wrong, provider.claims(sub='u%d' % n))).status, 401, 'unknown key')
        equal(provider.fetched, 1, 'times the keys were fetched')
    with_provider(run_slow, **{'oidc.refresh': '1h'})


@case('a provider that is away: 503, never in; others come in meanwhile')
def away():
    with Node({'oidc.issuer': 'http://127.0.0.1:%d' % lib.free_port(), 'oidc.audience': 'x'}) as node:
        key = oidc.Key('EC', 'e1', lib.folder())
        equal(ask(node, 'GET', '/api/me', token=oidc.token(key, {'aud': 'x'})).status, 503, 'a token')
        token = token_for(node, '--role', 'reader')
        equal(ask(node, 'GET', '/api/me', token=token).status, 200, 'a token of the node')


@case('a browser logs in at the provider: code, PKCE, state and nonce')
def browser():
    redirect = 'http://127.0.0.1/api/oidc/callback'

    def run(node, provider, keys, at):
        def leave():
            a = ask(node, 'GET', '/api/oidc/login')
            equal(a.status, 303, 'status of the way there')
            url = urllib.parse.urlsplit(a.headers['Location'])
            question = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
            check('SameSite=Lax' in a.cookies[0] and 'HttpOnly' in a.cookies[0], a.cookies[0])
            return a.cookies[0].split(';')[0], question

        def come_back(cookie, question, code='c1', nonce=None, **change):
            claims = provider.claims(aud='node', nonce=nonce or question['nonce'], realm_access={'roles': ['radiologists']},
                                     sites=['NORTH'], **change)
            provider.codes[code] = {'challenge': question['code_challenge'], 'id_token': oidc.token(keys[0], claims)}
            return ask(node, 'GET', '/api/oidc/callback?' + urllib.parse.urlencode({'state': question['state'], 'code': code}),
                       cookie=cookie)
        lib.wait_until(lambda: provider.fetched == 1, 10, 'the provider is asked')
        lib.wait_until(lambda: ask(node, 'GET', '/api/oidc/login').status == 303, 10, 'it is known')
        cookie, question = leave()
        equal((question['tenant'], question['client_id'], question['redirect_uri'], question['code_challenge_method']),
              ('1', 'node', redirect, 'S256'), 'what the provider is asked')
        a = come_back(cookie, question)
        equal(a.status, 200, 'status of the way back (%s)' % a.body)
        equal(provider.asked[-1][1], 'Basic ' + base64.b64encode(b'node:a%26secret').decode(), 'the client\'s secret')
        session = a.cookies[-1].split(';')[0]
        check(session.startswith('teleread=') and 'SameSite=Strict' in a.cookies[-1], a.cookies[-1])
        me = ask(node, 'GET', '/api/me', cookie=session).json()
        equal((me['name'], me['how'], me['roles'], me['sites']), ('Li Na', 'oidc', ['reader', 'qa'], ['NORTH']), 'me')
        equal(ask(node, 'POST', '/api/logout', cookie=session).status, 403, 'CSRF holds for these sessions, too')
        equal(ask(node, 'POST', '/api/logout', cookie=session, csrf=me['csrf']).status, 204, 'logout')

        other, other_question = leave()
        cookie, question = leave()
        equal(come_back(other, question).status, 403, 'the state of another login')
        equal(come_back(None, question).status, 403, 'another browser')
        equal(come_back('teleread-oidc=AAAA', question).status, 403, 'a made-up cookie')
        equal(come_back(cookie, question, nonce='x').status, 403, 'another nonce')
        equal(come_back(cookie, {**question, 'code_challenge': 'x'}).status, 500, 'another verifier')
        equal(come_back(cookie, question, exp=1).status, 403, 'an old token')
        equal(ask(node, 'GET', '/api/oidc/callback?error=access_denied', cookie=cookie).status, 403, 'refused there')
        equal(ask(node, 'GET', '/api/oidc/callback', cookie=cookie).status, 400, 'nothing')
    path = os.path.join(lib.folder(), 'secret')
    with open(path, 'w') as f:
        f.write('a&secret\n')
    with_provider(run, **{'oidc.client_id': 'node', 'oidc.redirect': redirect, 'oidc.client_secret_file': path})
    with Node() as node:
        equal(ask(node, 'GET', '/api/oidc/login').status, 501, 'where it is not set up')


@case('a lock ends by command in a running node, and holds nobody up where he is known')
def lock_ends():
    with Node({'login.tries': '3', 'login.lock': '10min'}) as node:
        password = add_user(node, 'li.na', 'reader', '--site', 'NORTH')

        def lock():
            for _ in range(60):
                a = ask(node, 'POST', '/api/login', {'name': 'li.na', 'password': 'wrong'})
                if a.status == 429 and int(a.headers['Retry-After']) > 60:
                    return
                time.sleep(0.2)
            raise AssertionError('the name was not locked')

        for word in ('enable', 'password'):
            lock()
            equal(ask(node, 'POST', '/api/login', {'name': 'li.na', 'password': password}).status, 429, 'locked')
            listed = [u for u in node.json_lines('user', 'list') if u['name'] == 'li.na'][0]
            check(listed['locked'] and 'locked until' in node.teleread('user', 'list').out, 'the list says so')
            said = node.teleread('user', word, 'li.na').out.strip()
            password = said if word == 'password' else password
            check('locked' not in node.teleread('user', 'list').out, 'the list knows that it ended')
            log_in(node, 'li.na', password)


@case('accounts and tokens: what is easily mistaken is refused, or said')
def mistaken():
    node = Node()
    for words in (('--expires', '0d'), ('--expires', '2020-01-01'), ('--role', 'reader,,qa'), ('--role', ','), ('--site', 'NORTH,')):
        node.teleread('user', 'add', 'li', '--role', 'reader', *words, code=2)
    check('--site' in node.teleread('user', 'add', 'li', '--role', 'reader').err, 'an account without a site is warned of')
    node.teleread('user', 'add', 'boss', '--role', 'admin')
    for words in (('disable', 'boss'), ('remove', 'boss'), ('set', 'boss', '--role', 'reader')):
        check('--force' in node.teleread('user', *words, code=1).err + node.teleread('user', *words, code=1).err, words)
    equal(node.json_lines('user', 'disable', 'boss', '--force')[0]['disabled'], True, 'with --force')
    equal(node.json_lines('user', 'enable', 'boss')[0]['disabled'], False, 'enabled')
    equal(node.json_lines('user', 'set', 'li', '--site', 'NORTH')[0]['sites'], ['NORTH'], 'set')
    equal(node.json_lines('user', 'remove', 'li')[0]['removed'], True, 'removed')
    node.teleread('user', 'remove', 'boss', '--force')
    node.teleread('user', 'add', 'li', '--role', 'reader', '--site', 'NORTH')
    for name in ('one', 'two', 'two'):
        node.teleread('token', 'create', '--name', name, '--role', 'reader', '--site', 'NORTH')
    equal(node.json_lines('token', 'revoke', 'one')[0]['revoked'], True, 'by name')
    check('2 tokens' in node.teleread('token', 'revoke', 'two', code=2).err, 'an ambiguous name')
    node.teleread('token', 'revoke', 'three', code=1)
    with node:
        check('no account has the role admin' in log_of(node), 'the first start says that there is no admin')


@case('the commands refuse what is wrong, and say what was expected')
def commands():
    node = Node()
    for words, code, says in (
            (('user', 'add', 'li'), 2, '--role'), (('user', 'add', 'li', '--role', 'root'), 2, 'root'),
            (('user', 'add', 'li', '--role', 'reader', '--site', 'NOWHERE'), 1, 'NOWHERE'),
            (('user', 'add', ' li', '--role', 'reader'), 2, 'blank'), (('user', 'set', 'li', '--role', 'qa'), 1, 'li'),
            (('user', 'remove'), 2, 'NAME'), (('user', 'certificate', 'x', '--role', 'reader'), 2, '--file'),
            (('user', 'certificate', 'x', '--role', 'reader', '--fingerprint', 'ab'), 2, '64'),
            (('token', 'create', '--name', 'x', '--role', 'reader', '--expires', 'soon'), 2, 'soon'),
            (('token', 'create', '--name', 'x', '--role', 'site-sender', '--site', 'NORTH', '--store-as', 'NOWHERE'), 1,
             'NOWHERE'),
            (('token', 'revoke', 'x'), 1, 'x'), (('token', 'revoke', '7'), 1, '7')):
        done = node.teleread(*words, code=code)
        check(says in done.err, '%s: %s' % (' '.join(words), done.err))
    add_user(node, 'li', 'reader', '--site', 'NORTH')
    node.teleread('user', 'add', 'li', '--role', 'reader', code=1)
    node.teleread('user', 'certificate', 'gateway', '--role', 'site-sender', '--fingerprint', 'AB:' * 31 + 'ab')
    rows = node.json_lines('user', 'list')
    equal([(r['kind'], r['name']) for r in rows], [('user', 'li'), ('certificate', 'gateway')], 'the list')
    node.teleread('user', 'remove', '--certificate', str(rows[1]['id']))
    node.teleread('user', 'remove', 'li')
    equal(node.json_lines('user', 'list'), [], 'the list afterwards')


if __name__ == '__main__':
    lib.need_program()
    lib.main()
