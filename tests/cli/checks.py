# SPDX-License-Identifier: Apache-2.0
# Running dl4c and looking at what it says: shared by the tests of the command line.
import os
import struct
import subprocess
import time


class Checks:
    def __init__(self, dl4c):
        self.dl4c = os.path.abspath(dl4c)
        self.failures = 0

    def check(self, ok, message):
        if not ok:
            self.failures += 1
            print('FAILED: ' + message)
        return ok

    def run(self, *args, want=0, env=None, before=None):
        """Runs dl4c; stdout, stderr. A wrong status is a failure that shows what was said."""
        p = subprocess.run([self.dl4c, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})),
                           preexec_fn=before)
        out, err = p.stdout.decode(), p.stderr.decode()
        self.check(p.returncode == want, 'dl4c %s: status %d, wanted %d\n%s' % (' '.join(args), p.returncode, want, err))
        return out, err

    def refuses(self, *args, says='', leaves=None, env=None, before=None, want=1):
        """One sentence on stderr, status 1, nothing on stdout, and no file under its final name."""
        out, err = self.run(*args, '--progress', 'none', want=want, env=env, before=before)
        lines = [line for line in err.splitlines() if not line.startswith('dl4c: warning: ')]
        shown = ' '.join(args)
        self.check(out == '', 'dl4c %s: printed %r' % (shown, out))
        self.check(len(lines) == 1 and lines[0].startswith('dl4c: '), 'dl4c %s: wanted one sentence, said %r' % (shown, err))
        self.check(says in err, 'dl4c %s: said %r, wanted "%s" in it' % (shown, err, says))
        if leaves:
            self.check(not os.path.exists(leaves), 'dl4c %s: left %s' % (shown, leaves))

    def wait_for(self, done):
        """Until it is so, a minute at most."""
        for _ in range(6000):
            if done():
                return
            time.sleep(0.01)
        self.check(False, 'waited a minute for nothing')


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)
    return path


def bomb(jpeg):
    """The same JPEG with a header that claims 65535x65535 pixels."""
    b = bytearray(jpeg)
    at = b.index(b'\xff\xc0') + 5
    b[at:at + 4] = struct.pack('>HH', 65535, 65535)
    return bytes(b)
