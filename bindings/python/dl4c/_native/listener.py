# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/listener.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_log_fn
from .train import dl4c_listener


class dl4c_line_options(Sized):
    """struct dl4c_line_options."""


class dl4c_evaluative_options(Sized):
    """struct dl4c_evaluative_options."""


class dl4c_checkpoint_options(Sized):
    """struct dl4c_checkpoint_options."""


dl4c_line_options._fields_ = [
    ('struct_size', c_size_t),
    ('every', c_int64),
    ('log', dl4c_log_fn),
    ('log_user', c_void_p),
    ('score', c_int32),
    ('reserved', c_int32),
    ('flags', c_uint64),
]
dl4c_evaluative_options._fields_ = [
    ('struct_size', c_size_t),
    ('when', c_int32),
    ('top_n', c_int32),
    ('every', c_int64),
    ('batch', c_int64),
    ('threads', c_int32),
    ('reserved', c_int32),
    ('done', CFUNCTYPE(c_int, c_void_p, c_int64, c_int64, c_void_p)),
    ('done_user', c_void_p),
    ('log', dl4c_log_fn),
    ('log_user', c_void_p),
    ('flags', c_uint64),
]
dl4c_checkpoint_options._fields_ = [
    ('struct_size', c_size_t),
    ('every_epochs', c_int64),
    ('every_iterations', c_int64),
    ('every_ms', c_int64),
    ('since_last', c_int32),
    ('keep_last', c_int32),
    ('keep_every', c_int32),
    ('delete_existing', c_int32),
    ('flags', c_uint64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_listener_close': (None, (POINTER(dl4c_listener),)),
    'dl4c_listener_score': (c_int32, (c_void_p, POINTER(dl4c_line_options), POINTER(dl4c_listener), POINTER(dl4c_error))),
    'dl4c_listener_performance': (c_int32, (c_void_p, POINTER(dl4c_line_options), POINTER(dl4c_listener), POINTER(dl4c_error))),
    'dl4c_listener_time': (c_int32, (c_void_p, POINTER(dl4c_line_options), POINTER(dl4c_listener), POINTER(dl4c_error))),
    'dl4c_listener_evaluative': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_evaluative_options), POINTER(dl4c_listener),
        POINTER(dl4c_error))),
    'dl4c_listener_checkpoint': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_checkpoint_options), POINTER(dl4c_listener),
        POINTER(dl4c_error))),
    'dl4c_checkpoint_last': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
}
