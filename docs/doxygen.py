# SPDX-License-Identifier: Apache-2.0
# Makes the API reference; a warning is an error. Every function, struct, typedef and file is documented; members of structs whose name
# says it (struct_size, progress), enumerators, INIT macros and the macros that frame a header may go without.
# Usage: doxygen.py ROOT OUT VERSION
import os
import re
import shutil
import subprocess
import sys

root, out, version = sys.argv[1:4]
if not shutil.which('doxygen'):
    print('skipped: doxygen is not installed')
    sys.exit(77)
os.makedirs(out, exist_ok=True)
env = dict(os.environ, DL4C_ROOT=root, DL4C_OUT=out, DL4C_VERSION=version)
done = subprocess.run(['doxygen', os.path.join(root, 'docs', 'Doxyfile')], cwd=root, env=env, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT)
text = done.stdout.decode(errors='replace')
free = re.compile(r'Member .+ \((variable|enumvalue|enumeration)\) of .* is not documented'
                  r'|Member DL4C_(\w+_INIT|API|BEGIN|END|DEPRECATED_IN)\b.*\(macro definition\) of .* is not documented')
warnings = [line for line in text.splitlines() if ('warning:' in line or 'error:' in line) and not free.search(line)]
print('\n'.join(warnings) if warnings else 'doxygen: no warning')
sys.exit(1 if warnings or done.returncode else 0)
