# SPDX-License-Identifier: Apache-2.0
"""The C library: found, loaded, its version looked at, its functions with their types as `lib`.

Looked for in this order: what the environment variable DL4C_LIB names (then nothing else is tried), the package's own folder, what Spark
brought with --files, the system. Where the package is imported from a zip the libraries in it are unpacked to a folder that nobody else
sees.
"""
import os
import sys
import tempfile
import zipfile
from ctypes import CDLL
from contextlib import closing
from ctypes.util import find_library
from typing import Any, Generator, Iterator, Tuple

from . import base
from ._table import PROTOTYPES

VERSION = base.DL4C_VERSION_MAJOR * 10000 + base.DL4C_VERSION_MINOR * 100 + base.DL4C_VERSION_PATCH
ABI_MAJOR = 0
if sys.platform == 'darwin':
    NAMES = ('libdl4c.%d.dylib' % ABI_MAJOR, 'libdl4c.dylib')
else:
    NAMES = ('libdl4c.so.%d' % ABI_MAJOR, 'libdl4c.so')


def unpacked(archive: str) -> Iterator[str]:
    """The libraries of a zip, in a folder of this process that is gone once they are loaded, or were not."""
    with zipfile.ZipFile(archive) as z:
        inside = [name for name in z.namelist() if '.so' in name.rsplit('/', 1)[-1] and not name.startswith('/') and '..' not in name]
        if not inside:
            return
        with tempfile.TemporaryDirectory(prefix='dl4c-') as folder:
            z.extractall(folder, inside)
            yield from (os.path.join(folder, 'dl4c', name) for name in NAMES if 'dl4c/' + name in inside)


def sent() -> Iterator[str]:
    """What `spark-submit --files libdl4c.so` brought to this process, where it is one of Spark's."""
    pyspark = sys.modules.get('pyspark')
    if pyspark is not None:
        try:
            folder = pyspark.SparkFiles.getRootDirectory()
        except Exception:  # a driver that has no SparkContext yet
            return
        yield from (os.path.join(folder, name) for name in NAMES)


def candidates() -> Generator[str, None, None]:
    """What is tried, in order."""
    named = os.environ.get('DL4C_LIB')
    if named:
        yield named
        return
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    yield from (os.path.join(folder, name) for name in NAMES)
    archive = getattr(globals().get('__loader__'), 'archive', None)
    if archive:
        yield from unpacked(archive)
    yield from sent()
    yield from NAMES
    found = find_library('dl4c')
    if found and found not in NAMES:
        yield found


def text_of(version: int) -> str:
    """10203 as "1.2.3"."""
    return '%d.%d.%d' % (version // 10000, version // 100 % 100, version % 100)


def bind(library: Any, path: str) -> Any:
    """Gives every function its types. ImportError: the library is older than these bindings, or not ours."""
    try:
        library.dl4c_version.restype = base.PROTOTYPES['dl4c_version'][0]
        found = library.dl4c_version()
    except AttributeError:
        raise ImportError('%s is not libdl4c: it has no dl4c_version' % path) from None
    if found < VERSION:
        raise ImportError('%s is libdl4c %s; this package needs %s or later' % (path, text_of(found), text_of(VERSION)))
    for name, (result, arguments) in PROTOTYPES.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError('%s, libdl4c %s, has no %s; this package was made for %s' % (path, text_of(found), name,
                                                                                           text_of(VERSION))) from None
        function.restype, function.argtypes = result, arguments
    return library


def load() -> Tuple[Any, str]:
    """The library and where it was found. ImportError lists what was tried, and why it was not that."""
    tried = []
    with closing(candidates()) as paths:
        for path in paths:
            try:
                return bind(CDLL(path), path), path
            except OSError as why:
                tried.append('  %s: %s' % (path, why))
    raise ImportError('libdl4c was not found. Tried:\n%s\nSet DL4C_LIB to the path of libdl4c.so' % '\n'.join(tried))


lib, path = load()
