# SPDX-License-Identifier: Apache-2.0
# Every source says its licence and purpose, keeps to 800 lines of 140 columns, and is where the maps say.
# Usage: files.py SOURCE_ROOT
import os
import re
import sys

from csource import CODE, Report, read, tracked

MAX_LINES, MAX_COLUMNS = 800, 140
SPDX = 'SPDX-License-Identifier: Apache-2.0'
# Assembled in pieces, so that this file does not find itself.
MACHINE = re.compile(r'(?<![\w.])/(?:wor' + r'k|ho' + r'me|ro' + r'ot)/\w')
MARK = re.compile(r'\b(?:TO' + r'DO|FIX' + r'ME|XX' + r'X|HA' + r'CK)\b')
# Held by a build system's or tool's own form: no purpose line is wanted there.
PURPOSE_FREE = ('meson.build', 'meson_options.txt')


def is_script(path, text):
    return path.endswith(('.py', '.sh')) or text.startswith('#!')


def check_source(report, path, text):
    lines = text.splitlines()
    at = 1 if lines and lines[0].startswith('#!') else 0
    if len(lines) <= at or SPDX not in lines[at]:
        report(path, at + 1, 'the first line is wanted to say %s' % SPDX)
    elif not path.endswith(PURPOSE_FREE):
        after = lines[at + 1] if len(lines) > at + 1 else ''
        comment = r'\s*(/\*|//)' if path.endswith(CODE) else r'\s*(#|""")'
        if not re.match(comment, after):
            report(path, at + 2, 'the line after the licence is wanted to say what the file is for')
    if len(lines) > MAX_LINES:
        report(path, len(lines), '%d lines, at most %d are wanted: look for the second noun' % (len(lines), MAX_LINES))
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            report(path, number, '%d columns, at most %d are wanted' % (len(line), MAX_COLUMNS))
        if '\t' in line:
            report(path, number, 'a tab: spaces are wanted')
        if MARK.search(line):
            report(path, number, 'a note to oneself: do it, or say in the commit what is left out')


def check_text(report, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip():
            report(path, number, 'space at the end of the line')
        if MACHINE.search(line):
            report(path, number, 'a path of one machine')
    if text and not text.endswith('\n'):
        report(path, text.count('\n') + 1, 'the file ends without a newline')


def check_maps(report, root, files):
    """lib/README.md names every folder and file of lib/; a test program that no meson.build names is never run."""
    readme = read(root, 'lib/README.md') if 'lib/README.md' in files else ''
    folders = sorted({p.split('/')[1] for p in files if p.startswith('lib/') and p.count('/') >= 2})
    for folder in folders:
        if not re.search(r'^\| *`%s/`' % re.escape(folder), readme, re.M):
            report('lib/README.md', 1, 'no row `%s/` in the map: every folder of lib/ has one' % folder)
    for match in re.finditer(r'^\| *`(\w+)/`', readme, re.M):
        if match.group(1) not in folders:
            report('lib/README.md', readme.count('\n', 0, match.start()) + 1, 'lib/%s does not exist' % match.group(1))
    meson = '\n'.join(read(root, p) for p in files if os.path.basename(p) == 'meson.build')
    for path in files:
        base = os.path.basename(path)
        if path.startswith('lib/') and path.endswith('.c'):
            stem = base[:-2]
            if not re.search(r"'(?:[\w/]*/)?%s(?:\.c)?'" % re.escape(stem), meson):
                report(path, 1, 'no meson.build names it: it is never compiled')
        match = re.match(r'tests/(\w+)/test_(\w+)\.c$', path)
        if match and "'%s/%s'" % match.groups() not in meson and base not in meson and "'%s'" % match.group(2) not in meson:
            report(path, 1, "no meson.build has programs += {'%s/%s': ...}: it is never run" % match.groups())
        match = re.match(r'include/dl4c/\w+\.h(pp)?$', path)
        if match:
            if "'dl4c/%s'" % base not in meson:
                report(path, 1, 'include/meson.build does not name it: it would not be installed')
            if base not in ('dl4c.h', 'dl4c.hpp') and '<dl4c/%s>' % base not in read(root, 'include/dl4c/dl4c.h' + (match.group(1) or '')):
                report(path, 1, 'dl4c.h%s does not include it' % (match.group(1) or ''))


def main():
    root = sys.argv[1]
    report = Report('files')
    files = tracked(root)
    for path in files:
        if path in ('LICENSE',) or path.startswith(('tests/data/', 'tests/fuzz/corpus/', 'tests/abi/libdl4c', 'tests/abi/frozen_')):
            continue
        try:
            text = read(root, path)
        except UnicodeDecodeError:
            if path.endswith(CODE):
                report(path, 1, 'not UTF-8')
            continue
        report.checked += 1
        check_text(report, path, text)
        if path.endswith(CODE) or is_script(path, text) or os.path.basename(path) in PURPOSE_FREE:
            check_source(report, path, text)
    check_maps(report, root, files)
    report.done('files')


main()
