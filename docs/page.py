# SPDX-License-Identifier: Apache-2.0
# The committed page of operators equals what tools/opdoc writes. Usage: page.py OPDOC PAGE check|renew
import difflib
import subprocess
import sys

opdoc, page, what = sys.argv[1:4]
new = subprocess.run([opdoc], check=True, stdout=subprocess.PIPE).stdout.decode()
if what == 'renew':
    with open(page, 'w', encoding='utf-8') as f:
        f.write(new)
    sys.exit(0)
with open(page, encoding='utf-8') as f:
    old = f.read()
if old != new:
    sys.stdout.writelines(list(difflib.unified_diff(old.splitlines(True), new.splitlines(True), page, 'descriptors'))[:60])
    print('docs/reference/operators.md is not what the descriptors say: meson compile -C build operators-page')
    sys.exit(1)
