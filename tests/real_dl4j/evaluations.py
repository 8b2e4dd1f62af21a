#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evaluations through Deeplearning4j itself: evaluations.py MEASURES BUILD_DIR

What the program MEASURES writes is read by Deeplearning4j's fromJson; its toJson and stats() must then give the same bytes. See dl4j.py."""

import subprocess
import sys

from dl4j import fresh_folder, java


def main():
    measures, build = sys.argv[1:3]
    there, folder = java(build, "Evaluations"), fresh_folder(build, "evaluations")
    subprocess.run([measures, str(folder)], check=True)
    run = subprocess.run([*there, str(folder)], capture_output=True, text=True)
    bad = [] if run.returncode == 0 else [run.stderr.strip()[-800:]]
    texts = sorted(p for p in folder.glob("*.json") if not p.name.endswith(".again.json"))
    for text in texts:
        for ours, theirs in ((text, text.with_suffix(".again.json")), (text.with_suffix(".txt"), text.with_suffix(".stats.txt"))):
            if not theirs.is_file():
                bad.append(f"{text.name} was not read")
            elif ours.read_bytes() != theirs.read_bytes():
                bad.append(f"{ours.name} is not {theirs.name}")
    for line in bad:
        print("FAIL " + line)
    print(f"{len(texts)} evaluations read there, {len(bad)} failed")
    return 1 if bad or not texts else 0


if __name__ == "__main__":
    sys.exit(main())
