# SPDX-License-Identifier: Apache-2.0
"""File systems written in Python, registered under a URI scheme: what dl4c.fs and every call that takes a URI then reads and writes."""
from __future__ import annotations

import io
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from ctypes import byref, c_void_p, memmove, string_at
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional

import numpy as np

from ._callbacks import Numbered, fallible, hold, release, silent
from ._core import call, encode, optional, text
from ._native import fs as c
from ._native import lib
from .context import Context
from .errors import BusyError, CancelledError, CorruptError, LimitError

_ANSWERS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError)
_KINDS = {'file': c.DL4C_FS_FILE, 'directory': c.DL4C_FS_DIRECTORY}
LOOK_S = 0.05  # how often a wait looks at the flag that cancels


class Stat(NamedTuple):
    """What a name stands for. kind: "file", "directory" or "other"; mtime in seconds since 1970 UTC, 0 where unknown."""

    name: str
    kind: str
    size: int = 0
    mtime: float = 0.0


class FileSystem:
    """A file system of one's own. Override open_read and stat; what else is not overridden is UnsupportedError.

    "x://host/a/b" has the authority "host" and the path "/a/b". Methods are called on threads inside a call of the library, possibly
    several at once. FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError and NotImplementedError
    stand for the library's NotFoundError, ExistsError ... and are their cause; all else that is raised comes out of the call as it is. A
    method that waits for long looks at dl4c.fs.cancelled() now and then.

    read_ahead: files that may be loaded at once in threads, while others are decoded; 0: they are read when they are wanted.

    >>> class Archive(dl4c.fs.FileSystem):
    ...     files = {'/a.txt': b'hello'}
    ...     def stat(self, authority, path):
    ...         if path not in self.files:
    ...             raise FileNotFoundError(path)
    ...         return dl4c.fs.Stat(path[1:], 'file', len(self.files[path]))
    ...     def open_read(self, authority, path):
    ...         import io
    ...         return io.BytesIO(self.files[path])
    >>> c = dl4c.Context()
    >>> dl4c.fs.register(c, 'archive', Archive())
    >>> dl4c.fs.read_bytes('archive://host/a.txt', context=c)
    b'hello'
    """

    read_ahead = 0

    def open_read(self, authority: str, path: str) -> Any:
        """A file to read: `size` in bytes, `read_at(offset, size)` (bytes-like, shorter only at the end; from several threads at once) and
        `close()`. A binary file object that can seek will do too. A directory is an IsADirectoryError."""
        raise NotImplementedError

    def stat(self, authority: str, path: str) -> Stat:
        """What a name stands for."""
        raise NotImplementedError

    def load(self, authority: str, path: str) -> Any:
        """All bytes of a file; of use with read_ahead."""
        file = _reader(self.open_read(authority, path))
        try:
            return file.read_at(0, file.size)
        finally:
            file.close()

    def create(self, authority: str, path: str) -> Any:
        """A file to write: `write(bytes)`, `commit()`, after which it is there whole, and `abandon()`, after which nothing is, and which
        also follows a commit that raised."""
        raise NotImplementedError

    def list(self, authority: str, path: str) -> Iterable[Stat]:
        """What a directory holds, in any order."""
        raise NotImplementedError

    def mkdir(self, authority: str, path: str) -> None:
        """Makes a directory and its missing parents; one that exists is no error."""
        raise NotImplementedError

    def rename(self, authority: str, old: str, new: str) -> None:
        """Another name, replacing a file that has it."""
        raise NotImplementedError

    def remove(self, authority: str, path: str) -> None:
        """Removes a file or an empty directory."""
        raise NotImplementedError

    def remove_all(self, authority: str, path: str) -> None:
        """Removes a file, or a directory with all that is in it."""
        raise NotImplementedError

    def append(self, authority: str, path: str, data: bytes) -> None:
        """Adds bytes at the end of a file, which is made where it is missing."""
        raise NotImplementedError


class _Seeking:
    """A file object as open_read is to answer it."""

    def __init__(self, file: Any) -> None:
        self.file, self.lock = file, threading.Lock()
        self.size = file.seek(0, io.SEEK_END)

    def read_at(self, offset: int, size: int) -> bytes:
        with self.lock:
            self.file.seek(offset)
            return bytes(self.file.read(size))

    def close(self) -> None:
        self.file.close()


def _reader(file: Any) -> Any:
    return file if hasattr(file, 'read_at') else _Seeking(file)


def _fill(to: Any, stat: Stat) -> None:
    to.kind, to.mtime_ms = _KINDS.get(stat.kind, c.DL4C_FS_OTHER), int(stat.mtime * 1000)
    to.size_bytes = stat.size if stat.kind != 'directory' else 0


class _Load:
    """A file on its way into memory."""

    def __init__(self, future: 'Future[Any]', size: int, limit: int, name: str) -> None:
        self.future, self.size, self.limit, self.name = future, size, limit, name
        self.data: Any = None

    def wait(self, timeout_ms: int) -> Any:
        end = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000
        while self.data is None:
            left = LOOK_S if end is None else min(LOOK_S, max(0.0, end - time.monotonic()))
            try:
                data = self.future.result(left)
            except NotYet:
                if self.future.done():  # the file system itself says TimeoutError
                    raise
                if lib.dl4c_fs_cancelled():
                    raise CancelledError('reading %s was cancelled' % self.name) from None
                if end is not None and time.monotonic() >= end:
                    raise BusyError('%s is not there yet' % self.name) from None
                continue
            found = np.frombuffer(data, np.uint8)
            if self.limit and found.size > self.limit:
                raise LimitError('%s has %d bytes, at most %d are wanted' % (self.name, found.size, self.limit))
            if self.size >= 0 and found.size != self.size:
                raise CorruptError('%s has %d bytes, the listing said %d' % (self.name, found.size, self.size))
            self.data = found
        return self.data


class _Table:
    """The library's table of functions over a FileSystem."""

    def __init__(self, scheme: str, fs: FileSystem) -> None:
        self.fs, self.scheme = fs, scheme
        self.files, self.writers, self.loads = Numbered(), Numbered(), Numbered()
        self.pool: Optional[ThreadPoolExecutor] = None
        self.ops = ops = c.dl4c_fs_ops(scheme=scheme.encode())
        self.kinds: Dict[str, Any] = {f[0]: f[1] for f in ops._fields_}
        self.put(open_read=self.open_read, read_at=self.read_at, stat=self.stat)
        ops.close_read = silent(self.kinds['close_read'], lambda user, file: self.files.pop(file).close())
        if self.has('create'):
            self.put(create=self.create, write=self.write, commit=self.commit)
            ops.abandon = silent(self.kinds['abandon'], lambda user, file: self.writers.pop(file).abandon())
        for name in ('mkdir', 'remove', 'remove_all'):
            if self.has(name):
                self.put(**{name: self.by_name(getattr(fs, name))})
        if self.has('list'):
            self.put(list=self.list)
        if self.has('rename'):
            self.put(rename=lambda user, authority, old, new: fs.rename(text(authority), text(old), text(new)))
        if self.has('append'):
            self.put(append=lambda user, authority, path, data, n: fs.append(text(authority), text(path), string_at(data or 0, n)))
        if fs.read_ahead > 0:
            self.pool = ThreadPoolExecutor(fs.read_ahead, 'dl4c-' + scheme)
            self.put(load_start=self.load_start, load_wait=self.load_wait)
            ops.load_end = silent(self.kinds['load_end'], self.load_end)

    def has(self, name: str) -> bool:
        return getattr(type(self.fs), name, None) is not getattr(FileSystem, name)

    def put(self, **functions: Callable[..., None]) -> None:
        for name, function in functions.items():
            setattr(self.ops, name, fallible(self.kinds[name], function, _ANSWERS))

    @staticmethod
    def by_name(function: Callable[[str, str], Any]) -> Callable[..., None]:
        def run(user: Any, authority: Optional[bytes], path: bytes) -> None:
            function(text(authority), text(path))
        return run

    def open_read(self, user: Any, authority: Optional[bytes], path: bytes, file: Any, size: Any) -> None:
        found = _reader(self.fs.open_read(text(authority), text(path)))
        size[0] = found.size
        file[0] = self.files.add(found)

    def read_at(self, user: Any, file: int, offset: int, buffer: int, size: int, got: Any) -> None:
        found = np.frombuffer(self.files[file].read_at(offset, size), np.uint8)
        if found.size > size:
            raise CorruptError('%d bytes were read where %d were wanted' % (found.size, size))
        memmove(buffer, found.ctypes.data, found.size)
        got[0] = found.size

    def stat(self, user: Any, authority: Optional[bytes], path: bytes, out: Any) -> None:
        _fill(out[0], self.fs.stat(text(authority), text(path)))

    def create(self, user: Any, authority: Optional[bytes], path: bytes, file: Any) -> None:
        file[0] = self.writers.add(self.fs.create(text(authority), text(path)))

    def write(self, user: Any, file: int, data: int, size: int) -> None:
        self.writers[file].write(string_at(data or 0, size))

    def commit(self, user: Any, file: int) -> None:
        writer = self.writers.pop(file)
        try:
            writer.commit()
        except BaseException:
            writer.abandon()
            raise

    def list(self, user: Any, authority: Optional[bytes], path: bytes, fn: Any, arg: Any) -> None:
        for entry in self.fs.list(text(authority), text(path)):
            stat = c.dl4c_fs_stat()
            _fill(stat, entry)
            if fn(arg, encode(entry.name), byref(stat)):
                return

    def load_start(self, user: Any, authority: Optional[bytes], path: bytes, size: int, limit: int, load: Any) -> None:
        assert self.pool is not None
        name = '%s://%s%s' % (self.scheme, text(authority), text(path))
        load[0] = self.loads.add(_Load(self.pool.submit(self.fs.load, text(authority), text(path)), size, limit, name))

    def load_wait(self, user: Any, load: int, timeout_ms: int, data: Any, size: Any) -> None:
        found = self.loads[load].wait(timeout_ms)
        data[0], size[0] = found.ctypes.data, found.size

    def load_end(self, user: Any, load: int) -> None:
        self.loads.pop(load).future.cancel()


def register(context: Optional[Context], scheme: str, fs: FileSystem) -> None:
    """Makes URIs of a scheme ("mine" for mine://host/path) those of a file system, in a context (None: the library's own).

    It lives as long as the context and cannot be taken away. ExistsError: the scheme is taken; InvalidError: no scheme.
    """
    if not isinstance(fs, FileSystem):
        raise TypeError('%s is no dl4c.fs.FileSystem' % type(fs).__name__)
    table = _Table(scheme, fs)
    call(lib.dl4c_fs_register, optional(context), byref(table.ops), c_void_p(hold(table)), release)


def cancelled() -> bool:
    """In a method of a FileSystem: whether the call that it serves is to end, by Ctrl-C, a Cancel or its deadline."""
    return bool(lib.dl4c_fs_cancelled())
