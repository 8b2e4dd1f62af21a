# SPDX-License-Identifier: Apache-2.0
"""Any file system of fsspec (s3, gs, abfs, sftp, memory ...) as one of the library's."""
from __future__ import annotations

import io
import tempfile
import uuid
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Optional

from .filesystem import FileSystem, Stat

# An object appears whole when its upload is complete: no temporary name is needed there.
OBJECT_STORES = frozenset(('s3', 's3a', 'gs', 'gcs', 'abfs', 'abfss', 'az', 'adl', 'oss', 'oci', 'r2', 'swift', 'tos', 'cos'))
IN_MEMORY = 8 << 20
_TIMES = ('mtime', 'LastModified', 'last_modified', 'modified', 'updated', 'created')


class _Reading:
    """A file by ranges, without a handle: from any thread."""

    def __init__(self, fs: Any, path: str, size: Optional[int]) -> None:
        self.fs, self.path = fs, path
        self.whole = fs.cat_file(path) if size is None else None  # a server that does not say how long it is
        self.size = len(self.whole) if self.whole is not None else int(size or 0)

    def read_at(self, offset: int, size: int) -> Any:
        if self.whole is not None:
            return self.whole[offset:offset + size]
        end = min(offset + size, self.size)
        return self.fs.cat_file(self.path, start=offset, end=end) if end > offset else b''

    def close(self) -> None:
        self.whole = b''


class _Writing:
    """Gathers what is written, in memory and then in a temporary file here, and uploads it when it is complete."""

    def __init__(self, fs: Any, path: str, direct: bool) -> None:
        self.fs, self.path, self.direct = fs, path, direct
        self.file: Any = io.BytesIO()

    def write(self, data: bytes) -> None:
        if isinstance(self.file, io.BytesIO) and self.file.tell() + len(data) > IN_MEMORY:
            disk = tempfile.NamedTemporaryFile(prefix='dl4c-')
            disk.write(self.file.getbuffer())
            self.file = disk
        self.file.write(data)

    def upload(self, to: str) -> None:
        if isinstance(self.file, io.BytesIO):
            self.fs.pipe_file(to, self.file.getvalue())
        else:
            self.file.flush()
            self.fs.put_file(self.file.name, to)

    def commit(self) -> None:
        if self.direct:
            self.upload(self.path)
        else:
            head, _, tail = self.path.rpartition('/')
            part = '%s/.%s.%s.part' % (head, tail, uuid.uuid4().hex[:12])
            try:
                self.upload(part)
                self.fs.mv(part, self.path)
            except BaseException:
                try:
                    self.fs.rm_file(part)
                except Exception:  # the first failure is the one to tell
                    pass
                raise
        self.file.close()

    def abandon(self) -> None:
        self.file.close()


class Fsspec(FileSystem):
    """The methods of fsspec's AbstractFileSystem behind those of dl4c.fs.FileSystem."""

    read_ahead = 16

    def __init__(self, fs: Any, scheme: str) -> None:
        self.fs, self.scheme = fs, scheme
        protocols = (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
        self.direct = bool(OBJECT_STORES & set(protocols))
        self.protocol = protocols[0] if protocols else scheme

    def name(self, authority: str, path: str) -> str:
        """A path as the file system itself wants it."""
        return str(self.fs._strip_protocol('%s://%s%s' % (self.protocol, authority, path)))

    @staticmethod
    def entry(info: Dict[str, Any]) -> Stat:
        """What fsspec tells of a name."""
        when = next((info[k] for k in _TIMES if info.get(k)), 0)
        if isinstance(when, str):
            try:
                when = datetime.fromisoformat(when.replace('Z', '+00:00'))
            except ValueError:
                when = 0
        if isinstance(when, datetime):
            when = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
        kind = info.get('type') if info.get('type') in ('file', 'directory') else 'other'
        return Stat(str(info['name']).rstrip('/').rpartition('/')[2], str(kind), int(info.get('size') or 0),
                    float(when) if isinstance(when, (int, float)) else 0.0)

    def stat(self, authority: str, path: str) -> Stat:
        return self.entry(self.fs.info(self.name(authority, path)))

    def open_read(self, authority: str, path: str) -> _Reading:
        name = self.name(authority, path)
        info = self.fs.info(name)
        if info.get('type') == 'directory':
            raise IsADirectoryError('%s is a directory' % name)
        return _Reading(self.fs, name, info.get('size'))

    def load(self, authority: str, path: str) -> Any:
        return self.fs.cat_file(self.name(authority, path))

    def create(self, authority: str, path: str) -> _Writing:
        name = self.name(authority, path)
        if self.fs.isdir(name):
            raise IsADirectoryError('%s is a directory' % name)
        head = name.rpartition('/')[0]
        if not self.direct and head.strip('/') and not self.fs.isdir(head):
            raise FileNotFoundError('no directory %s' % head)
        return _Writing(self.fs, name, self.direct)

    def list(self, authority: str, path: str) -> Iterable[Stat]:
        name = self.name(authority, path)
        self.fs.invalidate_cache(name)
        for info in self.fs.ls(name, detail=True):
            if str(info['name']).strip('/') != name.strip('/'):
                yield self.entry(info)
            elif info.get('type') == 'file' and self.fs.isfile(name):
                raise NotADirectoryError('%s is a file' % name)

    def mkdir(self, authority: str, path: str) -> None:
        name = self.name(authority, path)
        if self.fs.isfile(name):
            raise FileExistsError('%s is a file' % name)
        self.fs.makedirs(name, exist_ok=True)

    def rename(self, authority: str, old: str, new: str) -> None:
        one, other = self.name(authority, old), self.name(authority, new)
        self.fs.mv(one, other, recursive=self.fs.isdir(one))

    def remove(self, authority: str, path: str) -> None:
        name = self.name(authority, path)
        if self.fs.info(name).get('type') != 'directory':
            self.fs.rm_file(name)
        elif self.fs.ls(name, detail=False):
            raise OSError('%s is not empty' % name)
        else:
            self.fs.rmdir(name)

    def remove_all(self, authority: str, path: str) -> None:
        name = self.name(authority, path)
        self.fs.rm(name, recursive=self.fs.info(name).get('type') == 'directory')

    def append(self, authority: str, path: str, data: bytes) -> None:
        name = self.name(authority, path)
        with self.fs.open(name, 'ab' if self.fs.exists(name) else 'wb') as file:
            file.write(data)


def fsspec_of(scheme: str, fs: Any, options: Dict[str, Any]) -> Fsspec:
    """The adapter for a scheme; fs None: fsspec makes the file system, without a cache of listings."""
    if fs is None:
        try:
            import fsspec  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError:
            raise ImportError('fsspec is not installed: pip install fsspec, and what it needs for %s' % scheme) from None
        fs = fsspec.filesystem(scheme, **{'use_listings_cache': False, 'skip_instance_cache': True, **options})
    elif options:
        raise TypeError('options beside a file system that is made already: %s' % ', '.join(sorted(options)))
    return Fsspec(fs, scheme)
