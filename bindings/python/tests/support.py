# SPDX-License-Identifier: Apache-2.0
# What the tests share: the repository's model, drawn photographs, programs that end otherwise than by an exception. 77: no NumPy.
import json
import os
import subprocess
import sys

try:
    import numpy  # noqa: F401
except ImportError:
    print('skipped: this Python has no NumPy')
    sys.exit(77)

BINDINGS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(BINDINGS))
MODEL = os.path.join(ROOT, 'examples', 'data', 'minivgg.zip')
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


# One interpreter with everything imported and nothing used yet, which forks for each program: a process of its own for each at a tenth of
# the time. The child runs the text as its main module, so that exceptions and the end are Python's own.
FORKS = '''
import json, os, signal, sys, tempfile
import numpy as np, dl4c
told = []
for code in json.load(sys.stdin):
    with tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(err.fileno(), 2)
            signal.alarm(100)
            break
        status = os.waitpid(child, 0)[1]
        err.seek(0)
        told.append((-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
                     (err.read().decode().strip().splitlines() or [""])[-1]))
else:
    json.dump(told, sys.stdout)
    sys.exit()
exec(code)
'''


def pythons(codes):
    """The same of many programs, each a process."""
    env = {**os.environ, 'OPENBLAS_NUM_THREADS': '1'}
    done = subprocess.run([sys.executable, '-c', FORKS], input=json.dumps(codes), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True)
    if done.returncode:
        raise AssertionError('the programs did not run: %s' % done.stderr)
    return json.loads(done.stdout)
