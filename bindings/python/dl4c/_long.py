# SPDX-License-Identifier: Apache-2.0
"""Long calls: progress, deadline, cancelling by Ctrl-C or a flag, and Python callbacks that raise."""
from __future__ import annotations

import os
import signal
import socket
import threading
from ctypes import byref, c_int32, pointer
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, List, Optional

from ._callbacks import enter, inside, leave
from ._core import Cancel, milliseconds, text
from ._native import base, lib
from .errors import error_of


@dataclass(frozen=True)
class Progress:
    """Where a long call stands. total and percent are 0 where unknown, eta_s is then negative; score is NaN where there is none."""

    stage: str
    done: int
    total: int
    percent: float
    rate: float
    eta_s: float
    epoch: int
    score: float
    bad: int
    bytes: int


ProgressFunction = Callable[[Progress], Any]


class _Watch:
    """While it is entered in the main thread, Ctrl-C sets the flag at once: Python itself would wait until the library comes back. Where
    the main thread is in a callback, KeyboardInterrupt is raised there. Calls made in callbacks join the outer one's watch.

    A host with a handler of its own for SIGINT keeps it, and cancels by a Cancel.
    """

    active: ClassVar[Optional[_Watch]] = None

    def __init__(self, flag: c_int32) -> None:
        self.flag, self.hit = flag, False
        self.flags = [flag]
        self.outer: Optional[_Watch] = None
        self.thread: Optional[threading.Thread] = None

    def _handler(self, number: int, frame: Any) -> None:
        self.hit = True
        if inside():
            raise KeyboardInterrupt

    def _run(self, reader: socket.socket, forward: int) -> None:
        while True:
            data = reader.recv(64)
            if not data or 0 in data:
                return
            if signal.SIGINT in data:
                for flag in list(self.flags):
                    lib.dl4c_cancel_set(byref(flag))
            if forward >= 0:
                try:
                    os.write(forward, data)
                except OSError:
                    pass

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        handler, active = signal.getsignal(signal.SIGINT), _Watch.active
        if active is not None and handler == active._handler:
            self.outer = active
            active.flags.append(self.flag)
            return
        if handler is not signal.default_int_handler:
            return
        self.reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        self.before = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        self.thread = threading.Thread(target=self._run, args=(self.reader, self.before), daemon=True)
        self.thread.start()
        _Watch.active = self
        signal.signal(signal.SIGINT, self._handler)

    def stop(self) -> None:
        if self.outer is not None:
            self.outer.flags = [flag for flag in self.outer.flags if flag is not self.flag]
            self.hit = self.outer.hit
        if self.thread is None:
            return
        _Watch.active = None
        signal.set_wakeup_fd(self.before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.writer.setblocking(True)
        self.writer.sendall(b'\0')
        self.thread.join()
        self.reader.close()
        self.writer.close()


class Call:
    """One long call. Used as `with Call(...) as c: c.options(o); c(lib.function, ...)`.

    An exception of a callback ends the call and comes out of it; Ctrl-C ends it as KeyboardInterrupt.
    """

    def __init__(self, progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None,
                 timeout: Optional[float] = None) -> None:
        if cancel is not None and not isinstance(cancel, Cancel):
            raise TypeError('cancel is %s: a dl4c.Cancel is wanted' % type(cancel).__name__)
        if progress is not None and not callable(progress):
            raise TypeError('progress is %s: a function is wanted' % type(progress).__name__)
        self.progress, self.timeout_ms = progress, milliseconds(timeout)
        self.flag = cancel._flag if cancel is not None else c_int32(0)
        self.pending: Optional[BaseException] = None
        self.kept: List[Any] = []
        self.watch = _Watch(self.flag)

    def __enter__(self) -> Call:
        self.watch.start()
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self.watch.stop()
        if self.watch.hit:
            raise KeyboardInterrupt from None

    def guard(self, kind: Any, function: Callable[..., Any], failed: Any = 1) -> Any:
        """A callback of the library's type: what it raises is kept for the end of the call, and the library told to stop."""
        def run(*arguments: Any) -> Any:
            if self.pending is not None:
                return failed
            try:
                enter()
                try:
                    answer = function(*arguments)
                finally:
                    leave()
            except BaseException as why:  # comes out where the call was made
                self.pending = why
                return failed
            return (1 if answer is True else 0) if failed == 1 else answer
        made = kind(run)
        self.kept.append(made)
        return made

    def _on_progress(self, user: Any, p: Any) -> Any:
        of = p.contents
        assert self.progress is not None
        return self.progress(Progress(text(of.stage), of.done, of.total, of.percent, of.rate, of.eta_s, of.epoch, of.score, of.bad,
                                      of.bytes))

    def options(self, options: Any) -> None:
        """Sets progress, cancel and timeout_ms of an options struct."""
        if self.progress is not None:
            options.progress = self.guard(base.dl4c_progress_fn, self._on_progress)
        options.cancel = pointer(self.flag)
        options.timeout_ms = self.timeout_ms

    def __call__(self, function: Any, *arguments: Any) -> None:
        err = base.dl4c_error()
        status = function(*arguments, byref(err))
        if self.pending is not None:
            raise self.pending
        if status:
            raise error_of(status, err)
