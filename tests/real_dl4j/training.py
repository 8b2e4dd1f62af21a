#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training of rarer kinds against Deeplearning4j itself: training.py TRAINING BUILD_DIR

Training.java records weight noise that is certain, masks of features and targets, the mixture density loss and settings that change
nothing; the program TRAINING repeats them here and writes each model, which Deeplearning4j then trains, too. See dl4j.py."""

import subprocess
import sys

from dl4j import fresh_folder, java


def main():
    training, build = sys.argv[1:3]
    there, folder = java(build, "Training", "-Xmx2g"), fresh_folder(build, "training")
    bad = []
    recorded = subprocess.run([*there, "record", str(folder)], capture_output=True, text=True)
    lines = [line.split("\t") for line in recorded.stdout.splitlines() if "\t" in line]
    bad += [f"not recorded: {line[1]}: {line[2]}" for line in lines if line[0] == "FAILED"]
    cases = [line[1] for line in lines if line[0] == "RECORDED"]
    if recorded.returncode != 0:
        bad.append(recorded.stderr.strip()[-800:])
    ours = subprocess.run([training, *(str(folder / c) for c in cases)], capture_output=True, text=True)
    repeated = [line for line in ours.stdout.splitlines() if line.startswith("ok\t")]
    print(ours.stdout, end="")
    if len(repeated) != len(cases):
        bad.append(f"{len(repeated)} of {len(cases)} cases were repeated")
    checked = subprocess.run([*there, "check", str(folder)], capture_output=True, text=True)
    results = [line.split("\t") for line in checked.stdout.splitlines() if line.startswith("RESULT\t")]
    bad += [f"{name}: {result}" for _, name, result in results if result != "ok"]
    if len(results) != len(cases):
        bad.append(f"{len(results)} of {len(cases)} models were trained there")
    for line in bad:
        print("FAIL " + line)
    print(f"{len(cases)} cases repeated here and trained there, {len(bad)} failed")
    return 1 if bad or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
