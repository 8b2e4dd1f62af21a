# SPDX-License-Identifier: Apache-2.0
# Several hosts on this one: network namespaces, through ../shared/cluster/netns/netns.sh. Needs root and a kernel that has them.
import os
import shutil
import signal
import subprocess
import sys

SCRIPT = os.path.abspath(os.path.join('..', 'shared', 'cluster', 'netns', 'netns.sh'))


def skip(why):
    print('skipped: ' + why)
    sys.exit(77)


class Hosts:
    """n hosts 10.P.0.1 .. n, joined by a bridge, or, given (delay ms, jitter ms, loss %, Mbit/s), by a switch that has them."""

    def __init__(self, n, switch=None):
        if not os.path.exists(SCRIPT):
            skip('%s is not there' % SCRIPT)
        if os.geteuid() != 0 or not shutil.which('ip'):
            skip('network namespaces want root and the command ip')
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a test that takes too long is told to end: __exit__ takes all away
        # Of this process alone, so that two tests do not meet.
        self.net = '10.%d.%d' % (100 + os.getpid() % 100, os.getpid() // 100 % 250)
        self.env = dict(os.environ, NETNS_PREFIX='t%dh' % os.getpid(), NETNS_NET=self.net)
        self.processes = []
        done = self.script('up', str(n), *(['--switch', *map(str, switch)] if switch else []))
        if done.returncode:
            self.script('down')  # what came up before
            skip('network namespaces cannot be made here: %s' % done.stdout.decode(errors='replace').strip())

    def script(self, *args):
        return subprocess.run(['bash', SCRIPT, *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def address(self, i):
        return '%s.%d' % (self.net, i)

    def start(self, i, command, out):
        """The command on host i, what it prints in the file out; a Popen whose pid is the command's own."""
        full = ['ip', 'netns', 'exec', self.env['NETNS_PREFIX'] + str(i), *command]
        p = subprocess.Popen(full, stdout=out, stderr=subprocess.STDOUT, env=self.env)
        self.processes.append(p)
        return p

    def link(self, i, up):
        self.script('link', str(i), 'up' if up else 'down')

    def __enter__(self):
        return self

    def __exit__(self, *what):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
            p.wait()
        self.script('down')
