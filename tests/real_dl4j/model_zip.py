#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model's zip entry by entry, through Deeplearning4j itself: model_zip.py MODEL_ZIP BUILD_DIR

noParams.marker, normalizer.bin of every normalizer, the `dl4c` key, uneven padding, updaterState.bin of mixed blocks with a frozen layer
between them, counts of iterations and epochs: what we write is read there and means the same, what is written there is read here. See
dl4j.py."""

import json
import subprocess
import sys
import zipfile

from dl4j import fresh_folder, java

MARKER, NONE = ["configuration.json", "coefficients.bin", "noParams.marker"], ["configuration.json", "coefficients.bin"]
STATE = ["configuration.json", "coefficients.bin", "updaterState.bin"]
NORMALIZER = ["configuration.json", "coefficients.bin", "normalizer.bin"]
# Where there are no parameters, ModelSerializer knows two forms: an empty coefficients.bin beside noParams.marker, which we write, and an
# array of no elements, which networks of 1.0.0-M2.1 come to.
ENTRIES = {"no_params.zip": MARKER, "no_params.there.zip": NONE, "their_graph.there.zip": NONE, "their_graph.back.zip": MARKER,
           "their_chain.there.zip": NONE, "their_chain.back.zip": MARKER, "mixed.zip": STATE, "mixed.there.zip": STATE,
           "n_image.zip": NORMALIZER, "n_image.there.zip": NORMALIZER}
# Three minibatches in each of two epochs, then the same there.
COUNTS = {"no_params": ["0", "0"], "pads": ["0", "0"], "mixed": ["6", "2"], "mixed_after": ["12", "4"]}


def main():
    model_zip, build = sys.argv[1:3]
    command, folder = java(build, "ModelZip", "-Xmx2g"), fresh_folder(build, "model_zip")
    there = [*command, str(folder)]
    bad = []

    def run(command):
        done = subprocess.run(command, capture_output=True, text=True)
        print(done.stdout, end="")
        bad.extend(line for line in done.stdout.splitlines() if line.startswith("FAIL "))
        if done.returncode != 0:
            bad.append(f"{command[0]} {' '.join(command[-2:])}: {(done.stderr.strip() or done.stdout.strip())[-1500:]}")
        return done.stdout.splitlines()

    run([model_zip, "make", str(folder)])
    lines = [line.split() for line in run(there)] if not bad else []
    if not bad:
        counts = {words[1]: words[2:] for words in lines if words[0] == "counts"}
        if counts != COUNTS:
            bad.append(f"iterations and epochs there: {counts}, wanted {COUNTS}")
        for name in ("their_drawn_graph", "their_drawn_chain"):
            with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as z:
                z.writestr("configuration.json", (folder / f"{name}.json").read_bytes())
                z.writestr("coefficients.bin", b"")
                z.writestr("noParams.marker", b"")
        run([model_zip, "check", str(folder)])
        run(there + ["back"])
    for name, wanted in ENTRIES.items() if not bad else ():
        found = zipfile.ZipFile(folder / name).namelist()
        if found != wanted:
            bad.append(f"{name} has the entries {found}, wanted {wanted}")
    for name in ("no_params", "mixed") if not bad else ():
        ours = json.loads(zipfile.ZipFile(folder / f"{name}.zip").read("configuration.json"))
        theirs = json.loads(zipfile.ZipFile(folder / f"{name}.there.zip").read("configuration.json"))
        if "dl4c" not in ours or "dl4c" in theirs:
            bad.append(f"{name}: the dl4c key is to be in ours and not in theirs")
        if set(ours) - {"dl4c"} != set(theirs):
            bad.append(f"{name}: keys {sorted(set(ours) ^ set(theirs))} are in one of the two alone")
    for line in bad:
        print(line if line.startswith("FAIL ") else "FAIL " + line)
    print(f"{len(ENTRIES)} files, {len(bad)} faults")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
