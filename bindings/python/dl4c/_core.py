# SPDX-License-Identifier: Apache-2.0
"""What all nouns share: objects of the library that are closed once, calls that raise, text in both directions."""
from __future__ import annotations

import os
from ctypes import byref, c_char_p, c_int32, c_void_p, string_at
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple, Type, TypeVar, Union

from ._native import base, lib
from .errors import StateError, error_of

Path = Union[str, bytes, 'os.PathLike[str]']
Self = TypeVar('Self', bound='Handle')


class Owned:
    """A pointer of the library that is given back when the last Python object that needs it is gone.

    A call holds its arguments, so an object that another thread closes lives until the call returns. `keep` outlives it.
    """

    __slots__ = ('_as_parameter_', '_destroy', 'keep')

    def __init__(self, pointer: Any, destroy: Optional[Callable[[Any], Any]], keep: Any = None) -> None:
        self._as_parameter_ = c_void_p(pointer.value)
        self._destroy, self.keep = destroy, keep

    def place(self) -> Any:
        """Where the pointer is, for a call that takes the object and writes NULL there."""
        return byref(self._as_parameter_)

    # byref by default: this may run when the module is gone.
    def __del__(self, byref: Any = byref) -> None:
        destroy = getattr(self, '_destroy', None)
        if destroy is not None:
            destroy(byref(self._as_parameter_))


class Handle:
    """An object of the library: closed by `with`, close() or when nobody refers to it any more, in any order."""

    _noun = 'object'

    def __init__(self, owned: Owned) -> None:
        self._owned: Optional[Owned] = owned

    @property
    def _open(self) -> Owned:
        owned: Optional[Owned] = getattr(self, '_owned', None)
        if owned is None:
            raise StateError('the %s is closed' % self._noun)
        return owned

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return getattr(self, '_owned', None) is None

    def close(self) -> None:
        """Gives the object up; further use raises StateError. What was made of it stays good. May be called again."""
        self._owned = None

    def __enter__(self: Self) -> Self:
        self._open
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return '<dl4c.%s%s>' % (type(self).__name__, ', closed' if self.closed else '')


# Errors that no call has now, with pointers to them. A success leaves one untouched; making one takes longer than most calls.
_errors: List[Tuple[base.dl4c_error, Any]] = []


def call(function: Any, *arguments: Any) -> None:
    """Calls a function whose last parameter is the error; raises what it answers."""
    try:
        spare = _errors.pop()
    except IndexError:
        err = base.dl4c_error()
        spare = err, byref(err)
    status = function(*arguments, spare[1])
    if status:
        raise error_of(status, spare[0])
    _errors.append(spare)


def need(handle: Any, kind: Type[Handle]) -> Owned:
    """The pointer of a handle. TypeError: it is of another class, which C cannot see."""
    if not isinstance(handle, kind):
        raise TypeError('%s is given, a dl4c.%s is wanted' % (type(handle).__name__, kind.__name__))
    return handle._open


def optional(context: Optional[Handle]) -> Optional[Owned]:
    """The pointer of a context, NULL of None. TypeError: it is none."""
    if context is None:
        return None
    if getattr(context, '_noun', None) != 'context':
        raise TypeError('%s is given, a dl4c.Context is wanted' % type(context).__name__)
    return context._open


def encode(text: Optional[Path]) -> Optional[bytes]:
    """A name, path or URI as the library takes it: UTF-8, or the bytes that the system has."""
    if text is None:
        return None
    if isinstance(text, bytes):
        return text
    found = os.fspath(text)
    if isinstance(found, bytes):
        return found
    if '\0' in found:
        raise ValueError('a text with a zero in it: %r' % found)
    return found.encode('utf-8', 'surrogateescape')


def decode(text: Optional[bytes]) -> Optional[str]:
    """Text of the library."""
    return None if text is None else text.decode('utf-8', 'surrogateescape')


def text(value: Optional[bytes]) -> str:
    """Text of the library that is never NULL."""
    return (value or b'').decode('utf-8', 'surrogateescape')


def take_text(pointer: c_void_p) -> str:
    """Text that the library handed out, which is freed."""
    try:
        return string_at(pointer.value or 0).decode('utf-8', 'surrogateescape')
    finally:
        lib.dl4c_free(pointer)


def ask_text(function: Any, *arguments: Any) -> str:
    """The text that a function hands out by its last but one parameter."""
    found = c_void_p()
    call(function, *arguments, byref(found))
    return take_text(found)


def names(values: Union[None, Path, Iterable[Path]]) -> Sequence[bytes]:
    """One name or several, encoded."""
    if values is None:
        return []
    if isinstance(values, (str, bytes, os.PathLike)):
        values = [values]
    return [encode(v) or b'' for v in values]


def strings(values: Sequence[bytes]) -> Any:
    """An array of text for the library, which must be kept during the call; None for none."""
    return (c_char_p * len(values))(*values) if values else None


def milliseconds(seconds: Optional[float]) -> int:
    """A time limit as the library takes it; None: no limit."""
    if seconds is None:
        return 0
    if not seconds > 0:
        raise ValueError('a time limit of %r seconds: more than 0 is wanted' % seconds)
    return max(1, int(seconds * 1000))


class Cancel:
    """A flag that ends a long call: give it as `cancel=` and call set() from any thread; the call raises CancelledError."""

    def __init__(self) -> None:
        self._flag = c_int32(0)

    def set(self) -> None:
        """Ends the calls that have this flag, and those that get it later."""
        lib.dl4c_cancel_set(byref(self._flag))

    @property
    def is_set(self) -> bool:
        """Whether set() was called."""
        return self._flag.value != 0
