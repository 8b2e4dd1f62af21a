# SPDX-License-Identifier: Apache-2.0
"""Estimators for scikit-learn: features of images from a frozen network, and a softmax head trained on them.

    make_pipeline(ImageFeaturizer('vgg16.zip', at='fc2'), SoftmaxHead(epochs=20)).fit(paths, classes)
"""
from __future__ import annotations

import os
from ctypes import POINTER, byref, c_float, c_void_p
from typing import Any, Dict, List, Optional, Union

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from sklearn.utils import check_random_state  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from sklearn.utils.multiclass import check_classification_targets  # type: ignore[import-untyped,import-not-found,unused-ignore]
    from sklearn.utils.validation import check_is_fitted, validate_data  # type: ignore[import-untyped,import-not-found,unused-ignore]
except ImportError as why:
    raise ImportError('dl4c.sklearn wants scikit-learn 1.6 or later: pip install scikit-learn (%s)' % why) from why

from ._core import call, encode
from ._native import image as i
from ._native import lib
from ._native.tensor import dl4c_release_cookie_fn
from .features import POOLS
from .graph import Builder, Graph, Session, load
from .reader import ImageReader


class ImageFeaturizer(TransformerMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
    """Images to what a frozen network makes of them: float32 [n, features].

    model: a dl4c.Graph, or the path or URI of one; at: the vertex whose output is wanted, None: the graph's own output; pool: "avg" or
    "max" over space, None: all values flattened. preprocess, height, width: None and 0: as the model records. batch: images at once, which
    changes no bit; threads: 0: all; precision: as for Session. The same rows as dl4c.featurize stores.

    Images are paths or URIs ([n] or [n, 1]), pictures as uint8 [n, height, width, 3] (red first) or [n, height, width], or the network's
    input as float32 [n, channels, height, width] or flattened. There is nothing to fit: fit checks the parameters.

    >>> from dl4c.sklearn import ImageFeaturizer
    >>> paths = ['images/' + path for path in dl4c.ImageReader('images', for_graph=photo_net).paths]
    >>> ImageFeaturizer('minivgg.zip', at='block4_pool', pool='avg').transform(paths).shape
    (60, 64)
    """

    def __init__(self, model: Any = None, at: Optional[str] = None, pool: Optional[str] = None, preprocess: Optional[str] = None,
                 height: int = 0, width: int = 0, batch: int = 16, threads: int = 0, precision: str = 'f32') -> None:
        self.model, self.at, self.pool, self.preprocess = model, at, pool, preprocess
        self.height, self.width, self.batch, self.threads, self.precision = height, width, batch, threads, precision

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array, tags.input_tags.three_d_array, tags.input_tags.string = False, True, True
        return tags

    def _graph(self) -> Graph:
        """The frozen graph. A path is loaded once for each process, and again where the parameter changed."""
        if isinstance(self.model, Graph):
            return self.model
        if self.model is None:
            raise ValueError('model is None: a dl4c.Graph or the path of a model is wanted')
        kept = self.__dict__.get('_loaded')
        if kept is None or kept[0] != self.model:
            kept = self.__dict__['_loaded'] = (self.model, load(self.model))
        graph: Graph = kept[1]
        return graph

    def __getstate__(self) -> Any:
        state = dict(super().__getstate__())
        state.pop('_loaded', None)
        return state

    def _check(self) -> Graph:
        if self.pool not in POOLS:
            raise ValueError('pool is %r: "avg", "max" or None is wanted' % self.pool)
        if self.batch < 1:
            raise ValueError('batch is %r: 1 or more is wanted' % self.batch)
        graph = self._graph()
        if self.at is not None:
            graph[self.at]
        return graph

    def fit(self, X: Any = None, y: Any = None) -> ImageFeaturizer:
        """Checks the parameters. NotFoundError: no such vertex, with the nearest; ValueError: another parameter."""
        self._check()
        return self

    def _session(self, graph: Graph, rows: int) -> Session:
        return Session(graph, batch=max(1, min(self.batch, rows)), outputs=self.at, threads=self.threads, precision=self.precision)

    def _pooled(self, features: Any) -> Any:
        if self.pool is not None and features.ndim == 4:
            flat = features.reshape(*features.shape[:2], -1)
            # one after the other in double precision, as the library sums
            features = (np.cumsum(flat, -1, np.float64)[..., -1] / flat.shape[-1]).astype(np.float32) if self.pool == 'avg' \
                else flat.max(-1)
        return np.array(features.reshape(len(features), -1))

    def transform(self, X: Any) -> Any:
        """float32 [n, features]. An image that cannot be read is an error, which names it: rows stay those of X."""
        graph = self._check()
        images = X if isinstance(X, np.ndarray) else np.asarray(X, object) if len(X) and isinstance(X[0], (str, bytes, os.PathLike)) \
            else np.asarray(X)
        if images.ndim == 0 or not len(images):
            raise ValueError('no images: an array of shape %s' % list(images.shape))
        if images.dtype.kind in 'OSU':
            return self._of_paths(graph, images)
        with self._session(graph, len(images)) as session:
            shape = session.input_shapes[0]
            if images.dtype == np.uint8 and images.ndim in (3, 4):
                return self._of_pictures(graph, session, images)
            x = np.ascontiguousarray(images, np.float32).reshape(len(images), *shape)
            return self._run(session, (x[k:k + self.batch] for k in range(0, len(x), self.batch)))

    def _run(self, session: Session, batches: Any) -> Any:
        return np.concatenate([self._pooled(session.run(x)) for x in batches])

    def _of_paths(self, graph: Graph, images: Any) -> Any:
        paths = images.reshape(-1)
        if len(paths) != len(images):
            raise ValueError('paths of shape %s: [n] or [n, 1] is wanted' % list(images.shape))
        with ImageReader(paths=[p if isinstance(p, (bytes, os.PathLike)) else str(p) for p in paths], for_graph=graph,
                         height=self.height, width=self.width, preprocess=self.preprocess, threads=self.threads, on_bad='fail') as reader:
            with self._session(graph, len(paths)) as session:
                return self._run(session, (x for x, _ in reader.batches(self.batch)))

    def _of_pictures(self, graph: Graph, session: Session, images: Any) -> Any:
        channels, height, width = session.input_shapes[0]
        p = i.dl4c_preprocess()
        call(lib.dl4c_preprocess_parse, None, encode(self.preprocess or graph.info.preprocess or 'none'), byref(p))
        depth = images.shape[3] if images.ndim == 4 else 1
        if depth not in (1, 3):
            raise ValueError('pictures of shape %s: 1 or 3 channels, behind height and width, are wanted' % list(images.shape))

        def batches() -> Any:
            for k in range(0, len(images), self.batch):
                part = np.ascontiguousarray(images[k:k + self.batch])
                x = np.empty((len(part), channels, height, width), np.float32)
                for picture, to in zip(part, x):
                    img = c_void_p()
                    call(lib.dl4c_image_wrap, None, picture.shape[1], picture.shape[0], depth, picture.ctypes.data,
                         picture.shape[1] * depth, dl4c_release_cookie_fn(), None, byref(img))
                    try:
                        call(lib.dl4c_image_to_floats, img, byref(p), channels, height, width, to.ctypes.data_as(POINTER(c_float)))
                    finally:
                        lib.dl4c_image_destroy(byref(img))
                yield x
        return self._run(session, batches())

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """"fc2_0", "fc2_1" ..."""
        graph = self._check()
        with self._session(graph, 1) as session:
            shape = session.output_shapes[0]
        n = shape[0] if self.pool is not None and len(shape) == 3 else int(np.prod(shape))
        return np.array(['%s_%d' % (self.at or graph.outputs[0], k) for k in range(n)], object)


class SoftmaxHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc,unused-ignore]
    """A prediction layer: softmax with negative log likelihood over float32 features [n, k], trained as dl4c.fit trains.

    updater: text, dl4c.Nesterovs(...) and so on; epochs: of fit; batch: rows of a minibatch; l1, l2: regularisation; dropout: probability
    to retain a feature, 0: off; class_weight: None, "balanced" or a dictionary; workers, threads: as for dl4c.fit. random_state: the same
    number gives the same bits. After fit: classes_, n_features_in_, graph_ (a dl4c.Graph, which trunk.join takes and save writes).

    >>> from dl4c.sklearn import SoftmaxHead
    >>> bool(SoftmaxHead('adam:lr=0.1', epochs=50, threads=1).fit(x, y).score(x, y) > 0.9)
    True
    """

    def __init__(self, updater: str = 'adam:lr=0.01', epochs: int = 30, batch: int = 32, l1: float = 0.0, l2: float = 0.0,
                 dropout: float = 0.0, weight_init: Optional[str] = None, lr_schedule: Optional[str] = None,
                 class_weight: Union[None, str, Dict[Any, float]] = None, workers: int = 0, threads: int = 0,
                 random_state: Any = 42) -> None:
        self.updater, self.epochs, self.batch, self.l1, self.l2, self.dropout = updater, epochs, batch, l1, l2, dropout
        self.weight_init, self.lr_schedule, self.class_weight = weight_init, lr_schedule, class_weight
        self.workers, self.threads, self.random_state = workers, threads, random_state

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(1, 1 << 31))

    def _begin(self, classes: Any, n: int) -> None:
        self.classes_ = classes
        self._used_seed = self._seed()
        text = 'output:units=%d,activation=softmax,loss=negative_log_likelihood' % len(classes)
        for name, value in (('weight_init', self.weight_init), ('dropout', self.dropout or None)):
            if value is not None:
                text += ',%s=%s' % (name, value)
        self.graph_ = Builder().input('features', [n]).add(text, 'predictions', 'features').seed(self._used_seed).finish()
        info = self.graph_.info
        info.classes = [str(c) for c in classes]
        self.graph_.set_info(info)

    def _weights(self, y: Any) -> Union[None, str, List[float]]:
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, str):
            if self.class_weight != 'balanced':
                raise ValueError('class_weight is %r: None, "balanced" or a dictionary is wanted' % self.class_weight)
            return 'balanced'
        return [float(self.class_weight.get(c, 1.0)) for c in self.classes_.tolist()]

    def _train(self, X: Any, y: Any, epochs: int) -> None:
        index = np.searchsorted(self.classes_, y).astype(np.int64)
        self.graph_.fit((np.ascontiguousarray(X, np.float32), index), epochs=epochs, batch=self.batch, updater=self.updater, l1=self.l1,
                        l2=self.l2, lr_schedule=self.lr_schedule, class_weights=self._weights(index), workers=self.workers,
                        threads=self.threads, seed=self._used_seed)

    def fit(self, X: Any, y: Any) -> SoftmaxHead:
        """Trains a new layer on X [n, k] and y [n]. ValueError: shapes, NaN, fewer than two classes; DivergedError."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError('SoftmaxHead wants at least 2 classes, the data has only one class: %r' % classes[0])
        self._begin(classes, X.shape[1])
        self._train(X, y, self.epochs)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> SoftmaxHead:
        """One more epoch on X and y, from where it stands; the first call wants all classes there will be."""
        first = not hasattr(self, 'graph_')
        if first and classes is None:
            raise ValueError('classes must be passed on the first call to partial_fit.')
        X, y = validate_data(self, X, y, dtype=np.float32, reset=first)
        check_classification_targets(y)
        known = np.unique(classes) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError('classes are %r, the first call had %r' % (known, self.classes_))
        if not np.isin(y, known).all():
            raise ValueError('y has classes that are not among %r' % (known,))
        if first:
            if len(known) < 2:
                raise ValueError('SoftmaxHead wants at least 2 classes, only one class is given: %r' % known)
            self._begin(known, X.shape[1])
        self._train(X, y, 1)
        return self

    def predict_proba(self, X: Any) -> Any:
        """Probabilities float32 [n, classes], in the order of classes_. A row depends on itself alone."""
        check_is_fitted(self, 'graph_')
        X = np.ascontiguousarray(validate_data(self, X, dtype=np.float32, reset=False))
        with Session(self.graph_, batch=min(256, len(X)), threads=self.threads) as session:
            return np.concatenate([session.run(X[k:k + 256]).copy() for k in range(0, len(X), 256)])

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row."""
        p = self.predict_proba(X)
        return self.classes_[p.argmax(1)]


__all__ = ['ImageFeaturizer', 'SoftmaxHead']
