# SPDX-License-Identifier: Apache-2.0
"""Makes the files of the comparison: weights drawn by a fixed seed so that activations keep their size through the network, images that
are smooth with texture, and what a float64 run makes of the first two of them.

    models.py torch DIR NAME...       NAME.pt, NAME.onnx, NAME.input.npy, NAME.reference.npy
    models.py convert DIR NAME...     NAME.ncnn.*, NAME.mnn from NAME.onnx
    models.py arrays DIR NAME...      NAME.npz from NAME.pt, for Keras
    models.py tflite DIR NAME...      NAME.b1.tflite, NAME.b16.tflite from NAME.npz
"""
import os
import subprocess
import sys

import numpy as np


def images(n=32, size=224):
    g = np.random.default_rng(7)
    at = np.linspace(0, 7, size)
    x = np.empty((n, 3, size, size), np.float32)
    for image in x:
        for channel in image:
            grid = g.uniform(0, 255, (8, 8))
            rows = np.stack([np.interp(at, np.arange(8), line) for line in grid])
            channel[:] = np.stack([np.interp(at, np.arange(8), line) for line in rows.T], 1)
    x += 15 * g.standard_normal(x.shape, dtype=np.float32)
    return np.clip(x, 0, 255) - np.array([123.68, 116.779, 103.939], np.float32)[None, :, None, None]


def draw(model):
    import torch
    import torch.nn as nn
    g = torch.Generator().manual_seed(5)
    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            fan = m.weight[0].numel()
            m.weight.data.normal_(0, (2 / fan) ** 0.5, generator=g)
            if m.bias is not None:
                m.bias.data.normal_(0, 0.05, generator=g)
        elif isinstance(m, nn.BatchNorm2d):
            m.weight.data.uniform_(0.5, 1, generator=g)
            m.bias.data.normal_(0, 0.1, generator=g)
            m.running_mean.normal_(0, 0.1, generator=g)
            m.running_var.uniform_(0.5, 1.5, generator=g)


def make(folder, name):
    import torch
    from networks import build
    path = f'{folder}/{name}'
    x = images()
    if name != 'vgg16':
        x /= 60
    np.save(path + '.input.npy', x.astype(np.float32))
    model = build(name).eval()
    with torch.no_grad():
        draw(model)
        torch.save(model.state_dict(), path + '.pt')
        t = torch.from_numpy(x[:2]).float()
        torch.onnx.export(model, t[:1], path + '.onnx', input_names=['x'], output_names=['y'], dynamic_axes={'x': {0: 'n'}, 'y': {0: 'n'}},
                          opset_version=13, dynamo=False)
        np.save(path + '.reference.npy', model.double()(t.double()).reshape(2, -1).numpy())


def convert(folder, name):
    path = os.path.abspath(f'{folder}/{name}')
    scripts = os.path.dirname(sys.executable)
    work = path + '.pnnx'
    os.makedirs(work, exist_ok=True)
    subprocess.run([f'{scripts}/pnnx', path + '.onnx', 'inputshape=[1,3,224,224]', 'fp16=0', f'ncnnparam={path}.ncnn.param',
                    f'ncnnbin={path}.ncnn.bin'], cwd=work, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([f'{scripts}/mnnconvert', '-f', 'ONNX', '--modelFile', path + '.onnx', '--MNNModel', path + '.mnn', '--bizCode', 'b'],
                   check=True, stdout=subprocess.DEVNULL)


def arrays(folder, name):
    import torch
    path = f'{folder}/{name}'
    np.savez(path + '.npz', **{k: v.numpy() for k, v in torch.load(path + '.pt', mmap=True).items()})


def tflite(folder, name):
    import tensorflow as tf
    from networks_keras import build
    path = f'{folder}/{name}'
    for batch in (1, 16):
        with open(f'{path}.b{batch}.tflite', 'wb') as out:
            out.write(tf.lite.TFLiteConverter.from_keras_model(build(path, batch)).convert())


if __name__ == '__main__':
    for each in sys.argv[3:]:
        {'torch': make, 'convert': convert, 'arrays': arrays, 'tflite': tflite}[sys.argv[1]](sys.argv[2], each)
