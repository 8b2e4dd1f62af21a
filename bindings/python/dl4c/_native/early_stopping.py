# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/early_stopping.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error
from .train import dl4c_fit_options

DL4C_STOP_EPOCH_CONDITION = 1
DL4C_STOP_ITERATION_CONDITION = 2
DL4C_STOP_LISTENER = 3


class dl4c_early_stopping_options(Sized):
    """struct dl4c_early_stopping_options."""


class dl4c_early_stopping_result(Sized):
    """struct dl4c_early_stopping_result."""


dl4c_early_stopping_options._fields_ = [
    ('struct_size', c_size_t),
    ('source', c_void_p),
    ('score', c_char_p),
    ('every_epochs', c_uint32),
    ('no_improvement', c_uint32),
    ('min_improvement', c_double),
    ('best_score', c_double),
    ('max_score', c_double),
    ('has_best_score', c_int32),
    ('has_max_score', c_int32),
    ('max_time_ms', c_int64),
    ('invalid_score', c_int32),
    ('save_last', c_int32),
    ('dir', c_char_p),
    ('flags', c_uint64),
]
dl4c_early_stopping_result._fields_ = [
    ('struct_size', c_size_t),
    ('reason', c_int32),
    ('n_scores', c_int32),
    ('best_epoch', c_int64),
    ('total_epochs', c_int64),
    ('best_score', c_double),
    ('epochs', POINTER(c_int64)),
    ('scores', POINTER(c_double)),
    ('details', c_char * 128),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_early_stopping_result_clear': (None, (POINTER(dl4c_early_stopping_result),)),
    'dl4c_fit_early_stopping': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_fit_options), POINTER(dl4c_early_stopping_options),
        POINTER(c_void_p), POINTER(dl4c_early_stopping_result), POINTER(dl4c_error))),
}
