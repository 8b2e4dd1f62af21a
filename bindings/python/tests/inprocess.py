# SPDX-License-Identifier: Apache-2.0
# A transport in Python whose members are threads of this process, which meet in a room under a URL. Messages are copied by the sender.
import collections
import threading
import time

from dl4c import errors, transport


class Generation:
    def __init__(self, number, members):
        self.number, self.members = number, list(members)
        self.ids = tuple(m.id for m in members)
        self.boxes = collections.defaultdict(collections.deque)
        self.over = ''


class Room:
    def __init__(self):
        self.news = threading.Condition()
        self.members, self.driver, self.closed, self.ids, self.generations = [], None, False, 0, 0

    def form(self, old, size=None):
        """A generation of an old one's members that are ready, and newcomers."""
        stay = [m for m in old.members if m.ready and m in self.members] if old else [self.driver]
        new = [m for m in self.members if m.generation is None and m is not self.driver]
        members = (stay + new)[:size]
        self.generations += 1
        made = Generation(self.generations, members)
        for rank, m in enumerate(members):
            m.generation, m.rank, m.ready = made, rank, False
        self.news.notify_all()


class Seat(transport.Member):
    def __init__(self, room):
        self.room, self.generation, self.rank, self.ready, self.cancelled = room, None, 0, False, False

    def wait(self, until, ready, broken=lambda: False):
        """Until ready() or the deadline, under the lock."""
        while not ready():
            if self.cancelled:
                raise errors.CancelledError('rank %d was cancelled' % self.rank)
            if broken():
                raise errors.PeerError(self.generation.over or 'the group is closed')
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError('the deadline of rank %d passed' % self.rank)
            self.room.news.wait(left)

    def standing(self):
        if self.cancelled:
            raise errors.CancelledError('rank %d was cancelled' % self.rank)
        if self.generation.over:
            raise errors.PeerError(self.generation.over)

    def members(self):
        with self.room.news:
            waiting = [m for m in self.room.members if m.generation is None] if self is self.room.driver else []
            return transport.Members(self.generation.number, self.rank, self.generation.ids, len(waiting))

    def send(self, peer, data, timeout):
        with self.room.news:
            self.standing()
            self.generation.boxes[self.rank, peer].append(bytes(data))
            self.room.news.notify_all()

    def recv(self, peer, room, timeout):
        with self.room.news:
            self.standing()
            box = self.generation.boxes[peer, self.rank]
            self.wait(time.monotonic() + timeout, lambda: box, lambda: self.generation.over)
            data = box.popleft()
            if len(data) != len(room):
                raise errors.CorruptError('rank %d sent %d bytes, %d were wanted' % (peer, len(data), len(room)))
            room[:] = data

    def leave(self, timeout):
        with self.room.news:
            self.room.members.remove(self)
            if self.generation and not self.generation.over:
                self.generation.over = 'rank %d left' % self.rank
            if self is self.room.driver:
                self.room.closed = True
            self.room.news.notify_all()

    def regroup(self, min_size, exclude, timeout):
        with self.room.news:
            old, until = self.generation, time.monotonic() + (timeout or 10.0)
            old.over = old.over or 'generation %d is over' % old.number
            self.ready = True
            self.room.news.notify_all()
            if self is not self.room.driver:
                until += timeout or 10.0
                self.wait(until, lambda: self.generation is not old, lambda: self.room.closed or not self.ready)
                return
            left_out = [old.members[rank] for rank in exclude]
            expected = [m for m in old.members if m in self.room.members and m not in left_out]
            try:
                self.wait(until, lambda: all(m.ready for m in expected if m in self.room.members))
            except TimeoutError:
                pass
            for m in old.members:
                if m in left_out or not m.ready:
                    m.ready = False
            there = sum(m.ready for m in old.members) + sum(m.generation is None for m in self.room.members)
            if there < min_size:
                for m in old.members:
                    m.ready = False
                self.room.news.notify_all()
                raise errors.PeerError('%d members are left, %d are wanted' % (there, min_size))
            self.room.form(old)

    def cancel(self):
        with self.room.news:
            self.cancelled = True
            self.room.news.notify_all()


class InProcess(transport.Transport):
    member = Seat

    def __init__(self):
        self.lock, self.rooms, self.joined = threading.Lock(), {}, 0

    def join(self, url, driver, size, timeout, lost_after):
        with self.lock:
            self.joined += 1
            room = self.rooms.get(url)
            if room is None or room.closed:
                room = self.rooms[url] = Room()
        with room.news:
            if driver and room.driver is not None:
                raise errors.ExistsError('a driver is at %s already' % url)
            me = Seat(room)
            room.ids += 1
            me.id = room.ids
            room.members.append(me)
            if driver:
                room.driver = me
            room.news.notify_all()
            until = time.monotonic() + timeout
            try:
                if driver:
                    me.wait(until, lambda: len(room.members) >= size)
                    room.form(None, size)
                else:
                    me.wait(until, lambda: me.generation is not None)
            except BaseException:
                room.members.remove(me)
                raise
            return me
