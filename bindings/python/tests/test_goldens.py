# SPDX-License-Identifier: Apache-2.0
# Cases recorded from Deeplearning4j through Python, as tests/golden/run_goldens does them in C: one subtest for each folder. Tolerances are
# those of docs/design/fidelity.md, relative to the largest magnitude of the recorded array. Every file of a case is compared, or named at
# the end with the reason why not. DL4C_GOLDENS: a folder of such cases; else ../shared/dl4j/goldens.
import collections
import os
import unittest

import golden_cases
from support import ROOT
from told import main

GOLDENS = os.environ.get('DL4C_GOLDENS') or os.path.join(os.path.dirname(ROOT), 'shared', 'dl4j', 'goldens')


class Goldens(unittest.TestCase):
    def test_every_case_through_python(self):
        if not os.path.isdir(GOLDENS):
            self.skipTest('there is no ../shared/dl4j/goldens')
        cases, left, none = collections.Counter(), collections.defaultdict(list), set()
        for name in sorted(os.listdir(GOLDENS)):
            with self.subTest(name):
                case = golden_cases.Case(os.path.join(GOLDENS, name))
                golden_cases.compare(case)
                case.close()
                cases['none' if case.none else 'part' if case.left else 'whole'] += 1
                for reason in case.left:
                    left[reason].append(name)
                    none.update([reason] if case.none else [])
        print('cases: %s' % ', '.join('%d %s' % (cases[k], k) for k in ('whole', 'part', 'none')))
        for reason, names in sorted(left.items()):
            print('%s of %d cases (%s%s): %s' % ('skipped: all' if reason in none else 'left out', len(names), names[0],
                                                 ', ...' if len(names) > 1 else '', reason))


if __name__ == '__main__':
    main()
