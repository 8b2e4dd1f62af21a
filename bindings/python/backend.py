# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel and the sdist (PEP 517), with Python alone: meson builds libdl4c, which goes into the package beside its modules.

A wheel of this kind, py3-none-PLATFORM, holds no module of CPython's and so fits every Python: a zip of three text files more than the
package itself has. config_settings: setup-args, options of `meson setup` (-Dblis=disabled); build-dir, kept for the next time; library, one
that was built already; notices, a folder of licences that go along.
"""
from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from typing import Any, Dict, Iterator, List, Optional, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
Settings = Optional[Dict[str, Any]]
EPOCH = 315532800  # 1980, where zip's calendar begins: the same input gives the same bytes

METADATA = '''Metadata-Version: 2.1
Name: dl4c
Version: %s
Summary: Transfer learning on images: libdl4c from Python, with NumPy arrays in and out without a copy
License: Apache-2.0
Requires-Python: >=3.9
Requires-Dist: numpy
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Scientific/Engineering :: Image Recognition
Classifier: Typing :: Typed
Description-Content-Type: text/markdown

'''


def read(path: str) -> bytes:
    """A whole file."""
    with open(path, 'rb') as f:
        return f.read()


def version() -> str:
    """The project's, which stands in meson.build alone."""
    found = re.search(r"^\s*version: '([0-9.]+)'", read(os.path.join(ROOT, 'meson.build')).decode(), re.M)
    if not found:
        raise ValueError('%s/meson.build names no version' % ROOT)
    return found.group(1)


def metadata() -> bytes:
    """The text that tells pip what this is."""
    return (METADATA % version()).encode() + read(os.path.join(ROOT, 'docs', 'tutorial', 'python.md'))


def get_requires_for_build_wheel(config_settings: Settings = None) -> List[str]:
    """meson and ninja, where the system has none."""
    return [what for program, what in (('meson', 'meson>=1.0'), ('ninja', 'ninja')) if not shutil.which(program)]


def get_requires_for_build_sdist(config_settings: Settings = None) -> List[str]:
    """Nothing."""
    return []


def run(*command: str) -> None:
    """Runs a program; what it says goes to stderr, as stdout is pip's."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        sys.stderr.write(done.stdout[-8000:])
        raise RuntimeError('%s ended with %d' % (' '.join(command), done.returncode))


def build(folder: str, arguments: List[str]) -> str:
    """The path of libdl4c, built in a folder. What only the command line serves is left out."""
    again = ['--reconfigure'] if os.path.exists(os.path.join(folder, 'build.ninja')) else []
    run('meson', 'setup', folder, ROOT, *again, '--buildtype=release', '-Dtests=false', '-Dexamples=false', '-Dmonitor=disabled',
        '-Dmpi=disabled', *arguments)
    library = 'lib/libdl4c.0.dylib' if sys.platform == 'darwin' else 'lib/libdl4c.so.0'
    run('ninja', '-C', folder, library)
    return os.path.join(folder, library)


def stripped(library: str, folder: str) -> bytes:
    """The bytes of a library without debug information, by way of a copy in a folder."""
    copy = os.path.join(folder, 'stripped')
    shutil.copy(library, copy)
    run('strip', *(['-x'] if sys.platform == 'darwin' else ['--strip-unneeded']), copy)
    return read(copy)


def package() -> Iterator[Tuple[str, bytes]]:
    """The files of the package, sorted."""
    for folder, folders, files in os.walk(os.path.join(HERE, 'dl4c')):
        folders[:] = sorted(f for f in folders if f != '__pycache__')
        for name in sorted(files):
            if name.endswith('.py') or name == 'py.typed':
                path = os.path.join(folder, name)
                yield os.path.relpath(path, HERE).replace(os.sep, '/'), read(path)


def setup_args(settings: Settings) -> List[str]:
    """What config_settings has for meson: one text or several."""
    given = (settings or {}).get('setup-args', [])
    return given.split() if isinstance(given, str) else list(given)


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None) -> str:
    """Makes the wheel; its name. Libraries that libdl4c needs are the system's until auditwheel puts them in: see scripts/wheel."""
    settings = config_settings or {}
    platform = re.sub(r'[-.]', '_', sysconfig.get_platform())
    name, info = 'dl4c-%s-py3-none-%s.whl' % (version(), platform), 'dl4c-%s.dist-info' % version()
    with tempfile.TemporaryDirectory() as work:
        built = settings.get('library') or build(settings.get('build-dir') or work, setup_args(settings))
        library, binary = os.path.basename(os.path.realpath(built)), stripped(built, work)
    files = list(package()) + [('dl4c/' + library, binary), (info + '/METADATA', metadata()),
                               (info + '/licenses/LICENSE', read(os.path.join(ROOT, 'LICENSE')))]
    notices = str(settings.get('notices') or '')
    for notice in sorted(os.listdir(notices)) if notices else []:
        files.append(('%s/licenses/%s' % (info, notice), read(os.path.join(notices, notice))))
    files.append((info + '/WHEEL', ('Wheel-Version: 1.0\nGenerator: dl4c-wheel (%s)\nRoot-Is-Purelib: false\nTag: py3-none-%s\n'
                                    % (version(), platform)).encode()))
    record = ''.join('%s,sha256=%s,%d\n' % (path, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('='), len(data))
                     for path, data in files)
    files.append((info + '/RECORD', (record + info + '/RECORD,,\n').encode()))
    with zipfile.ZipFile(os.path.join(wheel_directory, name), 'w', zipfile.ZIP_DEFLATED) as z:
        for path, data in files:
            entry = zipfile.ZipInfo(path)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, (0o755 if path.endswith(library) else 0o644) << 16
            z.writestr(entry, data)
    return name


def sources() -> List[str]:
    """All files of the project: what git tracks, and in an unpacked sdist all that is there."""
    if os.path.exists(os.path.join(ROOT, '.git')):
        listed = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z'], check=True, stdout=subprocess.PIPE).stdout.decode()
        return sorted(f for f in listed.split('\0') if f and os.path.isfile(os.path.join(ROOT, f)))
    found = [os.path.relpath(os.path.join(folder, name), ROOT) for folder, _, files in os.walk(ROOT) for name in files]
    return sorted(f for f in found if f not in ('PKG-INFO', 'pyproject.toml') and '__pycache__' not in f and not f.startswith('build'))


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Makes the archive of all sources, tests included, with this backend named at its root."""
    top = 'dl4c-' + version()
    project = read(os.path.join(HERE, 'pyproject.toml')).decode().replace('backend-path = ["."]', 'backend-path = ["bindings/python"]')
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=tarfile.PAX_FORMAT) as tar:
        files = [(f, read(os.path.join(ROOT, f)), os.access(os.path.join(ROOT, f), os.X_OK)) for f in sources()]
        for path, data, runs in files + [('PKG-INFO', metadata(), False), ('pyproject.toml', project.encode(), False)]:
            entry = tarfile.TarInfo(top + '/' + path)
            entry.size, entry.mtime, entry.mode = len(data), EPOCH, 0o755 if runs else 0o644
            tar.addfile(entry, io.BytesIO(data))
    with open(os.path.join(sdist_directory, top + '.tar.gz'), 'wb') as f:
        f.write(gzip.compress(buffer.getvalue(), mtime=EPOCH))
    return top + '.tar.gz'
