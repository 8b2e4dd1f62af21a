# SPDX-License-Identifier: Apache-2.0
"""An exception for each status of the library. All are dl4c.Error; its text is the library's sentence.

>>> try:
...     net['hiden']
... except dl4c.errors.NotFoundError as why:
...     print(why.origin, '|', why.message)
graph | no vertex is called "hiden"; the nearest is "hidden"
"""
from __future__ import annotations

from typing import Any, Dict, Type

from . import _raised
from ._native import base


class Error(Exception):
    """A call of the library failed.

    status: DL4C_E_* as a number; origin: the part that failed ("conv2d"); domain and code: the number of the system or server behind it
    (domain 1: errno, 2: HTTP, 3: curl, 4: TLS, 5: MPI), 0 where there is none.
    """

    status = 0

    def __init__(self, message: str, origin: str = 'python', domain: int = 0, code: int = 0, status: int = 0) -> None:
        super().__init__('%s: %s' % (origin, message))
        self.message, self.origin, self.domain, self.code = message, origin, domain, code
        if status:
            self.status = status

    def __reduce__(self) -> Any:
        return type(self), (self.message, self.origin, self.domain, self.code, self.status)


class NoMemoryError(Error, MemoryError):
    """The allocator had no more."""
    status = base.DL4C_E_NOMEM


class InvalidError(Error, ValueError):
    """An argument, attribute or shape is wrong."""
    status = base.DL4C_E_INVALID


class NotFoundError(Error, LookupError):
    """No such file, vertex, operator or format."""
    status = base.DL4C_E_NOTFOUND


class ExistsError(Error):
    """It is there already."""
    status = base.DL4C_E_EXISTS


class InputOutputError(Error):
    """The operating system or a server failed the request."""
    status = base.DL4C_E_IO


class CorruptError(Error):
    """The bytes are not what their format promises."""
    status = base.DL4C_E_CORRUPT


class UnsupportedError(Error, NotImplementedError):
    """Well formed, but not built or not known here."""
    status = base.DL4C_E_UNSUPPORTED


class TimedOutError(Error):
    """The deadline passed."""
    status = base.DL4C_E_TIMEOUT


class CancelledError(Error):
    """A Cancel was set, or a callback asked to stop."""
    status = base.DL4C_E_CANCELLED


class VersionError(Error):
    """A caller, plugin or file is newer than the library."""
    status = base.DL4C_E_VERSION


class DeniedError(Error):
    """Not permitted, not authenticated, or read-only."""
    status = base.DL4C_E_DENIED


class BusyError(Error):
    """Somebody else holds it."""
    status = base.DL4C_E_BUSY


class StateError(Error, RuntimeError):
    """Not now: a wrong order of calls, closed, or in use by another call."""
    status = base.DL4C_E_STATE


class LimitError(Error):
    """A limit set by the caller would be passed."""
    status = base.DL4C_E_LIMIT


class PeerError(Error):
    """Another rank failed; the message names it."""
    status = base.DL4C_E_PEER


class DivergedError(Error, ArithmeticError):
    """The score or a parameter is not finite."""
    status = base.DL4C_E_DIVERGED


class InternalError(Error):
    """A bug in the library."""
    status = base.DL4C_E_INTERNAL


class FullError(Error):
    """No room is left where it is to be written: a disk, a quota."""
    status = base.DL4C_E_FULL


BY_STATUS: Dict[int, Type[Error]] = {
    c.status: c for c in (NoMemoryError, InvalidError, NotFoundError, ExistsError, InputOutputError, CorruptError, UnsupportedError,
                          TimedOutError, CancelledError, VersionError, DeniedError, BusyError, StateError, LimitError, PeerError,
                          DivergedError, InternalError, FullError)}


def error_of(status: int, err: base.dl4c_error) -> BaseException:
    """The exception for a status and what the library wrote of it; where a callback raised one, that."""
    kept = _raised.take(err.code) if err.domain == base.DL4C_DOMAIN_NONE and err.code >= _raised.FIRST else None
    if kept is not None and not kept[1]:
        return kept[0]
    made = BY_STATUS.get(status, Error)(err.message.decode('utf-8', 'replace'), err.origin.decode('utf-8', 'replace'), err.domain,
                                        0 if err.code >= _raised.FIRST else err.code, status)
    if kept is not None:
        made.__cause__ = kept[0]
    return made
