# SPDX-License-Identifier: Apache-2.0
# Featurizing that is interrupted, killed and repeated, and by several processes at once: the store is the one that a single run makes, to
# the byte.
# Usage: test_resume.py DL4C DRAW_SHAPES MODEL.zip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from checks import Checks, read, write

dl4c, draw, model = map(os.path.abspath, sys.argv[1:])
checks = Checks(dl4c)
check, run = checks.check, checks.run
FULL = bool(os.environ.get('DL4C_TEST_FULL'))
random.seed(7)


def featurize(out, *more):
    return ('featurize', model, '--at', 'block3_pool', '--images', 'images', '--out', out, '--shard-size', '5', '--batch', '2',
            '--threads', '1') + more


def start(out, *more):
    return subprocess.Popen([dl4c, *featurize(out, *more)], stderr=subprocess.PIPE)


def tree(folder):
    return {name: read(os.path.join(folder, name)) if os.path.isfile(os.path.join(folder, name)) else None for name in os.listdir(folder)}


def same(folder, what):
    a, b = tree('whole'), tree(folder)
    check(sorted(a) == sorted(b), '%s: %s, wanted %s' % (what, sorted(b), sorted(a)))
    for name in a:
        check(a[name] == b.get(name), '%s: %s is another file' % (what, name))


def killed(seconds):
    """kill -9 at random moments; then what is left is done."""
    for i in range(20 if FULL else 5):
        out = 'killed%d' % i
        for _ in range(2):  # twice: the second one goes on, and is killed as well
            p = start(out, '--resume')
            try:
                p.wait(random.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                p.kill()
            p.communicate()
            check(not os.path.exists(out + '/_SUCCESS') or p.returncode == 0 or json.loads(read(out + '/manifest.json'))['shards'],
                  'a store that says it is finished has a manifest')
        run(*featurize(out, '--resume', '--progress', 'none'))
        same(out, 'killed and resumed, %d' % i)


def interrupted(seconds):
    p = start('interrupted')
    time.sleep(seconds / 2)
    p.send_signal(signal.SIGINT)
    _, err = p.communicate()
    if p.returncode != 0:  # it may have been faster than the signal
        check(p.returncode == 130, 'interrupted: status %d, wanted 130: %s' % (p.returncode, err.decode()))
        check(not os.path.exists('interrupted/_SUCCESS'), 'an interrupted run says it is finished')
        run(*featurize('interrupted', '--resume', '--progress', 'none'))
    same('interrupted', 'interrupted and resumed')


def in_parts(seconds):
    """Three at once, one of them killed and repeated."""
    three = [start('parts', '--part', '%d/3' % (i + 1)) for i in range(3)]
    time.sleep(seconds / 6)
    three[1].kill()
    for p in three:
        _, err = p.communicate()
        check(p.returncode in (0, -9), 'a part ended with %d: %s' % (p.returncode, err.decode()))
    run(*featurize('parts', '--part', '2/3', '--resume', '--progress', 'none'))
    same('parts', 'three parts')


def predicted(out, *more):
    return ('predict', model, '--images', 'images', '--out', out, '--top', '2', '--shard-size', '5', '--batch', '2', '--threads', '1',
            '--progress', 'none') + more


def predictions(seconds):
    """kill -9 and go on; three parts at once, one of them killed and repeated."""
    run(*predicted('whole.jsonl'))
    for i in range(8 if FULL else 3):
        p = subprocess.Popen([dl4c, *predicted('killed.jsonl')])
        time.sleep(random.uniform(0, seconds))
        p.kill()
        p.wait()
        run(*predicted('killed.jsonl', '--resume'))
        check(read('killed.jsonl') == read('whole.jsonl'), 'predict, killed and resumed: another file')
        check(not os.path.exists('killed.jsonl.parts'), 'predict left its parts')
        os.remove('killed.jsonl')
    three = [subprocess.Popen([dl4c, *predicted('parts.jsonl', '--part', '%d/3' % (i + 1))]) for i in range(3)]
    time.sleep(seconds / 6)
    three[2].kill()
    for p in three:
        p.wait()
    run(*predicted('parts.jsonl', '--part', '3/3', '--resume'))
    check(read('parts.jsonl') == read('whole.jsonl'), 'predict in three parts: another file')
    check(not os.path.exists('parts.jsonl.parts'), 'predict left its parts')
    run(*predicted('parts.jsonl', '--resume'))
    first = sorted(os.listdir('images'))[0]
    write('some.txt', ('%s/%s\n' % (first, sorted(os.listdir('images/' + first))[-1])).encode())
    for other, what in ((('--top', '3'), 'top 2, now it is 3'), (('--memory', 'low'), 'memory (none), now it is low'),
                        (('--list', 'some.txt'), 'images and classes')):
        checks.refuses(*predicted('parts.jsonl', '--resume', *other), says='was made with ' + what)
    check(read('parts.jsonl') == read('whole.jsonl'), 'a refused predict changed what is there')


def held():
    """Who comes second says who is at work. The first one is stopped, so that it is there for sure."""
    p = start('held')
    checks.wait_for(lambda: os.path.exists('held/_progress/work.json') or p.poll() is not None)
    p.send_signal(signal.SIGSTOP)
    if p.poll() is None and not os.path.exists('held/_SUCCESS'):
        checks.refuses(*featurize('held', '--resume'), says='process %d on ' % p.pid)
    p.send_signal(signal.SIGCONT)
    p.communicate()
    same('held', 'a store that another wanted')


def refused():
    checks.refuses(*featurize('whole'), says='finished store')
    for bad in ('0/3', '4/3', '1', '1/', '/3', 'a/b', '1/3x', '-1/3'):
        _, err = run(*featurize('never', '--part', bad), want=2)
        check('--part' in err, '--part %s: said %r' % (bad, err))
    run(*featurize('never', '--resume', '--overwrite'), want=2)
    checks.refuses(*featurize('whole', '--resume', '--pool', 'avg'), says='pool')
    check(not os.path.exists('never'), 'a refused run left a folder')


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    subprocess.run([draw, 'images', '--per-class', '24', '--seed', '4'], check=True)
    first = sorted(os.listdir('images'))[0]
    write('images/%s/aaa.jpg' % first, b'no photograph')
    began = time.monotonic()
    run(*featurize('whole', '--progress', 'none'))
    seconds = time.monotonic() - began
    killed(seconds)
    interrupted(seconds)
    in_parts(seconds)
    predictions(seconds)
    held()
    refused()
sys.exit(1 if checks.failures else 0)
