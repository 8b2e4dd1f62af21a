# SPDX-License-Identifier: Apache-2.0
# Bad use: one clear exception each and never a crash. Every case is a program of its own, whose exit status is looked at: 1 is an exception
# that nobody caught, a negative number a crash. The environment: DL4C_CC, a compiler for libraries that are not ours.
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest

from support import AT, MODEL, python, pythons
from told import main

SETUP = '''
import numpy as np, dl4c
g = dl4c.load(%r)
x = np.zeros((1, 3, 64, 64), 'f4')
y = np.zeros(1, 'i8')
''' % MODEL


class BadUse(unittest.TestCase):
    def setUp(self):
        self.cases = []

    def says(self, code, *wanted):
        """Ends with an exception whose line has the texts."""
        self.cases.append((code, wanted))

    def goes(self, code):
        """Ends well and says nothing."""
        self.cases.append((code, None))

    def tearDown(self):
        # All programs of a test run here, each a process of its own.
        for (code, wanted), (status, last) in zip(self.cases, pythons([SETUP + code for code, _ in self.cases])):
            with self.subTest(code):
                self.assertEqual(status, 1 if wanted is not None else 0, '%r ended with %d: %s' % (code, status, last))
                if wanted is None:
                    self.assertEqual(last, '')
                for text in wanted or ():
                    self.assertIn(text, last)

    def test_wrong_types_of_elements(self):
        self.says('g.run(x.astype("f8"))', 'InvalidError', 'f64')
        self.says('g.run(x.astype("c8"))', 'TypeError: an array of complex64')
        self.says('g.run(x.astype(">f4"))', 'TypeError: an array in the other byte order')
        self.says('g.run(np.array([["a"]]))', 'TypeError: an array of str')
        self.says('g.run([[object()]])', 'TypeError: an array of object')
        self.says('dl4c.fit(g, (x, np.zeros(1, "f8")), epochs=1)', 'InvalidError')
        self.says('dl4c.Tensor.zeros([2], "c8")', 'TypeError')
        self.says('dl4c.Trainer(g).step(x.astype("i8"), y)', 'InvalidError')

    def test_wrong_shapes(self):
        self.says('g.run(x[:, :2])', 'InvalidError')
        self.says('g.run(x[0])', 'InvalidError')
        self.says('g.run(np.float32(1))', 'InvalidError')
        self.says('g.run()', 'TypeError', 'input_1')
        self.says('g.run(x, x)', 'InvalidError')
        self.says('s = dl4c.Session(g)\ns.run(np.zeros((2, 3, 64, 64), "f4"))', 'InvalidError')
        self.says('dl4c.Tensor(np.zeros((1,) * 9, "f4"))', 'InvalidError')
        self.says('dl4c.Tensor(x).reshape(7)', 'InvalidError')
        self.says('dl4c.fit(g, (x, np.zeros(2, "i8")), epochs=1)', 'InvalidError')
        self.says('dl4c.evaluate(g, (x, np.array([10])))', 'InvalidError', '10')
        self.says('dl4c.Evaluation(3).add(np.zeros((2, 4)), [0, 1])', 'ValueError', '[n, 3]')
        self.says('g.trunk(%r).join(g)' % AT, 'InvalidError')

    def test_wrong_order(self):
        self.says('b = dl4c.Builder().input("x", [4]).add("dense:units=2", "h", "x")\nb.finish()\nb.finish()', 'StateError', 'is closed')
        self.says('''
class Runs(dl4c.Listener):
    def iteration_done(self, iteration, epoch, score):
        g.run(x)
dl4c.fit(g, (x, y), epochs=1, listeners=[Runs()])''', 'StateError')
        self.says('''
class Fits(dl4c.Listener):
    def iteration_done(self, *told):
        dl4c.fit(g, (x, y), epochs=1)
dl4c.fit(g, (x, y), epochs=1, listeners=[Fits()])''', 'StateError')
        self.says('with dl4c.fs.Writer("/nowhere/a") as f:\n    f.write(b"a")', 'NotFoundError', '/nowhere')
        self.says('dl4c.Features("/nowhere")', 'NotFoundError', '/nowhere')
        self.says('dl4c.Trainer(g).gradient', 'StateError')
        # A column-major array is read as it is meant.
        self.goes('a = np.random.default_rng(1).normal(size=x.shape).astype("f4")\n'
                  'assert np.array_equal(g.run(np.asfortranarray(a)), g.run(a))')

    def test_closed_objects(self):
        for made in ('g', 'dl4c.Session(g)', 'dl4c.Tensor(x)', 'dl4c.Trainer(g)', 'dl4c.Context()', 'dl4c.Evaluation(3)', 'dl4c.Builder()',
                     'dl4c.TensorSource(x, y)'):
            use = {'g': 'o.summary()', 'dl4c.Session(g)': 'o.run(x)', 'dl4c.Tensor(x)': 'np.asarray(o)', 'dl4c.Trainer(g)': 'o.step(x, y)',
                   'dl4c.Context()': 'dl4c.load("a", context=o)', 'dl4c.Evaluation(3)': 'o.stats()', 'dl4c.Builder()': 'o.input("x", [1])',
                   'dl4c.TensorSource(x, y)': 'dl4c.fit(g, o)'}[made]
            self.says('o = %s\no.close()\no.close()\n%s' % (made, use), 'StateError', 'is closed')
            self.says('o = %s\nwith o:\n    pass\nwith o:\n    pass' % made, 'StateError', 'is closed')
        self.says('dl4c.Session.__new__(dl4c.Session).run(x)', 'StateError', 'is closed')

    def test_nan_in_features_and_scores(self):
        self.says('g.fit((np.full((4, 3, 64, 64), np.nan, "f4"), np.zeros(4, "i8")), epochs=1)', 'DivergedError')
        self.says('g.fit((np.full((4, 3, 64, 64), np.inf, "f4"), np.zeros(4, "i8")), epochs=1)', 'DivergedError')
        self.says('dl4c.Trainer(g).step(np.full_like(x, np.nan), y)', 'DivergedError')
        self.says('g.evaluate((np.full_like(x, np.nan), y))', 'DivergedError')
        self.says('dl4c.Evaluation(2).add([[np.nan, 1]], [1])', 'DivergedError')
        self.says('dl4c.fit(g, (np.ones_like(x), y), updater=dl4c.Sgd(1e30))', 'DivergedError')

    def test_callbacks_that_raise(self):
        self.says('dl4c.fit(g, (x, y), epochs=1, listeners=[lambda *a: {}["mine"]])', "KeyError: 'mine'")
        self.says('dl4c.fit(g, (x, y), epochs=1, progress=lambda p: {}["late"])', "KeyError: 'late'")
        self.says('import sys\ndl4c.fit(g, (x, y), epochs=1, listeners=[lambda *a: sys.exit("out")])', 'out')
        self.says('dl4c.fit(g, (x, y), listeners=[lambda: None], epochs=1)', 'TypeError', 'positional argument')
        self.says('dl4c.fit(g, (x, y), listeners=[3])', 'TypeError: int is no listener')
        self.says('dl4c.fit(g, (x, y), progress=3)', 'TypeError')
        self.says('dl4c.fit(g, (x, y), epochs=1, cancel=True)', 'TypeError: cancel is bool')

    def test_wrong_values(self):
        self.says('g.split("nosuch")', 'NotFoundError', 'nosuch')
        self.says('g.fit(x)', 'TypeError', 'no source')
        self.says('dl4c.load("a\\0b")', 'ValueError')
        self.says('dl4c.load(3)', 'TypeError')
        self.says('dl4c.load(None)', 'InvalidError')
        self.says('dl4c.Context(memory_limit=1 << 16, threads=-1)', 'InvalidError')
        self.says('dl4c.Session(g, batch=-1)', 'InvalidError')
        self.says('dl4c.fit(g, (x, y), updater="nosuch")', 'NotFoundError', 'nosuch')
        self.says('dl4c.Graph.load(%r, context=dl4c.Context(memory_limit=1 << 16))' % MODEL, 'LimitError')
        self.says('dl4c.Graph.from_bytes(b"")', 'Error')
        self.says('dl4c.Graph.from_bytes(b"PK\\3\\4" + b"x" * 100)', 'Error')

    def test_a_fork_while_threads_run(self):
        # The child has none of the threads: it works alone. What another thread of the parent was at is refused, or works where that was
        # between two steps; nothing hangs.
        self.goes('''
import os, sys, threading, time
cancel, begun = dl4c.Cancel(), threading.Event()
def work():
    try:
        dl4c.fit(g, (np.zeros((64, 3, 64, 64), 'f4'), np.zeros(64, 'i8')), epochs=1 << 20, cancel=cancel,
                 listeners=[lambda *a: begun.set()])
    except dl4c.errors.CancelledError:
        pass
other = dl4c.load(%r)
want = other.run(x)
thread = threading.Thread(target=work)
thread.start()
begun.wait()
for attempt in range(8):
    child = os.fork()
    if child == 0:
        status = 3
        try:
            if np.array_equal(other.run(x), want):
                try:
                    dl4c.fit(g, (x, y), epochs=1)
                except dl4c.errors.StateError:
                    pass
                status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + 20
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    if not found:
        os.kill(child, 9)
        os.waitpid(child, 0)
        cancel.set()
        sys.exit('the child hangs')
    if status:
        cancel.set()
        sys.exit('the child ended with %%d' %% status)
cancel.set()
thread.join()
''' % MODEL)

    def test_what_is_still_open_at_the_end(self):
        for code in ('s = dl4c.Session(g)\nz = s.run(x)', 't = dl4c.Tensor(x)\na = np.asarray(t)\nt.me = t', 'import sys\nsys.me = g',
                     'c = dl4c.Context(log=__import__("logging").getLogger())\nh = dl4c.Graph.load(%r, context=c)\ndel c' % MODEL,
                     'import threading\nthreading.Thread(target=dl4c.fit, args=(g, (x, y)), kwargs={"epochs": 3}, daemon=True).start()'):
            self.goes(code)


class Libraries(unittest.TestCase):
    def load(self, library):
        return python('import dl4c', DL4C_LIB=library)

    def test_a_missing_library(self):
        status, last = self.load('/nowhere/libdl4c.so')
        self.assertEqual((status, last), (1, 'Set DL4C_LIB to the path of libdl4c.so'))
        self.assertEqual(self.load('/')[0], 1)
        self.assertEqual(self.load(MODEL)[0], 1)

    def test_an_older_library_and_none_of_ours(self):
        cc = shlex.split(os.environ.get('DL4C_CC', 'cc'))
        if not shutil.which(cc[0]):
            self.skipTest('no C compiler, %s' % cc[0])
        with tempfile.TemporaryDirectory() as work:
            source, library = os.path.join(work, 'a.c'), os.path.join(work, 'liba.so')
            for code, wanted in (('int dl4c_version(void) { return 1; }', 'is libdl4c 0.0.1; this package needs'),
                                 ('int dl4c_version(void) { return 990000; }', 'libdl4c 99.0.0, has no dl4c_'),
                                 ('int other;', 'is not libdl4c')):
                with open(source, 'w', encoding='utf-8') as f:
                    f.write(code + '\n')
                subprocess.run([*cc, '-w', '-shared', '-fPIC', source, '-o', library], check=True)
                status, last = self.load(library)
                self.assertEqual(status, 1)
                self.assertTrue(last.startswith('ImportError: ' + library), last)
                self.assertIn(wanted, last)


if __name__ == '__main__':
    main()
