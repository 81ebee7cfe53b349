"""oidc - a small OpenID Connect provider on a loopback port, which signs with keys that openssl makes."""
import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse

import lib


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def openssl(*words, data=None):
    if not shutil.which('openssl'):
        lib.skip_all('openssl is not installed')
    return subprocess.run(['openssl', *words], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


class Key:
    """kind: RSA or EC (P-256)."""

    def __init__(self, kind, kid, at):
        self.kind, self.kid, self.path = kind, kid, os.path.join(at, kid + '.pem')
        if kind == 'RSA':
            openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', self.path)
        else:
            openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', self.path)

    def jwk(self):
        if self.kind == 'RSA':
            modulus = openssl('rsa', '-in', self.path, '-noout', '-modulus').decode().split('=')[1].strip()
            return {'kty': 'RSA', 'use': 'sig', 'kid': self.kid, 'e': 'AQAB', 'n': b64(bytes.fromhex(modulus))}
        point = openssl('ec', '-in', self.path, '-pubout', '-outform', 'DER')[-64:]
        return {'kty': 'EC', 'crv': 'P-256', 'use': 'sig', 'kid': self.kid, 'x': b64(point[:32]), 'y': b64(point[32:])}

    def public_pem(self):
        return openssl('pkey', '-in', self.path, '-pubout')

    def sign(self, data):
        der = openssl('dgst', '-sha256', '-sign', self.path, data=data)
        return der if self.kind == 'RSA' else raw_of(der)


def raw_of(der):
    """An ECDSA signature as JWS has it: both numbers, 32 bytes each."""
    out, at = b'', 2
    for _ in range(2):
        n = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + n], 'big').to_bytes(32, 'big')
        at += 2 + n
    return out


def token(key, claims, **header):
    head = {'alg': 'RS256' if key.kind == 'RSA' else 'ES256', 'kid': key.kid, 'typ': 'JWT', **header}
    text = '%s.%s' % (b64(json.dumps(head).encode()), b64(json.dumps(claims).encode()))
    return text + '.' + b64(key.sign(text.encode()))


class Provider:
    """keys: those that it publishes. fetched: how often they were asked for. codes: what a login's code is worth."""

    def __init__(self, keys):
        self.keys, self.fetched, self.codes, self.asked = keys, 0, {}, []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def answer(self, status, o):
                body = json.dumps(o).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path == '/.well-known/openid-configuration':
                    self.answer(200, {'issuer': provider.issuer, 'jwks_uri': provider.issuer + '/keys',
                                      'authorization_endpoint': provider.issuer + '/authorize?tenant=1',
                                      'token_endpoint': provider.issuer + '/token'})
                elif self.path == '/keys':
                    provider.fetched += 1
                    self.answer(200, {'keys': [k.jwk() for k in provider.keys]})
                else:
                    self.answer(404, {})

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())
                provider.asked.append((form, self.headers.get('Authorization')))
                code = provider.codes.pop(form.get('code', [''])[0], None)
                verifier = form.get('code_verifier', [''])[0]
                challenge = b64(hashlib.sha256(verifier.encode()).digest())
                if not code or code['challenge'] != challenge:
                    self.answer(400, {'error': 'invalid_grant'})
                else:
                    self.answer(200, {'access_token': 'x', 'token_type': 'Bearer', 'id_token': code['id_token']})

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.issuer = 'http://127.0.0.1:%d' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def claims(self, **more):
        now = int(time.time())
        return {'iss': self.issuer, 'aud': 'teleread-api', 'sub': 'u-1', 'preferred_username': 'Li Na', 'iat': now,
                'exp': now + 300, **more}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
