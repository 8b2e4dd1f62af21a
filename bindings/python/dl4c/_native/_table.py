# SPDX-License-Identifier: Apache-2.0
"""All functions of include/dl4c by name. Written by tools/prototypes.py, not by hand."""
from typing import Any

from . import (
    base, chart, compare, early_stopping, evaluation, features, fetch, fs, graph, image, listener, model, monitor, normalizer, op,
    predict, reader, source, tensor, train, transfer, transport, webhdfs, zoo
)

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {}
_MODULES = (base, chart, compare, early_stopping, evaluation, features, fetch, fs, graph, image, listener, model, monitor, normalizer, op,
    predict, reader, source, tensor, train, transfer, transport, webhdfs, zoo)
for _module in _MODULES:
    PROTOTYPES.update(_module.PROTOTYPES)
