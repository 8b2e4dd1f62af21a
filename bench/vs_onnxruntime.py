#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VGG16 up to a vertex: bench_vgg16 and ONNX Runtime in turn on one machine, medians and ranges of the pairs.

    bench/vs_onnxruntime.py B/bench/bench_vgg16 MODEL.onnx VERTEX [--batch 1 16] [--threads 2] [--rounds 5] [--mask avx2]

ONNX Runtime gets the same file, cut at the same vertex, random pixels of the file's own size. With --mask both are limited: this
library by DL4C_CPU_MASK; ONNX Runtime can't be limited, and its figure is then that of the whole CPU.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def peer(args, batch):
    """One process a run, so that neither side inherits the other's warm caches or threads."""
    code = '''
import sys, time, statistics, json
import numpy as np, onnx, onnxruntime as ort
model, vertex, batch, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
m = onnx.load(model)
node = [n for n in m.graph.node if n.name == vertex or vertex in n.output][0]
del m.graph.output[:]
m.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None))
o = ort.SessionOptions()
o.intra_op_num_threads = threads
o.inter_op_num_threads = 1
s = ort.InferenceSession(m.SerializeToString(), o, providers=['CPUExecutionProvider'])
i = s.get_inputs()[0]
shape = [batch] + [d if isinstance(d, int) else 224 for d in i.shape[1:]]
x = np.random.default_rng(1).normal(0, 60, shape).astype('f4')
for _ in range(2):
    s.run(None, {i.name: x})
times, begin = [], time.perf_counter()
while time.perf_counter() - begin < seconds or len(times) < 3:
    t = time.perf_counter()
    s.run(None, {i.name: x})
    times.append(time.perf_counter() - t)
print(json.dumps({'images_per_s': batch / statistics.median(times)}))
'''
    out = subprocess.run([sys.executable, '-c', code, args.model, args.vertex, str(batch), str(args.threads), str(args.seconds)],
                         check=True, capture_output=True, text=True, env=environment())
    return json.loads(out.stdout)['images_per_s']


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith('OPENBLAS_')}


def ours(args, batch):
    env = environment()
    if args.mask:
        env['DL4C_CPU_MASK'] = args.mask
    out = subprocess.run([args.bench, '--model', args.model, '--at', args.vertex, '--batch', str(batch), '--threads', str(args.threads),
                          '--seconds', str(args.seconds), '--json'], check=True, capture_output=True, text=True, env=env)
    return json.loads(out.stdout)['images_per_s']


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('bench')
    p.add_argument('model')
    p.add_argument('vertex')
    p.add_argument('--batch', type=int, nargs='+', default=[1, 16])
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=4)
    p.add_argument('--mask')
    args = p.parse_args()
    for batch in args.batch:
        a, b = [], []
        for _ in range(args.rounds):
            a.append(ours(args, batch))
            b.append(peer(args, batch))
            time.sleep(0.2)
        ratios = [x / y for x, y in zip(a, b)]
        print(json.dumps({'batch': batch, 'threads': args.threads, 'ours': round(statistics.median(a), 2),
                          'ours_range': [round(min(a), 2), round(max(a), 2)], 'onnxruntime': round(statistics.median(b), 2),
                          'onnxruntime_range': [round(min(b), 2), round(max(b), 2)], 'ratio': round(statistics.median(ratios), 3),
                          'ratio_range': [round(min(ratios), 3), round(max(ratios), 3)], 'mask': args.mask or ''}))


if __name__ == '__main__':
    main()
