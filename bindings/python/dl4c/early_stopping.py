# SPDX-License-Identifier: Apache-2.0
"""Early stopping with Deeplearning4j's pieces: conditions that end a training, what a model's score is, the best model of all epochs."""
from __future__ import annotations

from ctypes import byref, c_void_p
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Optional

from ._core import Owned, Path, encode, need, text
from ._long import Call
from ._native import early_stopping as c
from ._native import lib
from .graph import Graph
from .source import source_of
from .train import fit_with

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .train import TrainOptions

_REASONS = {c.DL4C_STOP_EPOCH_CONDITION: 'epoch', c.DL4C_STOP_ITERATION_CONDITION: 'iteration', c.DL4C_STOP_LISTENER: 'listener'}


@dataclass(frozen=True)
class EarlyStopping:
    """How a training ended. reason: "epoch" (their number, no improvement, the best score), "iteration" (time, a minibatch's score,
    divergence) or "listener"; details: the condition in Deeplearning4j's words, "MaxEpochsTerminationCondition(30)"; scores: of each epoch
    that was scored, counted from 1; best_epoch: 0 where none was, then best is None and best_score NaN. total_epochs: whole ones."""

    reason: str
    details: str
    best_epoch: int
    best_score: float
    total_epochs: int
    scores: Dict[int, float]
    best: Optional[Graph] = field(repr=False)


def fit_early_stopping(graph: Graph, source: Any, scored_on: Any, score: str = 'loss', epochs: int = 0, every_epochs: int = 1,
                       no_improvement: int = 0, min_improvement: float = 0.0, best_score: Optional[float] = None,
                       max_score: Optional[float] = None, max_time: Optional[float] = None, invalid_score: bool = False,
                       save_last: bool = False, dir: Optional[Path] = None, **options: Unpack[TrainOptions]) -> EarlyStopping:
    """Trains a graph on a source, or a pair (x, labels), until a condition ends it, and tells the best model of all epochs.

    scored_on: a source or pair that the graph is scored on after every every_epochs-th epoch. score: "loss", the lower the better;
    "accuracy", "balanced_accuracy", "precision", "recall", "f1", "g_measure", "mcc", "auroc", "auprc", the higher the better.

    Conditions, of which at least one is wanted: epochs, most of them (0: no limit); no_improvement: so many scored epochs without a score
    that is better by more than min_improvement; best_score: a score better than this; max_score: a minibatch's score above this; max_time
    in seconds; invalid_score: a training that diverges ends there and is no DivergedError.

    dir: a folder that gets bestGraph.bin and with save_last latestGraph.bin. The other options are fit's, but for those
    about validation. The graph is left as the last step left it. InvalidError: no condition, an unknown score, and what fit raises.

    >>> found = dl4c.fit_early_stopping(net.clone(), (x, y), (x, y), score='accuracy', epochs=5)
    >>> found.reason, found.details, found.total_epochs, found.best_epoch in found.scores
    ('epoch', 'MaxEpochsTerminationCondition(5)', 5, True)
    >>> found.best.evaluate((x, y)).accuracy == found.best_score
    True
    """
    if epochs < 0:
        raise ValueError('%d epochs: 0, for no limit, or more is wanted' % epochs)
    if max_time is not None and not max_time > 0:
        raise ValueError('max_time is %r seconds: more than 0 is wanted' % max_time)
    for name in ('validation', 'early_stopping', 'validate_every'):
        if name in options:
            raise TypeError('fit_early_stopping() has scored_on, no_improvement and every_epochs in place of %s' % name)
    judge = source_of(scored_on)
    o = c.dl4c_early_stopping_options(
        source=judge._as_parameter_.value, score=encode(score), every_epochs=every_epochs, no_improvement=no_improvement,
        min_improvement=min_improvement, best_score=best_score or 0.0, has_best_score=int(best_score is not None),
        max_score=max_score or 0.0, has_max_score=int(max_score is not None), invalid_score=int(invalid_score), save_last=int(save_last),
        max_time_ms=0 if max_time is None else max(1, int(max_time * 1000)), dir=encode(dir))
    result, best = c.dl4c_early_stopping_result(), c_void_p()

    def train(long: Call, rows: Owned, fit: Any) -> None:
        long(lib.dl4c_fit_early_stopping, need(graph, Graph), rows, byref(fit), byref(o), byref(best), byref(result))
    try:
        fit_with(train, source, epochs=epochs, **options)
    except BaseException:
        # Where Ctrl-C came after the last step the call itself went well, and what it gave is given back.
        if best:
            lib.dl4c_graph_destroy(byref(best))
        lib.dl4c_early_stopping_result_clear(byref(result))
        raise
    try:
        found = Graph(Owned(best, lib.dl4c_graph_destroy)) if best else None
        return EarlyStopping(_REASONS.get(result.reason, ''), text(result.details), result.best_epoch, result.best_score,
                             result.total_epochs, {result.epochs[i]: result.scores[i] for i in range(result.n_scores)}, found)
    finally:
        lib.dl4c_early_stopping_result_clear(byref(result))


__all__ = ['EarlyStopping', 'fit_early_stopping']
