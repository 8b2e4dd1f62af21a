# SPDX-License-Identifier: Apache-2.0
# --read-ahead: how many images of HDFS are on their way at once; the answers are the same.
# Usage: test_read_ahead.py DL4C DRAW_SHAPES MODEL.zip SERVE
import os
import subprocess
import sys
import tempfile

from checks import Checks, read

dl4c, draw, model, serve = map(os.path.abspath, sys.argv[1:])
checks = Checks(dl4c)
check, run = checks.check, checks.run


def predicted(images, out, *more):
    run('predict', model, '--images', images, '--out', out, '--progress', 'none', *more)
    return read(out)


def at_once(*more):
    """What is made of images in HDFS, and how many the servers sent at once at most."""
    server = subprocess.Popen([serve, '30'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        base = 'webhdfs://127.0.0.1:%d/images' % int(server.stdout.readline())
        run('fs', 'put', 'images', base, '--progress', 'none')
        got = predicted(base, 'far.jsonl', *more)
        run('featurize', model, '--at', 'block3_pool', '--images', base, '--out', 'far', '--overwrite', '--progress', 'none', *more)
    finally:
        most, _ = server.communicate(b'')
    return got, int(most)


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    subprocess.run([draw, 'images', '--per-class', '3', '--seed', '4'], check=True)
    near = predicted('images', 'near.jsonl')
    for ahead in (1, 4):
        far, most = at_once('--read-ahead', str(ahead))
        check(far == near, '--read-ahead %d changes the answers' % ahead)
        check(most == 1 if ahead == 1 else 2 <= most <= 4, '--read-ahead %d: %d at once' % (ahead, most))
    far, most = at_once()
    check(far == near and most > 4, 'without --read-ahead: %d at once' % most)
    for bad in ('-1', '1025', 'many'):
        _, err = run('predict', model, 'images', '--read-ahead', bad, want=2)
        check('--read-ahead' in err, '--read-ahead %s: said %r' % (bad, err))
sys.exit(1 if checks.failures else 0)
