# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/train.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error, dl4c_progress_fn

DL4C_TRAIN_EPOCH_START = 1
DL4C_TRAIN_ITERATION = 2
DL4C_TRAIN_EPOCH_END = 3
DL4C_FIT_KEEP_GRADIENT = 1
DL4C_FIT_ANY_KERNELS = 2
DL4C_FIT_AS_DL4J = 4
DL4C_FIT_GRADIENTS = 8


class dl4c_train_event(Sized):
    """struct dl4c_train_event."""


class dl4c_listener(Sized):
    """struct dl4c_listener."""


class dl4c_fit_options(Sized):
    """struct dl4c_fit_options."""


class dl4c_worker_options(Sized):
    """struct dl4c_worker_options."""


class dl4c_evaluate_options(Sized):
    """struct dl4c_evaluate_options."""


dl4c_train_event._fields_ = [
    ('struct_size', c_size_t),
    ('kind', c_int32),
    ('stop', c_int32),
    ('graph', c_void_p),
    ('iteration', c_int64),
    ('epoch', c_int64),
    ('score', c_double),
    ('val_score', c_double),
    ('val_accuracy', c_double),
    ('rows', c_int64),
    ('done', c_int64),
    ('total', c_int64),
    ('source_ns', c_int64),
    ('round', c_int64),
    ('worker', c_int32),
    ('reserved', c_int32),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
]
dl4c_listener._fields_ = [
    ('struct_size', c_size_t),
    ('user', c_void_p),
    ('iteration_done', CFUNCTYPE(c_int, c_void_p, c_int64, c_int64, c_double)),
    ('epoch_start', CFUNCTYPE(c_int, c_void_p, c_int64)),
    ('epoch_end', CFUNCTYPE(c_int, c_void_p, c_int64, c_double, c_double, c_double)),
    ('event', CFUNCTYPE(c_int32, c_void_p, POINTER(dl4c_train_event), POINTER(dl4c_error))),
    ('release', CFUNCTYPE(None, c_void_p)),
]
dl4c_fit_options._fields_ = [
    ('struct_size', c_size_t),
    ('epochs', c_uint32),
    ('no_shuffle', c_int32),
    ('batch', c_int64),
    ('updater', c_char_p),
    ('lr_schedule', c_char_p),
    ('l1', c_double),
    ('l2', c_double),
    ('seed', c_uint64),
    ('class_weights', POINTER(c_float)),
    ('n_class_weights', c_int32),
    ('balanced', c_int32),
    ('validation', c_void_p),
    ('early_stopping', c_uint32),
    ('workers', c_int32),
    ('averaging_frequency', c_int32),
    ('threads', c_int32),
    ('transport', c_char_p),
    ('run_dir', c_char_p),
    ('command', c_char_p),
    ('listeners', POINTER(dl4c_listener)),
    ('n_listeners', c_int32),
    ('seed_zero', c_int32),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('flags', c_uint64),
    ('validate_every', c_uint32),
    ('no_save_updater', c_int32),
    ('checkpoint_dir', c_char_p),
    ('checkpoint_every_ms', c_int64),
    ('resume', c_int32),
    ('min_workers', c_int32),
    ('join_timeout_ms', c_int64),
    ('worker_timeout_ms', c_int64),
    ('round_timeout_ms', c_int64),
    ('replay', c_char_p),
    ('rank', POINTER(c_int32)),
    ('prefetch', c_int32),
    ('exchange', c_int32),
]
dl4c_worker_options._fields_ = [
    ('struct_size', c_size_t),
    ('threads', c_int32),
    ('reserved', c_int32),
    ('join_timeout_ms', c_int64),
    ('worker_timeout_ms', c_int64),
    ('cancel', POINTER(c_int32)),
    ('features', c_char_p),
]
dl4c_evaluate_options._fields_ = [
    ('struct_size', c_size_t),
    ('batch', c_int64),
    ('top_n', c_int32),
    ('threads', c_int32),
    ('progress', dl4c_progress_fn),
    ('progress_user', c_void_p),
    ('cancel', POINTER(c_int32)),
    ('timeout_ms', c_int64),
    ('mistake', CFUNCTYPE(None, c_void_p, c_int64, c_int64, c_int64, c_double)),
    ('mistake_user', c_void_p),
    ('flags', c_uint64),
    ('measures', POINTER(c_void_p)),
    ('n_measures', c_int32),
    ('precision', c_int32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_fit': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_fit_options), POINTER(dl4c_error))),
    'dl4c_worker_run': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_worker_options), POINTER(dl4c_error))),
    'dl4c_trainer_create': (c_int32, (c_void_p, POINTER(dl4c_fit_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_trainer_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_trainer_step': (c_int32, (c_void_p, c_void_p, c_void_p, POINTER(c_double), POINTER(dl4c_error))),
    'dl4c_trainer_masks': (c_int32, (c_void_p, c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_trainer_score': (c_int32, (c_void_p, c_void_p, c_void_p, POINTER(c_double), POINTER(dl4c_error))),
    'dl4c_trainer_next_epoch': (None, (c_void_p,)),
    'dl4c_trainer_iteration': (c_int64, (c_void_p,)),
    'dl4c_trainer_params': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_trainer_updater_state': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_trainer_gradient': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluate': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_evaluate_options), POINTER(c_void_p), POINTER(dl4c_error))),
}
