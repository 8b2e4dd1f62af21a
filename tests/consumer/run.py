# SPDX-License-Identifier: Apache-2.0
# Installs the build into an empty folder and builds consumer.c against it with nothing but pkg-config, as C and C++, shared and static;
# checks what was installed. Usage: run.py BUILD_ROOT SOURCE_ROOT WORK_DIR ABI_MAJOR
import os
import re
import shutil
import subprocess
import sys

failures = []


def run(command, env=None, want=0):
    out = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if out.returncode != want:
        failures.append(' '.join(command))
        print('FAILED: %s\n%s' % (' '.join(command), out.stdout))
        return None
    return out.stdout


def main():
    build, source, work, abi_major = sys.argv[1:5]
    if not shutil.which('pkg-config'):
        print('skipped: pkg-config is not installed')
        return 77
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    dest = os.path.join(work, 'dest')
    if run(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', dest]) is None:
        return 1
    installed = sorted(os.path.relpath(os.path.join(base, f), dest) for base, _, files in os.walk(dest) for f in files)
    print('\n'.join(installed))
    pc = [f for f in installed if f.endswith('/libdl4c.pc')]
    shared = [f for f in installed if re.search(r'/libdl4c\.so\.%s' % re.escape(abi_major), f)]
    static = [f for f in installed if f.endswith('/libdl4c.a')]
    for what, found in (('libdl4c.pc', pc), ('libdl4c.so.' + abi_major, shared), ('libdl4c.a', static)):
        if len(found) != 1:
            failures.append(what)
            print('FAILED: one %s is wanted, %d were installed' % (what, len(found)))
    headers = sorted(h for h in os.listdir(os.path.join(source, 'include', 'dl4c')) if h.endswith(('.h', '.hpp')))
    missing = [h for h in headers if not any(f.endswith('/include/dl4c/' + h) for f in installed)]
    if missing:
        failures.append('headers')
        print('FAILED: not installed: %s' % ' '.join(missing))
    if failures:
        return 1
    libdir = os.path.dirname(os.path.join(dest, shared[0]))
    soname = run(['readelf', '-d', os.path.join(dest, shared[0])]) or ''
    if 'soname: [libdl4c.so.%s]' % abi_major not in soname:
        failures.append('soname')
        print('FAILED: the soname is not libdl4c.so.%s\n%s' % (abi_major, soname))

    # The .pc file names the final prefix, which is not where DESTDIR put it: the prefix is defined anew.
    with open(os.path.join(dest, pc[0]), encoding='utf-8') as f:
        prefix = re.search(r'^prefix=(.*)$', f.read(), re.M).group(1)
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(dest, os.path.dirname(pc[0])), LD_LIBRARY_PATH=libdir)

    def flags(*args):
        out = run(['pkg-config', '--define-variable=prefix=' + dest + prefix, *args, 'libdl4c'], env)
        return [] if out is None else out.split()

    programs = 0
    for compiler, language in (('gcc', ['-x', 'c', '-std=c99']), ('g++', ['-x', 'c++', '-std=c++11']), ('clang', ['-x', 'c', '-std=c99']),
                               ('clang++', ['-x', 'c++', '-std=c++11'])):
        if not shutil.which(compiler):
            print('skipped: %s is not installed' % compiler)
            continue
        for kind in ('shared', 'static'):
            exe = os.path.join(work, 'consumer-%s-%s' % (compiler.replace('+', 'x'), kind))
            if kind == 'shared':
                libs = flags('--libs')
            else:
                libs = ['-l:libdl4c.a' if l == '-ldl4c' else l for l in flags('--static', '--libs')]
            command = [compiler, *language, '-pedantic', '-Wall', '-Werror', *flags('--cflags'),
                       os.path.join(source, 'tests', 'consumer', 'consumer.c'), '-x', 'none', '-o', exe, *libs]
            if run(command) is None:
                continue
            needed = run(['readelf', '-d', exe]) or ''
            if ('[libdl4c.so' in needed) != (kind == 'shared'):
                failures.append(exe)
                print('FAILED: %s links the wrong way\n%s' % (exe, needed))
            print('%s, %s: %s' % (compiler, kind, (run([exe], env) or '').strip()))
            programs += 1
    print('%d programs, %d failures' % (programs, len(failures)))
    return 1 if failures or programs == 0 else 0


sys.exit(main())
