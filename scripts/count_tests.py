# SPDX-License-Identifier: Apache-2.0
# Adds up one run of `meson test`: prints what failed and why tests were skipped, appends "passed failed skipped" to TOTALS.
# Every cmocka test counts by itself; a program without cmocka counts as one; a program that ended badly without naming a failed test
# (a crash, a leak, a timeout) counts as one failure. A part of a test that prints "skipped: reason" counts as one skipped.
# Usage: count_tests.py TESTLOG.json TOTALS REASONS
import json
import os
import re
import sys


def count(test):
    out, err = test.get('stdout') or '', test.get('stderr') or ''
    passed = len(re.findall(r'^\[ +OK +\] ', out, re.M))
    skipped = len(re.findall(r'^\[ +SKIPPED +\] ', out, re.M))
    failed = sum(int(n) for n in re.findall(r'^\[ +FAILED +\] .*?(\d+) test\(s\), listed below', err, re.M))
    result = test['result']
    if result == 'SKIP':
        return passed, failed, skipped or 1
    if result not in ('OK', 'EXPECTEDFAIL'):
        return passed, failed or 1, skipped
    return (passed or (0 if skipped else 1)), failed, skipped


def main():
    log, totals, reasons = sys.argv[1:4]
    total = [0, 0, 0]
    why = {}
    try:
        with open(log, encoding='utf-8', errors='replace') as f:
            tests = [json.loads(line) for line in f if line.strip()]
    except OSError:
        tests = []
    if not tests:
        print('no test ran: %s has none' % os.path.basename(log))
        total[1] += 1
    for test in tests:
        counts = count(test)
        text = (test.get('stdout') or '') + (test.get('stderr') or '')
        found = re.findall(r'^\W*skipped: *(.*?) *$', text, re.M)
        counts = counts[0], counts[1], max(counts[2], len(found))
        total = [a + b for a, b in zip(total, counts)]
        for reason in found:
            why.setdefault(reason, set()).add(test['name'])
        if counts[2] and not found:
            why.setdefault('no reason given', set()).add(test['name'])
        if counts[1]:
            print('--- FAILED: %s (%s, status %s)' % (test['name'], test['result'], test.get('returncode')))
            print('\n'.join(text.splitlines()[-60:]))
    print('%d passed, %d failed, %d skipped' % tuple(total))
    with open(totals, 'a', encoding='utf-8') as f:
        f.write('%d %d %d\n' % tuple(total))
    with open(reasons, 'a', encoding='utf-8') as f:
        for reason, names in sorted(why.items()):
            names = sorted(names)
            shown = ', '.join(names[:3]) + (' and %d more' % (len(names) - 3) if len(names) > 3 else '')
            f.write('%s (%s)\n' % (reason, shown))
    return 1 if total[1] else 0


sys.exit(main())
