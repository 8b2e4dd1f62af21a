# SPDX-License-Identifier: Apache-2.0
"""What include/dl4c/evaluation.h declares. Written by tools/prototypes.py, not by hand."""
from ctypes import POINTER, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from ._sized import Sized
from .base import dl4c_error

DL4C_EVALUATION_FIRST_POSITIVE = 1
DL4C_EVALUATION_NO_POSITIVE = 2
DL4C_METRIC_ACCURACY = 1
DL4C_METRIC_BALANCED_ACCURACY = 2
DL4C_METRIC_PRECISION = 3
DL4C_METRIC_RECALL = 4
DL4C_METRIC_F1 = 5
DL4C_METRIC_G_MEASURE = 6
DL4C_METRIC_MCC = 7
DL4C_METRIC_FALSE_POSITIVE_RATE = 8
DL4C_METRIC_FALSE_NEGATIVE_RATE = 9
DL4C_METRIC_FALSE_ALARM_RATE = 10
DL4C_AVERAGE_DEFAULT = 0
DL4C_AVERAGE_MACRO = 1
DL4C_AVERAGE_MICRO = 2
DL4C_STATS_NO_CONFUSION = 1
DL4C_STATS_ANY_CONFUSION = 2
DL4C_STATS_NO_WARNINGS = 4
DL4C_MEASURE_BINARY = 1
DL4C_MEASURE_ROC = 2
DL4C_MEASURE_ROC_BINARY = 3
DL4C_MEASURE_ROC_MULTICLASS = 4
DL4C_MEASURE_REGRESSION = 5
DL4C_MEASURE_CALIBRATION = 6
DL4C_MEASURE_ALL_POINTS = 1
DL4C_MEASURE_WITH_ROC = 2
DL4C_MEASURE_EMPTY_BINS = 4
DL4C_METRIC_AUROC = 20
DL4C_METRIC_AUPRC = 21
DL4C_METRIC_MSE = 30
DL4C_METRIC_MAE = 31
DL4C_METRIC_RMSE = 32
DL4C_METRIC_RSE = 33
DL4C_METRIC_PC = 34
DL4C_METRIC_R2 = 35
DL4C_CURVE_ROC = 1
DL4C_CURVE_PRECISION_RECALL = 2
DL4C_CURVE_RELIABILITY = 3
DL4C_CURVE_RESIDUALS = 4
DL4C_CURVE_PROBABILITIES = 5


class dl4c_evaluation_options(Sized):
    """struct dl4c_evaluation_options."""


class dl4c_measure_options(Sized):
    """struct dl4c_measure_options."""


dl4c_evaluation_options._fields_ = [
    ('struct_size', c_size_t),
    ('n_classes', c_int32),
    ('top_n', c_int32),
    ('classes', POINTER(c_char_p)),
    ('threshold', c_double),
    ('costs', POINTER(c_float)),
    ('flags', c_uint64),
]
dl4c_measure_options._fields_ = [
    ('struct_size', c_size_t),
    ('kind', c_int32),
    ('columns', c_int32),
    ('names', POINTER(c_char_p)),
    ('thresholds', POINTER(c_float)),
    ('steps', c_int32),
    ('digits', c_int32),
    ('reliability_bins', c_int32),
    ('histogram_bins', c_int32),
    ('flags', c_int32),
    ('reserved', c_int32),
]

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    'dl4c_evaluation_create': (c_int32, (c_void_p, POINTER(dl4c_evaluation_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_evaluation_add': (c_int32, (c_void_p, POINTER(c_float), POINTER(c_int64), c_int64, POINTER(dl4c_error))),
    'dl4c_evaluation_add_masked': (c_int32, (c_void_p, POINTER(c_float), POINTER(c_int64), POINTER(c_float), c_int64,
        POINTER(dl4c_error))),
    'dl4c_evaluation_merge': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_evaluation_count': (c_int64, (c_void_p,)),
    'dl4c_evaluation_classes': (c_int32, (c_void_p,)),
    'dl4c_evaluation_top_n': (c_int32, (c_void_p,)),
    'dl4c_evaluation_class_name': (c_char_p, (c_void_p, c_int32)),
    'dl4c_evaluation_confusion': (c_int64, (c_void_p, c_int32, c_int32)),
    'dl4c_evaluation_class_counts': (None, (c_void_p, c_int32, POINTER(c_int64), POINTER(c_int64), POINTER(c_int64), POINTER(c_int64))),
    'dl4c_evaluation_metric': (c_double, (c_void_p, c_int32, c_int32)),
    'dl4c_evaluation_class_metric': (c_double, (c_void_p, c_int32, c_int32)),
    'dl4c_evaluation_accuracy': (c_double, (c_void_p,)),
    'dl4c_evaluation_balanced_accuracy': (c_double, (c_void_p,)),
    'dl4c_evaluation_top_n_accuracy': (c_double, (c_void_p,)),
    'dl4c_evaluation_precision': (c_double, (c_void_p,)),
    'dl4c_evaluation_recall': (c_double, (c_void_p,)),
    'dl4c_evaluation_f1': (c_double, (c_void_p,)),
    'dl4c_evaluation_class_precision': (c_double, (c_void_p, c_int32)),
    'dl4c_evaluation_class_recall': (c_double, (c_void_p, c_int32)),
    'dl4c_evaluation_class_f1': (c_double, (c_void_p, c_int32)),
    'dl4c_evaluation_stats': (c_int32, (c_void_p, c_uint32, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_json': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_dl4j_json': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_from_dl4j': (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_confusion_text': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_confusion_csv': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_confusion_html': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_evaluation_confusion_svg': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_measure_create': (c_int32, (c_void_p, POINTER(dl4c_measure_options), POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_measure_destroy': (None, (POINTER(c_void_p),)),
    'dl4c_measure_add': (c_int32, (c_void_p, POINTER(c_float), POINTER(c_float), POINTER(c_float), c_int32, c_int64,
        POINTER(dl4c_error))),
    'dl4c_measure_merge': (c_int32, (c_void_p, c_void_p, POINTER(dl4c_error))),
    'dl4c_measure_kind': (c_int32, (c_void_p,)),
    'dl4c_measure_columns': (c_int32, (c_void_p,)),
    'dl4c_measure_count': (c_int64, (c_void_p, c_int32)),
    'dl4c_measure_column_counts': (None, (c_void_p, c_int32, POINTER(c_int64), POINTER(c_int64), POINTER(c_int64), POINTER(c_int64))),
    'dl4c_measure_value': (c_double, (c_void_p, c_int32, c_int32)),
    'dl4c_measure_curve': (c_int32, (c_void_p, c_int32, c_int32, POINTER(POINTER(c_double)), POINTER(c_int64), POINTER(dl4c_error))),
    'dl4c_measure_stats': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_measure_dl4j_json': (c_int32, (c_void_p, POINTER(c_void_p), POINTER(dl4c_error))),
    'dl4c_measure_from_dl4j': (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p), POINTER(dl4c_error))),
}
