# SPDX-License-Identifier: Apache-2.0
"""Published weights: where they are, fetching them into a cache, checking them."""
from __future__ import annotations

from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import List, Optional

from ._core import Cancel, Path, call, decode, encode, milliseconds, optional, take_text, text
from ._long import Call, ProgressFunction
from ._native import fetch as c
from ._native import lib
from .context import Context

_CHECKED = {c.DL4C_CHECKED_ADLER32: 'adler32', c.DL4C_CHECKED_SHA256: 'sha256'}


@dataclass(frozen=True)
class PublishedWeights:
    """A published file. preprocess: the preset that belongs to it; adler32 is what Deeplearning4j checks; None, size_bytes 0: not known."""

    name: str
    doc: str
    url: str
    preprocess: Optional[str]
    sha256: Optional[str]
    adler32: Optional[int]
    size_bytes: int


@dataclass(frozen=True)
class Fetched:
    """What came of fetch(). path: in the cache; sha256: of the file; checked: "sha256", "adler32" or None, what was compared with what is
    known; received: bytes that came over the network, 0: it was in the cache."""

    path: str
    sha256: str
    checked: Optional[str]
    size_bytes: int
    received: int


def published_weights() -> List[PublishedWeights]:
    """All files that fetch() knows by name."""
    found = []
    for k in range(lib.dl4c_weights_count()):
        w = c.dl4c_weights_info()
        call(lib.dl4c_weights_get, k, byref(w))
        found.append(PublishedWeights(text(w.name), text(w.doc), text(w.url), decode(w.preprocess), decode(w.sha256),
                                      w.adler32 if w.has_adler32 else None, w.size_bytes))
    return found


def fetch(what: str, cache: Path, mirror: Optional[str] = None, sha256: Optional[str] = None, again: bool = False, offline: bool = False,
          stall: Optional[float] = None, context: Optional[Context] = None, progress: Optional[ProgressFunction] = None,
          cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> Fetched:
    """Brings a published file into the cache, a folder that is made where it is missing, and checks it; where it is there already, only
    checks it. What broke off is taken up where it broke, in the next call too.

    what: a name of published_weights(), or an http:// or https:// address. mirror: the address of a folder that has the files under their
    published names. sha256: the digest that is wanted, in place of the known one. again: also where the cache has it; offline: only from
    the cache. timeout of the whole call, and stall, so long without a byte (None: 30), are in seconds.

    NotFoundError: no such name or file; CorruptError: its digest or size is another, it was removed; TimedOutError; InputOutputError: the
    connection, the server's answer, no room; UnsupportedError: the library was built without curl.
    """
    options, found = c.dl4c_fetch_options(
        cache=encode(cache), mirror=encode(mirror), sha256=encode(sha256), stall_ms=milliseconds(stall),
        flags=(c.DL4C_FETCH_AGAIN if again else 0) | (c.DL4C_FETCH_OFFLINE if offline else 0)), c.dl4c_fetched()
    with Call(progress, cancel, timeout) as long:
        long.options(options)
        long(lib.dl4c_fetch, optional(context), encode(what), byref(options), byref(found))
        return Fetched(take_text(c_void_p(found.path)), text(found.sha256), _CHECKED.get(found.checked), found.size_bytes, found.received)


__all__ = ['Fetched', 'PublishedWeights', 'fetch', 'published_weights']
