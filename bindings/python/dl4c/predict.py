# SPDX-License-Identifier: Apache-2.0
"""The classes of images, a line each."""
from __future__ import annotations

import json
from ctypes import byref, c_int32, string_at
from typing import Any, Dict, List, Optional

from ._core import Cancel, Path, call, encode, need
from ._long import Call, ProgressFunction
from ._native import lib
from ._native import predict as c
from .graph import Graph
from .reader import ImageReader


def predict(graph: Graph, images: ImageReader, out: Optional[Path] = None, top: int = 1, batch: int = 0, format: str = 'jsonl',
            shard_size: int = 0, threads: int = 0, precision: str = 'f32', low_memory: bool = False, resume: bool = False, part: int = 0,
            parts: int = 0, progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None,
            timeout: Optional[float] = None) -> Optional[List[Dict[str, Any]]]:
    """Runs every image once through a graph that gives a probability for each class.

    out: a file of any file system, which appears when all is done: lines of JSON or, with format "csv", of CSV. None: returns a list of
    {"path", "top": [{"class", "index", "probability"}], "error"}. The same work gives the same bytes. resume, part, parts, timeout: as for
    featurize. InvalidError: the images do not fit the graph, or none has an answer.

    >>> answers = dl4c.predict(photo_net, dl4c.ImageReader('images', for_graph=photo_net), top=2)
    >>> len(answers), sorted(answers[0]), len(answers[0]['top'])
    (60, ['error', 'path', 'top'], 2)
    """
    if format not in ('jsonl', 'csv') or (out is None and format == 'csv'):
        raise ValueError('format is %r: "jsonl", or for a file "csv", is wanted' % format)
    number, lines = c_int32(), bytearray()
    call(lib.dl4c_precision_find, encode(precision), byref(number))
    options = c.dl4c_predict_options(
        top=top, batch=batch, shard_size=shard_size, threads=threads,
        format=c.DL4C_PREDICT_CSV if format == 'csv' else c.DL4C_PREDICT_JSONL, precision=number.value, part=part, n_parts=parts,
        flags=(c.DL4C_PREDICT_RESUME if resume else 0) | (c.DL4C_PREDICT_LOW_MEMORY if low_memory else 0))

    def write(user: Any, data: Any, size: int) -> int:
        lines.extend(string_at(data, size))
        return 0

    with Call(progress, cancel, timeout) as long:
        long.options(options)
        if out is None:
            options.write = long.guard(c.dl4c_predict_fn, write)
        long(lib.dl4c_predict, need(graph, Graph), need(images, ImageReader), encode(out), byref(options))
    return None if out is not None else [json.loads(line) for line in lines.decode('utf-8', 'surrogateescape').splitlines()]


__all__ = ['predict']
