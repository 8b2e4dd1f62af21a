# SPDX-License-Identifier: Apache-2.0
# Memory shared with NumPy both ways, objects closed in any order, nothing that grows, and what bad use says.
import gc
import os
import pickle
import sys
import tempfile
import threading
import unittest
import weakref

from support import AT, MODEL, python

import numpy as np

import dl4c
from dl4c import errors
from dl4c.tensor import _held


class Tensors(unittest.TestCase):
    def test_an_array_is_wrapped_where_it_lies(self):
        for dtype in ('f4', 'f8', 'f2', 'i4', 'i8', 'u1'):
            a = np.arange(24).reshape(2, 3, 4).astype(dtype)
            t = dl4c.Tensor(a)
            self.assertEqual((t.address, t.shape, t.ndim, t.size), (a.ctypes.data, (2, 3, 4), 3, 24))
            b = np.asarray(t)
            self.assertEqual((b.ctypes.data, b.dtype, b.shape), (a.ctypes.data, a.dtype, a.shape))
            b[1, 2, 3] = 7
            self.assertEqual(a[1, 2, 3], 7)

    def test_strides_are_kept(self):
        a = np.arange(24, dtype='f4').reshape(4, 6)
        for view in (a.T, a[::2], a[:, ::-1], a[::-1, 1::2], a[1:1], np.broadcast_to(a[0], (3, 6)), a[2, 3]):
            t = dl4c.Tensor(view)
            np.testing.assert_array_equal(np.asarray(t), view)
            np.testing.assert_array_equal(t.to('f64'), view)
        self.assertEqual(dl4c.Tensor(a.T).address, a.ctypes.data)

    def test_read_only_stays_so(self):
        a = np.zeros(3, 'f4')
        a.flags.writeable = False
        t = dl4c.Tensor(a)
        self.assertTrue(t.read_only)
        for b in (np.asarray(t), t.numpy(), np.asarray(t.reshape(3, 1))):
            self.assertFalse(b.flags.writeable)
        weights = dl4c.load(MODEL).param('block1_conv1', 'W')
        with self.assertRaises(ValueError):
            np.asarray(weights)[:] = 0

    def test_memory_lives_as_long_as_anybody_sees_it(self):
        a = np.arange(1000, dtype='f4')
        alive = weakref.ref(a)
        t = dl4c.Tensor(a)
        del a
        self.assertIsNotNone(alive())
        view = t.reshape(10, 100)
        t.close()
        b = view.numpy()
        view.close()
        self.assertEqual(b[9, 99], 999)
        del b, view
        gc.collect()
        self.assertIsNone(alive())

        t = dl4c.Tensor.zeros([1000])
        b = np.asarray(t)
        t.close()
        del t
        b[:] = 5
        self.assertEqual(b.sum(), 5000)

    def test_dlpack_shares_too(self):
        t = dl4c.Tensor.zeros([2, 3])
        b = np.from_dlpack(t)
        self.assertEqual(b.ctypes.data, t.address)
        a = np.ones((2, 2), 'f4')
        self.assertEqual(dl4c.Tensor.from_dlpack(a).address, a.ctypes.data)

    def test_npy_is_read_and_written(self):
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, 'a.npy')
            a = np.random.default_rng(1).normal(size=(3, 4)).astype('f4')
            dl4c.Tensor(a.T).save(path)
            np.testing.assert_array_equal(np.load(path), a.T)
            np.testing.assert_array_equal(dl4c.Tensor.load(path), a.T)

    def test_bfloat16_wants_a_conversion(self):
        t = dl4c.Tensor(np.array([1.0, 2.5], 'f4')).to('bf16')
        self.assertEqual(t.dtype, 'bf16')
        with self.assertRaisesRegex(TypeError, 'bfloat16'):
            t.numpy()
        self.assertEqual(list(t.to('f32').numpy()), [1.0, 2.5])


class Graphs(unittest.TestCase):
    def setUp(self):
        self.graph = dl4c.load(MODEL)

    def test_a_graph_tells_what_it_is(self):
        g = self.graph
        self.assertEqual((g.inputs, g.outputs, len(g.classes)), (['input_1'], ['predictions'], 10))
        self.assertEqual(g[AT].shape, (64, 4, 4))
        self.assertIn('block1_conv1', g.summary())
        self.assertEqual(g.param_count['total'], sum(v.param_count for v in g.vertices))
        self.assertTrue(g.draw('dot').startswith('digraph'))
        copy = pickle.loads(pickle.dumps(g))
        self.assertEqual(copy.digest(), g.digest())
        info = g.info
        info.classes = ['ä', 'b'] + info.classes[2:]
        g.set_info(info)
        self.assertEqual(g.classes[:2], ['ä', 'b'])

    def test_split_and_join_are_inverse(self):
        trunk, head = self.graph.split(AT)
        x = np.random.default_rng(2).normal(size=(3, 3, 64, 64)).astype('f4')
        whole = self.graph.run(x)
        np.testing.assert_array_equal(head.run(trunk.run(x)), whole)
        np.testing.assert_array_equal(trunk.join(head).run(x), whole)

    def test_a_builder_builds_and_its_first_failure_comes_out(self):
        b = dl4c.Builder().input('x', [4]).add('dense:units=3,activation=relu', 'h', 'x')
        g = b.add('output:units=2,activation=softmax,loss=mcxent', 'y', 'h').param('h', 'b', np.ones(3, 'f4')).finish()
        self.assertEqual(list(g.param('h', 'b').numpy().ravel()), [1, 1, 1])
        self.assertTrue(b.closed)
        with self.assertRaisesRegex(errors.NotFoundError, 'nosuch'):
            dl4c.Builder().input('x', [4]).add('nosuch', 'h', 'x').add('dense:units=0', 'i', 'x').finish()
        self.assertTrue(g.freeze('h')['h'].frozen)

    def test_a_session_reads_and_answers_without_a_copy(self):
        x = np.random.default_rng(3).normal(size=(4, 3, 64, 64)).astype('f4')
        s = dl4c.Session(self.graph, batch=4, outputs=['predictions', AT])
        y, features = s.run(x)
        self.assertEqual((y.shape, features.shape, s.output_shapes), ((4, 10), (4, 64, 4, 4), [(10,), (64, 4, 4)]))
        first = y.copy()
        again, _ = s.run(x[::-1])
        self.assertEqual(again.ctypes.data, y.ctypes.data)
        np.testing.assert_array_equal(again, first[::-1])
        address = x.ctypes.data
        held = len(_held)
        s.run(x)
        self.assertEqual((x.ctypes.data, len(_held)), (address, held))
        s.close()
        self.graph.close()
        self.assertEqual(again.sum(), y.sum())

    def test_threads_run_side_by_side_and_close_under_each_other(self):
        x = np.zeros((1, 3, 64, 64), 'f4')
        want, wrong = self.graph.run(x), []

        def work(session):
            for _ in range(20):
                try:
                    if not np.array_equal(session.run(x), want):
                        wrong.append('other bits')
                except errors.StateError:
                    return
        own = [dl4c.Session(self.graph) for _ in range(3)]
        threads = [threading.Thread(target=work, args=(s,)) for s in own]
        for t in threads:
            t.start()
        own[0].close()
        self.graph.close()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_nothing_grows(self):
        x = np.zeros((1, 3, 64, 64), 'f4')

        def once():
            t = dl4c.Tensor(np.zeros(8, 'f4'))
            np.asarray(t)
            trunk, head = self.graph.split(AT)
            s = dl4c.Session(head)
            s.run(np.zeros((1, 64, 4, 4), 'f4'))
            b = self.graph.builder()
            del trunk, b
            with self.assertRaises(errors.NotFoundError):
                dl4c.load('/nowhere/model.zip')
        once()
        gc.collect()
        bytes_before, held, objects = dl4c.memory()[0], len(_held), len(gc.get_objects())
        for _ in range(1000):
            once()
        gc.collect()
        self.assertEqual((dl4c.memory()[0], len(_held)), (bytes_before, held))
        self.assertLess(len(gc.get_objects()) - objects, 100)
        del x


class BadUse(unittest.TestCase):
    SETUP = 'import numpy as np, dl4c\ng = dl4c.load(%r)\nx = np.zeros((1, 3, 64, 64), "f4")\n' % MODEL

    def says(self, code, *wanted, **env):
        status, last = python(self.SETUP + code, **env)
        self.assertEqual(status, 1, '%r ended with %d: %s' % (code, status, last))
        for text in wanted:
            self.assertIn(text, last)

    def test_each_is_one_clear_exception(self):
        self.says('g.run(x.astype("f8"))', 'InvalidError', 'f64')
        self.says('g.run(x.astype("c8"))', 'TypeError: an array of complex64')
        self.says('g.run(x.astype(">f4"))', 'TypeError: an array in the other byte order')
        self.says('g.run(x[:, :2])', 'InvalidError')
        self.says('g.run()', 'TypeError', 'input_1')
        self.says('g.run(x, x)', 'InvalidError')
        self.says('s = dl4c.Session(g)\ns.close()\ns.run(x)', 'StateError', 'the session is closed')
        self.says('s = dl4c.Session(g)\ns.run(np.zeros((2, 3, 64, 64), "f4"))', 'InvalidError')
        self.says('g.close()\ng.close()\ng.summary()', 'StateError', 'the graph is closed')
        self.says('g.split("nosuch")', 'NotFoundError', 'nosuch')
        self.says('g.fit(x)', 'TypeError', 'no source')
        self.says('g.fit((np.full((4, 3, 64, 64), np.nan, "f4"), np.zeros(4, "i8")), epochs=1)', 'DivergedError')
        self.says('dl4c.Tensor(np.zeros((1,) * 9, "f4"))', 'InvalidError')
        self.says('dl4c.load("a\\0b")', 'ValueError')
        self.says('dl4c.Context(memory_limit=1 << 16, threads=-1)', 'InvalidError')
        self.says('dl4c.Graph.load(%r, context=dl4c.Context(memory_limit=1 << 16))' % MODEL, 'LimitError')
        self.says('def f(p): raise KeyError("mine")\ndl4c.fit(g, (x, np.zeros(1, "i8")), epochs=1, listeners=[lambda *a: f(a)])',
                  "KeyError: 'mine'")
        self.says('dl4c.fit(g, (x, np.zeros(1, "i8")), listeners=[3])', 'TypeError: int is no listener')
        self.says('dl4c.evaluate(g, (x, np.array([10])))', 'InvalidError', '10')

    def test_what_is_still_open_at_the_end_is_no_crash(self):
        for code in ('s = dl4c.Session(g)\ny = s.run(x)', 't = dl4c.Tensor(x)\na = np.asarray(t)\nt.me = t', 'import sys\nsys.me = g',
                     'c = dl4c.Context(log=__import__("logging").getLogger())\nh = dl4c.Graph.load(%r, context=c)\ndel c' % MODEL):
            status, last = python(self.SETUP + code)
            self.assertEqual((status, last), (0, ''), code)


if __name__ == '__main__':
    sys.exit(unittest.main())
