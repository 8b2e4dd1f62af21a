# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/graph.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_uint8, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error
from .op import dl4c_attr

DL4C_KEEP_CONNECTIONS = 1
DL4C_SESSION_LOW_MEMORY = 1
DL4C_SESSION_NO_FUSION = 2
DL4C_SESSION_CHANNELS_FIRST = 4


class dl4c_vertex(Sized):
    """struct dl4c_vertex."""


class dl4c_summary_options(Sized):
    """struct dl4c_summary_options."""


class dl4c_model_info(Sized):
    """struct dl4c_model_info."""


class dl4c_split_options(Sized):
    """struct dl4c_split_options."""


class dl4c_join_options(Sized):
    """struct dl4c_join_options."""


class dl4c_shape(Structure):
    """struct dl4c_shape."""


class dl4c_session_options(Sized):
    """struct dl4c_session_options."""


class dl4c_session_memory(Sized):
    """struct dl4c_session_memory."""


dl4c_vertex._fields_ = [
    ('struct_size', c_size_t),
    ('name', c_char_p),
    ('op', c_char_p),
    ('output', c_char_p),
    ('n_inputs', c_int32),
    ('n_params', c_int32),
    ('param_count', c_int64),
    ('frozen', c_int32),
    ('is_output', c_int32),
    ('rank', c_int32),
    ('reserved', c_int32),
    ('shape', POINTER(c_int64)),
]
dl4c_summary_options._fields_ = [
    ('struct_size', c_size_t),
    ('shapes', c_int32),
    ('reserved', c_int32),
]
dl4c_model_info._fields_ = [
    ('struct_size', c_size_t),
    ('n_classes', c_int32),
    ('reserved', c_int32),
    ('classes', POINTER(c_char_p)),
    ('preprocess', c_char_p),
    ('height', c_int32),
    ('width', c_int32),
    ('pool', c_char_p),
    ('vertex', c_char_p),
    ('trunk_digest', c_char_p),
    ('training', c_char_p),
]
dl4c_split_options._fields_ = [
    ('struct_size', c_size_t),
    ('flags', c_uint64),
]
dl4c_join_options._fields_ = [
    ('struct_size', c_size_t),
    ('flags', c_uint64),
]
dl4c_shape._fields_ = [
    ('rank', c_int32),
    ('reserved', c_int32),
    ('dim', c_int64 * 8),
]
dl4c_session_options._fields_ = [
    ('struct_size', c_size_t),
    ('batch', c_int64),
    ('outputs', POINTER(c_char_p)),
    ('n_outputs', c_int32),
    ('threads', c_int32),
    ('arena', c_void_p),
    ('arena_bytes', c_size_t),
    ('input_shapes', POINTER(dl4c_shape)),
    ('n_input_shapes', c_int32),
    ('precision', c_int32),
    ('flags', c_uint64),
]
dl4c_session_memory._fields_ = [
    ('struct_size', c_size_t),
    ('weights_bytes', c_int64),
    ('mapped_bytes', c_int64),
    ('read_bytes', c_int64),
    ('packed_bytes', c_int64),
    ('arena_bytes', c_int64),
    ('scratch_bytes', c_int64),
    ('total_bytes', c_int64),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_graph_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_graph_clone': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_builder_create': (c_int32, (c_void_p, c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_builder_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_builder_input': (None, (c_void_p, c_char_p, POINTER(c_int64), c_int32)),
    'dl4c_builder_add': (None, (c_void_p, c_char_p, c_char_p, POINTER(c_char_p), c_int32, POINTER(dl4c_attr), c_int32)),
    'dl4c_builder_add_text': (None, (c_void_p, c_char_p, c_char_p, POINTER(c_char_p), c_int32)),
    'dl4c_builder_param': (None, (c_void_p, c_char_p, c_char_p, c_void_p)),
    'dl4c_builder_seed': (None, (c_void_p, c_uint64)),
    'dl4c_builder_freeze': (None, (c_void_p, c_char_p)),
    'dl4c_builder_unfreeze': (None, (c_void_p, c_char_p)),
    'dl4c_builder_remove': (None, (c_void_p, c_char_p, c_uint32)),
    'dl4c_builder_replace_n_out': (None, (c_void_p, c_char_p, c_int64, c_char_p, c_char_p)),
    'dl4c_builder_fine_tune': (None, (c_void_p, c_char_p)),
    'dl4c_builder_outputs': (None, (c_void_p, POINTER(c_char_p), c_int32)),
    'dl4c_builder_finish': (c_int32, (POINTER(c_void_p), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_vertex_count': (c_int32, (c_void_p,)),
    'dl4c_graph_vertex': (c_int32, (c_void_p, c_int32, POINTER(dl4c_vertex), POINTER(dl4c_error))),
    'dl4c_graph_find': (c_int32, (c_void_p, c_char_p, POINTER(c_int32), POINTER(dl4c_error))),
    'dl4c_graph_vertex_input': (c_int32, (c_void_p, c_int32, c_int32)),
    'dl4c_graph_vertex_attr': (c_int32, (c_void_p, c_int32, c_int32, POINTER(dl4c_attr), POINTER(dl4c_error))),
    'dl4c_graph_ancestors': (c_int32, (c_void_p, c_int32, POINTER(c_uint8), POINTER(dl4c_error))),
    'dl4c_graph_descendants': (c_int32, (c_void_p, c_int32, POINTER(c_uint8), POINTER(dl4c_error))),
    'dl4c_graph_input_count': (c_int32, (c_void_p,)),
    'dl4c_graph_output_count': (c_int32, (c_void_p,)),
    'dl4c_graph_input': (c_int32, (c_void_p, c_int32)),
    'dl4c_graph_output': (c_int32, (c_void_p, c_int32)),
    'dl4c_graph_param_name': (c_char_p, (c_void_p, c_int32, c_int32)),
    'dl4c_graph_param': (c_int32, (c_void_p, c_char_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_param_count': (None, (c_void_p, POINTER(c_int64), POINTER(c_int64), POINTER(c_int64))),
    'dl4c_graph_summary': (c_int32, (c_void_p, POINTER(dl4c_summary_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_json': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_draw': (c_int32, (c_void_p, c_char_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_info': (c_int32, (c_void_p, POINTER(dl4c_model_info), POINTER(dl4c_error))),
    'dl4c_graph_set_info': (c_int32, (c_void_p, POINTER(dl4c_model_info), POINTER(dl4c_error))),
    'dl4c_graph_digest': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_split': (c_int32, (c_void_p, POINTER(c_char_p), c_int32, POINTER(dl4c_split_options), POINTER(c_void_p),
        POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_graph_join': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_join_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_session_create': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_session_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_session_plan': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_session_options), POINTER(dl4c_session_memory), POINTER(c_void_p),
        POINTER(dl4c_error))),
    'dl4c_session_get_memory': (c_int32, (c_void_p, POINTER(dl4c_session_memory), POINTER(dl4c_error))),
    'dl4c_session_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_session_bytes': (c_size_t, (c_void_p,)),
    'dl4c_session_packed_bytes': (c_size_t, (c_void_p,)),
    'dl4c_session_input_count': (c_int32, (c_void_p,)),
    'dl4c_session_output_count': (c_int32, (c_void_p,)),
    'dl4c_session_input_shape': (c_int32, (c_void_p, c_int32, POINTER(dl4c_shape), POINTER(dl4c_error))),
    'dl4c_session_output_shape': (c_int32, (c_void_p, c_int32, POINTER(dl4c_shape), POINTER(dl4c_error))),
    'dl4c_session_run': (c_int32, (c_void_p, POINTER(c_void_p), c_int32, POINTER(dl4c_error))),
    'dl4c_session_mask': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_session_output': (c_int32, (c_void_p, c_int32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_session_bind': (c_int32, (c_void_p, c_int32, c_void_p, POINTER(dl4c_error))),
    'dl4c_session_describe': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
}
