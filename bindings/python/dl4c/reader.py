# SPDX-License-Identifier: Apache-2.0
"""Images in folders: reading them in batches, splitting them into lists."""
from __future__ import annotations

from ctypes import byref, c_char_p, c_double, c_int32, c_int64, c_void_p
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from ._core import Owned, Path, call, decode, encode, names, need, optional, strings, text
from ._native import lib
from ._native import reader as c
from .context import Context
from .graph import Graph
from .source import Source


class ImageReader(Source):
    """JPEG, PNG and BMP files, one folder for each class, decoded in parallel to [n, channels, height, width] float32.

    uri: the folder, on any file system; None with paths, which are then the images, without labels. list: a file with a path below the
    folder in each line. for_graph: size and preprocessing are those that the model records; else height, width and preprocess. on_bad:
    "skip" (bad images are left out, see bad) or "fail". transform: changes in the text form, "flip:horizontal=0.5", drawn by
    transform_seed. NotFoundError: no such folder or list; InvalidError: no usable image.

    >>> reader = dl4c.ImageReader('images', height=32, width=32)
    >>> len(reader), len(reader.classes), len(reader.bad)
    (60, 10, 0)
    >>> rows, labels = next(reader.batches(8))
    >>> rows.shape, rows.dtype.name, labels.shape
    ((8, 3, 32, 32), 'float32', (8,))
    """

    _noun = 'reader'

    def __init__(self, uri: Optional[Path] = None, list: Optional[Path] = None, for_graph: Optional[Graph] = None, height: int = 0,
                 width: int = 0, channels: int = 0, preprocess: Optional[str] = None, threads: int = 0, on_bad: str = 'skip',
                 max_bad: int = 0, paths: Optional[Iterable[Path]] = None, unlabelled: bool = False, transform: Optional[str] = None,
                 transform_seed: int = 0, label_pattern: Optional[str] = None, label_position: int = 0, copies: int = 0,
                 context: Optional[Context] = None) -> None:
        if on_bad not in ('skip', 'fail'):
            raise ValueError('on_bad is %r: "skip" or "fail" is wanted' % on_bad)
        given = names(paths)
        options = c.dl4c_reader_options(
            for_graph=need(for_graph, Graph)._as_parameter_.value if for_graph is not None else None, list=encode(list), height=height,
            width=width, channels=channels, threads=threads, preprocess=encode(preprocess), max_bad=max_bad, n_paths=len(given),
            paths=strings(given), on_bad=c.DL4C_BAD_FAIL if on_bad == 'fail' else c.DL4C_BAD_SKIP,
            flags=c.DL4C_READER_UNLABELLED if unlabelled else 0,
            transform=encode(transform), transform_seed=transform_seed, label_pattern=encode(label_pattern),
            label_position=label_position, copies=copies)
        found = c_void_p()
        call(lib.dl4c_reader_open, optional(context), encode(uri), byref(options), byref(found))
        super().__init__(Owned(found, lib.dl4c_reader_close))

    def _source(self) -> Owned:
        owned = self._open
        return Owned(c_void_p(lib.dl4c_reader_source(owned)), None, owned)

    def __len__(self) -> int:
        return int(lib.dl4c_reader_count(self._open))

    @property
    def classes(self) -> List[str]:
        """Names of the classes, in index order."""
        r = self._open
        return [text(lib.dl4c_reader_class(r, i)) for i in range(lib.dl4c_reader_class_count(r))]

    @property
    def paths(self) -> List[str]:
        """Paths of the images, relative to the folder."""
        r = self._open
        return [text(lib.dl4c_reader_path(r, i)) for i in range(len(self))]

    @property
    def labels(self) -> List[int]:
        """Classes of the images; -1: none."""
        r = self._open
        return [lib.dl4c_reader_label(r, i) for i in range(len(self))]

    @property
    def preprocess(self) -> Optional[str]:
        """The preprocessing in force, in text form."""
        return decode(lib.dl4c_reader_preprocess(self._open))

    @property
    def bad(self) -> List[Tuple[str, str]]:
        """Bad images met so far: path and why."""
        r, found = self._open, []
        for k in range(lib.dl4c_reader_bad_count(r)):
            image, reason = c_int64(), c_char_p()
            call(lib.dl4c_reader_bad, r, k, byref(image), byref(reason))
            found.append((text(lib.dl4c_reader_path(r, image.value)), text(reason.value)))
        return found


def split_folder(uri: Path, out: Path, train: float = 0.6, val: float = 0.2, test: float = 0.2, seed: int = 42,
                 context: Optional[Context] = None) -> Dict[str, int]:
    """Splits the images of a folder by class, reproducibly: writes train.txt, val.txt, test.txt and classes.txt to out.

    Returns how many images each list has. InvalidError: no image, or fractions above 1 together.

    >>> dl4c.split_folder('images', 'lists', train=0.5, val=0.0, test=0.5)
    {'train': 30, 'val': 0, 'test': 30}
    """
    options = c.dl4c_split_dir_options(train=train, val=val, test=test, seed=seed, flags=1)
    counts = (c_int64 * 3)()
    call(lib.dl4c_split_dir, optional(context), encode(uri), encode(out), byref(options), counts)
    return dict(zip(('train', 'val', 'test'), counts))


def sample_paths(paths: Sequence[Path], filter: str = 'random', seed: int = 42, weights: Sequence[float] = (), max_paths: int = 0,
                 max_labels: int = 0, min_per_label: int = 0, max_per_label: int = 0, label_pattern: Optional[str] = None,
                 label_position: int = 0, context: Optional[Context] = None) -> List[List[int]]:
    """Which paths DataVec's filter picks, "random" (RandomPathFilter) or "balanced" (BalancedPathFilter), as indices in the order of the
    picking, divided in parts by weights; one part where there are none.

    max_paths: of the random one. The others are the balanced one's: labels, and paths of each. 0: no limit. InvalidError, UnsupportedError
    (a label_pattern that is not understood).

    >>> paths = ['cat/1.jpg', 'cat/2.jpg', 'cat/3.jpg', 'dog/1.jpg']
    >>> [len(part) for part in dl4c.sample_paths(paths, weights=[0.75, 0.25])]
    [3, 1]
    """
    if filter not in ('random', 'balanced'):
        raise ValueError('filter is %r: "random" or "balanced" is wanted' % filter)
    given, shares = names(paths), [float(w) for w in weights]
    n, count = len(given), max(1, len(shares))
    options = c.dl4c_sample_options(
        filter=c.DL4C_SAMPLE_BALANCED if filter == 'balanced' else c.DL4C_SAMPLE_RANDOM, seed=seed, max_paths=max_paths,
        max_labels=max_labels, min_per_label=min_per_label, max_per_label=max_per_label, label_pattern=encode(label_pattern),
        label_position=label_position, weights=(c_double * len(shares))(*shares) if shares else None, n_weights=len(shares))
    picked, ends, n_picked, n_ends = (c_int64 * max(1, n))(), (c_int64 * count)(), c_int64(), c_int32()
    call(lib.dl4c_sample_paths, optional(context), strings(given), n, byref(options), picked, byref(n_picked), ends, byref(n_ends))
    found, begin = [], 0
    for end in ends[:n_ends.value]:
        found.append(picked[begin:end])
        begin = end
    return found


__all__: Any = ['ImageReader', 'sample_paths', 'split_folder']
