# SPDX-License-Identifier: Apache-2.0
"""Data sets for PyTorch: images as the reader decodes them, and rows of a features store.

    for x, y in torch.utils.data.DataLoader(ImageBatches(reader, batch=64, shuffle=True), batch_size=None): ...
"""
from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple

import numpy as np

try:
    import torch  # type: ignore[import-not-found,unused-ignore]
    from torch.utils.data import Dataset, IterableDataset, get_worker_info  # type: ignore[import-not-found,unused-ignore]
except ImportError as why:
    raise ImportError('dl4c.torch wants PyTorch (%s)' % why) from why

from ._core import Path, encode
from .context import Context
from .features import Features
from .source import Source


class ImageBatches(IterableDataset):  # type: ignore[misc,type-arg,unused-ignore]
    """Batches of an ImageReader, or of any other source, as tensors: x float32 [n, channels, height, width] and y int64 [n] or float32
    [n, classes]; x alone where there are no labels.

    Each pass is an epoch of its own, from `epoch` on: with shuffle the order, and what a transform draws, depend on seed and epoch alone.
    Give it to a DataLoader with batch_size=None and num_workers=0: the reader decodes in threads of its own. RuntimeError: in a worker.
    """

    def __init__(self, source: Source, batch: int = 32, shuffle: bool = False, seed: int = 42, epoch: int = 0) -> None:
        super().__init__()
        if not isinstance(source, Source):
            raise TypeError('%s is no source: an ImageReader is wanted' % type(source).__name__)
        self.source, self.batch, self.shuffle, self.seed, self.epoch = source, batch, shuffle, seed, epoch

    def __iter__(self) -> Iterator[Any]:
        if get_worker_info() is not None:
            raise RuntimeError('an image reader decodes in threads of its own: use num_workers=0')
        epoch, self.epoch = self.epoch, self.epoch + 1
        for x, y in self.source.batches(self.batch, self.shuffle, self.seed, epoch):
            yield torch.from_numpy(x) if y is None else (torch.from_numpy(x), torch.from_numpy(y))

    def __len__(self) -> int:
        rows = int(self.source.source_info['rows'])
        if rows < 0:
            raise TypeError('the source does not say how many rows it has')
        return -(-rows // self.batch)


class FeatureRows(Dataset):  # type: ignore[misc,type-arg,unused-ignore]
    """Rows of a features store by their index: (float32 tensor, class). The rows are kept in memory, once for a process and the workers
    that it forks: any num_workers will do. Errors as Features; IndexError.
    """

    def __init__(self, uri: Path, context: Optional[Context] = None) -> None:
        self.uri, self.context = encode(uri) or b'', context
        self._open()

    def _open(self) -> None:
        with Features(self.uri, context=self.context) as store:
            self.shards, self.labels, self.classes, self.shape = store.shards, store.labels, store.classes, store.shape
        self.ends = np.cumsum([len(s) for s in self.shards])

    def __getstate__(self) -> Any:
        return {'uri': self.uri}

    def __setstate__(self, state: Any) -> None:
        self.uri, self.context = state['uri'], None
        self._open()

    def __len__(self) -> int:
        return len(self.labels)

    def _row(self, k: int) -> 'np.ndarray[Any, Any]':
        shard = int(np.searchsorted(self.ends, k, 'right'))
        return np.asarray(self.shards[shard][k - (int(self.ends[shard - 1]) if shard else 0)])

    def __getitem__(self, k: int) -> Tuple[Any, int]:
        if not -len(self) <= k < len(self):
            raise IndexError('row %d of %d' % (k, len(self)))
        k %= len(self)
        return torch.from_numpy(self._row(k).copy()), int(self.labels[k])

    def __getitems__(self, indices: List[int]) -> List[Tuple[Any, int]]:
        """Several at once, as DataLoader asks."""
        return [self[k] for k in indices]


__all__ = ['FeatureRows', 'ImageBatches']
