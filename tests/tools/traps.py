"""traps - the hard points of DICOM that this node must get right, and the tests that show each.

A test says which row it shows: in Python by trap(ROW, 'words') at the beginning of a case (tests/system/lib.py), in C by a
comment /* trap ROW: words */ in a test's function or right above it. collect() reads these marks from the sources,
result_of() what came of a test from the logs of `make check`, page() writes tests/traps.md. Rows that no test can show have
a reason.
"""
import ast
import glob
import os
import re

ROWS = {
    1: ('List of UIDs', 'PS3.4 C.2.2.2.2', 'any length, thousands of UIDs'),
    2: ('Single values and case', 'PS3.4 C.2.2.2.1, PS3.5 6.2', 'names without case, all else with it; padding does not count'),
    3: ('Component groups of names', 'PS3.5 6.2.1.2, PS3.4 C.2.2.2.4',
        'a query hits any group; ideographic names alone; a wildcard is one character'),
    4: ('Wildcards', 'PS3.4 C.2.2.2.4', 'only in the VRs that have them; what SQL would take for one is none'),
    5: ('Delimiters inside characters', 'PS3.5 6.1.2.3, Annex J', 'GBK and GB18030 have bytes of backslash and caret in their characters'),
    6: ('Character set of answers', 'PS3.4 C.4.1.1.3, PS3.3 C.12.1.1.2, PS3.5 6.1.2.5, Annex K',
        "the request's, else UTF-8; ISO 2022 begins anew behind a delimiter"),
    7: ('Ranges of dates and times', 'PS3.4 C.2.2.2.5, C.5.1.1', 'open ends, partial times, old spellings, before 1900'),
    8: ('Time zones', 'PS3.3 C.12.1.1.8, PS3.4 C.5.1.1', 'adjusted where that was agreed on, and only there'),
    9: ('Sequences as keys', 'PS3.4 C.2.2.2.6', 'all keys in one and the same item'),
    10: ('Empty and several values', 'PS3.4 C.2.2.2.3, C.2.2.2.7, C.2.2.2.8', 'an empty key matches all, also what is absent'),
    11: ('Hierarchical and relational queries', 'PS3.4 C.4.1.2, C.4.1.3.2, C.5.1.1', 'unique keys above the level are required unless agreed'),
    12: ('Pending with and without a warning', 'PS3.4 C.4.1.1.4', 'FF01 where a key is not supported; the end has no identifier'),
    13: ('C-CANCEL', 'PS3.7 9.3.2.3, PS3.4 C.4.2, C.4.3', 'at any time, by message ID, read while sending'),
    14: ('Counters of C-MOVE', 'PS3.4 C.4.2.1, C.4.2.3, PS3.7 9.1.1.1', 'failed ones listed, the rest goes on, the originator named'),
    15: ('Roles of C-GET', 'PS3.7 D.3.3.4, PS3.8 9.3.2.2, PS3.4 C.4.3', 'a class without a role fails alone; 128 contexts'),
    16: ('Presentation contexts', 'PS3.8 7.1.1, 9.3.3.2, PS3.7 D.3.2', 'one syntax each, by preference; a reason for each refusal'),
    17: ('PDUs and fragments', 'PS3.8 9.3.5, D.1, Annex E', 'no limit, small limits, several values in one, lengths that lie'),
    18: ('Asynchronous operations', 'PS3.7 D.3.3.3', 'no more at once than agreed; answers by message ID'),
    19: ('States and timers of an association', 'PS3.8 9.2, 9.3.4', 'ARTIM, collisions, half-closed connections, one too many'),
    20: ('Every bit preserved', 'PS3.5 6.2.2, 7.2, 7.5, 7.8, PS3.10 7.1, PS3.4 B.4.1', 'what came is what is kept and sent'),
    21: ('Coercion', 'PS3.4 B.2.3, B.4.1.3, PS3.3 C.12.1', 'B000, and what was changed is noted in the object'),
    22: ('Other content under a known UID', 'PS3.5 9, PS3.7 C.5, PS3.4 B.2.3', 'the same again is success; nothing is lost in silence'),
    23: ('Storage commitment', 'PS3.4 Annex J, PS3.7 D.3.3.4', 'bytes verified, class and UID as a pair, reports repeated'),
    24: ('Worklist and performed steps', 'PS3.4 Annex K, Annex F', ''),
    25: ('Unified procedure steps', 'PS3.4 Annex CC, PS3.18 11', ''),
    26: ('Encapsulated pixel data', 'PS3.5 A.4, PS3.3 C.7.6.3.1.8, C.7.6.16, C.7.6.17',
         'tables empty, partial or wrong, frames over fragments, 64-bit offsets, numbers of frames that lie'),
    27: ('Truth of transcoding', 'PS3.5 8.2, A.4.4, PS3.3 C.7.6.3, C.7.6.1.1.5', 'samples, signs, depths and colours stay; nothing is lossy in silence'),
    28: ('Accept and media types', 'PS3.18 8.7.2 to 8.7.8, 8.3.3.1',
         'quotes, q, any type, transfer syntaxes; the parameter before the header; what is mixed, and 406'),
    29: ('Multipart bodies and answers of STOW', 'PS3.18 8.6, 10.5, Annex I; RFC 2046',
         'boundaries to the letter, broken bodies, the outcome of each instance, bulk data by Content-Location'),
    30: ('Searches over HTTP', 'PS3.18 8.3.4, 10.6, Annex F',
         'default attributes of each level, paths, private ones, pages in order, warnings, 200 or 204'),
}
NO_SERVICE = {
    24: 'The node has no Modality Worklist and no MPPS service; their contexts are refused.',
    25: 'The node has no UPS service; its contexts are refused.',
}


class Mark:
    """One mark: row, words, and the test it stands in. name: of the case; may hold %d and %s, filled in when it runs."""

    def __init__(self, row, words, path, name):
        self.row, self.words, self.path, self.name = row, words, path, name

    def key(self):
        return self.row, self.path, self.name, self.words


# ---- marks

def case_name(function):
    """The words of @case(...), as written; '' when it is no case."""
    for d in function.decorator_list:
        if isinstance(d, ast.Call) and getattr(d.func, 'id', '') == 'case' and d.args:
            text = d.args[0].left if isinstance(d.args[0], ast.BinOp) else d.args[0]
            return text.value if isinstance(text, ast.Constant) else ''
    return ''


def marks_of_python(path, source):
    for function in ast.walk(ast.parse(source, path)):
        name = case_name(function) if isinstance(function, ast.FunctionDef) else ''
        if not name:
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and getattr(call.func, 'id', '') == 'trap':
                yield Mark(call.args[0].value, call.args[1].value, path, name)


def marks_of_c(path, source):
    """Within a test's function, or, from the first column on, right above it."""
    functions = [(m.start(), m.group(1)) for m in re.finditer(r'^static void (\w+)\(', source, re.M)]
    for m in re.finditer(r'/\* trap (\d+): (.*?) ?\*/', source, re.S):
        above = source[:m.start()].endswith('\n')
        names = [n for at, n in functions if (at > m.start()) == above]
        name = (names[0] if above else names[-1]) if names else ''
        yield Mark(int(m.group(1)), re.sub(r'\s*\n[\s*]*', ' ', m.group(2)), path, name)


def collect(top):
    marks = []
    for pattern, read in (('tests/system/test_*.py', marks_of_python), ('tests/unit/test_*.c', marks_of_c)):
        for path in sorted(glob.glob(os.path.join(top, pattern))):
            with open(path, encoding='utf-8') as f:
                marks += read(os.path.relpath(path, top), f.read())
    return sorted(marks, key=Mark.key)


# ---- results

def log_of(build, path):
    return os.path.join(build, path[:-2] + '.log' if path.endswith('.c') else path + '.log')


def worst(seen):
    for result in ('failed', 'passed', 'skipped'):
        if result in seen:
            return result
    return 'not run'


def result_of(build, mark):
    """passed, failed, skipped, or not run. Of a case that ran several times: failed if one failed."""
    try:
        with open(log_of(build, mark.path), encoding='utf-8', errors='replace') as f:
            lines = f.read().splitlines()
    except OSError:
        return 'not run'
    name = re.sub(r'%[ds]', '.*', re.escape(mark.name).replace('\\%', '%'))
    seen = set()
    for line in lines:
        if re.fullmatch(r'\s*(not )?ok \d+ # SKIP ' + name, line): # cmocka's way to say it
            seen.add('skipped')
        tap = re.match(r'\s*(ok|not ok) \d+ - (.*?)(\s*# SKIP.*)?$', line)
        if not tap:
            continue
        if tap.group(3) and tap.group(2) == 'all of it':
            seen.add('skipped')
        elif re.fullmatch(name, tap.group(2)):
            seen.add('failed' if tap.group(1) == 'not ok' else 'skipped' if tap.group(3) else 'passed')
    return worst(seen)


# ---- the page

HEAD = '''# Hard points, and the tests that show them

What nodes get wrong most often, row by row: where the standard says it, which tests show that it is done right here, and what
came of them in the run that this page was made from. Written by `tests/tools/test_traps.py` from the marks in the tests
(`TELEREAD_UPDATE=1 make check TESTS=tests/tools/test_traps.py` does it again); `make check` fails when a row is without a test,
when one of these tests fails, or when this page is not what the marks say.
'''


def cell(text):
    return text.replace('|', '\\|').replace('%d', 'N').replace('%s', '…')


def page(marks, results):
    out = [HEAD]
    for row, (title, section, point) in ROWS.items():
        out.append('## %d. %s\n' % (row, title))
        out.append((point[:1].upper() + point[1:] + '. ' if point else '') + section + '.\n')
        mine = [m for m in marks if m.row == row]
        if row in NO_SERVICE:
            out.append(NO_SERVICE[row] + '\n')
        if mine:
            out.append('| test | case | shows | result |\n|---|---|---|---|')
            out += ['| %s | %s | %s | %s |' % (os.path.basename(m.path), cell(m.name), cell(m.words), results[m.key()])
                    for m in mine]
            out.append('')
    return '\n'.join(out)


def without_results(text):
    return re.sub(r' (passed|failed|skipped|not run) \|$', ' |', text, flags=re.M)


def complaints(marks, results, committed):
    """What is wrong, a sentence each."""
    out = ['row %d (%s) has no test' % (row, ROWS[row][0]) for row in ROWS
           if row not in NO_SERVICE and not any(m.row == row for m in marks)]
    out += ['%s: "%s" marks row %d, which is not in the table' % (m.path, m.name, m.row) for m in marks if m.row not in ROWS]
    out += ['row %d: "%s" of %s: %s' % (m.row, m.name, m.path, results[m.key()]) for m in marks
            if results[m.key()] in ('failed', 'not run')]
    if without_results(committed) != without_results(page(marks, results)):
        out.append('tests/traps.md is not what the marks say; TELEREAD_UPDATE=1 writes it')
    return out
