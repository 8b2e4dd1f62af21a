# SPDX-License-Identifier: Apache-2.0
"""Photographs to features stores by the tasks of a cluster, and stores as DataFrames."""
from __future__ import annotations

import os
import posixpath
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np

from .. import errors, fs
from .._core import Path
from ..features import Features, featurize as featurize_part
from ..filesystem import FileSystem, Stat, register
from ..graph import Graph
from ..reader import ImageReader
from . import _cluster, _run, _store

SHARD = 1024
TAKEN_OVER = 90.0  # seconds in which a part of a task that died becomes another's


@dataclass
class Images:
    """Which photographs: a folder, or its images of these paths; contents: the tasks are given them."""

    root: Optional[str]
    paths: Optional[List[str]]
    contents: bool = False


@dataclass
class Job:
    """What the tasks share."""

    trunk: _run.Run
    images: Any  # a broadcast of Images
    out: str
    parts: int
    options: Dict[str, Any]
    reader: Dict[str, Any]


class Held(FileSystem):
    """Photographs that a task was given, as a file system: of the others there are names."""

    def __init__(self) -> None:
        self.files: Dict[str, bytes] = {}
        self.folders: Dict[str, List[Stat]] = {}

    def hold(self, root: str, paths: Iterable[str], files: Dict[str, bytes]) -> None:
        """Makes these the files of a folder."""
        folders: Dict[str, List[Stat]] = {root: []}
        for path in paths:
            folder, _, name = path.rpartition('/')
            where = root + '/' + folder if folder else root
            if where not in folders:
                folders[where] = []
                folders[root].append(Stat(folder, 'directory'))
            folders[where].append(Stat(name, 'file', len(files.get(path, b''))))
        self.folders, self.files = folders, {root + '/' + path: data for path, data in files.items()}

    def stat(self, authority: str, path: str) -> Stat:
        if path in self.folders:
            return Stat(path.rsplit('/')[-1], 'directory')
        return Stat(path.rsplit('/')[-1], 'file', len(self.files[path])) if path in self.files else self._none(path)

    def open_read(self, authority: str, path: str) -> Any:
        import io
        return io.BytesIO(self.files[path]) if path in self.files else self._none(path)

    def list(self, authority: str, path: str) -> Iterable[Stat]:
        return self.folders[path] if path in self.folders else self._none(path)

    @staticmethod
    def _none(path: str) -> Any:
        raise FileNotFoundError(path)


_HELD = Held()
_LOCK = threading.Lock()
_REGISTERED: List[bool] = []


def _held(paths: List[str], files: Dict[str, bytes]) -> str:
    """The URI of a folder with these files."""
    with _LOCK:
        if not _REGISTERED:
            register(None, 'sparkrdd', _HELD)
            _REGISTERED.append(True)
    root = '/' + uuid.uuid4().hex
    _HELD.hold(root, paths, files)
    return 'sparkrdd://task' + root


def _make(job: Job, graph: Graph, uri: str, images: Images, part: int) -> None:
    """One part. A part that a task died over is another's after half a minute without a sign of life."""
    options = dict(job.options, threads=_cluster.task_threads(), part=part + 1, parts=job.parts, resume=True)
    until = time.monotonic() + TAKEN_OVER
    while True:
        try:
            if images.paths is None:
                with ImageReader(uri, for_graph=graph, threads=_cluster.task_threads(), **job.reader) as reader:
                    featurize_part(graph, reader, job.out, **options)
            else:
                classes = sorted({path.rpartition('/')[0] for path in images.paths}, key=os.fsencode)
                with _run.listed(uri, images.paths, classes, graph, threads=_cluster.task_threads(), **job.reader) as reader:
                    featurize_part(graph, reader, job.out, **options)
            return
        except errors.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(2)


def _parts(job: Job, parts: Iterable[int]) -> Iterator[int]:
    with _cluster.prepared(job.trunk.environment, job.trunk.setup):
        graph, images = job.trunk.open(), job.images.value
        for part in parts:
            _make(job, graph, images.root, images, part)
            yield _cluster.took()


def _given(job: Job, elements: Iterable[Tuple[int, Tuple[str, bytes]]]) -> Iterator[int]:
    """A partition after the shuffle: the contents of one or several parts' photographs."""
    with _cluster.prepared(job.trunk.environment, job.trunk.setup):
        graph, images = job.trunk.open(), job.images.value
        found: Dict[int, Dict[str, bytes]] = {}
        for part, (path, data) in elements:
            found.setdefault(part, {})[path] = bytes(data)
        for part in sorted(found):
            uri = _held(images.paths, found[part])
            _make(job, graph, uri, images, part)
            yield _cluster.took()


def relative(paths: Iterable[str]) -> Tuple[str, Dict[str, str]]:
    """The folder that has a folder for each class, and paths below it, bytewise sorted, by path."""
    given = list(paths)
    if not given:
        raise errors.InvalidError('there are no photographs', 'spark')
    roots = {posixpath.dirname(posixpath.dirname(path)) for path in given}
    if len(roots) != 1:
        raise errors.InvalidError('photographs of %d folders (%s): those of one, in a folder for each class, are wanted' %
                                  (len(roots), ', '.join(sorted(roots)[:2])), 'spark')
    root = roots.pop()
    return root, {path: path[len(root) + 1:] for path in sorted(given, key=os.fsencode)}


def _pair(row: Any) -> Tuple[str, bytes]:
    return row['path'], row['content']


def _numbered(numbers: Any, shard: int, pair: Tuple[str, bytes]) -> Tuple[int, Tuple[str, bytes]]:
    name, number = numbers.value[pair[0]]
    return number // shard, (name, pair[1])


def featurize(spark: Any, trunk: Graph, images: Any, out: Path, at: Any = None, pool: Optional[str] = None, batch: int = 0,
              shard_size: int = 0, precision: str = 'f32', parts: Optional[int] = None, list: Optional[Path] = None,
              preprocess: Optional[str] = None, height: int = 0, width: int = 0, environment: Optional[Dict[str, str]] = None,
              setup: _cluster.Setup = None) -> Features:
    """Runs every photograph once through a graph on the executors and stores what comes out in the folder out, as dl4c.featurize does, with
    the same bytes. Returns the store.

    images: the URI of a folder with a folder for each class, which is the fastest, as the library reads it itself; or paths below one;
    or an RDD of (path, bytes), as sc.binaryFiles gives it; or a DataFrame with path and content, as spark.read.format("binaryFile") does.
    list: the URI of a list of paths below the folder. parts: tasks; None: as many as run at once. A task that is lost is made again by
    Spark, and what was stored stays. The environment, setup: as ParameterAveragingTrainingMaster has them.
    """
    sc = _cluster.context_of(spark)
    shard = shard_size or SHARD
    if hasattr(images, 'mapPartitions') or hasattr(images, 'rdd'):
        rdd = images.select('path', 'content').rdd.map(_pair) if hasattr(images, 'rdd') else images
        keys = images.select('path').rdd.map(_first) if hasattr(images, 'rdd') else rdd.keys()
        _, names = relative(keys.collect())
        ordered = [names[path] for path in names]
        numbers = sc.broadcast({path: (name, k) for k, (path, name) in enumerate(names.items())})
        source, parts = Images(None, ordered, True), -(-len(ordered) // shard)
    elif isinstance(images, (str, bytes, os.PathLike)):
        source = Images(_cluster.path_of(images), None)
    else:
        root, names = relative([_cluster.path_of(path) for path in images])
        source = Images(root, [names[path] for path in names])
    reader: Dict[str, Any] = {'preprocess': preprocess, 'height': height, 'width': width}
    if list is not None:
        reader['list'] = _cluster.path_of(list)
    if parts is None:
        parts = max(1, _cluster.wait_for_slots(sc, None, 60.0))
    run = _run.Run(sc.broadcast(trunk.to_bytes('safetensors')), uuid.uuid4().hex, environment or {}, setup)
    job = Job(run, sc.broadcast(source), _cluster.path_of(out), parts,
              {'at': at, 'pool': pool, 'batch': batch, 'shard_size': shard, 'precision': precision}, reader)
    if source.contents:
        rdd.map(partial(_numbered, numbers, shard)).partitionBy(parts, int).mapPartitions(partial(_given, job)).collect()
    else:
        sc.parallelize(range(parts), parts).mapPartitions(partial(_parts, job)).collect()
    run.graph.destroy()
    job.images.destroy()
    return Features(job.out)


def _first(row: Any) -> str:
    return str(row[0])


def _table(uri: str, environment: Dict[str, str], setup: _cluster.Setup, shards: Iterable[int]) -> Iterator[Tuple[Any, ...]]:
    import json
    with _cluster.prepared(environment, setup):
        store = _store.Store(uri)
        for shard in shards:
            metadata, x, y = store.read(shard)
            names = json.loads(metadata.get('classes', '[]'))
            paths = json.loads(metadata.get('paths', '[]')) or [None] * len(x)
            for path, label, row in zip(paths, y.tolist(), np.asarray(x).reshape(len(x), -1)):
                yield path, label, names[label] if label < len(names) else None, row.tolist()


def read_features(spark: Any, uri: Path, environment: Optional[Dict[str, str]] = None, setup: _cluster.Setup = None) -> Any:
    """A features store as a DataFrame of a SparkSession: path, label (a number), class (its name) and features (array of float, flat in the
    order of the row's shape). A partition for each shard, in the store's order."""
    from pyspark.sql import types as t  # type: ignore[import-not-found,unused-ignore]
    where = _cluster.path_of(uri)
    shards = range(len(_store.Store(where).names))
    schema = t.StructType([t.StructField('path', t.StringType()), t.StructField('label', t.LongType()),
                           t.StructField('class', t.StringType()), t.StructField('features', t.ArrayType(t.FloatType(), False))])
    rows = spark.sparkContext.parallelize(shards, max(1, len(shards))).mapPartitions(partial(_table, where, environment or {}, setup))
    return spark.createDataFrame(rows, schema)


__all__ = ['featurize', 'read_features']
