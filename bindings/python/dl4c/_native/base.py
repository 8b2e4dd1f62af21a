# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/base.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

from ._sized import Sized

DL4C_VERSION_MAJOR = 0
DL4C_VERSION_MINOR = 1
DL4C_VERSION_PATCH = 0
DL4C_OK = 0
DL4C_E_NOMEM = 1
DL4C_E_INVALID = 2
DL4C_E_NOTFOUND = 3
DL4C_E_EXISTS = 4
DL4C_E_IO = 5
DL4C_E_CORRUPT = 6
DL4C_E_UNSUPPORTED = 7
DL4C_E_TIMEOUT = 8
DL4C_E_CANCELLED = 9
DL4C_E_VERSION = 10
DL4C_E_DENIED = 11
DL4C_E_BUSY = 12
DL4C_E_STATE = 13
DL4C_E_LIMIT = 14
DL4C_E_PEER = 15
DL4C_E_DIVERGED = 16
DL4C_E_INTERNAL = 17
DL4C_E_FULL = 18
DL4C_DOMAIN_NONE = 0
DL4C_DOMAIN_ERRNO = 1
DL4C_DOMAIN_HTTP = 2
DL4C_DOMAIN_CURL = 3
DL4C_DOMAIN_TLS = 4
DL4C_DOMAIN_MPI = 5
DL4C_LOG_NONE = 0
DL4C_LOG_ERROR = 1
DL4C_LOG_WARNING = 2
DL4C_LOG_INFO = 3
DL4C_LOG_DEBUG = 4
DL4C_PRECISION_F32 = 0
DL4C_PRECISION_BF16_WEIGHTS = 1
DL4C_PRECISION_BF16 = 2
DL4C_PRECISION_INT8_WEIGHTS = 3


class dl4c_error(Structure):
    """struct dl4c_error."""


class dl4c_context_options(Sized):
    """struct dl4c_context_options."""


class dl4c_progress(Sized):
    """struct dl4c_progress."""


dl4c_error._fields_ = [
    ('status', c_int32),
    ('domain', c_int32),
    ('code', c_int64),
    ('origin', c_char * 24),
    ('message', c_char * 472),
]
dl4c_log_fn = CFUNCTYPE(None, c_void_p, c_int32, c_char_p, c_char_p)
dl4c_alloc_fn = CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)
dl4c_release_fn = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
dl4c_context_options._fields_ = [
    ('struct_size', c_size_t),
    ('alloc', dl4c_alloc_fn),
    ('release', dl4c_release_fn),
    ('alloc_user', c_void_p),
    ('log', dl4c_log_fn),
    ('log_user', c_void_p),
    ('log_level', c_int32),
    ('threads', c_int32),
    ('memory_limit_bytes', c_int64),
    ('blas', c_char_p),
    ('flags', c_uint64),
]
dl4c_progress._fields_ = [
    ('struct_size', c_size_t),
    ('stage', c_char_p),
    ('done', c_int64),
    ('total', c_int64),
    ('percent', c_double),
    ('rate', c_double),
    ('eta_s', c_double),
    ('epoch', c_int64),
    ('score', c_double),
    ('bad', c_int64),
    ('bytes', c_int64),
]
dl4c_progress_fn = CFUNCTYPE(c_int, c_void_p, POINTER(dl4c_progress))

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_status_name': (c_char_p, (c_int32,)),
    'dl4c_version': (c_int32, ()),
    'dl4c_version_string': (c_char_p, ()),
    'dl4c_free': (None, (c_void_p,)),
    'dl4c_context_create': (c_int32, (POINTER(dl4c_context_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_context_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_context_threads': (c_int32, (c_void_p,)),
    'dl4c_context_gemm': (c_char_p, (c_void_p,)),
    'dl4c_context_memory': (None, (c_void_p, POINTER(c_int64), POINTER(c_int64))),
    'dl4c_cancel_set': (None, (POINTER(c_int32),)),
    'dl4c_cpu_kernels': (c_char_p, ()),
    'dl4c_precision_name': (c_char_p, (c_int32,)),
    'dl4c_precision_find': (c_int32, (c_char_p, POINTER(c_int32), POINTER(dl4c_error))),
    'dl4c_precision_check': (c_int32, (c_int32, POINTER(dl4c_error))),
    'dl4c_build_info_count': (c_int32, ()),
    'dl4c_build_info': (c_int32, (c_int32, POINTER(c_char_p), POINTER(c_char_p), POINTER(dl4c_error))),
}
