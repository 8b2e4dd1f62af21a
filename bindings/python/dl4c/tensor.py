# SPDX-License-Identifier: Apache-2.0
"""Tensors: arrays of the library that share memory with NumPy both ways."""
from __future__ import annotations

import itertools
from ctypes import byref, c_int32, c_int64, c_void_p
from typing import Any, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from ._core import Handle, Owned, Path, call, encode, optional, text
from ._native import lib
from ._native import tensor as c
from .context import Context

_NUMPY: Dict[int, 'np.dtype[Any]'] = {
    c.DL4C_F32: np.dtype('f4'), c.DL4C_F64: np.dtype('f8'), c.DL4C_F16: np.dtype('f2'), c.DL4C_I32: np.dtype('i4'),
    c.DL4C_I64: np.dtype('i8'), c.DL4C_U8: np.dtype('u1')}
_DTYPES = {v: k for k, v in _NUMPY.items()}
_NAMES = {'f32': c.DL4C_F32, 'f64': c.DL4C_F64, 'f16': c.DL4C_F16, 'bf16': c.DL4C_BF16, 'i32': c.DL4C_I32, 'i64': c.DL4C_I64,
          'u8': c.DL4C_U8}

# Arrays whose memory the library has: until it gives that back.
_held: Dict[int, Any] = {}
_cookies = itertools.count(1)


def _forget(cookie: int, held: Dict[int, Any] = _held) -> None:
    held.pop(cookie, None)


_release = c.dl4c_release_cookie_fn(_forget)
_nothing = c.dl4c_release_cookie_fn()


class _Memory:
    """What a NumPy array over a tensor has as its base: keeps the tensor's memory, whatever becomes of the Tensor."""

    __slots__ = ('__array_interface__', 'owned')

    def __init__(self, owned: Owned, interface: Dict[str, Any]) -> None:
        self.owned, self.__array_interface__ = owned, interface


def _code(dtype: Any) -> int:
    if isinstance(dtype, str) and dtype in _NAMES:
        return _NAMES[dtype]
    found = _DTYPES.get(np.dtype(dtype))
    if found is None:
        raise TypeError('a tensor of %s: float32, float64, float16, int32, int64 and uint8 are known' % np.dtype(dtype))
    return found


class Tensor(Handle):
    """An array of up to 8 axes: float32, float64, float16, bfloat16, int32, int64 or uint8.

    Tensor(array) shares the memory of a NumPy array, or of what numpy.asarray takes without a copy, with its strides, and keeps it alive;
    numpy.asarray(tensor) and tensor.numpy() share the tensor's, which lives until the last array is gone, also where the tensor was
    closed. An array that is read-only stays so. TypeError: another element type or byte order, or strides between elements.

    >>> a = np.arange(6, dtype='f4').reshape(2, 3)
    >>> t = dl4c.Tensor(a)
    >>> t.shape, t.dtype, t.address == a.ctypes.data
    ((2, 3), 'f32', True)
    >>> t.transpose().numpy().tolist()
    [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    """

    _noun = 'tensor'

    def __init__(self, array: Any, context: Optional[Context] = None) -> None:
        super().__init__(wrap(array, context))

    @classmethod
    def _of(cls, owned: Owned) -> Tensor:
        t = cls.__new__(cls)
        Handle.__init__(t, owned)
        return t

    @classmethod
    def zeros(cls, shape: Sequence[int], dtype: Any = 'f32', context: Optional[Context] = None) -> Tensor:
        """A tensor of zeros, in C order. InvalidError: more than 8 axes, a negative length."""
        found = c_void_p()
        call(lib.dl4c_tensor_create, optional(context), _code(dtype), (c_int64 * len(shape))(*shape), len(shape), byref(found))
        return cls._of(Owned(found, lib.dl4c_tensor_unref))

    @classmethod
    def load(cls, uri: Path, context: Optional[Context] = None) -> Tensor:
        """Reads a .npy file of any file system that the library knows. CorruptError, UnsupportedError, NotFoundError."""
        found = c_void_p()
        call(lib.dl4c_tensor_load_npy, optional(context), encode(uri), byref(found))
        return cls._of(Owned(found, lib.dl4c_tensor_unref))

    @classmethod
    def from_dlpack(cls, array: Any) -> Tensor:
        """Shares the memory of an array in the CPU's memory of any library that speaks DLPack."""
        return cls(np.from_dlpack(array))

    def save(self, uri: Path) -> None:
        """Writes .npy, in C order; bfloat16 as float32. The file appears whole or not at all."""
        call(lib.dl4c_tensor_save_npy, self._open, encode(uri))

    @property
    def shape(self) -> Tuple[int, ...]:
        """Lengths of the axes."""
        t = self._open
        return tuple(lib.dl4c_tensor_shape(t)[:lib.dl4c_tensor_rank(t)])

    @property
    def strides(self) -> Tuple[int, ...]:
        """Distances of the axes in elements (NumPy's are in bytes)."""
        t = self._open
        return tuple(lib.dl4c_tensor_strides(t)[:lib.dl4c_tensor_rank(t)])

    @property
    def dtype(self) -> str:
        """"f32", "f64", "f16", "bf16", "i32", "i64" or "u8"."""
        return text(lib.dl4c_dtype_name(lib.dl4c_tensor_dtype(self._open)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(lib.dl4c_tensor_rank(self._open))

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(lib.dl4c_tensor_size(self._open))

    @property
    def read_only(self) -> bool:
        """Whether its elements may not be written."""
        return bool(lib.dl4c_tensor_is_read_only(self._open))

    @property
    def contiguous(self) -> bool:
        """Whether its elements lie in C order without gaps."""
        return bool(lib.dl4c_tensor_is_contiguous(self._open))

    @property
    def address(self) -> int:
        """Where the element at index 0, 0, ... lies."""
        return int(lib.dl4c_tensor_data_const(self._open) or 0)

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError('a tensor without axes has no length')
        return shape[0]

    def _interface(self, owned: Owned) -> Dict[str, Any]:
        kind = _NUMPY.get(lib.dl4c_tensor_dtype(owned))
        if kind is None:
            raise TypeError('NumPy has no bfloat16: tensor.to("f32") makes a copy that it knows')
        rank = lib.dl4c_tensor_rank(owned)
        return {'shape': tuple(lib.dl4c_tensor_shape(owned)[:rank]), 'typestr': kind.str, 'version': 3,
                'strides': tuple(s * kind.itemsize for s in lib.dl4c_tensor_strides(owned)[:rank]),
                'data': (lib.dl4c_tensor_data_const(owned) or 0, bool(lib.dl4c_tensor_is_read_only(owned)))}

    @property
    def __array_interface__(self) -> Dict[str, Any]:
        # Whoever asks keeps this object and not the memory: from now on the memory lives as long as this object, closed or not.
        self._exported = self._open
        return self._interface(self._exported)

    def numpy(self) -> 'np.ndarray[Any, Any]':
        """A NumPy array over the same memory."""
        owned = self._open
        return np.asarray(_Memory(owned, self._interface(owned)))

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> 'np.ndarray[Any, Any]':
        array = self.numpy()
        if copy:
            return array.astype(array.dtype if dtype is None else dtype)
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError('%s as %s is a copy' % (array.dtype, np.dtype(dtype)))
            return array.astype(dtype)
        return array

    def __dlpack__(self, **options: Any) -> Any:
        """DLPack's capsule, as NumPy makes it. BufferError: read-only, where the reader's version of DLPack cannot say so."""
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> Tuple[int, int]:
        return (1, 0)

    def to(self, dtype: Any) -> Tensor:
        """A contiguous tensor of a type; itself where nothing would change. Floats to integers are cut towards 0 and saturate."""
        found = c_void_p()
        call(lib.dl4c_tensor_to, self._open, _code(dtype), byref(found))
        return self._of(Owned(found, lib.dl4c_tensor_unref))

    def reshape(self, *shape: int) -> Tensor:
        """Another shape over the same memory; one length may be -1. InvalidError: impossible without a copy."""
        found = c_void_p()
        call(lib.dl4c_tensor_reshape, self._open, (c_int64 * len(shape))(*shape), len(shape), byref(found))
        return self._of(Owned(found, lib.dl4c_tensor_unref))

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order over the same memory; none: reversed."""
        if axes and len(axes) != self.ndim:
            raise ValueError('%d axes for a tensor of %d' % (len(axes), self.ndim))
        found = c_void_p()
        call(lib.dl4c_tensor_transpose, self._open, (c_int32 * len(axes))(*axes) if axes else None, byref(found))
        return self._of(Owned(found, lib.dl4c_tensor_unref))

    def __repr__(self) -> str:
        return super().__repr__() if self.closed else '<dl4c.Tensor %s %s>' % (self.dtype, list(self.shape))


def wrap(array: Any, context: Optional[Context] = None) -> Owned:
    """A tensor over an array's memory, which it keeps alive."""
    if isinstance(array, Tensor):
        return array._open
    a = np.asarray(array)
    code = _DTYPES.get(a.dtype)
    if code is None:
        raise TypeError('an array of %s: float32, float64, float16, int32, int64 and uint8 in the byte order of this machine are taken'
                        % a.dtype.newbyteorder('=').name if a.dtype.isnative else 'an array in the other byte order: %s' % a.dtype.str)
    cookie = next(_cookies)
    _held[cookie] = a
    try:
        return _over(a, code, context, _release, cookie)
    except BaseException:
        del _held[cookie]
        raise


def borrow(a: 'np.ndarray[Any, Any]') -> Owned:
    """A tensor over the memory of a float32 array, which it does not keep alive: for calls during which the array is."""
    return _over(a, c.DL4C_F32, None, _nothing, 0)


def _over(a: 'np.ndarray[Any, Any]', code: int, context: Optional[Context], release: Any, cookie: int) -> Owned:
    rank, item, found, flags, strides = a.ndim, a.itemsize, c_void_p(), a.flags, None
    if not flags.c_contiguous:
        if any(s % item for s in a.strides):
            raise TypeError('an array with %s bytes from element to element, which is no multiple of %d' % (list(a.strides), item))
        strides = (c_int64 * rank)(*[s // item for s in a.strides])
    call(lib.dl4c_tensor_wrap, optional(context), code, (c_int64 * rank)(*a.shape), strides, rank, a.__array_interface__['data'][0],
         0 if flags.writeable else c.DL4C_WRAP_READ_ONLY, release, cookie, byref(found))
    return Owned(found, lib.dl4c_tensor_unref)


def array_of(pointer: c_void_p) -> 'np.ndarray[Any, Any]':
    """An array over a tensor of which one reference is the caller's."""
    return Tensor._of(Owned(pointer, lib.dl4c_tensor_unref)).numpy()


ArrayLike = Union[Tensor, 'np.ndarray[Any, Any]']
