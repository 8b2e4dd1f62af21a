# SPDX-License-Identifier: Apache-2.0
"""Files of every file system that the library knows: local paths, webhdfs://, swebhdfs://, hdfs://, and those registered from Python.

>>> dl4c.fs.mkdir('notes')
>>> dl4c.fs.write_bytes('notes/a.txt', b'hello')
>>> [(entry.name, entry.kind, entry.size) for entry in dl4c.fs.listdir('notes')], dl4c.fs.read_bytes('notes/a.txt')
([('a.txt', 'file', 5)], b'hello')
>>> dl4c.fs.copy('notes', 'copied')
(1, 5)
"""
from __future__ import annotations

from ctypes import byref, c_size_t, c_void_p, string_at
from dataclasses import dataclass
from typing import Any, Iterable, List, Optional, Tuple, Union

from ._core import Cancel, Handle, Owned, Path, ask_text, call, encode, names, optional, strings, text
from ._long import Call, ProgressFunction
from ._native import fs as c
from ._native import lib
from .context import Context
from .filesystem import FileSystem, Stat, cancelled, register

KINDS = {c.DL4C_FS_FILE: 'file', c.DL4C_FS_DIRECTORY: 'directory'}


@dataclass(frozen=True)
class Entry:
    """What a name stands for. kind: "file", "directory" or "other"; mtime in seconds since 1970 UTC, 0 where unknown."""

    name: str
    kind: str
    size: int
    mtime: float


def _entry(name: str, stat: Any) -> Entry:
    return Entry(name, KINDS.get(stat.kind, 'other'), stat.size_bytes, stat.mtime_ms / 1000)


def stat(uri: Path, context: Optional[Context] = None) -> Entry:
    """What a URI stands for. NotFoundError: nothing."""
    found = c.dl4c_fs_stat()
    call(lib.dl4c_fs_stat_uri, optional(context), encode(uri), byref(found))
    return _entry(text(encode(uri)), found)


def _told(function: Any, kind: Any, uri: Path, context: Optional[Context]) -> List[Entry]:
    entries: List[Entry] = []

    def tell(user: Any, name: bytes, stat: Any) -> int:
        entries.append(_entry(text(name), stat.contents))
        return 0

    with Call() as long:
        long(function, optional(context), encode(uri), long.guard(kind, tell), None)
    return entries


def listdir(uri: Path, context: Optional[Context] = None) -> List[Entry]:
    """What a directory holds, sorted by name. NotFoundError."""
    return _told(lib.dl4c_fs_list, c.dl4c_fs_list_fn, uri, context)


def walk(uri: Path, context: Optional[Context] = None) -> List[Entry]:
    """All that lies below a directory, names with their path below it."""
    return _told(lib.dl4c_fs_walk, c.dl4c_fs_list_fn, uri, context)


def glob(pattern: Path, context: Optional[Context] = None) -> List[Entry]:
    """What matches a pattern of *, ?, [a-z] and {a,b}, sorted, under names that other calls take. NotFoundError: nothing does."""
    return _told(lib.dl4c_fs_glob, c.dl4c_fs_glob_fn, pattern, context)


def copy(sources: Union[Path, Iterable[Path]], to: Path, overwrite: bool = False, resume: bool = False, checksum: bool = False,
         times: bool = False, threads: int = 0, context: Optional[Context] = None, progress: Optional[ProgressFunction] = None,
         cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> Tuple[int, int]:
    """Copies files, and directories with all in them, between any two file systems. Returns the numbers of files and bytes copied.

    resume leaves files that are there, of the same size and no older; checksum reads every copy again. ExistsError without overwrite.
    """
    given, copied = names(sources), c.dl4c_fs_copied()
    flags = ((c.DL4C_FS_COPY_OVERWRITE if overwrite else 0) | (c.DL4C_FS_COPY_RESUME if resume else 0) |
             (c.DL4C_FS_COPY_CHECKSUM if checksum else 0) | (c.DL4C_FS_COPY_TIMES if times else 0))
    options = c.dl4c_fs_copy_options(threads=threads, flags=flags)
    with Call(progress, cancel, timeout) as long:
        long.options(options)
        long(lib.dl4c_fs_copy, optional(context), strings(given), len(given), encode(to), byref(options), byref(copied))
    return copied.n_files, copied.size_bytes


def mkdir(uri: Path, context: Optional[Context] = None) -> None:
    """Makes a directory and its missing parents; one that exists is no error."""
    call(lib.dl4c_fs_mkdir, optional(context), encode(uri))


def rename(old: Path, new: Path, context: Optional[Context] = None) -> None:
    """Renames within one file system, replacing a file in one step."""
    call(lib.dl4c_fs_rename, optional(context), encode(old), encode(new))


def remove(uri: Path, recursive: bool = False, context: Optional[Context] = None) -> None:
    """Removes a file or an empty directory; recursive: with all that is in it."""
    call(lib.dl4c_fs_remove_all if recursive else lib.dl4c_fs_remove, optional(context), encode(uri))


def join(directory: Path, name: Path, context: Optional[Context] = None) -> str:
    """The URI of a name, as a listing tells it, inside a directory."""
    return ask_text(lib.dl4c_fs_join, optional(context), encode(directory), encode(name))


def read_bytes(uri: Path, limit: int = 0, context: Optional[Context] = None) -> bytes:
    """A whole file. limit in bytes: LimitError for a larger one; 0: none."""
    found = c_void_p()
    call(lib.dl4c_fs_load_start, optional(context), encode(uri), -1, limit, byref(found))
    load, data, size = Owned(found, lib.dl4c_fs_load_end), c_void_p(), c_size_t()
    call(lib.dl4c_fs_load_wait, load, -1, byref(data), byref(size))
    return string_at(data.value or 0, size.value)


def write_bytes(uri: Path, data: bytes, context: Optional[Context] = None) -> None:
    """Writes a whole file, which appears whole or not at all."""
    with Writer(uri, context) as f:
        f.write(data)


class Writer(Handle):
    """A file being written: `with fs.Writer(uri) as f: f.write(b"...")`. It is there when the block ends well, and else is not."""

    _noun = 'file'

    def __init__(self, uri: Path, context: Optional[Context] = None) -> None:
        found = c_void_p()
        call(lib.dl4c_fs_create, optional(context), encode(uri), byref(found))
        super().__init__(Owned(found, lib.dl4c_fs_abandon))

    def write(self, data: Any) -> int:
        """Adds bytes at the end."""
        raw = bytes(data)
        call(lib.dl4c_fs_write, self._open, raw, len(raw))
        return len(raw)

    def commit(self) -> None:
        """Makes the file durable, gives it its name and closes."""
        owned = self._open
        self._owned = None
        call(lib.dl4c_fs_commit, owned.place())

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is None and not self.closed:
            self.commit()
        self.close()


def register_fsspec(context: Optional[Context], scheme: str, fs: Any = None, **options: Any) -> None:
    """Makes URIs of a scheme those of an fsspec file system: register_fsspec(None, "s3", key=..., secret=...), or fs: one made already.

    Files are uploaded when they are complete; where a rename is in one step they then appear so. 16 files are read ahead at once.
    ImportError: no fsspec, or not what it needs for the scheme; ExistsError: the scheme is taken.
    """
    from ._fsspec import fsspec_of
    register(context, scheme, fsspec_of(scheme, fs, options))


__all__ = ['Entry', 'FileSystem', 'Stat', 'Writer', 'cancelled', 'copy', 'glob', 'join', 'listdir', 'mkdir', 'read_bytes', 'register',
           'register_fsspec', 'remove', 'rename', 'stat', 'walk', 'write_bytes']
