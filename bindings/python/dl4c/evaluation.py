# SPDX-License-Identifier: Apache-2.0
"""Evaluation of classifiers: accuracy, precision, recall, F1, the confusion matrix."""
from __future__ import annotations

import json
from ctypes import POINTER, byref, c_float, c_int32, c_int64, c_void_p
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ._core import Cancel, Handle, Owned, ask_text, call, encode, names, optional, strings, text
from ._long import Call, ProgressFunction
from ._native import evaluation as c
from ._native import lib
from ._native import train as t
from .context import Context
from .graph import Graph
from .source import source_of

AVERAGES = {'default': c.DL4C_AVERAGE_DEFAULT, 'macro': c.DL4C_AVERAGE_MACRO, 'micro': c.DL4C_AVERAGE_MICRO}
METRICS = {name[len('DL4C_METRIC_'):].lower(): value for name, value in vars(c).items() if name.startswith('DL4C_METRIC_')}


class Evaluation(Handle):
    """Counts of actual and predicted classes and what follows from them, with the words and numbers of Deeplearning4j.

    classes: names, or how many there are. top_n: also counts how often the right class is among the N likeliest. print(evaluation) shows
    stats(). mistakes: after evaluate(..., mistakes=True), (index, actual, predicted, probability) of each wrong answer.
    """

    _noun = 'evaluation'

    def __init__(self, classes: Any, top_n: int = 1, context: Optional[Context] = None) -> None:
        named = [] if isinstance(classes, int) else names(classes)
        options = c.dl4c_evaluation_options(n_classes=classes if isinstance(classes, int) else len(named), top_n=top_n,
                                            classes=strings(named))
        found = c_void_p()
        call(lib.dl4c_evaluation_create, optional(context), byref(options), byref(found))
        self._take(found)

    def _take(self, found: c_void_p) -> Evaluation:
        Handle.__init__(self, Owned(found, lib.dl4c_evaluation_destroy))
        self.mistakes: List[Tuple[int, int, int, float]] = []
        return self

    def add(self, probabilities: Any, labels: Sequence[int]) -> None:
        """Counts rows: probabilities [n, classes] float32, labels [n]; all or none. DivergedError: a NaN."""
        p = np.ascontiguousarray(probabilities, np.float32)
        y = np.ascontiguousarray(labels, np.int64)
        if p.ndim != 2 or y.shape != p.shape[:1] or p.shape[1] != len(self.classes):
            raise ValueError('probabilities %s and labels %s: [n, %d] and [n] are wanted' % (p.shape, y.shape, len(self.classes)))
        call(lib.dl4c_evaluation_add, self._open, p.ctypes.data_as(POINTER(c_float)), y.ctypes.data_as(POINTER(c_int64)), len(y))

    def merge(self, other: Evaluation) -> None:
        """Adds the counts of another one."""
        call(lib.dl4c_evaluation_merge, self._open, other._open)

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

    def stats(self) -> str:
        """The text of Deeplearning4j's stats()."""
        return ask_text(lib.dl4c_evaluation_stats, self._open, 0)

    def to_dict(self) -> Any:
        """What `dl4c evaluate --json` prints."""
        return json.loads(ask_text(lib.dl4c_evaluation_json, self._open))

    def dl4j_json(self) -> str:
        """The text of Deeplearning4j's toJson()."""
        return ask_text(lib.dl4c_evaluation_dl4j_json, self._open)

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
             progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> Evaluation:
    """Runs a classifier over a source, or a pair (x, labels), and counts.

    InvalidError: shapes or classes do not fit, or there are no labels; DivergedError: a probability is NaN.
    """
    number, found = c_int32(), c_void_p()
    wrong: List[Tuple[int, int, int, float]] = []
    call(lib.dl4c_precision_find, encode(precision), byref(number))
    options = t.dl4c_evaluate_options(batch=batch, top_n=top_n, threads=threads, precision=number.value)

    def mistake(user: Any, index: int, actual: int, predicted: int, probability: float) -> None:
        wrong.append((index, actual, predicted, probability))

    with Call(progress, cancel, timeout) as long:
        long.options(options)
        if mistakes:
            options.mistake = long.guard(type(options.mistake), mistake, None)
        long(lib.dl4c_evaluate, graph._open, source_of(source), byref(options), byref(found))
        e = Evaluation.__new__(Evaluation)._take(found)
    e.mistakes = wrong
    return e


__all__ = ['Evaluation', 'evaluate']
