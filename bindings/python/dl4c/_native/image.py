# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/image.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint64, c_uint8, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error
from .tensor import dl4c_release_cookie_fn

DL4C_IMAGE_IGNORE_EXIF = 1
DL4C_IMAGE_TOLERATE = 2
DL4C_IMAGE_CMYK_OPENCV = 4
DL4C_RESIZE_DL4J = 0
DL4C_RESIZE_PILLOW = 1
DL4C_RESIZE_NEAREST = 2
DL4C_FIT_STRETCH = 0
DL4C_FIT_CROP = 1
DL4C_FIT_PAD = 2
DL4C_FIT_DL4J_CROP = 3
DL4C_ORDER_RGB = 0
DL4C_ORDER_BGR = 1
DL4C_CMYK_PILLOW = 0
DL4C_CMYK_OPENCV = 1
DL4C_TRANSFORM_SHUFFLE = 1
DL4C_TRANSFORM_JAVA = 2


class dl4c_image_options(Sized):
    """struct dl4c_image_options."""


class dl4c_image_info(Sized):
    """struct dl4c_image_info."""


class dl4c_preprocess(Structure):
    """struct dl4c_preprocess."""


class dl4c_transform_options(Sized):
    """struct dl4c_transform_options."""


dl4c_image_options._fields_ = [
    ('struct_size', c_size_t),
    ('max_pixels', c_int64),
    ('max_scans', c_int32),
    ('reserved', c_int32),
    ('flags', c_uint64),
]
dl4c_image_info._fields_ = [
    ('struct_size', c_size_t),
    ('format', c_char_p),
    ('width', c_int32),
    ('height', c_int32),
    ('channels', c_int32),
    ('orientation', c_int32),
]
dl4c_preprocess._fields_ = [
    ('name', c_char * 24),
    ('order', c_int32),
    ('resize', c_int32),
    ('fit', c_int32),
    ('ignore_exif', c_int32),
    ('cmyk', c_int32),
    ('divide', c_float),
    ('enlarge', c_double),
    ('mean', c_float * 3),
    ('std', c_float * 3),
]
dl4c_transform_options._fields_ = [
    ('struct_size', c_size_t),
    ('steps', POINTER(c_char_p)),
    ('probabilities', POINTER(c_double)),
    ('n_steps', c_int32),
    ('flags', c_int32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_image_probe': (c_int32, (c_void_p, c_void_p, c_size_t, POINTER(dl4c_image_options), POINTER(dl4c_image_info),
        POINTER(dl4c_error))),
    'dl4c_image_decode': (c_int32, (c_void_p, c_void_p, c_size_t, POINTER(dl4c_image_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_create': (c_int32, (c_void_p, c_int32, c_int32, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_wrap': (c_int32, (c_void_p, c_int32, c_int32, c_int32, c_void_p, c_size_t, dl4c_release_cookie_fn, c_void_p,
        POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_clone': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_image_width': (c_int32, (c_void_p,)),
    'dl4c_image_height': (c_int32, (c_void_p,)),
    'dl4c_image_channels': (c_int32, (c_void_p,)),
    'dl4c_image_stride': (c_size_t, (c_void_p,)),
    'dl4c_image_pixels': (POINTER(c_uint8), (c_void_p,)),
    'dl4c_image_pixels_const': (POINTER(c_uint8), (c_void_p,)),
    'dl4c_image_orient': (c_int32, (c_void_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_convert': (c_int32, (c_void_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_resize': (c_int32, (c_void_p, c_int32, c_int32, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_fit': (c_int32, (c_void_p, c_int32, c_int32, c_int32, c_int32, c_double, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_preprocess_count': (c_int32, ()),
    'dl4c_preprocess_get': (POINTER(dl4c_preprocess), (c_int32,)),
    'dl4c_preprocess_named': (c_int32, (c_char_p, POINTER(dl4c_preprocess), POINTER(dl4c_error))),
    'dl4c_preprocess_parse': (c_int32, (c_void_p, c_char_p, POINTER(dl4c_preprocess), POINTER(dl4c_error))),
    'dl4c_preprocess_print': (c_int32, (c_void_p, POINTER(dl4c_preprocess), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_image_to_floats': (c_int32, (c_void_p, POINTER(dl4c_preprocess), c_int32, c_int32, c_int32, POINTER(c_float),
        POINTER(dl4c_error))),
    'dl4c_transform_create': (c_int32, (c_void_p, POINTER(dl4c_transform_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_transform_parse': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_transform_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_transform_apply': (c_int32, (c_void_p, c_void_p, c_int64, POINTER(c_void_p), POINTER(dl4c_error))),
}
