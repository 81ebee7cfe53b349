#!/usr/bin/env python3
"""The HTTP face itself: what every request goes through before a service answers, and what the node says of itself."""
import gzip
import http.client
import json
import os
import signal
import socket
import ssl
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib  # noqa: E402
import objects  # noqa: E402
from lib import case, check, equal, trap  # noqa: E402

lib.need_program()
NODE = lib.Node(sites=False)
NODE.start('--accept-unknown', 'NORTH')


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()['error']


def ask(method, path, node=NODE, body=None, **headers):
    connection = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=30 * lib.SLOW)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace('_', '-'), value)
    if body is not None:
        connection.putheader('Content-Length', str(len(body)))
    connection.endheaders(body)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def get(path, **headers):
    return ask('GET', path, **headers)


def raw(text, node=NODE):
    with socket.create_connection(('127.0.0.1', node.http_port), timeout=30 * lib.SLOW) as s:
        out = b''
        try:
            s.sendall(text)
            piece = s.recv(65536)
            while piece:
                out += piece
                piece = s.recv(65536)
        except OSError:
            pass  # closed at once
        return out


@case('the ready line names the port, and health needs no login')
def _():
    check(NODE.http_port > 0, 'no port in the ready line')
    equal(get('/healthz').status, 200)
    equal(get('/healthz').body, b'alive\n')
    equal(get('/readyz').status, 200)
    equal(ask('HEAD', '/healthz').body, b'')
    equal(ask('HEAD', '/healthz').headers['Content-Length'], '6')


@case('every answer carries the security headers')
def _():
    for answer in (get('/healthz'), get('/nothing'), ask('PUT', '/healthz'), get('/api/'), get('/dicom-web/'),
                   get('/dicom-web/studies/x'), ask('OPTIONS', '/healthz')):
        h = answer.headers
        equal(h['X-Content-Type-Options'], 'nosniff')
        equal(h['Referrer-Policy'], 'no-referrer')
        equal(h['Cache-Control'], 'no-store')
        check("default-src 'none'" in h['Content-Security-Policy'], 'no policy')
        check("frame-ancestors 'none'" in h['Content-Security-Policy'], 'may be framed')
        check("script-src 'unsafe" not in h['Content-Security-Policy'], 'scripts in pages')
        check(h['Strict-Transport-Security'] is None, 'HSTS without TLS')
        equal(len(h.get_all('Content-Security-Policy')), 1, 'policies')
        equal(len(h.get_all('Cache-Control')), 1, 'Cache-Control')


@case('a path that is not there is 404, a method that is not is 405 with those that are')
def _():
    for path in ('/', '/nothing', '/dicom-web/nothing', '/dicom-web//studies', '/healthz/x', '/HEALTHZ', '/%68ealthz'):
        answer = get(path)
        equal(answer.status, 404, path)
        equal(answer.headers['Content-Type'], 'application/json')
        check(answer.error(), 'says nothing')
    answer = ask('PATCH', '/healthz')
    equal(answer.status, 405)
    equal(answer.headers['Allow'], 'GET, HEAD, OPTIONS')
    answer = ask('OPTIONS', '/healthz')
    equal((answer.status, answer.headers['Allow'], answer.body), (204, 'GET, HEAD, OPTIONS', b''))
    equal(ask('OPTIONS', '/nothing').status, 404)


@case('what is no UID in a path is 400, whatever trick it is')
def _():
    equal(get('/dicom-web/studies/x/metadata').status, 400)
    for uid in ('1.2.%2e%2e', '..%2f..%2fetc%2fpasswd', '%2e%2e%2fetc', '1.2%00', '1.2%0d%0aX:1', '1' * 65, '1.2%20',
                '1.2;a', "1'or'1", '%ff', '%', '%4', '1.2%C0%AE', '%EF%BC%91'):
        answer = ask('DELETE', '/dicom-web/studies/' + uid)
        if uid == '1.2.%2e%2e':  # digits and dots, and so a UID like any other
            check(answer.status in (403, 404), answer.status)
            continue
        equal(answer.status, 400, uid)
        check('UID' in answer.error(), answer.error())


@case('queries that cannot be decoded are 400')
def _():
    for query in ('a=%', 'a=%zz', 'a=%00', 'a=%ff', 'a=%0a'):
        equal(get('/healthz?' + query).status, 400, query)
    equal(get('/healthz?a=%E5%BC%A0&b').status, 200)


@case('Accept: what is no list, too long, mixed, or not there')
def _():
    trap(28, 'headers that are broken, mixed or too long are refused, and 406 names what there is')
    equal(get('/dicom-web/', Accept='nonsense').status, 400)
    equal(get('/dicom-web/', Accept='a/b;q=7').status, 400)
    answer = get('/dicom-web/', Accept='application/dicom, image/jpeg')
    equal(answer.status, 400)
    check('together' in answer.error(), answer.error())
    answer = get('/dicom-web/', Accept='image/png')
    equal(answer.status, 406)
    check('application/json' in answer.error() and 'wadl' in answer.error(), answer.error())
    equal(get('/dicom-web/', Accept='image/png', Accept_Charset='utf-8').status, 406)
    equal(get('/dicom-web/', Accept_Charset='iso-8859-1').status, 406)
    equal(get('/dicom-web/', Accept_Charset='iso-8859-1, *;q=0.1').status, 200)
    for length in (6000, 17000, 60000, 70000):
        answer = raw(b'GET /dicom-web/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: ' + b'a/b,' * (length // 4) +
                     b'a/b\r\n\r\n')
        check(answer.split(b' ', 2)[1] in (b'400', b'413', b'431'), answer[:100])
    check('longer than http.head allows' in NODE.log_tail(20), NODE.log_tail())


@case('capabilities as WADL and as JSON, by header and by parameter')
def _():
    answer = get('/dicom-web/')
    equal(answer.headers['Content-Type'], 'application/vnd.sun.wadl+xml')
    root = xml.etree.ElementTree.fromstring(answer.body)
    space = '{http://wadl.dev.java.net/2009/02}'
    equal(root.tag, space + 'application')
    paths = [r.get('path') for r in root.iter(space + 'resource')]
    check('/studies/{study}' in paths, paths)
    equal(len(paths), len(set(paths)), 'paths, each once')
    equal(ask('OPTIONS', '/dicom-web').body, answer.body)
    for answer in (get('/dicom-web/', Accept='application/json'), get('/dicom-web/?accept=application/json', Accept='*/*'),
                   get('/dicom-web/?accept=application%2Fjson')):
        equal(answer.headers['Content-Type'], 'application/json')
        resources = answer.json()['application']['resources']
        equal(resources['base'], '/dicom-web')
        equal([r['path'] for r in resources['resource']], paths)


@case('the OpenAPI document names the routes that really answer')
def _():
    document = get('/api/openapi.json').json()
    equal(document['openapi'][:2], '3.')
    check(len(document['paths']) >= 8, len(document['paths']))
    names = {'study': '1.2.3', 'series': '1.2.4', 'instance': '1.2.5', 'frames': '1'}
    for template, methods in document['paths'].items():
        path = template
        for parameter in (p for m in methods.values() for p in m['parameters'] if p['in'] == 'path'):
            path = path.replace('{%s}' % parameter['name'], names.get(parameter['name'], 'x'))
        check('{' not in path, 'a name that is no parameter: ' + template)
        allow = ask('PROPFIND', path)
        equal(allow.status, 405, template)
        said = {m.upper() for m in methods} | {'OPTIONS'}
        equal(said | ({'HEAD'} if 'GET' in said else set()), set(allow.headers['Allow'].split(', ')), template)
    bodies = {p: list(m['post']['requestBody']['content']) for p, m in document['paths'].items()
              if 'requestBody' in m.get('post', {})}
    check('multipart/related; type="application/dicom"' in bodies['/dicom-web/studies/{study}'], bodies)
    equal(sorted(p for p, types in bodies.items() if types == ['application/json']),
          ['/api/break-glass', '/api/login', '/api/password'])
    for path, methods in document['paths'].items():  # as the schema of OpenAPI 3 has operations
        for name, m in methods.items():
            check(m['summary'] and m['responses'], path)
            for p in m['parameters']:
                check(p['in'] in ('query', 'header') or (p['in'], p['required']) == ('path', True), (path, p))
                check(p['schema']['type'] in ('string', 'integer', 'number', 'boolean'), (path, p))
            each = [(p['in'], p['name']) for p in m['parameters']]
            equal(len(each), len(set(each)), path)
    def query(path, method='get'):
        return {p['name'] for p in document['paths'][path][method]['parameters'] if p['in'] == 'query'}
    check({'limit', 'offset', 'includefield', 'fuzzymatching'} <= query('/dicom-web/studies'), 'of searches')
    equal(query('/dicom-web/studies', 'post'), {'site'})
    equal((query('/dicom-web/studies/{study}', 'delete'), query('/api/bin/{study}/restore', 'post')), ({'why'}, {'why'}))
    equal(query('/api/changes'), {'since', 'limit', 'site', 'feed'})
    equal(query('/healthz'), set())
    frames = document['paths']['/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}']['get']
    check('Range' in {p['name'] for p in frames['parameters'] if p['in'] == 'header'}, frames)
    check('Teleread-Resolutions' in frames['responses']['200']['headers'], frames)
    page = get('/api/')
    check(b'open to all' in page.body and b'<code>includefield</code>' in page.body, 'the page')
    equal(page.headers['Content-Type'], 'text/html; charset=utf-8')
    for template in document['paths']:
        check(template.split('{')[0].encode() in page.body, template)


@case('JSON is gzipped for who takes that, and small answers are not')
def _():
    plain = get('/api/openapi.json')
    equal(plain.headers['Content-Encoding'], None)
    check('Accept-Encoding' in plain.headers['Vary'], plain.headers['Vary'])
    small = get('/api/openapi.json', Accept_Encoding='deflate, gzip;q=0.5')
    equal(small.headers['Content-Encoding'], 'gzip')
    equal(gzip.decompress(small.body), plain.body)
    check(len(small.body) < len(plain.body) / 3, len(small.body))
    equal(get('/api/openapi.json', Accept_Encoding='gzip;q=0').headers['Content-Encoding'], None)
    equal(get('/healthz', Accept_Encoding='gzip').headers['Content-Encoding'], None)


@case('a token that is wrong is 401, a right that is lacking is 403, and no proxy\'s request counts as local')
def _():
    equal(get('/dicom-web/').status, 200)
    answer = get('/dicom-web/', Authorization='Bearer nonsense')
    equal(answer.status, 401)
    check(answer.headers['WWW-Authenticate'].startswith('Bearer'), answer.headers['WWW-Authenticate'])
    equal(get('/metrics').status, 403)
    for header in ('X_Forwarded_For', 'Forwarded', 'X_Forwarded_Proto', 'Via', 'X_Real_IP'):
        answer = get('/dicom-web/', **{header: '127.0.0.1'})
        equal(answer.status, 401, header)


@case('a body longer than http.max_body is 413, declared or not')
def _():
    with lib.Node({'http.max_body': '1K'}, sites=False) as node:
        equal(ask('POST', '/api/bin/1.2/restore', node, body=b'x' * 2000).status, 413)
        equal(ask('POST', '/api/bin/1.2/restore', node, body=b'', Content_Encoding='gzip').status, 401)
        equal(ask('POST', '/api/bin/1.2/restore', node, body=b'x', Content_Encoding='gzip').status, 415)


@case('what a proxy says counts only of one that is trusted')
def _():
    def refused_from(node):
        rows = node.json_lines('audit', 'search')
        return [r['address'] for r in rows if r['kind'] == 'refused']
    says = {'X_Forwarded_For': '198.51.100.1, 203.0.113.9, 127.0.0.1', 'X_Forwarded_Proto': 'https'}
    with lib.Node({'http.trusted_proxies': '127.0.0.0/8, ::1'}, sites=False) as node:
        node.stop()
        node.start('--accept-unknown', 'NORTH')
        equal(ask('GET', '/dicom-web/', node).status, 401)  # a proxy that says nothing of its client
        answer = ask('GET', '/dicom-web/', node, **says)
        equal(answer.status, 401)
        check(answer.headers['Strict-Transport-Security'], 'no HSTS behind TLS')
        equal(sorted(refused_from(node)), ['127.0.0.1', '203.0.113.9'])  # told when answers are over: in any order
        equal(ask('GET', '/dicom-web/', node, X_Forwarded_For='nonsense, 203.0.113.10').status, 401)
        equal(ask('GET', '/dicom-web/', node, X_Forwarded_For='203.0.113.11, nonsense').status, 401)
        equal(refused_from(node)[2:], ['203.0.113.10'])  # the other one is 127.0.0.1 again, which is counted
    with lib.Node({'http.trusted_proxies': '10.0.0.0/8'}, sites=False) as node:
        answer = ask('GET', '/dicom-web/', node, **says)
        equal(answer.headers['Strict-Transport-Security'], None)
        equal(refused_from(node), ['127.0.0.1'])


@case('without --accept-unknown nobody is let in')
def _():
    with lib.Node(sites=False) as node:
        equal(ask('GET', '/healthz', node).status, 200)
        document = ask('GET', '/api/openapi.json', node).json()
        for template, methods in document['paths'].items():
            for method, row in methods.items():
                if row['x-right'] == 'nobody':
                    continue
                path = template
                for parameter in row['parameters']:
                    path = path.replace('{%s}' % parameter['name'], '1')
                equal(ask(method.upper(), path, node, body=b'' if method == 'post' else None).status, 401,
                      method + ' ' + template)


@case('plain HTTP on an address of a network is refused, unless it is asked for')
def _():
    at = lib.folder()
    words = [lib.PROGRAM, 'serve', '--data', os.path.join(at, 'data'), '--listen', '0.0.0.0', '--dicom-port', '0', '--http-port',
             '0']
    done = lib.execute(words, 20)
    equal(done.code, 2)
    check('http.plain' in done.err or 'plain = true' in done.err, done.err)
    node = lib.Node({'http.listen': '0.0.0.0', 'http.plain': 'true'}, sites=False)
    with node:
        equal(ask('GET', '/healthz', node).status, 200)
        check('not encrypted' in node.log_tail(50), node.log_tail())
    node = lib.Node({'http.trusted_proxies': '10.0.0.0/40'}, sites=False)
    try:
        node.start()
        raise AssertionError('started with a range that is none')
    except AssertionError as why:
        check('trusted_proxies' in str(why), why)


@case('with a certificate it is HTTPS, says so, and plain HTTP on that port gets nothing')
def _():
    at = lib.folder()
    key, certificate = os.path.join(at, 'key.pem'), os.path.join(at, 'certificate.pem')
    lib.tool('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out',
             certificate, '-days', '2', '-subj', '/CN=localhost')
    with lib.Node({'http.tls_certificate': certificate, 'http.tls_key': key, 'http.listen': '0.0.0.0'}, sites=False) as node:
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False
        c = http.client.HTTPSConnection('127.0.0.1', node.http_port, timeout=30 * lib.SLOW, context=context)
        c.request('GET', '/healthz')
        answer = c.getresponse()
        equal((answer.status, answer.read()), (200, b'alive\n'))
        check('max-age=' in answer.headers['Strict-Transport-Security'], 'no HSTS')
        c.close()
        check(not raw(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', node).startswith(b'HTTP/1.1 200'), 'plain HTTP was answered')
    for missing in ('http.tls_certificate', 'http.tls_key'):
        node = lib.Node({missing: certificate}, sites=False)
        try:
            node.start()
            raise SystemError('started with half of a key pair')
        except AssertionError as why:
            check('[http] tls_key without' in str(why) or '[http] TLS: ' + certificate in str(why), why)


@case('SIGHUP changes the longest body, and names what waits for the next start')
def _():
    with lib.Node({'http.max_body': '1K'}, sites=False) as node:
        equal(ask('POST', '/api/login', node, body=b'{' + b' ' * 2000 + b'}').status, 413)
        node.settings.update({'http.max_body': '4K', 'http.workers': '3'})
        node.write_config()
        node.process.send_signal(signal.SIGHUP)
        lib.wait_until(lambda: 'http.workers has changed' in node.log_tail(20), 10, 'the log')
        lib.wait_until(lambda: ask('POST', '/api/login', node, body=b'{' + b' ' * 2000 + b'}').status in (400, 415), 10,
                       'the new limit')


@case('a study opened in an emergency is in sight of that reader for reading, and of no one else')
def _():
    with lib.Node() as node:
        for code in ('SOUTH',):
            node.teleread('site', 'add', code, '--name', 'South Demo County Hospital', '--parent', '')
        one, other = objects.image('opened'), objects.image('closed')
        equal(node.store([one, other]), [0, 0])
        password = node.teleread('user', 'add', 'reader1', '--role', 'reader,chief', '--site', 'SOUTH').out.split()[-1]
        said = ask('POST', '/api/login', node, body=json.dumps({'name': 'reader1', 'password': password}).encode(),
                   Content_Type='application/json')
        equal(said.status, 200, said.body)
        cookie = said.headers['Set-Cookie'].split(';')[0]
        session = {'Cookie': cookie, 'Content_Type': 'application/json', 'X_CSRF_Token': said.json()['csrf']}

        def series(study):
            answer = ask('GET', '/dicom-web/studies/%s/series' % study, node, Cookie=cookie)
            return answer.status, answer.body

        before = series(one.study)
        equal(before, series('1.2.3'))
        body = json.dumps({'study': one.study, 'reason': 'patient in shock, transferred here'}).encode()
        equal(ask('POST', '/api/break-glass', node, body=body, Cookie=cookie, Content_Type='application/json').status, 403, 'without the CSRF token')
        equal(ask('POST', '/api/break-glass', node, body=body, **session).status, 201)
        status, answer = series(one.study)
        equal((status, len(json.loads(answer))), (200, 1))
        equal(series(other.study), before)
        equal(ask('DELETE', '/dicom-web/studies/' + one.study, node, **session).status, 404)
        listed = ask('GET', '/dicom-web/studies', node, Cookie=cookie)
        check(listed.status == 204 or listed.json() == [], 'a list shows more than the scope')
        said = [r['what'] for r in node.json_lines('audit', 'search', '--who', 'reader1', '--kind', 'query')]
        check(any('emergency' in w for w in said), said)


@case('an answer that fails says nothing of being kept')
def _():
    """An entity tag and a life of a year, said before the handler failed, must not go out with the refusal."""
    one = objects.image('kept')
    with lib.Node() as node:
        equal(node.store([one]), [0])
        who = node.teleread('token', 'create', '--name', 'v', '--role', 'site-viewer', '--site', 'NORTH').out.strip().split()[-1]
        path = '/dicom-web/studies/%s/series/%s/instances/%s' % (one.study, one.series, one.uid)
        bearer = {'Authorization': 'Bearer ' + who}
        whole = ask('GET', path, node, Accept='application/dicom', **bearer)
        if whole.status != 200:
            raise lib.Skip('instances cannot be retrieved: %d' % whole.status)
        for headers in ({'Accept': 'image/x-nothing'}, {'Accept': 'application/dicom', 'Range': 'bytes=999999999-'}):
            answer = ask('GET', path, node, **headers, **bearer)
            check(answer.status >= 400, answer.status)
            equal((answer.headers['Cache-Control'], answer.headers['ETag']), ('no-store', None), headers)
        tag = whole.headers['ETag']
        if tag:
            again = ask('GET', path, node, Accept='application/dicom', If_None_Match='"other", ' + tag, **bearer)
            equal((again.status, again.body, again.headers['ETag']), (304, b'', tag))


@case('the audit trail has each search with its keys, and whose it was')
def _():
    get('/dicom-web/studies?PatientID=AUDITED%2A&limit=5')
    rows = [r for r in NODE.json_lines('audit', 'search', '--kind', 'query') if 'AUDITED' in r['what']]
    equal([(r['how'], r['address'], r['failed']) for r in rows], [('unknown', '127.0.0.1', False)])


@case('what is no HTTP is refused with headers that keep the answer harmless; Allow stands once')
def _():
    head = raw(b'GET / HTTP/1.1\r\n\r\n').split(b'\r\n\r\n')[0].split(b'\r\n')
    equal(head[0], b'HTTP/1.1 400 Bad Request')
    for line in (b'Content-Type: text/plain', b'X-Content-Type-Options: nosniff', b'Cache-Control: no-store',
                 b"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"):
        check(line in head, (line, head))
    equal(ask('OPTIONS', '/dicom-web/studies').headers.get_all('Allow'), ['GET, HEAD, POST, OPTIONS'])
    equal(ask('PUT', '/dicom-web/studies').headers.get_all('Allow'), ['GET, HEAD, POST, OPTIONS'])


@case('config check names what is wrong with the doors and the files of TLS')
def _():
    at, other = os.path.join(lib.folder(), 'doors.conf'), os.path.join(lib.folder(), 'nothing.pem')
    with open(other, 'w') as f:
        f.write('this is no certificate\n')

    def make(name):
        path = os.path.join(lib.folder(), name + '.pem')
        lib.tool('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                 '-subj', '/CN=' + name, '-keyout', path, '-out', path + '.crt')
        with open(path, 'a') as out, open(path + '.crt') as crt:  # key and certificate in one file
            out.write(crt.read())
        return path

    def said(lines, data=''):
        with open(at, 'w') as f:
            f.write(lines)
        start = lib.execute([lib.PROGRAM, 'serve', '--config', at, '--data', at + '.data']) if data is None else None
        check(start is None or (start.code == 2 and not os.path.exists(at + '.data')), 'serve refuses it, too: %s' % start)
        done = lib.execute([lib.PROGRAM, 'config', 'check', '--config', at])
        return done.code, done.err

    one, two = make('one'), make('two')
    for lines, words in (('[http]\ntrusted_proxies = 10.0.0.1, 10.0.0.0/99\n', ('trusted_proxies', '10.0.0.0')),
                         ('[http]\ntrusted_proxies = proxy.example\n', ('trusted_proxies', 'proxy.example')),
                         ('[http]\nlisten = 0.0.0.0\n', ('[http] listen = 0.0.0.0 without TLS',)),
                         ('[http]\ntls_key = /nowhere.pem\n', ('[http] tls_key without tls_certificate',)),
                         ('[http]\ntls_certificate = /nowhere.pem\ntls_key = %s\n' % other, ('[http] TLS', '/nowhere.pem')),
                         ('[http]\ntls_certificate = %s\ntls_key = %s\n' % (other, other), ('[http] TLS', other)),
                         ('[http]\ntls_certificate = %s.crt\n' % one, ('[http] TLS', 'one.pem.crt')),
                         ('[http]\ntls_certificate = %s.crt\ntls_key = %s\n' % (one, two), ('[http] TLS', 'two.pem')),
                         ('[http]\ntls_certificate = %s\ntls_client_ca = %s\n' % (one, other), ('[http] TLS', other)),
                         ('[dicom]\ntls_certificate = /nowhere.pem\n', ('[dicom] tls', '/nowhere.pem')),
                         ('[dicom]\ntls_certificate = %s.crt\ntls_key = %s\n' % (one, two), ('[dicom] tls', 'two.pem')),
                         ('[dicom]\ntls_ca = /nowhere.pem\n', ('[dicom] tls', '/nowhere.pem')),
                         ('[dicom]\ntls_key = %s\n' % one, ('[dicom] tls_key without tls_certificate',)),
                         ('[audit]\nsyslog = collector.example\n', ('[audit] syslog = collector.example', 'HOST:PORT')),
                         ('[audit]\nsyslog = collector.example:x\n', ('HOST:PORT',)),
                         ('[audit]\nsyslog = a.example:6514\nsyslog_ca = /nowhere.pem\n', ('[audit] syslog_ca', '/nowhere.pem')),
                         ('[audit]\nsyslog = a.example:6514\nsyslog_certificate = %s\nsyslog_key = %s\n' % (one, two),
                          ('[audit] syslog_key', 'two.pem')),
                         ('[oidc]\nissuer = http://idp.example\naudience = a\n', ('[oidc] issuer', 'https')),
                         ('[oidc]\nissuer = https://idp.example\n', ('[oidc] audience',)),
                         ('[oidc]\nissuer = https://idp.example\naudience = a\nalgorithms = none\n', ('[oidc] algorithms',)),
                         ('[oidc]\nissuer = https://idp.example\nclient_id = a\nclient_secret_file = /nowhere\n',
                          ('[oidc] client_secret_file', '/nowhere'))):
        code, text = said(lines, None)
        equal((code, [w for w in words if w not in text]), (2, []), (lines, text))
    equal(said('[http]\ntrusted_proxies = 10.0.0.0/8, ::1\nlisten = 0.0.0.0\nplain = true\n'), (0, ''))
    for section in ('http', 'dicom'):  # the key stands in the certificate's file where no other one is named
        equal(said('[%s]\ntls_certificate = %s\n' % (section, one)), (0, ''))
    equal(said('[audit]\nsyslog = [::1]:6514\nsyslog_ca = %s.crt\nsyslog_certificate = %s\n' % (one, one)), (0, ''))


lib.main()
