# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/op.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, Structure, Union, c_char_p, c_double, c_int32, c_int64, c_size_t
from typing import Any

from ._sized import Sized
from .base import dl4c_error

DL4C_ATTR_INT = 1
DL4C_ATTR_FLOAT = 2
DL4C_ATTR_STR = 3
DL4C_ATTR_INTS = 4
DL4C_ATTR_FLOATS = 5
DL4C_KIND_OP = 0
DL4C_KIND_UPDATER = 1
DL4C_KIND_SCHEDULE = 2
DL4C_KIND_LOSS = 3
DL4C_KIND_PREPROCESS = 4
DL4C_KIND_CONSTRAINT = 5


class dl4c_attr_v(Union):
    """The values of dl4c_attr.v."""


class dl4c_attr(Structure):
    """struct dl4c_attr."""


class dl4c_descriptor(Sized):
    """struct dl4c_descriptor."""


class dl4c_attr_info(Sized):
    """struct dl4c_attr_info."""


dl4c_attr_v._fields_ = [
    ('i', c_int64),
    ('f', c_double),
    ('s', c_char_p),
    ('is', POINTER(c_int64)),
    ('fs', POINTER(c_double)),
]
dl4c_attr._fields_ = [
    ('name', c_char_p),
    ('type', c_int32),
    ('count', c_int32),
    ('v', dl4c_attr_v),
]
dl4c_descriptor._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('doc', c_char_p),
    ('min_inputs', c_int32),
    ('max_inputs', c_int32),
    ('n_attrs', c_int32),
    ('trainable', c_int32),
]
dl4c_attr_info._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('doc', c_char_p),
    ('type', c_int32),
    ('count', c_int32),
    ('required', c_int32),
    ('n_choices', c_int32),
    ('choices', POINTER(c_char_p)),
    ('min', c_double),
    ('max', c_double),
    ('def', c_double),
    ('def_text', c_char_p),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_descriptor_count': (c_int32, (c_int32,)),
    'dl4c_descriptor_get': (c_int32, (c_int32, c_int32, POINTER(dl4c_descriptor), POINTER(dl4c_error))),
    'dl4c_descriptor_attr': (c_int32, (c_int32, c_int32, c_int32, POINTER(dl4c_attr_info), POINTER(dl4c_error))),
}
