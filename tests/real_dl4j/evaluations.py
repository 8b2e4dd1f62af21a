#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evaluations through Deeplearning4j itself: evaluations.py MEASURES BUILD_DIR

What the program MEASURES writes is read by Deeplearning4j's fromJson; its toJson and stats() must then give the same bytes. Needs what
round_trip.py needs; exits with 77 where it is missing."""

import pathlib
import shutil
import subprocess
import sys

from round_trip import HERE, OPENS, class_path


def main():
    measures, build = sys.argv[1], pathlib.Path(sys.argv[2])
    work = build.resolve() / "real_dl4j"
    work.mkdir(parents=True, exist_ok=True)
    path = class_path(work)
    subprocess.run(["javac", "-nowarn", "-cp", path, "-d", str(work), str(HERE / "Evaluations.java")], check=True)
    folder = work / "evaluations"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    subprocess.run([measures, str(folder)], check=True)
    opens = [a for p in OPENS for a in ("--add-opens", f"java.base/{p}=ALL-UNNAMED")]
    run = subprocess.run(["java", *opens, "-cp", path, "Evaluations", str(folder)], capture_output=True, text=True)
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
