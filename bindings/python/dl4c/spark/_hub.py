# SPDX-License-Identifier: Apache-2.0
"""Rounds over connections of tasks to the driver: one stage for a whole training, for executors that need not reach each other.

Tasks connect to the driver and ask for work; what they get is a worker's share of a round with the model before it, and what they give is
the share's vector. Any task does any share, so it does not matter how many of them run: where a connection breaks another one gets the
share. The driver sums in the order of workers. Both sides prove that they know the key that travels with the tasks; links are in the clear.
"""
from __future__ import annotations

import hmac
import os
import pickle
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Deque, Dict, Iterator, List, Optional, Tuple

import numpy as np

from .. import errors
from . import _cluster
from ._aggregate import Round, Told, Unreachable, mean, work

Array = Any
CONNECT = 10.0  # seconds until a driver that does not answer counts as out of reach
ATTEMPTS = 4  # of a stage that ends while it is wanted
_NONCE = 32
_HEAD = struct.Struct('<QQ')


class Link:
    """Messages over a socket: a pickled object and bytes beside it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (('TCP_KEEPIDLE', 10), ('TCP_KEEPINTVL', 5), ('TCP_KEEPCNT', 4), ('TCP_USER_TIMEOUT', 30000)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _fill(self, view: memoryview) -> None:
        at = 0
        while at < len(view):
            n = self.sock.recv_into(view[at:])
            if n == 0:
                raise ConnectionError('the link was closed')
            at += n

    def _take(self, size: int) -> bytearray:
        data = bytearray(size)
        self._fill(memoryview(data))
        return data

    def send(self, what: Any, data: Any = b'') -> None:
        """An object, and bytes."""
        text, view = pickle.dumps(what), memoryview(data).cast('B')
        self.sock.sendall(_HEAD.pack(len(text), len(view)) + text)
        if len(view):
            self.sock.sendall(view)

    def receive(self) -> Tuple[Any, Array]:
        """The same, as the other side sent it. ConnectionError, OSError."""
        size, more = _HEAD.unpack(self._take(_HEAD.size))
        what = pickle.loads(self._take(size))
        data: Array = np.empty(more, np.uint8)
        self._fill(memoryview(data))
        return what, data

    def prove(self, key: bytes, here: bytes, there: bytes) -> bool:
        """Each side shows that it knows the key, before anything else is read. here, there: names of the two."""
        mine = os.urandom(_NONCE)
        self.sock.sendall(mine)
        theirs = bytes(self._take(_NONCE))
        self.sock.sendall(hmac.digest(key, here + mine + theirs, 'sha256'))
        return hmac.compare_digest(bytes(self._take(32)), hmac.digest(key, there + theirs + mine, 'sha256'))

    def close(self) -> None:
        """Ends it; whoever waits for the other side hears of it."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


# ---- a task


@dataclass
class Service:
    """What the tasks have in common."""

    address: Tuple[str, int]
    key: bytes
    environment: Dict[str, str]
    setup: _cluster.Setup


def _connected(job: Service) -> Link:
    link = Link(socket.create_connection(job.address, CONNECT))
    if not link.prove(job.key, b'task', b'driver'):
        link.close()
        raise errors.DeniedError('%s:%d does not know the key of the job' % job.address, 'spark')
    link.sock.settimeout(None)
    return link


def _serve(link: Link) -> None:
    """Does shares until the driver wants no more."""
    model: Any = b''
    while True:
        job, data = link.receive()
        if job is None:
            return
        if len(data):
            model = data.tobytes()
        del data
        try:
            found = work(job[0], job[1], model)
        except _cluster.PASSING:
            raise
        except errors.Error as why:
            link.send(why)
            continue
        if found is None:
            link.send(None)
        else:
            link.send(found[0], found[1])


def serve(job: Service, iterator: Iterator[Any]) -> Iterator[str]:
    """A task. It gives nothing, or why it could not connect."""
    with _cluster.prepared(job.environment, job.setup):
        try:
            link = _connected(job)
        except (OSError, errors.DeniedError) as why:
            yield '%s cannot reach the driver at %s:%d: %s' % (socket.gethostname(), *job.address, why)
            return
        try:
            _serve(link)
        except OSError as why:
            raise errors.PeerError('the driver at %s:%d: %s' % (*job.address, why), 'spark') from None
        finally:
            link.close()


# ---- the driver


class Hub:
    """The driver's side. sc: a SparkContext; n: how many tasks there are at most."""

    def __init__(self, sc: Any, n: int, host: str, port: int, environment: Dict[str, str], setup: _cluster.Setup) -> None:
        self.sc, self.n = sc, n
        self.key = os.urandom(32)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1' if host in ('localhost', '127.0.0.1') else '', _cluster.free_port(port, host)))
        self.listener.listen(128)
        self.service = Service((host, self.listener.getsockname()[1]), self.key, environment, setup)
        self.changed = threading.Condition()
        self.links: List[Link] = []
        self.open = True
        self.queue: Deque[int] = deque()  # workers whose shares nobody does
        self.job: Optional[Round] = None
        self.model: bytes = b''
        self.number = 0  # of the round
        self.found: Dict[int, Optional[Tuple[Told, Array]]] = {}
        self.failed: Optional[BaseException] = None
        self.stages = 0
        self.running = False
        self.ever = False  # a task connected
        threading.Thread(target=self._accept, daemon=True).start()

    # ---- links

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._linked, args=(sock,), daemon=True).start()

    def _linked(self, sock: socket.socket) -> None:
        """Of a connection: gives out shares and takes what comes back, until it breaks or all is over."""
        link, mine = Link(sock), None
        try:
            sock.settimeout(CONNECT)
            if not link.prove(self.key, b'driver', b'task'):
                return
            sock.settimeout(None)
            with self.changed:
                self.links.append(link)
                self.ever = True
            has = 0  # the round whose model the task has
            while True:
                with self.changed:
                    while self.open and not self.queue:
                        self.changed.wait()
                    if not self.open:
                        break
                    mine, number, job, model = self.queue.popleft(), self.number, self.job, self.model
                link.send((job, mine), b'' if has == number else model)
                has = number
                told, data = link.receive()
                with self.changed:
                    if number == self.number:
                        if isinstance(told, Exception):
                            self.failed = told
                        else:
                            self.found[mine] = None if told is None else (told, data.view(np.float32))
                    mine = None
                    self.changed.notify_all()
            link.send(None)
        except Exception:  # the share is anybody's again
            with self.changed:
                if mine is not None and number == self.number:
                    self.queue.appendleft(mine)
                    self.changed.notify_all()
        finally:
            with self.changed:
                if link in self.links:
                    self.links.remove(link)
            link.sock.close()

    # ---- the stage

    def _stage(self) -> None:
        why: Optional[BaseException] = None
        away: List[str] = []
        try:
            tasks = self.sc.parallelize(range(self.n), self.n)
            away = tasks.mapPartitions(partial(serve, self.service)).collect()
        except BaseException as e:
            why = e
        with self.changed:
            self.running = False
            if why is not None:
                self.failed = why
            elif self.open and len(away) == self.n and not self.ever:
                self.failed = Unreachable(away[0])
            self.changed.notify_all()

    def _start(self) -> None:
        """Begins the stage, or begins it again where it ended."""
        if self.stages >= ATTEMPTS:
            raise errors.PeerError('the tasks ended %d times while they were wanted' % self.stages, 'spark')
        self.stages += 1
        self.running = True
        try:
            from pyspark import InheritableThread as Thread  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            Thread = threading.Thread
        self.thread = Thread(target=self._stage, daemon=True)
        self.thread.start()

    def average(self, job: Round, model: bytes) -> Tuple[Array, List[Told]]:
        """A round."""
        job = replace(job, setup=None, environment={})  # the task has them; functions of the user's program are not pickle's
        with self.changed:
            self.number += 1
            self.job, self.model, self.found, self.failed = job, model, {}, None
            self.queue = deque(range(job.workers))
            self.changed.notify_all()
            while len(self.found) < job.workers and self.failed is None:
                if not self.running:
                    self._start()
                self.changed.wait(1.0)
            self.queue.clear()
            if self.failed is not None:
                raise self.failed
            given = [self.found[w] for w in range(job.workers)]
        shares = [share for share in given if share is not None]
        return mean((told.worker, told.weight, vector) for told, vector in shares), [told for told, _ in shares]

    def pause(self, wait: float = 60.0) -> None:
        """Ends the stage, so that its slots are free; the next round begins another one."""
        with self.changed:
            if not self.running:
                return
            self.open = False
            self.changed.notify_all()
        until = time.monotonic() + wait
        self.thread.join(wait)
        while self.links and time.monotonic() < until:
            time.sleep(0.001)
        with self.changed:
            self.open, self.stages = True, 0

    def close(self) -> None:
        """Ends all of it."""
        with self.changed:
            self.open = False
            self.changed.notify_all()
        self.listener.close()
        if self.running:
            self.thread.join(30.0)
        for link in list(self.links):
            link.close()


_SECRET = ('spark.network.crypto.enabled', 'spark.ssl.enabled', 'spark.ssl.rpc.enabled', 'spark.io.encryption.enabled',
           'spark.authenticate.enableSaslEncryption')
LIMIT = 1 << 30  # bytes that workers send to the driver in a round


def wanted(sc: Any, workers: int, model: int) -> bool:
    """Whether rounds over links suit: Spark's own are not encrypted either, and the driver is not sent more than it can well hold."""
    conf = sc.getConf()
    return not any(conf.get(name, 'false') == 'true' for name in _SECRET) and workers * model <= LIMIT


__all__ = ['Hub', 'Link', 'Service', 'serve', 'wanted']
