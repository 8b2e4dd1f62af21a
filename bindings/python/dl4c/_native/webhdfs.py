# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/webhdfs.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error

DL4C_WEBHDFS_ANY_HOST_NAME = 1


class dl4c_webhdfs_options(Sized):
    """struct dl4c_webhdfs_options."""


dl4c_webhdfs_options._fields_ = [
    ('struct_size', c_size_t),
    ('user', c_char_p),
    ('doas', c_char_p),
    ('token', c_char_p),
    ('ca_file', c_char_p),
    ('cert_file', c_char_p),
    ('key_file', c_char_p),
    ('key_password', c_char_p),
    ('datanodes', c_char_p),
    ('connect_ms', c_int64),
    ('stall_ms', c_int64),
    ('retry_ms', c_int64),
    ('requests', c_int32),
    ('reserved', c_int32),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_webhdfs_configure': (c_int32, (c_void_p, POINTER(dl4c_webhdfs_options), POINTER(dl4c_error))),
}
