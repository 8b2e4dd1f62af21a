# SPDX-License-Identifier: Apache-2.0
"""Evaluation of classifiers: accuracy, precision, recall, F1, the confusion matrix."""
from __future__ import annotations

import json
from ctypes import POINTER, byref, c_float, c_int32, c_int64, c_void_p
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._core import Cancel, Handle, Owned, ask_text, call, encode, names, need, optional, strings, text
from ._long import Call, ProgressFunction
from ._native import evaluation as c
from ._native import lib
from ._native import train as t
from .context import Context
from .graph import Graph
from .measures import Measure
from .source import source_of

AVERAGES = {'default': c.DL4C_AVERAGE_DEFAULT, 'macro': c.DL4C_AVERAGE_MACRO, 'micro': c.DL4C_AVERAGE_MICRO}
METRICS = {name[len('DL4C_METRIC_'):].lower(): value for name, value in vars(c).items()
           if name.startswith('DL4C_METRIC_') and value <= c.DL4C_METRIC_FALSE_ALARM_RATE}
_POSITIVE = {0: c.DL4C_EVALUATION_FIRST_POSITIVE, 1: 0, None: c.DL4C_EVALUATION_NO_POSITIVE}


class Evaluation(Handle):
    """Counts of actual and predicted classes and what follows from them, with the words and numbers of Deeplearning4j.

    classes: names, or how many there are. top_n: also counts how often the right class is among the N likeliest. threshold: of two classes,
    the second is predicted where its probability is above it; 0: the larger wins. costs: a number for each class; that of the largest
    cost * probability is predicted. positive: which of two classes precision, recall and F1 are of, 0 or 1; None: their mean, F1 of the
    second. print(evaluation) shows stats(). mistakes: after evaluate(..., mistakes=True), (index, actual, predicted, probability) of each
    wrong answer.

    >>> e = dl4c.Evaluation(['no', 'yes'])
    >>> e.add([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], [0, 1, 0])
    >>> e.confusion.tolist(), round(e.accuracy, 3), e.counts(1)
    ([[1, 1], [0, 1]], 0.667, {'tp': 1, 'fp': 1, 'tn': 1, 'fn': 0})
    """

    _noun = 'evaluation'

    def __init__(self, classes: Any, top_n: int = 1, threshold: float = 0.0, costs: Optional[Sequence[float]] = None,
                 positive: Optional[int] = 1, context: Optional[Context] = None) -> None:
        named = [] if isinstance(classes, int) else names(classes)
        n = classes if isinstance(classes, int) else len(named)
        if costs is not None and len(costs) != n:
            raise ValueError('%d costs for %d classes' % (len(costs), n))
        if positive not in _POSITIVE:
            raise ValueError('positive is %r: 0, 1 or None is wanted' % (positive,))
        options = c.dl4c_evaluation_options(n_classes=n, top_n=top_n, classes=strings(named), threshold=threshold,
                                            costs=None if costs is None else (c_float * n)(*costs), flags=_POSITIVE[positive])
        found = c_void_p()
        call(lib.dl4c_evaluation_create, optional(context), byref(options), byref(found))
        self._take(found)

    def _take(self, found: c_void_p) -> Evaluation:
        Handle.__init__(self, Owned(found, lib.dl4c_evaluation_destroy))
        self.mistakes: List[Tuple[int, int, int, float]] = []
        return self

    @classmethod
    def from_dl4j(cls, text: Union[str, bytes], context: Optional[Context] = None) -> Evaluation:
        """Reads what dl4j_json() or Deeplearning4j's toJson() wrote. CorruptError, LimitError."""
        data, found = text.encode() if isinstance(text, str) else text, c_void_p()
        call(lib.dl4c_evaluation_from_dl4j, optional(context), data, len(data), byref(found))
        return cls.__new__(cls)._take(found)

    def add(self, probabilities: Any, labels: Sequence[int], mask: Optional[Any] = None) -> None:
        """Counts rows: probabilities [n, classes] float32, labels [n], mask [n], where 0 leaves a row out; all or none.

        InvalidError: a label outside the classes; DivergedError: a NaN.
        """
        p = np.ascontiguousarray(probabilities, np.float32)
        y = np.ascontiguousarray(labels, np.int64)
        if p.ndim != 2 or y.shape != p.shape[:1] or p.shape[1] != len(self.classes):
            raise ValueError('probabilities %s and labels %s: [n, %d] and [n] are wanted' % (p.shape, y.shape, len(self.classes)))
        m = None if mask is None else np.ascontiguousarray(mask, np.float32)
        if m is not None and m.shape != y.shape:
            raise ValueError('a mask %s for %d rows: [n] is wanted' % (list(m.shape), len(y)))
        call(lib.dl4c_evaluation_add_masked, self._open, p.ctypes.data_as(POINTER(c_float)), y.ctypes.data_as(POINTER(c_int64)),
             None if m is None else m.ctypes.data_as(POINTER(c_float)), len(y))

    def merge(self, other: Evaluation) -> None:
        """Adds the counts of another one."""
        call(lib.dl4c_evaluation_merge, self._open, need(other, Evaluation))

    def __len__(self) -> int:
        return int(lib.dl4c_evaluation_count(self._open))

    @property
    def classes(self) -> List[str]:
        """Names of the classes."""
        e = self._open
        return [text(lib.dl4c_evaluation_class_name(e, i)) for i in range(lib.dl4c_evaluation_classes(e))]

    @property
    def confusion(self) -> 'np.ndarray[Any, Any]':
        """How often each class (row) was taken for each (column), int64."""
        e = self._open
        n = lib.dl4c_evaluation_classes(e)
        return np.array([[lib.dl4c_evaluation_confusion(e, i, j) for j in range(n)] for i in range(n)], np.int64)

    def counts(self, of: int) -> Dict[str, int]:
        """Of a class against the others: tp, fp, tn, fn."""
        found = [c_int64() for _ in range(4)]
        lib.dl4c_evaluation_class_counts(self._open, of, *[byref(n) for n in found])
        return dict(zip(('tp', 'fp', 'tn', 'fn'), [n.value for n in found]))

    def metric(self, name: str, average: str = 'default', of: Optional[int] = None) -> float:
        """"accuracy", "precision", "recall", "f1", "mcc", "g_measure" ... over all classes, or of one against the others."""
        if name not in METRICS or average not in AVERAGES:
            raise ValueError('no %s average of %s: %s; %s' % (average, name, ', '.join(METRICS), ', '.join(AVERAGES)))
        if of is not None:
            return float(lib.dl4c_evaluation_class_metric(self._open, METRICS[name], of))
        return float(lib.dl4c_evaluation_metric(self._open, METRICS[name], AVERAGES[average]))

    @property
    def accuracy(self) -> float:
        """Right / all."""
        return self.metric('accuracy')

    @property
    def precision(self) -> float:
        """tp / (tp + fp), of more than two classes their mean."""
        return self.metric('precision')

    @property
    def recall(self) -> float:
        """tp / (tp + fn), of more than two classes their mean."""
        return self.metric('recall')

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, of more than two classes their mean."""
        return self.metric('f1')

    @property
    def top_n_accuracy(self) -> float:
        """Share of examples whose class is among the N likeliest."""
        return float(lib.dl4c_evaluation_top_n_accuracy(self._open))

    def stats(self, confusion: Optional[bool] = None, warnings: bool = True) -> str:
        """The text of Deeplearning4j's stats(). confusion: with the matrix; None: up to 20 classes. warnings: with lines on classes that
        were never predicted or never occur."""
        flags = 0 if confusion is None else c.DL4C_STATS_ANY_CONFUSION if confusion else c.DL4C_STATS_NO_CONFUSION
        return ask_text(lib.dl4c_evaluation_stats, self._open, flags | (0 if warnings else c.DL4C_STATS_NO_WARNINGS))

    def to_dict(self) -> Any:
        """What `dl4c evaluate --json` prints."""
        return json.loads(ask_text(lib.dl4c_evaluation_json, self._open))

    def dl4j_json(self) -> str:
        """The text of Deeplearning4j's toJson()."""
        return ask_text(lib.dl4c_evaluation_dl4j_json, self._open)

    def confusion_text(self) -> str:
        """The matrix as Deeplearning4j's confusionToString()."""
        return ask_text(lib.dl4c_evaluation_confusion_text, self._open)

    def confusion_csv(self) -> str:
        """The matrix as Deeplearning4j's toCSV()."""
        return ask_text(lib.dl4c_evaluation_confusion_csv, self._open)

    def confusion_html(self) -> str:
        """The matrix as Deeplearning4j's toHTML()."""
        return ask_text(lib.dl4c_evaluation_confusion_html, self._open)

    def confusion_svg(self) -> str:
        """The matrix as a picture."""
        return ask_text(lib.dl4c_evaluation_confusion_svg, self._open)

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each class: n, precision, recall, f1. ImportError: no pandas."""
        import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
        return pandas.DataFrame(self.to_dict()['per_class']).set_index('class')

    def __str__(self) -> str:
        return repr(self) if self.closed else self.stats()


def evaluate(graph: Graph, source: Any, batch: int = 0, top_n: int = 1, threads: int = 0, precision: str = 'f32', mistakes: bool = False,
             measures: Iterable[Measure] = (), progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None,
             timeout: Optional[float] = None) -> Evaluation:
    """Runs a classifier over a source, or a pair (x, labels), and counts. measures: each is given every row too.

    InvalidError: shapes or classes do not fit, there are no labels, or a measure has other columns than the output; DivergedError: a
    probability is NaN. measure() is for targets that are no classes.
    """
    number, found = c_int32(), c_void_p()
    wrong: List[Tuple[int, int, int, float]] = []
    call(lib.dl4c_precision_find, encode(precision), byref(number))
    options = t.dl4c_evaluate_options(batch=batch, top_n=top_n, threads=threads, precision=number.value)
    given = _measured(options, measures)

    def mistake(user: Any, index: int, actual: int, predicted: int, probability: float) -> None:
        wrong.append((index, actual, predicted, probability))

    with Call(progress, cancel, timeout) as long:
        long.options(options)
        long.kept.append(given)
        if mistakes:
            options.mistake = long.guard(type(options.mistake), mistake, None)
        long(lib.dl4c_evaluate, need(graph, Graph), source_of(source), byref(options), byref(found))
        e = Evaluation.__new__(Evaluation)._take(found)
    e.mistakes = wrong
    return e


def _measured(options: Any, measures: Iterable[Measure]) -> List[Owned]:
    """Sets the measures of options; what must be kept during the call."""
    given = [need(one, Measure) for one in measures]
    options.measures, options.n_measures = (c_void_p * len(given))(*[one._as_parameter_.value for one in given]), len(given)
    return given


def measure(graph: Graph, source: Any, *measures: Measure, batch: int = 0, threads: int = 0, precision: str = 'f32',
            progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> None:
    """Runs any graph over a source, or a pair (x, targets), and gives every row to each measure, as many columns as the output has values.

    InvalidError: shapes do not fit, or no measure; DivergedError: a prediction is NaN.

    >>> g = dl4c.Builder().input('x', [4]).add('output:units=4,activation=identity,loss=mse', 'y', 'x').finish()
    >>> errors = dl4c.measures.Regression(4)
    >>> dl4c.measure(g, (x, x), errors)
    >>> errors.count(), errors.value('mse') > 0
    (40, True)
    """
    if not measures:
        raise TypeError('measure() wants at least one measure')
    number = c_int32()
    call(lib.dl4c_precision_find, encode(precision), byref(number))
    options = t.dl4c_evaluate_options(batch=batch, threads=threads, precision=number.value)
    given = _measured(options, measures)
    with Call(progress, cancel, timeout) as long:
        long.options(options)
        long.kept.append(given)
        long(lib.dl4c_evaluate, need(graph, Graph), source_of(source), byref(options), None)


__all__ = ['Evaluation', 'evaluate', 'measure']
