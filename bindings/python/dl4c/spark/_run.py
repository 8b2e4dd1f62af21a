# SPDX-License-Identifier: Apache-2.0
"""Tasks that run a graph over a part of the data: evaluating, scoring, predicting."""
from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

import numpy as np

from .. import errors, fs
from ..evaluation import evaluate
from ..graph import Graph, Session
from ..reader import ImageReader
from ..train import Trainer
from . import _cluster, _store

Array = Any
IMAGES = 256  # of a part


@dataclass
class Run:
    """What the tasks share."""

    graph: Any  # a broadcast of the model's bytes
    number: str  # which model it is
    environment: Dict[str, str]
    setup: _cluster.Setup

    def open(self) -> Graph:
        """The graph, kept by the process for the next task."""
        if self.number not in _GRAPHS:
            _GRAPHS.clear()
            _GRAPHS[self.number] = Graph.from_bytes(self.graph.value, 'safetensors')
        return _GRAPHS[self.number]


_GRAPHS: Dict[Any, Graph] = {}
Part = Tuple[int, Any]  # number; of a store the shard, of a folder of images paths and classes
Function = Callable[[Graph, Array, Array], Any]


def parts_of(uri: str, graph: Graph) -> List[Part]:
    """The parts that tasks take: shards of a store, or some of the images of a folder."""
    try:
        return [(k, None) for k in range(len(_store.Store(uri).names))]
    except errors.StateError:
        with ImageReader(uri, for_graph=graph) as reader:
            paths, classes = reader.paths, reader.classes
        return [(k, (paths[at:at + IMAGES], classes)) for k, at in enumerate(range(0, len(paths), IMAGES))]


@contextmanager
def listed(uri: str, paths: Sequence[str], classes: Sequence[str], graph: Graph, **options: Any) -> Iterator[ImageReader]:
    """A reader of these images of a folder."""
    with tempfile.TemporaryDirectory(prefix='dl4c-') as folder:
        for name, lines in (('list.txt', paths), ('classes.txt', classes)):
            with open(os.path.join(folder, name), 'w', encoding='utf-8', errors='surrogateescape') as f:
                f.write(''.join(line + '\n' for line in lines))
        with ImageReader(uri, list=os.path.join(folder, 'list.txt'), for_graph=graph, **options) as reader:
            yield reader


def over_parts(job: Run, function: Function, uri: str, parts: Iterable[Part]) -> Iterator[Tuple[int, Any]]:
    """What the function makes of each part."""
    with _cluster.prepared(job.environment, job.setup):
        graph, store = job.open(), None
        for number, images in parts:
            if images is None:
                store = store or _store.Store(uri)
                _, x, y = store.read(number)
            else:
                with listed(uri, images[0], images[1], graph, threads=_cluster.task_threads()) as reader:
                    batches = list(reader.batches(64))
                if not batches:
                    continue
                x, y = (np.concatenate([b[i] for b in batches]) for i in (0, 1))
            yield number, function(graph, np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.int64))


def over_elements(job: Run, function: Function, classes: int, index: int, elements: Iterable[Any]) -> Iterator[Tuple[int, Any]]:
    """What the function makes of a partition of pairs (x, y)."""
    with _cluster.prepared(job.environment, job.setup):
        found = [_store.rows_of(element, classes) for element in elements]
        if found:
            yield index, function(job.open(), np.concatenate([x for x, _ in found]), np.concatenate([y for _, y in found]))


def evaluated(top_n: int, graph: Graph, x: Array, y: Array) -> str:
    """The counts as text."""
    return evaluate(graph, (x, y), top_n=top_n, threads=_cluster.task_threads()).dl4j_json()


def scored(graph: Graph, x: Array, y: Array) -> Tuple[float, int]:
    """The sum of scores and how many rows they are of."""
    trainer, total = Trainer(graph.clone(), batch=64, threads=_cluster.task_threads()), 0.0
    for at in range(0, len(x), 64):
        total += trainer.score(x[at:at + 64], y[at:at + 64]) * len(x[at:at + 64])
    return total, len(x)


def balanced(labels: Array, classes: int) -> List[float]:
    """Weights n / (classes * n of the class), as fit has them; classes without an example do not count and weigh 1."""
    count = np.bincount(labels, minlength=classes).astype(np.float64)
    present = int((count > 0).sum())
    return [float(count.sum() / (present * n)) if n > 0 else 1.0 for n in count]


def _batches(elements: Iterable[Any], size: int) -> Iterator[List[Any]]:
    held: List[Any] = []
    for element in elements:
        held.append(element)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def fed(job: Run, batch: int, elements: Iterable[Any]) -> Iterator[Tuple[Any, Array]]:
    """(key, x) as (key, output)."""
    with _cluster.prepared(job.environment, job.setup):
        with Session(job.open(), batch=batch, threads=_cluster.task_threads()) as session:
            for held in _batches(elements, batch):
                out = session.run(np.stack([np.asarray(x, np.float32) for _, x in held]))
                for k, (key, _) in enumerate(held):
                    yield key, np.array(out[k])


def predicted(job: Run, batch: int, top: int, names: Sequence[str], elements: Iterable[Any]) -> Iterator[List[Dict[str, Any]]]:
    """x as the likeliest classes."""
    for _, y in fed(job, batch, ((None, x) for x in elements)):
        best = np.argsort(-y, kind='stable')[:top]
        yield [{'class': names[int(i)], 'index': int(i), 'probability': float(y[i])} for i in best]


__all__ = ['Run', 'balanced', 'evaluated', 'fed', 'listed', 'over_elements', 'over_parts', 'parts_of', 'predicted', 'scored']
