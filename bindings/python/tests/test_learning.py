# SPDX-License-Identifier: Apache-2.0
# From drawn photographs to a tested classifier: the same bytes as the command line with the same seed; listeners, progress, cancelling,
# Ctrl-C, files.
import filecmp
import json
import os
import signal
import tempfile
import threading
import unittest

from support import AT, MODEL, draw, program, python
from told import main

import numpy as np

import dl4c
from dl4c import errors, fs

CLI = os.environ['DL4C_EXE']


def same_files(test, one, other):
    test.assertEqual(sorted(os.listdir(one)), sorted(os.listdir(other)))
    _, differ, failed = filecmp.cmpfiles(one, other, os.listdir(one), shallow=False)
    test.assertEqual((differ, failed), ([], []))


class Learning(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        cls.here = os.getcwd()
        os.chdir(cls.work.name)
        draw('images')
        cls.graph = dl4c.load(MODEL)
        cls.trunk = cls.graph.trunk(AT)
        cls.counts = dl4c.split_folder('images', 'lists', seed=3)
        for part in ('train', 'val', 'test'):
            dl4c.featurize(cls.graph, dl4c.ImageReader('images', list='lists/%s.txt' % part, for_graph=cls.graph), part, at=AT)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.here)
        cls.work.cleanup()

    def test_the_way_to_a_classifier_gives_the_bytes_of_the_command_line(self):
        program(CLI, 'split', 'images', '--out', 'lists-c', '--seed', '3')
        same_files(self, 'lists', 'lists-c')
        for part in ('train', 'val', 'test'):
            program(CLI, 'featurize', MODEL, '--at', AT, '--images', 'images', '--list', 'lists/%s.txt' % part, '--out', 'c-' + part,
                    '--progress', 'none')
            same_files(self, part, 'c-' + part)
        program(CLI, 'train', '--features', 'train', '--val', 'val', '--out', 'c.zip', '--epochs', '8', '--updater', 'adam:lr=1e-3',
                '--seed', '5', '--progress', 'none')
        train, val, test = (dl4c.Features(part) for part in ('train', 'val', 'test'))
        head = dl4c.softmax_head(train, seed=5)
        head.fit(train, validation=val, epochs=8, updater=dl4c.Adam(1e-3), seed=5)
        theirs = dl4c.load('c.zip')
        head.save('py.zip', updater=True)
        self.assertEqual(fs.read_bytes('py.zip'), fs.read_bytes('c.zip'))
        self.assertEqual(dl4c.load('py.zip').digest(), theirs.digest())

        e = head.evaluate(test, mistakes=True)
        said = json.loads(program(CLI, 'evaluate', 'c.zip', '--features', 'test', '--json', '--progress', 'none'))
        self.assertEqual(e.to_dict()['confusion'], said['confusion'])
        self.assertEqual((e.accuracy, e.f1, len(e)), (said['accuracy'], said['f1'], said['n']))
        self.assertEqual(len(e.mistakes), len(e) - int(np.trace(e.confusion)))
        self.assertIn('Accuracy', str(e))

        whole = self.graph.trunk(AT).join(head)
        whole.save('whole.zip')
        paths = ['images/' + line for line in fs.read_bytes('lists/test.txt').decode().splitlines()]
        dl4c.predict(whole, dl4c.ImageReader(paths=paths, for_graph=whole), 'py.jsonl', top=2)
        program(CLI, 'predict', 'whole.zip', *paths, '--top', '2', '--out', 'c.jsonl', '--progress', 'none')
        self.assertEqual(fs.read_bytes('py.jsonl'), fs.read_bytes('c.jsonl'))
        rows = whole.predict(dl4c.ImageReader(paths=paths, for_graph=whole), top=2)
        self.assertEqual(rows, [json.loads(line) for line in fs.read_bytes('py.jsonl').decode().splitlines()])

    def test_workers_are_those_of_the_command_line(self):
        program(CLI, 'train', '--features', 'train', '--out', 'workers.zip', '--epochs', '2', '--workers', '2', '--averaging-frequency',
                '1', '--batch', '8', '--progress', 'none')
        train = dl4c.Features('train')
        head = dl4c.softmax_head(train)
        head.fit(train, epochs=2, workers=2, averaging_frequency=1, batch=8)
        head.save('workers-py.zip', updater=True)
        self.assertEqual(fs.read_bytes('workers-py.zip'), fs.read_bytes('workers.zip'))

    def test_a_store_is_arrays_that_outlive_it(self):
        store = dl4c.Features('test')
        rows = np.concatenate(store.shards)
        self.assertEqual((rows.shape, len(store), store.classes), ((self.counts['test'], *store.shape), self.counts['test'],
                                                                   sorted(os.listdir('images'))))
        shard = store.shards[0]
        self.assertFalse(shard.flags.writeable)
        store.close()
        np.testing.assert_array_equal(shard, rows[:len(shard)])
        with dl4c.ImageReader('images', list='lists/test.txt', for_graph=self.graph) as reader:
            x, y = next(reader.batches(4))
            np.testing.assert_array_equal(self.trunk.run(x), rows[:4])
            self.assertEqual((list(y), reader.bad), (reader.labels[:4], []))

    def test_arrays_train_as_a_store_does(self):
        store = dl4c.Features('train')
        heads = [dl4c.softmax_head(store) for _ in range(2)]
        heads[0].fit(store, epochs=2)
        heads[1].fit((np.concatenate(store.shards), store.labels), epochs=2)
        self.assertEqual(heads[0].digest(), heads[1].digest())
        trainer = dl4c.Trainer(heads[1], batch=16, updater=dl4c.Sgd(1e-3))
        x, y = np.concatenate(store.shards)[:16], store.labels[:16]
        scores = [trainer.step(x, y) for _ in range(5)]
        self.assertLess(scores[-1], scores[0])
        self.assertEqual(trainer.params.size, heads[1].param_count['trainable'])

    def test_parts_and_resume_make_the_same_store(self):
        def reader():
            return dl4c.ImageReader('images', list='lists/train.txt', for_graph=self.graph)
        dl4c.featurize(self.trunk, reader(), 'whole', shard_size=8)
        for part in (2, 1):
            dl4c.featurize(self.trunk, reader(), 'parts', shard_size=8, part=part, parts=2)
        same_files(self, 'whole', 'parts')
        with self.assertRaises(errors.ExistsError):
            dl4c.featurize(self.trunk, reader(), 'whole')
        seen = []

        def stop(p):
            seen.append(p)
            return True
        with self.assertRaises(errors.CancelledError):
            dl4c.featurize(self.trunk, reader(), 'resumed', shard_size=8, batch=4, progress=stop)
        self.assertEqual(seen[0].stage, 'featurize')
        dl4c.featurize(self.trunk, reader(), 'resumed', shard_size=8, resume=True)
        same_files(self, 'whole', 'resumed')

    def test_listeners_see_and_stop_a_training(self):
        store = dl4c.Features('train')
        told = []

        class Mine(dl4c.Listener):
            def iteration_done(self, iteration, epoch, score):
                told.append((iteration, epoch, score))

            def epoch_start(self, epoch):
                told.append(epoch)

        ends = []
        head = dl4c.softmax_head(store)
        head.fit(store, epochs=9, batch=64, validation=dl4c.Features('val'),
                 listeners=[Mine(), lambda *a: ends.append(a) or len(ends) == 3])
        self.assertEqual([t for t in told if isinstance(t, int)], [1, 2, 3])
        self.assertEqual((len(ends), ends[2][0]), (3, 3))
        self.assertTrue(0 <= ends[2][3] <= 1)

        class Broken(dl4c.Listener):
            def iteration_done(self, iteration, epoch, score):
                raise KeyError('mine')
        with self.assertRaisesRegex(KeyError, 'mine'):
            head.fit(store, listeners=[Broken()])
        with self.assertRaisesRegex(KeyError, 'late'):
            head.fit(store, progress=lambda p: {}['late'])
        head.fit(store, epochs=1)

    def test_a_flag_and_a_deadline_end_a_call(self):
        store = dl4c.Features('train')
        head, cancel = dl4c.softmax_head(store), dl4c.Cancel()
        timer = threading.Timer(0.3, cancel.set)
        timer.start()
        with self.assertRaises(errors.CancelledError):
            head.fit(store, epochs=1000000, cancel=cancel)
        timer.join()
        with self.assertRaises(errors.TimedOutError):
            head.fit(store, epochs=1000000, timeout=0.2)
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)

    def test_ctrl_c_ends_a_call_at_once_and_the_program_goes_on(self):
        status, last = python('''if True:
            import dl4c, os, signal, sys, threading, time
            store = dl4c.Features('train')
            head = dl4c.softmax_head(store)
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                head.fit(store, epochs=1 << 30)
            except KeyboardInterrupt:
                assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
                assert signal.set_wakeup_fd(-1) == -1
                head.fit(store, epochs=1)
                sys.exit('went on')
            ''')
        self.assertEqual((status, last), (1, 'went on'))

    def test_files(self):
        fs.mkdir('f/g')
        fs.write_bytes('f/a.txt', b'one')
        with self.assertRaises(ZeroDivisionError):
            with fs.Writer('f/b.txt') as f:
                f.write(b'two')
                1 / 0
        self.assertEqual([(e.name, e.kind, e.size) for e in fs.listdir('f')], [('a.txt', 'file', 3), ('g', 'directory', 0)])
        self.assertEqual(fs.copy('f', 'h'), (1, 3))
        with self.assertRaises(errors.ExistsError):
            fs.copy('f/a.txt', 'h/a.txt')
        fs.rename('h/a.txt', 'h/ä b.txt')
        self.assertEqual([e.name for e in fs.glob('h/*.{txt,csv}')], ['h/ä b.txt'])
        self.assertEqual([e.name for e in fs.walk('h')], ['g', 'ä b.txt'])
        self.assertEqual((fs.stat('h/ä b.txt').size, fs.read_bytes(fs.join('h', 'ä b.txt'))), (3, b'one'))
        with self.assertRaises(errors.LimitError):
            fs.read_bytes('f/a.txt', limit=2)
        fs.remove('h', recursive=True)
        with self.assertRaises(errors.NotFoundError):
            fs.stat('h')


if __name__ == '__main__':
    main()
