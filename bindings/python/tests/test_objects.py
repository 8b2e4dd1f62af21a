# SPDX-License-Identifier: Apache-2.0
# Memory shared with NumPy both ways, objects closed in any order, nothing that grows.
import ctypes
import gc
import os
import pickle
import tempfile
import threading
import unittest
import unittest.mock
import weakref

from support import AT, MODEL
from told import main

import numpy as np

import dl4c
from dl4c import errors
from dl4c._native import lib
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

    def test_the_library_reads_and_writes_where_the_arrays_lie(self):
        graph = dl4c.Builder().input('x', [3, 224, 224]).add('relu', 'y', 'x').finish()
        s = dl4c.Session(graph, batch=8)
        x = np.random.default_rng(4).normal(size=(8, 3, 224, 224)).astype('f4')
        want = np.maximum(x, 0)
        np.testing.assert_array_equal(s.run(x), want)
        called, run = [], lib.dl4c_session_run

        def watched(session, tensors, n, err):
            called.append(lib.dl4c_tensor_data_const(tensors[0]))
            return run(session, tensors, n, err)
        with unittest.mock.patch.object(lib, 'dl4c_session_run', watched):
            for a in (x, x[2:5], x[:1], dl4c.Tensor(x[5:])):
                called.clear()
                y = s.run(a)
                there = ctypes.c_void_p()
                lib.dl4c_session_output(s._open, 0, ctypes.byref(there), None)
                at = a.address if isinstance(a, dl4c.Tensor) else a.ctypes.data
                self.assertEqual((called, y.ctypes.data), ([at], lib.dl4c_tensor_data_const(there)))
                np.testing.assert_array_equal(y, np.maximum(np.asarray(a), 0))
        # no room for a copy was asked for either: the peak is what it was
        used, peak = dl4c.memory()
        for k in range(50):
            s.run(x[k % 8:])
        self.assertLess(dl4c.memory()[1] - peak, x.nbytes // 100)

    def test_another_array_at_the_same_place_is_read_anew(self):
        s = dl4c.Session(dl4c.Builder().input('x', [4]).add('relu', 'y', 'x').finish(), batch=6)
        memory = np.arange(24, dtype='f4')
        for shape in ((6, 4), (3, 4), (1, 4)):
            part = memory[:4 * shape[0]]
            for view in (part.reshape(shape), part.reshape(4, -1).T, part[::-1].reshape(shape)):
                np.testing.assert_array_equal(s.run(view), view)
        y = s.run(memory.reshape(6, 4))
        y.shape = 24,
        self.assertEqual(s.run(memory.reshape(6, 4)).shape, (6, 4))
        for wrong in (memory.reshape(4, 6), memory.reshape(6, 4).astype('f8'), memory.reshape(6, 4).view('>f4'), memory,
                      np.zeros((7, 4), 'f4')):
            with self.assertRaises((errors.InvalidError, TypeError)):
                s.run(wrong)
        for k in range(200):
            s.run(np.full((1 + k % 6, 4), k, 'f4'))
        self.assertEqual(y.ctypes.data, s.run(memory[:4].reshape(1, 4)).ctypes.data)

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
        def state():
            gc.collect()
            with open('/proc/self/statm', encoding='ascii') as f:
                return dl4c.memory()[0], len(_held), len(gc.get_objects()), int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
        for _ in range(200):
            once()
        before = state()
        for _ in range(10000):
            once()
        after = state()
        self.assertEqual(after[:2], before[:2])
        self.assertLess(after[2] - before[2], 100)
        self.assertLess(after[3] - before[3], 4 << 20)


if __name__ == '__main__':
    main()
