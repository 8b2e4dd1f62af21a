# SPDX-License-Identifier: Apache-2.0
"""Callbacks that C calls for as long as an object lives: they answer a status, and what they raise comes out of the call that led to them.

The interpreter's lock is held only while Python runs. A callback that the main thread is in can be interrupted by Ctrl-C.
"""
from __future__ import annotations

import ctypes
import errno
import itertools
import threading
from ctypes import CFUNCTYPE, c_void_p
from typing import Any, Callable, Dict, Tuple, Type

from . import _raised
from ._native import base
from .errors import Error

_STATUS: Tuple[Tuple[Type[BaseException], int], ...] = (
    (FileNotFoundError, base.DL4C_E_NOTFOUND), (FileExistsError, base.DL4C_E_EXISTS), (PermissionError, base.DL4C_E_DENIED),
    (IsADirectoryError, base.DL4C_E_INVALID), (NotADirectoryError, base.DL4C_E_INVALID), (TimeoutError, base.DL4C_E_TIMEOUT),
    (NotImplementedError, base.DL4C_E_UNSUPPORTED), (MemoryError, base.DL4C_E_NOMEM), (KeyboardInterrupt, base.DL4C_E_CANCELLED))

_here = threading.local()


def inside() -> bool:
    """Whether this thread is in a callback's Python code."""
    return getattr(_here, 'depth', 0) > 0


def enter() -> None:
    """Python code of a callback begins."""
    _here.depth = getattr(_here, 'depth', 0) + 1


def leave() -> None:
    """It ends."""
    _here.depth -= 1


def told(err: Any, why: BaseException, answers: Tuple[Type[BaseException], ...] = ()) -> int:
    """Fills the error of a callback that raised; its status."""
    status = getattr(why, 'status', 0) if isinstance(why, Error) else 0
    if isinstance(why, OSError) and why.errno in (errno.ENOSPC, errno.EDQUOT):
        status = base.DL4C_E_FULL
    status = status or next((s for kind, s in _STATUS if isinstance(why, kind)), base.DL4C_E_IO)
    if err:
        to = err[0]
        to.status, to.domain, to.code = status, base.DL4C_DOMAIN_NONE, _raised.keep(why, isinstance(why, answers))
        to.origin = b'python'
        said = why.message if isinstance(why, Error) else '%s: %s' % (type(why).__name__, why)
        to.message = said.encode('utf-8', 'replace').replace(b'\0', b'')[:471].decode('utf-8', 'ignore').encode()
    return status


def fallible(kind: Any, function: Callable[..., Any], answers: Tuple[Type[BaseException], ...] = ()) -> Any:
    """A callback whose last parameter is the error: function gets the others. answers: exceptions that only stand for a status."""
    def run(*arguments: Any) -> int:
        try:
            enter()
            try:
                function(*arguments[:-1])
            finally:
                leave()
            return 0
        except BaseException as why:  # comes out where the call was made
            return told(arguments[-1], why, answers)
    return kind(run)


def silent(kind: Any, function: Callable[..., Any]) -> Any:
    """A callback that cannot fail: what it raises has no way out, and goes to sys.unraisablehook as what __del__ raises does."""
    def run(*arguments: Any) -> None:
        enter()
        try:
            function(*arguments)
        finally:
            leave()
    return kind(run)


def forever(callback: Any) -> Any:
    """A callback that C may call while Python ends: it is never freed."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
    return callback


# What C holds until it calls release: tables of callbacks, by the number that they were registered with.
_held: Dict[int, Any] = {}
_numbers = itertools.count(1)
release_fn = CFUNCTYPE(None, c_void_p)


def _forget(user: Any, held: Dict[int, Any] = _held) -> None:
    held.pop(user or 0, None)


release = forever(release_fn(_forget))


def hold(value: Any) -> int:
    """Keeps a value until C calls release with the number that this answers."""
    number = next(_numbers)
    _held[number] = value
    return number


class Numbered:
    """Python objects as the handles that C gives back: numbers from 1."""

    def __init__(self) -> None:
        self._objects: Dict[int, Any] = {}
        self._numbers = itertools.count(1)

    def add(self, value: Any) -> int:
        """A handle for it."""
        number = next(self._numbers)
        self._objects[number] = value
        return number

    def __getitem__(self, handle: int) -> Any:
        return self._objects[handle]

    def pop(self, handle: int) -> Any:
        """The object, whose handle is gone."""
        return self._objects.pop(handle)

    def __len__(self) -> int:
        return len(self._objects)
