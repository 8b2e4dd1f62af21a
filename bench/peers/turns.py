# SPDX-License-Identifier: Apache-2.0
"""Taking turns: what bench.c does for our own programs. Prints one JSON object when ready; then reads seconds, a number a line, works
for about that long and prints one line with the rate. Memory is this process's own peak."""
import json
import resource
import statistics
import sys
import time


def peak_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def say(**members):
    print(json.dumps(members), flush=True)


def serve(name, items, work, **ready):
    work()  # warm
    say(**ready, peak_rss_mb=peak_mb())
    for line in sys.stdin:
        seconds, times, begin = float(line), [], time.perf_counter()
        while time.perf_counter() - begin < seconds or len(times) < 3:
            t = time.perf_counter()
            work()
            times.append(time.perf_counter() - t)
        say(**{f'{name}_per_s': items / statistics.median(times), f'best_{name}_per_s': items / min(times), 'runs': len(times),
               'peak_rss_mb': peak_mb()})
