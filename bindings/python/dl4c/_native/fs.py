# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/fs.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn

DL4C_FS_FILE = 1
DL4C_FS_DIRECTORY = 2
DL4C_FS_OTHER = 3
DL4C_FS_CHANGE_MODE = 1
DL4C_FS_CHANGE_REPLICATION = 2
DL4C_FS_CHANGE_TIMES = 4
DL4C_FS_CHANGE_OWNER = 8
DL4C_FS_WALK_STOP = 1
DL4C_FS_WALK_SKIP = 2
DL4C_FS_COPY_OVERWRITE = 1
DL4C_FS_COPY_RESUME = 2
DL4C_FS_COPY_CHECKSUM = 4
DL4C_FS_COPY_TIMES = 8
DL4C_FS_COPY_SYNC = 16


class dl4c_fs_stat(Sized):
    """struct dl4c_fs_stat."""


class dl4c_fs_checksum(Sized):
    """struct dl4c_fs_checksum."""


class dl4c_fs_summary(Sized):
    """struct dl4c_fs_summary."""


class dl4c_fs_change(Sized):
    """struct dl4c_fs_change."""


class dl4c_fs_ops(Sized):
    """struct dl4c_fs_ops."""


class dl4c_fs_copy_options(Sized):
    """struct dl4c_fs_copy_options."""


class dl4c_fs_copied(Sized):
    """struct dl4c_fs_copied."""


dl4c_fs_stat._fields_ = [
    ('struct_size', c_size_t),
    ('kind', c_int32),
    ('reserved', c_int32),
    ('size_bytes', c_int64),
    ('mtime_ms', c_int64),
    ('atime_ms', c_int64),
    ('block_bytes', c_int64),
    ('replication', c_int32),
    ('mode', c_int32),
]
dl4c_fs_checksum._fields_ = [
    ('struct_size', c_size_t),
    ('algorithm', c_char * 64),
    ('digest', c_char * 160),
]
dl4c_fs_summary._fields_ = [
    ('struct_size', c_size_t),
    ('n_files', c_int64),
    ('n_directories', c_int64),
    ('size_bytes', c_int64),
    ('space_bytes', c_int64),
    ('quota_names', c_int64),
    ('quota_bytes', c_int64),
]
dl4c_fs_change._fields_ = [
    ('struct_size', c_size_t),
    ('what', c_int32),
    ('mode', c_int32),
    ('replication', c_int32),
    ('reserved', c_int32),
    ('mtime_ms', c_int64),
    ('atime_ms', c_int64),
    ('owner', c_char_p),
    ('group', c_char_p),
]
dl4c_fs_list_fn = CFUNCTYPE(c_int, c_void_p, c_char_p, POINTER(dl4c_fs_stat))
dl4c_fs_ops._fields_ = [
    ('struct_size', c_size_t),
    ('scheme', c_char_p),
    ('open_read', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(c_int64), POINTER(dl4c_error))),
    ('read_at', CFUNCTYPE(c_int32, c_void_p, c_void_p, c_int64, c_void_p, c_size_t, POINTER(c_size_t), POINTER(dl4c_error))),
    ('map', CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(c_void_p), POINTER(c_size_t), POINTER(dl4c_error))),
    ('close_read', CFUNCTYPE(None, c_void_p, c_void_p)),
    ('create', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    ('write', CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p, c_size_t, POINTER(dl4c_error))),
    ('commit', CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(dl4c_error))),
    ('abandon', CFUNCTYPE(None, c_void_p, c_void_p)),
    ('stat', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_fs_stat), POINTER(dl4c_error))),
    ('list', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, dl4c_fs_list_fn, c_void_p, POINTER(dl4c_error))),
    ('mkdir', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_error))),
    ('rename', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, c_char_p, POINTER(dl4c_error))),
    ('remove', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_error))),
    ('append', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, c_void_p, c_size_t, POINTER(dl4c_error))),
    ('load_start', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, c_int64, c_int64, POINTER(c_void_p), POINTER(dl4c_error))),
    ('load_wait', CFUNCTYPE(c_int32, c_void_p, c_void_p, c_int64, POINTER(c_void_p), POINTER(c_size_t), POINTER(dl4c_error))),
    ('load_end', CFUNCTYPE(None, c_void_p, c_void_p)),
    ('list_page', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, c_char_p, c_int32, dl4c_fs_list_fn, c_void_p, POINTER(c_int32),
        POINTER(dl4c_error))),
    ('checksum', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_fs_checksum), POINTER(dl4c_error))),
    ('summarize', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_fs_summary), POINTER(dl4c_error))),
    ('change', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_fs_change), POINTER(dl4c_error))),
    ('concat', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(c_char_p), c_int32, POINTER(dl4c_error))),
    ('truncate', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, c_int64, POINTER(dl4c_error))),
    ('remove_all', CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, POINTER(dl4c_error))),
]
dl4c_fs_glob_fn = CFUNCTYPE(c_int, c_void_p, c_char_p, POINTER(dl4c_fs_stat))
dl4c_fs_copy_failed_fn = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, POINTER(dl4c_error))
dl4c_fs_copy_options._fields_ = [
    ('struct_size', c_size_t),
    ('threads', c_int32),
    ('reserved', c_int32),
    ('flags', c_uint64),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('failed', dl4c_fs_copy_failed_fn),
    ('failed_user', c_void_p),
]
dl4c_fs_copied._fields_ = [
    ('struct_size', c_size_t),
    ('n_files', c_int64),
    ('n_skipped', c_int64),
    ('n_failed', c_int64),
    ('n_directories', c_int64),
    ('size_bytes', c_int64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_fs_register': (c_int32, (c_void_p, POINTER(dl4c_fs_ops), c_void_p, CFUNCTYPE(None, c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_open': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_size': (c_int64, (c_void_p,)),
    'dl4c_fs_read_at': (c_int32, (c_void_p, c_int64, c_void_p, c_size_t, POINTER(dl4c_error))),
    'dl4c_fs_bytes': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(c_size_t), POINTER(dl4c_error))),
    'dl4c_fs_close': (None, (POINTER(c_void_p),)),
    'dl4c_fs_load_start': (c_int32, (c_void_p, c_char_p, c_int64, c_int64, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_load_wait': (c_int32, (c_void_p, c_int64, POINTER(c_void_p), POINTER(c_size_t), POINTER(dl4c_error))),
    'dl4c_fs_load_end': (None, (POINTER(c_void_p),)),
    'dl4c_fs_create': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_write': (c_int32, (c_void_p, c_void_p, c_size_t, POINTER(dl4c_error))),
    'dl4c_fs_commit': (c_int32, (POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_abandon': (None, (POINTER(c_void_p),)),
    'dl4c_fs_stat_uri': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_fs_stat), POINTER(dl4c_error))),
    'dl4c_fs_list': (c_int32, (c_void_p, c_char_p, dl4c_fs_list_fn, c_void_p, POINTER(dl4c_error))),
    'dl4c_fs_list_page': (c_int32, (c_void_p, c_char_p, c_char_p, c_int32, dl4c_fs_list_fn, c_void_p, POINTER(c_int32),
        POINTER(dl4c_error))),
    'dl4c_fs_mkdir': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_error))),
    'dl4c_fs_rename': (c_int32, (c_void_p, c_char_p, c_char_p, POINTER(dl4c_error))),
    'dl4c_fs_remove': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_error))),
    'dl4c_fs_remove_all': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_error))),
    'dl4c_fs_append': (c_int32, (c_void_p, c_char_p, c_void_p, c_size_t, POINTER(dl4c_error))),
    'dl4c_fs_get_checksum': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_fs_checksum), POINTER(dl4c_error))),
    'dl4c_fs_get_summary': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_fs_summary), POINTER(dl4c_error))),
    'dl4c_fs_set': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_fs_change), POINTER(dl4c_error))),
    'dl4c_fs_concat': (c_int32, (c_void_p, c_char_p, POINTER(c_char_p), c_int32, POINTER(dl4c_error))),
    'dl4c_fs_truncate': (c_int32, (c_void_p, c_char_p, c_int64, POINTER(dl4c_error))),
    'dl4c_fs_join': (c_int32, (c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_base_name': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_fs_glob': (c_int32, (c_void_p, c_char_p, dl4c_fs_glob_fn, c_void_p, POINTER(dl4c_error))),
    'dl4c_fs_walk': (c_int32, (c_void_p, c_char_p, dl4c_fs_list_fn, c_void_p, POINTER(dl4c_error))),
    'dl4c_fs_copy': (c_int32, (c_void_p, POINTER(c_char_p), c_int32, c_char_p, POINTER(dl4c_fs_copy_options), POINTER(dl4c_fs_copied),
        POINTER(dl4c_error))),
    'dl4c_fs_watch': (POINTER(c_int32), (POINTER(c_int32),)),
    'dl4c_fs_cancelled': (c_int, ()),
}
