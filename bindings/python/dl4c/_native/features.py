# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/features.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn

DL4C_POOL_NONE = 0
DL4C_POOL_AVG = 1
DL4C_POOL_MAX = 2
DL4C_FEATURIZE_LOW_MEMORY = 1
DL4C_FEATURIZE_RESUME = 2


class dl4c_featurize_options(Sized):
    """struct dl4c_featurize_options."""


class dl4c_features_options(Sized):
    """struct dl4c_features_options."""


class dl4c_head_options(Sized):
    """struct dl4c_head_options."""


dl4c_featurize_options._fields_ = [
    ('struct_size', c_size_t),
    ('at', POINTER(c_char_p)),
    ('n_at', c_int32),
    ('pool', c_int32),
    ('batch', c_int64),
    ('shard_size', c_int64),
    ('threads', c_int32),
    ('overwrite', c_int32),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
    ('precision', c_int32),
    ('part', c_int32),
    ('n_parts', c_int32),
    ('reserved', c_int32),
]
dl4c_features_options._fields_ = [
    ('struct_size', c_size_t),
    ('verify', c_int32),
    ('reserved', c_int32),
    ('flags', c_uint64),
]
dl4c_head_options._fields_ = [
    ('struct_size', c_size_t),
    ('weight_init', c_char_p),
    ('dropout', c_double),
    ('l1', c_double),
    ('l2', c_double),
    ('seed', c_uint64),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_featurize': (c_int32, (c_void_p, c_void_p, c_char_p, POINTER(dl4c_featurize_options), POINTER(dl4c_error))),
    'dl4c_features_open': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_features_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_features_close': (None, (POINTER(c_void_p),)),
    'dl4c_features_source': (c_void_p, (c_void_p,)),
    'dl4c_features_rows': (c_int64, (c_void_p,)),
    'dl4c_features_shape': (c_int32, (c_void_p, POINTER(c_int64))),
    'dl4c_features_class_count': (c_int32, (c_void_p,)),
    'dl4c_features_class': (c_char_p, (c_void_p, c_int32)),
    'dl4c_features_path': (c_char_p, (c_void_p, c_int64)),
    'dl4c_features_label': (c_int64, (c_void_p, c_int64)),
    'dl4c_features_shard_count': (c_int32, (c_void_p,)),
    'dl4c_features_shard': (c_int32, (c_void_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_features_metadata': (c_char_p, (c_void_p, c_char_p)),
    'dl4c_head_softmax': (c_int32, (c_void_p, POINTER(dl4c_head_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_head_for': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_features_check': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
}
