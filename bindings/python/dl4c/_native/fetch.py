# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/fetch.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn

DL4C_FETCH_AGAIN = 1
DL4C_FETCH_OFFLINE = 2
DL4C_CHECKED_NOTHING = 0
DL4C_CHECKED_ADLER32 = 1
DL4C_CHECKED_SHA256 = 2


class dl4c_weights_info(Sized):
    """struct dl4c_weights_info."""


class dl4c_fetch_options(Sized):
    """struct dl4c_fetch_options."""


class dl4c_fetched(Sized):
    """struct dl4c_fetched."""


dl4c_weights_info._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('doc', c_char_p),
    ('url', c_char_p),
    ('preprocess', c_char_p),
    ('sha256', c_char_p),
    ('adler32', c_uint32),
    ('has_adler32', c_int32),
    ('size_bytes', c_int64),
]
dl4c_fetch_options._fields_ = [
    ('struct_size', c_size_t),
    ('cache', c_char_p),
    ('mirror', c_char_p),
    ('sha256', c_char_p),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('stall_ms', c_int64),
    ('flags', c_uint64),
]
dl4c_fetched._fields_ = [
    ('struct_size', c_size_t),
    ('path', c_void_p),
    ('sha256', c_char * 65),
    ('reserved', c_char * 3),
    ('checked', c_int32),
    ('size_bytes', c_int64),
    ('received', c_int64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_weights_count': (c_int32, ()),
    'dl4c_weights_get': (c_int32, (c_int32, POINTER(dl4c_weights_info), POINTER(dl4c_error))),
    'dl4c_fetch': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_fetch_options), POINTER(dl4c_fetched), POINTER(dl4c_error))),
}
