# SPDX-License-Identifier: Apache-2.0
# How a test program ends: each skipped test is a line "skipped: WHY", which scripts/test adds up, and 77 says that nothing was left to run.
import sys
import unittest


class Told(unittest.TextTestResult):
    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print('skipped: ' + reason, flush=True)


def main():
    """unittest.main that tells why tests were skipped; does not return."""
    result = unittest.main(exit=False, testRunner=unittest.TextTestRunner(resultclass=Told)).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
