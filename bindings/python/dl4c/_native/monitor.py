# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/monitor.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_int32, c_size_t, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error


class dl4c_monitor_options(Sized):
    """struct dl4c_monitor_options."""


dl4c_monitor_options._fields_ = [
    ('struct_size', c_size_t),
    ('listen', c_char_p),
    ('connections', c_int32),
    ('reserved', c_int32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_monitor_open': (c_int32, (c_void_p, POINTER(c_char_p), c_int32, POINTER(dl4c_monitor_options), POINTER(c_void_p),
        POINTER(dl4c_error))),
    'dl4c_monitor_url': (c_char_p, (c_void_p,)),
    'dl4c_monitor_close': (None, (POINTER(c_void_p),)),
}
