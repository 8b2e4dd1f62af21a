# SPDX-License-Identifier: Apache-2.0
"""Ready-made listeners for fit, in Deeplearning4j's words: score, performance, time left, evaluation, checkpoints."""
from __future__ import annotations

import logging
from ctypes import byref, c_void_p
from typing import Any, Callable, Optional

from ._core import Handle, Owned, Path, ask_text, call, encode, optional, text
from ._long import Call
from ._native import lib
from ._native import listener as c
from ._native import train as t
from .context import Context
from .evaluation import Evaluation
from .source import source_of

Lines = Callable[[str], Any]
_LOG = logging.getLogger('dl4c')


class Ready(Handle):
    """A listener that the library has. Serves one call of fit at a time and any number in turn; what its callbacks raise ends fit."""

    _noun = 'listener'

    def __init__(self, function: Any, *arguments: Any, keep: Any = None) -> None:
        self._struct = struct = t.dl4c_listener()
        call(function, *arguments, byref(struct))

        def close(pointer: Any) -> None:
            lib.dl4c_listener_close(byref(struct))
        super().__init__(Owned(c_void_p(1), close, (struct, keep)))

    _long: Optional[Call] = None

    def _serve(self, long: Optional[Call]) -> Any:
        """Its struct, for a call of fit, which gets what is raised; None: the call is over."""
        self._open
        self._long = long
        return self._struct

    def _run(self, function: Callable[..., Any], *arguments: Any) -> int:
        try:
            return 1 if function(*arguments) is True else 0
        except BaseException as why:  # comes out of fit
            if self._long is not None and self._long.pending is None:
                self._long.pending = why
            return 1

    def _lines(self, options: Any, to: Optional[Lines]) -> Any:
        say = to or _LOG.info
        options.log = type(options.log)(lambda user, level, origin, message: self._run(say, text(message)) and None)
        return options


class ScoreListener(Ready):
    """"Score at iteration 20 is 0.6931471805599453", every so many iterations, to a function of one text; None: `logging`, "dl4c".

    >>> said = []
    >>> net.clone().fit((x, y), epochs=2, batch=8, listeners=[dl4c.listeners.ScoreListener(5, said.append)])
    >>> len(said), said[0].startswith('Score at iteration ')
    (2, True)
    """

    def __init__(self, every: int = 10, to: Optional[Lines] = None, context: Optional[Context] = None) -> None:
        o = self._lines(c.dl4c_line_options(every=every), to)
        super().__init__(lib.dl4c_listener_score, optional(context), byref(o), keep=o)


class PerformanceListener(Ready):
    """Milliseconds of an iteration and of the source, rows and batches a second; score: with the score."""

    def __init__(self, every: int = 10, score: bool = False, to: Optional[Lines] = None, context: Optional[Context] = None) -> None:
        o = self._lines(c.dl4c_line_options(every=every, score=int(score)), to)
        super().__init__(lib.dl4c_listener_performance, optional(context), byref(o), keep=o)


class TimeListener(Ready):
    """"Remaining time : 3mn - End expected : 2030-01-31T12:34:56Z"; silent while the number of rows is not known."""

    def __init__(self, every: int = 10, to: Optional[Lines] = None, context: Optional[Context] = None) -> None:
        o = self._lines(c.dl4c_line_options(every=every), to)
        super().__init__(lib.dl4c_listener_time, optional(context), byref(o), keep=o)


class EvaluativeListener(Ready):
    """Evaluates the graph on another source than it is trained on, when: "epoch" or "iteration", every so many.

    done(iteration, epoch, evaluation): gets each dl4c.Evaluation, which is good during the call; True stops training. None: its text is
    logged.
    """

    def __init__(self, source: Any, when: str = 'epoch', every: int = 1, batch: int = 0, top_n: int = 1, threads: int = 0,
                 done: Optional[Callable[[int, int, Evaluation], Any]] = None, context: Optional[Context] = None) -> None:
        if when not in ('epoch', 'iteration'):
            raise ValueError('when is %r: "epoch" or "iteration" is wanted' % when)
        judge = source_of(source)
        o = c.dl4c_evaluative_options(when=t.DL4C_TRAIN_EPOCH_END if when == 'epoch' else t.DL4C_TRAIN_ITERATION, every=every, batch=batch,
                                      top_n=top_n, threads=threads)
        self._lines(o, None)
        if done is not None:
            told = done

            def call_done(user: Any, iteration: int, epoch: int, evaluation: int) -> int:
                e = Evaluation.__new__(Evaluation)
                Handle.__init__(e, Owned(c_void_p(evaluation), None))
                e.mistakes = []
                try:
                    return self._run(told, iteration, epoch, e)
                finally:
                    e.close()
            o.done = type(o.done)(call_done)
        super().__init__(lib.dl4c_listener_evaluative, optional(context), judge, byref(o), keep=(o, judge))


class CheckpointListener(Ready):
    """Saves the graph with its updater's state to a directory while it is trained, whole files only: every so many epochs, iterations or
    seconds; with none of these after each epoch. keep_last: 0: all, else all but the last so many are removed, and with keep_every every
    so-many-th is kept too. delete_existing: checkpoints in the directory are removed first, else they are a StateError.
    """

    def __init__(self, dir: Path, every_epochs: int = 0, every_iterations: int = 0, every_seconds: float = 0.0, keep_last: int = 0,
                 keep_every: int = 0, since_last: bool = False, delete_existing: bool = False, context: Optional[Context] = None) -> None:
        o = c.dl4c_checkpoint_options(every_epochs=every_epochs, every_iterations=every_iterations, every_ms=int(every_seconds * 1000),
                                      since_last=int(since_last), keep_last=keep_last, keep_every=keep_every,
                                      delete_existing=int(delete_existing))
        super().__init__(lib.dl4c_listener_checkpoint, optional(context), encode(dir), byref(o))


def last_checkpoint(dir: Path, context: Optional[Context] = None) -> str:
    """The URI of the newest checkpoint of a directory, ours or Deeplearning4j's, for dl4c.load. NotFoundError, CorruptError."""
    return ask_text(lib.dl4c_checkpoint_last, optional(context), encode(dir))


__all__ = ['CheckpointListener', 'EvaluativeListener', 'PerformanceListener', 'Ready', 'ScoreListener', 'TimeListener', 'last_checkpoint']
