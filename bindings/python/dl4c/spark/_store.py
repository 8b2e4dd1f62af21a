# SPDX-License-Identifier: Apache-2.0
"""Features stores shard by shard: read by tasks that want a part of one, written from the elements of an RDD."""
from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np

from .. import errors, fs
from ..source import TensorSource
from . import _cluster, _tensors

Array = Any


class Store:
    """A store whose shards are read when they are wanted, and kept. Local ones are mapped."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        try:
            text = fs.read_bytes(fs.join(uri, 'manifest.json'))
        except errors.NotFoundError:
            raise errors.StateError('%s has no manifest.json: it is no features store, or was never finished' % uri, 'spark') from None
        self.digest = hashlib.sha256(text).hexdigest()
        try:
            entries = json.loads(text.decode())['shards']
            self.names: List[str] = [str(e['name']) for e in entries]
            self.first = np.cumsum([0] + [int(e['rows']) for e in entries])
        except (KeyError, TypeError, ValueError) as why:
            raise errors.CorruptError('%s/manifest.json: %s' % (uri, why), 'spark') from None
        self.rows = int(self.first[-1])
        self.kept: Dict[int, Tuple[Array, Array]] = {}

    def read(self, shard: int) -> Tuple[Dict[str, str], Array, Array]:
        """Metadata, rows and labels of a shard."""
        where = fs.join(self.uri, self.names[shard])
        data: Any = np.memmap(where, np.uint8, 'r') if os.path.isfile(where) else fs.read_bytes(where)
        metadata, tensors = _tensors.parse(data, where)
        try:
            return metadata, tensors['features'], tensors['labels']
        except KeyError as why:
            raise errors.CorruptError('%s has no tensor %s' % (where, why), 'spark') from None

    def take(self, order: Array) -> Tuple[Array, Array]:
        """The rows of these numbers, and their labels."""
        of = np.searchsorted(self.first, order, 'right') - 1
        x: Any = None
        y = np.empty(len(order), np.int64)
        for shard in np.unique(of):
            if shard not in self.kept:
                self.kept[int(shard)] = self.read(int(shard))[1:]
            rows, labels = self.kept[int(shard)]
            at = np.nonzero(of == shard)[0]
            within = order[at] - self.first[shard]
            if x is None:
                x = np.empty((len(order),) + rows.shape[1:], np.float32)
            x[at], y[at] = rows[within], labels[within]
        return x, y


_KEPT: Dict[Tuple[str, str], Store] = {}
_ORDERS: Dict[Tuple[int, bool, int, int], Array] = {}


def kept(uri: str, digest: str) -> Store:
    """The store, kept by the process for the next task. StateError: it is another one than the job began with."""
    if (uri, digest) not in _KEPT:
        store = Store(uri)
        if store.digest != digest:
            raise errors.StateError('%s was changed while it is trained on' % uri, 'spark')
        _KEPT.clear()
        _KEPT[uri, digest] = store
    return _KEPT[uri, digest]


def order(rows: int, shuffle: bool, seed: int, epoch: int) -> Array:
    """The order of rows in an epoch, the library's own: it depends on these alone."""
    key = (rows, shuffle, seed, epoch)
    if key not in _ORDERS:
        numbers = np.arange(rows, dtype=np.int64)
        pairs = np.stack([numbers // 4096, numbers % 4096], 1).astype(np.float32)  # exact in floats
        with TensorSource(pairs, np.zeros(rows, np.int64), 1) as source:
            found = np.concatenate([x for x, _ in source.batches(65536, shuffle, seed, epoch)]).astype(np.int64)
        _ORDERS.clear()
        _ORDERS[key] = found[:, 0] * 4096 + found[:, 1]
    return _ORDERS[key]


# ---- writing


def rows_of(element: Any, classes: int) -> Tuple[Array, Array]:
    """An element of an RDD, an example (x, y) or a minibatch of them, as rows [n, ...] and labels [n].

    y is a whole number or a vector with a one for the class; of minibatches [n] or [n, classes].
    """
    if not isinstance(element, (tuple, list)) or len(element) != 2:
        raise TypeError('an element of the RDD is %s: a pair (x, y) is wanted' % type(element).__name__)
    x, y = np.asarray(element[0], np.float32), np.asarray(element[1])
    hot = y.dtype.kind == 'f'
    if y.ndim == (1 if hot else 0):
        x, y = x[None], y[None]
    if y.ndim != (2 if hot else 1) or x.ndim < 2 or len(x) != len(y):
        raise ValueError('x is %s and y %s of %s: (x, whole number), (x, [classes]), (x [n, ...], [n]) or (x [n, ...], [n, classes]) is '
                         'wanted' % (list(np.shape(element[0])), list(np.shape(element[1])), y.dtype))
    if hot:
        if classes and y.shape[1] != classes:
            raise ValueError('targets of %d values, the graph has %d classes' % (y.shape[1], classes))
        if not ((y == 0) | (y == 1)).all() or not (y.sum(1) == 1).all():
            raise ValueError('targets that are no classes: over Spark each is wanted to have a single one, and zeros')
        y = y.argmax(1)
    if len(y) and (y.min() < 0 or (classes and y.max() >= classes)):
        raise ValueError('a label is %d, outside the %d classes' % (y.min() if y.min() < 0 else y.max(), classes))
    return x, y.astype(np.int64)


def _write(uri: str, names: List[str], environment: Dict[str, str], setup: _cluster.Setup, index: int,
           elements: Iterable[Any]) -> Iterator[Dict[str, Any]]:
    """A partition as a shard."""
    with _cluster.prepared(environment, setup):
        found = [rows_of(element, len(names)) for element in elements]
        if not found:
            return
        x, y = np.concatenate([x for x, _ in found]), np.concatenate([y for _, y in found])
        name = 'features-%05d.safetensors' % index
        data = _tensors.compose({'classes': json.dumps(names)} if names else {}, [('features', x), ('labels', y)])
        fs.write_bytes(fs.join(uri, name), data)
        yield {'name': name, 'rows': len(x), 'sha256': hashlib.sha256(data).hexdigest(), 'at': index}


def export(rdd: Any, uri: str, names: Optional[List[str]], environment: Dict[str, str], setup: _cluster.Setup) -> int:
    """Writes an RDD as a store, a shard for each partition, in their order. Returns how many rows there are."""
    from functools import partial
    fs.mkdir(uri)
    shards = sorted(rdd.mapPartitionsWithIndex(partial(_write, uri, names or [], environment, setup)).collect(), key=lambda s: s['at'])
    if not shards:
        raise errors.InvalidError('the RDD has no elements', 'spark')
    for shard in shards:
        del shard['at']
    fs.write_bytes(fs.join(uri, 'manifest.json'), json.dumps({'shards': shards}).encode())
    return sum(int(shard['rows']) for shard in shards)
