# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/normalizer.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_float, c_int32, c_int64, c_void_p
from typing import Any

from .base import dl4c_error


PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_normalizer_create': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_normalizer_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_normalizer_fit': (c_int32, (c_void_p, c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_normalizer_apply': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_normalizer_revert': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_normalizer_apply_labels': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_normalizer_revert_labels': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_normalizer_center': (POINTER(c_float), (c_void_p, POINTER(c_int64))),
    'dl4c_normalizer_spread': (POINTER(c_float), (c_void_p, POINTER(c_int64))),
    'dl4c_normalizer_load': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_normalizer_save': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_error))),
}
