# SPDX-License-Identifier: Apache-2.0
# Exported symbols of the shared library = names in lib/libdl4c.map = DL4C_API functions of include/dl4c/; everything global in the
# static library is dl4c_ or dli_. Usage: symbols.py SOURCE_ROOT NM LIBDL4C.SO LIBDL4C.A
import os
import re
import subprocess
import sys

from csource import Report, read, split, tracked


def nm(program, *args):
    out = subprocess.run([program, *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return [line.split() for line in out.splitlines()]


def of_map(root, report):
    """name -> line; every node's global names are sorted."""
    found, previous = {}, ''
    scope = None
    for number, line in enumerate(read(root, 'lib/libdl4c.map').splitlines(), 1):
        line = re.sub(r'/\*.*?\*/', '', line).split('#')[0].strip()
        if line.endswith('{'):
            previous = ''
        elif line in ('global:', 'local:'):
            scope = line[:-1]
        elif scope == 'global' and line.endswith(';') and not line.startswith('}'):
            name = line[:-1].strip()
            if name in found:
                report('lib/libdl4c.map', number, '%s is there twice' % name)
            if name < previous:
                report('lib/libdl4c.map', number, '%s stands after %s: names are sorted' % (name, previous))
            found[name], previous = number, name
    return found


def of_headers(root):
    """name -> (header, line) of every DL4C_API declaration."""
    found = {}
    for path in tracked(root):
        if not re.match(r'include/dl4c/\w+\.h$', path):
            continue
        code = re.sub(r'^[ \t]*#.*(?:\\\n.*)*$', lambda m: '\n' * m.group(0).count('\n'), split(read(root, path))[0], flags=re.M)
        for match in re.finditer(r'\bDL4C_API\b([^;{]*)[;{]', code):
            name = re.search(r'\b(\w+)\s*\(', match.group(1))
            if name:
                found[name.group(1)] = (path, code.count('\n', 0, match.start()) + 1)
    return found


def main():
    root, program, shared, static = sys.argv[1:5]
    report = Report('symbols')
    in_map, in_headers = of_map(root, report), of_headers(root)
    in_so = set()
    for fields in nm(program, '-D', '--defined-only', shared):
        name = fields[-1].split('@')[0]
        if fields[-2] == 'A':
            continue                            # the version nodes themselves
        in_so.add(name)
        if not re.search(r'@@?DL4C_\d', fields[-1]):
            report(os.path.basename(shared), 1, '%s is exported without a version: lib/libdl4c.map must name it' % name)
    report.checked = len(in_so | set(in_map) | set(in_headers))
    for name in sorted(set(in_headers) - set(in_map)):
        report(*in_headers[name], '%s is DL4C_API but not in lib/libdl4c.map' % name)
    for name in sorted(set(in_map) - set(in_headers)):
        report('lib/libdl4c.map', in_map[name], '%s is in no public header with DL4C_API' % name)
    for name in sorted(set(in_map) - in_so):
        report('lib/libdl4c.map', in_map[name], '%s is not defined in %s' % (name, os.path.basename(shared)))
    for name in sorted(in_so - set(in_map)):
        report(os.path.basename(shared), 1, '%s is exported but not in lib/libdl4c.map' % name)
    member = ''
    for fields in nm(program, '-g', '--defined-only', static):
        if len(fields) == 1:
            member = fields[0].rstrip(':')
        elif len(fields) == 3 and not re.match(r'dl4c_|dli_|__asan|__odr_asan|__msan|__tsan|__start_|__stop_|__gcov|__llvm', fields[2]) \
                and fields[1] not in 'VvWw':
            report('%s(%s)' % (os.path.basename(static), member), 1, '%s would clash with a host\'s name: dli_%s, or static, is wanted'
                   % (fields[2], fields[2]))
    report.done('symbols')


main()
