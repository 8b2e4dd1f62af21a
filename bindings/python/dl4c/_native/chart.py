# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/chart.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, Structure, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error


class dl4c_chart_series(Structure):
    """struct dl4c_chart_series."""


class dl4c_chart_options(Sized):
    """struct dl4c_chart_options."""


dl4c_chart_series._fields_ = [
    ('name', c_char_p),
    ('x', POINTER(c_double)),
    ('y', POINTER(c_double)),
    ('n', c_int64),
    ('panel', c_int32),
    ('reserved', c_int32),
]
dl4c_chart_options._fields_ = [
    ('struct_size', c_size_t),
    ('title', c_char_p),
    ('x_label', c_char_p),
    ('y_labels', POINTER(c_char_p)),
    ('n_panels', c_int32),
    ('width', c_int32),
    ('panel_height', c_int32),
    ('flags', c_uint32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_chart_svg': (c_int32, (c_void_p, POINTER(dl4c_chart_options), POINTER(dl4c_chart_series), c_int32, POINTER(c_void_p),
        POINTER(dl4c_error))),
}
