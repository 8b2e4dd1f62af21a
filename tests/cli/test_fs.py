# SPDX-License-Identifier: Apache-2.0
# dl4c fs on local directories, and on WebHDFS servers of tests/hdfs where they were built.
# Usage: test_fs.py DL4C [SERVE]
import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from checks import Checks, read, write

dl4c = os.path.abspath(sys.argv[1])
serve = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
checks = Checks(dl4c)
check, run, refuses = checks.check, checks.run, checks.refuses
NAMES = ['a.jpg', 'b.jpg', 'a b', '100%', 'x%41y', 'p+q', 'h#s', 'q?', 's;t&u', '\u00e9t\u00e9', 'em\U0001F600', '[z]', 'a*b', '{c,d}']


def fs(*args, **more):
    return run('fs', *args, '--progress', 'none', **more)[0]


def same(a, b):
    c = filecmp.dircmp(a, b)
    check(not (c.left_only or c.right_only or c.funny_files), '%s and %s differ in names' % (a, b))
    _, differ, errors = filecmp.cmpfiles(a, b, c.common_files, shallow=False)
    check(not differ and not errors, '%s and %s differ in %r' % (a, b, differ + errors))
    for d in c.common_dirs:
        same(os.path.join(a, d), os.path.join(b, d))


def make_tree():
    os.makedirs('src/sub/deep')
    os.mkdir('src/empty')
    for i, name in enumerate(NAMES):
        write('src/' + name, os.urandom(1000 * i))
    write('src/sub/large', os.urandom(3000000))
    write('src/sub/deep/x.jpg', b'x')


def inside(base, query):
    """URIs below base; plain names are encoded where base is a URI."""
    def uri(name):
        if '://' in base:
            name = re.sub(r'[%?]', lambda m: '%%%02X' % ord(m.group()), name)
        return '%s/%s%s' % (base, name, query)
    return uri


def commands(base, query):
    """The same at every place."""
    at = inside(base, query)
    fs('mkdir', at('d/e'), at('t'))
    fs('mkdir', '-p', at('d/e'))
    out = json.loads(fs('put', 'src', at('d'), '--json'))
    size = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk('src') for f in files)
    check(out == {'copied': len(NAMES) + 2, 'skipped': 0, 'failed': 0, 'directories': 4, 'bytes': size}, 'put says %r' % out)
    names = sorted(os.listdir('src'), key=os.fsencode)
    check(fs('ls', at('d/src')).splitlines() == names, 'ls tells %r' % fs('ls', at('d/src')))
    below = fs('ls', '-R', at('d/src')).splitlines()
    check(below.index('sub') < below.index('sub/deep') < below.index('sub/deep/x.jpg') < below.index('sub/large'), '%r' % below)
    row = [line.split() for line in fs('ls', '-lR', at('d/src')).splitlines() if line.endswith(' sub/large')][0]
    check(row[2] == '3000000' and re.fullmatch(r'-[rwx-]{9}', row[0]), 'ls -l says %r' % row)
    check(re.fullmatch(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|-)', row[3]), 'ls -l has the time %s' % row[3])
    check(fs('ls', '-ld', at('d')).startswith('d'), 'ls -d')
    entries = {e['name']: e for e in json.loads(fs('ls', '--json', at('d/src')))['entries']}
    check(list(entries) == names and all(e['size'] == os.path.getsize('src/' + n) for n, e in entries.items() if e['kind'] == 'file'),
          'ls --json tells %r' % entries)
    for name in NAMES[5:8]:
        check(subprocess.run([dl4c, 'fs', 'cat', '--no-glob', entries[name]['uri']], stdout=subprocess.PIPE).stdout == read('src/' + name),
              'cat %s gives other bytes' % name)
    # patterns
    check(fs('ls', at('d/src/*.jpg') if not query else base + '/d/src/?.jpg' + query).count('\n') == 2, 'ls of a pattern')
    check(fs('ls', base + '/d/s*/{a,b}.jpg' + query).count('\n') == 2, 'ls of {}')
    check(fs('ls', base + r'/d/src/a\*b' + query).count('\n') == 1, 'an escaped *')
    refuses('fs', 'ls', at('d/src/*.gif'), says='nothing matches')
    refuses('fs', 'ls', '--no-glob', at('d/src/*.jpg'), says='*.jpg')
    # back
    fs('get', at('d/src'), 'back')
    same('src', 'back')
    shutil.rmtree('back')
    os.mkdir('back')
    out = fs('get', base + '/d/src/[ab].jpg' + query, at('d/src/sub'), 'back', '--threads', '2')
    check(out.startswith('copied 4,') and sorted(os.listdir('back')) == ['a.jpg', 'b.jpg', 'sub'], 'get several: %r' % out)
    shutil.rmtree('back')
    # what is there stays, is resumed, is replaced
    out, err = run('fs', 'put', 'src', at('d'), '--progress', 'none', want=1)
    n = len(NAMES) + 2
    check(out == '' and '--overwrite' in err, 'put says %r %r' % (out, err))
    check(err.endswith('dl4c: %d of %d could not be copied\n' % (n, n)), 'put ends with %r' % err)
    write('src/new', b'new')
    fs('rm', at('d/src/b.jpg'))
    check(fs('put', 'src', at('d'), '--resume').startswith('copied 2, skipped %d,' % (len(NAMES) + 1)), '--resume')
    fs('put', 'src/a b', at('d/src/new'), '--overwrite')
    fs('put', 'src/new', at('d/src/new'), '--overwrite', '--checksum', '--times')
    stat = json.loads(fs('ls', '--json', at('d/src/new')))['entries'][0]
    when = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(os.path.getmtime('src/new')))
    check(stat['mtime'].startswith(when), '--times gave %r, wanted %s' % (stat, when))
    check(fs('put', 'src', at('d'), '--resume', '--checksum').startswith('copied 0,'), '--resume --checksum')
    fs('put', 'src/new', 'src/a b', at('t'))
    check(fs('ls', at('t')) == 'a b\nnew\n', 'put several')
    p = subprocess.run([dl4c, 'fs', 'put', '-', at('t/in'), '--progress', 'none'], input=b'from a pipe', stdout=subprocess.PIPE)
    check(p.returncode == 0 and fs('cat', at('t/in')) == 'from a pipe', 'put -')
    # mv, rm
    fs('mv', at('t/in'), at('t/in2'))
    refuses('fs', 'mv', at('t/in2'), at('t/new'), says='--overwrite')
    fs('mv', at('t/in2'), at('t/new'), '--overwrite')
    fs('mv', base + '/t/*' + query, at('d/e'))
    check(fs('ls', at('t')) == '' and fs('ls', at('d/e')) == 'a b\nnew\n', 'mv of a pattern into a directory')
    refuses('fs', 'mv', at('d/e/new'), 'mem://host/x', says='dl4c fs put')
    refuses('fs', 'rm', at('d'), says='--recursive')
    refuses('fs', 'rm', at('none'), says='none')
    fs('rm', '-f', at('none'), at('d/e/new'))
    fs('rm', '-r', at('d'), at('t'))
    refuses('fs', 'ls', at('d'), says='/d')
    os.remove('src/new')


def usage():
    for args in ((), ('chmod',), ('ls',), ('put', 'x'), ('get', 'x'), ('mv', 'x'), ('ls', '-lX', 'x'),
                 ('put', 'a', 'b', '--threads', '5000'), ('put', '-', 'x', '--resume')):
        refuses('fs', *args, want=2)
    check('put' in run('fs', '--help')[0] and '--resume' in run('fs', 'get', '--help')[0], 'fs --help')
    refuses('fs', 'rm', '-r', '/', says='root')
    refuses('fs', 'rm', '-r', '.', says='not removed')
    refuses('fs', 'cat', 'src', says='src')
    refuses('fs', 'put', 'src', 'src/sub', says='itself')
    refuses('fs', 'put', 'none', 'there', says='none', leaves='there')
    os.symlink('nowhere', 'dangling')
    fs('rm', 'dangling')
    check(not os.path.lexists('dangling'), 'a link to nothing stays')
    _, err = run('fs', 'put', 'src', 'loud', '--progress', 'json')
    last = json.loads(err.splitlines()[-1])
    check(last['stage'] == 'copy' and last['done'] == last['total'] > 3000000, 'progress ends with %r' % last)
    fs('rm', '-r', 'loud')


def interrupted(base, query):
    """130, and nothing under a final name that is not whole."""
    at = inside(base, query)
    write('huge', os.urandom(1 << 20) * 100)
    for number, want in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        p = subprocess.Popen([dl4c, 'fs', 'put', 'huge', at('huge'), '--progress', 'json'], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        for line in p.stderr:
            if json.loads(line)['done'] > 0:
                break
        p.send_signal(number)
        p.communicate()
        check(p.returncode in (0, want), 'put: status %d, wanted %d' % (p.returncode, want))
        # under its name there is all of it, where it was copied faster than it was interrupted, and else nothing at all
        left = json.loads(fs('ls', '--json', base + '/' + query))['entries']
        check([(e['name'], e['size']) for e in left] in ([], [('huge', 100 << 20)]), 'an interrupted put left %r' % left)
        fs('rm', '-f', at('huge'))
    os.remove('huge')


def split(uri):
    """dl4c split lists what lies in HDFS as it does what lies here."""
    for c in ('cat', 'dog'):
        os.makedirs('images/' + c)
        for i in range(5):
            write('images/%s/%d.jpg' % (c, i), b'\xff\xd8%d' % i)
    fs('put', 'images', uri('images'))
    run('split', uri('images'), '--out', 'far')
    run('split', 'images', '--out', 'near')
    same('near', 'far')
    run('split', uri('images'), '--out', uri('lists'))
    fs('get', uri('lists'), 'lists')
    same('near', 'lists')
    fs('rm', '-r', uri('images'), uri('lists'))


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    make_tree()
    usage()
    os.mkdir('place')
    commands('place', '')
    commands('file://' + os.path.abspath('place'), '')
    interrupted('place', '')
    if serve:
        server = subprocess.Popen([serve], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            base = 'webhdfs://127.0.0.1:%d' % int(server.stdout.readline())
            commands(base, '?user.name=alice')
            split(inside(base, '?user.name=alice'))
            os.environ['HADOOP_USER_NAME'] = 'bob'
            commands(base, '')
            interrupted(base, '')
            refuses('fs', 'rm', '-r', base + '/', says='root')
        finally:
            server.communicate(b'')
    else:
        print('skipped: HDFS, which needs libcurl')
sys.exit(1 if checks.failures else 0)
