# SPDX-License-Identifier: Apache-2.0
# dl4c.spark without Spark: rounds of the aggregate approach against threads, to the bit; workers by tcp; stores made of rows; what travels
# with a job. tests/spark/real.py has the rest.
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

from support import BINDINGS
from told import main

import numpy as np

import dl4c
import dl4c.spark
from dl4c import errors
from dl4c.spark import _aggregate, _barrier, _hub, _memory, _run, _store, _tensors, features


class Value:
    """A broadcast."""

    def __init__(self, value):
        self.value = value

    def destroy(self):
        pass


class Context:
    """What Averaging wants of a SparkContext; rounds run here."""

    @staticmethod
    def broadcast(value):
        return Value(value)


def here(sc, job, depth):
    return _aggregate.joined(job, dict(_aggregate._sum(job.slices, list(_aggregate._task(job, range(job.workers))))))


class Stage:
    """What a Hub wants of a SparkContext: tasks are threads of this process. serve: what they do."""

    def __init__(self, serve=_hub.serve):
        self.serve = serve

    def parallelize(self, numbers, n):
        self.n = n
        return self

    def mapPartitions(self, function):
        self.service = function.args[0]
        return self

    def collect(self):
        told, failed = [], []

        def task(number):
            for _ in range(4):  # attempts
                try:
                    told.extend(self.serve(self.service, iter([number])))
                    return
                except Exception as why:
                    failed.append(why)
        threads = [threading.Thread(target=task, args=(k,)) for k in range(self.n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return told


def same(one, other):
    a, b = (_tensors.Model(graph.to_bytes(updater=True)) for graph in (one, other))
    return (one.digest() == other.digest() and (a.iteration, a.epoch) == (b.iteration, b.epoch) and list(a.tensors) == list(b.tensors) and
            all(np.array_equal(a.tensors[name], b.tensors[name]) for name in a.tensors))


class Spark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.store = os.path.join(cls.work.name, 'store')
        os.mkdir(cls.store)
        rng = np.random.default_rng(1)
        cls.x, cls.y = rng.standard_normal((300, 40)).astype(np.float32), rng.integers(0, 5, 300)
        names = list('abcde')
        shards = [*_store._write(cls.store, names, {}, None, 0, zip(cls.x[:100], cls.y[:100])),
                  *_store._write(cls.store, names, {}, None, 3, [(cls.x[100:], np.eye(5)[cls.y[100:]])])]
        dl4c.fs.write_bytes(cls.store + '/manifest.json', json.dumps({'shards': shards}).encode())
        cls.threads, cls.average = _aggregate._cluster.task_threads, _aggregate._average
        _aggregate._cluster.task_threads, _aggregate._average = lambda: 1, here

    @classmethod
    def tearDownClass(cls):
        _aggregate._cluster.task_threads, _aggregate._average = cls.threads, cls.average
        cls.work.cleanup()

    def test_rows_become_a_store(self):
        f = dl4c.Features(self.store, verify=True)
        np.testing.assert_array_equal(np.concatenate(f.shards), self.x)
        self.assertEqual((f.labels.tolist(), f.classes), (self.y.tolist(), list('abcde')))
        for bad in (1, (self.x[0], 2.5), (self.x[0], [0.5, 0.5, 0, 0, 0]), (self.x[:3], [1, 2]), (self.x[0], [1.0, 0, 0]),
                    (self.x[0], 5), (self.x[0], -1)):
            with self.assertRaises((TypeError, ValueError)):
                _store.rows_of(bad, 5)

    def test_the_order_of_rows_is_the_library_s(self):
        for rows in (1, 300, 9000):
            x = np.arange(rows, dtype=np.float32)[:, None]
            for shuffle, epoch in ((False, 0), (True, 0), (True, 7)):
                batches = dl4c.TensorSource(x, np.zeros(rows, np.int64), 1).batches(32, shuffle, 42, epoch)
                np.testing.assert_array_equal(_store.order(rows, shuffle, 42, epoch), np.concatenate([b[0][:, 0] for b in batches]))

    def test_rounds_are_those_of_threads(self):
        store = dl4c.Features(self.store)
        graph = (dl4c.Builder().seed(3).input('x', [40]).add('dense:units=8,activation=relu', 'hidden', 'x')
                 .add('batch_norm', 'bn', 'hidden'))
        graph = graph.add('output:units=5,activation=softmax,loss=negative_log_likelihood,dropout=0.8', 'y', 'bn').finish()
        for one in (dl4c.softmax_head(store), graph, graph.freeze('hidden')):
            for workers in (2, 3, 5):
                for options in ({}, {'updater': 'sgd:lr=1e-2'},
                                {'updater': 'adam:lr=1e-3', 'lr_schedule': 'exponential:gamma=0.9,by=iteration', 'l2': 1e-3}):
                    for save in (True, False):
                        threads = one.clone()
                        threads.fit(store, epochs=2, batch=16, averaging_frequency=3, workers=workers, save_updater=save, **options)
                        rounds = _aggregate.Averaging(Context(), one.to_bytes(updater=True), self.store, workers, 16, 3, 2, save, True, 42,
                                                      options, {}, None)
                        for _ in range(2):
                            rounds.epoch()
                        self.assertTrue(same(threads, dl4c.Graph.from_bytes(rounds.bytes)), (workers, options, save))

    def hub(self, head, workers, tasks, stage, save=True, epochs=2):
        hub = _hub.Hub(stage, tasks, '127.0.0.1', 0, {}, None)
        rounds = _aggregate.Averaging(Context(), head.to_bytes(updater=True), self.store, workers, 16, 3, 2, save, True, 42, {}, {}, None,
                                      hub)
        try:
            for _ in range(epochs):
                rounds.epoch()
                hub.pause()
        finally:
            hub.close()
        return dl4c.Graph.from_bytes(rounds.bytes), rounds

    def test_rounds_over_links_are_those_of_threads(self):
        """Whatever the number of tasks; also where links break in the middle of a share and a stranger connects."""
        store, broken = dl4c.Features(self.store), []

        def breaks(service, iterator):
            """A task whose first links break: one before its share is done, one after it was asked for nothing."""
            if len(broken) < 3:
                broken.append(True)
                link = _hub._connected(service)
                if len(broken) > 1:
                    link.receive()
                link.close()
                raise errors.PeerError('lost', 'test')
            yield from _hub.serve(service, iterator)

        def strangers(service, iterator):
            with socket.create_connection(service.address) as s:
                s.sendall(bytes(64))
                self.assertEqual(len(s.recv(32)), 32)
                while s.recv(64):
                    pass
            yield from _hub.serve(service, iterator)
        for workers, tasks, serve, save in ((2, 2, _hub.serve, True), (3, 1, _hub.serve, False), (2, 4, _hub.serve, True),
                                            (3, 2, breaks, True), (2, 1, strangers, True)):
            head, threads = (dl4c.softmax_head(store) for _ in range(2))
            threads.fit(store, epochs=2, batch=16, averaging_frequency=3, workers=workers, save_updater=save)
            there, rounds = self.hub(head, workers, tasks, Stage(serve), save)
            self.assertTrue(same(threads, there), (workers, tasks, save))
            self.assertIsNotNone(rounds.hub)
        self.assertEqual(len(broken), 3)

    def test_what_fails_in_a_round_over_links_comes_out(self):
        head = dl4c.softmax_head(dl4c.Features(self.store))

        def away(service, iterator):
            yield 'no way'
        threads = dl4c.softmax_head(dl4c.Features(self.store))
        threads.fit(dl4c.Features(self.store), epochs=2, batch=16, averaging_frequency=3, workers=2)
        there, rounds = self.hub(head.clone(), 2, 2, Stage(away))
        self.assertTrue(same(threads, there))  # by jobs
        self.assertIsNone(rounds.hub)

        def ends(service, iterator):
            _hub._connected(service).close()
            yield from ()
        with self.assertRaisesRegex(errors.PeerError, '4 times'):
            self.hub(head.clone(), 2, 2, Stage(ends))
        hub = _hub.Hub(Stage(), 2, '127.0.0.1', 0, {}, None)
        rounds = _aggregate.Averaging(Context(), head.to_bytes(updater=True), self.store, 2, 16, 3, 2, True, True, 42, {}, {}, None, hub)
        rounds.store.digest = 'another'
        with self.assertRaisesRegex(errors.StateError, 'was changed'):
            rounds.round(0, 96)
        hub.close()
        hub.close()
        stranger = _hub.Hub(Stage(), 1, '127.0.0.1', 0, {}, None)
        with self.assertRaises(errors.DeniedError):
            _hub._connected(_hub.Service(stranger.service.address, b'another key', {}, None))
        stranger.close()

    def test_a_store_that_changes_is_noticed(self):
        head = dl4c.softmax_head(dl4c.Features(self.store))
        rounds = _aggregate.Averaging(Context(), head.to_bytes(updater=True), self.store, 2, 16, 3, 2, True, True, 42, {}, {}, None)
        rounds.store.digest = 'another'
        with self.assertRaisesRegex(errors.StateError, 'was changed'):
            rounds.round(0, 96)

    def test_balanced_weights_are_those_of_fit(self):
        store, weights = dl4c.Features(self.store), _run.balanced(self.y, 5)
        heads = [dl4c.softmax_head(store) for _ in range(2)]
        heads[0].fit(store, epochs=1, class_weights='balanced')
        heads[1].fit(store, epochs=1, class_weights=weights)
        self.assertEqual(heads[0].digest(), heads[1].digest())

    def test_workers_that_join(self):
        """fit leads over tcp, two work() in threads beside it: bits of threads, also as bfloat16 and with gradients."""
        store = dl4c.Features(self.store)
        for options in ({}, {'exchange': 'bf16'}, {'average': 'gradients'}, {'save_updater': False, 'prefetch': 2}):
            with socket.socket() as s:
                s.bind(('127.0.0.1', 0))
                url = 'tcp+plain://127.0.0.1:%d' % s.getsockname()[1]
            heads, failed = [dl4c.softmax_head(store) for _ in range(2)], []

            def joins():
                try:
                    dl4c.work(url, threads=1, features=self.store, join_timeout=30)
                except BaseException as why:
                    failed.append(why)
            beside = [threading.Thread(target=joins) for _ in range(2)]
            for thread in beside:
                thread.start()
            heads[0].fit(store, epochs=2, batch=16, workers=2, transport=url, join_timeout=30, worker_timeout=20, round_timeout=60,
                         **options)
            for thread in beside:
                thread.join()
            self.assertEqual(failed, [])
            heads[1].fit(store, epochs=2, batch=16, workers=2, **options)
            self.assertTrue(same(*heads), options)
        with self.assertRaises(errors.PeerError):
            dl4c.work('tcp+plain://127.0.0.1:9', join_timeout=0.3)
        for bad in ({'exchange': 'f16'}, {'average': 'weights'}, {'join_timeout': -1}):
            with self.assertRaises(ValueError):
                dl4c.softmax_head(store).fit(store, **bad)

    def test_a_recorded_training_is_replayed(self):
        store, run = dl4c.Features(self.store), os.path.join(self.work.name, 'run')
        heads = [dl4c.softmax_head(store) for _ in range(2)]
        heads[0].fit(store, epochs=2, batch=16, workers=3, run_dir=run)
        heads[1].fit(store, epochs=2, batch=16, workers=3, replay=run)
        self.assertTrue(same(*heads))

    def test_epochs_of_earlier_attempts_are_told(self):
        """A training is ended, in the middle of an epoch and between a checkpoint and what is told after it, and gone on with."""
        store, whole = dl4c.Features(self.store), _barrier.Scores()
        options = dict(epochs=4, batch=16, workers=2, averaging_frequency=3, validation=store)
        dl4c.softmax_head(store).fit(store, listeners=[whole], **options)
        for number, (epoch, steps) in enumerate(((1, 2), (1, 10 ** 6), (3, 3), (3, 10 ** 6))):
            folder = os.path.join(self.work.name, 'attempts-%d' % number)

            class Ends(_barrier.Scores):
                def iteration_done(self, iteration, at, score):
                    return (at, iteration) >= (epoch + 1, epoch * 10 + steps)

                def epoch_end(self, at, *values):
                    if at == epoch and steps > 100:
                        raise KeyboardInterrupt
                    return super().epoch_end(at, *values)
            try:
                dl4c.softmax_head(store).fit(store, listeners=[Ends(folder)], checkpoint_dir=folder, resume=True, **options)
            except KeyboardInterrupt:
                pass
            again = _barrier.Scores(folder)
            self.assertEqual((again.began, len(again.epochs)), (epoch, epoch))
            head = dl4c.softmax_head(store)
            head.fit(store, listeners=[again], checkpoint_dir=folder, resume=True, **options)
            self.assertEqual(again.epochs, whole.epochs)

    def test_errors_travel(self):
        e = pickle.loads(pickle.dumps(errors.DivergedError('a score', 'train', 1, 2, 16)))
        self.assertEqual((type(e), str(e), e.code, e.status), (errors.DivergedError, 'train: a score', 2, 16))

    def test_settings_are_checked(self):
        for bad in ({'batch_size_per_worker': 0}, {'approach': 'ring'}, {'repartition': 'now'}, {'workers': 0}, {'aggregation_depth': 0},
                    {'approach': 'aggregate', 'exchange': 'bf16'}):
            with self.assertRaises(ValueError):
                dl4c.spark.ParameterAveragingTrainingMaster(**bad)
        self.assertEqual([_memory.bytes_of(t) for t in ('512m', '1g', '384', '4096k', '1gb')],
                         [512 << 20, 1 << 30, 384 << 20, 4096 << 10, 1 << 30])

    def test_memory_is_told_from_the_model(self):
        store = dl4c.Features(self.store)
        head = dl4c.softmax_head(store)
        data = head.to_bytes('safetensors', updater=True)
        self.assertEqual([_memory.model_bytes(data, u) // len(data) for u in ('sgd:lr=1', None, 'adam', 'amsgrad:lr=1')], [1, 2, 3, 4])
        head.fit(store, epochs=1, batch=16, updater='adam')
        data = head.to_bytes('safetensors', updater=True)
        self.assertEqual(_memory.model_bytes(data, 'adam'), len(data))
        one, two = (_memory.need(approach, 64 << 20, 19 << 20, 1 << 20, 2) for approach in ('barrier', 'aggregate'))
        self.assertTrue(one.worker < one.leader and two.worker == two.leader)
        self.assertEqual(_memory.wanted(one, 3) - _memory.wanted(one, 2), one.worker)
        self.assertGreater(_memory.wanted_of_space(one, 2, 512 << 20), _memory.wanted(one, 2))
        self.assertEqual(_memory.wanted_of_space(one, 2, 8 << 30), _memory.wanted(one, 2))

    def test_photographs_are_told_by_their_paths(self):
        root, names = features.relative(['hdfs://n:1/a/b/2.jpg', 'hdfs://n:1/a/a/1.jpg'])
        self.assertEqual((root, list(names.values())), ('hdfs://n:1/a', ['a/1.jpg', 'b/2.jpg']))
        with self.assertRaises(errors.InvalidError):
            features.relative(['/a/b/1.jpg', '/c/b/1.jpg'])

    def test_the_package_is_imported_from_a_zip(self):
        alone, whole = (os.path.join(self.work.name, name) for name in ('alone.zip', 'whole.zip'))
        dl4c.spark.package(alone, library=False)
        shutil.copy(alone, whole)
        with zipfile.ZipFile(whole, 'a') as z:
            z.write(os.environ['DL4C_LIB'], 'dl4c/libdl4c.so.0')
        code = 'import dl4c, dl4c.spark, os; print(os.path.exists(dl4c._native.path), dl4c.cpu_kernels())'
        env = {k: v for k, v in os.environ.items() if k != 'DL4C_LIB'}
        for path, wanted in ((whole, 'False ' + dl4c.cpu_kernels()), (alone, None)):
            done = subprocess.run([sys.executable, '-c', code], env={**env, 'PYTHONPATH': path}, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True, cwd=self.work.name)
            if wanted:
                self.assertEqual((done.stdout.strip(), done.stderr), (wanted, ''))
            elif done.returncode:
                self.assertIn('ImportError: libdl4c was not found. Tried:', done.stderr)
        self.assertFalse(os.path.exists(os.path.join(BINDINGS, 'dl4c', 'libdl4c.so.0')))


if __name__ == '__main__':
    main()
