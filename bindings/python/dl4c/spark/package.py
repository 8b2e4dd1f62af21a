# SPDX-License-Identifier: Apache-2.0
"""This package as a zip for `spark-submit --py-files`, with the library in it or without."""
from __future__ import annotations

import os
import zipfile
from typing import Iterator, Tuple

from .._core import Path

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _is_library(name: str) -> bool:
    return '.so' in name or name.endswith('.dylib')


def _files(library: bool) -> Iterator[Tuple[str, str]]:
    """What goes in: files and their names in the zip. Beside the package lie the libraries of a wheel that it needs."""
    above = os.path.dirname(HERE)
    for base in (HERE, os.path.join(above, 'dl4c.libs')):
        for folder, folders, names in os.walk(base):
            folders[:] = sorted(f for f in folders if f != '__pycache__')
            for name in sorted(names):
                path = os.path.join(folder, name)
                if not name.endswith('.pyc') and (library or not _is_library(name)):
                    yield path, os.path.relpath(path, above)


def package(path: Path, library: bool = True) -> str:
    """Writes the zip; returns its path.

    library: with the shared library where the package has it inside, as one that was installed from a wheel does; a task unpacks it
    to a folder of its own. Else give it along: `--py-files dl4c.zip --files libdl4c.so`.

    >>> import zipfile
    >>> from dl4c.spark import package
    >>> names = zipfile.ZipFile(package('dl4c.zip', library=False)).namelist()
    >>> 'dl4c/spark/network.py' in names, any(name.endswith('.so') for name in names)
    (True, False)
    """
    to = os.fsdecode(path)
    with zipfile.ZipFile(to, 'w', zipfile.ZIP_DEFLATED) as z:
        for file, name in _files(library):
            made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            made.compress_type, made.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with open(file, 'rb') as f:
                z.writestr(made, f.read())
    return to


if __name__ == '__main__':
    import sys
    print(package(sys.argv[1] if len(sys.argv) > 1 else 'dl4c.zip'))
