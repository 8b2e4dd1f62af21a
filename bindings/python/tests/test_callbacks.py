# SPDX-License-Identifier: Apache-2.0
# Sources, file systems and transports written in Python: what they raise comes out where the call was made, C never calls what is gone,
# Ctrl-C works inside them, other threads run beside them.
import ctypes
import gc
import io
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import weakref

from support import AT, MODEL, ROOT, draw, python
from told import main

import numpy as np

import dl4c
from dl4c import errors, fs, listeners, transport
from dl4c._callbacks import _held
from inprocess import InProcess

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(40, 6)).astype('f4'), RNG.integers(0, 3, 40)


def small(seed=1):
    return dl4c.Builder().input('x', [6]).add('output:units=3,activation=softmax,loss=mcxent', 'y', 'x').seed(seed).finish()


def pieces(sizes, *arrays):
    at = 0
    for n in sizes:
        yield tuple(a[at:at + n] for a in arrays)
        at += n


class Mine(Exception):
    pass


class Sources(unittest.TestCase):
    def test_a_training_does_not_depend_on_how_the_rows_came(self):
        digests = []
        for source in ((X, Y), dl4c.BatchSource(lambda *a: pieces([1, 0, 20, 3, 16], X, Y), n_classes=3),
                       dl4c.BatchSource([(X.astype('f8'), Y.astype('i4'))], classes=['a', 'b', 'c'])):
            g = small()
            g.fit(source, epochs=3, batch=16, shuffle=False)
            digests.append(g.digest())
        self.assertEqual(digests, digests[:1] * 3)

    def test_epochs_are_asked_for_with_what_their_order_depends_on(self):
        asked = []

        def epoch(shuffle, seed, number):
            asked.append((shuffle, seed, number))
            return [(X, Y)]
        source = dl4c.BatchSource(epoch, n_classes=3, rows=40)
        self.assertEqual(source.source_info, {'shape': (6,), 'rows': 40, 'n_classes': 3, 'classes': []})
        del asked[:]
        small().fit(source, epochs=2, seed=9)
        self.assertEqual([a[:2] for a in asked], [(True, 9)] * 2)
        self.assertNotEqual(asked[0][2], asked[1][2])

    def test_float_targets_masks_and_no_labels(self):
        soft = np.eye(3, dtype='f4')[Y]
        x, y = next(dl4c.BatchSource([(X, soft)]).batches(64))
        np.testing.assert_array_equal(x, X)
        np.testing.assert_array_equal(y, soft)
        self.assertIsNone(next(dl4c.BatchSource([X]).batches(64))[1])
        half = np.r_[np.ones(20, 'f4'), np.zeros(20, 'f4')]
        a, b = small(), small()
        a.fit(dl4c.BatchSource([(X, soft, None, half)]), epochs=1, batch=40, shuffle=False, updater=dl4c.Sgd(0.1))
        b.fit(dl4c.BatchSource([(X, soft)]), epochs=1, batch=40, shuffle=False, updater=dl4c.Sgd(0.1))
        self.assertNotEqual(a.digest(), b.digest())

    def test_an_iterator_serves_one_epoch(self):
        source = dl4c.BatchSource(pieces([30, 10], X, Y), n_classes=3)
        self.assertEqual([len(x) for x, _ in source.batches(25)], [25, 15])
        with self.assertRaisesRegex(errors.StateError, 'used up'):
            list(source.batches(25))

    def test_what_it_raises_comes_out_unchanged(self):
        why = Mine('from afar')

        def epoch(shuffle, seed, number):
            yield X[:4], Y[:4]
            raise why
        source = dl4c.BatchSource(epoch, n_classes=3)
        for use in (lambda: small().fit(source, epochs=1, batch=4), lambda: small().evaluate(source, batch=4),
                    lambda: list(source.batches(4)), lambda: small().fit(source, epochs=1, batch=4, workers=2, prefetch=3)):
            with self.assertRaises(Mine) as caught:
                use()
            self.assertIs(caught.exception, why)
        with self.assertRaises(FileNotFoundError):  # no answer of a file system here
            next(dl4c.BatchSource(lambda *a: open('/nowhere/a'), n_classes=3, shape=[6]).batches(4))

    def test_batches_that_do_not_fit_are_refused_before_C_reads_them(self):
        for batch, said in ((X[:, :5], r'\[5\], \[6\] was wanted'), ((X, Y[:3]), r'y \[3\]: as many rows'),
                            ((X, np.zeros((40, 2), 'f4')), '3 values a row'), ((X, np.zeros(40, 'c8')), 'complex'),
                            ((X, Y, np.ones((40, 5), 'f4')), 'x_mask'), ((1, 2, 3, 4, 5), '5 parts')):
            with self.assertRaisesRegex(ValueError, said):
                list(dl4c.BatchSource([batch], n_classes=3, shape=[6]).batches(40))
        for make, said in ((lambda: dl4c.BatchSource([(X, Y)]), 'n_classes'), (lambda: dl4c.BatchSource([]), 'no batch'),
                           (lambda: dl4c.BatchSource([np.float32(1)]), 'rows'),
                           (lambda: dl4c.BatchSource([(X, Y)], 2, list('abc')), '3 names')):
            with self.assertRaisesRegex(ValueError, said):
                make()
        with self.assertRaisesRegex(errors.InvalidError, 'label'):
            list(dl4c.BatchSource([(X, Y + 1)], n_classes=3).batches(40))

    def test_it_goes_when_nobody_refers_to_it(self):
        class Data(list):
            pass
        data = Data([(X, Y)])
        source = dl4c.BatchSource(data, n_classes=3)
        data.source = source  # a circle
        alive = weakref.ref(data)
        list(source.batches())
        del data, source
        gc.collect()
        self.assertIsNone(alive())

    def test_other_threads_run_while_it_waits(self):
        done = threading.Event()

        def epoch(*a):
            self.assertTrue(done.wait(30))
            return [(X, Y)]
        thread = threading.Timer(0.05, done.set)
        thread.start()
        small().fit(dl4c.BatchSource(epoch, n_classes=3, shape=[6]), epochs=1)
        thread.join()

    def test_ctrl_c_inside_it(self):
        asleep, endless = 'lambda *a: time.sleep(60)', 'itertools.repeat((X, Y))'
        for batches, call in ((asleep, 'g.fit(s, epochs=1)'), (endless, 'g.evaluate(s)'),
                              (asleep, 'sum(len(x) for x, y in s.batches())'),
                              (endless, 'g.fit((X, Y), listeners=[lambda *a: g.evaluate(s) and 0])')):
            with self.subTest(batches=batches, call=call):
                began = time.monotonic()
                status, last = python('''if True:
                    import dl4c, itertools, os, signal, sys, threading, time, numpy as np
                    X, Y = np.zeros((8, 6), 'f4'), np.zeros(8, 'i8')
                    g = dl4c.Builder().input('x', [6]).add('output:units=3,activation=softmax,loss=mcxent', 'y', 'x').finish()
                    s = dl4c.BatchSource(%s, n_classes=3, shape=[6])
                    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
                    try:
                        %s
                    except KeyboardInterrupt:
                        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
                        g.fit((X, Y), epochs=1)
                        sys.exit('went on')
                    ''' % (batches, call))
                self.assertEqual((status, last), (1, 'went on'), (batches, call))
                self.assertLess(time.monotonic() - began, 30)


class Listeners(unittest.TestCase):
    def test_the_librarys_own_and_events(self):
        lines, seen, done = [], [], []

        class Mine_(dl4c.Listener):
            def event(self, event):
                seen.append((event.kind, event.iteration, event.epoch, event.rows, event.graph.run(X[:1]).shape))
                self.last = event
        mine, graph = Mine_(), small()
        with tempfile.TemporaryDirectory() as work:
            own = [listeners.ScoreListener(1, lines.append), listeners.PerformanceListener(2, True, lines.append),
                   listeners.TimeListener(1, lines.append),
                   listeners.EvaluativeListener((X, Y), done=lambda i, e, found: done.append((i, e, len(found)))),
                   listeners.CheckpointListener(work + '/c', keep_last=1)]
            graph.fit((X, Y), epochs=2, batch=20, listeners=[*own, mine])
            self.assertEqual(dl4c.load(listeners.last_checkpoint(work + '/c')).digest(), graph.digest())
        self.assertEqual([line for line in lines if line.startswith('Score')][3].split(' is ')[0], 'Score at iteration 3')
        self.assertEqual(sum(line.startswith('ETL') for line in lines), 2)
        self.assertEqual(done, [(2, 1, 40), (4, 2, 40)])
        self.assertEqual([s[:3] for s in seen[:4]], [('epoch_start', 0, 1), ('iteration', 1, 1), ('iteration', 2, 1), ('epoch_end', 2, 1)])
        self.assertEqual({s[3:] for s in seen if s[0] == 'iteration'}, {(20, (1, 3))})
        with self.assertRaises(errors.StateError):
            mine.last.graph

    def test_what_they_raise_comes_out_of_fit(self):
        def bad(*a):
            raise Mine('bad')

        class Bad(dl4c.Listener):
            event = bad
        for one in (listeners.ScoreListener(1, bad), listeners.EvaluativeListener((X, Y), done=bad), Bad()):
            with self.assertRaises(Mine):
                small().fit((X, Y), epochs=2, batch=20, listeners=[one])


class Dict(fs.FileSystem):
    """Files in a dictionary; directories are what their names say."""

    def __init__(self):
        self.files, self.open, self.fail, self.full = {}, 0, None, None

    def key(self, authority, path):
        if self.fail:
            raise self.fail
        return authority + path

    def stat(self, authority, path):
        key = self.key(authority, path)
        if key in self.files:
            return fs.Stat(key.rsplit('/')[-1], 'file', len(self.files[key]), 1e9)
        if any(k.startswith(key.rstrip('/') + '/') for k in self.files):
            return fs.Stat('', 'directory')
        raise FileNotFoundError(key)

    def open_read(self, authority, path):
        if self.stat(authority, path).kind != 'file':
            raise IsADirectoryError(path)
        return io.BytesIO(self.files[self.key(authority, path)])

    def list(self, authority, path):
        self.stat(authority, path)
        head = self.key(authority, path).rstrip('/') + '/'
        for name in {k[len(head):].split('/')[0] for k in self.files if k.startswith(head)}:
            yield self.stat(authority, path.rstrip('/') + '/' + name)._replace(name=name)

    def create(self, authority, path):
        owner, key = self, self.key(authority, path)

        class Writing(io.BytesIO):
            def commit(self):
                if owner.full:
                    raise owner.full
                owner.files[key] = self.getvalue()
                owner.open -= 1

            def abandon(self):
                owner.open -= 1
        self.open += 1
        return Writing()


class FileSystems(unittest.TestCase):
    def setUp(self):
        self.context, self.mine = dl4c.Context(), Dict()
        fs.register(self.context, 'mine', self.mine)

    def test_models_tensors_and_trees_go_through_it(self):
        graph = dl4c.Graph.load(MODEL, context=self.context)
        graph.save('mine://host/a/model.zip')
        self.assertEqual(dl4c.Graph.load('mine://host/a/model.zip', context=self.context).digest(), graph.digest())
        fs.write_bytes('mine://host/a/b/c.txt', b'abc', self.context)
        self.assertEqual([(e.name, e.kind) for e in fs.walk('mine://host/a', self.context)],
                         [('b', 'directory'), ('b/c.txt', 'file'), ('model.zip', 'file')])
        self.assertEqual(fs.read_bytes('mine://host/a/b/c.txt', context=self.context), b'abc')
        self.assertEqual(fs.stat('mine://host/a/b/c.txt', self.context).mtime, 1e9)
        with tempfile.TemporaryDirectory() as work:
            self.assertEqual(fs.copy('mine://host/a', work + '/copy', context=self.context)[0], 2)
        with self.assertRaises(RuntimeError):
            with fs.Writer('mine://host/a/half', self.context) as f:
                f.write(b'x')
                raise RuntimeError
        self.assertNotIn('host/a/half', self.mine.files)
        self.assertEqual(self.mine.open, 0)

    def test_what_cannot_be_committed_is_abandoned(self):
        self.mine.full = OSError(28, 'no space left')
        with self.assertRaises(OSError) as caught:
            fs.write_bytes('mine://host/a', b'abc', self.context)
        self.assertIs(caught.exception, self.mine.full)
        self.assertEqual((self.mine.files, self.mine.open), ({}, 0))

    def test_photographs_are_read_from_it(self):
        with tempfile.TemporaryDirectory() as work:
            draw(work, 2)
            for entry in fs.walk(work):
                if entry.kind == 'file':
                    with open(os.path.join(work, entry.name), 'rb') as f:
                        self.mine.files['h/p/' + entry.name] = f.read()
            graph = dl4c.load(MODEL)
            there, here = (dl4c.ImageReader(where, for_graph=graph, context=self.context) for where in ('mine://h/p', work))
            self.assertEqual(there.classes, here.classes)
            for (a, y), (b, z) in zip(there.batches(7), here.batches(7)):
                np.testing.assert_array_equal(a, b)
                np.testing.assert_array_equal(y, z)
            self.mine.fail = Mine('no network')
            with self.assertRaises(Mine) as caught:
                list(there.batches(7))
            self.assertIs(caught.exception, self.mine.fail)

    def test_its_exceptions_are_the_librarys_or_come_out_unchanged(self):
        with self.assertRaises(errors.NotFoundError) as caught:
            fs.read_bytes('mine://h/none', context=self.context)
        self.assertIsInstance(caught.exception.__cause__, FileNotFoundError)
        self.assertEqual(caught.exception.code, 0)
        with self.assertRaises(errors.UnsupportedError):
            fs.mkdir('mine://h/d', self.context)
        for why in (Mine('a', 1), KeyError('k'), OSError(5, 'eio'), errors.BusyError('later'), SystemExit(3), MemoryError()):
            self.mine.fail = why
            for use in (lambda: fs.stat('mine://h/a', self.context), lambda: fs.listdir('mine://h/a', self.context),
                        lambda: fs.glob('mine://h/*', self.context), lambda: fs.Writer('mine://h/a', self.context),
                        lambda: dl4c.Graph.load('mine://h/a', context=self.context)):
                with self.assertRaises(type(why)) as caught:
                    use()
                self.assertIs(caught.exception, why)

    def test_it_lives_as_long_as_its_context(self):
        held = len(_held)
        context, mine = dl4c.Context(), Dict()
        fs.register(context, 'theirs', mine)
        mine.files['h/a.npy'] = b''
        alive = weakref.ref(mine)
        t = dl4c.Tensor.zeros([2], context=context)
        del mine, context
        gc.collect()
        self.assertIsNotNone(alive())
        t.save('theirs://h/b.npy')
        self.assertIn('h/b.npy', alive().files)
        del t
        gc.collect()
        self.assertIsNone(alive())
        self.assertEqual(len(_held), held)
        with self.assertRaises(errors.ExistsError):
            fs.register(self.context, 'file', Dict())
        self.assertEqual(len(_held), held)

    def test_a_registered_one_is_no_crash_at_the_end(self):
        for code in ('dl4c.fs.register(None, "mine", F())', 'import sys\nc = sys.me = dl4c.Context()\ndl4c.fs.register(c, "mine", F())'):
            status, last = python('import dl4c\nclass F(dl4c.fs.FileSystem):\n    read_ahead = 2\n' + code)
            self.assertEqual((status, last), (0, ''))

    def test_files_are_read_ahead_in_threads(self):
        at_once, most, lock = [0], [0], threading.Lock()

        class Slow(Dict):
            read_ahead = 4

            def load(self, authority, path):
                with lock:
                    at_once[0] += 1
                    most[0] = max(most[0], at_once[0])
                time.sleep(0.05)
                with lock:
                    at_once[0] -= 1
                return self.files[self.key(authority, path)]
        slow = Slow()
        fs.register(self.context, 'slow', slow)
        with tempfile.TemporaryDirectory() as work:
            draw(work, 1)
            for entry in fs.walk(work):
                if entry.kind == 'file':
                    with open(os.path.join(work, entry.name), 'rb') as f:
                        slow.files['h/' + entry.name] = f.read()
        reader = dl4c.ImageReader('slow://h/', height=32, width=32, context=self.context)
        self.assertEqual(sum(len(x) for x, _ in reader.batches(4)), len(slow.files))
        self.assertGreater(most[0], 1)
        slow.load = lambda authority, path: self.fail_with(Mine('late'))
        with self.assertRaises(Mine):
            list(reader.batches(4))
        with self.assertRaises(errors.LimitError):
            del slow.load
            fs.read_bytes('slow://' + next(iter(slow.files)), limit=3, context=self.context)

    @staticmethod
    def fail_with(why):
        raise why


try:
    import fsspec
except ImportError:
    fsspec = None


@unittest.skipIf(fsspec is None, 'fsspec is not installed')
class Fsspec(unittest.TestCase):
    def setUp(self):
        self.context = dl4c.Context()
        fs.register_fsspec(self.context, 'memory')
        self.memory = fsspec.filesystem('memory')
        self.memory.store.clear()
        self.memory.pseudo_dirs[:] = ['']
        self.memory.makedirs('/d', exist_ok=True)

    def test_what_the_library_writes_fsspec_reads(self):
        graph = dl4c.Graph.load(MODEL, context=self.context)
        graph.save('memory://d/m.zip')
        self.assertEqual(dl4c.Graph.from_bytes(self.memory.cat_file('/d/m.zip')).digest(), graph.digest())
        self.assertEqual(dl4c.Graph.load('memory://d/m.zip', context=self.context).digest(), graph.digest())
        self.assertEqual(self.memory.ls('/d', detail=False), ['/d/m.zip'])

    def test_a_store_of_features_and_a_training_lie_there(self):
        with tempfile.TemporaryDirectory() as work:
            draw(work, 2)
            fs.copy(work, 'memory://d/images', context=self.context)
            graph = dl4c.Graph.load(MODEL, context=self.context)
            for out, images in ((os.path.join(work, 'f'), work), ('memory://d/f', 'memory://d/images')):
                dl4c.featurize(graph, dl4c.ImageReader(images, for_graph=graph, context=self.context), out, at=AT)
            there = dl4c.Features('memory://d/f', context=self.context)
            here = dl4c.Features(os.path.join(work, 'f'))
            np.testing.assert_array_equal(np.concatenate(there.shards), np.concatenate(here.shards))
            head = dl4c.softmax_head(there)
            head.fit(there, epochs=2, run_dir='memory://d/run', checkpoint_dir='memory://d/checkpoints')
            self.assertTrue(self.memory.ls('/d/run'))

    def test_names_are_made_moved_and_removed(self):
        def uri(name):
            return 'memory://d/' + name
        fs.mkdir(uri('x/y'), self.context)
        fs.write_bytes(uri('x/a'), b'1', self.context)
        fs.write_bytes(uri('x/a'), b'22', self.context)
        fs.rename(uri('x/a'), uri('x/y/b'), self.context)
        self.assertEqual([(e.name, e.kind, e.size) for e in fs.walk(uri('x'), self.context)], [('y', 'directory', 0), ('y/b', 'file', 2)])
        self.assertLess(abs(fs.stat(uri('x/y/b'), self.context).mtime - time.time()), 60)
        with self.assertRaises(OSError):
            fs.remove(uri('x'), context=self.context)
        fs.remove(uri('x'), recursive=True, context=self.context)
        for use in (lambda: fs.stat(uri('x'), self.context), lambda: fs.read_bytes(uri('x/y/b'), context=self.context),
                    lambda: fs.write_bytes(uri('none/a'), b'', self.context)):
            with self.assertRaises(errors.NotFoundError):
                use()
        with self.assertRaises(errors.ExistsError):
            fs.write_bytes(uri('f'), b'', self.context)
            fs.mkdir(uri('f'), self.context)

    def test_a_large_file_goes_over_the_disk_and_a_failed_one_leaves_nothing(self):
        data = os.urandom(9 << 20)
        with fs.Writer('memory://d/large', self.context) as f:
            f.write(data[:5 << 20])
            f.write(data[5 << 20:])
        self.assertEqual(self.memory.cat_file('/d/large') == data, True)
        self.assertEqual(fs.read_bytes('memory://d/large', context=self.context) == data, True)

        class Full(type(self.memory)):
            cachable = False

            def mv(self, *a, **k):
                raise OSError(28, 'full')
        fs.register_fsspec(self.context, 'full', Full())
        with self.assertRaisesRegex(OSError, 'full'):
            fs.write_bytes('full://d/none', b'x', self.context)
        self.assertEqual(self.memory.ls('/d', detail=False), ['/d/large'])


class Transports(unittest.TestCase):
    def test_a_python_transport_passes_the_conformance_suite(self):
        cc = shlex.split(os.environ.get('DL4C_CC', 'cc'))
        if not shutil.which(cc[0]):
            self.skipTest('no C compiler, %s' % cc[0])
        tests = os.path.join(ROOT, 'tests')
        prepare_fn, url_fn = (ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p),
                              ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_void_p))

        class Suite(ctypes.Structure):
            _fields_ = [('name', ctypes.c_char_p), ('prepare', prepare_fn), ('url', url_fn), ('user', ctypes.c_void_p),
                        ('separate', ctypes.c_int), ('fixed', ctypes.c_int), ('largest', ctypes.c_size_t)]
        mine = InProcess()

        def prepare(ctx, user):
            context = dl4c.Context.__new__(dl4c.Context)
            context._owned = dl4c._core.Owned(ctypes.c_void_p(ctx), None)
            transport.register(context, 'inprocess', mine)

        def url(text, size, number, driver, user):
            said = b'inprocess:%d\0' % number
            ctypes.memmove(text, said, len(said))
        with tempfile.TemporaryDirectory() as work:
            suite = os.path.join(work, 'suite.so')
            subprocess.run([*cc, '-std=c11', '-shared', '-fPIC', '-pthread', '-I' + os.path.join(ROOT, 'include'), '-I' + tests,
                            os.path.join(tests, 'conformance', 'transport.c'), '-o', suite, dl4c._native.path, '-lm'], check=True)
            library = ctypes.CDLL(suite)
            t = Suite(b'inprocess', prepare_fn(prepare), url_fn(url), None, 0, 0, 1 << 20)
            failed = library.conformance_transport(ctypes.byref(t))
            ctypes.CDLL(None).fflush(None)
        self.assertEqual(failed, 0)
        self.assertGreater(mine.joined, 60)
        gc.collect()

    def together(self, context, url, size, work):
        """What each member of a group made of it, by rank."""
        found, wrong, end = [None] * size, [], threading.Barrier(size)

        def run(driver):
            try:
                with transport.Group(url, size if driver else 0, timeout=30, context=context) as g:
                    found[g.members.rank] = work(g)
                    g.barrier()
                    end.wait(30)  # who leaves ends the generation
            except BaseException as why:
                wrong.append(why)
        threads = [threading.Thread(target=run, args=(i == 0,)) for i in range(size)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if wrong:
            raise wrong[0]
        return found

    def test_groups_exchange_arrays(self):
        context = dl4c.Context()
        transport.register(context, 'inprocess', InProcess())

        def work(g):
            me, n = g.members.rank, g.members.size
            mine, room = np.full((2, 3), me, 'f8'), np.zeros((2, 3))
            g.sendrecv([((me + 1) % n, mine)], [((me - 1) % n, room)])
            word = bytearray(b'hello' if me == 1 else 5)
            g.broadcast(1, word)
            mean, total = g.average(np.full(5, me, 'f4'), weight=me + 1)
            if me == 0:
                g.send(2, b'')
            if me == 2:
                g.recv(0, bytearray())
            return room[0, 0], bytes(word), mean[4], total
        for url in ('inprocess:a', 'threads:a'):
            self.assertEqual(self.together(context, url, 3, work),
                             [(float((r - 1) % 3), b'hello', np.float32(8 / 6), 6) for r in range(3)])

    def test_what_a_transport_raises_comes_out_unchanged(self):
        class Broken(transport.Transport):
            def join(self, url, driver, size, timeout, lost_after):
                raise Mine(url)
        context = dl4c.Context()
        transport.register(context, 'broken', Broken())
        with self.assertRaisesRegex(Mine, 'broken:x'):
            transport.Group('broken:x', 2, context=context)
        with self.assertRaises(errors.TimedOutError):
            transport.Group('threads:alone', 2, timeout=0.05, context=context)


if __name__ == '__main__':
    main()
