# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/reader.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error

DL4C_BAD_SKIP = 0
DL4C_BAD_FAIL = 1
DL4C_READER_UNLABELLED = 1
DL4C_SAMPLE_ALL = 0
DL4C_SAMPLE_RANDOM = 1
DL4C_SAMPLE_BALANCED = 2
DL4C_SAMPLE_ANY_EXTENSION = 1


class dl4c_reader_options(Sized):
    """struct dl4c_reader_options."""


class dl4c_split_dir_options(Sized):
    """struct dl4c_split_dir_options."""


class dl4c_sample_options(Sized):
    """struct dl4c_sample_options."""


dl4c_reader_options._fields_ = [
    ('struct_size', c_size_t),
    ('for_graph', c_void_p),
    ('list', c_char_p),
    ('height', c_int32),
    ('width', c_int32),
    ('channels', c_int32),
    ('threads', c_int32),
    ('preprocess', c_char_p),
    ('on_bad', c_int32),
    ('tolerate', c_int32),
    ('max_bad', c_int64),
    ('max_bad_fraction', c_double),
    ('max_pixels', c_int64),
    ('prefetch', c_int32),
    ('n_paths', c_int32),
    ('paths', POINTER(c_char_p)),
    ('flags', c_uint64),
    ('transform', c_char_p),
    ('transform_seed', c_uint64),
    ('label_pattern', c_char_p),
    ('label_position', c_int32),
    ('copies', c_int32),
    ('read_ahead', c_int32),
    ('reserved', c_int32),
]
dl4c_split_dir_options._fields_ = [
    ('struct_size', c_size_t),
    ('train', c_double),
    ('val', c_double),
    ('test', c_double),
    ('seed', c_uint64),
    ('flags', c_uint64),
    ('label_pattern', c_char_p),
    ('sample', POINTER(dl4c_sample_options)),
    ('label_position', c_int32),
    ('reserved', c_int32),
]
dl4c_sample_options._fields_ = [
    ('struct_size', c_size_t),
    ('seed', c_int64),
    ('max_paths', c_int64),
    ('max_labels', c_int64),
    ('min_per_label', c_int64),
    ('max_per_label', c_int64),
    ('label_pattern', c_char_p),
    ('extensions', POINTER(c_char_p)),
    ('labels', POINTER(c_char_p)),
    ('weights', POINTER(c_double)),
    ('label_position', c_int32),
    ('filter', c_int32),
    ('n_extensions', c_int32),
    ('n_labels', c_int32),
    ('n_weights', c_int32),
    ('reserved', c_int32),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_reader_open': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_reader_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_reader_close': (None, (POINTER(c_void_p),)),
    'dl4c_reader_class_count': (c_int32, (c_void_p,)),
    'dl4c_reader_class': (c_char_p, (c_void_p, c_int32)),
    'dl4c_reader_count': (c_int64, (c_void_p,)),
    'dl4c_reader_path': (c_char_p, (c_void_p, c_int64)),
    'dl4c_reader_label': (c_int64, (c_void_p, c_int64)),
    'dl4c_reader_bad_count': (c_int64, (c_void_p,)),
    'dl4c_reader_bad': (c_int32, (c_void_p, c_int64, POINTER(c_int64), POINTER(c_char_p), POINTER(dl4c_error))),
    'dl4c_reader_source': (c_void_p, (c_void_p,)),
    'dl4c_reader_preprocess': (c_char_p, (c_void_p,)),
    'dl4c_reader_transform': (c_char_p, (c_void_p,)),
    'dl4c_reader_transform_seed': (c_uint64, (c_void_p,)),
    'dl4c_split_dir': (c_int32, (c_void_p, c_char_p, c_char_p, POINTER(dl4c_split_dir_options), POINTER(c_int64), POINTER(dl4c_error))),
    'dl4c_sample_paths': (c_int32, (c_void_p, POINTER(c_char_p), c_int64, POINTER(dl4c_sample_options), POINTER(c_int64),
        POINTER(c_int64), POINTER(c_int64), POINTER(c_int32), POINTER(dl4c_error))),
    'dl4c_path_label': (c_int32, (c_void_p, c_char_p, c_char_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
}
