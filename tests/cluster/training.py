# SPDX-License-Identifier: Apache-2.0
# A training over tcp between hosts, through what happens to hosts: each scenario ends with a model, every example of every epoch counted
# once, and a record that says what happened.
# Usage: training.py SCHEME DL4C DRAW_SHAPES MODEL.zip [SCENARIO ...]; without names a few, with DL4C_TEST_FULL all.
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from hosts import Hosts

PORT = 7171
scheme = sys.argv[1]
dl4c, draw, model = map(os.path.abspath, sys.argv[2:5])
ROWS = 80  # 8 of each of the ten shapes that draw_shapes knows
KINDS = {'gradients': ['--average', 'gradients', '--averaging-frequency', '1'], 'bf16': ['--exchange', 'bf16']}
SECRET = '00112233445566778899aabbccddeeff' * 2


class Wrong(Exception):
    pass


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return [json.loads(line) for line in f.read().split('\n')[:-1]]


class Training:
    """Led on host 1; a worker on each of the hosts 2 .. n + 1."""

    def __init__(self, hosts, name, n, epochs, lost_after=1.5, *more):
        self.hosts, self.epochs, self.lost_after = hosts, epochs, lost_after
        self.run = os.path.abspath(name)
        self.url = '%s://%s:%d' % (scheme, hosts.address(1), PORT)
        self.job = [dl4c, 'train', '--features', os.path.abspath('../train'), '--batch', '2', '--averaging-frequency', '2', '--updater',
                    'adam', '--epochs', str(epochs), '--workers', str(n), '--transport', self.url, '--out', self.run + '.zip', '--run',
                    self.run, '--worker-timeout', str(lost_after), '--join-timeout', '30', '--progress', 'none', *hosts.more, *more]
        self.out, self.started = {}, {}
        for i in range(2, n + 2):
            self.work(i)
        self.lead()
        self.until('the training begins', lambda: self.done() >= 3)

    def start(self, i, command):
        self.out[i] = tempfile.NamedTemporaryFile()
        self.started[i] = self.hosts.start(i, command, self.out[i])

    def lead(self):
        self.start(1, self.job)

    def work(self, i):
        self.start(i, [dl4c, 'worker', self.url, '--threads', '1', '--join-timeout', '30', '--worker-timeout', str(self.lost_after)])

    def said(self, i):
        with open(self.out[i].name, errors='replace') as f:
            return f.read()

    def done(self):
        return len(lines(self.run + '/epochs.jsonl'))

    def events(self, kind):
        return [e for e in lines(self.run + '/events.jsonl') if e['kind'] == kind]

    def until(self, what, holds, seconds=30):
        end = time.monotonic() + seconds
        while not holds():
            over = self.started[1].poll() is not None
            if over or time.monotonic() > end:
                raise Wrong('%s: not %s, after %d epochs: %s' % (what, 'before the end' if over else 'within %d s' % seconds, self.done(),
                                                                 self.said(1)))
            time.sleep(0.05)

    def goes_on(self):
        before = self.done()
        self.until('the training goes on', lambda: self.done() > before + 1)

    def lost(self, n):
        self.until('%d workers are lost' % n, lambda: len(self.events('worker_lost')) >= n)

    def came(self, n):
        self.until('%d workers have come' % n, lambda: len(self.events('worker_joined')) >= n)

    def signal(self, i, number):
        self.started[i].send_signal(number)

    def end(self, gone=()):
        for i, p in self.started.items():
            if i in gone:
                continue
            p.wait(timeout=120)
            if p.returncode:
                raise Wrong('host %d ended with %d: %s' % (i, p.returncode, self.said(i)))
        seen = {}
        for s in lines(self.run + '/scores.jsonl'):
            seen[s['epoch']] = seen.get(s['epoch'], 0) + s['examples']
        odd = {e: n for e, n in seen.items() if n != ROWS}
        if sorted(seen) != list(range(1, self.epochs + 1)) or odd:
            raise Wrong('%d epochs of %d, and %d of them have not %d examples: %r' % (len(seen), self.epochs, len(odd), ROWS,
                                                                                 list(odd.items())[:3]))
        if not os.path.exists(self.run + '.zip') or len(self.events('end')) != 1:
            raise Wrong('there is no model, or the record has no end')


def killed(h):
    t = Training(h, 'killed', 3, 600)
    t.signal(3, signal.SIGKILL)
    t.lost(1)
    t.goes_on()
    t.end(gone=[3])


def stopped(h):
    t = Training(h, 'stopped', 3, 1200)
    t.signal(3, signal.SIGSTOP)
    t.lost(1)
    t.goes_on()
    t.signal(3, signal.SIGCONT)
    t.came(4)
    t.end()


def cut_for_a_moment(h):
    t = Training(h, 'moment', 3, 600, 12)
    h.link(3, False)
    time.sleep(5)
    h.link(3, True)
    t.goes_on()
    t.end()
    if t.events('worker_lost'):
        raise Wrong('a cut of 5 s lost a worker that may be silent for 12')


def cut_for_good(h):
    t = Training(h, 'cut', 3, 600)
    h.link(4, False)
    t.lost(1)
    t.goes_on()
    t.end(gone=[4])


def joined(h):
    t = Training(h, 'joined', 2, 600)
    t.work(4)
    t.came(3)
    t.end()


def leader_killed(h):
    t = Training(h, 'leader', 3, 400, 1.5, '--checkpoint', os.path.abspath('kept'), '--checkpoint-every', '0.2', '--resume')
    t.signal(1, signal.SIGKILL)
    t.started[1].wait()
    t.lead()
    t.end()
    if len(t.events('resumed')) != 1:
        raise Wrong('the record does not say that the training went on')


def far_and_lossy():
    with Hosts(3, switch=(20, 0, 1, 100)) as h:
        h.more = []
        t = Training(h, 'lossy', 2, 8, 8)
        t.end()
        if t.events('worker_lost'):
            raise Wrong('1 % loss and 20 ms lost a worker')


def between(scenario, kind=None):
    def run():
        with Hosts(4) as h:
            h.more = KINDS.get(kind, [])
            scenario(h)
    return scenario.__name__ + ('_' + kind if kind else ''), run


def prepare():
    quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
    subprocess.run([draw, 'images', '--per-class', '8', '--seed', '4'], check=True, **quiet)
    subprocess.run([dl4c, 'featurize', model, '--at', 'block4_pool', '--pool', 'avg', '--images', 'images', '--out', 'train'], check=True,
                   **quiet)


def main():
    few = [between(killed), between(leader_killed), ('far_and_lossy', far_and_lossy)]
    every = few + [between(s) for s in (stopped, cut_for_a_moment, cut_for_good, joined)]
    every += [between(s, kind) for kind in KINDS for s in (killed, stopped, joined, leader_killed)]
    names = sys.argv[5:] or [name for name, _ in (every if os.environ.get('DL4C_TEST_FULL') else few)]
    wrong = 0
    with Hosts(1):
        pass  # or the test is skipped before anything is made
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open('key', 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as key:
            key.write(SECRET)
        os.environ['DL4C_TCP_KEY_FILE'] = os.path.abspath('key')
        prepare()
        for name, scenario in every:
            if name not in names:
                continue
            began = time.monotonic()
            os.mkdir(name)
            os.chdir(name)
            try:
                scenario()
                print('%s: right, %.1f s' % (name, time.monotonic() - began))
            except Exception as e:  # whatever it is, it is told before the next
                wrong += 1
                print('%s: %s: %s' % (name, type(e).__name__, e))
            sys.stdout.flush()
            os.chdir(folder)
        os.chdir('/')
    return wrong != 0


sys.exit(main())
