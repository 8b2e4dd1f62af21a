# SPDX-License-Identifier: Apache-2.0
# The recorded cases of parameter averaging with ranks of MPI as workers: one launch a case, as a process joins MPI once.
# Usage: mpi.py RUN_GOLDENS GOLDENS
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import mpirun  # noqa: E402

program, goldens = sys.argv[1:3]
if not mpirun.LAUNCHER or not os.path.isdir(goldens):
    print('skipped: %s' % ('there is no folder ' + goldens if mpirun.LAUNCHER else 'mpirun is not installed'))
    sys.exit(77)
failed = 0
for case in sorted(c for c in os.listdir(goldens) if c.startswith('k_')):
    with open(os.path.join(goldens, case, 'meta.json')) as f:
        workers = json.load(f)['numWorkers']
    status, said = mpirun.run(workers, [program, goldens, case], DL4C_GOLDEN_MPI='1')
    if mpirun.missing(said):
        print('skipped: ' + mpirun.missing(said))
        sys.exit(77)
    if status or case + ' PASS' not in said:
        print('%s: exit status %d\n%s' % (case, status, said))
        failed += 1
print('%d failed' % failed)
sys.exit(failed != 0)
