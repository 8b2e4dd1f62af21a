# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/model.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn


class dl4c_load_options(Sized):
    """struct dl4c_load_options."""


class dl4c_save_options(Sized):
    """struct dl4c_save_options."""


dl4c_load_options._fields_ = [
    ('struct_size', c_size_t),
    ('format', c_char_p),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
]
dl4c_save_options._fields_ = [
    ('struct_size', c_size_t),
    ('format', c_char_p),
    ('updater', c_int32),
    ('reserved', c_int32),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_model_load': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_load_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_model_load_memory': (c_int32, (c_void_p, c_void_p, c_size_t, POINTER(dl4c_load_options), POINTER(c_void_p),
        POINTER(dl4c_error))),
    'dl4c_model_save': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_save_options), POINTER(dl4c_error))),
    'dl4c_model_save_memory': (c_int32, (c_void_p, POINTER(dl4c_save_options), POINTER(c_void_p), POINTER(c_size_t),
        POINTER(dl4c_error))),
    'dl4c_format_for': (c_int32, (c_void_p, c_char_p, POINTER(c_char_p), POINTER(dl4c_error))),
    'dl4c_format_get': (c_int32, (c_void_p, c_int32, POINTER(c_char_p), POINTER(c_int32), POINTER(dl4c_error))),
    'dl4c_graph_get_normalizer': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_set_normalizer': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
}
