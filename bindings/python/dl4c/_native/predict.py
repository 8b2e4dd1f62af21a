# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/predict.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn

DL4C_PREDICT_JSONL = 0
DL4C_PREDICT_CSV = 1
DL4C_PREDICT_LOW_MEMORY = 1
DL4C_PREDICT_RESUME = 2


class dl4c_predict_options(Sized):
    """struct dl4c_predict_options."""


dl4c_predict_fn = CFUNCTYPE(c_int, c_void_p, c_char_p, c_size_t)
dl4c_predict_options._fields_ = [
    ('struct_size', c_size_t),
    ('top', c_int64),
    ('batch', c_int64),
    ('shard_size', c_int64),
    ('format', c_int32),
    ('threads', c_int32),
    ('precision', c_int32),
    ('part', c_int32),
    ('n_parts', c_int32),
    ('reserved', c_int32),
    ('write', dl4c_predict_fn),
    ('write_user', c_void_p),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_predict': (c_int32, (c_void_p, c_void_p, c_char_p, POINTER(dl4c_predict_options), POINTER(dl4c_error))),
}
