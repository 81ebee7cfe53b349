#!/usr/bin/env python3
"""The unit for systemd: a node lives, and makes pictures, with no other system calls than the unit leaves it."""
import ctypes
import ctypes.util
import http.client
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import lib  # noqa: E402
from lib import case, check, equal  # noqa: E402
from objects import image  # noqa: E402

KILL, ALLOW = 0x80000000, 0x7fff0000  # of the process; seccomp.h


def lock_in(names):
    """Whatever is not named ends the process from here on."""
    library = ctypes.CDLL(ctypes.util.find_library('seccomp'), use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    rules = library.seccomp_init(KILL)
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            library.seccomp_rule_add(rules, ALLOW, number, 0)
    if not rules or library.seccomp_load(rules) != 0:
        sys.exit('no filter: this kernel refuses seccomp')


if sys.argv[1:2] == ['--within']:
    lock_in(os.environ.pop('TELEREAD_UNIT_CALLS').split())
    os.execv(sys.argv[2], sys.argv[2:])


def settings():
    """{name: words} of the unit; of a name that comes again, all of them."""
    out = {}
    with open(os.path.join(lib.SOURCE, 'data/teleread.service'), encoding='ascii') as f:
        for line in f:
            if '=' in line and not line.startswith('#'):
                name, value = line.strip().split('=', 1)
                out.setdefault(name, []).extend(value.split())
    return out


def calls_of(word):
    """A system call, or what systemd means by the name of a group of them."""
    if not word.startswith('@'):
        return {word}
    told = subprocess.run(['systemd-analyze', 'syscall-filter', word], capture_output=True, text=True, check=True)
    lines = [line.strip() for line in told.stdout.splitlines()[1:]]
    return set().union(*[calls_of(line) for line in lines if line and not line.startswith('#')])


UNIT = settings()


@case('what the kernel ends for want of memory is a worker, not the node with it')
def memory():
    equal(UNIT.get('OOMPolicy'), ['continue'])


@case('with the system calls that the unit leaves, a frame comes from a worker')
def picture():
    if not shutil.which('systemd-analyze'):
        raise lib.Skip('systemd-analyze (Debian package systemd) is not installed: nobody knows what @system-service is')
    if not ctypes.util.find_library('seccomp') or lib.sanitized():
        raise lib.Skip('libseccomp is not found, or a sanitizer makes system calls of its own')
    calls = set().union(*[calls_of(word) for word in UNIT['SystemCallFilter']])
    check({'read', 'write', 'openat', 'futex', 'execve'} <= calls, 'the groups are not understood: %r' % sorted(calls))
    inside = os.path.join(lib.folder(), 'inside')
    with open(inside, 'w', encoding='ascii') as f:
        f.write('#!/bin/sh\nexec "%s" "%s" --within "%s" "$@"\n' % (sys.executable, os.path.abspath(__file__), lib.PROGRAM))
    os.chmod(inside, 0o755)
    node = lib.Node({'imaging.sandbox': 'required'}, env={'TELEREAD_UNIT_CALLS': ' '.join(sorted(calls))})
    outside, lib.PROGRAM = lib.PROGRAM, inside
    try:
        node.start('--accept-unknown', 'NORTH')
    except AssertionError:
        if 'refuses seccomp' in node.log_tail():
            raise lib.Skip('this kernel refuses seccomp')
        raise
    finally:
        lib.PROGRAM = outside
    one = image('unit', 1)
    equal(set(node.store([one])), {0}, 'status of C-STORE')
    connection = http.client.HTTPConnection('127.0.0.1', node.http_port, timeout=60)
    connection.request('GET', '/dicom-web/studies/%s/series/%s/instances/%s/frames/1' % (one.study, one.series, one.uid),
                       headers={'Accept': 'image/jls'})
    answer = connection.getresponse()
    equal((answer.status, len(answer.read()) > 0), (200, True), node.log_tail())
    connection.close()
    node.stop()


if __name__ == '__main__':
    lib.main()
