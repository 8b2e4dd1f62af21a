# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/zoo.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn

DL4C_ZOO_PUBLISHED_NAMES = 1


class dl4c_zoo_info(Sized):
    """struct dl4c_zoo_info."""


class dl4c_zoo_options(Sized):
    """struct dl4c_zoo_options."""


dl4c_zoo_info._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('doc', c_char_p),
    ('preprocess', c_char_p),
    ('updater', c_char_p),
    ('param_count', c_int64),
    ('n_classes', c_int32),
    ('channels', c_int32),
    ('height', c_int32),
    ('width', c_int32),
]
dl4c_zoo_options._fields_ = [
    ('struct_size', c_size_t),
    ('n_classes', c_int32),
    ('channels', c_int32),
    ('height', c_int32),
    ('width', c_int32),
    ('seed', c_uint64),
    ('weights', c_char_p),
    ('updater', c_char_p),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_zoo_count': (c_int32, ()),
    'dl4c_zoo_get': (c_int32, (c_int32, POINTER(dl4c_zoo_info), POINTER(dl4c_error))),
    'dl4c_zoo_find': (c_int32, (c_char_p, POINTER(dl4c_zoo_info), POINTER(dl4c_error))),
    'dl4c_zoo_create': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_zoo_options), POINTER(c_void_p), POINTER(dl4c_error))),
}
