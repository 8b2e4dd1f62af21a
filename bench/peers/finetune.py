# SPDX-License-Identifier: Apache-2.0
"""A training step of VGG16 with a head of 257 classes: forward, backward, SGD with momentum 0.9.

    finetune.py PEER PART BATCH THREADS

PEER: torch, torch-compile, tensorflow. PART: last (the last block of convolutions and the dense layers) or all. Losses of the first
three steps are in the first line."""
import os
import sys

PEER, PART, BATCH, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = str(THREADS)

import numpy as np

from models import images
from turns import serve

RATE, MOMENTUM = 1e-5, 0.9


def with_torch(x, y, compiled):
    import torch
    import torch.nn.functional as F
    from models import draw
    from networks import vgg16
    torch.set_num_threads(THREADS)
    model = vgg16(257)
    draw(model)
    convolutions = [m for m in model if isinstance(m, torch.nn.Conv2d)]
    if PART == 'last':
        for m in convolutions[:-3]:
            m.requires_grad_(False)
    sgd = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], RATE, momentum=MOMENTUM)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)

    def loss_of(a, t):
        return F.cross_entropy(model(a), t)
    if compiled:
        loss_of = torch.compile(loss_of)

    def step():
        sgd.zero_grad()
        loss = loss_of(tx, ty)
        loss.backward()
        sgd.step()
        return float(loss)
    return step


def with_tensorflow(x, y):
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras
    from networks import VGG16
    at = out = keras.Input((224, 224, 3))
    convolutions = []
    for c in VGG16:
        if c == 'pool':
            out = keras.layers.MaxPooling2D(2)(out)
        else:
            convolutions.append(keras.layers.Conv2D(c, 3, padding='same', activation='relu', kernel_initializer='he_normal'))
            out = convolutions[-1](out)
    out = keras.layers.Flatten()(out)
    for units, activation in ((4096, 'relu'), (4096, 'relu'), (257, None)):
        out = keras.layers.Dense(units, activation=activation, kernel_initializer='he_normal')(out)
    model = keras.Model(at, out)
    if PART == 'last':
        for layer in convolutions[:-3]:
            layer.trainable = False
    model.compile(keras.optimizers.SGD(RATE, MOMENTUM), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    t = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return lambda: float(np.asarray(model.train_on_batch(t, y)).ravel()[0])


if __name__ == '__main__':
    rows, labels = images(BATCH), np.arange(BATCH) * 31 % 257
    work = with_tensorflow(rows, labels) if PEER == 'tensorflow' else with_torch(rows, labels, PEER == 'torch-compile')
    serve('images', BATCH, work, losses=[round(work(), 4) for _ in range(3)])
