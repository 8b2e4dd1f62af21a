#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Round trips through Deeplearning4j itself: round_trip.py DL4C BUILD_DIR GOLDENS [PATTERN...]

Every recorded model is loaded and saved by dl4c; Deeplearning4j loads what was saved beside the original, and both must compute the same
and have the same parameters after five steps of training. What Deeplearning4j saves then is loaded here again and must compute what it
did there, within 1e-5 of the largest magnitude. Without DL4C_TEST_FULL=1 only some of the cases are taken."""

import fnmatch
import os
import pathlib
import subprocess
import sys

from dl4j import floats, fresh_folder, java, largest_difference, skip

FEW = ["a_minivgg_adam", "b_transfer_replaceout_frozen_fc1", "c_residual_adam_l2", "c_vertex_*", "d_updater_blocks_mixed", "e_batchnorm",
       "e_deconv_same", "e_separable", "g_centerloss", "g_lstm"]


def main():
    dl4c, build, goldens = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    patterns = sys.argv[4:] or (["*"] if os.environ.get("DL4C_TEST_FULL") == "1" else FEW)
    if not goldens.is_dir():
        skip(f"there is no {goldens}")
    there, work = java(build, "RoundTrip", "-Xmx3g"), fresh_folder(build, "round_trip")
    lines, bad, unknown = [], [], []
    for case in sorted(goldens.iterdir()):
        whole = (case / "model.zip").is_file() and (case / "input.npy").is_file()
        if not whole or not any(fnmatch.fnmatch(case.name, p) for p in patterns):
            continue
        out = work / case.name
        out.mkdir()
        ours = out / "ours.zip"
        made = subprocess.run([dl4c, "convert", str(case / "model.zip"), str(ours), "--quiet"], capture_output=True, text=True)
        if made.returncode == 0:
            lines.append("\t".join(map(str, (case / "model.zip", ours, case, out))))
        elif "is not supported" in made.stderr:
            unknown.append(f"{case.name}: {made.stderr.strip()}")
        else:
            bad.append(f"{case.name}: {made.stderr.strip()}")
    (work / "list.tsv").write_text("".join(line + "\n" for line in lines))
    run = subprocess.run([*there, str(work / "list.tsv")], capture_output=True, text=True)
    results = [r.split("\t") for r in run.stdout.splitlines() if r.startswith("RESULT\t")]
    if len(results) != len(lines):
        bad.append(f"{len(results)} of {len(lines)} cases were run: {run.stderr.strip()[-500:]}")
    worst = 0.0
    for _, ours, result in results:
        out = pathlib.Path(ours).parent
        if result == "not loaded there either":
            unknown.append(f"{out.name}: the original is not loaded by Deeplearning4j")
            continue
        if result != "ok":
            bad.append(f"{out.name}: {result}")
            continue
        again = subprocess.run([dl4c, "run", str(out / "after.zip"), "--input", str(goldens / out.name / "input.npy"), "--output",
                                str(out / "again.npy"), "--quiet"], capture_output=True, text=True)
        if again.returncode != 0:
            bad.append(f"{out.name}: {again.stderr.strip()}")
            continue
        d = largest_difference(floats(out / "again.npy"), floats(out / "after.npy"))
        worst = max(worst, d)
        if not d <= 1e-5:
            bad.append(f"{out.name}: trained there, it computes something else here: {d:.3g}")
    for line in unknown:
        print("not supported: " + line)
    for line in bad:
        print("FAIL " + line)
    print(f"{len(lines)} models there and back, {len(bad)} failed, worst difference {worst:.3g}")
    return 1 if bad or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
