# SPDX-License-Identifier: Apache-2.0
# Training over processes: the bits of threads, over TLS and in the clear; workers that are killed, stopped, come late or have other
# kernels; a leader that is killed and goes on.
# Usage: test_workers.py SCHEME DL4C DRAW_SHAPES MODEL.zip; SCHEME tcp+plain where the library was built without TLS
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile

from checks import Checks, read, write

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import mpirun  # noqa: E402

secure = sys.argv[1] == 'tcp'
dl4c, draw, model = map(os.path.abspath, sys.argv[2:])
checks = Checks(dl4c)
check, run = checks.check, checks.run
TRAIN = ('--features', 'train', '--val', 'val', '--batch', '2', '--averaging-frequency', '2', '--updater', 'adam:lr=1e-3', '--dropout',
         '0.5', '--progress', 'none')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def lines(path):
    return [json.loads(line) for line in read(path).decode().split('\n')[:-1]]


class Cluster:
    """A leader and its workers; who is still there at the end is killed."""

    def __init__(self, scheme, env=None):
        self.url = '%s://127.0.0.1:%d' % (scheme, free_port())
        self.env = dict(os.environ, **(env or {}))
        self.workers, self.leader = [], None

    def __enter__(self):
        return self

    def __exit__(self, *why):
        for p in self.workers + [self.leader]:
            if p and p.poll() is None:
                p.kill()
                p.communicate()

    def work(self, *more, env=None):
        p = subprocess.Popen([dl4c, 'worker', self.url, '--threads', '1', '--join-timeout', '30', '--worker-timeout', '5', *more],
                             stderr=subprocess.PIPE, env=dict(self.env, **(env or {})))
        self.workers.append(p)
        return p

    def lead(self, *more):
        command = [dl4c, 'train', *TRAIN, '--transport', self.url, '--worker-timeout', '5', '--join-timeout', '30', *more]
        self.leader = subprocess.Popen(command, stderr=subprocess.PIPE, env=self.env)

    def end(self, want, *workers):
        """The leader is done, and so are these workers: with status 0."""
        for p, name in [(self.leader, 'the leader')] + [(w, 'a worker') for w in workers]:
            try:
                _, err = p.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                check(False, name + ' is not done after a minute')
                continue
            check(p.returncode == want, '%s ended with %d: %s' % (name, p.returncode, err.decode()))


def account(folder, epochs, rows):
    """Every example of every epoch once, whatever happened."""
    seen = {}
    for s in lines(folder + '/scores.jsonl'):
        seen[s['epoch']] = seen.get(s['epoch'], 0) + s['examples']
    check(seen == {e: rows for e in range(1, epochs + 1)}, '%s: examples by epoch are %r' % (folder, seen))
    return [e['kind'] for e in lines(folder + '/events.jsonl')]


def same_bits(n, key, more=()):
    run('train', *TRAIN, *more, '--epochs', '4', '--workers', str(n), '--out', 'threads.zip')
    for scheme, env in ([('tcp', key)] if secure else []) + [('tcp+plain', {})]:
        with Cluster(scheme, env) as c:
            # Over TLS they are sent their rows, some ahead; in the clear they read the store.
            workers = [c.work(*(('--features', 'nowhere') if scheme == 'tcp' else ())) for _ in range(n)]
            c.lead(*more, '--epochs', '4', '--workers', str(n), '--out', 'processes.zip', '--prefetch', '3')
            c.end(0, *workers)
            check(read('threads.zip') == read('processes.zip'), '%d workers over %s and in threads give other bits' % (n, scheme))
            os.remove('processes.zip')


def spoil(folder, name, at, byte):
    """A copy of the training store with one byte of a file changed."""
    shutil.copytree('train', folder)
    content = bytearray(read('%s/%s' % (folder, name)))
    check(content[at] != byte, '%s: byte %d of %s is %d already' % (folder, at, name, byte))
    content[at] = byte
    write('%s/%s' % (folder, name), bytes(content))


def own_stores(rows):
    """Workers read the rows of their shares where they have the same store, and are sent them where a byte differs: the same bits."""
    shard = read('train/features-00000.safetensors')
    last = -8 * rows - 4  # the least of the last feature's bytes: labels come behind
    shutil.copytree('train', 'copy')
    spoil('spoilt', 'features-00000.safetensors', last, shard[last] ^ 1)  # the manifest is the same: the rows show it
    spoil('other', 'manifest.json', -1, ord(' '))
    run('train', *TRAIN, '--epochs', '3', '--workers', '2', '--out', 'threads.zip')
    for store, reading, said in (('copy', 2, None), ('spoilt', 2, 'has other rows than'), ('other', 0, 'is another store than'),
                                 ('nowhere', 0, 'nowhere')):
        with Cluster('tcp+plain') as c:
            both = [c.work('--features', store) for _ in range(2)]
            c.lead('--epochs', '3', '--workers', '2', '--out', 'stores.zip', '--run', 'run_' + store)
            c.end(0)
            warned = []
            for w in both:
                _, err = w.communicate(timeout=60)
                check(w.returncode == 0, '%s: a worker ended with %d and said %r' % (store, w.returncode, err))
                warned += [line for line in err.decode().splitlines() if 'warning' in line]
        # The one row that differs is in a share of one worker at a time.
        check(len(warned) in (((1, 2) if store == 'spoilt' else (2,)) if said else (0,)) and all(said in line for line in warned),
              '%s: workers said %r' % (store, warned))
        check(read('stores.zip') == read('threads.zip'), 'with the store %s the model has other bits' % store)
        events = [e for e in lines('run_%s/events.jsonl' % store) if e['kind'] in ('rows', 'warning')]
        check(events[0]['message'].startswith('%d of 2 workers read the store' % reading), '%s: the record says %r' % (store, events))
        check(len(events) - 1 == (len(warned) if store == 'spoilt' else 0), '%s: the record says %r' % (store, events))


def by_mpi():
    """All ranks are the same command; one of them writes the model."""
    if not mpirun.LAUNCHER:
        print('without mpirun MPI is not tried')
        return
    run('train', *TRAIN, '--epochs', '4', '--workers', '3', '--out', 'threads.zip')
    status, said = mpirun.run(3, [dl4c, 'train', *TRAIN, '--epochs', '4', '--transport', 'mpi', '--out', 'mpi.zip', '--run', 'mpi'])
    if mpirun.missing(said):
        print('MPI is not tried: ' + mpirun.missing(said))
        return
    check(status == 0, 'mpirun: %d, %s' % (status, said))
    check(read('mpi.zip') == read('threads.zip'), '3 ranks of MPI and 3 threads give other bits')
    p = mpirun.start(3, [dl4c, 'train', *TRAIN, '--epochs', '100000', '--transport', 'mpi', '--out', 'never.zip', '--run', 'never'])
    checks.wait_for(begun('never', 3))
    os.kill(mpirun.pid_of(p, 0), signal.SIGINT)  # wherever in a round it is: all end, although MPI tells nobody that somebody goes
    try:
        said = p.communicate(timeout=60)[0].decode(errors='replace')
    except subprocess.TimeoutExpired:
        p.kill()
        said = 'they did not end: ' + p.communicate()[0].decode(errors='replace')
    check(p.returncode > 0 and 'cancelled' in said, 'a cancelled rank 0: %d, %s' % (p.returncode, said))
    check(not os.path.exists('never.zip'), 'a cancelled training wrote a model')


def begun(folder, epochs):
    return lambda: os.path.exists(folder + '/epochs.jsonl') and len(lines(folder + '/epochs.jsonl')) >= epochs


def lost(rows, how):
    folder = 'lost%d' % how
    with Cluster('tcp+plain') as c:
        workers = [c.work() for _ in range(3)]
        c.lead('--epochs', '60', '--workers', '3', '--out', folder + '.zip', '--run', folder, '--round-timeout', '20')
        checks.wait_for(begun(folder, 5))
        workers[1].send_signal(how)
        if how == signal.SIGSTOP:
            checks.wait_for(lambda: 'worker_lost' in [e['kind'] for e in lines(folder + '/events.jsonl')])
            workers[1].kill()
        late = c.work() if how == signal.SIGKILL else None  # another comes in its place
        c.end(0, workers[0], workers[2], *([late] if late else []))
    kinds = account(folder, 60, rows)
    run('train', *TRAIN, '--epochs', '60', '--replay', folder, '--out', 'again.zip')
    check(read(folder + '.zip') == read('again.zip'), '%s: replayed, it gives another model' % folder)
    check(kinds.count('worker_lost') == 1 and 'round_again' in kinds and kinds.count('worker_joined') == 3 + (late is not None),
          '%s: events %r' % (folder, sorted(set(kinds))))


def late(rows):
    """A worker that hangs longer than a round may take is left behind, although its silence would be forgiven for long."""
    with Cluster('tcp+plain') as c:
        workers = [c.work() for _ in range(3)]
        c.lead('--epochs', '40', '--workers', '3', '--out', 'late.zip', '--run', 'late', '--round-timeout', '1.5', '--worker-timeout',
               '120')
        checks.wait_for(begun('late', 5))
        workers[1].send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        checks.wait_for(lambda: 'worker_lost' in [e['kind'] for e in lines('late/events.jsonl')])
        check(time.monotonic() - stopped < 60, 'a late worker was waited for')
        workers[1].kill()
        c.end(0, workers[0], workers[2])
    account('late', 40, rows)
    said = [e['message'] for e in lines('late/events.jsonl') if e['kind'] == 'round_again']
    check(len(said) == 1 and ('is late' in said[0] or 'deadline' in said[0]), 'the record says of the round: %r' % said)


def leader_killed(rows):
    job = ('--epochs', '40', '--workers', '2', '--out', 'led.zip', '--run', 'led', '--checkpoint', 'kept', '--checkpoint-every', '0.001',
           '--resume')
    run('train', *TRAIN, '--epochs', '40', '--workers', '2', '--out', 'never.zip')
    with Cluster('tcp+plain') as c:
        workers = [c.work() for _ in range(2)]
        for wanted in (5, 20):
            c.lead(*job)
            checks.wait_for(lambda: c.leader.poll() is not None or begun('led', wanted)())
            c.leader.kill()
            check(c.leader.wait() == -9, 'the leader was done before it was killed')
            c.leader.communicate()
        c.lead(*job)
        c.end(0, *workers)
    account('led', 40, rows)
    check(read('led.zip') == read('never.zip'), 'a leader that was killed twice and went on wrote another model')


def scores(folder):
    return [(s['iteration'], s['worker'], s['score']) for s in lines(folder + '/scores.jsonl')]


def parameters(model):
    with zipfile.ZipFile(model) as z:
        return z.read('coefficients.bin')


def gradients_under_other_kernels():
    """The leader makes every step as its workers do: under the lesser set, too, although it has the better one itself."""
    mode = ('--average', 'gradients', '--averaging-frequency', '1', '--epochs', '3', '--workers', '2')
    run('train', *TRAIN, *mode, '--out', 'generic.zip', env={'DL4C_CPU_MASK': 'generic'})
    with Cluster('tcp+plain') as c:
        workers = [c.work(), c.work(env={'DL4C_CPU_MASK': 'generic'})]
        c.lead(*mode, '--out', 'mixed.zip')
        c.end(0, *workers)
    check(parameters('mixed.zip') == parameters('generic.zip'), 'a mean of gradients under mixed kernels gives other bits')


def other_kernels():
    """Two sets of kernels: all use the lesser one, and the bits are those of a run under it."""
    run('train', *TRAIN, '--epochs', '3', '--workers', '2', '--out', 'generic.zip', '--run', 'generic', env={'DL4C_CPU_MASK': 'generic'})
    with Cluster('tcp+plain') as c:
        workers = [c.work(), c.work(env={'DL4C_CPU_MASK': 'generic'})]
        c.lead('--epochs', '3', '--workers', '2', '--out', 'mixed.zip', '--run', 'mixed')
        c.end(0, *workers)
    said = [e['message'] for e in lines('mixed/events.jsonl') if e['kind'] == 'kernels']
    check(said == ['all workers use generic'], 'the record says of kernels: %r' % said)
    check(json.loads(read('mixed/run.json'))['kernels'] == 'generic', 'run.json names other kernels')
    check(scores('mixed') == scores('generic'), 'a run of mixed kernels scores otherwise than one under the lesser set')


def refused(key):
    """A wrong key, none, and nobody there: one sentence each, and the training undisturbed."""
    run('worker', want=2)
    run('worker', 'tcp+plain://127.0.0.1:%d' % free_port(), '--join-timeout', '0.5', want=1)
    if not secure:
        return
    with Cluster('tcp', key) as c:
        good = c.work()
        c.lead('--epochs', '4', '--workers', '1', '--out', 'keyed.zip', '--join-timeout', '20')
        wrong = write('wrong.key', secrets.token_hex(32).encode())
        os.chmod(wrong, 0o600)
        bad = c.work('--join-timeout', '5', env={'DL4C_TCP_KEY_FILE': os.path.abspath(wrong)})
        _, err = bad.communicate(timeout=60)
        check(bad.returncode == 1 and len(err.decode().strip().splitlines()) <= 3, 'a wrong key: %d, %r' % (bad.returncode, err))
        c.end(0, good)
    _, err = run('worker', 'tcp://127.0.0.1:%d' % free_port(), '--join-timeout', '1', '--progress', 'none', want=1)
    check('DL4C_TCP_KEY_FILE' in err, 'without a key: %r' % err)


def main():
    if not os.path.exists(model):
        print('skipped: %s is missing' % model)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run([draw, 'images', '--per-class', '8', '--seed', '4'], check=True)
        run('split', 'images', '--out', 'lists', '--seed', '3')
        for part in ('train', 'val'):
            run('featurize', model, '--at', 'block4_pool', '--images', 'images', '--out', part, '--list', 'lists/%s.txt' % part, '--pool',
                'avg', '--progress', 'none')
        rows = len(read('lists/train.txt').decode().split())
        write('key', secrets.token_hex(32).encode())
        os.chmod('key', 0o600)
        key = {'DL4C_TCP_KEY_FILE': os.path.abspath('key')}
        began = time.monotonic()
        same_bits(2, key)
        same_bits(3, key)
        same_bits(3, key, ('--exchange', 'bf16'))
        same_bits(2, key, ('--average', 'gradients', '--averaging-frequency', '1'))
        own_stores(rows)
        by_mpi()
        lost(rows, signal.SIGKILL)
        lost(rows, signal.SIGSTOP)
        late(rows)
        leader_killed(rows)
        other_kernels()
        gradients_under_other_kernels()
        refused(key)
        print('%.1f s' % (time.monotonic() - began))
    print('%d failures' % checks.failures)
    return checks.failures != 0


sys.exit(main())
