# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/source.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_float, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error


class dl4c_batch(Sized):
    """struct dl4c_batch."""


class dl4c_source_info(Sized):
    """struct dl4c_source_info."""


class dl4c_source_ops(Sized):
    """struct dl4c_source_ops."""


class dl4c_dataset(Sized):
    """struct dl4c_dataset."""


dl4c_batch._fields_ = [
    ('struct_size', c_size_t),
    ('n', c_int64),
    ('x', POINTER(c_float)),
    ('labels', POINTER(c_int64)),
    ('y', POINTER(c_float)),
    ('index', POINTER(c_int64)),
    ('x_mask', POINTER(c_float)),
    ('y_mask', POINTER(c_float)),
    ('y_mask_values', c_int64),
]
dl4c_source_info._fields_ = [
    ('struct_size', c_size_t),
    ('rank', c_int32),
    ('n_classes', c_int32),
    ('shape', c_int64 * 8),
    ('rows', c_int64),
    ('classes', POINTER(c_char_p)),
    ('digest', c_char_p),
    ('store', c_char_p),
]
dl4c_source_ops._fields_ = [
    ('struct_size', c_size_t),
    ('info', CFUNCTYPE(c_int32, c_void_p, POINTER(dl4c_source_info), POINTER(dl4c_error))),
    ('reset', CFUNCTYPE(c_int32, c_void_p, c_int32, c_uint64, c_int64, POINTER(dl4c_error))),
    ('next', CFUNCTYPE(c_int32, c_void_p, c_int64, POINTER(dl4c_batch), POINTER(dl4c_error))),
    ('name', CFUNCTYPE(c_void_p, c_void_p, c_int64)),
]
dl4c_dataset._fields_ = [
    ('struct_size', c_size_t),
    ('n_features', c_int32),
    ('n_labels', c_int32),
    ('n_feature_masks', c_int32),
    ('n_label_masks', c_int32),
    ('arrays', POINTER(c_void_p)),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_source_create': (c_int32, (c_void_p, POINTER(dl4c_source_ops), c_void_p, CFUNCTYPE(None, c_void_p), POINTER(c_void_p),
        POINTER(dl4c_error))),
    'dl4c_source_tensors': (c_int32, (c_void_p, c_void_p, c_void_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_source_masked': (c_int32, (c_void_p, c_void_p, c_void_p, c_int32, c_void_p, c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_source_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_source_get_info': (c_int32, (c_void_p, POINTER(dl4c_source_info), POINTER(dl4c_error))),
    'dl4c_source_reset': (c_int32, (c_void_p, c_int32, c_uint64, c_int64, POINTER(dl4c_error))),
    'dl4c_source_next': (c_int32, (c_void_p, c_int64, POINTER(dl4c_batch), POINTER(dl4c_error))),
    'dl4c_source_name': (c_char_p, (c_void_p, c_int64)),
    'dl4c_dataset_load': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_dataset), POINTER(dl4c_error))),
    'dl4c_dataset_clear': (None, (POINTER(dl4c_dataset),)),
    'dl4c_dataset_save': (c_int32, (c_void_p, POINTER(dl4c_dataset), c_int32, c_char_p, POINTER(dl4c_error))),
    'dl4c_source_dataset': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
}
