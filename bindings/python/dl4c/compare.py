# SPDX-License-Identifier: Apache-2.0
"""Comparing two models, or one under two settings, stage by stage: the first that differs, and why."""
from __future__ import annotations

import os
from ctypes import byref, c_char_p, c_void_p, cast, pointer
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple, Union

from . import fs
from ._core import Cancel, Handle, Owned, Path, ask_text, call, decode, encode, names, optional, strings, text
from ._long import Call
from ._native import compare as c
from ._native import image as i
from ._native import lib
from .context import Context
from .graph import Graph
from .tensor import ArrayLike, wrap


@dataclass(frozen=True)
class Stage:
    """One stage: "decode", "resize", "normalise" or a vertex of A; other: its name on side B. error: largest difference / largest
    magnitude on side A, infinite where shapes differ; largest: that magnitude; count: numbers compared; note: a shape or layout that is
    not the same."""

    name: str
    other: str
    op: Optional[str]
    note: Optional[str]
    error: float
    largest: float
    count: int
    differs: bool


class Comparison(Handle):
    """What compare() found. print(comparison) shows a table of all stages, then the first that differs and why."""

    _noun = 'comparison'

    @property
    def stages(self) -> List[Stage]:
        """In the order they run."""
        owned, found = self._open, []
        for k in range(lib.dl4c_comparison_count(owned)):
            s = c.dl4c_compare_stage()
            call(lib.dl4c_comparison_stage, owned, k, byref(s))
            found.append(Stage(text(s.name), text(s.other), decode(s.op), decode(s.note), s.error, s.largest, s.count, bool(s.differs)))
        return found

    @property
    def first(self) -> Optional[Stage]:
        """The first stage that differs; None: none does."""
        k = lib.dl4c_comparison_first(self._open)
        return None if k < 0 else self.stages[k]

    @property
    def cause(self) -> Optional[Tuple[str, str]]:
        """Why, a short name ("exif", "order", "weights", "unknown") and one sentence; None: nothing differs."""
        name, sentence = c_char_p(), c_char_p()
        lib.dl4c_comparison_cause(self._open, byref(name), byref(sentence))
        return None if name.value is None else (text(name.value), text(sentence.value))

    def __str__(self) -> str:
        return repr(self) if self.closed else ask_text(lib.dl4c_comparison_text, self._open)


def _side(of: Union[Graph, Path], preprocess: Optional[str], size: Tuple[int, int], context: Optional[Context]) -> Tuple[Any, Any]:
    """A side and what must be kept while it is used."""
    side = c.dl4c_compare_side(height=size[0], width=size[1])
    keep: List[Any] = []
    if isinstance(of, Graph):
        owned = of._open
        side.graph = owned._as_parameter_.value
        keep.append(owned)
    else:
        side.activations = encode(of)
    if preprocess is not None:
        p = i.dl4c_preprocess()
        call(lib.dl4c_preprocess_parse, optional(context), encode(preprocess), byref(p))
        side.preprocess = pointer(p)
        keep.append(p)
    return side, keep


def compare(a: Graph, b: Union[Graph, Path], image: Union[None, bytes, str, 'os.PathLike[str]'] = None, input: Optional[ArrayLike] = None,
            map: Optional[Mapping[str, str]] = None, tolerance: float = 0.0, preprocess: Tuple[Optional[str], Optional[str]] = (None, None),
            size: Tuple[int, int] = (0, 0), context: Optional[Context] = None, cancel: Optional[Cancel] = None,
            timeout: Optional[float] = None) -> Comparison:
    """Runs both sides on the same image or input, compares them stage by stage and tries the likely causes of the first difference.

    b: a graph, or a folder of arrays that another program wrote (VERTEX.npy or act_VERTEX.npy; decode.npy, resize.npy, input.npy too).
    image: a JPEG or PNG file, as its bytes or a path or URI; or input: [n, ...] in a's own layout, fed to both as it is. map: vertices of
    a to those of b; others are paired by name, else by order. tolerance: largest difference / largest magnitude of a stage, 0: 1e-4.
    preprocess: of an image on both sides, "vgg16:resize=pillow"; None: as the graph records, else as on side a. size: height and width of
    the image that is fed, 0: as the graph's input says. timeout in seconds.

    InvalidError: neither or both of image and input, several inputs, nothing to pair; NotFoundError: no such vertex or folder.

    >>> other = net.builder().param('y', 'b', np.ones(2, 'f4') / 3).finish()
    >>> found = dl4c.compare(net, other, input=x)
    >>> found.first.name, found.cause[0]
    ('y', 'weights')
    """
    sides = [_side(of, p, size, context) for of, p in zip((a, b), preprocess)]
    data = image if image is None or isinstance(image, bytes) else fs.read_bytes(image)
    pairs = strings(names([name for pair in (map or {}).items() for name in pair]))
    given = None if input is None else wrap(input, context)
    options = c.dl4c_compare_options(image_bytes=len(data or b''), map=pairs, n_map=len(map or {}), tolerance=tolerance,
                                     input=None if given is None else given._as_parameter_.value)
    options.image = cast(c_char_p(data), c_void_p) if data is not None else None
    found = c_void_p()
    with Call(None, cancel, timeout) as long:
        options.cancel, options.timeout_ms = pointer(long.flag), long.timeout_ms
        long.kept += [sides, data, given]
        long(lib.dl4c_compare, optional(context), byref(sides[0][0]), byref(sides[1][0]), byref(options), byref(found))
        return Comparison(Owned(found, lib.dl4c_comparison_destroy))


__all__ = ['Comparison', 'Stage', 'compare']
