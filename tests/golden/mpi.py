# SPDX-License-Identifier: Apache-2.0
# The recorded cases of parameter averaging with ranks of MPI as workers: one launch a case, as a process joins MPI once.
# Usage: mpi.py RUN_GOLDENS GOLDENS
import json
import os
import shutil
import subprocess
import sys

program, goldens = sys.argv[1:3]
launcher = shutil.which('mpirun')
if not launcher or not os.path.isdir(goldens):
    print('skipped: %s' % ('mpirun is not installed' if not launcher else 'there is no folder ' + goldens))
    sys.exit(77)
# More ranks than cores; as root, where tests run as root; every rank on this host. MPI keeps memory to the end of the process.
env = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1', OMPI_MCA_rmaps_base_oversubscribe='1',
           OMPI_MCA_mpi_yield_when_idle='1', OMPI_MCA_btl='self,vader,tcp', ASAN_OPTIONS='detect_leaks=0', DL4C_GOLDEN_MPI='1')
failed = 0
for case in sorted(c for c in os.listdir(goldens) if c.startswith('k_')):
    with open(os.path.join(goldens, case, 'meta.json')) as f:
        workers = json.load(f)['numWorkers']
    done = subprocess.run([launcher, '-n', str(workers), program, goldens, case], env=env, timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    said = done.stdout.decode(errors='replace')
    if 'is not built into' in said or 'cannot be loaded' in said:
        print('skipped: ' + said.splitlines()[0])
        sys.exit(77)
    if done.returncode or case + ' PASS' not in said:
        print('%s: exit status %d\n%s' % (case, done.returncode, said))
        failed += 1
print('%d failed' % failed)
sys.exit(failed != 0)
