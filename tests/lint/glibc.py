# SPDX-License-Identifier: Apache-2.0
# The library can be built for glibc 2.28 (manylinux_2_28): of what it takes from the C library, what came later only moved between its
# parts or got a new version, or is used where meson found it. Usage: glibc.py NM LIBRARY
import re
import subprocess
import sys

LIMIT = (2, 28)
# In 2.28 already, by another version or in another library: libpthread and libdl became part of libc in 2.34, the stat family was inline
# until 2.33, exp, log and pow lost their wrappers for errno in 2.29.
MOVED = re.compile(r'pthread_\w+|sem_\w+|dl(addr|close|error|open|sym)|[fl]?stat(64)?|fstatat(64)?|mknod(at)?|(exp|exp2|log|log2|pow)f?'
                   r'|__libc_start_main|shm_(open|unlink)|clock_nanosleep|call_once|mtx_\w+|cnd_\w+|thrd_\w+|tss_\w+|raise')
FOUND_BY_MESON = {'strerrordesc_np': 'lib/base/meson.build'}

nm, library = sys.argv[1:3]
done = subprocess.run([nm, '-D', '--undefined-only', '--with-symbol-versions', library], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                      universal_newlines=True)
if done.returncode:
    print('skipped: nm does not tell versions of symbols: %s' % (done.stdout.splitlines() or [''])[-1])
    sys.exit(77)
names = re.findall(r'\bU (\w+)@@?GLIBC_(\d+)\.(\d+)', done.stdout)
if not names:
    print('skipped: the C library is not glibc')
    sys.exit(77)
late = [(name, '%s.%s' % (a, b)) for name, a, b in names if (int(a), int(b)) > LIMIT]
wrong = [n for n in late if not MOVED.fullmatch(n[0]) and n[0] not in FOUND_BY_MESON]
for name, version in wrong:
    print('%s came with glibc %s: 2.28 lacks it, and meson does not look for it' % (name, version))
print('%d symbols of glibc, %d of versions after 2.28, %d that 2.28 lacks' % (len(names), len(late), len(wrong)))
sys.exit(1 if wrong else 0)
