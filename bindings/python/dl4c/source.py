# SPDX-License-Identifier: Apache-2.0
"""Sources: what fit and evaluate take. Image readers and features stores are sources too."""
from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np

from ._core import Handle, Owned, call, optional, text
from ._native import lib
from ._native import source as c
from .context import Context
from .tensor import ArrayLike, wrap


class Source(Handle):
    """A sequence of batches that can be begun again. One thread at a time."""

    _noun = 'source'

    def _source(self) -> Owned:
        """The library's source; it keeps what it belongs to."""
        return self._open

    @property
    def source_info(self) -> Dict[str, Any]:
        """shape of a row, rows (-1: not known), n_classes, classes."""
        i, source = c.dl4c_source_info(), self._source()
        call(lib.dl4c_source_get_info, source, byref(i))
        return {'shape': tuple(i.shape[:i.rank]), 'rows': i.rows, 'n_classes': i.n_classes,
                'classes': [text(i.classes[k]) for k in range(i.n_classes)] if i.classes else []}

    def batches(self, size: int = 32, shuffle: bool = False, seed: int = 42,
                epoch: int = 0) -> Iterator[Tuple['np.ndarray[Any, Any]', Optional['np.ndarray[Any, Any]']]]:
        """One epoch as float32 arrays [n, ...] with int64 labels [n], or float32 targets [n, classes], or None. Copies."""
        source, shape = self._source(), self.source_info['shape']
        call(lib.dl4c_source_reset, source, int(shuffle), seed, epoch)
        while True:
            b = c.dl4c_batch()
            call(lib.dl4c_source_next, source, size, byref(b))
            if b.n == 0:
                return
            y = None
            if b.labels:
                y = np.ctypeslib.as_array(b.labels, (b.n,)).copy()
            elif b.y:
                y = np.ctypeslib.as_array(b.y, (b.n, self.source_info['n_classes'])).copy()
            yield np.ctypeslib.as_array(b.x, (b.n, *shape)).copy(), y


class TensorSource(Source):
    """Examples in memory: x [n, ...]; labels [n] whole numbers, or [n, k] targets, or None. float32 in C order is read where it lies.

    n_classes: of whole numbers; 0: the largest plus one. InvalidError: shapes that do not fit, a label outside the classes.
    """

    def __init__(self, x: ArrayLike, labels: Optional[Any] = None, n_classes: int = 0, context: Optional[Context] = None) -> None:
        found = c_void_p()
        xs, ys = wrap(x, context), None if labels is None else wrap(labels, context)
        call(lib.dl4c_source_tensors, optional(context), xs, ys, n_classes, byref(found))
        super().__init__(Owned(found, lib.dl4c_source_destroy))


def source_of(value: Any) -> Owned:
    """What fit and evaluate take: a Source, or a pair of arrays."""
    if isinstance(value, Source):
        return value._source()
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return TensorSource(value[0], value[1])._source()
    raise TypeError('%s is no source: an ImageReader, Features, TensorSource or a pair (x, labels) is wanted' % type(value).__name__)


__all__: List[str] = ['Source', 'TensorSource']
