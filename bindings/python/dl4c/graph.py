# SPDX-License-Identifier: Apache-2.0
"""Graphs: load and save, look at, split, join, freeze and edit; sessions that run them."""
from __future__ import annotations

from ctypes import byref, c_int32, c_int64, c_size_t, c_void_p, string_at
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._core import Cancel, Handle, Owned, Path, ask_text, call, decode, encode, names, need, optional, strings, text
from ._long import Call, ProgressFunction
from ._native import graph as c
from ._native import lib
from ._native import model as m
from .context import Context
from .tensor import ArrayLike, Tensor, borrow, wrap

if TYPE_CHECKING:
    from .evaluation import Evaluation

_F32 = np.dtype(np.float32)
KNOWN = 32  # input arrays of which a session keeps the tensors


@dataclass(frozen=True)
class Vertex:
    """A vertex of a graph. shape leaves the batch out; -1: a length that sessions decide."""

    name: str
    op: str
    inputs: Tuple[str, ...]
    shape: Tuple[int, ...]
    params: Tuple[str, ...]
    param_count: int
    frozen: bool
    is_output: bool


@dataclass
class ModelInfo:
    """What travels with a model through split, join and files. None, 0 or empty: not known."""

    classes: List[str] = field(default_factory=list)
    preprocess: Optional[str] = None
    height: int = 0
    width: int = 0
    pool: Optional[str] = None
    vertex: Optional[str] = None
    trunk_digest: Optional[str] = None
    training: Optional[str] = None


class Graph(Handle):
    """A network with its parameters. Immutable but for training; parts of one share parameters until one of them is trained.

    >>> net.inputs, net.outputs, net['hidden'].shape, net.param_count['total']
    (['x'], ['y'], (8,), 58)
    >>> trunk, head = net.split('hidden')
    >>> np.array_equal(head.run(trunk.run(x)), net.run(x))
    True
    """

    _noun = 'graph'

    @classmethod
    def _make(cls, function: Any, *arguments: Any) -> Graph:
        found = c_void_p()
        call(function, *arguments, byref(found))
        return cls(Owned(found, lib.dl4c_graph_destroy))

    @classmethod
    def load(cls, uri: Path, format: Optional[str] = None, context: Optional[Context] = None, progress: Optional[ProgressFunction] = None,
             cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> Graph:
        """Reads a model: Deeplearning4j's zip, ONNX or safetensors, from a path or URI.

        timeout is in seconds. NotFoundError, CorruptError, UnsupportedError (the message names the operator).
        """
        options, found = m.dl4c_load_options(format=encode(format)), c_void_p()
        with Call(progress, cancel, timeout) as long:
            long.options(options)
            long(lib.dl4c_model_load, optional(context), encode(uri), byref(options), byref(found))
            return cls(Owned(found, lib.dl4c_graph_destroy))

    @classmethod
    def from_bytes(cls, data: bytes, format: Optional[str] = None, context: Optional[Context] = None) -> Graph:
        """The same from the bytes of such a file."""
        return cls._make(lib.dl4c_model_load_memory, optional(context), data, len(data), byref(m.dl4c_load_options(format=encode(format))))

    def save(self, uri: Path, format: Optional[str] = None, updater: bool = False, progress: Optional[ProgressFunction] = None,
             cancel: Optional[Cancel] = None, timeout: Optional[float] = None) -> None:
        """Writes a model; .zip is Deeplearning4j's, .safetensors the library's own. updater: with its state, so that training can go on.

        The file appears whole or not at all. UnsupportedError names what the format cannot hold.
        """
        options = m.dl4c_save_options(format=encode(format), updater=int(updater))
        with Call(progress, cancel, timeout) as long:
            long.options(options)
            long(lib.dl4c_model_save, self._open, encode(uri), byref(options))

    def to_bytes(self, format: Optional[str] = None, updater: bool = False) -> bytes:
        """The bytes of such a file; safetensors where format does not say otherwise."""
        options, found, size = m.dl4c_save_options(format=encode(format), updater=int(updater)), c_void_p(), c_size_t()
        call(lib.dl4c_model_save_memory, self._open, byref(options), byref(found), byref(size))
        try:
            return string_at(found.value or 0, size.value)
        finally:
            lib.dl4c_free(found)

    def clone(self) -> Graph:
        """A second graph that shares all parameters until one of them is trained."""
        return self._make(lib.dl4c_graph_clone, self._open)

    def __copy__(self) -> Graph:
        return self.clone()

    def __deepcopy__(self, memo: Any) -> Graph:
        return self.clone()

    def __reduce__(self) -> Any:
        return Graph.from_bytes, (self.to_bytes('safetensors', True), 'safetensors')

    # ---- looking at it

    def summary(self, shapes: bool = False) -> str:
        """The table that Deeplearning4j's summary() prints; shapes: with a column of shapes."""
        return ask_text(lib.dl4c_graph_summary, self._open, byref(c.dl4c_summary_options(shapes=int(shapes))))

    def json(self) -> str:
        """Vertices and counts of parameters as JSON."""
        return ask_text(lib.dl4c_graph_json, self._open)

    def draw(self, form: str = 'svg') -> str:
        """A drawing: "svg" or "dot"."""
        return ask_text(lib.dl4c_graph_draw, self._open, encode(form))

    def digest(self) -> str:
        """SHA-256 over operators, connections and parameters: equal for equal networks, whatever file they came from."""
        return ask_text(lib.dl4c_graph_digest, self._open)

    def _vertex(self, owned: Owned, i: int) -> Vertex:
        v = c.dl4c_vertex()
        call(lib.dl4c_graph_vertex, owned, i, byref(v))
        inputs = [lib.dl4c_graph_vertex_input(owned, i, k) for k in range(v.n_inputs)]
        return Vertex(text(v.name), text(v.op), tuple(self._name(owned, k) for k in inputs), tuple(v.shape[:v.rank]),
                      tuple(text(lib.dl4c_graph_param_name(owned, i, p)) for p in range(v.n_params)), v.param_count, bool(v.frozen),
                      bool(v.is_output))

    @staticmethod
    def _name(owned: Owned, i: int) -> str:
        v = c.dl4c_vertex()
        call(lib.dl4c_graph_vertex, owned, i, byref(v))
        return text(v.name)

    @property
    def vertices(self) -> List[Vertex]:
        """All vertices, inputs included, in topological order."""
        owned = self._open
        return [self._vertex(owned, i) for i in range(lib.dl4c_graph_vertex_count(owned))]

    def __getitem__(self, name: str) -> Vertex:
        """A vertex by its name. NotFoundError names the nearest."""
        owned, i = self._open, c_int32()
        call(lib.dl4c_graph_find, owned, encode(name), byref(i))
        return self._vertex(owned, i.value)

    @property
    def inputs(self) -> List[str]:
        """Names of its inputs."""
        owned = self._open
        return [self._name(owned, lib.dl4c_graph_input(owned, k)) for k in range(lib.dl4c_graph_input_count(owned))]

    @property
    def outputs(self) -> List[str]:
        """Names of its outputs."""
        owned = self._open
        return [self._name(owned, lib.dl4c_graph_output(owned, k)) for k in range(lib.dl4c_graph_output_count(owned))]

    def param(self, vertex: str, name: str) -> Tensor:
        """A read-only view of a parameter ("W", "b"), [out, in, kh, kw] or [in, out]. Training after it works on a copy."""
        found = c_void_p()
        call(lib.dl4c_graph_param, self._open, encode(vertex), encode(name), byref(found))
        return Tensor._of(Owned(found, lib.dl4c_tensor_unref))

    @property
    def param_count(self) -> Dict[str, int]:
        """Numbers of parameters: total, trainable, frozen."""
        counts = [c_int64(), c_int64(), c_int64()]
        lib.dl4c_graph_param_count(self._open, *[byref(n) for n in counts])
        return dict(zip(('total', 'trainable', 'frozen'), [n.value for n in counts]))

    @property
    def info(self) -> ModelInfo:
        """Classes, preprocessing, image size: a copy, which set_info takes."""
        i = c.dl4c_model_info()
        owned = self._open
        call(lib.dl4c_graph_info, owned, byref(i))
        classes = [text(i.classes[k]) for k in range(i.n_classes)] if i.classes else []
        return ModelInfo(classes, decode(i.preprocess), i.height, i.width, decode(i.pool), decode(i.vertex), decode(i.trunk_digest),
                         decode(i.training))

    def set_info(self, info: ModelInfo) -> None:
        """Makes the model remember what is in info."""
        classes = names(info.classes)
        i = c.dl4c_model_info(n_classes=len(classes), classes=strings(classes), preprocess=encode(info.preprocess), height=info.height,
                              width=info.width, pool=encode(info.pool), vertex=encode(info.vertex),
                              trunk_digest=encode(info.trunk_digest), training=encode(info.training))
        call(lib.dl4c_graph_set_info, self._open, byref(i))

    @property
    def classes(self) -> List[str]:
        """Names of the classes, in the order of the outputs; empty where the model does not know them."""
        return self.info.classes

    # ---- parts of it

    def split(self, *at: str) -> Tuple[Graph, Graph]:
        """The frozen trunk that ends with the vertices, and the head that begins after them. InvalidError: an edge goes around them."""
        where, trunk, head = names(at), c_void_p(), c_void_p()
        call(lib.dl4c_graph_split, self._open, strings(where), len(where), None, byref(trunk), byref(head))
        return Graph(Owned(trunk, lib.dl4c_graph_destroy)), Graph(Owned(head, lib.dl4c_graph_destroy))

    def trunk(self, *at: str) -> Graph:
        """The trunk alone, where the vertices are the last of the graph too."""
        where, trunk = names(at), c_void_p()
        call(lib.dl4c_graph_split, self._open, strings(where), len(where), None, byref(trunk), None)
        return Graph(Owned(trunk, lib.dl4c_graph_destroy))

    def join(self, head: Graph) -> Graph:
        """One network of this trunk and a head. InvalidError names both shapes where they do not fit."""
        return self._make(lib.dl4c_graph_join, self._open, need(head, Graph), None)

    def builder(self, context: Optional[Context] = None) -> Builder:
        """A builder that starts from this graph, which stays as it is."""
        return Builder(self, context)

    def freeze(self, *vertices: str) -> Graph:
        """A graph in which vertices and all that they depend on are frozen."""
        return self.builder().freeze(*vertices).finish()

    # ---- running and training it

    def run(self, *inputs: ArrayLike, outputs: Union[None, str, Iterable[str]] = None) -> Any:
        """Runs the network once: float32 arrays [n, ...], one for each input, to one [n, ...], or a list where there are several outputs.

        For many runs a Session keeps what this plans anew each time.
        """
        if not inputs:
            raise TypeError('run() wants an array for each input of the graph: %s' % ', '.join(self.inputs))
        rows = np.shape(inputs[0])[0] if len(np.shape(inputs[0])) else 1
        with Session(self, batch=max(1, rows), outputs=outputs) as s:
            return s.run(*inputs)

    def fit(self, source: Any, **options: Any) -> None:
        """Trains it: dl4c.fit(graph, source, ...)."""
        from .train import fit
        fit(self, source, **options)

    def evaluate(self, source: Any, **options: Any) -> Evaluation:
        """Counts right and wrong answers: dl4c.evaluate(graph, source, ...)."""
        from .evaluation import evaluate
        return evaluate(self, source, **options)

    def predict(self, images: Any, out: Optional[Path] = None, **options: Any) -> Any:
        """The classes of images: dl4c.predict(graph, images, ...)."""
        from .predict import predict
        return predict(self, images, out, **options)


class Builder(Handle):
    """Builds a new graph, or edits a copy of one. Calls can be chained; the first failure comes out of finish().

    >>> edited = net.builder().freeze('hidden').replace_n_out('y', 3).finish()
    >>> edited['hidden'].frozen, edited['y'].frozen, edited.run(x).shape
    (True, False, (40, 3))
    """

    _noun = 'builder'

    def __init__(self, start: Optional[Graph] = None, context: Optional[Context] = None) -> None:
        found = c_void_p()
        call(lib.dl4c_builder_create, optional(context), None if start is None else need(start, Graph), byref(found))
        super().__init__(Owned(found, lib.dl4c_builder_destroy))

    def input(self, name: str, shape: Sequence[int]) -> Builder:
        """Adds an input, [channels, height, width] or [n] without the batch; -1: a length that sessions decide."""
        lib.dl4c_builder_input(self._open, encode(name), (c_int64 * len(shape))(*shape), len(shape))
        return self

    def add(self, layer: str, name: str, *inputs: str) -> Builder:
        """Adds a vertex in the text form, "dense:units=257,activation=softmax", which reads the vertices named."""
        read = names(inputs)
        lib.dl4c_builder_add_text(self._open, encode(layer), encode(name), strings(read), len(read))
        return self

    def param(self, vertex: str, name: str, value: ArrayLike) -> Builder:
        """Sets a parameter, which is copied."""
        lib.dl4c_builder_param(self._open, encode(vertex), encode(name), wrap(value))
        return self

    def seed(self, seed: int) -> Builder:
        """The seed of weights that are drawn; 42 where never called."""
        lib.dl4c_builder_seed(self._open, seed)
        return self

    def freeze(self, *vertices: str) -> Builder:
        """Freezes vertices and all that they depend on: Deeplearning4j's setFeatureExtractor."""
        for vertex in vertices:
            lib.dl4c_builder_freeze(self._open, encode(vertex))
        return self

    def unfreeze(self, *vertices: str) -> Builder:
        """Thaws vertices and all that depends on them."""
        for vertex in vertices:
            lib.dl4c_builder_unfreeze(self._open, encode(vertex))
        return self

    def remove(self, vertex: str, keep_connections: bool = False) -> Builder:
        """Removes a vertex and what is left without an input; keep_connections: another of its name will come."""
        lib.dl4c_builder_remove(self._open, encode(vertex), c.DL4C_KEEP_CONNECTIONS if keep_connections else 0)
        return self

    def replace_n_out(self, vertex: str, n_out: int, weight_init: Optional[str] = None, next_weight_init: Optional[str] = None) -> Builder:
        """Changes the number of outputs of a vertex; it and those that read it get fresh parameters."""
        lib.dl4c_builder_replace_n_out(self._open, encode(vertex), n_out, encode(weight_init), encode(next_weight_init))
        return self

    def fine_tune(self, settings: Optional[str] = None, **values: Any) -> Builder:
        """Deeplearning4j's FineTuneConfiguration: settings for all layers there are, frozen ones too, and for those added later that say
        nothing themselves, as text or by name: fine_tune(updater=Nesterovs(3e-5, 0.9), l2=0, dropout=0.5). What is not named stays as it
        is; weights are not drawn again. finish() raises NotFoundError: no such setting or updater."""
        given = [settings] if settings else []
        for name, value in values.items():
            said = repr(float(value)) if isinstance(value, float) else str(value)
            kind, _, arguments = said.partition(':')
            given.append('%s=%s' % (name, '%s(%s)' % (kind, arguments) if arguments else said))
        lib.dl4c_builder_fine_tune(self._open, encode(','.join(given)))
        return self

    def outputs(self, *vertices: str) -> Builder:
        """Which vertices are the outputs; where never called, those that nothing reads."""
        which = names(vertices)
        lib.dl4c_builder_outputs(self._open, strings(which), len(which))
        return self

    def finish(self) -> Graph:
        """Checks all shapes, draws missing parameters, makes the graph and closes the builder."""
        owned, found = self._open, c_void_p()
        self._owned = None
        # finish takes the builder in every case: what is left to give back is NULL.
        call(lib.dl4c_builder_finish, owned.place(), byref(found))
        return Graph(Owned(found, lib.dl4c_graph_destroy))


class Session(Handle):
    """A plan to run a graph, with its memory: for at most `batch` rows and the outputs named. One thread at a time.

    threads: 0: the context's. precision: "f32", "bf16-weights", "bf16", "int8-weights". low_memory: weights are expanded when a run needs
    them. input_shapes: of each input without the batch, where the graph leaves lengths open. NotFoundError, InvalidError, LimitError.

    >>> with dl4c.Session(net, batch=16, outputs=['hidden', 'y']) as session:
    ...     hidden, p = session.run(x[:16])
    >>> hidden.shape, p.shape, bool(np.allclose(p.sum(1), 1))
    ((16, 8), (16, 2), True)
    """

    _noun = 'session'

    def __init__(self, graph: Graph, batch: int = 1, outputs: Union[None, str, Iterable[str]] = None, threads: int = 0,
                 precision: str = 'f32', low_memory: bool = False, input_shapes: Optional[Sequence[Sequence[int]]] = None,
                 context: Optional[Context] = None) -> None:
        wanted = names(outputs)
        number = c_int32()
        call(lib.dl4c_precision_find, encode(precision), byref(number))
        options = c.dl4c_session_options(batch=batch, outputs=strings(wanted), n_outputs=len(wanted), threads=threads,
                                         precision=number.value, flags=c.DL4C_SESSION_LOW_MEMORY if low_memory else 0)
        if input_shapes is not None:
            shapes = (c.dl4c_shape * len(input_shapes))()
            for shape, given in zip(shapes, input_shapes):
                if len(given) > 8:
                    raise ValueError('an input shape of %d axes, at most 8 are known' % len(given))
                shape.rank = len(given)
                shape.dim[:len(given)] = list(given)
            options.input_shapes, options.n_input_shapes = shapes, len(shapes)
        found = c_void_p()
        call(lib.dl4c_session_create, optional(context), need(graph, Graph), byref(options), byref(found))
        super().__init__(Owned(found, lib.dl4c_session_destroy))
        self._n_outputs = int(lib.dl4c_session_output_count(self._open))
        self._forget()

    def _forget(self) -> None:
        # Of earlier runs, as most are like one before: by where the inputs lay, their tensors and a C array of these; rows and outputs.
        self._known: Dict[Any, Tuple[List[Owned], Any]] = {}
        self._found: Tuple[int, List[Any]] = (-1, [])

    def close(self) -> None:
        """Gives the session up, but for the memory of outputs that somebody has; further use raises StateError. May be called again."""
        super().close()
        self._forget()

    def run(self, *inputs: ArrayLike) -> Any:
        """Runs float32 arrays [n, ...], one for each input, n at most the batch; contiguous ones are read where they lie.

        Returns an array [n, ...], or a list of them, over the session's own memory: the next run overwrites them (copy what is to stay),
        and they outlive the session. InvalidError: another shape or element type; StateError: closed, or in another call.
        """
        session = self._open
        places = tuple((x.__array_interface__['data'][0], x.shape, x.strides) for x in inputs if type(x) is np.ndarray and x.dtype == _F32)
        # The tensors of another array that lay at the same place serve as well: they are read only during this call, which holds the array.
        known = self._known.get(places) if len(places) == len(inputs) else None
        if known is None:
            known = self._tensors(places, inputs)
        call(lib.dl4c_session_run, session._as_parameter_, known[1], len(inputs))
        rows, found = lib.dl4c_tensor_shape(known[0][0])[0], self._found
        if found[0] != rows:
            found = self._found = rows, [self._output(session, i) for i in range(self._n_outputs)]
        return found[1][0].view() if self._n_outputs == 1 else [y.view() for y in found[1]]

    def _tensors(self, places: Any, inputs: Sequence[ArrayLike]) -> Tuple[List[Owned], Any]:
        plain = len(places) == len(inputs)
        tensors = [borrow(x) if plain and isinstance(x, np.ndarray) else wrap(x) for x in inputs]
        made = tensors, (c_void_p * len(tensors))(*[t._as_parameter_.value for t in tensors])
        if plain:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[places] = made
        return made

    @staticmethod
    def _output(session: Owned, i: int) -> Any:
        y = c_void_p()
        call(lib.dl4c_session_output, session, i, byref(y))
        lib.dl4c_tensor_ref(y)
        return Tensor._of(Owned(y, lib.dl4c_tensor_unref)).numpy()

    def _shapes(self, count: Any, function: Any) -> List[Tuple[int, ...]]:
        session, found = self._open, []
        for i in range(count(session)):
            shape = c.dl4c_shape()
            call(function, session, i, byref(shape))
            found.append(tuple(shape.dim[:shape.rank]))
        return found

    @property
    def input_shapes(self) -> List[Tuple[int, ...]]:
        """Shapes of the inputs, without the batch."""
        return self._shapes(lib.dl4c_session_input_count, lib.dl4c_session_input_shape)

    @property
    def output_shapes(self) -> List[Tuple[int, ...]]:
        """Shapes of the outputs, without the batch."""
        return self._shapes(lib.dl4c_session_output_count, lib.dl4c_session_output_shape)

    @property
    def memory(self) -> Dict[str, int]:
        """Bytes that it keeps: weights, packed, arena, total ..."""
        found = c.dl4c_session_memory()
        call(lib.dl4c_session_get_memory, self._open, byref(found))
        return {name: getattr(found, name) for name, *_ in found._fields_[1:]}

    def describe(self) -> str:
        """The plan, one step a line."""
        return ask_text(lib.dl4c_session_describe, self._open)


def load(uri: Path, format: Optional[str] = None, **options: Any) -> Graph:
    """Graph.load."""
    return Graph.load(uri, format, **options)


def join(trunk: Graph, head: Graph) -> Graph:
    """One network of a trunk and a head: trunk.join(head)."""
    return trunk.join(head)


__all__ = ['Builder', 'Graph', 'ModelInfo', 'Session', 'Vertex', 'join', 'load']
