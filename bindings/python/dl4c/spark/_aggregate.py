# SPDX-License-Identifier: Apache-2.0
"""Training in a job of its own for every round: parameters are broadcast, tasks train their shares, and the mean comes back.

What treeAggregate does with partial sums of whole vectors, one shuffle does here with slices of them: each slice is summed in one place, in
the order of workers, so that the bits are those of threads, and the driver is sent one vector whatever the number of workers.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, Iterable, Iterator, List, Tuple

import numpy as np

from .. import context, errors
from ..graph import Graph
from ..train import Trainer
from . import _cluster, _store
from ._tensors import Model

Array = Any
SLICE = 1 << 16
_SEEDS = 0x9e3779b97f4a7c15  # between workers' seeds of dropout, as the library has it


@dataclass
class Round:
    """What the tasks of a round have in common."""

    model: Any  # a broadcast of the model's bytes
    uri: str
    digest: str
    rows: int
    begin: int
    end: int
    workers: int
    batch: int
    shuffle: bool
    seed: int
    epoch: int
    options: Dict[str, Any]
    state: bool
    slices: int
    environment: Dict[str, str]
    setup: _cluster.Setup


@dataclass
class Told:
    """What a worker says of its share: scores and rows of its minibatches, and how training goes on."""

    worker: int
    scores: List[Tuple[int, float, int]]
    network: str
    kernels: str
    took: int
    state: bytes  # the updater's before the first round, where it is not averaged

    @property
    def weight(self) -> int:
        """Rows of the share."""
        return sum(rows for _, _, rows in self.scores)


def share(rows: int, workers: int, worker: int) -> Tuple[int, int]:
    """The rows of a step that a worker gets."""
    return rows * worker // workers, rows * (worker + 1) // workers


def _train(job: Round, worker: int) -> Iterator[Tuple[int, Any]]:
    """A worker's share of the round: its vector in slices, by number, and after them what it says."""
    with _cluster.prepared(job.environment, job.setup):
        each = job.batch * job.workers
        shares = []
        for step, at in enumerate(range(job.begin, job.end, each)):
            first, last = share(min(each, job.end - at), job.workers, worker)
            if last > first:
                shares.append((step, at + first, at + last))
        if not shares:
            return
        order = _store.order(job.rows, job.shuffle, job.seed, job.epoch)
        store = _store.kept(job.uri, job.digest)
        graph = Graph.from_bytes(job.model.value, 'safetensors')
        trainer = Trainer(graph, batch=job.batch, seed=(job.seed + worker * _SEEDS) % (1 << 64), threads=_cluster.task_threads(),
                          **job.options)
        begun = not job.state and 'updater_state' not in Model(job.model.value).tensors
        state = trainer.updater_state.tobytes() if begun else b''
        scores = []
        for step, first, last in shares:
            x, y = store.take(order[first:last])
            scores.append((step, trainer.step(x, y), last - first))
        del trainer
        model = Model(graph.to_bytes('safetensors', updater=True))
        vector = model.vector(job.state)
        told = Told(worker, scores, json.dumps(model.network), context.cpu_kernels(), _cluster.took(), state)
        for k in range(job.slices):
            first, last = share(vector.size, job.slices, k)
            yield k, (worker, told.weight, vector[first:last].tobytes())
        yield job.slices, (worker, told, vector.size)


def _task(job: Round, workers: Iterable[int]) -> Iterator[Tuple[int, Any]]:
    """The shares of these workers; in place of one, what is wrong with it where another attempt of the task would not help."""
    for worker in workers:
        try:
            yield from _train(job, worker)
        except _cluster.PASSING:
            raise
        except errors.Error as why:
            yield job.slices, (worker, why, 0)


def mean(given: Iterable[Tuple[int, int, bytes]]) -> Array:
    """Of (worker, weight, floats): summed in the order of workers in doubles, which hold the products exactly; rounded to floats once."""
    total, weights = None, 0
    for _, weight, data in sorted(given, key=lambda g: g[0]):
        part = np.frombuffer(data, np.float32).astype(np.float64) * weight
        total = part + 0.0 if total is None else np.add(total, part, out=total)  # + 0.0: as from a sum that began with 0
        weights += weight
    if total is None:
        raise errors.InternalError('a slice that nobody gave', 'spark')
    return (total * (1.0 / weights)).astype(np.float32)


def _sum(slices: int, given: Iterable[Tuple[int, Any]]) -> Iterator[Tuple[int, Any]]:
    """A partition after the shuffle: the means of its slices, and what workers said as it is."""
    found: Dict[int, List[Any]] = {}
    for k, what in given:
        found.setdefault(k, []).append(what)
    for k, all_of in found.items():
        if k < slices:
            yield k, mean(all_of).tobytes()
        else:
            yield k, all_of


def _average(sc: Any, job: Round, depth: int) -> Tuple[Array, List[Told]]:
    """Runs a round: the mean, and what the workers said."""
    rounds = sc.parallelize(range(job.workers), job.workers).mapPartitions(partial(_task, job))
    if depth > 1:
        rounds = rounds.partitionBy(job.slices + 1, int).mapPartitions(partial(_sum, job.slices))
        found = dict(rounds.collect())
    else:
        found = dict(_sum(job.slices, rounds.collect()))
    return joined(job, found)


def joined(job: Round, found: Dict[int, Any]) -> Tuple[Array, List[Told]]:
    """The mean and what workers said, in their order, of what _sum gave by number."""
    told = [what for _, what, _ in sorted(found[job.slices], key=lambda g: int(g[0]))]
    for what in told:
        if isinstance(what, Exception):
            raise what
    return np.frombuffer(b''.join(found[k] for k in range(job.slices)), np.float32), told


class Averaging:
    """A training in rounds. options: those of Trainer."""

    def __init__(self, sc: Any, model: bytes, uri: str, workers: int, batch: int, frequency: int, depth: int, save_updater: bool,
                 shuffle: bool, seed: int, options: Dict[str, Any], environment: Dict[str, str], setup: _cluster.Setup) -> None:
        self.sc, self.uri, self.workers, self.batch, self.frequency, self.depth = sc, uri, workers, batch, frequency, depth
        self.save_updater, self.shuffle, self.seed, self.options = save_updater, shuffle, seed, options
        self.environment, self.setup = environment, setup
        self.store = _store.Store(uri)
        self.model, self.bytes = Model(model), model
        self.score, self.took = float('nan'), 0
        self.kernels: List[str] = []

    def round(self, begin: int, end: int) -> List[float]:
        """One round over these rows of the epoch. Returns the scores of its minibatches."""
        size, broadcast = self.model.vector(True).size, self.sc.broadcast(self.bytes)
        job = Round(broadcast, self.uri, self.store.digest, self.store.rows, begin, end, self.workers, self.batch, self.shuffle,
                    self.seed, self.model.epoch, self.options, self.save_updater, max(1, min(self.workers, size // SLICE)),
                    self.environment, self.setup)
        try:
            vector, told = _average(self.sc, job, self.depth)
        finally:
            broadcast.destroy()
        self._take(vector, told)
        steps: Dict[int, List[Tuple[float, int]]] = {}
        for one in told:
            for step, score, rows in one.scores:
                steps.setdefault(step, []).append((score, rows))
        last = steps[max(steps)]
        self.score = sum(score * rows for score, rows in last) / sum(rows for _, rows in last)
        return [score for one in told for _, score, _ in one.scores]

    def _take(self, vector: Array, told: List[Told]) -> None:
        networks = [json.loads(one.network) for one in told]
        network = max(networks, key=lambda n: int(n['iteration']))
        if 'updater_state' not in self.model.tensors:
            learnt = sum(self.model.tensors[name].size for name in self.model.learnt)
            if vector.size > learnt or told[0].state:
                self.model.tensors['updater_state'] = (np.frombuffer(told[0].state, np.float32) if told[0].state else
                                                       np.zeros(vector.size - learnt, np.float32))
        self.model.network = network
        self.model.take(vector)
        self.bytes = self.model.to_bytes()
        self.took = max([self.took] + [one.took for one in told])
        kernels = sorted({one.kernels for one in told})
        if len(kernels) > 1 and kernels != self.kernels:
            _cluster.say('executors have different kernels (%s): for the same bits every time give environment='
                         '{"DL4C_CPU_MASK": ...} of the least' % ', '.join(kernels))
        self.kernels = kernels

    def epoch(self) -> float:
        """One epoch. Returns the mean score of its minibatches."""
        each, scores = self.workers * self.batch * self.frequency, []
        for begin in range(0, self.store.rows, each):
            scores += self.round(begin, min(self.store.rows, begin + each))
        self.model.network['epoch'] = self.model.epoch + 1
        self.bytes = self.model.to_bytes()
        return float(sum(scores) / len(scores))


__all__ = ['Averaging', 'Round', 'mean', 'share']
