# SPDX-License-Identifier: Apache-2.0
# What dl4c says about each kind of wrong input: one sentence, status 1 (2 for wrong usage), nothing under
# the final name; and 130 or 143 where a signal ends it. Every program run takes some hundredths of a second.
# Usage: test_wrong_input.py DL4C DRAW_SHAPES MODEL.zip
import io
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zipfile

from checks import Checks, bomb, read, write

dl4c, draw, model = map(os.path.abspath, sys.argv[1:])
checks = Checks(dl4c)
check, run, refuses = checks.check, checks.run, checks.refuses
AT = ('--at', 'block4_pool')
NOISE = bytes((i * 7919 + i // 251) % 256 for i in range(5000))
CLASSES = 3


def store(folder, rows=30, width=16, first=None, change=None, manifest=None):
    """A features store made by other means: safetensors and manifest.json, no _SUCCESS. first: the first feature; change: of the header."""
    x = [0.01 * ((i * 37) % 101) for i in range(rows * width)]
    labels = [i % CLASSES for i in range(rows)]
    if first is not None:
        x[0] = first
    data = struct.pack('<%df' % len(x), *x) + struct.pack('<%dq' % rows, *labels)
    header = {'__metadata__': {'classes': json.dumps(['a', 'b', 'c'])},
              'features': {'dtype': 'F32', 'shape': [rows, width], 'data_offsets': [0, 4 * len(x)]},
              'labels': {'dtype': 'I64', 'shape': [rows], 'data_offsets': [4 * len(x), len(data)]}}
    if change:
        change(header)
    text = json.dumps(header).encode()
    os.makedirs(folder, exist_ok=True)
    write(folder + '/features-00000.safetensors', struct.pack('<Q', len(text)) + text + data)
    write(folder + '/manifest.json', manifest or json.dumps({'shards': [{'name': 'features-00000.safetensors', 'rows': rows}]}).encode())
    return folder


def train(*args):
    return ('train', '--out', 'h.zip', '--epochs', '1') + args


def stores():
    run(*train('--features', store('good')), '--progress', 'none')
    shutil.move('h.zip', 'head.zip')

    def header(**change):
        def apply(h):
            for key, value in change.items():
                h[key].update(value)
        return apply
    for change, says in ((header(features={'dtype': 'F64'}), 'features'), (header(features={'shape': [1 << 40, 1 << 40]}), 'shape'),
                         (header(features={'shape': [-30, 16]}), 'shape'), (header(features={'data_offsets': [0, 1 << 50]}), 'bytes'),
                         (header(labels={'shape': [29]}), 'labels'), (header(__metadata__={'classes': '["a", "b", "a"]'}), '"a"'),
                         (header(__metadata__={'classes': '["a", "b"]'}), 'label 2'), (header(__metadata__={'classes': 7}), '__metadata__'),
                         (header(__metadata__={'paths': '["one"]'}), 'paths'), (lambda h: h.pop('labels'), 'labels')):
        refuses(*train('--features', store('bad', change=change)), says=says, leaves='h.zip')
    for manifest, says in ((b'{', 'manifest.json'), (NOISE, 'manifest.json'), (b'{"shards": []}', 'shards'),
                           (b'{"shards": [{"name": "../good/features-00000.safetensors"}]}', 'name'),
                           (b'{"shards": [{"name": "features-00000.safetensors", "rows": 7}]}', '30 rows'),
                           (b'{"shards": [{"name": "features-00001.safetensors"}]}', 'features-00001')):
        refuses(*train('--features', store('bad', manifest=manifest)), says=says, leaves='h.zip')
    for data in (b'', b'1234', NOISE, read(model), read('good/features-00000.safetensors')[:-1]):
        store('bad')
        write('bad/features-00000.safetensors', data)
        refuses(*train('--features', 'bad'), says='features-00000', leaves='h.zip')
    refuses(*train('--features', 'images'), says='manifest.json', leaves='h.zip')
    refuses(*train('--features', 'head.zip'), says='manifest.json', leaves='h.zip')
    refuses(*train('--features', 'good', '--val', store('wide', width=17)), says='[17]', leaves='h.zip')
    for value, name in ((float('nan'), 'NaN'), (float('inf'), 'Infinity')):
        store('bad', first=value)
        refuses(*train('--features', 'bad'), says='feature 0 of example 0 is %s at iteration' % name, leaves='h.zip')
        refuses(*train('--features', 'good', '--val', 'bad'), says='validation', leaves='h.zip')
    refuses('evaluate', 'head.zip', '--features', store('bad', first=float('nan')), says='NaN')
    refuses('evaluate', 'head.zip', '--features', 'wide')
    refuses('evaluate', model, '--features', 'good')


def training():
    for text, says in ((b'', '0 weights'), (NOISE, 'no text'), (b'1\n2\n', '2 weights'), (b'1\n2\n3\n4\n', 'line 4'), (b'a x\n', 'line 1'),
                       (b'a -1\n', 'line 1'), (b'a nan\n', 'line 1'), (b'zebra 2\n', 'zebra'), (b'a 1\n\na 2\n', 'line 3'),
                       (b'a 1\n2\n', 'line 2'), (b'0\n0\n0\n', 'are 0'), (b'a 1\n\0', 'no text')):
        refuses(*train('--features', 'good', '--class-weights', write('weights', text)), says=says, leaves='h.zip')
    refuses(*train('--features', 'good', '--class-weights', 'nowhere'), says='nowhere', leaves='h.zip')
    run(*train('--features', 'good', '--class-weights', write('weights', b'b 2.5\r\na\t1\r\n')), '--progress', 'none')
    head = zipfile.ZipFile('h.zip').read('configuration.json')
    os.remove('h.zip')
    run(*train('--features', 'good', '--class-weights', write('weights', b'\xef\xbb\xbfb 2.5\n')), '--progress', 'none')
    os.remove('h.zip')
    run(*train('--features', 'good', '--seed', '-1', '--run', 'minus'), '--progress', 'none')
    for of, seed in (('h.zip', json.loads(zipfile.ZipFile('h.zip').read('configuration.json'))['dl4c']['training']['seed']),
                     ('run.json', json.loads(read('minus/run.json'))['seed'])):
        check(seed == -1, '--seed -1 is %r in %s' % (seed, of))
    run('plot', 'minus', '-o', 'minus.svg')
    os.remove('h.zip')
    run(*train('--features', 'good', '--head', write('head.json', head)), '--progress', 'none')
    os.remove('h.zip')
    for data, says in ((b'', 'empty'), (NOISE, 'no known'), (head[:len(head) // 2], 'JSON'), (b'{}', 'vertices'), (read(model), 'takes'),
                       (b'{"a":' * 50000, 'JSON')):
        refuses(*train('--features', 'good', '--head', write('bad.json', data)), says=says, leaves='h.zip')
    refuses(*train('--features', 'wide', '--head', 'head.json'), says='[17]', leaves='h.zip')
    refuses(*train('--features', 'good', '--head', 'head.json', '--dropout', '0.5'), says='--head', leaves='h.zip', want=2)
    refuses(*train('--features', 'good', '--workers', '0'), says='--workers', leaves='h.zip', want=2)
    refuses(*train('--features', 'good', '--averaging-frequency', '0'), says='--averaging-frequency', leaves='h.zip', want=2)
    for updater, says in (('none-such', 'adam'), ('adam:speed=1', 'speed'), ('adam:lr=fast', 'fast'), ('', 'name')):
        refuses(*train('--features', 'good', '--updater', updater), says=says, leaves='h.zip')
    refuses(*train('--features', 'good', '--lr-schedule', 'none-such'), says='step', leaves='h.zip')
    refuses(*train('--features', 'good', '--memory-limit', '30k'), says='limit of 30720', leaves='h.zip')
    # before the work, not after it
    refuses('train', '--features', 'good', '--out', 'h.bin', '--epochs', '1000000', says='.zip', leaves='h.bin')
    refuses('train', '--features', 'good', '--out', 'no/h.zip', '--epochs', '1000000', says='no/h.zip', leaves='no')
    refuses(*train('--features', 'good', '--curve-svg', 'no/c.svg', '--epochs', '1000000'), says='no/c.svg', leaves='h.zip')
    refuses('evaluate', 'head.zip', '--features', 'good', '--errors', 'no/e', says='no/e')
    refuses('run', 'head.zip', '--input', 'nowhere.npy', '--output', 'no/y.npy', says='no/y.npy')


def models():
    whole = read(model)
    parts = {n: zipfile.ZipFile(model).read(n) for n in zipfile.ZipFile(model).namelist()}

    def remade(**change):
        out = io.BytesIO()
        with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
            for name, data in parts.items():
                data = change.get(name.split('.')[0], data)
                if data is not None:
                    z.writestr(name, data)
        return write('bad.zip', out.getvalue())
    weights, text = parts['coefficients.bin'], parts['configuration.json'].decode()
    axes = weights.index(b'LONG') + 4
    many = weights[:axes] + struct.pack('>q', (1 << 62) + 1) + weights[axes + 8:]
    one = re.search(r'"nout" : 8\b', text)
    other = text[:one.start()] + '"nout" : 9' + text[one.end():]
    for change, says in (({'configuration': None}, 'configuration.json'), ({'coefficients': None}, 'coefficients.bin'),
                         ({'coefficients': weights[:9999]}, 'ends after'), ({'coefficients': weights + b'12345678'}, 'goes on'),
                         ({'coefficients': NOISE}, 'array'), ({'coefficients': many}, 'axes'),
                         ({'configuration': b'{}'}, 'vertices'), ({'configuration': NOISE}, 'JSON'),
                         ({'configuration': other}, 'block1_conv2'), ({'configuration': b'{"a": "' + b' ' * 30000000 + b'"}'}, 'at most')):
        refuses('summary', remade(**change), says=says)
    # the central directory lies about the sizes of the weights: offset 20 is the compressed size, 24 the real one
    entries = [m.start() for m in re.finditer(b'PK\x01\x02', whole)]
    entry = next(i for i in entries if whole[i + 46:].startswith(b'coefficients.bin'))
    for offset, size in ((24, 0x7fffffff), (24, 100), (20, 0x7fffffff), (20, 100)):
        lie = bytearray(whole)
        struct.pack_into('<I', lie, entry + offset, size)
        refuses('summary', write('bad.zip', bytes(lie)), says='coefficients.bin')
    refuses('convert', model, 'out.onnx', says='.zip', leaves='out.onnx')
    refuses('convert', model, 'no/out.zip', says='no/out.zip', leaves='no')
    refuses('convert', model, 'images', says='.zip')
    refuses('join', model, '--at', 'block1_pool', 'head.zip', '-o', 'out.zip', says='block1_pool', leaves='out.zip')
    refuses('join', model, '--at', 'none', 'head.zip', '-o', 'out.zip', says='"none"', leaves='out.zip')
    refuses('summary', 'images', says='directory')
    refuses('plot', 'images', '-o', 'x.svg', says='wanted a model or the record of a training', leaves='x.svg')
    out, err = run('compare', model, model, '--image', 'images/star/00000.jpg', '--preprocess-a', 'tf', '--preprocess-b', 'dl4j',
                   '--strict', want=1)
    check('First difference' in out and err.startswith('dl4c: compare: A and B differ first at'), 'compare --strict says %r' % err)


def npy(shape, kind='<f4', data=None):
    text = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (kind, ''.join('%d,' % n for n in shape))
    text += ' ' * (-(len(text) + 11) % 64) + '\n'
    size = 4 if kind == '<f4' else 8
    for n in shape:
        size *= n
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(text)) + text.encode() + (bytes(size) if data is None else data)


def arrays():
    x = npy((2, 16))
    for data, says in ((b'', '.npy'), (NOISE, '.npy'), (x[:100], 'header'), (x[:-5], 'bytes'), (npy((2, 17)), '[2, 17]'),
                       (npy((0, 16)), 'no rows'), (npy((1 << 40, 1 << 40), data=b''), 'memory'), (npy((2, 16), '|O'), '|O')):
        refuses('run', 'head.zip', '--input', write('x.npy', data), '--output', 'y.npy', says=says, leaves='y.npy')
    write('x.npy', x)
    refuses('run', 'head.zip', '--input', 'x.npy', '--output', 'y.npy', '--at', 'none', says='"none"', leaves='y.npy')
    refuses('compare', 'head.zip', 'nowhere', '--input', 'x.npy', says='nowhere')
    refuses('compare', 'head.zip', 'images', '--input', 'x.npy', says='images has no .npy')
    refuses('compare', 'head.zip', 'head.zip', '--input', 'nowhere.npy', says='nowhere.npy')
    for names in (b'predictions\n', b'a b c\n', NOISE):
        refuses('compare', 'head.zip', 'head.zip', '--input', 'x.npy', '--map', write('names', names), says='names')
    refuses('compare', 'head.zip', model, '--input', 'x.npy')
    for labels, says in ((npy((2,), '<i8', struct.pack('<qq', 0, 9)), 'is 9'), (npy((2,), '<i8', struct.pack('<qq', -1, 0)), 'is -1'),
                         (npy((3,), '<i8'), '[3]'), (npy((2, 4)), '[2, 4]'), (NOISE, '.npy')):
        refuses('score', 'head.zip', '--input', 'x.npy', '--labels', write('l.npy', labels), says=says)


def images():
    jpeg = read('images/star/00000.jpg')

    def featurize(folder, *more):
        return ('featurize', model, *AT, '--images', folder, '--out', 'f') + more
    os.makedirs('only/bad')
    write('only/bad/x.jpg', bomb(jpeg))
    refuses(*featurize('only'), says='x.jpg', leaves='f/manifest.json')
    refuses(*featurize('only', '--on-bad-image', 'fail'), says='65535x65535', leaves='f/manifest.json')
    os.makedirs('flat')
    write('flat/x.jpg', jpeg)
    refuses(*featurize('flat'), says='no usable image', leaves='f/manifest.json')
    refuses('split', 'flat', '--out', 'l2', says='flat', leaves='l2')
    refuses('split', 'images', '--out', 'l2', '--train', '0', '--val', '0', '--test', '0', says='all 0', leaves='l2', want=2)
    os.makedirs('lines/a')
    write('lines/a/one\nname.jpg', jpeg)
    refuses('split', 'lines', '--out', 'l2', says='"a/one?name.jpg" has a line end', leaves='l2')
    os.makedirs('tabs/a')
    write('tabs/a/good.jpg', jpeg)
    write('tabs/a/one\ttwo\\.jpg', NOISE)
    run('featurize', model, *AT, '--images', 'tabs', '--out', 'tabs_f', '--bad-list', 'bad.tsv', '--progress', 'none')
    with open('bad.tsv', 'rb') as f:
        bad = f.read()
    check(bad.startswith(b'a/one\\ttwo\\\\.jpg\t') and bad.count(b'\t') == 1 and bad.count(b'\n') == 1,
          'the list of bad images is %r' % bad)
    refuses(*featurize('head.zip'), says='head.zip', leaves='f/manifest.json')
    os.makedirs('lists')
    for text, says in ((b'', 'no image'), (b'\n\n', 'no image'), (NOISE, 'no text'), (b'star/none.jpg\n', 'star/none.jpg'),
                       (b'/etc/passwd\n', '/etc/passwd'), (b'../head.zip\n', '../head.zip'), (b'zebra/0.jpg\n', 'zebra/0.jpg')):
        refuses(*featurize('images', '--list', write('lists/list', text)), says=says, leaves='f/manifest.json')
    run(*featurize('images', '--list', write('lists/list', b'\xef\xbb\xbfstar/00000.jpg\r\n')), '--progress', 'none')
    shutil.rmtree('f')
    write('lists/list', b'star/00000.jpg\n')
    for text, says in ((b'', 'no class'), (NOISE, 'no text'), (b'ring\n', 'star/00000.jpg'), (b'ring\nstar\nring\n', 'ring')):
        write('lists/classes.txt', text)
        refuses(*featurize('images', '--list', 'lists/list'), says=says, leaves='f/manifest.json')
    refuses('featurize', model, '--at', 'block4_pool,block4_pool', '--images', 'images', '--out', 'f3', says='block4_pool',
            leaves='f3')
    refuses('featurize', model, '--at', 'none', '--images', 'images', '--out', 'f3', says='"none"', leaves='f3')
    refuses(*featurize('images', '--size', '7x7'), says='64x64', leaves='f/manifest.json')
    refuses(*featurize('images', '--size', '99999x64'), says='1 to 65535', leaves='f/manifest.json', want=2)
    refuses(*featurize('images', '--preprocess', 'none-such'), says='torchvision', leaves='f/manifest.json')
    for option, wanted in (('--resize', 'pillow'), ('--fit', 'crop'), ('--exif', 'off')):
        refuses(*featurize('images', option, 'none-such'), says=wanted, leaves='f/manifest.json', want=2)
    refuses('featurize', model, '--at', ','.join(map(str, range(65))), '--images', 'images', '--out', 'f3', says='64', leaves='f3', want=2)
    refuses(*featurize('images', '--bad-list', 'no/b'), says='no/b', leaves='f/manifest.json')
    refuses('featurize', model, *AT, '--images', 'images', '--out', 'head.zip', says='head.zip')
    for limit in ('100k', '2m'):
        refuses(*featurize('images', '--memory-limit', limit), says='limit', leaves='f/manifest.json')

    run(*featurize('images'), '--progress', 'none')
    run('train', '--features', 'f', '--out', 'features.zip', '--epochs', '1', '--progress', 'none')
    run('join', model, *AT, 'features.zip', '-o', 'whole.zip')
    refuses('predict', 'features.zip', 'flat/x.jpg', says='--trunk')
    # 64 numbers each
    run('featurize', model, '--at', 'block4_pool', '--pool', 'avg', '--images', 'images', '--out', 'pooled', '--progress', 'none')
    run('featurize', model, '--at', 'fc1', '--images', 'images', '--out', 'fc1', '--progress', 'none')
    run('train', '--features', 'pooled', '--out', 'pooled.zip', '--epochs', '1', '--progress', 'none')
    refuses('evaluate', 'pooled.zip', '--features', 'fc1', says="vertex fc1, the head was trained on those of vertex block4_pool")
    refuses(*train('--features', 'fc1', '--val', 'pooled'), says='vertex block4_pool', leaves='h.zip')
    refuses('predict', 'whole.zip', 'nowhere.jpg', '--out', 'p.jsonl', says='nowhere.jpg', leaves='p.jsonl')
    refuses('predict', 'whole.zip', 'flat/x.jpg', '--out', 'no/p.jsonl', says='no/p.jsonl', leaves='no')
    refuses('predict', 'whole.zip', 'flat/x.jpg', '--preprocess', 'vgg16', says='vgg16')
    refuses('predict', 'whole.zip', '--images', 'nowhere', says='nowhere')
    refuses('predict', 'whole.zip', 'flat/x.jpg', '--list', 'lists/list', says='--images', want=2)
    _, err = run('predict', 'whole.zip', write('noise', NOISE), want=1)
    check('noise: the file' in err, 'predict names no image: %r' % err)
    out, _ = run('predict', 'whole.zip', 'nowhere.jpg', 'flat/x.jpg', '--progress', 'none')
    rows = [json.loads(line) for line in out.splitlines()]
    check(len(rows) == 2 and 'nowhere.jpg' in rows[0]['error'] and rows[1]['error'] is None, 'one bad image of two: %r' % rows)
    os.makedirs('bytes')
    write(b'bytes/\xe9\xff.jpg', jpeg)
    out, _ = run('predict', 'whole.zip', '--images', 'bytes', '--json', '--progress', 'none')
    check(json.loads(out)['path'] == '\ufffd\ufffd.jpg', 'a name that is no UTF-8 is told as %r' % out)
    run('predict', 'whole.zip', 'nowhere.jpg', 'flat/x.jpg', '--out', 'p.csv', '--top', '2', '--progress', 'none')
    rows = read('p.csv').decode().splitlines()
    check(rows[0].startswith('nowhere.jpg,,,,,,,cannot') and rows[1].count(',') == 7 and rows[1].endswith(','), 'CSV: %r' % rows)
    os.remove('p.csv')
    refuses('predict', 'whole.zip', 'nowhere.jpg', 'flat/x.jpg', '--max-bad', '0', says='nowhere.jpg')
    out, _ = run('predict', 'whole.zip', 'only/bad/x.jpg', want=1)
    check('65535' in json.loads(out)['error'], 'a bomb is told as %r' % out)


def full_disk():
    """A file may not grow past the limit; dl4c ignores the signal that would end it."""
    def limit(size):
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    refuses('plot', model, '-o', 'g.svg', before=limit(100), says='g.svg', leaves='g.svg')
    refuses(*train('--features', 'good'), before=limit(300), says='h.zip', leaves='h.zip')
    refuses(*train('--features', 'good', '--run', 'full', '--epochs', '50', '--batch', '1'), before=limit(4000), says='scores.jsonl',
            leaves='h.zip')
    shutil.rmtree('f', ignore_errors=True)
    refuses('featurize', model, *AT, '--images', 'images', '--out', 'f', before=limit(2000), says='safetensors', leaves='f/manifest.json')
    check(os.listdir('f') == [], 'a full disk left %r' % os.listdir('f'))
    refuses('split', 'images', '--out', 'l3', before=limit(20), says='l3', leaves='l3/train.txt')
    for name in os.listdir('.'):
        check(not name.startswith('.'), 'a full disk left ' + name)


def signals():
    """The program is asked to end while it works; training says that it does by its record, the others by their progress."""
    def interrupted(number, want, leaves, *args, ready=None):
        p = subprocess.Popen([dl4c, *args, '--progress', 'json'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if ready:
            checks.wait_for(ready)
        else:
            p.stderr.readline()
        p.send_signal(number)
        _, err = p.communicate()
        said = [line for line in err.decode().splitlines() if not line.startswith('{')]
        check(p.returncode == want, 'dl4c %s: signal %d gives status %d, wanted %d: %r' % (args[0], number, p.returncode, want, said))
        check(len(said) == 1 and 'cancelled' in said[0], 'dl4c %s says after signal %d: %r' % (args[0], number, said))
        check(not os.path.exists(leaves), 'dl4c %s: left %s' % (args[0], leaves))
    for number, want in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        folder = 'signal%d' % number
        interrupted(number, want, 'h.zip', *train('--features', 'good', '--epochs', '1000000', '--run', folder),
                    ready=lambda: os.path.exists(folder + '/epochs.jsonl') and read(folder + '/epochs.jsonl'))
        events = [json.loads(line)['kind'] for line in read(folder + '/events.jsonl').decode().splitlines()]
        check(events == ['start', 'cancelled'], 'a run that was interrupted has the events %r' % events)
        many = os.path.abspath('many')
        shutil.rmtree('f', ignore_errors=True)
        interrupted(number, want, 'f/manifest.json', 'featurize', model, *AT, '--images', many, '--out', 'f', '--batch', '1')
        check(not os.path.exists('f') or os.listdir('f') == [], 'featurize left %r' % os.listdir('f'))
    p = subprocess.Popen([dl4c, 'predict', 'whole.zip', '--images', 'many', '--batch', '1'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    p.send_signal(signal.SIGINT)
    _, err = p.communicate()
    check(p.returncode == 130 and b'cancelled' in err, 'predict: status %d, %r' % (p.returncode, err))


def monitors():
    os.mkdir('run')
    for args in ((), ('run', '--port', '65536'), ('run', '--port', '-1'), ('run', '--port', 'http'),
                 ('run', '--listen', '127.0.0.1:0', '--port', '1')):
        refuses('monitor', *args, want=2)
    refuses('monitor', 'nowhere', says='nowhere')
    refuses('monitor', 'run', write('file', b'x'), says='file is no directory')
    if not re.search(r'^monitor +yes', run('version', '--verbose')[0], re.M):
        refuses('monitor', 'run', says='libmicrohttpd')
        return
    refuses('monitor', 'run', '--listen', '127.0.0.1', says='ADDRESS:PORT')
    refuses('monitor', 'run', '--address', '203.0.113.7', says='203.0.113.7')
    p = subprocess.Popen([dl4c, 'monitor', 'run'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = re.fullmatch(r'http://127\.0\.0\.1:(\d+)/\n', p.stdout.readline()).group(1)
    refuses('monitor', 'run', '--port', port, says='cannot be listened on')
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate()
    check((p.returncode, out, err) == (143, '', ''), 'monitor: status %d, %r' % (p.returncode, err))


def under_a_comma_locale():
    _, err = run(*train('--features', 'good'), '--progress', 'plain', env={'LC_ALL': 'de_DE.UTF-8'})
    check(re.search(r'score \d+\.\d', err) and not re.search(r'\d,\d', err), 'numbers under another locale: %r' % err)
    os.remove('h.zip')


def main():
    if not os.path.exists(model):
        print('skipped: %s is missing' % model)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run([draw, 'images', '--classes', 'ring,star', '--per-class', '4', '--seed', '4'], check=True)
        os.makedirs('many/star')
        for i in range(3000):
            os.link('images/star/00000.jpg', 'many/star/%04d.jpg' % i)
        for part in (stores, training, models, arrays, images, full_disk, signals, monitors, under_a_comma_locale):
            part()
        os.chdir('/')
    print('%d failures' % checks.failures)
    return 1 if checks.failures else 0


sys.exit(main())
