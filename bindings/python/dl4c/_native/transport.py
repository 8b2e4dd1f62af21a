# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/transport.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_float, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error

DL4C_EXCHANGE_F32 = 0
DL4C_EXCHANGE_BF16 = 1


class dl4c_group_options(Sized):
    """struct dl4c_group_options."""


class dl4c_members(Sized):
    """struct dl4c_members."""


class dl4c_message(Structure):
    """struct dl4c_message."""


class dl4c_regroup_options(Sized):
    """struct dl4c_regroup_options."""


class dl4c_transport_ops(Sized):
    """struct dl4c_transport_ops."""


class dl4c_average_options(Sized):
    """struct dl4c_average_options."""


dl4c_group_options._fields_ = [
    ('struct_size', c_size_t),
    ('url', c_char_p),
    ('driver', c_int32),
    ('size', c_int32),
    ('timeout_ms', c_int64),
    ('lost_after_ms', c_int64),
    ('cancel', POINTER(c_int32)),
]
dl4c_members._fields_ = [
    ('struct_size', c_size_t),
    ('generation', c_uint64),
    ('rank', c_int32),
    ('size', c_int32),
    ('waiting', c_int32),
    ('reserved', c_int32),
    ('ids', POINTER(c_uint64)),
]
dl4c_message._fields_ = [
    ('peer', c_int32),
    ('reserved', c_int32),
    ('bytes', c_void_p),
    ('room', c_void_p),
    ('size', c_size_t),
]
dl4c_regroup_options._fields_ = [
    ('struct_size', c_size_t),
    ('min_size', c_int32),
    ('n_exclude', c_int32),
    ('exclude', POINTER(c_int32)),
    ('timeout_ms', c_int64),
]
dl4c_transport_ops._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('join', CFUNCTYPE(c_int32, c_void_p, POINTER(dl4c_group_options), POINTER(c_void_p), POINTER(dl4c_error))),
    ('leave', CFUNCTYPE(None, c_void_p, c_int64)),
    ('members', CFUNCTYPE(None, c_void_p, POINTER(dl4c_members))),
    ('send', CFUNCTYPE(c_int32, c_void_p, c_int32, c_void_p, c_size_t, c_int64, POINTER(dl4c_error))),
    ('recv', CFUNCTYPE(c_int32, c_void_p, c_int32, c_void_p, c_size_t, c_int64, POINTER(dl4c_error))),
    ('regroup', CFUNCTYPE(c_int32, c_void_p, POINTER(dl4c_regroup_options), POINTER(dl4c_error))),
    ('sendrecv', CFUNCTYPE(c_int32, c_void_p, POINTER(dl4c_message), c_int32, CFUNCTYPE(None, c_void_p, c_int32), c_void_p, c_int64,
        POINTER(dl4c_error))),
    ('broadcast', CFUNCTYPE(c_int32, c_void_p, c_int32, c_void_p, c_size_t, c_int64, POINTER(dl4c_error))),
    ('barrier', CFUNCTYPE(c_int32, c_void_p, c_int64, POINTER(dl4c_error))),
    ('cancel', CFUNCTYPE(None, c_void_p)),
    ('share', CFUNCTYPE(c_int32, c_void_p, c_void_p, POINTER(c_void_p), c_int64, POINTER(dl4c_error))),
]
dl4c_average_options._fields_ = [
    ('struct_size', c_size_t),
    ('weight', c_int64),
    ('first_rank', c_int32),
    ('threads', c_int32),
    ('timeout_ms', c_int64),
    ('exchange', c_int32),
    ('reserved', c_int32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_transport_register': (c_int32, (c_void_p, POINTER(dl4c_transport_ops), c_void_p, CFUNCTYPE(None, c_void_p),
        POINTER(dl4c_error))),
    'dl4c_group_join': (c_int32, (c_void_p, POINTER(dl4c_group_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_group_leave': (None, (POINTER(c_void_p), c_int64)),
    'dl4c_group_members': (c_int32, (c_void_p, POINTER(dl4c_members), POINTER(dl4c_error))),
    'dl4c_group_send': (c_int32, (c_void_p, c_int32, c_void_p, c_size_t, c_int64, POINTER(dl4c_error))),
    'dl4c_group_recv': (c_int32, (c_void_p, c_int32, c_void_p, c_size_t, c_int64, POINTER(dl4c_error))),
    'dl4c_group_sendrecv': (c_int32, (c_void_p, POINTER(dl4c_message), c_int32, c_int64, POINTER(dl4c_error))),
    'dl4c_group_broadcast': (c_int32, (c_void_p, c_int32, c_void_p, c_size_t, c_int64, POINTER(dl4c_error))),
    'dl4c_group_barrier': (c_int32, (c_void_p, c_int64, POINTER(dl4c_error))),
    'dl4c_group_regroup': (c_int32, (c_void_p, POINTER(dl4c_regroup_options), POINTER(dl4c_error))),
    'dl4c_group_cancel': (None, (c_void_p,)),
    'dl4c_group_average': (c_int32, (c_void_p, POINTER(dl4c_average_options), POINTER(c_float), POINTER(c_float), c_int64,
        POINTER(c_int64), POINTER(dl4c_error))),
}
