# SPDX-License-Identifier: Apache-2.0
"""Where a peer's time goes: milliseconds of each convolution and dense layer of a network, as the peer itself tells them.

    layers.py PEER MODELS NAME BATCH THREADS ROUNDS

What lies between two of them (pooling, changes of layout) counts with the one before, as peers fuse different things. Prints one JSON
object: the layers in order, each as [name, median of the rounds in ms]."""
import json
import os
import statistics
import sys
import tempfile
import time

import numpy as np

from network import ncnn_net

COMPUTE = {'Conv', 'FusedConv', 'Gemm', 'FusedGemm', 'MatMul', 'FusedMatMul',  # ONNX Runtime
           'Convolution', 'GroupConvolution', 'FullyConnected', 'MatMul',     # OpenVINO
           'ConvolutionDepthWise', 'InnerProduct'}                            # ncnn; MNN says Convolution, ConvolutionDepthwise
WARM = 2


def onnxruntime(path, batch, threads, x, rounds):
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = threads, 1
    o.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        o.profile_file_prefix = os.path.join(folder, 'profile')
        s = ort.InferenceSession(path + '.onnx', o, providers=['CPUExecutionProvider'])
        for _ in range(WARM + rounds):
            s.run(None, {s.get_inputs()[0].name: x})
        with open(s.end_profiling(), encoding='utf-8') as f:
            events = json.load(f)
    runs, steps = [], []
    for e in sorted(events, key=lambda e: e['ts'] + e['dur']):
        if e['cat'] == 'Node' and e['name'].endswith('_kernel_time'):
            steps.append((e['name'][:-len('_kernel_time')], e['args']['op_name'], e['dur'] / 1e3))
        elif e['name'] == 'model_run':
            runs.append(steps)
            steps = []
    return runs


def openvino(path, batch, threads, x, rounds):
    import openvino as ov
    core = ov.Core()
    model = core.read_model(path + '.onnx')
    model.reshape(list(x.shape))
    compiled = core.compile_model(model, 'CPU', {'INFERENCE_NUM_THREADS': threads, 'INFERENCE_PRECISION_HINT': 'f32',
                                                 'PERFORMANCE_HINT': 'LATENCY', 'PERF_COUNT': 'YES'})
    request, runs = compiled.create_infer_request(), []
    for _ in range(WARM + rounds):
        request.infer({0: x}, share_inputs=True, share_outputs=True)
        runs.append([(p.node_name, p.node_type, p.real_time.total_seconds() * 1e3) for p in request.profiling_info])
    return runs


def ncnn(path, batch, threads, x, rounds):
    """It tells nothing: outputs of layers are asked for in turn, and each is made from the one before, which is kept."""
    lib, net = ncnn_net(path, threads)
    images = [lib.Mat(image).clone() for image in x]
    with open(path + '.ncnn.param', encoding='utf-8') as f:
        lines = [line.split() for line in f.readlines()[2:]]
    layers = []  # name, type, last output; of a split any one makes it run
    for kind, name, bottoms, tops, *rest in lines:
        if kind != 'Input':
            layers.append((name, kind, rest[int(bottoms) + int(tops) - 1]))
    runs = []
    for _ in range(WARM + rounds):
        steps = [0.0] * len(layers)
        for image in images:  # it has no batches
            e = net.create_extractor()
            e.set_light_mode(False)
            e.input(net.input_names()[0], image)
            for i, (_, _, blob) in enumerate(layers):
                begin = time.perf_counter()
                kept = e.extract(blob, 1)  # 1: in the layout it has
                steps[i] += (time.perf_counter() - begin) * 1e3
                assert kept[0] == 0
        runs.append([(name, kind, ms) for (name, kind, _), ms in zip(layers, steps)])
    return runs


def mnn(path, batch, threads, x, rounds):
    import MNN
    net = MNN.Interpreter(path + '.mnn')
    s = net.createSession({'backend': 'CPU', 'numThread': threads, 'precision': 'high'})
    net.resizeTensor(net.getSessionInput(s), x.shape)
    net.resizeSession(s)
    source = MNN.Tensor(x.shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe)
    runs = []
    for _ in range(WARM + rounds):
        steps, last = [], [0.0]
        net.getSessionInput(s).copyFrom(source)

        def before(tensors, info):
            last[0] = time.perf_counter()
            return True

        def after(tensors, info):
            steps.append((info.getName(), info.getType(), (time.perf_counter() - last[0]) * 1e3))
            return True
        net.runSessionWithCallBackInfo(s, before, after)
        runs.append(steps)
    return runs


PEERS = {'onnxruntime': onnxruntime, 'openvino': openvino, 'ncnn': ncnn, 'mnn': mnn}


def main():
    peer, models, name = sys.argv[1:4]
    batch, threads, rounds = (int(a) for a in sys.argv[4:7])
    x = np.ascontiguousarray(np.load(f'{models}/{name}.input.npy', mmap_mode='r')[:batch])
    runs = PEERS[peer](f'{models}/{name}', batch, threads, x, rounds)[WARM:]
    layers = []
    for i, (name, kind, _) in enumerate(runs[0]):
        ms = statistics.median(run[i][2] for run in runs)
        if kind in COMPUTE or kind == 'ConvolutionDepthwise' or not layers:
            if kind not in COMPUTE and kind != 'ConvolutionDepthwise':
                continue  # before the first one: the input's layout
            layers.append([name, ms])
        else:
            layers[-1][1] += ms
    print(json.dumps({'peer': peer, 'layers': layers}))


if __name__ == '__main__':
    main()
