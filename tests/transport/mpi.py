# SPDX-License-Identifier: Apache-2.0
# Runs test_mpi under mpirun with several numbers of ranks: every one says that all was right; and looks that the library itself
# does not need MPI. Usage: mpi.py TEST_MPI LIBRARY
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import mpirun  # noqa: E402

program, library = sys.argv[1:3]
with open(library, 'rb') as f:
    if b'libmpi' in f.read().replace(b'libdl4c-mpi', b''):
        print('%s names libmpi' % library)
        sys.exit(1)
if not mpirun.LAUNCHER:
    print('skipped: mpirun is not installed')
    sys.exit(77)
failed = 0
for ranks, how in ((1, []), (2, []), (4, []), (5, []), (4, ['gentle']), (3, ['late'])):
    status, text = mpirun.run(ranks, [program, str(ranks), *how])
    if mpirun.missing(text):
        print('skipped: ' + mpirun.missing(text))
        sys.exit(77)
    wrong = [r for r in range(ranks) if 'rank %d of %d: right' % (r, ranks) not in text]
    if wrong or status:
        print('%d ranks %s: exit status %d, not right: %s\n%s' % (ranks, ' '.join(how), status, wrong, text))
        failed += 1
sys.exit(failed != 0)
