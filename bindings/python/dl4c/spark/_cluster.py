# SPDX-License-Identifier: Apache-2.0
"""What the tasks of a job share: slots, addresses, settings of the process that a task runs in, what it took."""
from __future__ import annotations

import os
import resource
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .. import _core, errors

Setup = Optional[Callable[[], Any]]
# What another attempt of a task may mend: somebody is gone, a server did not answer, a port was taken meanwhile.
PASSING = (errors.PeerError, errors.TimedOutError, errors.InputOutputError, errors.ExistsError, errors.BusyError)


def say(text: str) -> None:
    """A line for whoever submitted the job."""
    print('dl4c.spark: ' + text, file=sys.stderr, flush=True)


def context_of(spark: Any) -> Any:
    """The SparkContext of a SparkContext or SparkSession."""
    return spark.sparkContext if hasattr(spark, 'sparkContext') else spark


def slots(sc: Any) -> int:
    """How many tasks run at once on the executors that are there now."""
    scala = sc._jsc.sc()
    try:
        return int(scala.maxNumConcurrentTasks(scala.resourceProfileManager().defaultResourceProfile()))
    except Exception:  # another Spark: its own number, which settings may change
        return int(sc.defaultParallelism)


def wait_for_slots(sc: Any, workers: Optional[int], timeout: float) -> int:
    """Executors register after the application began: waits until so many tasks can run at once, or, where no number is wanted, until no
    more come for three seconds. Returns how many there are."""
    until, found, since = time.monotonic() + timeout, slots(sc), time.monotonic()
    settled = 0.0 if sc.master.startswith('local') else 3.0
    while time.monotonic() < until:
        if workers is not None and found >= workers:
            return found
        if workers is None and found > 0 and time.monotonic() - since >= settled:
            return found
        time.sleep(0.2)
        now = slots(sc)
        if now != found:
            found, since = now, time.monotonic()
    return found


def task_threads() -> int:
    """Threads that a task may use: spark.task.cpus."""
    from pyspark import TaskContext  # type: ignore[import-not-found,unused-ignore]
    task = TaskContext.get()
    return int(task.cpus()) if task is not None and hasattr(task, 'cpus') else 1


@contextmanager
def prepared(environment: Dict[str, str], setup: Setup = None) -> Iterator[None]:
    """A task's process as the job wants it: environment variables while it works, and once what the user's function does."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        if setup is not None and setup not in _DONE:
            setup()
            _DONE.append(setup)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_DONE: List[Any] = []


@contextmanager
def secret(key: Optional[str]) -> Iterator[None]:
    """The job's key in a file that nobody else reads, where the library looks for it. None: links in the clear."""
    if key is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix='dl4c-') as folder:
        path = os.path.join(folder, 'key')
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as f:
            f.write(key + '\n')
        with prepared({'DL4C_TCP_KEY_FILE': path}):
            yield


def free_port(wanted: int, host: str) -> int:
    """A port of this host that nobody listens at, from the one wanted on; 0: any."""
    loopback = host in ('localhost', '127.0.0.1')
    for port in range(wanted, min(65536, wanted + 100)) if wanted else [0]:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(('127.0.0.1' if loopback else '', port))
            except OSError:
                continue
            return int(s.getsockname()[1])
    raise errors.InputOutputError('all of the ports %d to %d are taken on %s' % (wanted, wanted + 99, host), 'spark')


def host_of(address: str) -> str:
    """The host of an executor's "host:port"."""
    return address.rsplit(':', 1)[0]


def leader_url(address: str, key: Optional[str]) -> str:
    """Where the leader listens: on all its addresses, as the name that others reach it by may mean another one to itself."""
    host, port = address.rsplit(':', 1)
    return '%s://%s:%s' % (scheme(key), host if host in ('localhost', '127.0.0.1') else '*', port)


def scheme(key: Optional[str]) -> str:
    """That of URLs of the transport."""
    return 'tcp' if key else 'tcp+plain'


def took() -> int:
    """The most memory this process had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _meet(iterator: Iterator[Any]) -> Iterator[Tuple[int, str]]:
    from pyspark import BarrierTaskContext
    ctx = BarrierTaskContext.get()
    rank, failed = ctx.partitionId(), ''
    host = host_of(ctx.getTaskInfos()[rank].address)
    with socket.socket() as listener:
        listener.bind(('127.0.0.1' if host in ('localhost', '127.0.0.1') else '', 0))
        listener.listen(128)
        for other, address in enumerate(ctx.allGather('%s:%d' % (host, listener.getsockname()[1]))):
            if other != rank and not failed:
                there, port = address.rsplit(':', 1)
                try:
                    socket.create_connection((there, int(port)), timeout=5).close()
                except OSError as why:
                    failed = 'worker %d on %s cannot reach %s: %s' % (rank, host, address, why)
        until = time.monotonic() + 5  # as long as the others try
        for _ in range(len(ctx.getTaskInfos()) - 1):
            listener.settimeout(max(0.01, until - time.monotonic()))
            try:
                listener.accept()[0].close()
            except OSError:
                break
    yield rank, failed


_REACHABLE: Dict[Tuple[str, int], str] = {}


def reachable(sc: Any, workers: int) -> str:
    """Why executors cannot talk to each other; empty: they can. Asked once of an application."""
    key = (sc.applicationId, workers)
    if key not in _REACHABLE:
        told = sc.parallelize(range(workers), workers).barrier().mapPartitions(_meet).collect()
        _REACHABLE[key] = next((why for _, why in sorted(told) if why), '')
    return _REACHABLE[key]


def path_of(uri: Any) -> str:
    """A path or URI as text."""
    found = _core.encode(uri)
    return found.decode('utf-8', 'surrogateescape') if found else ''
