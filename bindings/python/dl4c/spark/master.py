# SPDX-License-Identifier: Apache-2.0
"""How a training is spread over a cluster: the settings of Deeplearning4j's ParameterAveragingTrainingMaster, and those of a cluster."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional

from .._core import Path
from ._cluster import Setup

APPROACHES = ('auto', 'barrier', 'aggregate')
REPARTITION = ('never', 'always', 'num_partitions_workers_differs')


@dataclass
class ParameterAveragingTrainingMaster:
    """Settings of a training in which workers take the mean of their parameters now and then.

    batch_size_per_worker: rows of a minibatch. averaging_frequency: minibatches of each worker between two means. workers: how many tasks
    train; None: as many as run at once. save_updater: the mean of the updater's state is taken too. aggregation_depth: of rounds that are
    jobs, 1: the driver sums; more: executors do, where treeAggregate would have them. repartition: an RDD is dealt out by Spark before it
    is stored ("always"); as rows are shared out evenly in any case, "never" keeps their order.

    approach: "barrier": one stage in which the tasks exchange parameters over connections of their own, encrypted with a key made for the
    job (encrypt=False: in the clear). "aggregate": tasks exchange them with the driver, or by a Spark job for each round where Spark's own
    traffic is encrypted or they cannot reach the driver; for executors that cannot reach each other. "auto": the first where the cluster
    allows it.

    export_dir: a folder that driver and executors see, for RDDs that are trained on. checkpoint_dir: one where a training keeps what a
    second attempt of its stage goes on from, every checkpoint_every seconds and after each epoch; without it that begins anew.
    environment: variables for the tasks; setup: a function each task's process calls once, to register file systems for instance. port:
    where the leader, or the driver, listens; 0: any. wait, join_timeout, worker_timeout: seconds for executors to register, for tasks to
    meet, and until a silent one counts as lost. exchange, average, prefetch: as for dl4c.fit, of the barrier approach.

    >>> from dl4c.spark import ParameterAveragingTrainingMaster
    >>> ParameterAveragingTrainingMaster(batch_size_per_worker=32, approach='aggregate').averaging_frequency
    5
    >>> ParameterAveragingTrainingMaster(approach='ring')
    Traceback (most recent call last):
    ValueError: approach is 'ring': "auto", "barrier", "aggregate" is wanted
    """

    batch_size_per_worker: int = 16
    averaging_frequency: int = 5
    workers: Optional[int] = None
    save_updater: bool = True
    aggregation_depth: int = 2
    repartition: str = 'never'
    approach: str = 'auto'
    encrypt: bool = True
    export_dir: Optional[Path] = None
    checkpoint_dir: Optional[Path] = None
    checkpoint_every: float = 0.0
    environment: Dict[str, str] = field(default_factory=dict)
    setup: Setup = None
    port: int = 0
    wait: float = 60.0
    join_timeout: float = 300.0
    worker_timeout: Optional[float] = None
    exchange: str = 'f32'
    average: str = 'parameters'
    prefetch: int = 0

    def __post_init__(self) -> None:
        for name, least in (('batch_size_per_worker', 1), ('averaging_frequency', 1), ('aggregation_depth', 1)):
            if getattr(self, name) < least:
                raise ValueError('%s is %r: at least %d is wanted' % (name, getattr(self, name), least))
        if self.workers is not None and self.workers < 1:
            raise ValueError('workers is %r: at least 1 is wanted' % self.workers)
        for name, known in (('approach', APPROACHES), ('repartition', REPARTITION)):
            if getattr(self, name) not in known:
                raise ValueError('%s is %r: %s is wanted' % (name, getattr(self, name), ', '.join('"%s"' % k for k in known)))
        if self.approach == 'aggregate' and (self.exchange != 'f32' or self.average != 'parameters'):
            raise ValueError('exchange and average are settings of the barrier approach')


__all__ = ['ParameterAveragingTrainingMaster']
