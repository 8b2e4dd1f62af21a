# SPDX-License-Identifier: Apache-2.0
"""Training the unfrozen part of a network on features of its frozen part: what Deeplearning4j calls TransferLearningHelper."""
from __future__ import annotations

from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Optional

from ._core import Cancel, Handle, Owned, call, names, need, strings
from ._long import Call, ProgressFunction
from ._native import lib
from ._native import transfer as c
from .graph import Graph
from .source import Source, source_of
from .train import fit_with

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .train import FitOptions


class _Rows(Source):
    """Features in memory."""

    _noun = 'source of features'


class Transfer(Handle):
    """A graph, split behind what is frozen: rows go once through the frozen part, the rest is trained on what comes out, and the graph has
    the new weights. What is to be frozen beside what is so already is named; the graph itself keeps its marks.

        helper = dl4c.Transfer(net, 'fc2')
        features = helper.featurize(images)
        helper.fit(features, epochs=20)               # net has the new weights

    For features that outlive the process, or more than memory holds, see featurize(). NotFoundError: no such vertex; InvalidError: nothing
    is frozen, nothing is left to train, or a vertex with weights that is not frozen feeds a frozen one; StateError: it is being trained.

    >>> whole = net.clone()
    >>> helper = dl4c.Transfer(whole, 'hidden')
    >>> helper.fit(helper.featurize((x, y)), epochs=2)
    >>> [bool(np.array_equal(whole.param(v, 'W'), net.param(v, 'W'))) for v in ('hidden', 'y')]
    [True, False]
    """

    _noun = 'transfer helper'

    def __init__(self, graph: Graph, *freeze: str) -> None:
        which, found = names(freeze), c_void_p()
        call(lib.dl4c_transfer_create, need(graph, Graph), strings(which), len(which), byref(found))
        super().__init__(Owned(found, lib.dl4c_transfer_destroy))

    def _part(self, function: Any) -> Graph:
        owned = self._open
        return Graph(Owned(c_void_p(function(owned)), None, owned))

    @property
    def frozen(self) -> Graph:
        """The frozen part, for featurize() or sessions; it stays good when the helper is closed."""
        return self._part(lib.dl4c_transfer_frozen)

    @property
    def unfrozen(self) -> Graph:
        """The rest, to be looked at, evaluated on features or trained by hand, which update() gives to the graph. Its inputs are the
        vertices at the border, sorted by name."""
        return self._part(lib.dl4c_transfer_unfrozen)

    def featurize(self, source: Any, batch: int = 0, threads: int = 0, progress: Optional[ProgressFunction] = None,
                  cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> Source:
        """Runs every row of a source, or of a pair (x, labels), once through the frozen part and keeps what comes out in memory: a source
        of the same rows, labels and classes in the same order. batch 0: 16; timeout in seconds.

        InvalidError: shapes do not fit, or no rows; UnsupportedError: several inputs, or several vertices at the border.
        """
        options, found = c.dl4c_transfer_options(batch=batch, threads=threads), c_void_p()
        with Call(progress, cancel, timeout) as long:
            long.options(options)
            rows = source_of(source)
            long(lib.dl4c_transfer_featurize, self._open, rows, byref(options), byref(found))
            return _Rows(Owned(found, lib.dl4c_source_destroy))

    def fit(self, features: Any, **options: Unpack[FitOptions]) -> None:
        """Trains the rest on features, with the options of dl4c.fit, and gives the weights to the graph. After a failure the graph has its
        weights of before. StateError: the graph or the rest runs or is trained in another call; and what fit raises."""
        owned = self._open

        def train(long: Call, rows: Owned, fit: Any) -> None:
            long(lib.dl4c_transfer_fit, owned, rows, byref(fit))
        if options.get('epochs', 1) < 1:
            raise ValueError('%d epochs: at least 1 is wanted' % options['epochs'])
        fit_with(train, features, **options)

    def update(self) -> None:
        """Gives the graph the weights of the rest as they are now, its counts of iterations and epochs, its updater and classes; nothing is
        copied. StateError: the graph or the rest runs or is trained in another call."""
        call(lib.dl4c_transfer_update, self._open)


__all__ = ['Transfer']
