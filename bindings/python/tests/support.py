# SPDX-License-Identifier: Apache-2.0
# What the tests share: the repository's model, drawn photographs, programs that end otherwise than by an exception. 77: no NumPy.
import os
import subprocess
import sys

try:
    import numpy  # noqa: F401
except ImportError:
    print('skipped: this Python has no NumPy')
    sys.exit(77)

BINDINGS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(os.path.dirname(os.path.dirname(BINDINGS)), 'examples', 'data', 'minivgg.zip')
AT = 'block4_pool'


def program(*arguments, **options):
    """Runs a program of the build; its output."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, **options)
    if done.returncode:
        raise AssertionError('%s ended with %d:\n%s' % (' '.join(arguments), done.returncode, done.stderr))
    return done.stdout


def draw(folder, per_class=6):
    """Photographs of shapes, one folder for each class."""
    program(os.environ['DL4C_DRAW'], folder, '--per-class', str(per_class), '--seed', '7')
    return folder


def python(code, **env):
    """(exit code, last line of what it wrote to stderr) of a program of its own: a crash is a negative code."""
    done = subprocess.run([sys.executable, '-c', code], env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=120)
    lines = done.stderr.strip().splitlines()
    return done.returncode, lines[-1] if lines else ''
