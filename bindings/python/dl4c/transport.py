# SPDX-License-Identifier: Apache-2.0
"""Groups of members that exchange bytes, over the library's transports or ones written in Python."""
from __future__ import annotations

from ctypes import POINTER, byref, c_char, c_float, c_int32, c_int64, c_uint64, c_void_p, cast, pointer
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ._callbacks import Numbered, fallible, hold, release, silent
from ._core import Cancel, Handle, Owned, call, encode, milliseconds, optional, text
from ._long import Call
from ._native import lib
from ._native import transport as c
from .context import Context

_ANSWERS = (TimeoutError,)
Bytes = Union[bytes, bytearray, memoryview, 'np.ndarray[Any, Any]']


class Members(NamedTuple):
    """Who belongs to a group. generation: from 1. ids: by rank, a number of each member that is never given twice. waiting: at the driver,
    newcomers that wait for the next generation."""

    generation: int
    rank: int
    ids: Tuple[int, ...]
    waiting: int = 0

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.ids)


class Member:
    """A member's end of a group in a transport of one's own. Override members, send and recv; of the rest, what is not overridden is made
    of these (broadcast, barrier), or UnsupportedError (regroup).

    One thread at a time, but for cancel. Times are in seconds. Raise dl4c.errors.PeerError where a member is lost or the generation
    ended, TimeoutError, CancelledError, CorruptError for a message of another size.
    """

    def members(self) -> Members:
        """Who belongs to it now; does not wait."""
        raise NotImplementedError

    def send(self, peer: int, data: memoryview, timeout: float) -> None:
        """Sends a message to a rank; data is the caller's again when it returns."""
        raise NotImplementedError

    def recv(self, peer: int, room: memoryview, timeout: float) -> None:
        """Receives the next message of a rank into room, which it must fill."""
        raise NotImplementedError

    def leave(self, timeout: float) -> None:
        """Says good-bye: to the others this member is lost."""

    def regroup(self, min_size: int, exclude: Sequence[int], timeout: float) -> None:
        """Ends the generation and forms the next: struct dl4c_regroup_options has the rules. timeout 0.0: 10 seconds."""
        raise NotImplementedError

    def broadcast(self, root: int, data: memoryview, timeout: float) -> None:
        """The bytes of root become everyone's, in place."""
        raise NotImplementedError

    def barrier(self, timeout: float) -> None:
        """Returns when all have come."""
        raise NotImplementedError

    def cancel(self) -> None:
        """From any thread: calls under way and later ones raise CancelledError."""
        raise NotImplementedError


class Transport:
    """A transport of one's own. Set member to the class of what join answers: which optional methods that overrides is what it can do."""

    member: Any = Member

    def join(self, url: str, driver: bool, size: int, timeout: float, lost_after: float) -> Member:
        """Joins the group at a URL and waits until all are there. size: at the driver, how many there are to be, else 0."""
        raise NotImplementedError


def _view(address: Optional[int], size: int, write: bool) -> memoryview:
    if not size:
        return memoryview(bytearray() if write else b'')
    view = memoryview((c_char * size).from_address(address or 0)).cast('B')
    return view if write else view.toreadonly()


class _Seat:
    """A member, with what C reads of it."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.ids: Any = None
        self.of: Optional[Tuple[int, ...]] = None


class _Table:
    """The library's table of functions over a Transport."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.transport, self.seats = transport, Numbered()
        self.ops = ops = c.dl4c_transport_ops(name=name.encode())
        kinds: Dict[str, Any] = {f[0]: f[1] for f in ops._fields_}
        ops.join = fallible(kinds['join'], self.join, _ANSWERS)
        ops.leave = silent(kinds['leave'], lambda group, ms: self.seats.pop(group).member.leave(ms / 1000))
        ops.members = silent(kinds['members'], self.members)
        ops.send = fallible(kinds['send'], lambda group, peer, data, size, ms:
                            self.of(group).send(peer, _view(data, size, False), ms / 1000), _ANSWERS)
        ops.recv = fallible(kinds['recv'], lambda group, peer, room, size, ms:
                            self.of(group).recv(peer, _view(room, size, True), ms / 1000), _ANSWERS)
        if self.has('regroup'):
            ops.regroup = fallible(kinds['regroup'], self.regroup, _ANSWERS)
        if self.has('broadcast'):
            ops.broadcast = fallible(kinds['broadcast'], lambda group, root, data, size, ms:
                                     self.of(group).broadcast(root, _view(data, size, True), ms / 1000), _ANSWERS)
        if self.has('barrier'):
            ops.barrier = fallible(kinds['barrier'], lambda group, ms: self.of(group).barrier(ms / 1000), _ANSWERS)
        if self.has('cancel'):
            ops.cancel = silent(kinds['cancel'], lambda group: self.of(group).cancel())

    def has(self, name: str) -> bool:
        return getattr(self.transport.member, name) is not getattr(Member, name)

    def of(self, group: int) -> Member:
        member: Member = self.seats[group].member
        return member

    def join(self, user: Any, options: Any, group: Any) -> None:
        o = options[0]
        member = self.transport.join(text(o.url), bool(o.driver), o.size, o.timeout_ms / 1000, o.lost_after_ms / 1000)
        if not isinstance(member, self.transport.member):
            raise TypeError('join() answered %s: a %s is wanted' % (type(member).__name__, self.transport.member.__name__))
        group[0] = self.seats.add(_Seat(member))

    def members(self, group: int, members: Any) -> None:
        seat, to = self.seats[group], members[0]
        who = seat.member.members()
        if seat.of != tuple(who.ids):
            seat.of = tuple(who.ids)
            seat.ids = (c_uint64 * len(who.ids))(*who.ids)
        to.generation, to.rank, to.size, to.waiting = who.generation, who.rank, len(who.ids), who.waiting
        to.ids = cast(seat.ids, POINTER(c_uint64))

    def regroup(self, group: int, options: Any) -> None:
        o = options[0]
        self.of(group).regroup(o.min_size, o.exclude[:o.n_exclude] if o.n_exclude else [], o.timeout_ms / 1000)


def register(context: Optional[Context], name: str, transport: Transport) -> None:
    """Makes URLs of a scheme those of a transport, in a context (None: the library's own): for Group.join and fit's transport=.

    It lives as long as the context. ExistsError: the name is taken; InvalidError: no name for a transport.
    """
    if not isinstance(transport, Transport):
        raise TypeError('%s is no dl4c.transport.Transport' % type(transport).__name__)
    table = _Table(name, transport)
    call(lib.dl4c_transport_register, optional(context), byref(table.ops), c_void_p(hold(table)), release)


def _room(data: Any, write: bool) -> 'np.ndarray[Any, Any]':
    array = data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint8)
    if not array.flags.c_contiguous or (write and not array.flags.writeable):
        raise ValueError('bytes side by side%s are wanted' % (' that may be written to' if write else ''))
    return array


class Group(Handle):
    """A member's end of a group: Group(url, size=3) at the driver, which becomes rank 0 and gathers so many, Group(url) at the others;
    waits until all are there. One thread at a time, but for cancel(). Times are in seconds.

    url: "threads:NAME", "tcp://HOST:PORT", "mpi:", or of a registered transport. UnsupportedError, InvalidError, TimedOutError,
    ExistsError (a driver is there already). Calls raise PeerError where a member is lost: regroup() then.

    >>> import threading
    >>> def member(size, vector, answers):
    ...     with dl4c.transport.Group('threads:example', size=size, timeout=30) as group:
    ...         answers.append(group.average(np.array(vector, 'f4'))[0].tolist())
    >>> answers = []
    >>> other = threading.Thread(target=member, args=(0, [3, 0], answers))
    >>> other.start()
    >>> member(2, [1, 2], answers)
    >>> other.join()
    >>> answers
    [[2.0, 1.0], [2.0, 1.0]]
    """

    _noun = 'group'

    def __init__(self, url: str, size: int = 0, timeout: Optional[float] = None, lost_after: Optional[float] = None,
                 cancel: Optional[Cancel] = None, context: Optional[Context] = None) -> None:
        found = c_void_p()
        options = c.dl4c_group_options(url=encode(url), driver=int(size > 0), size=size, timeout_ms=milliseconds(timeout),
                                       lost_after_ms=milliseconds(lost_after))
        with Call(cancel=cancel) as long:
            options.cancel = pointer(long.flag)
            long(lib.dl4c_group_join, optional(context), byref(options), byref(found))
        super().__init__(Owned(found, lambda group: lib.dl4c_group_leave(group, 1000)))

    @property
    def members(self) -> Members:
        """Who belongs to it now."""
        m = c.dl4c_members()
        call(lib.dl4c_group_members, self._open, byref(m))
        return Members(m.generation, m.rank, tuple(m.ids[:m.size]), m.waiting)

    def send(self, peer: int, data: Bytes, timeout: float = 10.0) -> None:
        """Sends a message, bytes or an array in C order. It may wait for the peer to receive it."""
        a = _room(data, False)
        call(lib.dl4c_group_send, self._open, peer, c_void_p(a.ctypes.data), a.nbytes, milliseconds(timeout))

    def recv(self, peer: int, room: Union[bytearray, memoryview, 'np.ndarray[Any, Any]'], timeout: float = 10.0) -> None:
        """Receives the next message of a peer into room, which is just as long. CorruptError: it is not."""
        a = _room(room, True)
        call(lib.dl4c_group_recv, self._open, peer, c_void_p(a.ctypes.data), a.nbytes, milliseconds(timeout))

    def sendrecv(self, sends: Sequence[Tuple[int, Bytes]], receives: Sequence[Tuple[int, Any]], timeout: float = 10.0) -> None:
        """All at once: messages to peers, and room for messages of peers."""
        arrays = [(peer, _room(data, False), True) for peer, data in sends] + [(peer, _room(room, True), False) for peer, room in receives]
        messages = (c.dl4c_message * max(1, len(arrays)))()
        empty = (c_char * 1)()
        for m, (peer, a, out) in zip(messages, arrays):
            m.peer, m.size = peer, a.nbytes
            address = a.ctypes.data if a.nbytes else cast(empty, c_void_p).value
            if out:
                m.bytes = address
            else:
                m.room = address
        call(lib.dl4c_group_sendrecv, self._open, messages, len(arrays), milliseconds(timeout))

    def broadcast(self, root: int, data: Union[bytearray, memoryview, 'np.ndarray[Any, Any]'], timeout: float = 10.0) -> None:
        """Every member calls it: the bytes of root become everyone's, in place."""
        a = _room(data, True)
        call(lib.dl4c_group_broadcast, self._open, root, c_void_p(a.ctypes.data), a.nbytes, milliseconds(timeout))

    def barrier(self, timeout: float = 10.0) -> None:
        """Every member calls it: none returns before all have come."""
        call(lib.dl4c_group_barrier, self._open, milliseconds(timeout))

    def regroup(self, min_size: int = 1, exclude: Sequence[int] = (), timeout: Optional[float] = None) -> Members:
        """Ends the generation, for all, and forms the next of survivors and newcomers. exclude: of the driver, ranks to leave behind.

        PeerError: fewer than min_size are left. UnsupportedError: the transport's groups never change.
        """
        ranks = (c_int32 * len(exclude))(*exclude)
        options = c.dl4c_regroup_options(min_size=min_size, n_exclude=len(exclude), timeout_ms=milliseconds(timeout))
        if exclude:
            options.exclude = ranks
        call(lib.dl4c_group_regroup, self._open, byref(options))
        return self.members

    def average(self, vector: 'np.ndarray[Any, Any]', weight: int = 1, half: bool = False, timeout: float = 60.0) -> Tuple[Any, int]:
        """Every member calls it with a float32 vector [n]: their weighted mean, the same bits everywhere, and the sum of the weights.

        half: vectors travel as bfloat16. CorruptError: members' vectors differ in length.
        """
        mine = np.ascontiguousarray(vector, np.float32)
        out, total = np.empty_like(mine), c_int64()
        options = c.dl4c_average_options(weight=weight, timeout_ms=milliseconds(timeout),
                                         exchange=c.DL4C_EXCHANGE_BF16 if half else c.DL4C_EXCHANGE_F32)
        floats = POINTER(c_float)
        call(lib.dl4c_group_average, self._open, byref(options), mine.ctypes.data_as(floats), out.ctypes.data_as(floats), mine.size,
             byref(total))
        return out, total.value

    def cancel(self) -> None:
        """From any thread: calls under way and later ones raise CancelledError, for good."""
        lib.dl4c_group_cancel(self._open)


__all__: List[str] = ['Group', 'Member', 'Members', 'Transport', 'register']
