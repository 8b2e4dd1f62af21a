# SPDX-License-Identifier: Apache-2.0
# The wheel: what it holds, and that in a fresh environment it needs nothing from outside. The environment: DL4C_LIB, the library that goes
# in; DL4C_WHEEL, a finished wheel that is taken instead (scripts/wheel makes one); DL4C_DRAW, DL4C_EXE.
import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

from support import AT, BINDINGS, MODEL, draw, program
from told import main

import numpy

sys.path.insert(0, BINDINGS)
import backend  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(BINDINGS))
CLI = os.environ['DL4C_EXE']
DATA = os.path.join(os.path.dirname(ROOT), 'shared', 'data', 'caltech101-30')
OUTSIDE = ('DL4C_LIB', 'PYTHONPATH', 'LD_LIBRARY_PATH')


def photographs():
    """A real folder with a folder for each class, where the reference material is there."""
    for folder, folders, _ in os.walk(DATA):
        if len(folders) > 1:
            return folder
    return None


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        given = os.environ.get('DL4C_WHEEL')
        cls.wheel = given or os.path.join(cls.work.name, backend.build_wheel(cls.work.name, {'library': os.environ['DL4C_LIB']}))

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def test_the_version_stands_in_one_place(self):
        import dl4c
        self.assertEqual(backend.version(), dl4c.__version__)
        self.assertIn('-%s-py3-none-' % dl4c.__version__, os.path.basename(self.wheel))

    def test_a_wheel_holds_the_package_the_library_and_their_digests(self):
        with zipfile.ZipFile(self.wheel) as z:
            names = z.namelist()
            info = [n for n in names if n.endswith('.dist-info/RECORD')][0].rsplit('/', 1)[0]
            for wanted in ('dl4c/__init__.py', 'dl4c/py.typed', 'dl4c/_native/_table.py', 'dl4c/libdl4c.so.0', info + '/METADATA',
                           info + '/licenses/LICENSE'):
                self.assertIn(wanted, names)
            self.assertEqual([n for n in names if 'test' in n or n.endswith('.pyc')], [])
            text = z.read(info + '/METADATA').decode()
            self.assertEqual([line for line in text.splitlines() if line.startswith('Requires-Dist')], ['Requires-Dist: numpy'])
            rows = list(csv.reader(io.StringIO(z.read(info + '/RECORD').decode())))
            self.assertEqual(sorted(r[0] for r in rows), sorted(n for n in names if not n.endswith('/')))
            for path, digest, size in rows:
                if digest:
                    data = z.read(path)
                    mine = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
                    self.assertEqual((digest, int(size)), ('sha256=' + mine, len(data)), path)
        self.assertLess(os.path.getsize(self.wheel), 15 * 1000 * 1000)

    def test_the_same_input_gives_the_same_bytes(self):
        if os.environ.get('DL4C_WHEEL'):
            self.skipTest('the wheel was given')
        with tempfile.TemporaryDirectory() as other:
            again = os.path.join(other, backend.build_wheel(other, {'library': os.environ['DL4C_LIB']}))
            with open(again, 'rb') as a, open(self.wheel, 'rb') as b:
                self.assertEqual(a.read(), b.read())

    def test_an_sdist_holds_what_the_build_reads(self):
        with tarfile.open(os.path.join(self.work.name, backend.build_sdist(self.work.name))) as tar:
            names = {n.partition('/')[2] for n in tar.getnames()}
            project = tar.extractfile('dl4c-%s/pyproject.toml' % backend.version()).read().decode()
        self.assertIn('backend-path = ["bindings/python"]', project)
        for wanted in ('PKG-INFO', 'meson.build', 'meson_options.txt', 'LICENSE', 'lib/libdl4c.map', 'include/dl4c/dl4c.h',
                       'bindings/python/backend.py', 'bindings/python/dl4c/py.typed', 'docs/tutorial/python.md'):
            self.assertIn(wanted, names)
        self.assertEqual(set(backend.sources()) - names, set())

    def environment(self, what=None):
        """A fresh environment with the wheel, or with another archive; NumPy is this Python's. Its Python."""
        home = os.path.join(self.work.name, 'venv-sdist' if what else 'venv')
        python = os.path.join(home, 'bin', 'python')
        if os.path.exists(python):
            return python
        if subprocess.run([sys.executable, '-c', 'import ensurepip, venv'], stderr=subprocess.DEVNULL).returncode:
            self.skipTest('this Python makes no environments (python3-venv)')
        program(sys.executable, '-m', 'venv', home, env=self.clean())
        program(python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-index', '--no-deps', what or self.wheel,
                env=self.clean())
        where = program(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))', env=self.clean()).strip()
        os.symlink(os.path.dirname(numpy.__file__), os.path.join(where, 'numpy'))
        libs = os.path.join(os.path.dirname(os.path.dirname(numpy.__file__)), 'numpy.libs')
        if os.path.isdir(libs):
            os.symlink(libs, os.path.join(where, 'numpy.libs'))
        return python

    def test_an_sdist_is_built_and_installed_in_a_fresh_environment(self):
        if not os.environ.get('DL4C_WHEEL'):
            self.skipTest('a build of the whole library is for the wheel of scripts/test --full')
        if not (shutil.which('meson') and shutil.which('ninja')):
            self.skipTest('pip would take meson and ninja from PyPI')
        python = self.environment(os.path.join(self.work.name, backend.build_sdist(self.work.name)))
        code = '''if True:
            import dl4c, hashlib, numpy as np, os, sys
            x = np.random.default_rng(1).normal(size=(2, 3, 64, 64)).astype('f4')
            y = dl4c.load(sys.argv[1]).run(x, outputs=[sys.argv[2], 'predictions'])
            print(hashlib.sha256(b''.join(part.tobytes() for part in y)).hexdigest())
            print(os.path.dirname(dl4c._native.path) == os.path.dirname(dl4c.__file__))
            '''
        theirs = program(python, '-c', code, MODEL, AT, env=self.clean(), cwd=self.work.name).splitlines()
        ours = program(sys.executable, '-c', code, MODEL, AT, cwd=self.work.name).splitlines()
        self.assertEqual((theirs[0], theirs[1]), (ours[0], 'True'))

    @staticmethod
    def clean():
        return {k: v for k, v in os.environ.items() if k not in OUTSIDE}

    def goes_the_way(self, images, name):
        """examples/caltech256.py by the installed wheel and the same by the command line: the same bytes."""
        python, work = self.environment(), os.path.join(self.work.name, name)
        os.mkdir(work)
        example = os.path.join(ROOT, 'examples', 'caltech256.py')
        said = program(python, example, MODEL, AT, images, os.path.join(work, 'py'), cwd=work, env=self.clean())
        self.assertIn('Accuracy', said)
        program(CLI, 'split', images, '--out', 'c/lists', '--seed', '1', cwd=work)
        for part in ('train', 'val', 'test'):
            program(CLI, 'featurize', MODEL, '--at', AT, '--images', images, '--list', 'c/lists/%s.txt' % part, '--out', 'c/' + part,
                    '--progress', 'none', cwd=work)
        program(CLI, 'train', '--features', 'c/train', '--val', 'c/val', '--out', 'c/head.zip', '--epochs', '20', '--updater',
                'adam:lr=1e-3', '--seed', '42', '--progress', 'none', cwd=work)
        digests = program(python, '-c', '''if True:
            import dl4c, hashlib, os, sys
            assert os.path.dirname(dl4c._native.path) == os.path.dirname(dl4c.__file__), dl4c._native.path
            for part in ('train', 'val', 'test'):
                for name in sorted(os.listdir('py/' + part)):
                    one, other = (open(side + part + '/' + name, 'rb').read() for side in ('py/', 'c/'))
                    assert one == other, name
            whole = dl4c.load('py/caltech256.zip')
            print(whole.digest() == dl4c.load(sys.argv[1]).trunk(sys.argv[2]).join(dl4c.load('c/head.zip')).digest())
            ''', MODEL, AT, cwd=work, env=self.clean())
        self.assertEqual(digests.strip(), 'True')

    def test_the_tutorial_runs_on_drawn_images_with_the_bits_of_the_command_line(self):
        self.goes_the_way(draw(os.path.join(self.work.name, 'images')), 'drawn')

    def test_the_tutorial_runs_on_photographs_with_the_bits_of_the_command_line(self):
        folder = photographs()
        if folder is None:
            self.skipTest('there is no ../shared/data/caltech101-30')
        if not os.environ.get('DL4C_TEST_FULL'):
            self.skipTest('photographs are for scripts/test --full')
        self.goes_the_way(folder, 'real')

    def test_a_package_without_its_library_lists_what_it_tried(self):
        with tempfile.TemporaryDirectory() as bare:
            with zipfile.ZipFile(self.wheel) as z:
                z.extractall(bare, [n for n in z.namelist() if n.startswith('dl4c/') and '.so' not in n])
            done = subprocess.run([sys.executable, '-c', 'import dl4c'], env={**self.clean(), 'PYTHONPATH': bare}, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True)
        if done.returncode == 0:
            self.skipTest('the system has a libdl4c')
        self.assertIn('ImportError: libdl4c was not found. Tried:\n', done.stderr)
        for tried in (os.path.join(bare, 'dl4c', 'libdl4c.so.0'), '  libdl4c.so.0: ', 'Set DL4C_LIB'):
            self.assertIn(tried, done.stderr)


if __name__ == '__main__':
    main()
