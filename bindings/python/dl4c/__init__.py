# SPDX-License-Identifier: Apache-2.0
"""Transfer learning on images: libdl4c from Python, with NumPy arrays in and out without a copy.

Every call lets other Python threads run. Objects are closed by `with`, close() or when nobody refers to them, in any order. Failures are
dl4c.Error, a class for each kind; exceptions of callbacks come out of the call that called them back.
"""
from . import errors, fs
from ._core import Cancel
from ._long import Progress
from ._native import VERSION as _VERSION
from ._native import text_of as _text_of
from .context import Context, build_info, cpu_kernels, library_version, memory
from .errors import Error
from .evaluation import Evaluation, evaluate
from .features import Features, featurize, head_for, softmax_head
from .graph import Builder, Graph, ModelInfo, Session, Vertex, join, load
from .predict import predict
from .reader import ImageReader, split_folder
from .source import Source, TensorSource
from .tensor import Tensor
from .train import Adam, Listener, Nesterovs, Sgd, Trainer, fit

__version__ = _text_of(_VERSION)

__all__ = ['Adam', 'Builder', 'Cancel', 'Context', 'Error', 'Evaluation', 'Features', 'Graph', 'ImageReader', 'Listener', 'ModelInfo',
           'Nesterovs', 'Progress', 'Session', 'Sgd', 'Source', 'Tensor', 'TensorSource', 'Trainer', 'Vertex', 'build_info', 'cpu_kernels',
           'errors', 'evaluate', 'featurize', 'fit', 'fs', 'head_for', 'join', 'library_version', 'load', 'memory', 'predict',
           'softmax_head', 'split_folder']
