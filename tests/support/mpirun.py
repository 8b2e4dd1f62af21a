# SPDX-License-Identifier: Apache-2.0
# Ranks of MPI, for tests in Python.
import os
import shutil
import subprocess

LAUNCHER = shutil.which('mpirun')
# More ranks than cores; as root, where tests run as root; every rank on this host. MPI keeps memory to the end of the process.
ENVIRONMENT = dict(OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1', OMPI_MCA_rmaps_base_oversubscribe='1',
                   OMPI_MCA_mpi_yield_when_idle='1', OMPI_MCA_btl='self,vader,tcp', ASAN_OPTIONS='detect_leaks=0')


def run(ranks, command, **env):
    """All ranks run the same command; its exit status and what they said."""
    done = subprocess.run([LAUNCHER, '-n', str(ranks), *command], env=dict(os.environ, **ENVIRONMENT, **env), timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors='replace')


def start(ranks, command):
    """The launcher, whose ranks say what they say to its stdout."""
    return subprocess.Popen([LAUNCHER, '-n', str(ranks), *command], env=dict(os.environ, **ENVIRONMENT), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def pid_of(launcher, rank):
    """The process that is this rank, or None."""
    for name in os.listdir('/proc'):
        try:
            with open('/proc/%s/stat' % name) as f:
                parent = int(f.read().rpartition(')')[2].split()[1])
            with open('/proc/%s/environ' % name, 'rb') as f:
                mine = b'OMPI_COMM_WORLD_RANK=%d' % rank in f.read().split(b'\0')
        except (OSError, ValueError):
            continue
        if parent == launcher.pid and mine:
            return int(name)
    return None


def missing(said):
    """Why the library cannot join MPI here, or None."""
    return next((line for line in said.splitlines() if 'is not built into' in line or 'cannot be loaded' in line), None)
