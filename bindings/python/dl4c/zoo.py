# SPDX-License-Identifier: Apache-2.0
"""The zoo: well-known networks by name, with Deeplearning4j's vertices, parameters, initialisation and updater."""
from __future__ import annotations

from ctypes import byref, c_void_p
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

from ._core import Cancel, Owned, Path, call, decode, encode, optional, text
from ._long import Call, ProgressFunction
from ._native import lib
from ._native import zoo as c
from .context import Context
from .graph import Graph


@dataclass(frozen=True)
class Network:
    """A network of the zoo as published. preprocess: the preset that its published weights want, None where none are; updater: what it is
    trained with; shape: of an image, channels, height, width; n_classes: 0 where it maps images to images."""

    name: str
    doc: str
    preprocess: Optional[str]
    updater: str
    param_count: int
    n_classes: int
    shape: Tuple[int, int, int]


def _network(function: Any, which: Any) -> Network:
    i = c.dl4c_zoo_info()
    call(function, which, byref(i))
    return Network(text(i.name), text(i.doc), decode(i.preprocess), text(i.updater), i.param_count, i.n_classes,
                   (i.channels, i.height, i.width))


def networks() -> List[Network]:
    """All that there are, in the order of their names."""
    return [_network(lib.dl4c_zoo_get, i) for i in range(lib.dl4c_zoo_count())]


def find(name: str) -> Network:
    """The network of that name; case does not count. NotFoundError lists the names.

    >>> dl4c.zoo.find('VGG16').shape
    (3, 224, 224)
    """
    return _network(lib.dl4c_zoo_find, encode(name))


def create(name: str, n_classes: int = 0, shape: Tuple[int, int, int] = (0, 0, 0), seed: int = 42, weights: Optional[Path] = None,
           updater: Optional[str] = None, published_names: bool = False, context: Optional[Context] = None,
           progress: Optional[ProgressFunction] = None, cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> Graph:
    """Builds a network, "vgg16", "resnet50" ...: as published, freshly drawn, where nothing else is said.

    shape: of an image, channels, height, width, each 0: as published. seed: of what is drawn, not 0. weights: a model file whose
    parameters are taken, by the names of vertices, else by their order; with n_classes the last layer may differ and is drawn.
    published_names: vertices of vgg16 and vgg19 are named as in the published weights' file (fc1, fc2, predictions). timeout in seconds.

    NotFoundError: no such network or file; InvalidError: an image too small, weights of other shapes (the message names the layer).

    >>> lenet = dl4c.zoo.create('lenet', n_classes=5, shape=(1, 28, 28))
    >>> lenet.run(np.zeros((2, 1, 28, 28), 'f4')).shape
    (2, 5)
    """
    if seed < 1:
        raise ValueError('the seed is %d: 1 or more is wanted' % seed)
    if len(shape) != 3:
        raise ValueError('the shape is %r: channels, height and width are wanted' % (shape,))
    options, found = c.dl4c_zoo_options(
        n_classes=n_classes, channels=shape[0], height=shape[1], width=shape[2], seed=seed, weights=encode(weights),
        updater=encode(updater), flags=c.DL4C_ZOO_PUBLISHED_NAMES if published_names else 0), c_void_p()
    with Call(progress, cancel, timeout) as long:
        long.options(options)
        long(lib.dl4c_zoo_create, optional(context), encode(name), byref(options), byref(found))
        return Graph(Owned(found, lib.dl4c_graph_destroy))


__all__ = ['Network', 'create', 'find', 'networks']
