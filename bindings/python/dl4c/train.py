# SPDX-License-Identifier: Apache-2.0
"""Training: fit, a trainer for loops of one's own, listeners, updaters."""
from __future__ import annotations

from ctypes import byref, c_double, c_float, c_void_p, pointer
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, TypedDict, Union

import numpy as np

from ._callbacks import fallible
from ._core import Cancel, Handle, Owned, Path, call, encode, milliseconds, need, optional
from ._long import Call, ProgressFunction
from ._native import lib
from ._native import train as c
from ._native import transport as t
from .context import Context
from .errors import StateError
from .graph import Graph
from .listeners import Ready
from .source import source_of
from .tensor import ArrayLike, Tensor, wrap


@dataclass(frozen=True)
class TrainEvent:
    """Where a training stands. kind: "epoch_start", "iteration" or "epoch_end"; rows of the minibatch; done and total: rows in this call of
    fit (total 0: not known); source_s: how long the source took; round and worker: of several workers (round -1: one trains alone). What
    does not belong to its kind is NaN or 0."""

    kind: str
    iteration: int
    epoch: int
    score: float
    val_score: float
    val_accuracy: float
    rows: int
    done: int
    total: int
    source_s: float
    round: int
    worker: int
    _graph: List[Optional[int]]

    @property
    def graph(self) -> Graph:
        """The graph as it is now, a clone, which stays good. StateError: the event is over."""
        if self._graph[0] is None:
            raise StateError('the event is over: its graph is to be asked for while it lasts')
        return Graph._make(lib.dl4c_graph_clone, c_void_p(self._graph[0]))


_KINDS = {c.DL4C_TRAIN_EPOCH_START: 'epoch_start', c.DL4C_TRAIN_ITERATION: 'iteration', c.DL4C_TRAIN_EPOCH_END: 'epoch_end'}


class Listener:
    """Told how a training goes, on the thread that called fit. Override what is wanted; True stops training after the step or epoch, and an
    exception comes out of fit. During iteration_done the graph cannot be run; during the others it can.

    >>> class Enough(dl4c.Listener):
    ...     epochs = 0
    ...     def epoch_end(self, epoch, train_score, val_score, val_accuracy):
    ...         self.epochs += 1
    ...         return val_accuracy > 0.9
    >>> enough = Enough()
    >>> net.clone().fit((x, y), epochs=50, validation=(x, y), listeners=[enough])
    >>> enough.epochs
    1
    """

    def iteration_done(self, iteration: int, epoch: int, score: float) -> Optional[bool]:
        """After each step: the score of the minibatch before it. Both count from 1, over all that the graph was ever trained."""
        return None

    def epoch_start(self, epoch: int) -> Optional[bool]:
        """Before an epoch, counted from 1."""
        return None

    def epoch_end(self, epoch: int, train_score: float, val_score: float, val_accuracy: float) -> Optional[bool]:
        """After an epoch: the mean score of its minibatches; the others are NaN without validation."""
        return None

    def event(self, event: TrainEvent) -> Optional[bool]:
        """After each of the others, with more to see: the graph may be run, cloned and saved."""
        return None


EpochFunction = Callable[[int, float, float, float], Any]


def _spec(name: str, values: Dict[str, Any]) -> str:
    given = ','.join('%s=%s' % (k, repr(float(v)) if isinstance(v, float) else v) for k, v in values.items() if v is not None)
    return '%s:%s' % (name, given) if given else name


def Sgd(lr: float = 0.1) -> str:
    """Gradient descent, as text for `updater=`."""
    return _spec('sgd', {'lr': lr})


def Nesterovs(lr: float = 0.1, momentum: float = 0.9) -> str:
    """Nesterov's momentum, as text for `updater=`."""
    return _spec('nesterovs', {'lr': lr, 'momentum': momentum})


def Adam(lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> str:
    """Adam, as text for `updater=`.

    >>> dl4c.Adam(0.01)
    'adam:lr=0.01,beta1=0.9,beta2=0.999,epsilon=1e-08'
    """
    return _spec('adam', {'lr': lr, 'beta1': beta1, 'beta2': beta2, 'epsilon': epsilon})


EXCHANGES = {'f32': t.DL4C_EXCHANGE_F32, 'bf16': t.DL4C_EXCHANGE_BF16}
_AVERAGES = {'parameters': 0, 'gradients': c.DL4C_FIT_GRADIENTS}


def _one_of(name: str, given: str, known: Dict[str, int]) -> int:
    if given not in known:
        raise ValueError('%s is %r: %s is wanted' % (name, given, ' or '.join('"%s"' % k for k in known)))
    return known[given]


def _options(batch: int, updater: Optional[str], lr_schedule: Optional[str], l1: float, l2: float, seed: int,
             class_weights: Union[None, str, Sequence[float]], threads: int) -> Any:
    o = c.dl4c_fit_options(batch=batch, updater=encode(updater), lr_schedule=encode(lr_schedule), l1=l1, l2=l2, seed=seed, seed_zero=1,
                           threads=threads)
    if isinstance(class_weights, str):
        if class_weights != 'balanced':
            raise ValueError('class_weights is %r: "balanced" or a number for each class is wanted' % class_weights)
        o.balanced = 1
    elif class_weights is not None:
        values = [float(w) for w in class_weights]
        o.class_weights, o.n_class_weights = (c_float * len(values))(*values), len(values)
    return o


def _told(one: Listener, e: Any) -> None:
    """Tells an event of the library."""
    graph: List[Optional[int]] = [e.graph]
    try:
        if one.event(TrainEvent(_KINDS.get(e.kind, ''), e.iteration, e.epoch, e.score, e.val_score, e.val_accuracy, e.rows, e.done, e.total,
                                e.source_ns / 1e9, e.round, e.worker, graph)) is True:
            e.stop = 1
    finally:
        graph[0] = None


def _listener(long: Call, one: Any) -> Any:
    """A listener, or a function called at the end of each epoch, as the library's."""
    if isinstance(one, Ready):
        return one._serve(long)
    if not isinstance(one, Listener):
        if not callable(one):
            raise TypeError('%s is no listener: a dl4c.Listener or a function of (epoch, train_score, val_score, val_accuracy) is wanted'
                            % type(one).__name__)
        listener = Listener()
        listener.epoch_end = one  # type: ignore[method-assign]
        one = listener
    made = c.dl4c_listener()
    kinds: Dict[str, Any] = {f[0]: f[1] for f in made._fields_}
    made.iteration_done = long.guard(kinds['iteration_done'], lambda user, *rest: one.iteration_done(*rest))
    made.epoch_start = long.guard(kinds['epoch_start'], lambda user, *rest: one.epoch_start(*rest))
    made.epoch_end = long.guard(kinds['epoch_end'], lambda user, *rest: one.epoch_end(*rest))
    if type(one).event is not Listener.event or 'event' in vars(one):
        made.event = fallible(kinds['event'], lambda user, event: _told(one, event[0]))
        long.kept.append(made.event)
    return made


Told = Iterable[Union[Listener, Ready, EpochFunction]]
Weights = Union[None, str, Sequence[float]]


class TrainOptions(TypedDict, total=False):
    """The options of fit() but for when it ends, for those that hand them on."""

    batch: int
    updater: Optional[str]
    lr_schedule: Optional[str]
    l1: float
    l2: float
    seed: int
    shuffle: bool
    class_weights: Weights
    workers: int
    averaging_frequency: int
    threads: int
    transport: Optional[str]
    run_dir: Optional[Path]
    checkpoint_dir: Optional[Path]
    checkpoint_every: float
    resume: bool
    min_workers: int
    prefetch: int
    save_updater: bool
    average: str
    exchange: str
    as_dl4j: bool
    replay: Optional[Path]
    join_timeout: Optional[float]
    worker_timeout: Optional[float]
    round_timeout: Optional[float]
    listeners: Told
    progress: Optional[ProgressFunction]
    cancel: Optional[Cancel]
    timeout: Optional[float]


class FitOptions(TrainOptions, total=False):
    """The options of fit()."""

    epochs: int
    validation: Any
    early_stopping: int
    validate_every: int


def fit_with(train: Callable[[Call, Owned, Any], None], source: Any, epochs: int = 20, batch: int = 0, updater: Optional[str] = None,
             lr_schedule: Optional[str] = None, l1: float = 0.0, l2: float = 0.0, seed: int = 42, shuffle: bool = True,
             class_weights: Weights = None, validation: Any = None, early_stopping: int = 0, validate_every: int = 0, workers: int = 0,
             averaging_frequency: int = 0, threads: int = 0, transport: Optional[str] = None, run_dir: Optional[Path] = None,
             checkpoint_dir: Optional[Path] = None, checkpoint_every: float = 0.0, resume: bool = False, min_workers: int = 0,
             prefetch: int = 0, listeners: Told = (), progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None,
             timeout: Optional[float] = None, save_updater: bool = True, average: str = 'parameters', exchange: str = 'f32',
             as_dl4j: bool = False, replay: Optional[Path] = None, join_timeout: Optional[float] = None,
             worker_timeout: Optional[float] = None, round_timeout: Optional[float] = None) -> None:
    """Makes the library's options of fit's and calls train with the long call, the source and them."""
    o = _options(batch, updater, lr_schedule, l1, l2, seed, class_weights, threads)
    o.epochs, o.no_shuffle, o.early_stopping, o.validate_every = epochs, int(not shuffle), early_stopping, validate_every
    o.workers, o.averaging_frequency, o.transport = workers, averaging_frequency, encode(transport)
    o.run_dir, o.checkpoint_dir, o.checkpoint_every_ms = encode(run_dir), encode(checkpoint_dir), int(checkpoint_every * 1000)
    o.resume, o.min_workers, o.prefetch = int(resume), min_workers, prefetch
    o.no_save_updater, o.exchange, o.replay = int(not save_updater), _one_of('exchange', exchange, EXCHANGES), encode(replay)
    o.flags = _one_of('average', average, _AVERAGES) | (c.DL4C_FIT_AS_DL4J if as_dl4j else 0)
    o.join_timeout_ms, o.worker_timeout_ms = milliseconds(join_timeout), milliseconds(worker_timeout)
    o.round_timeout_ms = milliseconds(round_timeout)
    with Call(progress, cancel, timeout) as long:
        long.options(o)
        rows, judge = source_of(source), source_of(validation) if validation is not None else None
        o.validation = judge._as_parameter_.value if judge is not None else None
        told = list(listeners)
        made = [_listener(long, one) for one in told]
        if made:
            o.listeners, o.n_listeners = (c.dl4c_listener * len(made))(*made), len(made)
        try:
            train(long, rows, o)
        finally:
            for one in told:
                if isinstance(one, Ready):
                    one._long = None


def fit(graph: Graph, source: Any, epochs: int = 20, batch: int = 0, updater: Optional[str] = None, lr_schedule: Optional[str] = None,
        l1: float = 0.0, l2: float = 0.0, seed: int = 42, shuffle: bool = True, class_weights: Weights = None,
        validation: Any = None, early_stopping: int = 0, validate_every: int = 0, workers: int = 0, averaging_frequency: int = 0,
        threads: int = 0, transport: Optional[str] = None, run_dir: Optional[Path] = None, checkpoint_dir: Optional[Path] = None,
        checkpoint_every: float = 0.0, resume: bool = False, min_workers: int = 0, prefetch: int = 0,
        listeners: Told = (), progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None,
        timeout: Optional[float] = None, save_updater: bool = True, average: str = 'parameters', exchange: str = 'f32',
        as_dl4j: bool = False, replay: Optional[Path] = None, join_timeout: Optional[float] = None,
        worker_timeout: Optional[float] = None, round_timeout: Optional[float] = None) -> None:
    """Trains a graph on a source, or a pair (x, labels).

    batch: rows of a minibatch, of each worker (0: 32). updater: text ("nesterovs:lr=3e-4,momentum=0.9"), Sgd(), Nesterovs(), Adam();
    None: the graph's. validation: a source that is scored after each epoch; early_stopping: epochs without a better score before it stops;
    the best is kept. workers: parameter averaging, every averaging_frequency minibatches (0: 5). class_weights: "balanced" or a number for
    each class. average: "parameters" or, in each step, "gradients"; exchange: "bf16" halves what goes over a wire; save_updater: the
    updater's state is averaged too; as_dl4j: as ParameterAveragingTrainingMaster does it. transport: "tcp://HOST:PORT" leads others that
    call work(); join_timeout (60), worker_timeout (10) and round_timeout (never) in seconds say when it goes on without one, while
    min_workers are there. replay: a run_dir, whose training is done again in threads. run_dir: a folder for the record; checkpoint_dir,
    resume: goes on after the process was killed; checkpoint_every and timeout in seconds. The same graph, source and options give the same
    bits. After a failure or Ctrl-C the graph is as the last whole step left it. InvalidError, NotFoundError (no such updater),
    DivergedError, StateError (in use, or run_dir has a record already).

    >>> def told(epoch, train_score, val_score, val_accuracy):
    ...     print('epoch', epoch, val_accuracy > 0.9)
    >>> dl4c.fit(net.clone(), (x, y), epochs=2, batch=8, workers=2, validation=(x, y), listeners=[told])
    epoch 31 True
    epoch 32 True
    """
    if epochs < 1:
        raise ValueError('%d epochs: at least 1 is wanted' % epochs)
    def train(long: Call, rows: Owned, o: Any) -> None:
        long(lib.dl4c_fit, need(graph, Graph), rows, byref(o))
    fit_with(train, source, epochs, batch, updater, lr_schedule, l1, l2, seed, shuffle, class_weights, validation, early_stopping,
             validate_every, workers, averaging_frequency, threads, transport, run_dir, checkpoint_dir, checkpoint_every, resume,
             min_workers, prefetch, listeners, progress, cancel, timeout, save_updater, average, exchange, as_dl4j, replay, join_timeout,
             worker_timeout, round_timeout)


def work(url: str, threads: int = 0, features: Optional[Path] = None, join_timeout: Optional[float] = None,
         worker_timeout: Optional[float] = None, context: Optional[Context] = None, cancel: Optional[Cancel] = None) -> None:
    """Works in a training that another process leads, fit(..., transport=url), until it is over: `dl4c worker`.

    Network, settings and rows come from the leader; features: a copy of the store that is trained on, None: where the leader has it.
    join_timeout: seconds for a leader to be there, at the beginning and after it was lost (None: 60); worker_timeout: for news of it (None:
    10). PeerError: no leader came; StateError: the training failed, the message says how.
    """
    options = c.dl4c_worker_options(threads=threads, join_timeout_ms=milliseconds(join_timeout), features=encode(features),
                                    worker_timeout_ms=milliseconds(worker_timeout))
    with Call(None, cancel) as long:
        options.cancel = pointer(long.flag)
        long(lib.dl4c_worker_run, optional(context), encode(url), byref(options))


class Trainer(Handle):
    """The parts of fit, for loops of one's own: step() with arrays. Options as for fit.

    >>> trainer = dl4c.Trainer(net.clone(), batch=8, updater='sgd:lr=0.01')
    >>> scores = [trainer.step(x[:8], y[:8]) for _ in range(20)]
    >>> scores[-1] < scores[0], trainer.params.shape
    (True, (58,))
    """

    _noun = 'trainer'

    def __init__(self, graph: Graph, batch: int = 0, updater: Optional[str] = None, lr_schedule: Optional[str] = None, l1: float = 0.0,
                 l2: float = 0.0, seed: int = 42, class_weights: Optional[Sequence[float]] = None, threads: int = 0,
                 keep_gradient: bool = False) -> None:
        o = _options(batch, updater, lr_schedule, l1, l2, seed, class_weights, threads)
        o.flags = c.DL4C_FIT_KEEP_GRADIENT if keep_gradient else 0
        found = c_void_p()
        call(lib.dl4c_trainer_create, need(graph, Graph), byref(o), byref(found))
        super().__init__(Owned(found, lib.dl4c_trainer_destroy))

    def step(self, x: ArrayLike, y: ArrayLike) -> float:
        """One step on x [n, ...] float32 and y, [n] int64 classes or [n, k] float32 targets. Returns the score before the step.

        InvalidError: a shape, type or label does not fit; DivergedError: a feature, the score or a parameter is not finite.
        """
        score = c_double()
        call(lib.dl4c_trainer_step, self._open, wrap(x), wrap(y), byref(score))
        return score.value

    def score(self, x: ArrayLike, y: ArrayLike) -> float:
        """The score of a minibatch in inference mode; nothing is changed."""
        score = c_double()
        call(lib.dl4c_trainer_score, self._open, wrap(x), wrap(y), byref(score))
        return score.value

    def next_epoch(self) -> None:
        """Raises the epoch that schedules by epoch see."""
        lib.dl4c_trainer_next_epoch(self._open)

    @property
    def iteration(self) -> int:
        """Steps made with the graph so far."""
        return int(lib.dl4c_trainer_iteration(self._open))

    def _array(self, function: Any) -> 'np.ndarray[Any, Any]':
        found = c_void_p()
        call(function, self._open, byref(found))
        return Tensor._of(Owned(found, lib.dl4c_tensor_unref)).numpy()

    @property
    def params(self) -> 'np.ndarray[Any, Any]':
        """Trainable parameters, flat, read-only, in Deeplearning4j's order; they stay as they are."""
        return self._array(lib.dl4c_trainer_params)

    @property
    def updater_state(self) -> 'np.ndarray[Any, Any]':
        """The updater's state, likewise."""
        return self._array(lib.dl4c_trainer_updater_state)

    @property
    def gradient(self) -> 'np.ndarray[Any, Any]':
        """Of the last step: sums over the minibatch, without regularisation. StateError: made without keep_gradient."""
        return self._array(lib.dl4c_trainer_gradient)


__all__ = ['Adam', 'FitOptions', 'Listener', 'Nesterovs', 'Sgd', 'TrainEvent', 'TrainOptions', 'Trainer', 'fit', 'work']
