# SPDX-License-Identifier: Apache-2.0
"""The safetensors container in plain Python: shards of features stores, and models whose parameters are averaged."""
from __future__ import annotations

import json
import struct
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from ..errors import CorruptError

Array = Any
_TYPES: Dict[str, Any] = {'F32': np.dtype('<f4'), 'I64': np.dtype('<i8'), 'U8': np.dtype('u1')}
_NAMES: Dict[Any, str] = {dtype: name for name, dtype in _TYPES.items()}


def parse(data: Any, name: str) -> Tuple[Dict[str, str], Dict[str, Array]]:
    """Metadata and tensors, which share memory with the bytes. CorruptError."""
    try:
        size = struct.unpack_from('<Q', data)[0]
        header = json.loads(bytes(memoryview(data)[8:8 + size]).decode('utf-8', 'surrogateescape'))
        metadata, found = header.pop('__metadata__', {}), {}
        for key, what in header.items():
            begin, end = what['data_offsets']
            found[key] = np.frombuffer(data, np.uint8, end - begin, 8 + size + begin).view(_TYPES[what['dtype']]).reshape(what['shape'])
    except (KeyError, TypeError, ValueError, struct.error) as why:
        raise CorruptError('%s is no file of tensors: %s' % (name, why), 'spark') from None
    return metadata, found


def compose(metadata: Dict[str, str], tensors: Sequence[Tuple[str, Array]]) -> bytes:
    """The file of tensors in the order they are given; they begin at a multiple of 64 bytes."""
    header: Dict[str, Any] = {'__metadata__': metadata}
    at = 0
    for name, value in tensors:
        header[name] = {'dtype': _NAMES[value.dtype], 'shape': list(value.shape), 'data_offsets': [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-(8 + len(text)) % 64)
    return b''.join([struct.pack('<Q', len(text)), text] + [np.ascontiguousarray(value).data for _, value in tensors])


class Model:
    """The bytes of a model file, with its updater's state, as vectors that can be averaged."""

    def __init__(self, data: bytes) -> None:
        metadata, self.tensors = parse(data, 'the model')
        self.network: Dict[str, Any] = json.loads(metadata['dl4c'])
        frozen = {v['name'] for v in self.network['vertices'] if v.get('frozen')}
        self.learnt: List[str] = [name for name, value in self.tensors.items() if value.dtype == np.float32 and
                                  name != 'updater_state' and name.rpartition('.')[0] not in frozen]

    @property
    def iteration(self) -> int:
        """Steps of training so far."""
        return int(self.network['iteration'])

    @property
    def epoch(self) -> int:
        """Epochs of training so far."""
        return int(self.network['epoch'])

    def vector(self, state: bool) -> Array:
        """What is trained, one value after the other, the updater's state last."""
        names = self.learnt + (['updater_state'] if state and 'updater_state' in self.tensors else [])
        return np.concatenate([self.tensors[name].ravel() for name in names]) if names else np.empty(0, np.float32)

    def take(self, vector: Array) -> None:
        """Makes them those of a vector as vector() gave it; without a state in it, that stays."""
        at = 0
        for name in self.learnt + ['updater_state']:
            if at < vector.size:
                old = self.tensors[name]
                self.tensors[name] = vector[at:at + old.size].reshape(old.shape)
                at += old.size

    def to_bytes(self) -> bytes:
        """The file again."""
        return compose({'dl4c': json.dumps(self.network)}, list(self.tensors.items()))
