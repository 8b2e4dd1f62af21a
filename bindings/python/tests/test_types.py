# SPDX-License-Identifier: Apache-2.0
# The package is typed: mypy --strict finds nothing in it, nor in a program that uses it. Usage: test_types.py [CACHE]
import os
import subprocess
import sys
import tempfile

from support import BINDINGS

if subprocess.run([sys.executable, '-c', 'import mypy'], stderr=subprocess.DEVNULL).returncode:
    print('skipped: this Python has no mypy')
    sys.exit(77)

# What a user writes, with what mypy must have understood of it.
PROGRAM = '''
import numpy as np
import dl4c
graph = dl4c.load('model.zip')
reveal_type(graph.split('fc2'))
reveal_type(graph.param('fc2', 'W').numpy())
with dl4c.Session(graph, batch=4) as session:
    reveal_type(session.input_shapes)
graph.fit((np.zeros((2, 3)), [0, 1]), epochs=1)
dl4c.Session('model.zip')
'''
WANTED = ('error: Argument 1 to "Session" has incompatible type "str"; expected "Graph"',
          'note: Revealed type is "tuple[dl4c.graph.Graph, dl4c.graph.Graph]"', 'note: Revealed type is "numpy.ndarray[Any, Any]"',
          'note: Revealed type is "builtins.list[builtins.tuple[builtins.int, ...]]"')


def mypy(*arguments):
    command = [sys.executable, '-m', 'mypy', '--cache-dir', sys.argv[1] if len(sys.argv) > 1 else os.devnull, '--no-error-summary',
               '--config-file', os.path.join(BINDINGS, 'pyproject.toml')]
    return subprocess.run([*command, *arguments], cwd=BINDINGS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)


done = mypy('dl4c')
if done.returncode:
    sys.exit('mypy --strict of the package:\n' + done.stdout)
with tempfile.TemporaryDirectory() as work:
    path = os.path.join(work, 'program.py')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(PROGRAM)
    told = [line.partition(': ')[2].lower() for line in mypy(path).stdout.splitlines()]
missing = [w for w in WANTED if not any(w.lower().replace('builtins.', '') in line.replace('builtins.', '') for line in told)]
if missing or sum('error:' in line for line in told) != 1:
    sys.exit('mypy says of a program:\n%s\nwanted:\n%s' % ('\n'.join(told), '\n'.join(missing)))
print('mypy --strict: nothing found')
