# SPDX-License-Identifier: Apache-2.0
"""Structs that carry their size, so that a library of another version knows which of their members the caller has."""
from ctypes import Structure, sizeof
from typing import Any


class Sized(Structure):
    """A struct whose first member is struct_size, which is set; all else is 0, which means the default."""

    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        self.struct_size = sizeof(type(self))
