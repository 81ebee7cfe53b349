"""clients - other people's viewers and libraries, of npm, installed into the build folder and run against a node.

What there is and in which versions: tests/clients/package.json and its lock. Node.js and Chromium are Debian's packages.
Where one of them or the registry is missing, the test is skipped and says so.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess

import lib

SCRIPTS = os.path.join(lib.SOURCE, 'tests', 'clients')
INSTALLED = os.path.join(lib.BUILD, 'tests', 'clients')
MODULES = os.path.join(INSTALLED, 'node_modules')
CHROMIUM = shutil.which('chromium')
UNREACHED = re.compile(r'\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT'
                       r'|ENOTCACHED|E401|E403|E407|E5\d\d'
                       r'|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_[A-Z_]*CERT[A-Z_]*|CERT_[A-Z_]+|DEPTH_ZERO_SELF_SIGNED_CERT)\b')


def need_clients(*, browser=False):
    """Skips the test when they cannot be had; else they lie in INSTALLED."""
    for name in ('node', 'npm'):
        if not shutil.which(name):
            lib.skip_all('%s (Debian package %s) is not installed' % (name, {'node': 'nodejs'}.get(name, name)))
    version = lib.execute(['node', '--version']).out.strip()
    if int(re.match(r'v(\d+)', version)[1]) < 18:
        lib.skip_all('Node.js is %s, and the clients need 18' % version)
    if browser and not CHROMIUM:
        lib.skip_all('chromium (Debian package chromium) is not installed')
    os.makedirs(INSTALLED, exist_ok=True)
    with locked():
        install()


@contextlib.contextmanager
def locked():
    """Tests run side by side, and one of them installs."""
    with open(os.path.join(INSTALLED, 'lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def npm(*words, cwd=INSTALLED):
    done = lib.execute(['npm', *words, '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'], 300, cwd=cwd)
    if done.code and UNREACHED.search(done.all):
        lib.skip_all('the npm registry does not answer: %s' % ' '.join(done.all.split())[:200])
    lib.equal(done.code, 0, 'exit status of %s' % done)
    return done.out


def install():
    digest = hashlib.sha256()
    names = sorted(n for n in os.listdir(SCRIPTS) if n.endswith(('.mjs', '.js', '.json', '.html')))
    for name in names:
        with open(os.path.join(SCRIPTS, name), 'rb') as f:
            digest.update(f.read())
    stamp = os.path.join(INSTALLED, 'installed')
    for name in names:
        at = os.path.join(INSTALLED, name)
        shutil.copyfile(os.path.join(SCRIPTS, name), at + '.new')
        os.replace(at + '.new', at)
    if os.path.exists(stamp) and open(stamp).read() == digest.hexdigest():
        return
    npm('ci', '--ignore-scripts', '--prefer-offline')
    done = lib.execute(['node', 'build.mjs'], cwd=INSTALLED)
    lib.equal(done.code, 0, 'exit status of %s' % done)
    with open(stamp, 'w') as f:
        f.write(digest.hexdigest())


def run(script, job, timeout=120):
    """The script's answer to the job, both JSON. It is ended when it takes longer, and its browser with it."""
    process = subprocess.Popen(['node', os.path.join(INSTALLED, script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=INSTALLED)
    try:
        out, err = process.communicate(json.dumps(job).encode(), timeout * lib.SLOW)
    except subprocess.TimeoutExpired:
        process.terminate()  # which closes the browser
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        raise AssertionError('%s: not within %g s\n%s' % (script, timeout * lib.SLOW, err.decode()[-3000:])) from None
    lib.equal(process.returncode, 0, 'exit status of %s\n%s' % (script, err.decode()[-3000:]))
    return json.loads(out)
