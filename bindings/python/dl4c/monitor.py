# SPDX-License-Identifier: Apache-2.0
"""Watching trainings in a browser: a web page over the directories that fit's run_dir wrote, while they grow and after."""
from __future__ import annotations

from ctypes import byref, c_void_p
from typing import Optional

from ._core import Handle, Owned, Path, call, encode, names, optional, strings, text
from ._native import lib
from ._native import monitor as c
from .context import Context


class Monitor(Handle):
    """Serves a page with the curves of training runs until it is closed, from a thread of its own.

    runs: run directories, paths or URIs, at least one, each of which must be there; what is in it may come later. listen:
    "ADDRESS:PORT", port 0: any that is free; None: this machine alone. There is no password: whoever reaches the address can read the
    runs. connections: at once, at most; 0: 64.

    NotFoundError: no such directory; InvalidError: none was named, a malformed address; UnsupportedError: built without libmicrohttpd;
    InputOutputError: the address cannot be listened on.
    """

    _noun = 'monitor'

    def __init__(self, *runs: Path, listen: Optional[str] = None, connections: int = 0, context: Optional[Context] = None) -> None:
        which, found = names(runs), c_void_p()
        options = c.dl4c_monitor_options(listen=encode(listen), connections=connections)
        call(lib.dl4c_monitor_open, optional(context), strings(which), len(which), byref(options), byref(found))
        super().__init__(Owned(found, lib.dl4c_monitor_close))

    @property
    def url(self) -> str:
        """Where the page is: "http://127.0.0.1:41234/"."""
        return text(lib.dl4c_monitor_url(self._open))


__all__ = ['Monitor']
