# SPDX-License-Identifier: Apache-2.0
"""Transfer learning on images: libdl4c from Python, with NumPy arrays in and out without a copy.

Every call lets other Python threads run. Objects are closed by `with`, close() or when nobody refers to them, in any order. Failures are
dl4c.Error, a class for each kind; exceptions of callbacks come out of the call that called them back.
"""
from . import errors, fs, listeners, measures, transport, zoo
from ._core import Cancel
from ._long import Progress
from ._native import VERSION as _VERSION
from ._native import text_of as _text_of
from .compare import Comparison, compare
from .context import Context, build_info, cpu_kernels, library_version, memory
from .early_stopping import EarlyStopping, fit_early_stopping
from .errors import Error
from .evaluation import Evaluation, evaluate, measure
from .features import Features, featurize, head_for, softmax_head
from .fetch import Fetched, fetch, published_weights
from .graph import Builder, Graph, ModelInfo, Session, Vertex, join, load
from .monitor import Monitor
from .normalizer import Normalizer
from .predict import predict
from .reader import ImageReader, sample_paths, split_folder
from .source import BatchSource, Source, TensorSource
from .tensor import Tensor
from .train import Adam, Listener, Nesterovs, Sgd, TrainEvent, Trainer, fit, work
from .transfer import Transfer

__version__ = _text_of(_VERSION)

__all__ = ['Adam', 'BatchSource', 'Builder', 'Cancel', 'Comparison', 'Context', 'EarlyStopping', 'Error', 'Evaluation', 'Features',
           'Fetched', 'Graph', 'ImageReader', 'Listener', 'ModelInfo', 'Monitor', 'Nesterovs', 'Normalizer', 'Progress', 'Session', 'Sgd',
           'Source', 'Tensor', 'TensorSource', 'TrainEvent', 'Trainer', 'Transfer', 'Vertex', 'build_info', 'compare', 'cpu_kernels',
           'errors', 'evaluate', 'featurize', 'fetch', 'fit', 'fit_early_stopping', 'fs', 'head_for', 'join', 'library_version',
           'listeners', 'load', 'measure', 'measures', 'memory', 'predict', 'published_weights', 'sample_paths', 'softmax_head',
           'split_folder', 'transport', 'work', 'zoo']
