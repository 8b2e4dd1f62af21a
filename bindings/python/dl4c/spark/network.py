# SPDX-License-Identifier: Apache-2.0
"""A network that is trained, evaluated and run on a Spark cluster: Deeplearning4j's SparkComputationGraph."""
from __future__ import annotations

import tempfile
import uuid
from functools import partial
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from .. import errors, fs
from .._core import Path, need
from ..evaluation import Evaluation
from ..features import Features
from ..graph import Graph
from ..train import Weights
from . import _aggregate, _barrier, _cluster, _hub, _memory, _run, _store, _tensors
from .master import ParameterAveragingTrainingMaster


class SparkComputationGraph:
    """A graph on a cluster. sc: a SparkContext or SparkSession. The graph that is given is the one that is trained: it has the new weights
    when fit returns.

    Data are the URI of a features store or of a folder of images with a folder for each class, which driver and executors see under the
    same name, or an RDD of pairs (x, y): an example, y a whole number or a vector with a single one, or a minibatch of them.
    """

    def __init__(self, sc: Any, graph: Graph, master: Optional[ParameterAveragingTrainingMaster] = None) -> None:
        need(graph, Graph)
        self.sc, self.graph = _cluster.context_of(sc), graph
        self.master = master if master is not None else ParameterAveragingTrainingMaster()
        self.score = float('nan')
        self.epochs: List[Dict[str, Any]] = []
        self.approach: Optional[str] = None
        self.memory = 0
        self._began = 0  # epochs that attempts before the last one had ended
        self._exports: Dict[int, str] = {}
        self._folders: List[Any] = []

    # ---- data

    def _names(self) -> List[str]:
        """Classes, for a store that is made of an RDD."""
        shape = self.graph[self.graph.outputs[0]].shape
        return self.graph.classes or [str(i) for i in range(int(np.prod(shape)) if int(np.prod(shape)) > 1 else 2)]

    def _export(self, rdd: Any, workers: int) -> str:
        """The RDD as a store; once for each RDD."""
        m = self.master
        if rdd.id() not in self._exports:
            if m.export_dir is not None:
                uri = fs.join(_cluster.path_of(m.export_dir), 'export-%s' % uuid.uuid4().hex)
            elif self.sc.master.startswith('local'):
                self._folders.append(tempfile.TemporaryDirectory(prefix='dl4c-export-'))
                uri = self._folders[-1].name
            else:
                raise ValueError('an RDD is stored before it is trained on: export_dir= names a folder that driver and executors see')
            again = m.repartition == 'always' or (m.repartition != 'never' and rdd.getNumPartitions() != workers)
            _store.export(rdd.repartition(workers) if again else rdd, uri, self._names(), m.environment, m.setup)
            self._exports[rdd.id()] = uri
        return self._exports[rdd.id()]

    def _rows(self, data: Any, workers: int) -> _barrier.Rows:
        if hasattr(data, 'mapPartitions'):
            return _barrier.Rows('features', self._export(data, workers))
        uri = _cluster.path_of(data)
        try:
            fs.stat(fs.join(uri, 'manifest.json'))
            return _barrier.Rows('features', uri)
        except errors.NotFoundError:
            fs.stat(uri)
            return _barrier.Rows('images', uri)

    def close(self) -> None:
        """Removes what RDDs were stored as."""
        for uri in self._exports.values():
            fs.remove(uri, recursive=True)
        self._exports.clear()
        self._folders.clear()

    # ---- training

    def _choose(self, workers: int, slots: int, rows: _barrier.Rows) -> str:
        """Which approach, and why where it is not the first choice."""
        if self.master.approach != 'auto':
            return self.master.approach
        dynamic = self.sc.getConf().get('spark.dynamicAllocation.enabled', 'false') == 'true'
        why = ''
        if workers > slots:
            why = '%d workers want to run at once and %d tasks can' % (workers, slots)
        elif dynamic:
            why = 'Spark allows no barrier stage with spark.dynamicAllocation.enabled'
        elif workers > 1:
            why = _cluster.reachable(self.sc, workers)
        if why and rows.kind == 'features':
            _cluster.say('the aggregate approach is taken: ' + why)
            return 'aggregate'
        return 'barrier'

    def _need(self, approach: str, rows: _barrier.Rows, workers: int, model: int) -> _memory.Need:
        shape = self.graph[self.graph.inputs[0]].shape
        row = 4 * int(np.prod([max(1, n) for n in shape]))
        data = _store.Store(rows.uri).rows * row if rows.kind == 'features' else 0
        count = self.master.batch_size_per_worker * self.master.averaging_frequency
        return _memory.need(approach, model, data, count * row, workers)

    def fit(self, data: Any, epochs: int = 1, updater: Optional[str] = None, lr_schedule: Optional[str] = None, l1: float = 0.0,
            l2: float = 0.0, seed: int = 42, shuffle: bool = True, class_weights: Weights = None, validation: Optional[Path] = None,
            early_stopping: int = 0, run_dir: Optional[Path] = None, resume: bool = False) -> Graph:
        """Trains on a features store, a folder of images or an RDD; returns the graph.

        Options as for dl4c.fit, whose bits with as many workers these are. validation: a features store or folder of images that is scored
        after each epoch. run_dir, early_stopping and folders of images are for the barrier approach. resume: goes on from what a job that
        was ended left in the master's checkpoint_dir. `score` is then that of the last minibatches and `epochs` says what each came
        to, also of those before a stage was tried again, or the job ended, where there is a checkpoint_dir.
        """
        m = self.master
        if epochs < 1:
            raise ValueError('%d epochs: at least 1 is wanted' % epochs)
        if resume and m.checkpoint_dir is None:
            raise ValueError('resume wants the checkpoint_dir of the master')
        if run_dir is not None and m.checkpoint_dir is None:
            raise ValueError('run_dir wants the checkpoint_dir of the master: another attempt of the stage goes on with both')
        slots = _cluster.wait_for_slots(self.sc, m.workers, m.wait)
        workers = m.workers or max(1, slots)
        rows = self._rows(data, workers)
        judge = self._rows(validation, workers) if validation is not None else None
        approach = self.approach = self._choose(workers, slots, rows)
        if approach == 'barrier' and workers > slots:
            raise errors.StateError('a barrier stage of %d tasks, and %d can run at once: fewer workers, more executors, or '
                                    'approach="aggregate"' % (workers, slots), 'spark')
        model = self.graph.to_bytes('safetensors', updater=True)
        _memory.report(self.sc, approach, workers, self._need(approach, rows, workers, _memory.model_bytes(model, updater)))
        options: Dict[str, Any] = {'updater': updater, 'lr_schedule': lr_schedule, 'l1': l1, 'l2': l2, 'class_weights': class_weights}
        if approach == 'barrier':
            more = dict(seed=seed, shuffle=shuffle, epochs=epochs, early_stopping=early_stopping, run_dir=_text(run_dir))
            try:
                self._fit_barrier(model, rows, judge, workers, {**options, **more}, resume)
            except errors.UnsupportedError as why:  # a library without TLS
                if m.approach != 'auto' or rows.kind != 'features' or run_dir is not None or early_stopping:
                    raise
                _cluster.say('the aggregate approach is taken: %s' % why)
                approach = self.approach = 'aggregate'
        if approach == 'aggregate':
            if rows.kind != 'features' or run_dir is not None or early_stopping:
                raise errors.UnsupportedError('run_dir, early_stopping and folders of images are for the barrier approach', 'spark')
            self._fit_aggregate(model, rows, judge, workers, options, epochs, seed, shuffle, resume)
        return self.graph

    def _trained(self, data: bytes) -> None:
        """The graph is the trained one from here on, for whoever holds it."""
        made = Graph.from_bytes(data, 'safetensors')
        self.graph._owned = made._owned

    def _fit_barrier(self, model: bytes, rows: _barrier.Rows, judge: Optional[_barrier.Rows], workers: int, options: Dict[str, Any],
                     resume: bool) -> None:
        m, broadcast = self.master, self.sc.broadcast(model)
        folder = None
        if m.checkpoint_dir is not None:
            folder = _cluster.path_of(m.checkpoint_dir)
            if not resume:
                folder = fs.join(folder, 'fit-%s' % uuid.uuid4().hex)
            options.update(checkpoint_dir=folder, checkpoint_every=m.checkpoint_every, resume=True)
        options.update(batch=m.batch_size_per_worker, averaging_frequency=m.averaging_frequency, save_updater=m.save_updater,
                       exchange=m.exchange, average=m.average, prefetch=m.prefetch)
        work = _barrier.Work(workers, broadcast, rows, options, judge, _barrier.make_key() if m.encrypt else None, m.port, m.environment,
                             m.setup, m.worker_timeout, m.join_timeout)
        try:
            found = _barrier.run(self.sc, work)
        finally:
            broadcast.destroy()
        self._trained(found.model)
        self.score, self.memory = found.score, found.took
        known = {one['epoch'] for one in self.epochs}
        self.epochs += [one for one in found.epochs if one['epoch'] not in known]
        self._began = found.began
        if folder is not None and not resume:
            fs.remove(folder, recursive=True)

    def _fit_aggregate(self, model: bytes, rows: _barrier.Rows, judge: Optional[_barrier.Rows], workers: int, options: Dict[str, Any],
                       epochs: int, seed: int, shuffle: bool, resume: bool) -> None:
        m = self.master
        at = fs.join(_cluster.path_of(m.checkpoint_dir), 'aggregate.safetensors') if m.checkpoint_dir is not None else None
        if m.checkpoint_dir is not None:
            fs.mkdir(m.checkpoint_dir)
        first = _tensors.Model(model).epoch
        if resume and at is not None:
            try:
                model = fs.read_bytes(at)
            except errors.NotFoundError:
                pass
        if options['class_weights'] == 'balanced':
            options['class_weights'] = _run.balanced(Features(rows.uri).labels, len(self._names()))
        hub = None
        if _hub.wanted(self.sc, workers, _memory.model_bytes(model, options['updater'])):
            hub = _hub.Hub(self.sc, workers, self.sc.getConf().get('spark.driver.host'), m.port, m.environment, m.setup)
        fit = _aggregate.Averaging(self.sc, model, rows.uri, workers, m.batch_size_per_worker, m.averaging_frequency,
                                   m.aggregation_depth, m.save_updater, shuffle, seed, options, m.environment, m.setup, hub)
        try:
            while fit.model.epoch < first + epochs:
                score = fit.epoch()
                self.score, self.memory = fit.score, max(fit.took, self.memory)
                told = {'epoch': fit.model.epoch, 'train_score': score, 'val_score': float('nan'), 'val_accuracy': float('nan')}
                if judge is not None:
                    if hub is not None:
                        hub.pause()
                    self._trained(fit.bytes)
                    told.update(val_score=self.calculate_score(judge.uri), val_accuracy=self.evaluate(judge.uri).accuracy)
                self.epochs.append(told)
                if at is not None:
                    fs.write_bytes(at, fit.bytes)
        finally:
            if hub is not None:
                hub.close()
            self._trained(fit.bytes)

    # ---- evaluating and running

    def _job(self) -> Tuple[_run.Run, Any]:
        """What tasks that run the graph share."""
        broadcast = self.sc.broadcast(self.graph.to_bytes('safetensors'))
        return _run.Run(broadcast, uuid.uuid4().hex, self.master.environment, self.master.setup), broadcast

    def _over(self, data: Any, function: Any) -> List[Any]:
        """What a function of (job, graph, x, y) makes of the data, part by part, in their order."""
        job, broadcast = self._job()
        try:
            if hasattr(data, 'mapPartitions'):
                found = data.mapPartitionsWithIndex(partial(_run.over_elements, job, function, len(self._names()))).collect()
            else:
                uri = _cluster.path_of(data)
                parts = _run.parts_of(uri, self.graph)
                tasks = max(1, min(len(parts), self.sc.defaultParallelism))
                found = self.sc.parallelize(parts, tasks).mapPartitions(partial(_run.over_parts, job, function, uri)).collect()
        finally:
            broadcast.destroy()
        return [what for _, what in sorted(found, key=lambda f: f[0])]

    def evaluate(self, data: Any, top_n: int = 1) -> Evaluation:
        """Counts right and wrong answers over a features store, a folder of images or an RDD."""
        texts = self._over(data, partial(_run.evaluated, top_n))
        if not texts:
            raise errors.InvalidError('there is nothing to evaluate', 'spark')
        found = Evaluation.from_dl4j(texts[0])
        for text in texts[1:]:
            found.merge(Evaluation.from_dl4j(text))
        return found

    def calculate_score(self, data: Any, average: bool = True) -> float:
        """The loss with regularisation in inference mode: the mean over all rows, or with average=False their sum."""
        told = self._over(data, _run.scored)
        rows = sum(n for _, n in told)
        if not rows:
            raise errors.InvalidError('there is nothing to score', 'spark')
        total = float(sum(score for score, _ in told))
        return total / rows if average else total

    def feed_forward_with_key(self, rdd: Any, batch: int = 64) -> Any:
        """An RDD of (key, x) as one of (key, what comes out of the graph), partition by partition."""
        job, _ = self._job()
        return rdd.mapPartitions(partial(_run.fed, job, batch))

    def predict(self, rdd: Any, top: int = 1, batch: int = 64) -> Any:
        """An RDD of x as one of the likeliest classes: [{"class", "index", "probability"}, ...] for each."""
        job, _ = self._job()
        return rdd.mapPartitions(partial(_run.predicted, job, batch, top, self._names()))


def _text(uri: Optional[Path]) -> Optional[str]:
    return None if uri is None else _cluster.path_of(uri)


__all__ = ['SparkComputationGraph']
