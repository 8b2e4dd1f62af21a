# SPDX-License-Identifier: Apache-2.0
# Runs test_mpi under mpirun with several numbers of ranks: every one says that all was right; and looks that the library itself
# does not need MPI. Usage: mpi.py TEST_MPI LIBRARY
import os
import shutil
import subprocess
import sys

program, library = sys.argv[1:3]
with open(library, 'rb') as f:
    if b'libmpi' in f.read().replace(b'libdl4c-mpi', b''):
        print('%s names libmpi' % library)
        sys.exit(1)
launcher = shutil.which('mpirun')
if not launcher:
    print('skipped: mpirun is not installed')
    sys.exit(77)
# More ranks than cores; as root, where tests run as root; every rank on this host.
env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1', OMPI_MCA_rmaps_base_oversubscribe='1',
           OMPI_MCA_mpi_yield_when_idle='1', OMPI_MCA_btl='self,vader,tcp')
failed = 0
for ranks, how in ((1, []), (2, []), (4, []), (5, []), (4, ['gentle']), (3, ['late'])):
    done = subprocess.run([launcher, '-n', str(ranks), program, str(ranks), *how], env=env, timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors='replace')
    if 'unsupported: ' in text:
        print('skipped: ' + text.strip().splitlines()[0])
        sys.exit(77)
    missing = [r for r in range(ranks) if 'rank %d of %d: right' % (r, ranks) not in text]
    if missing or done.returncode:
        print('%d ranks %s: exit status %d, not right: %s\n%s' % (ranks, ' '.join(how), done.returncode, missing, text))
        failed += 1
sys.exit(failed != 0)
