# SPDX-License-Identifier: Apache-2.0
# A public header compiles alone, as C99 and as C++11, with every compiler here. Usage: header.py INCLUDE_DIR NAME WORK_DIR
import os
import shutil
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-pedantic', '-Werror', '-Wshadow', '-Wundef', '-fsyntax-only']
C = ['-x', 'c', '-std=c99', '-Wstrict-prototypes', '-Wc++-compat']
CXX = ['-x', 'c++', '-std=c++11', '-fno-exceptions', '-Wold-style-cast', '-Wzero-as-null-pointer-constant']


def main():
    include, name, work = sys.argv[1:4]
    failed = tried = 0
    # Twice: the guard works. Nothing before it: it includes what it needs.
    source = os.path.join(work, name.replace('/', '_').replace('.', '_') + '.txt')
    with open(source, 'w', encoding='utf-8') as f:
        f.write('#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' % (name, name))
    plan = [('gcc', CXX), ('clang', CXX)] if name.endswith('.hpp') else [('gcc', C), ('clang', C), ('g++', CXX), ('clang++', CXX)]
    for compiler, options in plan:
        if not shutil.which(compiler):
            print('skipped: %s is not installed' % compiler)
            continue
        if name.endswith('.hpp') and compiler in ('gcc', 'clang'):
            compiler = {'gcc': 'g++', 'clang': 'clang++'}[compiler]
        if options is CXX and name.endswith('.hpp'):
            options = [o for o in options if o not in ('-fno-exceptions', '-Wzero-as-null-pointer-constant')]
        options = [o for o in options if o != '-Wc++-compat' or compiler == 'gcc']
        command = [compiler, *options, *WARNINGS, '-I' + include, source]
        tried += 1
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if out.returncode:
            failed += 1
            print('%s\n%s' % (' '.join(command), out.stdout.decode(errors='replace')))
    if tried == 0:
        return 77
    print('%s: %d compilations, %d failed' % (name, tried, failed))
    return 1 if failed else 0


sys.exit(main())
