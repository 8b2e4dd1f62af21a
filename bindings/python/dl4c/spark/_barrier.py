# SPDX-License-Identifier: Apache-2.0
"""Training in one barrier stage: its tasks meet once, and talk over the library's own transport from then on."""
from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .. import errors, fs, train
from .._core import Cancel
from ..features import Features
from ..graph import Graph
from ..reader import ImageReader
from . import _cluster, _tensors

PIECE = 32 << 20
EPOCHS = 'epochs.json'
_VALUES = ('train_score', 'val_score', 'val_accuracy')


@dataclass
class Rows:
    """What is trained on, by name, as every task may open it. kind: "features" or "images"."""

    kind: str
    uri: str
    options: Dict[str, Any] = field(default_factory=dict)

    def open(self, graph: Graph) -> Any:
        """As a source."""
        return Features(self.uri) if self.kind == 'features' else ImageReader(self.uri, for_graph=graph, **self.options)


@dataclass
class Work:
    """What the stage does."""

    workers: int
    graph: Any  # a broadcast of the model's bytes: only the leader fetches it
    rows: Rows
    options: Dict[str, Any]
    validation: Optional[Rows]
    key: Optional[str]
    port: int
    environment: Dict[str, str]
    setup: _cluster.Setup
    worker_timeout: Optional[float]
    join_timeout: Optional[float]


class Scores(train.Listener):
    """The last score, and what epochs came to, those of earlier attempts among them. folder: of checkpoints; they are kept there."""

    def __init__(self, folder: Optional[str] = None) -> None:
        self.score, self.folder = float('nan'), folder
        self.found: Dict[int, Dict[str, Any]] = {}
        self.began = 0  # epochs that attempts before this one ended
        if folder is not None:
            self._resume(folder)

    def _resume(self, folder: str) -> None:
        """A checkpoint between epochs is written before its epoch is told, so it says what that one came to."""
        try:
            data = fs.read_bytes(fs.join(folder, 'checkpoint.safetensors'))
        except errors.NotFoundError:
            return
        try:
            told = json.loads(fs.read_bytes(fs.join(folder, EPOCHS)).decode())
        except errors.NotFoundError:
            told = []
        last = _tensors.Model(data).epoch
        standing = json.loads(Graph.from_bytes(data, 'safetensors').info.training or '{}')['checkpoint']['standing']
        self.found = {epoch['epoch']: epoch for epoch in told if epoch['epoch'] <= last}
        self.began = int(standing['epochs'])
        if self.began > 0 and standing['taken'] == 0 and last not in self.found:
            self._keep(last, *(float('nan') if standing[k] is None else standing[k] for k in _VALUES))

    def _keep(self, epoch: int, *values: float) -> None:
        self.found[epoch] = {'epoch': epoch, **dict(zip(_VALUES, values))}

    @property
    def epochs(self) -> List[Dict[str, Any]]:
        """In their order."""
        return [self.found[k] for k in sorted(self.found)]

    def iteration_done(self, iteration: int, epoch: int, score: float) -> Optional[bool]:
        self.score = score
        return None

    def epoch_end(self, epoch: int, train_score: float, val_score: float, val_accuracy: float) -> Optional[bool]:
        self._keep(epoch, train_score, val_score, val_accuracy)
        if self.folder is not None:
            fs.write_bytes(fs.join(self.folder, EPOCHS), json.dumps(self.epochs).encode())
        return None


def _works(job: Work, url: str, threads: int, cancel: Cancel, told: List[BaseException]) -> None:
    """A worker until the training is over. That it failed is the leader's to say."""
    try:
        train.work(url, threads=threads, join_timeout=job.join_timeout, worker_timeout=job.worker_timeout, cancel=cancel)
    except (errors.StateError, errors.CancelledError):
        pass
    except BaseException as why:
        told.append(why)


def _leads(job: Work, address: str, threads: int) -> Tuple[Graph, Scores]:
    """The leader's fit, with rank 0's worker in a thread beside it."""
    worker_stop, leader_stop, told = Cancel(), Cancel(), []  # type: Cancel, Cancel, List[BaseException]

    def beside() -> None:
        _works(job, '%s://%s' % (_cluster.scheme(job.key), address), threads, worker_stop, told)
        if told:
            leader_stop.set()

    graph, scores = Graph.from_bytes(job.graph.value, 'safetensors'), Scores(job.options.get('checkpoint_dir'))
    source = job.rows.open(graph)
    validation = job.validation.open(graph) if job.validation else None
    if job.workers == 1:
        train.fit(graph, source, validation=validation, threads=threads, listeners=[scores], **job.options)
        return graph, scores
    worker = threading.Thread(target=beside, daemon=True)
    worker.start()
    try:
        train.fit(graph, source, validation=validation, workers=job.workers, transport=_cluster.leader_url(address, job.key),
                  min_workers=job.workers, threads=threads, join_timeout=job.join_timeout, worker_timeout=job.worker_timeout,
                  listeners=[scores], cancel=leader_stop, **job.options)
    except errors.CancelledError:
        raise told[0] if told else errors.PeerError('the worker beside the leader was cancelled', 'spark') from None
    finally:
        worker_stop.set()
        worker.join()
    return graph, scores


def member(job: Work, iterator: Iterator[Any]) -> Iterator[Tuple[int, Any]]:
    """A task of the stage. Rank 0 gives the model, in pieces, or what went wrong where another attempt would not help."""
    from pyspark import BarrierTaskContext  # type: ignore[import-not-found,unused-ignore]
    ctx = BarrierTaskContext.get()
    rank, threads = ctx.partitionId(), _cluster.task_threads()
    host = _cluster.host_of(ctx.getTaskInfos()[rank].address)
    port = _cluster.free_port(job.port, host) if rank == 0 else 0
    address = ctx.allGather('%s:%d' % (host, port))[0]
    with _cluster.prepared(job.environment, job.setup), _cluster.secret(job.key):
        if rank == 0:
            try:
                graph, scores = _leads(job, address, threads)
            except _cluster.PASSING:
                raise
            except Exception as why:
                yield 0, ('failed', why)
                return
            data = graph.to_bytes('safetensors', updater=True)
            for at in range(0, len(data), PIECE):
                yield 0, ('piece', at, data[at:at + PIECE])
            yield 0, ('scores', scores.score, scores.epochs, scores.began)
        else:
            told: List[BaseException] = []
            _works(job, '%s://%s' % (_cluster.scheme(job.key), address), threads, Cancel(), told)
            if told:
                raise told[0]
    yield 0, ('took', rank, host, _cluster.took())


def make_key() -> str:
    """A key for the job, which travels with its tasks."""
    return secrets.token_hex(32)


@dataclass
class Trained:
    """What comes back: the model's bytes, the last score, epochs, how many attempts before the last ended, bytes of the worst task."""

    model: bytes
    score: float
    epochs: List[Dict[str, Any]]
    began: int
    took: int


def run(sc: Any, job: Work) -> Trained:
    """Runs the stage. A shuffle comes after it, as a result stage of barrier tasks is never tried again."""
    from functools import partial
    stage = sc.parallelize(range(job.workers), job.workers).barrier().mapPartitions(partial(member, job))
    told = stage.partitionBy(1).values().collect()
    for what in told:
        if what[0] == 'failed':
            raise what[1]
    pieces = sorted((what[1], what[2]) for what in told if what[0] == 'piece')
    score, epochs, began = next(what[1:] for what in told if what[0] == 'scores')
    return Trained(b''.join(data for _, data in pieces), score, epochs, began, max(what[3] for what in told if what[0] == 'took'))
