#!/usr/bin/env python3
"""The table of hard points: each row has a test, each of these tests passed, tests/traps.md says so. Runs behind them."""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import traps

TOP = os.environ.get('TELEREAD_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('TELEREAD_BUILD') or os.path.join(TOP, 'build')
PAGE = os.path.join(TOP, 'tests', 'traps.md')
number, failed = 0, False


def say(good, what, *notes):
    global number, failed
    number += 1
    failed = failed or not good
    print('%s %d - %s' % ('ok' if good else 'not ok', number, what))
    for note in notes:
        print('# ' + note)


def read(path):
    try:
        with open(path, encoding='utf-8') as f:
            return f.read()
    except OSError:
        return ''


def the_page():
    marks = traps.collect(TOP)
    results = {m.key(): traps.result_of(BUILD, m) for m in marks}
    if os.environ.get('TELEREAD_UPDATE') == '1':
        with open(PAGE, 'w', encoding='utf-8') as f:
            f.write(traps.page(marks, results))
    wrong = traps.complaints(marks, results, read(PAGE))
    say(not wrong, 'each row has its tests, they passed, and the page names them', *wrong)


# ---- can it fail?

PYTHON = '''
@case('one thing')
def one():
    trap(1, 'a list')
@case('%d things' % 3)
def many():
    def inner():
        trap(2, 'inside')
@case('not run')
def other():
    trap(4, 'never')
def helper():
    trap(3, 'of no case')
'''
C = '''static void test_it(void **state)
{
\t/* trap 5: in C */
}
static void test_shared(void **state)
{
\t/* trap 6: in C, with files that may be missing */
}
'''
LOG = '1..3\n# trap 1: a list\nok 1 - one thing\nok 2 - 3 things # SKIP no tool\n'


def self_test():
    with tempfile.TemporaryDirectory() as top:
        for folder in ('tests/system', 'tests/unit'):
            os.makedirs(os.path.join(top, folder))
        for name, text in (('tests/system/test_a.py', PYTHON), ('tests/unit/test_b.c', C),
                           ('tests/system/test_a.py.log', LOG), ('tests/unit/test_b.log', 'not ok 1 - test_it\nnot ok 2 # SKIP test_shared\n')):
            with open(os.path.join(top, name), 'w', encoding='utf-8') as f:
                f.write(text)
        marks = traps.collect(top)
        results = {m.key(): traps.result_of(top, m) for m in marks}
    say([(m.row, results[m.key()]) for m in marks] == [(1, 'passed'), (2, 'skipped'), (4, 'not run'), (5, 'failed'), (6, 'skipped')],
        'marks and results are read')
    wrong = traps.complaints(marks, results, traps.page(marks, results))
    say(any('row 3 ' in w for w in wrong) and any('row 4:' in w for w in wrong) and any('row 5:' in w for w in wrong),
        'a row without a test, a test that did not run and one that failed are told')
    say(not any('row 1 ' in w or 'row 2 ' in w or 'row 1:' in w or 'row 2:' in w or 'row 6:' in w or 'traps.md' in w for w in wrong), 'and nothing else')
    passed = {k: 'passed' for k in results}
    say(not any('traps.md' in w for w in traps.complaints(marks, passed, traps.page(marks, results))) and
        any('traps.md' in w for w in traps.complaints(marks, passed, traps.page(marks[1:], results))),
        'the page may differ in results, not in tests')


self_test()
the_page()
print('1..%d' % number)
sys.exit(1 if failed else 0)
