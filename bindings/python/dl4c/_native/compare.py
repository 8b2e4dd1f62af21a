# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/compare.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error
from .image import dl4c_preprocess


class dl4c_compare_side(Sized):
    """struct dl4c_compare_side."""


class dl4c_compare_options(Sized):
    """struct dl4c_compare_options."""


class dl4c_compare_stage(Sized):
    """struct dl4c_compare_stage."""


dl4c_compare_side._fields_ = [
    ('struct_size', c_size_t),
    ('graph', c_void_p),
    ('activations', c_char_p),
    ('preprocess', POINTER(dl4c_preprocess)),
    ('height', c_int32),
    ('width', c_int32),
]
dl4c_compare_options._fields_ = [
    ('struct_size', c_size_t),
    ('image', c_void_p),
    ('image_bytes', c_size_t),
    ('input', c_void_p),
    ('map', POINTER(c_char_p)),
    ('n_map', c_int32),
    ('reserved', c_int32),
    ('tolerance', c_double),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
]
dl4c_compare_stage._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('other', c_char_p),
    ('op', c_char_p),
    ('note', c_char_p),
    ('error', c_double),
    ('largest', c_double),
    ('count', c_int64),
    ('differs', c_int32),
    ('reserved', c_int32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_compare': (c_int32, (c_void_p, POINTER(dl4c_compare_side), POINTER(dl4c_compare_side), POINTER(dl4c_compare_options),
        POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_comparison_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_comparison_count': (c_int32, (c_void_p,)),
    'dl4c_comparison_stage': (c_int32, (c_void_p, c_int32, POINTER(dl4c_compare_stage), POINTER(dl4c_error))),
    'dl4c_comparison_first': (c_int32, (c_void_p,)),
    'dl4c_comparison_cause': (None, (c_void_p, POINTER(c_char_p), POINTER(c_char_p))),
    'dl4c_comparison_text': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
}
