# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/transfer.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn
from .train import dl4c_fit_options


class dl4c_transfer_options(Sized):
    """struct dl4c_transfer_options."""


dl4c_transfer_options._fields_ = [
    ('struct_size', c_size_t),
    ('batch', c_int64),
    ('threads', c_int32),
    ('reserved', c_int32),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_transfer_create': (c_int32, (c_void_p, POINTER(c_char_p), c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_transfer_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_transfer_frozen': (c_void_p, (c_void_p,)),
    'dl4c_transfer_unfrozen': (c_void_p, (c_void_p,)),
    'dl4c_transfer_featurize': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_transfer_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_transfer_fit': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_fit_options), POINTER(dl4c_error))),
    'dl4c_transfer_update': (c_int32, (c_void_p, POINTER(dl4c_error))),
}
