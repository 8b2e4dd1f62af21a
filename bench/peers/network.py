# SPDX-License-Identifier: Apache-2.0
"""Images through a network, in inference, fp32 unless the name says otherwise.

    network.py PEER MODELS NAME BATCH THREADS

PEER: onnxruntime, openvino, openvino-bf16, ncnn, mnn, litert, torch, torch-compile, tensorflow. MODELS holds NAME in the peer's form
and NAME.input.npy, [32, 3, h, w]; made by models.py. The result of the first run is written to NAME.PEER.npy, to be compared."""
import importlib
import sys
import time

import numpy as np

from turns import serve


def onnxruntime(path, batch, threads, x):
    import onnxruntime as ort
    o = ort.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = threads, 1
    s = ort.InferenceSession(path + '.onnx', o, providers=['CPUExecutionProvider'])
    return lambda: s.run(None, {s.get_inputs()[0].name: x})[0]


def openvino(path, batch, threads, x, precision='f32'):
    import openvino as ov
    core = ov.Core()
    model = core.read_model(path + '.onnx')
    model.reshape(list(x.shape))
    compiled = core.compile_model(model, 'CPU', {'INFERENCE_NUM_THREADS': threads, 'INFERENCE_PRECISION_HINT': precision,
                                                 'PERFORMANCE_HINT': 'LATENCY'})
    request = compiled.create_infer_request()
    return lambda: request.infer({0: x}, share_inputs=True, share_outputs=True)[0]


def ncnn_net(path, threads):
    """The module, and the network in fp32."""
    import ncnn as lib
    net = lib.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    for half in ('use_fp16_packed', 'use_fp16_storage', 'use_fp16_arithmetic', 'use_bf16_storage'):
        setattr(net.opt, half, False)
    net.load_param(path + '.ncnn.param')
    net.load_model(path + '.ncnn.bin')
    return lib, net


def ncnn(path, batch, threads, x):
    lib, net = ncnn_net(path, threads)
    images = [lib.Mat(image).clone() for image in x]
    first, last = net.input_names()[0], net.output_names()[0]

    def run():  # it has no batches
        rows = []
        for image in images:
            e = net.create_extractor()
            e.input(first, image)
            rows.append(np.array(e.extract(last)[1]).reshape(-1))
        return np.stack(rows)
    return run


def mnn(path, batch, threads, x):
    import MNN
    net = MNN.Interpreter(path + '.mnn')
    s = net.createSession({'backend': 'CPU', 'numThread': threads, 'precision': 'high'})
    net.resizeTensor(net.getSessionInput(s), x.shape)
    net.resizeSession(s)
    source = MNN.Tensor(x.shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe)
    out = net.getSessionOutput(s)
    shape = out.getShape()
    to = MNN.Tensor(shape, MNN.Halide_Type_Float, np.zeros(shape, np.float32), MNN.Tensor_DimensionType_Caffe)

    def run():
        net.getSessionInput(s).copyFrom(source)
        net.runSession(s)
        out.copyToHostTensor(to)
        return to.getNumpyData().copy()
    return run


def torch(path, batch, threads, x, compiled=False):
    import torch as lib
    from networks import build
    lib.set_num_threads(threads)
    model = build(path.rsplit('/', 1)[1])
    model.load_state_dict(lib.load(path + '.pt', mmap=True), assign=True)
    model.eval().requires_grad_(False)
    if compiled:
        import torch._inductor.config as config
        config.freezing = True
        model = lib.compile(model, dynamic=False)
    t = lib.from_numpy(x)

    def run():
        with lib.no_grad():
            return model(t).numpy()
    return run


def tensorflow(path, batch, threads, x):
    import os
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from networks_keras import build
    model = build(path)
    t = tf.constant(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    f = tf.function(lambda a: model(a, training=False))
    return lambda: f(t).numpy()


def litert(path, batch, threads, x):
    from ai_edge_litert.interpreter import Interpreter
    i = Interpreter(f'{path}.b{batch}.tflite', num_threads=threads)
    i.allocate_tensors()
    to, out = i.get_input_details()[0]['index'], i.get_output_details()[0]['index']
    t = np.ascontiguousarray(x.transpose(0, 2, 3, 1))

    def run():
        i.set_tensor(to, t)
        i.invoke()
        return i.get_tensor(out)
    return run


PEERS = {'onnxruntime': onnxruntime, 'openvino': openvino, 'openvino-bf16': lambda *a: openvino(*a, precision='bf16'), 'ncnn': ncnn,
         'mnn': mnn, 'torch': torch, 'torch-compile': lambda *a: torch(*a, compiled=True), 'tensorflow': tensorflow, 'litert': litert}


MODULES = {'mnn': 'MNN', 'openvino-bf16': 'openvino', 'torch-compile': 'torch', 'litert': 'ai_edge_litert.interpreter'}


def main():
    peer, models, name, batch, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    x = np.ascontiguousarray(np.load(f'{models}/{name}.input.npy', mmap_mode='r')[:batch])
    importlib.import_module(MODULES.get(peer, peer))  # Python's own time is not the peer's
    begin = time.perf_counter()
    run = PEERS[peer](f'{models}/{name}', batch, threads, x)
    loaded = time.perf_counter()
    y = run()
    first = time.perf_counter()
    np.save(f'{models}/{name}.{peer}.npy', np.asarray(y).reshape(batch, -1))
    serve('images', batch, run, load_s=loaded - begin, first_run_s=first - loaded)


if __name__ == '__main__':
    main()
