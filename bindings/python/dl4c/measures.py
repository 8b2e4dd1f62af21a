# SPDX-License-Identifier: Apache-2.0
"""Measures of predictions, column by column: what Deeplearning4j calls EvaluationBinary, ROC, ROCBinary, ROCMultiClass,
RegressionEvaluation and EvaluationCalibration."""
from __future__ import annotations

from ctypes import POINTER, byref, c_double, c_float, c_int64, c_void_p, cast
from typing import Any, ClassVar, Dict, Iterable, List, Optional, Sequence, Tuple, Type, Union

import numpy as np

from ._core import Handle, Owned, ask_text, call, names, need, optional, strings
from ._native import evaluation as c
from ._native import lib
from .context import Context

Columns = Union[int, Iterable[str]]
_FLOATS = POINTER(c_float)
_RATES = ('accuracy', 'balanced_accuracy', 'precision', 'recall', 'f1', 'g_measure', 'mcc', 'false_positive_rate', 'false_negative_rate',
          'false_alarm_rate')
_AREAS = ('auroc', 'auprc')
_ERRORS = ('mse', 'mae', 'rmse', 'rse', 'pc', 'r2')


class Measure(Handle):
    """What all measures share; from_dl4j makes the kind that a text is of.

    Columns are how many values a row of labels and of predictions has, or their names.
    """

    _noun = 'measure'
    _kind: ClassVar[int] = 0
    metrics: ClassVar[Tuple[str, ...]] = ()
    curves: ClassVar[Tuple[str, ...]] = ()

    def __init__(self, columns: Columns, context: Optional[Context] = None, **options: Any) -> None:
        if not self._kind:
            raise TypeError('Measure is what the kinds share: make a Binary, Roc, RocBinary, RocMultiClass, Regression or Calibration')
        named = [] if isinstance(columns, int) else names(columns)
        o = c.dl4c_measure_options(kind=self._kind, columns=columns if isinstance(columns, int) else len(named), names=strings(named),
                                   **options)
        found = c_void_p()
        call(lib.dl4c_measure_create, optional(context), byref(o), byref(found))
        super().__init__(Owned(found, lib.dl4c_measure_destroy))

    @classmethod
    def from_dl4j(cls, text: Union[str, bytes], context: Optional[Context] = None) -> Measure:
        """Reads what dl4j_json() or Deeplearning4j's toJson() wrote, as the kind that it is. Curves without steps come without their
        predictions: nothing can be added to them; a Roc comes with two columns. CorruptError; TypeError: it is of another kind than the
        class that is asked."""
        data, found = text.encode() if isinstance(text, str) else text, c_void_p()
        call(lib.dl4c_measure_from_dl4j, optional(context), data, len(data), byref(found))
        owned = Owned(found, lib.dl4c_measure_destroy)
        kind = _KINDS[lib.dl4c_measure_kind(owned)]
        if not issubclass(kind, cls):
            raise TypeError('the text is of a %s, a %s is wanted' % (kind.__name__, cls.__name__))
        made = kind.__new__(kind)
        Handle.__init__(made, owned)
        return made

    @property
    def columns(self) -> int:
        """Values in a row."""
        return int(lib.dl4c_measure_columns(self._open))

    def _table(self, name: str, values: Any) -> 'np.ndarray[Any, Any]':
        table, columns = np.ascontiguousarray(values, np.float32), self.columns
        if table.ndim == 1 and columns == 1:
            table = table[:, None]
        if table.ndim != 2 or table.shape[1] != columns:
            raise ValueError('%s %s: [n, %d] is wanted' % (name, list(table.shape), columns))
        return table

    def add(self, labels: Any, predictions: Any, mask: Optional[Any] = None) -> None:
        """Adds rows, all or, on failure, none: labels and predictions [n, columns], or [n] of one column, as float32.

        Labels are 0 or 1 but in a regression. mask: [n], 0: the row is left out; in Binary, RocBinary and Regression also [n, columns].
        InvalidError: another label; DivergedError: a NaN; StateError: read from a text that has no predictions.
        """
        y, p = self._table('labels', labels), self._table('predictions', predictions)
        if len(y) != len(p):
            raise ValueError('%d rows of labels and %d of predictions' % (len(y), len(p)))
        m = None if mask is None else np.ascontiguousarray(mask, np.float32)
        if m is not None and m.shape not in (y.shape[:1], (len(y), 1), y.shape):
            raise ValueError('a mask %s: [%d] or [%d, %d] is wanted' % (list(m.shape), len(y), len(y), y.shape[1]))
        call(lib.dl4c_measure_add, self._open, y.ctypes.data_as(_FLOATS), p.ctypes.data_as(_FLOATS),
             None if m is None else m.ctypes.data_as(_FLOATS), 0 if m is None else 1 if m.ndim == 1 else m.shape[1], len(y))

    def merge(self, other: Measure) -> None:
        """Adds what another one holds, which stays as it is. InvalidError: they differ in kind, columns, steps, bins or thresholds."""
        call(lib.dl4c_measure_merge, self._open, need(other, Measure))

    def count(self, column: int = 0) -> int:
        """Values counted in a column."""
        return int(lib.dl4c_measure_count(self._open, column))

    def counts(self, column: int = 0) -> Dict[str, int]:
        """Counts of a column at its threshold (Binary): tp, fp, tn, fn. Of curves: positive labels as tp, negative ones as fp."""
        found = [c_int64() for _ in range(4)]
        lib.dl4c_measure_column_counts(self._open, column, *[byref(n) for n in found])
        return dict(zip(('tp', 'fp', 'tn', 'fn'), [n.value for n in found]))

    def value(self, metric: str, column: Optional[int] = None) -> float:
        """One of `metrics` of a column; None: the mean over all columns. NaN where there is no data. ValueError: not of this kind."""
        if metric not in self.metrics:
            raise ValueError('a %s has no %s: %s' % (type(self).__name__, metric, ', '.join(self.metrics) or 'it has curves only'))
        if column is not None and not 0 <= column < self.columns:
            raise IndexError('column %d of %d' % (column, self.columns))
        return float(lib.dl4c_measure_value(self._open, getattr(c, 'DL4C_METRIC_' + metric.upper()), -1 if column is None else column))

    def curve(self, name: str, column: Optional[int] = 0) -> 'np.ndarray[Any, Any]':
        """Points of one of `curves`, float64 [3, points]: threshold (or the lower edge of a bin), x, y. column None: of all rows, where
        the curve is a histogram.

        "roc": x: false positive rate, y: true positive rate. "precision_recall": x: recall, y: precision. "reliability": x: mean
        prediction of a bin, y: share of positive labels. "residuals" and "probabilities": x: middle of a bin, y: count, of rows of a
        class. ValueError: not of this kind; InvalidError: no such column; StateError: nothing was added.
        """
        if name not in self.curves:
            raise ValueError('a %s has no curve %s: %s' % (type(self).__name__, name, ', '.join(self.curves) or 'it has none'))
        found, n = POINTER(c_double)(), c_int64()
        call(lib.dl4c_measure_curve, self._open, getattr(c, 'DL4C_CURVE_' + name.upper()), -1 if column is None else column, byref(found),
             byref(n))
        try:
            return np.ctypeslib.as_array(found, (3, n.value)).copy() if n.value else np.zeros((3, 0))
        finally:
            lib.dl4c_free(cast(found, c_void_p))

    def stats(self) -> str:
        """The text of Deeplearning4j's stats()."""
        return ask_text(lib.dl4c_measure_stats, self._open)

    def dl4j_json(self) -> str:
        """The text of Deeplearning4j's toJson(), which its fromJson() and from_dl4j read."""
        return ask_text(lib.dl4c_measure_dl4j_json, self._open)

    def to_dict(self) -> List[Dict[str, Any]]:
        """A dictionary for each column: count and all metrics."""
        return [{'count': self.count(i), **{m: self.value(m, i) for m in self.metrics}} for i in range(self.columns)]

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each column: count and all metrics; of a Calibration a row for each point of the reliability
        diagrams. ImportError: no pandas."""
        import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
        if 'reliability' in self.curves:
            return pandas.DataFrame([dict(zip(('column', 'edge', 'prediction', 'positives'), (i, *point)))
                                     for i in range(self.columns) for point in self.curve('reliability', i).T])
        return pandas.DataFrame(self.to_dict()).rename_axis('column')

    def __str__(self) -> str:
        return repr(self) if self.closed else self.stats()


class Binary(Measure):
    """Each column a yes or no of its own: counts at a threshold, 0.5 or one for each column. roc: with the areas under the curves too,
    exact or by steps.

    >>> m = dl4c.measures.Binary(['cat', 'dog'])
    >>> m.add([[1, 0], [1, 1]], [[0.9, 0.2], [0.3, 0.7]])
    >>> m.counts(0), m.value('recall', 0), m.value('accuracy')
    ({'tp': 1, 'fp': 0, 'tn': 0, 'fn': 1}, 0.5, 0.75)
    """

    _kind = c.DL4C_MEASURE_BINARY
    metrics = _RATES + _AREAS

    def __init__(self, columns: Columns, thresholds: Optional[Sequence[float]] = None, roc: bool = False, steps: int = 0, digits: int = 0,
                 context: Optional[Context] = None) -> None:
        named = columns if isinstance(columns, int) else list(columns)
        n = named if isinstance(named, int) else len(named)
        if thresholds is not None and len(thresholds) != n:
            raise ValueError('%d thresholds for %d columns' % (len(thresholds), n))
        super().__init__(named, context, steps=steps, digits=digits, flags=c.DL4C_MEASURE_WITH_ROC if roc else 0,
                         thresholds=None if thresholds is None else (c_float * n)(*thresholds))


class _Curves(Measure):
    metrics = _AREAS
    curves = ('roc', 'precision_recall')

    def __init__(self, columns: Columns, steps: int = 0, all_points: bool = False, digits: int = 0,
                 context: Optional[Context] = None) -> None:
        super().__init__(columns, context, steps=steps, digits=digits, flags=c.DL4C_MEASURE_ALL_POINTS if all_points else 0)


class Roc(_Curves):
    """One yes or no: one column, or the second of two. steps: thresholds 0, 1/steps, ..., 1; 0: exact, which keeps every prediction, 5
    bytes each. all_points: curves keep points that lie on a line with their neighbours.

    >>> roc = dl4c.measures.Roc()
    >>> roc.add([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> roc.value('auroc'), roc.curve('roc').shape[0]
    (0.75, 3)
    """

    _kind = c.DL4C_MEASURE_ROC

    def __init__(self, columns: Columns = 1, steps: int = 0, all_points: bool = False, digits: int = 0,
                 context: Optional[Context] = None) -> None:
        super().__init__(columns, steps, all_points, digits, context)

    def to_dict(self) -> List[Dict[str, Any]]:
        """One dictionary: count and both areas."""
        return [{'count': self.count(), **{m: self.value(m) for m in self.metrics}}]


class RocBinary(_Curves):
    """The curves of each column, a yes or no of its own. Options as for Roc."""

    _kind = c.DL4C_MEASURE_ROC_BINARY


class RocMultiClass(_Curves):
    """The curves of each class against the others. Options as for Roc."""

    _kind = c.DL4C_MEASURE_ROC_MULTICLASS


class Regression(Measure):
    """Errors and correlation of each column: mse, mae, rmse in the labels' units (squared in mse); rse, pc and r2 without one.

    >>> errors = dl4c.measures.Regression(['width', 'height'])
    >>> errors.add([[1, 2], [3, 4]], [[1, 2], [3, 6]])
    >>> errors.value('mse', 1), errors.value('mae')
    (2.0, 0.5)
    """

    _kind = c.DL4C_MEASURE_REGRESSION
    metrics = _ERRORS

    def __init__(self, columns: Columns = 1, digits: int = 0, context: Optional[Context] = None) -> None:
        super().__init__(columns, context, digits=digits)


class Calibration(Measure):
    """Reliability diagram of each class, histograms of residuals and of probabilities. empty_bins: bins without predictions are points
    too, as NaN.

    >>> c = dl4c.measures.Calibration(2, reliability_bins=4)
    >>> c.add(np.eye(2)[y], net.run(x))
    >>> edge, prediction, positives = c.curve('reliability', 1)
    >>> bool((abs(prediction - positives) < 0.5).all())
    True
    """

    _kind = c.DL4C_MEASURE_CALIBRATION
    curves = ('reliability', 'residuals', 'probabilities')

    def __init__(self, columns: Columns, reliability_bins: int = 0, histogram_bins: int = 0, empty_bins: bool = False,
                 context: Optional[Context] = None) -> None:
        super().__init__(columns, context, reliability_bins=reliability_bins, histogram_bins=histogram_bins,
                         flags=c.DL4C_MEASURE_EMPTY_BINS if empty_bins else 0)


_KINDS: Dict[int, Type[Measure]] = {kind._kind: kind for kind in (Binary, Roc, RocBinary, RocMultiClass, Regression, Calibration)}

__all__ = ['Binary', 'Calibration', 'Measure', 'Regression', 'Roc', 'RocBinary', 'RocMultiClass']
