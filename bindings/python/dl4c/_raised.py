# SPDX-License-Identifier: Apache-2.0
"""Exceptions on their way through the library: a callback leaves one here under a number, which travels in dl4c_error.code."""
from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from typing import Optional, Tuple

# Above any number that systems and servers give; with domain 0 the library has no numbers of its own.
FIRST = 1 << 62
# The library drops some failures (a bad image that is skipped): the oldest are forgotten.
MOST = 64

_numbers = itertools.count(FIRST)
_lock = threading.Lock()
_kept: OrderedDict[int, Tuple[BaseException, bool]] = OrderedDict()


def keep(why: BaseException, answer: bool) -> int:
    """Its number. answer: it stands for a status, and becomes the cause of that status' exception."""
    number = next(_numbers)
    with _lock:
        _kept[number] = why, answer
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return number


def take(number: int) -> Optional[Tuple[BaseException, bool]]:
    """The exception of a number, once."""
    with _lock:
        return _kept.pop(number, None)
