# SPDX-License-Identifier: Apache-2.0
"""Normalizers of features and labels, as Deeplearning4j's DataNormalization has them, and its normalizer.bin."""
from __future__ import annotations

from ctypes import byref, c_int64, c_void_p
from typing import Any, List, Optional, TypeVar

import numpy as np

from ._core import Handle, Owned, Path, call, encode, need, optional
from ._native import lib
from .context import Context
from .graph import Graph
from .source import Source
from .tensor import ArrayLike, Tensor, wrap

Array = TypeVar('Array', bound=ArrayLike)


def _rows(source: Source) -> 'tuple[Any, Any]':
    """All rows of a source, and its float targets where it has such."""
    xs: List[Any] = []
    ys: List[Any] = []
    for x, y in source.batches(256):
        xs.append(x)
        if y is not None and y.dtype.kind == 'f':
            ys.append(y)
    if not xs:
        return np.zeros((0, *source.source_info['shape']), np.float32), None
    return np.concatenate(xs), np.concatenate(ys) if ys else None


class Normalizer(Handle):
    """What was learnt of the data, and how to use it, made from a text.

    "standardize" (mean 0, standard deviation 1; labels=1: the labels too), "min_max" (min=0, max=1: the target range; labels=1),
    "image_scaler" (min=0, max=1, pixel=255: from 0 ... pixel to min ... max), "vgg16" (the means of ImageNet, blue first, are subtracted):
    Normalizer('min_max:min=-1,max=1'). The first two must be fitted before use.

    Rows are [n, features]; images [n, channels, height, width] are normalised channel by channel. InvalidError: no such normalizer, or an
    argument out of range.

    >>> n = dl4c.Normalizer('standardize').fit(x)
    >>> rows = n.apply(x.copy())
    >>> bool(np.allclose(rows.mean(0), 0, atol=1e-6)), bool(np.allclose(n.revert(rows), x, atol=1e-6))
    (True, True)
    """

    _noun = 'normalizer'

    def __init__(self, spec: str, context: Optional[Context] = None) -> None:
        found = c_void_p()
        call(lib.dl4c_normalizer_create, optional(context), encode(spec), byref(found))
        super().__init__(Owned(found, lib.dl4c_normalizer_destroy))

    @classmethod
    def _make(cls, function: Any, *arguments: Any) -> Normalizer:
        found = c_void_p()
        call(function, *arguments, byref(found))
        made = cls.__new__(cls)
        Handle.__init__(made, Owned(found, lib.dl4c_normalizer_destroy))
        return made

    @classmethod
    def load(cls, uri: Path, context: Optional[Context] = None) -> Normalizer:
        """Reads a file that save() or Deeplearning4j's NormalizerSerializer wrote. NotFoundError, CorruptError, UnsupportedError."""
        return cls._make(lib.dl4c_normalizer_load, optional(context), encode(uri))

    def save(self, uri: Path) -> None:
        """Writes such a file. StateError: not fitted; UnsupportedError: "vgg16", which Deeplearning4j does not write either."""
        call(lib.dl4c_normalizer_save, self._open, encode(uri))

    @classmethod
    def of(cls, graph: Graph) -> Normalizer:
        """A copy of the one that a model came with, normalizer.bin of its zip. NotFoundError: it has none."""
        return cls._make(lib.dl4c_graph_get_normalizer, need(graph, Graph))

    def give_to(self, graph: Graph) -> None:
        """Gives a copy to a model, which is saved with it."""
        call(lib.dl4c_graph_set_normalizer, need(graph, Graph), self._open)

    def fit(self, features: Any, labels: Optional[ArrayLike] = None) -> Normalizer:
        """Learns from all rows at once, in double, and forgets what it knew: float32 arrays, or a source, whose rows are all read into
        memory, with its float targets. labels are wanted with labels=1 only.

        InvalidError: no rows, or not float32 in C order; StateError: an object was closed.
        """
        if isinstance(features, Source):
            if labels is not None:
                raise TypeError('labels beside a source: its own targets are taken')
            features, labels = _rows(features)
        call(lib.dl4c_normalizer_fit, self._open, wrap(features), None if labels is None else wrap(labels))
        return self

    def _change(self, function: Any, array: Array) -> Array:
        if not isinstance(array, (np.ndarray, Tensor)):
            raise TypeError('%s is changed where it lies: a NumPy array or a Tensor is wanted' % type(array).__name__)
        call(function, self._open, wrap(array))
        return array

    def apply(self, features: Array) -> Array:
        """Normalises float32 features [n, ...] in C order where they lie, and gives the same array back. A feature that never changed is
        only shifted.

        StateError: not fitted; InvalidError: read-only, another type, or another number of features or channels than it was fitted on.
        """
        return self._change(lib.dl4c_normalizer_apply, features)

    def revert(self, features: Array) -> Array:
        """Undoes apply(), up to rounding, in the same way."""
        return self._change(lib.dl4c_normalizer_revert, features)

    def apply_labels(self, labels: Array) -> Array:
        """Normalises float32 labels where they lie, if they were fitted; else nothing happens."""
        return self._change(lib.dl4c_normalizer_apply_labels, labels)

    def revert_labels(self, labels: Array) -> Array:
        """Undoes apply_labels()."""
        return self._change(lib.dl4c_normalizer_revert_labels, labels)

    def _learnt(self, function: Any) -> 'Optional[np.ndarray[Any, Any]]':
        count, owned = c_int64(), self._open
        found = function(owned, byref(count))
        return np.ctypeslib.as_array(found, (count.value,)).copy() if found else None

    @property
    def center(self) -> 'Optional[np.ndarray[Any, Any]]':
        """Means of the features, or their minima, float32 [features]; None: nothing was learnt."""
        return self._learnt(lib.dl4c_normalizer_center)

    @property
    def spread(self) -> 'Optional[np.ndarray[Any, Any]]':
        """Standard deviations of the features, or their maxima, likewise."""
        return self._learnt(lib.dl4c_normalizer_spread)


__all__ = ['Normalizer']
