# SPDX-License-Identifier: Apache-2.0
# The native layer against the headers and the library: sizes, offsets and constants as a C compiler has them, prototypes as clang reads
# them, every exported function, and what a missing or wrong library says. The environment: DL4C_LIB, DL4C_CC (a compiler).
import ctypes
import importlib
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

from told import main

import dl4c._native as native
from dl4c._native._sized import Sized

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(native.__file__)))
BINDINGS = os.path.dirname(PACKAGE)
ROOT = os.path.dirname(os.path.dirname(BINDINGS))
INCLUDE = os.path.join(ROOT, 'include')
MODULES = [importlib.import_module('dl4c._native.' + m.name) for m in pkgutil.iter_modules(native.__path__) if m.name[0] != '_']


def text_of(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def structs():
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, ctypes.Structure) and value.__module__ == module.__name__:
                yield name, value


def constants():
    for module in MODULES:
        for name in re.findall(r'^(DL4C_\w+) = -?\d+$', text_of(module.__file__), re.M):
            yield name, getattr(module, name)


def imported(env):
    """What `import dl4c._native` says under another environment."""
    done = subprocess.run([sys.executable, '-c', 'import dl4c._native'], env={**os.environ, 'PYTHONPATH': BINDINGS, **env},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    return done.returncode, done.stderr


class Native(unittest.TestCase):
    def test_structs_and_constants_are_those_of_a_c_compiler(self):
        cc = shlex.split(os.environ.get('DL4C_CC', 'cc'))
        if not shutil.which(cc[0]):
            self.skipTest('no C compiler, %s' % cc[0])
        ours, lines = {}, ['#include <dl4c/dl4c.h>', '#include <stdio.h>', 'int main(void)', '{']
        for name, struct in structs():
            ours['sizeof ' + name] = ctypes.sizeof(struct)
            lines.append('printf("sizeof %s %%lld\\n", (long long)sizeof(struct %s));' % (name, name))
            for field in struct._fields_:
                member = getattr(struct, field[0])
                for what, value in (('offset', member.offset), ('size', member.size)):
                    ours['%s %s.%s' % (what, name, field[0])] = value
                lines.append('printf("offset %s.%s %%lld\\n", (long long)offsetof(struct %s, %s));' % (name, field[0], name, field[0]))
                lines.append('printf("size %s.%s %%lld\\n", (long long)sizeof ((struct %s *)0)->%s);' % (name, field[0], name, field[0]))
        for name, value in constants():
            ours[name] = value
            lines.append('printf("%s %%lld\\n", (long long)%s);' % (name, name))
        with tempfile.TemporaryDirectory() as work:
            source, exe = os.path.join(work, 'probe.c'), os.path.join(work, 'probe')
            with open(source, 'w', encoding='utf-8') as f:
                f.write('\n'.join(lines + ['return 0;', '}', '']))
            subprocess.run([*cc, '-w', '-I' + INCLUDE, source, '-o', exe], check=True)
            out = subprocess.run([exe], check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
        theirs = {k: int(v) for k, v in (line.rsplit(' ', 1) for line in out.splitlines())}
        self.assertGreater(len(theirs), 600)
        self.assertEqual(ours, theirs)

    def test_every_struct_and_constant_of_the_headers_is_there(self):
        folder = os.path.join(INCLUDE, 'dl4c')
        text = ''.join(text_of(os.path.join(folder, n)) for n in sorted(os.listdir(folder)) if n.endswith('.h'))
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        self.assertEqual(sorted(re.findall(r'^struct (dl4c_\w+) \{', text, re.M)), sorted(n for n, _ in structs()))
        named = {n for block in re.findall(r'\benum\s*\w*\s*\{([^}]*)\}', text) for n in re.findall(r'\bDL4C_\w+(?=\s*[=,\n])', block)}
        self.assertEqual(named - {n for n, _ in constants()}, set())

    def test_prototypes_are_those_that_clang_reads(self):
        if not shutil.which('clang'):
            self.skipTest('clang, which reads the headers, is not installed')
        done = subprocess.run([sys.executable, os.path.join(BINDINGS, 'tools', 'prototypes.py'), INCLUDE, 'check'],
                              stdout=subprocess.PIPE, universal_newlines=True)
        self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_every_exported_function_has_a_prototype(self):
        exported = set(re.findall(r'^\s*(dl4c_\w+);', text_of(os.path.join(ROOT, 'lib', 'libdl4c.map')), re.M))
        self.assertEqual(exported, set(native.PROTOTYPES))
        for name in exported:
            getattr(native.lib, name)

    def test_sized_structs_say_their_size(self):
        for name, struct in structs():
            if issubclass(struct, Sized):
                self.assertEqual(struct().struct_size, ctypes.sizeof(struct), name)

    def test_a_missing_library_lists_what_was_tried(self):
        code, err = imported({'DL4C_LIB': '/nowhere/libdl4c.so'})
        self.assertEqual(code, 1)
        self.assertIn('ImportError: libdl4c was not found. Tried:\n  /nowhere/libdl4c.so: ', err)
        self.assertIn('Set DL4C_LIB', err)

    def test_another_library_is_not_taken_for_ours(self):
        cc = shlex.split(os.environ.get('DL4C_CC', 'cc'))
        if not shutil.which(cc[0]):
            self.skipTest('no C compiler, %s' % cc[0])
        with tempfile.TemporaryDirectory() as work:
            for code, said in (('int other;', 'is not libdl4c'), ('int dl4c_version(void) { return 1; }', 'is libdl4c 0.0.1; this package'),
                               ('int dl4c_version(void) { return 990000; }', 'libdl4c 99.0.0, has no dl4c_')):
                source, library = os.path.join(work, 'a.c'), os.path.join(work, 'liba.so')
                with open(source, 'w', encoding='utf-8') as f:
                    f.write(code + '\n')
                subprocess.run([*cc, '-w', '-shared', '-fPIC', source, '-o', library], check=True)
                status, err = imported({'DL4C_LIB': library})
                self.assertEqual(status, 1)
                self.assertIn(said, err.splitlines()[-1])


if __name__ == '__main__':
    main()
