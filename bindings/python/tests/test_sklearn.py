# SPDX-License-Identifier: Apache-2.0
# scikit-learn's own checks of its estimators, a pipeline from photographs to classes, a search over parameters.
import os
import pickle
import sys
import tempfile
import unittest
import warnings

from support import AT, MODEL, draw
from told import main

try:
    import sklearn
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.utils.estimator_checks import check_estimator
except ImportError as why:
    print('skipped: scikit-learn cannot be imported: %s' % why)
    sys.exit(77)

import numpy as np

import dl4c
from dl4c import errors
from dl4c.sklearn import ImageFeaturizer, SoftmaxHead


# It weighs one class 10^7 times another in 50 rows and wants what the optimum gives; minibatches of so many epochs do not get there.
NOT_PASSED = {'check_class_weight_classifiers': 'wants the optimum of a loss of which one class has nearly all the weight'}


class Head(unittest.TestCase):
    def test_it_passes_the_checks_of_scikit_learn(self):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            results = check_estimator(SoftmaxHead(threads=1), on_fail=None, on_skip=None, expected_failed_checks=NOT_PASSED)
        self.assertEqual([(r['check_name'], r['status'], str(r['exception'])) for r in results if r['status'] not in ('passed', 'skipped')
                          and r['check_name'] not in NOT_PASSED], [])
        self.assertGreater(sum(r['status'] == 'passed' for r in results), 40)

    def test_the_same_bits_as_fit_and_from_epochs_in_parts(self):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(50, 5)).astype('f4'), rng.integers(0, 3, 50)
        head = SoftmaxHead(epochs=4, batch=8).fit(x, np.array(['a', 'b', 'c'])[y])
        g = dl4c.Builder().input('features', [5]).add('output:units=3,activation=softmax,loss=negative_log_likelihood', 'predictions',
                                                      'features').finish()
        g.fit((x, y), epochs=4, batch=8, updater='adam:lr=0.01')
        np.testing.assert_array_equal(head.graph_.param('predictions', 'W'), g.param('predictions', 'W'))
        self.assertEqual(head.graph_.classes, ['a', 'b', 'c'])
        np.testing.assert_array_equal(head.predict_proba(x[7:8]), head.predict_proba(x)[7:8])
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(head)).predict(x), head.predict(x))
        parts = SoftmaxHead(batch=8)
        for _ in range(30):
            parts.partial_fit(x, y, classes=[0, 1, 2])
        whole = SoftmaxHead(batch=8, epochs=30).fit(x, y)
        self.assertAlmostEqual(parts.score(x, y), whole.score(x, y), delta=0.1)
        self.assertGreater(parts.score(x, y), 0.5)
        with self.assertRaisesRegex(ValueError, 'first call'):
            parts.partial_fit(x, y, classes=[0, 1])


class Featurizer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.TemporaryDirectory()
        draw(os.path.join(cls.work.name, 'images'), 4)
        cls.reader = dl4c.ImageReader(os.path.join(cls.work.name, 'images'), for_graph=dl4c.load(MODEL))
        cls.paths = np.array([os.path.join(cls.work.name, 'images', p) for p in cls.reader.paths])
        cls.labels = np.array([cls.reader.classes[k] for k in cls.reader.labels])

    @classmethod
    def tearDownClass(cls):
        cls.work.cleanup()

    def test_rows_are_those_of_a_features_store(self):
        graph = dl4c.load(MODEL)
        for pool in (None, 'avg', 'max'):
            store = os.path.join(self.work.name, 'store-%s' % pool)
            dl4c.featurize(graph, self.reader, store, at=AT, pool=pool)
            want = np.concatenate(dl4c.Features(store).shards).reshape(len(self.paths), -1)
            f = ImageFeaturizer(MODEL, at=AT, pool=pool, batch=7)
            np.testing.assert_array_equal(f.fit_transform(self.paths), want)
            np.testing.assert_array_equal(f.transform(self.paths[:, None]), want)
            self.assertEqual(len(f.get_feature_names_out()), want.shape[1])
            x = np.concatenate([x for x, _ in self.reader.batches(8)])
            np.testing.assert_array_equal(f.transform(x), want)
            np.testing.assert_array_equal(f.transform(x.reshape(len(x), -1)), want)

    def test_pictures_are_preprocessed(self):
        one = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
        f = ImageFeaturizer(dl4c.load(MODEL), at=AT, preprocess='none')
        np.testing.assert_array_equal(f.transform(one), f.transform(one.transpose(0, 3, 1, 2).astype('f4')))
        self.assertEqual(f.transform(one[:, :50, :40, 0]).shape, (3, 64 * 4 * 4))

    def test_fit_checks(self):
        for bad, said in ((ImageFeaturizer(), ValueError), (ImageFeaturizer(MODEL, at='block4_pol'), errors.NotFoundError),
                          (ImageFeaturizer(MODEL, pool='mean'), ValueError), (ImageFeaturizer('/nowhere.zip'), errors.NotFoundError)):
            with self.assertRaises(said):
                bad.fit(self.paths)
        with self.assertRaises(errors.Error):
            ImageFeaturizer(MODEL).transform(['/nowhere.png'])

    def test_a_pipeline_and_a_search(self):
        pipe = make_pipeline(ImageFeaturizer(dl4c.load(MODEL), at=AT, pool='avg'), SoftmaxHead(epochs=10))
        search = GridSearchCV(pipe, {'softmaxhead__updater': ['adam:lr=0.01', 'sgd:lr=1e-9'],
                                     'imagefeaturizer__pool': ['avg', 'max']}, cv=2)
        search.fit(self.paths, self.labels)
        best = search.best_params_
        rows = ImageFeaturizer(MODEL, at=AT, pool=best['imagefeaturizer__pool']).transform(self.paths)
        alone = SoftmaxHead(epochs=10, updater=best['softmaxhead__updater']).fit(rows, self.labels)
        np.testing.assert_array_equal(search.predict_proba(self.paths), alone.predict_proba(rows))
        copy = clone(search.best_estimator_)
        self.assertFalse(hasattr(copy[-1], 'graph_'))
        again = pickle.loads(pickle.dumps(search.best_estimator_))
        np.testing.assert_array_equal(again.predict(self.paths), search.predict(self.paths))


if __name__ == '__main__':
    print('scikit-learn %s' % sklearn.__version__)
    main()
