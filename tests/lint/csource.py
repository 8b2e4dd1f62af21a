# SPDX-License-Identifier: Apache-2.0
# Reading C for the lints: which files there are, and a file's code, comments and strings apart, line by line.
import os
import re
import subprocess
import sys

CODE = ('.c', '.h', '.hpp', '.cpp', '.inc')


def tracked(root):
    """Paths of the repository relative to root: what git knows or would add; without git, what lies in the known folders."""
    try:
        out = subprocess.run(['git', '-C', root, 'ls-files', '--cached', '--others', '--exclude-standard'], check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        names = out.splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = []
        for top in ('include', 'lib', 'tools', 'tests', 'examples', 'bench', 'scripts', 'docs', 'bindings'):
            for base, dirs, files in os.walk(os.path.join(root, top)):
                dirs[:] = [d for d in dirs if d != '__pycache__']
                names += [os.path.relpath(os.path.join(base, f), root) for f in files]
        names += [f for f in os.listdir(root) if os.path.isfile(os.path.join(root, f))]
    return sorted(n for n in set(names) if os.path.isfile(os.path.join(root, n)))


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def split(text):
    """(code, strings): the code with comments blanked and literals emptied, newlines kept; and [(line, literal)]."""
    strings = []

    def blank(match):
        token = match.group(0)
        if token[0] == '"':
            strings.append((text.count('\n', 0, match.start()) + 1, token[1:-1]))
            return '""'
        if token[0] == "'":
            return "' '"
        return ' ' + '\n' * token.count('\n')

    return _TOKEN.sub(blank, text), strings


class Report:
    """Collects `file:line: what is wanted` and ends the program with the right status."""

    def __init__(self, name):
        self.name, self.n, self.checked = name, 0, 0

    def __call__(self, path, line, message):
        self.n += 1
        print('%s:%d: %s' % (path, line, message))

    def done(self, what):
        if self.checked == 0:
            print('%s: nothing to check: expected %s' % (self.name, what))
            sys.exit(1)
        print('%s: %d %s, %d findings' % (self.name, self.checked, what, self.n))
        sys.exit(1 if self.n else 0)
