# SPDX-License-Identifier: Apache-2.0
"""Training a softmax head on features in memory: one pass over 8192 examples, SGD with Nesterov's momentum 0.9 and rate 0.01, weights
that begin with 0.

    head.py data FOLDER
    head.py PEER FOLDER BATCH THREADS

The first writes FOLDER/head.x.npy and head.y.npy, which the others and bench_head --data read. PEER: jax, numpy, torch, tensorflow. The
first pass's final loss is in the first line, so that all are seen to train the same."""
import os
import sys

FOLDER = sys.argv[2]
BATCH, THREADS = (int(v) for v in sys.argv[3:5]) if sys.argv[1] != 'data' else (0, 1)
IN, OUT = 4096, 257
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[name] = str(THREADS)

import numpy as np

from turns import serve

ROWS, RATE, MOMENTUM = 8192, 0.01, 0.9


def write():
    g = np.random.default_rng(3)
    y = g.integers(0, OUT, ROWS)
    x = g.standard_normal((ROWS, IN), dtype=np.float32)
    x += 0.3 * g.standard_normal((OUT, IN), dtype=np.float32)[y]
    np.save(f'{FOLDER}/head.x.npy', np.maximum(x, 0))
    np.save(f'{FOLDER}/head.y.npy', y.astype(np.int64))


def data():
    return np.load(f'{FOLDER}/head.x.npy'), np.load(f'{FOLDER}/head.y.npy'), np.zeros((OUT, IN), np.float32)


def with_numpy(x, y, w):
    b, vw, vb, dw, rows = np.zeros(OUT, np.float32), np.zeros_like(w), np.zeros(OUT, np.float32), np.empty_like(w), np.arange(BATCH)
    rate, momentum, share = np.float32(RATE), np.float32(MOMENTUM), np.float32(1 / BATCH)

    def epoch():
        for k in range(0, ROWS, BATCH):
            a, t = x[k:k + BATCH], y[k:k + BATCH]
            p = a @ w.T
            p += b
            p -= p.max(1, keepdims=True)
            np.exp(p, out=p)
            p /= p.sum(1, keepdims=True)
            loss = -np.log(p[rows, t]).mean()
            p[rows, t] -= 1
            p *= share
            np.matmul(p.T, a, out=dw)
            for value, velocity, gradient in ((w, vw, dw), (b, vb, p.sum(0))):
                velocity *= momentum
                velocity += gradient
                gradient *= rate
                value -= gradient
                np.multiply(velocity, rate * momentum, out=gradient)
                value -= gradient
        return float(loss)
    return epoch


def with_torch(x, y, w):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(THREADS)
    layer = torch.nn.Linear(IN, OUT)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(w))
        layer.bias.zero_()
    sgd = torch.optim.SGD(layer.parameters(), RATE, momentum=MOMENTUM, nesterov=True, fused=True)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)

    def epoch():
        for k in range(0, ROWS, BATCH):
            sgd.zero_grad()
            loss = F.cross_entropy(layer(tx[k:k + BATCH]), ty[k:k + BATCH])
            loss.backward()
            sgd.step()
        return float(loss)
    return epoch


def with_jax(x, y, w):
    os.environ['JAX_PLATFORMS'] = 'cpu'
    import jax
    import jax.numpy as jn
    if THREADS == 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tx, ty = jn.array(x), jn.array(y.astype(np.int32))

    def loss_of(p, a, t):
        return -jn.mean(jax.nn.log_softmax(a @ p[0].T + p[1])[jn.arange(BATCH), t])

    def step(state, k):
        p, v = state
        a, t = jax.lax.dynamic_slice_in_dim(tx, k, BATCH), jax.lax.dynamic_slice_in_dim(ty, k, BATCH)
        loss, g = jax.value_and_grad(loss_of)(p, a, t)
        v = tuple(MOMENTUM * i + j for i, j in zip(v, g))
        return (tuple(i - RATE * (j + MOMENTUM * k) for i, j, k in zip(p, g, v)), v), loss
    step = jax.jit(step, donate_argnums=0)
    state = [((jn.array(w), jn.zeros(OUT)), (jn.zeros((OUT, IN)), jn.zeros(OUT)))]

    def epoch():
        s = state[0]
        for k in range(0, ROWS, BATCH):
            s, loss = step(s, k)
        state[0] = s
        return float(loss)
    return epoch


def with_tensorflow(x, y, w):
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tx, ty = tf.constant(x), tf.constant(y)
    tw, tb = tf.Variable(np.ascontiguousarray(w.T)), tf.Variable(tf.zeros(OUT))
    vw, vb = tf.Variable(tf.zeros((IN, OUT))), tf.Variable(tf.zeros(OUT))

    @tf.function
    def step(k):
        a, t = tf.slice(tx, [k, 0], [BATCH, IN]), tf.slice(ty, [k], [BATCH])
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=t, logits=a @ tw + tb))
        dw, db = tape.gradient(loss, [tw, tb])
        vw.assign(MOMENTUM * vw + dw)
        vb.assign(MOMENTUM * vb + db)
        tw.assign_sub(RATE * (dw + MOMENTUM * vw))
        tb.assign_sub(RATE * (db + MOMENTUM * vb))
        return loss
    starts = [tf.constant(k) for k in range(0, ROWS, BATCH)]

    def epoch():
        for k in starts:
            loss = step(k)
        return float(loss)
    return epoch


if __name__ == '__main__' and sys.argv[1] == 'data':
    write()
elif __name__ == '__main__':
    peer = {'numpy': with_numpy, 'torch': with_torch, 'jax': with_jax, 'tensorflow': with_tensorflow}[sys.argv[1]](*data())
    serve('examples', ROWS, peer, loss=peer())
