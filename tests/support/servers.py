# SPDX-License-Identifier: Apache-2.0
"""What tests that start real servers share: ending as skipped with a reason, checking, ports that are free."""
import random
import socket
import sys


def skip(why):
    """Ends the test as skipped."""
    print("skipped: " + why)
    sys.exit(77)


def check(good, what):
    """AssertionError with what is wrong."""
    if not good:
        raise AssertionError(what)


def free_ports(n):
    """The first of n ports that nobody has just now."""
    for _ in range(50):
        base = random.randrange(20000, 32000, 100)
        try:
            for port in range(base, base + n):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    return skip("there are no %d free ports in a row" % n)
