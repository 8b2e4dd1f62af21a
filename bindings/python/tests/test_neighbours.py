# SPDX-License-Identifier: Apache-2.0
# The wheel in one process with libraries that bring an OpenMP, a BLAS, a JPEG decoder, an HTTP client or a TLS of their own: loaded in any
# order, each with right results. In a fresh environment with DL4C_WHEEL (scripts/wheel), where PyPI is at hand; --full only, as torch alone
# has gigabytes. DL4C_NEIGHBOURS: an environment (its Python) that has them already, into which the wheel is not installed but put before.
import itertools
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile

from support import AT, MODEL, draw
from told import main

PACKAGES = {'torch': 'torch', 'lightgbm': 'lightgbm', 'cv2': 'opencv-python-headless', 'scipy': 'scipy', 'pyarrow': 'pyarrow'}
NAMES = ('dl4c', *PACKAGES)

# Each library does what leans on its own bundled parts: matrix products and OpenMP, JPEG, compression and TLS.
USES = '''
import json, os, sys
import numpy as np
order, model, image, at = sys.argv[1].split(','), *sys.argv[2:]
rng = np.random.default_rng(1)
a, b = rng.normal(size=(300, 200)).astype('f4'), rng.normal(size=(200, 100)).astype('f4')
product = a.astype('f8') @ b.astype('f8')

def near(x, y, t=1e-4):
    x, y = np.asarray(x, 'f8'), np.asarray(y, 'f8')
    assert x.shape == y.shape and np.abs(x - y).max() <= t * np.abs(y).max(), np.abs(x - y).max()

def use_dl4c():
    import dl4c
    g = dl4c.load(model)
    x = next(dl4c.ImageReader(paths=[image], for_graph=g).batches(1))[0]
    y = g.run(x)
    trunk, head = g.split(at)
    assert np.array_equal(head.run(trunk.run(x)), y)
    d = dl4c.Builder().input('x', [200]).add('dense:units=100,activation=identity', 'y', 'x').param('y', 'W', b)
    g = d.param('y', 'b', np.zeros(100, 'f4')).finish()
    near(g.run(a), product)
    try:
        dl4c.fs.stat('swebhdfs://127.0.0.1:9/a')
        assert False, 'nobody listens there'
    except dl4c.Error as why:
        assert not isinstance(why, dl4c.errors.UnsupportedError), why
    return {'dl4c': dl4c.library_version(), 'y': y.tobytes().hex()}

def use_torch():
    import torch
    near((torch.from_numpy(a) @ torch.from_numpy(b)).numpy(), product)
    near(torch.nn.functional.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3)).numpy(), np.full((1, 1, 6, 6), 9.0))

def use_lightgbm():
    import lightgbm
    y = (a[:, 0] > 0).astype(int)
    found = lightgbm.train({'objective': 'binary', 'verbosity': -1, 'num_threads': 2}, lightgbm.Dataset(a, y), 10).predict(a)
    assert ((found > 0.5) == y).mean() > 0.95

def use_cv2():
    import cv2
    picture = cv2.imread(image)
    again = cv2.imdecode(cv2.imencode('.png', picture)[1], cv2.IMREAD_COLOR)
    assert np.array_equal(picture, again)

def use_scipy():
    import scipy.linalg, scipy.fft
    m = rng.normal(size=(120, 120))
    near(scipy.linalg.solve(m, m @ np.ones(120)), np.ones(120))
    near(scipy.fft.ifft(scipy.fft.fft(m[0])).real, m[0])

def use_pyarrow():
    import pyarrow as pa
    import pyarrow.parquet as pq
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({'a': a[:, 0]}), sink, compression='zstd')
    # Threads that read from an object of Python's may outlive Python and abort, alone as well: apache/arrow, issues 33975 and 50482.
    assert np.array_equal(pq.read_table(pa.BufferReader(sink.getvalue()), use_threads=False)['a'].to_numpy(), a[:, 0])

for name in order:
    __import__(name)
told = {}
for again in range(2):
    for name in order:
        told.update(globals()['use_' + name]() or {})
print(json.dumps(told))
'''


class Neighbours(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        wheel, ready = os.environ.get('DL4C_WHEEL'), os.environ.get('DL4C_NEIGHBOURS')
        if not wheel:
            self.skipTest('DL4C_WHEEL names no wheel: scripts/wheel makes one')
        env = {k: v for k, v in os.environ.items() if k not in ('DL4C_LIB', 'PYTHONPATH', 'LD_LIBRARY_PATH')}
        if ready:
            self.python, self.env = ready, {**env, 'PYTHONPATH': os.path.join(self.work.name, 'site')}
            with zipfile.ZipFile(wheel) as z:
                z.extractall(self.env['PYTHONPATH'])
            return
        if not os.environ.get('DL4C_TEST_FULL'):
            self.skipTest('gigabytes of packages are for scripts/test --full')
        home = os.path.join(self.work.name, 'venv')
        self.python, self.env = os.path.join(home, 'bin', 'python'), env
        subprocess.run([sys.executable, '-m', 'venv', home], check=True)
        done = subprocess.run([self.python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', wheel, *PACKAGES.values()],
                              env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if done.returncode:
            self.skipTest('the packages cannot be had: %s' % done.stdout.strip().splitlines()[-1])

    def there(self):
        found = []
        for name in NAMES:
            done = subprocess.run([self.python, '-c', 'import ' + name], env=self.env, stderr=subprocess.PIPE,
                                  universal_newlines=True)
            if done.returncode == 0:
                found.append(name)
            elif 'No module named' in done.stderr and name != 'dl4c':
                print('left out: %s is not installed' % name)
            else:
                self.fail(done.stderr)
        return found

    def test_any_order_of_imports_gives_right_results(self):
        images = draw(os.path.join(self.work.name, 'images'), 1)
        folder = os.path.join(images, sorted(os.listdir(images))[0])
        image = os.path.join(folder, sorted(os.listdir(folder))[0])
        names = self.there()
        others = [n for n in names if n != 'dl4c']
        orders = [('dl4c', n) for n in others] + [(n, 'dl4c') for n in others]
        orders += [('dl4c', *others), (*others, 'dl4c'), ('dl4c', *reversed(others)), (*reversed(others), 'dl4c')]
        orders += [(*p[:k], 'dl4c', *p[k:]) for k, p in enumerate(itertools.islice(itertools.permutations(others), 5, None, 29))
                   if k <= len(others)]
        answers = set()
        for order in orders:
            done = subprocess.run([self.python, '-c', USES, ','.join(order), MODEL, image, AT], env=self.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True, timeout=300)
            self.assertEqual(done.returncode, 0, '%s: %s' % (order, done.stderr[-2000:]))
            answers.add(done.stdout.splitlines()[-1])
        self.assertEqual(len(answers), 1, 'the bits depend on the order')
        print('%d orders of %s' % (len(orders), ', '.join(names)))


if __name__ == '__main__':
    main()
