# SPDX-License-Identifier: Apache-2.0
# Groups over tcp between hosts, through what happens to hosts: each scenario ends with right means, among those who are left or came back.
# Usage: transport.py SCHEME MEMBER [SCENARIO ...]
import contextlib
import os
import re
import signal
import sys
import tempfile
import time

from hosts import Hosts

PORT = 7070
scheme, member = sys.argv[1], os.path.abspath(sys.argv[2])
SECRET = '00112233445566778899aabbccddeeff' * 2


class Wrong(Exception):
    pass


class Group:
    """A driver on host 1, followers on the others."""

    last = None

    def __init__(self, hosts, size, lost_after_ms, timeout_ms, floats=200000):
        Group.last = self
        self.hosts, self.size = hosts, size
        self.url = '%s://%s:%d' % (scheme, hosts.address(1), PORT)
        self.patience = [str(lost_after_ms), str(timeout_ms), str(floats)]
        self.out, self.started = {}, {}
        for i in range(1, size + 1):
            self.start(i)

    def start(self, i):
        what = ['drive', self.url, str(self.size), '120'] if i == 1 else ['follow', self.url]
        self.out[i] = tempfile.NamedTemporaryFile()
        self.started[i] = self.hosts.start(i, [member, *what, *self.patience], self.out[i])

    def lines(self, i):
        with open(self.out[i].name, errors='replace') as f:
            return f.read().splitlines()

    def sizes(self, i=1):
        """Of the generations that stood at a member, in turn."""
        return [int(m.group(1)) for m in (re.match(r'[\d.]+ stands \d+ (\d+) ', line) for line in self.lines(i)) if m]

    def until(self, what, seconds=20):
        """Waits for what() to hold."""
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                raise Wrong('not within %d s: %s' % (seconds, what.__doc__ or 'the driver saw sizes %s' % self.sizes()))
            time.sleep(0.05)

    def rounds_go_on(self, i=1):
        def rounds():
            found = [line for line in self.lines(i) if ' round ' in line]
            return int(found[-1].split()[-1]) if found else 0
        before = rounds()
        self.until(lambda: rounds() > before)

    def goes_on_with(self, size, seen_by=1):
        self.until(lambda: self.sizes() and self.sizes()[-1] == size)
        self.rounds_go_on(seen_by)

    def has_logged(self, text):
        if not any(text in line for line in self.lines(1)):
            raise Wrong('the log does not say "%s"' % text)

    def was_never_other_than(self, size):
        if self.sizes() != [size]:
            raise Wrong('the driver saw sizes %s' % self.sizes())

    def end(self, gone=()):
        """The driver ends it: all but those who are gone end as they should, and no mean was wrong."""
        self.signal(1, signal.SIGUSR1)
        for i, p in self.started.items():
            if i in gone:
                continue
            p.wait(timeout=60)
            if p.returncode or not any(' done ' in line for line in self.lines(i)):
                raise Wrong('host %d ended with %d' % (i, p.returncode))

    def signal(self, i, number):
        self.started[i].send_signal(number)


@contextlib.contextmanager
def standing(size, lost_after_ms, timeout_ms, spare=0, switch=None, floats=200000):
    """A group that has begun, a member on each host; spare hosts more."""
    with Hosts(size + spare, switch) as h:
        g = Group(h, size, lost_after_ms, timeout_ms, floats)
        g.goes_on_with(size)
        yield g


def killed():
    with standing(4, 2000, 5000) as g:
        g.signal(3, signal.SIGKILL)
        g.goes_on_with(3)
        g.has_logged('lost rank')
        g.end(gone=[3])


def stopped():
    with standing(3, 1500, 5000) as g:
        g.signal(2, signal.SIGSTOP)
        g.goes_on_with(2)
        g.has_logged('nothing was heard')
        g.signal(2, signal.SIGCONT)
        g.goes_on_with(3)
        g.end()


def cut_for_a_moment():
    """Shorter than the time after which a member is lost: nothing happens but that it takes longer."""
    with standing(3, 9000, 15000) as g:
        g.hosts.link(2, False)
        time.sleep(5)
        g.hosts.link(2, True)
        g.rounds_go_on()
        g.end()
        g.was_never_other_than(3)


def cut_and_back():
    with standing(3, 1500, 4000) as g:
        g.hosts.link(3, False)
        g.goes_on_with(2)
        g.hosts.link(3, True)
        g.goes_on_with(3)
        g.end()


def cut_for_good():
    with standing(3, 1500, 4000) as g:
        g.hosts.link(2, False)
        g.goes_on_with(2)
        g.end(gone=[2])


def joined():
    with standing(3, 2000, 5000, spare=1) as g:
        g.start(4)
        g.goes_on_with(4, seen_by=4)
        g.end()


def driver_killed():
    with standing(3, 2000, 5000) as g:
        g.signal(1, signal.SIGKILL)
        g.started[1].wait()
        g.start(1)
        g.goes_on_with(3)
        g.end()


def driver_stopped():
    """To the others it is gone; when it goes on, they come back by themselves."""
    with standing(3, 1500, 5000) as g:
        g.signal(1, signal.SIGSTOP)
        time.sleep(4)
        g.signal(1, signal.SIGCONT)
        g.until(lambda: len(g.sizes()) > 1)
        g.goes_on_with(3)
        g.end()


def far_and_lossy():
    with standing(3, 5000, 20000, switch=(20, 0, 1, 100), floats=20000) as g:
        g.end()
        g.was_never_other_than(3)


def main():
    scenarios = [killed, stopped, cut_for_a_moment, cut_and_back, cut_for_good, joined, driver_killed, driver_stopped, far_and_lossy]
    wanted = sys.argv[3:] or [f.__name__ for f in scenarios]
    failed = 0
    with tempfile.NamedTemporaryFile('w') as key:  # of mode 0600
        key.write(SECRET)
        key.flush()
        os.environ['DL4C_TCP_KEY_FILE'] = key.name
        for scenario in scenarios:
            if scenario.__name__ not in wanted:
                continue
            began = time.monotonic()
            Group.last = None
            try:
                scenario()
                print('%s: right, %.1f s' % (scenario.__name__, time.monotonic() - began))
            except Exception as e:  # whatever it is, what the members said tells more
                failed += 1
                print('%s: %s: %s' % (scenario.__name__, type(e).__name__, e))
                for i in sorted(Group.last.out) if Group.last else []:
                    print('  host %d:\n    %s' % (i, '\n    '.join(Group.last.lines(i)[-25:])))
            sys.stdout.flush()
    sys.exit(failed != 0)


main()
