# SPDX-License-Identifier: Apache-2.0
"""Features stores: what a frozen trunk makes of images, kept in files; and heads for them."""
from __future__ import annotations

from ctypes import byref, c_int32, c_int64, c_void_p
from typing import Any, Iterable, List, Optional, Tuple, Union

import numpy as np

from ._core import Cancel, Owned, Path, call, decode, encode, names, need, optional, strings, text
from ._long import Call, ProgressFunction
from ._native import features as c
from ._native import lib
from .context import Context
from .graph import Graph
from .reader import ImageReader
from .source import Source
from .tensor import Tensor

POOLS = {None: c.DL4C_POOL_NONE, 'avg': c.DL4C_POOL_AVG, 'max': c.DL4C_POOL_MAX}


class Features(Source):
    """A features store, opened from a folder of any file system, mapped where it can be. verify: checks all digests.

    NotFoundError, StateError (it was never finished), CorruptError (the message names the shard).

    >>> reader = dl4c.ImageReader('images', for_graph=photo_net)
    >>> dl4c.featurize(photo_net, reader, 'features', at='block4_pool', pool='avg', overwrite=True)
    >>> store = dl4c.Features('features')
    >>> len(store), store.shape, store.metadata('vertex'), len(store.classes)
    (60, (64,), 'block4_pool', 10)
    >>> head = dl4c.softmax_head(store)
    >>> head.fit(store, epochs=2)
    >>> head.run(store.shards[0]).shape
    (60, 10)
    """

    _noun = 'features store'

    def __init__(self, uri: Path, verify: bool = False, context: Optional[Context] = None) -> None:
        found = c_void_p()
        call(lib.dl4c_features_open, optional(context), encode(uri), byref(c.dl4c_features_options(verify=int(verify))), byref(found))
        super().__init__(Owned(found, lib.dl4c_features_close))

    def _source(self) -> Owned:
        owned = self._open
        return Owned(c_void_p(lib.dl4c_features_source(owned)), None, owned)

    def __len__(self) -> int:
        return int(lib.dl4c_features_rows(self._open))

    @property
    def shape(self) -> Tuple[int, ...]:
        """Shape of a row."""
        lengths = (c_int64 * 8)()
        return tuple(lengths[:lib.dl4c_features_shape(self._open, lengths)])

    @property
    def classes(self) -> List[str]:
        """Names of the classes, in index order."""
        f = self._open
        return [text(lib.dl4c_features_class(f, i)) for i in range(lib.dl4c_features_class_count(f))]

    @property
    def labels(self) -> 'np.ndarray[Any, Any]':
        """Classes of the rows, [n] int64; -1: none."""
        f = self._open
        return np.fromiter((lib.dl4c_features_label(f, i) for i in range(len(self))), np.int64, len(self))

    @property
    def paths(self) -> List[str]:
        """Paths of the images that the rows come from."""
        f = self._open
        return [text(lib.dl4c_features_path(f, i)) for i in range(len(self))]

    @property
    def shards(self) -> List['np.ndarray[Any, Any]']:
        """The rows as read-only float32 arrays [rows, ...], one for each shard: copies, which outlive the store."""
        f, found = self._open, []
        for k in range(lib.dl4c_features_shard_count(f)):
            t = c_void_p()
            call(lib.dl4c_features_shard, f, k, byref(t))
            found.append(Tensor._of(Owned(t, lib.dl4c_tensor_unref)).numpy())
        return found

    def metadata(self, key: str) -> Optional[str]:
        """What the store records under a key ("vertex", "preprocess"); None: nothing."""
        return decode(lib.dl4c_features_metadata(self._open, encode(key)))


def featurize(trunk: Graph, images: ImageReader, out: Path, at: Union[None, str, Iterable[str]] = None, pool: Optional[str] = None,
              batch: int = 0, shard_size: int = 0, threads: int = 0, overwrite: bool = False, resume: bool = False,
              low_memory: bool = False, precision: str = 'f32', part: int = 0, parts: int = 0,
              progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> None:
    """Runs every image once through a graph and stores what comes out at its outputs, or at the vertices named, in the folder out.

    pool: "avg" or "max" over space. Several vertices: one store each, out/VERTEX. The same work gives the same bytes, whatever batch
    (0: 16) and threads (0: the context's). resume: goes on where an earlier call ended. part of parts, from 1: this call's share of one
    store, for several processes. timeout in seconds. ExistsError: a store is there already; InvalidError: the images do not fit, or resume
    found other work; BusyError: another process is at it.
    """
    if pool not in POOLS:
        raise ValueError('pool is %r: "avg", "max" or None is wanted' % pool)
    which, number = names(at), c_int32()
    call(lib.dl4c_precision_find, encode(precision), byref(number))
    options = c.dl4c_featurize_options(
        at=strings(which), n_at=len(which), pool=POOLS[pool], batch=batch, shard_size=shard_size, threads=threads, overwrite=int(overwrite),
        precision=number.value, part=part, n_parts=parts,
        flags=(c.DL4C_FEATURIZE_RESUME if resume else 0) | (c.DL4C_FEATURIZE_LOW_MEMORY if low_memory else 0))
    with Call(progress, cancel, timeout) as long:
        long.options(options)
        long(lib.dl4c_featurize, need(trunk, Graph), need(images, ImageReader), encode(out), byref(options))


def softmax_head(features: Features, weight_init: Optional[str] = None, dropout: float = 0.0, l1: float = 0.0, l2: float = 0.0,
                 seed: int = 42) -> Graph:
    """A new prediction layer for a store: softmax with negative log likelihood, "predictions". dropout: probability to retain; 0: off."""
    options = c.dl4c_head_options(weight_init=encode(weight_init), dropout=dropout, l1=l1, l2=l2, seed=seed, flags=1)
    return Graph._make(lib.dl4c_head_softmax, need(features, Features), byref(options))


def head_for(features: Features, head: Graph) -> None:
    """Makes a head of one's own remember where the store's features come from. InvalidError names both shapes."""
    call(lib.dl4c_head_for, need(features, Features), need(head, Graph))


def check(features: Features, head: Graph) -> None:
    """InvalidError where a head and a store contradict each other in what they record of the features' origin."""
    call(lib.dl4c_features_check, need(features, Features), need(head, Graph))


__all__ = ['Features', 'check', 'featurize', 'head_for', 'softmax_head']
