# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/tensor.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any

from .base import dl4c_error

DL4C_MAX_RANK = 8
DL4C_F32 = 1
DL4C_F64 = 2
DL4C_F16 = 3
DL4C_BF16 = 4
DL4C_I32 = 5
DL4C_I64 = 6
DL4C_U8 = 7
DL4C_WRAP_READ_ONLY = 1


dl4c_release_cookie_fn = CFUNCTYPE(None, c_void_p)

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_dtype_size': (c_size_t, (c_int32,)),
    'dl4c_dtype_name': (c_char_p, (c_int32,)),
    'dl4c_tensor_create': (c_int32, (c_void_p, c_int32, POINTER(c_int64), c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_wrap': (c_int32, (c_void_p, c_int32, POINTER(c_int64), POINTER(c_int64), c_int32, c_void_p, c_uint32,
        dl4c_release_cookie_fn, c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_ref': (c_void_p, (c_void_p,)),
    'dl4c_tensor_unref': (None, (POINTER(c_void_p),)),
    'dl4c_tensor_dtype': (c_int32, (c_void_p,)),
    'dl4c_tensor_rank': (c_int32, (c_void_p,)),
    'dl4c_tensor_dim': (c_int64, (c_void_p, c_int32)),
    'dl4c_tensor_shape': (POINTER(c_int64), (c_void_p,)),
    'dl4c_tensor_strides': (POINTER(c_int64), (c_void_p,)),
    'dl4c_tensor_size': (c_int64, (c_void_p,)),
    'dl4c_tensor_is_contiguous': (c_int32, (c_void_p,)),
    'dl4c_tensor_is_read_only': (c_int32, (c_void_p,)),
    'dl4c_tensor_data': (c_void_p, (c_void_p,)),
    'dl4c_tensor_data_const': (c_void_p, (c_void_p,)),
    'dl4c_tensor_slice': (c_int32, (c_void_p, c_int32, c_int64, c_int64, c_int64, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_reshape': (c_int32, (c_void_p, POINTER(c_int64), c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_transpose': (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_copy': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_tensor_to': (c_int32, (c_void_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_load_npy': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_parse_npy': (c_int32, (c_void_p, c_void_p, c_size_t, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_tensor_save_npy': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_error))),
}
