#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/fuzz/corpus anew, but for inputs that once found something (found-*): one small input of each kind.

    tests/fuzz/seeds.py B/tests/fuzz/fuzz_seeds B/tools/draw/draw_shapes
"""
import glob
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')
CUT = b'\n--8<--\n'


def put(target, name, data):
    folder = os.path.join(CORPUS, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


def models(folder):
    for path in sorted(glob.glob(folder + '/*.zip')):
        name = os.path.basename(path)[:-4]
        with open(path, 'rb') as f:
            put('dl4j_zip', name, f.read())
        with zipfile.ZipFile(path) as z:
            names = set(z.namelist())
            entries = [z.read(n) if n in names else b'' for n in ('configuration.json', 'coefficients.bin', 'updaterState.bin')]
        put('dl4j_entries', name, CUT.join(entries))
        put('dl4j_json', name, entries[0][1:])
        put('dl4j_entries', name + '-without-state', CUT.join(entries[:2]))
    for path in sorted(glob.glob(folder + '/*.safetensors')):
        with open(path, 'rb') as f:
            put('safetensors', os.path.basename(path)[:-len('.safetensors')], f.read())
    for path in sorted(glob.glob(folder + '/*.json')):
        with open(path, 'rb') as f:
            put('evaluation', os.path.basename(path)[:-5], f.read())
    for path in sorted(glob.glob(folder + '/*.npy')):
        with open(path, 'rb') as f:
            put('npy', os.path.basename(path)[:-4], f.read())


def png(width, height, colour, depth, rows, extra=b''):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)) + extra
            + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def images(folder, draw):
    subprocess.run([draw, folder + '/drawn', '--per-class', '1', '--seed', '1'], check=True, stdout=subprocess.DEVNULL)
    smallest = min(glob.glob(folder + '/drawn/*/*.jpg'), key=os.path.getsize)
    with open(smallest, 'rb') as f:
        put('image', 'drawn.jpg', f.read())
    put('image', 'grey.png', png(4, 3, 0, 8, (b'\0' + b'\x10\x80\xf0\x33') * 3))
    put('image', 'rgba16.png', png(2, 2, 6, 16, (b'\1' + bytes(16)) * 2))


def field(number, value):
    """One field of a protobuf message: bytes and text by length, integers as varints."""
    def varint(v):
        out = b''
        while True:
            out += bytes([v & 127 | (128 if v > 127 else 0)])
            v >>= 7
            if not v:
                return out
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx(nodes, initialisers, shape, out):
    def info(name, dims):
        dims = b''.join(field(1, field(1, d)) for d in dims)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))
    graph = b''.join(field(1, n) for n in nodes) + field(2, 'g') + b''.join(field(5, i) for i in initialisers)
    graph += field(11, info('x', shape)) + field(12, info(out, [1]))
    return field(1, 7) + field(8, field(1, '') + field(2, 13)) + field(7, graph)


def node(op, inputs, outputs, **attributes):
    def attribute(name, v):
        if isinstance(v, int):
            return field(1, name) + field(3, v) + field(20, 2)
        return field(1, name) + b''.join(field(8, k) for k in v) + field(20, 7)
    return (b''.join(field(1, i) for i in inputs) + b''.join(field(2, o) for o in outputs) + field(3, 'n_' + outputs[0]) + field(4, op)
            + b''.join(field(5, attribute(k, v)) for k, v in attributes.items()))


def tensor(name, dims, values, integers=False):
    data = struct.pack('<%d%s' % (len(values), 'q' if integers else 'f'), *values)
    return b''.join(field(1, d) for d in dims) + field(2, 7 if integers else 1) + field(8, name) + field(9, data)


def onnx_models():
    put('onnx', 'conv', onnx([node('Conv', ['x', 'w'], ['c'], kernel_shape=[3, 3], pads=[1, 1, 1, 1]), node('Relu', ['c'], ['r']),
                              node('GlobalAveragePool', ['r'], ['p']), node('Flatten', ['p'], ['f'], axis=1),
                              node('Gemm', ['f', 'v'], ['y'], transB=1), node('Softmax', ['y'], ['z'], axis=1)],
                             [tensor('w', [2, 1, 3, 3], [0.1] * 18), tensor('v', [2, 2], [1.0, 0.0, 0.5, 2.0])], [1, 1, 4, 4], 'z'))
    put('onnx', 'shape', onnx([node('Shape', ['x'], ['s']), node('Gather', ['s', 'i'], ['n'], axis=0), node('Unsqueeze', ['n', 'a'], ['u']),
                               node('Concat', ['u', 'm'], ['t'], axis=0), node('Reshape', ['x', 't'], ['y'])],
                              [tensor('i', [], [0], True), tensor('a', [1], [0], True), tensor('m', [1], [-1], True)], [1, 2, 2], 'y'))


def stores():
    head = {'__metadata__': {'classes': json.dumps(['a', 'b']), 'paths': json.dumps(['a/1.jpg', 'b/1.jpg'])},
            'features': {'dtype': 'F32', 'shape': [2, 3], 'data_offsets': [0, 24]},
            'labels': {'dtype': 'I64', 'shape': [2], 'data_offsets': [24, 40]}}
    text = json.dumps(head).encode()
    shard = struct.pack('<Q', len(text)) + text + struct.pack('<6f2q', 1, 2, 3, 4, 5, 6, 0, 1)
    name = 'features-00000.safetensors'
    manifest = {'shards': [{'name': name, 'rows': 2, 'sha256': hashlib.sha256(shard).hexdigest()}]}
    put('store', 'two-rows', json.dumps(manifest).encode() + CUT + shard)


def texts():
    for i, text in enumerate(('conv2d:units=4,kernel=3x2,stride=2,padding=1,activation=relu', 'dense:units=3',
                              'max_pool:kernel=2', 'adam:lr=1e-3,beta1=0.9', 'step:decay=0.5,step=10,by=epoch',
                              'torchvision', 'vgg16:fit=crop', 'file:///none', 'shuffle/flip:p=0.5/warp:deltas=1;2;3;4;5;6;7;8,random=on')):
        put('text', 'text-%d' % i, text.encode())


def word(text):
    return struct.pack('>H', len(text)) + text.encode()


def nd4j(shape, values, mode='MIXED_DATA_TYPES', kind='FLOAT'):
    """An array as Nd4j.write leaves it."""
    strides = [1] * len(shape)
    for k in range(len(shape) - 1, 0, -1):
        strides[k - 1] = strides[k] * shape[k]
    numbers = [len(shape), *shape, *strides, 0, 1, ord('c')]
    return (word(mode) + struct.pack('>q', len(numbers)) + word('LONG') + struct.pack('>%dq' % len(numbers), *numbers)
            + word(mode) + struct.pack('>q', len(values)) + word(kind)
            + struct.pack('>%d%s' % (len(values), 'd' if kind == 'DOUBLE' else 'f'), *values))


def arrays():
    x, y = nd4j([2, 3], range(6)), nd4j([2, 2], [1, 0, 0, 1], 'LONG_SHAPE', 'DOUBLE')
    put('dataset', 'features', b'\1' + x)
    put('dataset', 'features-and-labels', b'\3' + x + y)
    put('dataset', 'multi', struct.pack('>ii', 1, 1) + x + y + struct.pack('>ii', 0, 0))
    stats = nd4j([1, 3], [1, 2, 3]) + nd4j([1, 3], [1, 1, 2], kind='DOUBLE')
    head = word('NORMALIZER') + struct.pack('>i', 1)
    put('normalizer', 'standardize', head + word('STANDARDIZE') + b'\1' + stats + stats)
    put('normalizer', 'min-max', head + word('MIN_MAX') + b'\0' + struct.pack('>2d', 0, 1) + stats)
    put('normalizer', 'scaler', head + word('IMAGE_MIN_MAX') + struct.pack('>3d', 0, 1, 255))
    put('normalizer', 'vgg16', head + word('IMAGE_VGG16'))


def records():
    """Runs as dl4c train leaves them, as they are being written, and as disks and hands may make them."""
    def text(*objects):
        return b''.join(json.dumps(o).encode() + b'\n' for o in objects)

    run = text({'format': 1, 'time': 1.5, 'options': {'batch': 8, 'workers': 2}, 'seed': 42})
    scores = text(*({'time': 2 + i, 'epoch': 1, 'round': 1, 'iteration': 1 + i // 2, 'worker': i % 2, 'examples': 8, 'score': 1 / (1 + i),
                     'rate': 100} for i in range(6)))
    epochs = text({'time': 9, 'epoch': 1, 'round': 1, 'iteration': 3, 'examples': 48, 'train_score': 1, 'train_accuracy': 0.5,
                   'val_score': 1, 'val_accuracy': 0.5, 'seconds': 1, 'labels': [[20, 4], [4, 20]], 'label_dispersion': 3.5})
    events = text({'time': 1.5, 'kind': 'start', 'epoch': 0, 'round': None, 'iteration': 0, 'worker': None, 'message': 'up to 1 epoch'},
                  {'time': 9, 'kind': 'end', 'epoch': 1, 'round': None, 'iteration': 3, 'worker': None, 'message': 'kept'})

    def record(first, *files):
        return bytes([first]) + b'\n--8<--\n'.join(f.rstrip(b'\n') for f in files) + b'\n'

    put('record', 'whole', record(255, run, scores, epochs, events))
    put('record', 'half', record(100, run, scores, epochs, events))
    put('record', 'restart', record(255, run, scores + scores, epochs + epochs, events))
    far = text({'iteration': 1, 'score': 1, 'worker': 99}, {'iteration': 1048577, 'score': None})
    put('record', 'jump', record(255, run, far, epochs, events))
    put('record', 'nonsense', record(0, b'[', b'{"iteration": 1e999}\nnull\n\n{}', b'{"epoch": 1, "labels": [[]]}', b'{"kind": 1}'))


def main():
    seeds, draw = (os.path.abspath(p) for p in sys.argv[1:])
    for old in glob.glob(CORPUS + '/*/*'):
        if not os.path.basename(old).startswith('found-'):
            os.unlink(old)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([seeds, folder], check=True)
        models(folder)
        images(folder, draw)
    arrays()
    onnx_models()
    records()
    stores()
    texts()


main()
