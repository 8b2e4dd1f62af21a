# SPDX-License-Identifier: Apache-2.0
"""Contexts: threads, memory limit, log. None stands for the library's own, which takes the cores that the process may use."""
from __future__ import annotations

import logging
from ctypes import byref, c_char_p, c_int64, c_void_p
from typing import Any, Dict, Optional, Tuple

from ._core import Handle, Owned, call, optional, text
from ._native import base, lib

LEVELS = {base.DL4C_LOG_ERROR: logging.ERROR, base.DL4C_LOG_WARNING: logging.WARNING, base.DL4C_LOG_INFO: logging.INFO,
          base.DL4C_LOG_DEBUG: logging.DEBUG}


class Context(Handle):
    """Settings that the objects made in it share.

    threads: working threads, the caller's included; 0: as many as affinity and cgroup allow. memory_limit: bytes of all that is allocated
    in it, 0: none; beyond it calls raise LimitError. log: gets the library's lines; None: silent;
    log_level: of `logging`, the chattiest that is delivered. blas: "auto", "own" or "blis".
    InvalidError: a negative count, an unknown blas.

    >>> one = dl4c.Context(threads=1, memory_limit=1 << 30)
    >>> one.threads, dl4c.load('minivgg.zip', context=one).outputs, one.memory[0] > 0
    (1, ['predictions'], True)
    """

    _noun = 'context'

    def __init__(self, threads: int = 0, memory_limit: int = 0, log: Optional[logging.Logger] = None, log_level: int = logging.WARNING,
                 blas: Optional[str] = None) -> None:
        options = base.dl4c_context_options(threads=threads, memory_limit_bytes=memory_limit)
        options.blas = blas.encode() if blas is not None else None
        keep: Any = None
        if log is not None:
            logger = log

            def write(user: Any, level: int, origin: Optional[bytes], message: Optional[bytes]) -> None:
                try:
                    logger.log(LEVELS.get(level, logging.DEBUG), '%s: %s', text(origin), text(message))
                except Exception:  # a log that fails ends nothing: what logging does itself with broken handlers
                    pass
            keep = options.log = base.dl4c_log_fn(write)
            options.log_level = max((ours for ours, theirs in LEVELS.items() if theirs >= log_level), default=base.DL4C_LOG_ERROR)
        found = c_void_p()
        call(lib.dl4c_context_create, byref(options), byref(found))
        super().__init__(Owned(found, lib.dl4c_context_destroy, keep))
        if keep is not None:
            _LOGS.append(keep)

    @property
    def threads(self) -> int:
        """How many threads work for it at most, the caller's included."""
        return int(lib.dl4c_context_threads(self._open))

    @property
    def gemm(self) -> str:
        """What multiplies matrices: "own", or the name of BLIS's kernels ("skx")."""
        return text(lib.dl4c_context_gemm(self._open))

    @property
    def memory(self) -> Tuple[int, int]:
        """Bytes allocated now, and at the highest."""
        return memory(self)


# A context lives until its last object is gone, which may be after its handle: its logger stays callable until then.
_LOGS: list[Any] = []


def memory(context: Optional[Context] = None) -> Tuple[int, int]:
    """Bytes allocated in a context (None: the library's own) now, and at the highest."""
    used, peak = c_int64(), c_int64()
    lib.dl4c_context_memory(optional(context), byref(used), byref(peak))
    return used.value, peak.value


def library_version() -> str:
    """The version of the C library that runs: "0.1.0"."""
    return text(lib.dl4c_version_string())


def build_info() -> Dict[str, str]:
    """What the library was built with and runs on: version, compiler, cpu, kernels, and "yes" or "no" for each optional part: blis, png,
    onnx, curl, hdfs, tls (of the transport tcp), mpi, monitor.

    >>> info = dl4c.build_info()
    >>> info['version'] == dl4c.library_version(), info['hdfs'] in ('yes', 'no')
    (True, True)
    """
    found: Dict[str, str] = {}
    for i in range(lib.dl4c_build_info_count()):
        name, value = c_char_p(), c_char_p()
        call(lib.dl4c_build_info, i, byref(name), byref(value))
        found[text(name.value)] = text(value.value)
    return found


def cpu_kernels() -> str:
    """Which kernels run: "avx512", "avx2" or "generic"."""
    return text(lib.dl4c_cpu_kernels())

