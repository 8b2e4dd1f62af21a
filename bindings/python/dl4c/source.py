# SPDX-License-Identifier: Apache-2.0
"""Sources: what fit and evaluate take. Image readers and features stores are sources too, and batches that Python makes."""
from __future__ import annotations

from ctypes import POINTER, byref, c_char_p, c_float, c_int64, c_void_p, cast
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._callbacks import fallible, release_fn
from ._core import Handle, Owned, call, encode, names, optional, strings, text
from ._native import lib
from ._native import source as c
from .context import Context
from .errors import StateError
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

    >>> source = dl4c.TensorSource(x, y, n_classes=2)
    >>> source.source_info['shape'], source.source_info['rows'], [len(part) for part, labels in source.batches(16)]
    ((4,), 40, [16, 16, 8])
    """

    def __init__(self, x: ArrayLike, labels: Optional[Any] = None, n_classes: int = 0, context: Optional[Context] = None) -> None:
        found = c_void_p()
        xs, ys = wrap(x, context), None if labels is None else wrap(labels, context)
        call(lib.dl4c_source_tensors, optional(context), xs, ys, n_classes, byref(found))
        super().__init__(Owned(found, lib.dl4c_source_destroy))


Batches = Union[Iterable[Any], Callable[[bool, int, int], Iterable[Any]]]
_NAMES = ('x', 'y', 'x_mask', 'y_mask')


class _Maker:
    """Regroups what an iterable gives to the batches that the library asks for, and keeps what C reads."""

    def __init__(self, batches: Batches, count: int) -> None:
        self.batches, self.count = batches, count
        self.once = not callable(batches) and iter(batches) is batches
        self.begun = False
        self.epoch: Optional[Iterator[Any]] = None
        self.first: Optional[List[Any]] = None
        self.shape: Tuple[int, ...] = ()
        self.rest: List[List[Any]] = []
        self.given: List[Any] = []

    def begin(self, shuffle: bool, seed: int, epoch: int) -> Iterator[Any]:
        if self.once and self.begun:
            raise StateError('the iterator was used up by the epoch before: something that can be begun again is wanted, as a list, '
                             'or a function of (shuffle, seed, epoch)')
        self.begun = True
        return iter(self.batches(shuffle, seed, epoch) if callable(self.batches) else self.batches)

    def parts(self, item: Any) -> List[Any]:
        """An item as [x, y, x_mask, y_mask] of rows that fit together."""
        given = list(item) if isinstance(item, (tuple, list)) else [item]
        if not 1 <= len(given) <= 4:
            raise ValueError('a batch of %d parts: x, (x, y), (x, y, x_mask) or (x, y, x_mask, y_mask) is wanted' % len(given))
        given += [None] * (4 - len(given))
        found: List[Any] = [np.ascontiguousarray(given[0], np.float32)]
        y = None if given[1] is None else np.asarray(given[1])
        if y is not None:
            soft = y.dtype.kind == 'f'
            if y.dtype.kind not in 'iuf' or (not soft and y.ndim != 1) or (soft and y.ndim < 2):
                raise ValueError('labels %s of %s: whole numbers [n] or float targets [n, k] are wanted' % (list(y.shape), y.dtype))
            y = np.ascontiguousarray(y, np.float32 if soft else np.int64)
        found.append(y)
        found += [None if m is None else np.ascontiguousarray(m, np.float32) for m in given[2:]]
        n = found[0].shape[0] if found[0].ndim else -1
        for name, part in zip(_NAMES, found):
            if part is not None and (part.ndim < 1 or part.shape[0] != n):
                raise ValueError('a batch whose x is %s and %s %s: as many rows are wanted' %
                                 (list(found[0].shape), name, list(part.shape)))
        return found

    def look(self) -> None:
        """Takes the first batch, to learn shapes."""
        epoch = self.begin(False, 0, 0)
        item = next(epoch, None)
        if item is None:
            raise ValueError('the source gives no batch: its shape is not known')
        self.first = self.parts(item)
        if self.first[0].ndim > 8 or self.first[0].ndim < 2:
            raise ValueError('rows of %d axes: 1 to 7 are wanted' % (self.first[0].ndim - 1))
        self.learn(self.first)
        if self.once:
            self.epoch, self.begun = epoch, False
        else:
            self.first = None

    def learn(self, parts: List[Any]) -> None:
        self.shape = tuple(parts[0].shape[1:])
        if parts[1] is not None and parts[1].ndim > 1 and not self.count:
            self.count = int(np.prod(parts[1].shape[1:]))
        self.fits(parts)

    def fits(self, parts: List[Any]) -> None:
        """What C reads is there: it knows no lengths but those of info."""
        x, y, x_mask = parts[:3]
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError('a batch of rows %s, %s was wanted' % (list(x.shape[1:]), list(self.shape)))
        if y is not None and y.ndim == 1 and not self.count:
            raise ValueError('whole numbers as labels want n_classes or classes')
        if y is not None and y.ndim > 1 and y.size != len(y) * self.count:
            raise ValueError('targets %s, %d values a row were wanted' % (list(y.shape), self.count))
        if x_mask is not None and x_mask.size != len(x) * self.shape[-1]:
            raise ValueError('x_mask is %s for rows %s: [n, time] is wanted' % (list(x_mask.shape), list(self.shape)))

    def reset(self, user: Any, shuffle: int, seed: int, epoch: int) -> None:
        self.rest = []
        if self.once and self.epoch is not None and not self.begun:
            self.begun = True
            if self.first is not None:
                self.rest, self.first = [self.first], None
            return
        self.epoch = self.begin(bool(shuffle), seed, epoch)

    def more(self) -> bool:
        """One more batch of the iterable, where there is one."""
        if self.epoch is None:
            return False
        for item in self.epoch:
            parts = self.parts(item)
            self.fits(parts)
            if self.rest and [p is None for p in parts] != [p is None for p in self.rest[0]]:
                raise ValueError('a batch that has other parts (labels, masks) than the one before')
            if len(parts[0]):
                self.rest.append(parts)
            return True
        self.epoch = None
        return False

    def next(self, user: Any, most: int, batch: Any) -> None:
        have = sum(len(r[0]) for r in self.rest)
        while have < most and self.more():
            have = sum(len(r[0]) for r in self.rest)
        n, taken = min(most, have), [[] for _ in _NAMES]  # type: Tuple[int, List[List[Any]]]
        left = n
        while left:
            head = self.rest[0]
            k = min(left, len(head[0]))
            for to, part in zip(taken, head):
                if part is not None:
                    to.append(part[:k])
            if k == len(head[0]):
                self.rest.pop(0)
            else:
                self.rest[0] = [None if part is None else part[k:] for part in head]
            left -= k
        parts = [None if not t else t[0] if len(t) == 1 else np.concatenate(t) for t in taken]
        self.given = parts
        to = batch[0]
        to.n = n
        if n == 0:
            return
        x, y, x_mask, y_mask = parts
        floats = POINTER(c_float)
        assert x is not None
        to.x = x.ctypes.data_as(floats)
        if y is not None and y.dtype == np.int64:
            to.labels = y.ctypes.data_as(POINTER(c_int64))
        elif y is not None:
            to.y = y.ctypes.data_as(floats)
        if x_mask is not None:
            to.x_mask = x_mask.ctypes.data_as(floats)
        if y_mask is not None:
            to.y_mask, to.y_mask_values = y_mask.ctypes.data_as(floats), y_mask.size // n


class BatchSource(Source):
    """Batches that Python makes: anything that can be iterated again and again, or a function of (shuffle, seed, epoch) that answers an
    iterable for one epoch, whose order must depend on these alone.

    A batch is x [n, ...], or (x, y), (x, y, x_mask), (x, y, x_mask, y_mask): x becomes float32; y are whole numbers [n] below n_classes or
    float targets [n, k]. Batches may have any number of rows: they are regrouped to those asked for, so that a training does not depend on
    how the rows came. An iterator that cannot be begun again serves one epoch. shape: of a row; None: that of the first batch, which is
    made for that. classes: names, in index order. rows: examples of an epoch, -1: not known. digest: text that is equal for equal examples.

    What the iterable raises comes out of the call that asked. ValueError: a batch that does not fit, or no n_classes for whole numbers.

    >>> def epoch(shuffle, seed, number):
    ...     order = np.random.default_rng((seed, number)).permutation(40) if shuffle else np.arange(40)
    ...     for rows in np.array_split(order, 7):
    ...         yield x[rows], y[rows]
    >>> source = dl4c.BatchSource(epoch, n_classes=2, rows=40)
    >>> [len(part) for part, labels in source.batches(16)]
    [16, 16, 8]
    >>> net.evaluate(source).accuracy == net.evaluate((x, y)).accuracy
    True
    """

    def __init__(self, batches: Batches, n_classes: int = 0, classes: Optional[Sequence[str]] = None,
                 shape: Optional[Sequence[int]] = None, rows: int = -1, digest: Optional[str] = None,
                 context: Optional[Context] = None) -> None:
        named = names(classes)
        if n_classes and named and n_classes != len(named):
            raise ValueError('%d classes with %d names' % (n_classes, len(named)))
        maker = _Maker(batches, n_classes or len(named))
        if shape is None:
            maker.look()
        else:
            maker.shape = tuple(int(n) for n in shape)
            if not 1 <= len(maker.shape) <= 7:
                raise ValueError('a shape of %d axes: 1 to 7 are wanted' % len(maker.shape))
        listed, digest_text = strings(named), encode(digest)

        def info(user: Any, to: Any) -> None:
            i = to[0]
            i.rank, i.n_classes, i.rows, i.digest = len(maker.shape), maker.count, rows, digest_text
            i.shape[:len(maker.shape)] = list(maker.shape)
            if listed is not None:
                i.classes = cast(listed, POINTER(c_char_p))

        ops = c.dl4c_source_ops()
        kinds: Dict[str, Any] = {f[0]: f[1] for f in ops._fields_}
        ops.info, ops.reset = fallible(kinds['info'], info), fallible(kinds['reset'], maker.reset)
        ops.next = fallible(kinds['next'], maker.next)
        found = c_void_p()
        call(lib.dl4c_source_create, optional(context), byref(ops), None, release_fn(), byref(found))
        super().__init__(Owned(found, lib.dl4c_source_destroy, (ops, maker, listed)))


def source_of(value: Any) -> Owned:
    """What fit and evaluate take: a Source, or a pair of arrays."""
    if isinstance(value, Source):
        return value._source()
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return TensorSource(value[0], value[1])._source()
    raise TypeError('%s is no source: an ImageReader, Features, TensorSource, BatchSource or a pair (x, labels) is wanted'
                    % type(value).__name__)


__all__: List[str] = ['BatchSource', 'Source', 'TensorSource']
