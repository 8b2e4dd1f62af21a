# SPDX-License-Identifier: Apache-2.0
# What Deeplearning4j has beside networks and training: normalizers, measures, early stopping, the transfer learning helper, the zoo; and
# comparing, watching and fetching.
import functools
import gc
import hashlib
import http.server
import os
import tempfile
import threading
import unittest
import urllib.request

from support import MODEL, draw
from told import main

import numpy as np

import dl4c
from dl4c import errors, measures, zoo

RNG = np.random.default_rng(5)
X = RNG.normal(3, 2, (40, 6)).astype('f4')
Y = (np.arange(40) % 3).astype('i8')


def small():
    return dl4c.Builder().input('x', [6]).add('output:units=3,activation=softmax,loss=mcxent', 'y', 'x').finish()


class InAFolder(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.work.cleanup()

    def path(self, name):
        return os.path.join(self.work.name, name)


class Normalizers(InAFolder):
    def test_arrays_are_changed_where_they_lie_and_back(self):
        n = dl4c.Normalizer('standardize').fit(X)
        np.testing.assert_allclose(n.center, X.mean(0), rtol=1e-6)
        np.testing.assert_allclose(n.spread, X.std(0), rtol=1e-6)
        a = X.copy()
        self.assertIs(n.apply(a), a)
        np.testing.assert_allclose((a.mean(0), a.std(0)), ([0] * 6, [1] * 6), atol=1e-5)
        # Two roundings of floats of magnitude 10.
        np.testing.assert_allclose(n.revert(a), X, atol=4e-6)

    def test_a_source_teaches_what_its_rows_do(self):
        targets = X[:, :2] * 3
        n = dl4c.Normalizer('min_max:min=-1,max=1,labels=1').fit(dl4c.TensorSource(X, targets))
        m = dl4c.Normalizer('min_max:min=-1,max=1,labels=1').fit(X, targets)
        np.testing.assert_array_equal((n.center, n.spread), (X.min(0), X.max(0)))
        np.testing.assert_array_equal(n.apply(X.copy()), m.apply(X.copy()))
        labels = n.apply_labels(targets.copy())
        self.assertEqual((labels.min(), labels.max()), (-1, 1))
        np.testing.assert_allclose(n.revert_labels(labels), targets, atol=1e-5)

    def test_files_and_models_keep_it(self):
        n = dl4c.Normalizer('standardize').fit(X)
        n.save(self.path('normalizer.bin'))
        np.testing.assert_array_equal(dl4c.Normalizer.load(self.path('normalizer.bin')).apply(X.copy()), n.apply(X.copy()))
        graph = small()
        with self.assertRaises(errors.NotFoundError):
            dl4c.Normalizer.of(graph)
        n.give_to(graph)
        graph.save(self.path('m.zip'))
        np.testing.assert_array_equal(dl4c.Normalizer.of(dl4c.load(self.path('m.zip'))).center, n.center)

    def test_what_cannot_be_changed_is_refused(self):
        n = dl4c.Normalizer('standardize')
        self.assertIsNone(n.center)
        with self.assertRaises(errors.StateError):
            n.apply(X.copy())
        n.fit(X)
        fixed = X.copy()
        fixed.flags.writeable = False
        for bad in (fixed, X[:, ::2].copy(), X.astype('f8'), np.asfortranarray(X)):
            with self.assertRaises(errors.InvalidError):
                n.apply(bad)
        with self.assertRaises(TypeError):
            n.apply(list(X))
        with self.assertRaises(errors.InvalidError):
            dl4c.Normalizer('none_such')
        with self.assertRaises(errors.InvalidError):
            n.fit(X[:0])


class Measures(InAFolder):
    def test_binary_counts_each_column(self):
        m = measures.Binary(['wet', 'cold'], thresholds=[0.5, 0.9], roc=True)
        m.add([[1, 1], [0, 1], [1, 0], [1, 0]], [[.9, .95], [.8, .85], [.7, .1], [.2, .2]])
        self.assertEqual(m.counts(0), {'tp': 2, 'fp': 1, 'tn': 0, 'fn': 1})
        self.assertEqual((m.counts(1)['tp'], m.value('recall', 1), m.value('accuracy', 0)), (1, 0.5, 0.5))
        self.assertEqual(m.value('auroc', 1), 1)
        self.assertIn('wet', str(m))
        back = measures.Measure.from_dl4j(m.dl4j_json())
        self.assertIsInstance(back, measures.Binary)
        self.assertEqual((back.stats(), back.to_dict()), (m.stats(), m.to_dict()))
        with self.assertRaises(TypeError):
            measures.Roc.from_dl4j(m.dl4j_json())
        with self.assertRaises(ValueError):
            m.value('mse')

    def test_a_curve_is_an_array_and_its_area_that_of_the_ranks(self):
        labels, scores = Y == 1, RNG.random(40)
        m = measures.Roc(all_points=True)
        m.add(labels[:20], scores[:20])
        other = measures.Roc(all_points=True)
        other.add(labels[20:], scores[20:])
        m.merge(other)
        wins = (scores[labels][:, None] > scores[~labels]).mean()
        self.assertAlmostEqual(m.value('auroc'), wins, 12)
        edges, x, y = m.curve('roc')
        self.assertAlmostEqual(abs(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)), wins, 12)
        read = measures.Roc.from_dl4j(m.dl4j_json())
        np.testing.assert_array_equal(read.curve('precision_recall'), m.curve('precision_recall'))
        with self.assertRaises(errors.StateError):
            read.add(np.eye(2)[labels.astype(int)], np.stack([1 - scores, scores], 1))
        with self.assertRaises(errors.StateError):
            measures.Roc().curve('roc')

    def test_regression_leaves_out_what_is_masked(self):
        y, p = X[:, :2], X[:, 2:4]
        mask = np.ones((40, 2), 'f4')
        mask[30:, 1] = 0
        m = measures.Regression(['a', 'b'])
        m.add(y, p, mask)
        self.assertEqual((m.count(0), m.count(1)), (40, 30))
        self.assertAlmostEqual(m.value('mse', 1), np.square(y[:30, 1] - p[:30, 1], dtype='f8').mean(), 5)
        self.assertAlmostEqual(m.value('pc', 0), np.corrcoef(y[:, 0], p[:, 0])[0, 1], 5)
        self.assertAlmostEqual(m.value('mae'), (m.value('mae', 0) + m.value('mae', 1)) / 2, 12)
        with self.assertRaises(errors.DivergedError):
            m.add(y, np.full_like(p, np.nan))
        for bad in ((y[:3], p), (y[:, :1], p), (y, p, mask[:3])):
            with self.assertRaises(ValueError):
                m.add(*bad)

    def test_they_measure_what_a_graph_answers(self):
        graph = small()
        classes, bins = measures.RocMultiClass(3), measures.Calibration(3, reliability_bins=4)
        e = dl4c.evaluate(graph, (X, Y), measures=[classes, bins])
        alone = measures.RocMultiClass(3)
        alone.add(np.eye(3)[Y], graph.run(X))
        self.assertEqual((classes.stats(), len(e)), (alone.stats(), 40))
        edges, x, y = bins.curve('reliability', 2)
        self.assertTrue(set(edges) <= {0, .25, .5, .75} and all((0 <= y) & (y <= 1)))
        self.assertEqual(bins.curve('probabilities', None)[2].sum(), 120)
        errors_of = measures.Regression(3)
        dl4c.measure(graph, (X, X[:, :3]), errors_of)
        self.assertAlmostEqual(errors_of.value('mse', 0), np.square(graph.run(X)[:, 0] - X[:, 0], dtype='f8').mean(), 4)
        with self.assertRaises(errors.InvalidError):
            dl4c.evaluate(graph, (X, Y), measures=[measures.Binary(2)])

    def test_an_evaluation_is_read_back(self):
        e = dl4c.evaluate(small(), (X, Y))
        back = dl4c.Evaluation.from_dl4j(e.dl4j_json())
        self.assertEqual((back.stats(), len(back)), (e.stats(), 40))
        with self.assertRaises(errors.CorruptError):
            dl4c.Evaluation.from_dl4j('{"no": 1}')

    def test_an_evaluation_with_costs_threshold_and_masks(self):
        p = np.array([[.6, .4], [.9, .1], [.2, .8], [.7, .3]], 'f4')
        y = [1, 0, 1, 0]
        for one in (dl4c.Evaluation(2, threshold=0.25), dl4c.Evaluation(['no', 'yes'], costs=[1, 3])):
            one.add(p, y)
            self.assertEqual((one.confusion.tolist(), one.counts(1)), ([[1, 1], [0, 2]], {'tp': 2, 'fp': 1, 'tn': 1, 'fn': 0}))
        first = dl4c.Evaluation(2, positive=0)
        first.add(p, y, mask=[1, 1, 1, 0])
        self.assertEqual((len(first), first.recall, first.precision), (3, 1, 0.5))
        self.assertNotIn('Confusion', first.stats(confusion=False))
        self.assertIn('yes', one.confusion_text())
        self.assertTrue(one.confusion_svg().startswith('<svg'))
        for bad in (lambda: dl4c.Evaluation(2, costs=[1]), lambda: dl4c.Evaluation(2, positive=2), lambda: first.add(p, y, mask=[1])):
            with self.assertRaises(ValueError):
                bad()

    def test_tables_for_pandas(self):
        try:
            import pandas  # noqa: F401
        except ImportError:
            self.skipTest('no pandas')
        m = measures.Regression(2)
        m.add(X[:, :2], X[:, 2:4])
        self.assertEqual(m.to_pandas().loc[1, 'mse'], m.value('mse', 1))
        bins = measures.Calibration(2)
        bins.add(np.eye(2)[Y % 2], RNG.dirichlet([1, 1], 40))
        self.assertEqual(list(bins.to_pandas()), ['column', 'edge', 'prediction', 'positives'])


LABELS = (X[:, 0] > 3).astype('i8')


def deep(last='tanh'):
    return (dl4c.Builder().input('x', [6]).add('dense:units=8,activation=tanh', 'a', 'x').add('dense:units=5,activation=' + last, 'b', 'a')
            .add('output:units=2,activation=softmax,loss=mcxent', 'y', 'b').finish())


class EarlyStopping(InAFolder):
    def test_the_best_model_is_that_of_its_epoch(self):
        graph = deep()
        found = dl4c.fit_early_stopping(graph, (X, LABELS), (X, LABELS), score='accuracy', epochs=5, dir=self.path('d'), save_last=True,
                                        updater=dl4c.Adam(1e-2), batch=8)
        self.assertEqual((found.reason, found.details, found.total_epochs, list(found.scores)),
                         ('epoch', 'MaxEpochsTerminationCondition(5)', 5, [1, 2, 3, 4, 5]))
        self.assertEqual((found.scores[found.best_epoch], max(found.scores.values())), (found.best_score, found.best_score))
        self.assertEqual(found.best.evaluate((X, LABELS)).accuracy, found.best_score)
        self.assertEqual(dl4c.load(self.path('d/bestGraph.bin')).digest(), found.best.digest())
        self.assertEqual(dl4c.load(self.path('d/latestGraph.bin')).digest(), graph.digest())
        again = deep()
        again.fit((X, LABELS), epochs=5, updater=dl4c.Adam(1e-2), batch=8)
        self.assertEqual(again.digest(), graph.digest())

    def test_each_condition_ends_a_training(self):
        def fit(**conditions):
            return dl4c.fit_early_stopping(deep(), (X, LABELS), (X, LABELS), updater=dl4c.Adam(1e-2), **conditions)
        self.assertIn('BestScore', fit(score='accuracy', best_score=0.6).details)
        self.assertIn('ScoreImprovement', fit(no_improvement=1, min_improvement=9.0).details)
        self.assertEqual(fit(max_time=0.05).reason, 'iteration')
        over = fit(max_score=0.0)
        self.assertEqual((over.reason, over.best, over.best_epoch), ('iteration', None, 0))
        self.assertEqual(fit(epochs=9, listeners=[lambda *a: True]).reason, 'listener')

    def test_what_is_wrong_is_said(self):
        def fit(**options):
            return dl4c.fit_early_stopping(deep(), (X, LABELS), (X, LABELS), **options)
        for bad in ({}, {'epochs': 1, 'score': 'beauty'}):
            with self.assertRaises(errors.InvalidError):
                fit(**bad)
        for bad in ({'validation': (X, LABELS)}, {'epochs': 1, 'colour': 1}):
            with self.assertRaises(TypeError):
                fit(**bad)
        with self.assertRaises(ValueError):
            fit(max_time=-1)
        with self.assertRaisesRegex(KeyError, 'late'):
            fit(epochs=2, listeners=[lambda *a: {}['late']])


class Transfer(unittest.TestCase):
    def test_the_helper_trains_as_the_frozen_graph_does(self):
        graph, frozen = deep(), deep().freeze('a')
        helper = dl4c.Transfer(graph, 'a')
        features = helper.featurize((X, LABELS))
        self.assertEqual((helper.frozen.outputs, helper.unfrozen.inputs, features.source_info['shape']), (['a'], ['a'], (8,)))
        np.testing.assert_array_equal(next(features.batches(40))[0], helper.frozen.run(X))
        helper.fit(features, epochs=2)
        frozen.fit((X, LABELS), epochs=2)
        self.assertEqual(graph.digest(), frozen.digest())
        rest = helper.unfrozen
        helper.close()
        rest.fit(features, epochs=1)
        self.assertEqual(graph.digest(), frozen.digest())
        self.assertEqual(len(rest.evaluate(features)), 40)

    def test_update_gives_the_graph_what_was_trained_by_hand(self):
        graph = deep()
        helper = dl4c.Transfer(graph, 'a', 'b')
        before = graph.digest()
        helper.unfrozen.fit(helper.featurize((X, LABELS)), epochs=1)
        self.assertEqual(graph.digest(), before)
        helper.update()
        np.testing.assert_array_equal(graph.param('y', 'W'), helper.unfrozen.param('y', 'W'))
        self.assertNotEqual(graph.digest(), before)

    def test_what_cannot_be_split_is_refused(self):
        with self.assertRaises(errors.NotFoundError):
            dl4c.Transfer(deep(), 'none')
        for freeze in ((), ('y',)):
            with self.assertRaises(errors.InvalidError):
                dl4c.Transfer(deep(), *freeze)

    def test_a_graph_is_edited_in_deeplearning4js_words(self):
        graph = deep()
        edited = (graph.builder().fine_tune(updater=dl4c.Nesterovs(1e-2, 0.5), l2=0.25).freeze('a').replace_n_out('b', 4)
                  .remove('y', keep_connections=True).add('output:units=3,activation=softmax,loss=mcxent', 'y', 'b').finish())
        self.assertEqual([edited.param(v, 'W').shape for v in 'aby'], [(6, 8), (8, 4), (4, 3)])
        np.testing.assert_array_equal(edited.param('a', 'W'), graph.param('a', 'W'))
        same = graph.builder().fine_tune('updater=nesterovs(lr=0.01,momentum=0.5)').finish()
        named = graph.builder().fine_tune(updater=dl4c.Nesterovs(1e-2, 0.5)).finish()
        for one in (same, named):
            one.fit((X, LABELS), epochs=1)
        graph.fit((X, LABELS), epochs=1, updater=dl4c.Nesterovs(1e-2, 0.5))
        self.assertEqual({same.digest(), named.digest()}, {graph.digest()})
        with self.assertRaises(errors.NotFoundError):
            deep().builder().fine_tune(colour=1).finish()


class Zoo(InAFolder):
    def test_networks_are_built_by_name(self):
        found = {n.name: n for n in zoo.networks()}
        self.assertEqual((found['vgg16'].shape, found['vgg16'].n_classes, found['vgg16'].preprocess), ((3, 224, 224), 1000, 'vgg16'))
        self.assertEqual(zoo.find('LeNet'), found['lenet'])
        drawn = zoo.create('lenet', n_classes=5, seed=3)
        drawn.save(self.path('lenet.zip'))
        read = zoo.create('lenet', n_classes=5, weights=self.path('lenet.zip'))
        self.assertEqual(read.digest(), drawn.digest())
        fresh = zoo.create('lenet', n_classes=7, weights=self.path('lenet.zip'))
        first = next(v.name for v in drawn.vertices if v.params)
        np.testing.assert_array_equal(fresh.param(first, 'W'), drawn.param(first, 'W'))
        self.assertEqual(fresh.run(np.zeros((1, *found['lenet'].shape), 'f4')).shape, (1, 7))
        with self.assertRaisesRegex(errors.NotFoundError, 'vgg16'):
            zoo.create('vgg17')
        with self.assertRaises(errors.InvalidError):
            zoo.create('lenet', n_classes=5, shape=(3, 0, 0), weights=self.path('lenet.zip'))


class Compare(InAFolder):
    def test_the_first_difference_and_its_cause(self):
        graph = deep()
        with dl4c.compare(graph, graph.clone(), input=X) as same:
            self.assertEqual((same.first, same.cause, [s.name for s in same.stages]), (None, None, ['a', 'b', 'y']))
        other = deep('relu')
        found = dl4c.compare(graph, other, input=X)
        self.assertEqual((found.first.name, found.first.op, found.cause[0]), ('b', 'dense', 'activation'))
        self.assertIn('First difference: b', str(found))
        np.save(self.path('a.npy'), graph.run(X, outputs='a'))
        np.save(self.path('other.npy'), graph.run(X, outputs='b') + 1)
        folder = dl4c.compare(graph, self.work.name, input=X, map={'b': 'other'})
        self.assertEqual((folder.first.name, folder.first.other), ('b', 'other'))
        with self.assertRaises(errors.InvalidError):
            dl4c.compare(graph, other)

    def test_an_image_is_prepared_in_two_ways(self):
        graph = dl4c.load(MODEL)
        draw(self.work.name, 1)
        folder = os.path.join(self.work.name, sorted(os.listdir(self.work.name))[0])
        image = os.path.join(folder, os.listdir(folder)[0])
        with open(image, 'rb') as f:
            self.assertIsNone(dl4c.compare(graph, graph, image=f.read()).cause)
        turned = {'vgg16': 'vgg16:order=rgb'}.get(graph.info.preprocess, (graph.info.preprocess or 'none') + ':order=bgr')
        found = dl4c.compare(graph, graph, image=image, preprocess=(None, turned))
        self.assertEqual((found.first.name, found.cause[0]), ('normalise', 'order'))


class Monitor(InAFolder):
    def test_a_page_over_runs_until_it_is_closed(self):
        deep().fit((X, LABELS), epochs=1, run_dir=self.path('run'))
        try:
            monitor = dl4c.Monitor(self.path('run'))
        except errors.UnsupportedError as why:
            self.skipTest(str(why))
        with monitor:
            url = monitor.url
            with urllib.request.urlopen(url, timeout=30) as page:
                self.assertIn(b'<html', page.read())
        with self.assertRaises(OSError):
            urllib.request.urlopen(url, timeout=30)
        with self.assertRaises(errors.StateError):
            monitor.url
        with self.assertRaises(errors.NotFoundError):
            dl4c.Monitor(self.path('none'))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a):
        pass


class Fetch(InAFolder):
    def test_a_file_comes_into_the_cache_and_is_checked(self):
        self.assertIn('vgg16', [w.name for w in dl4c.published_weights()])
        os.mkdir(self.path('www'))
        data = bytes(range(256)) * 40
        with open(self.path('www/w.bin'), 'wb') as f:
            f.write(data)
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=self.path('www')))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url, digest = 'http://127.0.0.1:%d/' % server.server_port, hashlib.sha256(data).hexdigest()
            try:
                got = dl4c.fetch(url + 'w.bin', self.path('cache'), sha256=digest)
            except errors.UnsupportedError as why:
                self.skipTest(str(why))
            with open(got.path, 'rb') as f:
                self.assertEqual(f.read(), data)
            self.assertEqual((got.sha256, got.checked, got.size_bytes, got.received), (digest, 'sha256', len(data), len(data)))
            self.assertEqual(dl4c.fetch(url + 'w.bin', self.path('cache'), offline=True).received, 0)
            with self.assertRaises(errors.CorruptError):
                dl4c.fetch(url + 'w.bin', self.path('other'), sha256='0' * 64)
            with self.assertRaises(errors.NotFoundError):
                dl4c.fetch(url + 'none.bin', self.path('cache'))
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        with self.assertRaises(errors.NotFoundError):
            dl4c.fetch('vgg16', self.path('cache'), offline=True)


class BuildInfo(unittest.TestCase):
    def test_parts_that_are_said_to_be_there_are(self):
        info = dl4c.build_info()
        self.assertEqual((info['version'], info['kernels']), (dl4c.library_version(), dl4c.cpu_kernels()))
        for part in ('blis', 'png', 'onnx', 'curl', 'hdfs', 'tls', 'mpi', 'monitor'):
            self.assertIn(info[part], ('yes', 'no'), part)
        with tempfile.TemporaryDirectory() as folder:
            for part, use in (('hdfs', lambda: dl4c.fs.stat('webhdfs://127.0.0.1:1/a?timeout=1')),
                              ('monitor', lambda: dl4c.Monitor(folder).close()), ('onnx', lambda: dl4c.Graph.from_bytes(b'', 'onnx')),
                              ('tls', lambda: dl4c.transport.Group('tcp://127.0.0.1:1', timeout=0.1))):
                raised = None
                try:
                    use()
                except errors.Error as why:
                    raised = why
                self.assertEqual(isinstance(raised, errors.UnsupportedError), info[part] == 'no', '%s: %s' % (part, raised))


class Memory(unittest.TestCase):
    def test_nothing_grows(self):
        graph, roc = deep(), measures.Roc()
        roc.add(LABELS, X[:, 1] / 10)

        def once():
            dl4c.fit_early_stopping(graph.clone(), (X, LABELS), (X, LABELS), epochs=2)
            helper = dl4c.Transfer(graph.clone(), 'a')
            helper.fit(helper.featurize((X, LABELS)), epochs=1)
            dl4c.Normalizer('standardize').fit(X)
            roc.curve('roc')
            measures.Roc.from_dl4j(roc.dl4j_json())
            str(dl4c.compare(graph, graph, input=X))
        once()
        gc.collect()
        before = dl4c.memory()[0]
        for _ in range(10):
            once()
        gc.collect()
        self.assertEqual(dl4c.memory()[0], before)


class WrongClasses(unittest.TestCase):
    def test_an_object_of_another_class_is_a_type_error(self):
        graph, other, roc = deep(), dl4c.Evaluation(2), measures.Roc()
        for call in (lambda: dl4c.Session(other), lambda: dl4c.Normalizer('vgg16', context=graph), lambda: graph.join(other),
                     lambda: graph.evaluate((X, LABELS), measures=[other]), lambda: other.merge(roc), lambda: roc.merge(other),
                     lambda: dl4c.fit(other, (X, LABELS)), lambda: dl4c.Trainer(roc), lambda: dl4c.Transfer(None),
                     lambda: dl4c.Normalizer.of(other), lambda: dl4c.softmax_head(graph), lambda: dl4c.predict(graph, graph),
                     lambda: dl4c.featurize(graph, (X, LABELS), 'out'), lambda: dl4c.Builder(other), lambda: dl4c.compare(other, graph),
                     lambda: dl4c.fit_early_stopping(other, (X, LABELS), (X, LABELS), epochs=1),
                     lambda: dl4c.ImageReader('.', for_graph=other)):
            with self.assertRaisesRegex(TypeError, 'wanted|expected'):
                call()


if __name__ == '__main__':
    main()
