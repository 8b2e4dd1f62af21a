#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VGG16 with its 138 357 544 parameters and the state of Adam through Deeplearning4j itself: full_size.py FULL_SIZE BUILD_DIR VGG16_JSON

There: we draw it, train it a step and save it; Deeplearning4j loads it, must compute the same, trains it one step more and saves it; we
load that, must compute the same, and our own step from the same file must have led to the same state and, with Adam's formula, to the
same parameters. And back: Deeplearning4j draws the one of its zoo, trains it a step and saves it; we load it, must compute the same, and
save it; Deeplearning4j must find every bit of parameters, state and counts in what we saved. Prints times and peaks of resident memory of
both.

Runs with DL4C_TEST_FULL=1 only: it takes some minutes, 12 GiB of memory and 8 GiB on disk. Exits with 77 where it is skipped."""

import array
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

from dl4j import floats, fresh_folder, java, largest_difference, skip

PARAMETERS = 138357544
WEIGHTS_MIB = 4 * PARAMETERS / 2**20
ROWS, ARRAYS = 2, 32
# Activations are sums of 25 088 terms at most, in another order.
OUTPUT_TOLERANCE = 1e-5
# One step, not more: Adam makes whole steps of gradients that are rounding, and from the second on nothing tells them from faults. The
# state after one step is linear in the gradients. Above the convolutions these are smooth: two trainings of ours, the features of one
# moved by up to four units in the last place, are 2.9e-6 apart, of an array's length (full_size spread; three seeds), Deeplearning4j's and
# ours 4.6e-6. Below, some of the 13 million units in front of a rectifier or in a pooling window lie so close to what decides that rounding
# decides: up to 2.7e-3 apart, whichever layers the few that change their minds are in, and 2.9e-3 there and here. What is in another
# order is 1 apart, a bias taken for a weight too.
DENSE_TOLERANCE, CONV_TOLERANCE = 1e-5, 1.5e-2
# The parameters after the step are what Adam's formula, in doubles, makes of those before it and of the same side's state, in parts of the
# learning rate: the reference and we raise 0.999 to powers in floats, which makes 1.0e-5.
STEP_TOLERANCE = 1e-4


def write_npy(path, shape, values):
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + array.array("f", values).tobytes())


def available_gib():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 2**20
    return 0


def adam(node):
    """The zoo's configuration with another updater."""
    if isinstance(node, dict):
        return {k: {"@class": "org.nd4j.linalg.learning.config.Adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "learningRate": 1e-4}
                if k == "iupdater" and v else adam(v) for k, v in node.items()}
    return [adam(v) for v in node] if isinstance(node, list) else node


class Run:
    def __init__(self, who, command):
        print(f"{who} {command[command.index('FullSize') + 1 if 'FullSize' in command else 1]}:", flush=True)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"FAIL {' '.join(command[-8:])}: {(done.stderr.strip() or done.stdout.strip())[-600:]}")
            sys.exit(1)
        self.line = {}
        for words in map(str.split, done.stdout.splitlines()):
            if words[0] == "array":
                self.line.setdefault("array", []).append(words[1:])
            else:
                self.line[words[0]] = words[1:]
            print("    " + " ".join(words), flush=True)


def main():
    ours, build, config = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    if os.environ.get("DL4C_TEST_FULL") != "1":
        skip("it takes minutes and 12 GiB; DL4C_TEST_FULL=1 runs it")
    if not config.is_file():
        skip(f"there is no {config}")
    work = fresh_folder(build, "vgg16")
    if available_gib() < 12:
        skip(f"{available_gib():.1f} GiB of memory are free, wanted 12")
    if shutil.disk_usage(work).free < 8 << 30:
        skip("8 GiB on disk are wanted")
    there = java(build, "FullSize", "-Xmx6g", "-Dorg.bytedeco.javacpp.maxbytes=10g", "-Dorg.bytedeco.javacpp.maxphysicalbytes=16g")
    draw, bad = random.Random(1), []
    x, y = work / "x.npy", work / "y.npy"
    write_npy(x, (ROWS, 3, 224, 224), (draw.uniform(-120, 130) for _ in range(ROWS * 3 * 224 * 224)))
    write_npy(y, (ROWS, 1000), (float(k == 7 + 100 * r) for r in range(ROWS) for k in range(1000)))

    def file(name):
        return str(work / name)

    def same(what, a, b):
        d = largest_difference(floats(work / a), floats(work / b))
        print(f"{what}: outputs differ by {d:.3g} of the largest")
        if not d <= OUTPUT_TOLERANCE:
            bad.append(f"{what}: outputs differ by {d:.3g}")

    def once(run, what, most):
        heap = float(run.line[what][1])
        if not heap < most:
            bad.append(f"to {what} took {heap:.0f} MiB of the heap, wanted less than {most:.0f}")

    made = Run("ours", [ours, "make", file("ours.zip"), str(x), str(y), file("ours.npy")])
    if made.line["parameters"] != [str(PARAMETERS)]:
        bad.append(f"{made.line['parameters'][0]} parameters, wanted {PARAMETERS}")
    once(made, "save", 2)
    Run("Deeplearning4j", there + ["train", file("ours.zip"), str(x), str(y), "1", file("after.zip"), file("before.npy"),
                                   file("after.npy")])
    same("ours, loaded there", "before.npy", "ours.npy")
    mine = Run("ours", [ours, "train", file("ours.zip"), str(x), str(y), "1", file("mine.zip"), file("mine.npy")])
    once(mine, "load", 3 * WEIGHTS_MIB + 4)
    same("ours, loaded here", "mine.npy", "ours.npy")
    Run("ours", [ours, "run", file("after.zip"), str(x), file("again.npy")])
    same("trained there, loaded here", "again.npy", "after.npy")
    apart = Run("ours", [ours, "apart", file("ours.zip"), file("mine.zip"), file("after.zip")]).line
    arrays = {words[0]: float(max(words[2], words[4], key=float)) for words in apart["array"]}
    if len(arrays) != ARRAYS:
        bad.append(f"{len(arrays)} parameter arrays, wanted {ARRAYS}")
    for name, distance in arrays.items():
        most = CONV_TOLERANCE if name.startswith("block") else DENSE_TOLERANCE
        if not distance <= most:
            bad.append(f"after a step there and here the moments of {name} are {distance:.3g} apart, wanted {most}")
    for who, error in zip(("here", "there"), map(float, apart["step"])):
        if not error <= STEP_TOLERANCE:
            bad.append(f"the step {who} is {error:.3g} learning rates from Adam's, wanted {STEP_TOLERANCE}")
    if apart["iterations"] != ["2", "2"]:
        bad.append(f"iterations here and there: {apart['iterations']}, wanted 2")
    for name in ("ours.zip", "after.zip", "mine.zip"):
        os.remove(work / name)

    (work / "zoo.json").write_text(json.dumps(adam(json.loads(config.read_text()))))
    theirs = Run("Deeplearning4j", there + ["make", file("zoo.json"), str(x), str(y), file("theirs.zip"), file("theirs.npy")])
    copied = Run("ours", [ours, "copy", file("theirs.zip"), file("copied.zip"), str(x), file("copied.npy")])
    once(copied, "load", 3 * WEIGHTS_MIB + 4)
    once(copied, "save", 2)
    same("theirs, loaded here", "copied.npy", "theirs.npy")
    back = Run("Deeplearning4j", there + ["digest", file("copied.zip")])
    if back.line["digest"] != theirs.line["digest"]:
        bad.append(f"what we saved is {back.line['digest']} there, it was {theirs.line['digest']}")
    for line in bad:
        print("FAIL " + line)
    if not bad:
        shutil.rmtree(work)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
