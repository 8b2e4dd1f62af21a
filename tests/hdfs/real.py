# SPDX-License-Identifier: Apache-2.0
"""A real HDFS, started from ../shared/cluster/hdfs-harness: files, names, errors, servers that die, features from HDFS to HDFS.
Usage: real.py TOOL DL4C BUILD HARNESS plain|ha|kerberos|certificates|full. Skipped without DL4C_TEST_FULL=1, and where Java, Maven and
its registry, the harness, for kerberos MIT's KDC or for full the right to mount are missing."""

import filecmp
import json
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

from cluster import Cluster, check, skip

tool, dl4c, build, harness, variant = sys.argv[1:]
work = pathlib.Path(build).resolve() / "real_hdfs" / variant
cluster = Cluster(harness, build, work)
env, script, ticket = cluster.env, cluster.script, cluster.ticket
mounts = []


def start(*options):
    cluster.need(*options)
    if variant == "full":
        mounts.append(little_disk())
        env.update(HDFS_DATANODES="1", HDFS_BLOCKSIZE="1048576", HDFS_REPLICATION="1")
    cluster.start(*options, page=5, **SETTINGS.get(variant, {}))


def stop():
    cluster.stop()
    for folder in mounts:
        subprocess.run(["umount", str(folder)], capture_output=True)


def run(*args, want=0, says=None, **more):
    p = subprocess.run([tool, *args], env={**env, **more}, capture_output=True, text=True, timeout=300)
    check(p.returncode == want, f"{args}: status {p.returncode}, {p.stderr}")
    if says:
        check(says in p.stderr and "\tat " not in p.stderr, f"{args}: {says} is not in {p.stderr!r}")
    return p.stdout


def uri(path, user="root", server=None):
    return f"{server or server_uri}{path}" + (f"?user.name={user}" if variant != "kerberos" else "")


def data(name, size):
    path = work / name
    path.write_bytes(random.Random(size).randbytes(size))
    return path


def same(path, back):
    check(filecmp.cmp(path, back, shallow=False), f"{back} is not {path}")


def files(server, more):
    """Whole files there and back, pages, appending, names."""
    run("mkdir", uri("/t/d", server=server), **more)
    for size in (0, 1, 40000, 9000000):
        path = data("f", size)
        for _ in range(2):
            run("cp", str(path), uri("/t/f", server=server), **more)
        run("cp", uri("/t/f", server=server), str(work / "back"), **more)
        same(path, work / "back")
    run("append", uri("/t/log", server=server), "one", **more)
    run("append", uri("/t/log", server=server), "two", **more)
    run("cp", uri("/t/log", server=server), str(work / "back"), **more)
    check((work / "back").read_bytes() == b"onetwo", "appended bytes")
    run("rm", uri("/t/log", server=server), **more)
    hello = data("hello", 6)
    names = {"a b": "a b", "a+b": "a+b", "100%": "100%25", "x%41y": "x%2541y", "q?h#a&": "q%3Fh%23a&", "s;t": "s;t",
             "\u00e9t\u00e9-\u56fe": "\u00e9t\u00e9-\u56fe", "em\U0001F600": "em\U0001F600", "[x]=,": "[x]=,"}
    for encoded in names.values():
        run("cp", str(hello), uri("/t/d/" + encoded, server=server), **more)
        run("cp", uri("/t/d/" + encoded, server=server), str(work / "back"), **more)
        same(hello, work / "back")
    listed = run("ls", uri("/t/d", server=server), **more).splitlines()
    check(listed == ["- 6 " + n for n in sorted(names, key=lambda n: n.encode())], f"{listed}")
    run("mv", uri("/t/d/a b", server=server), uri("/t/d/a+b", server=server), **more)
    run("rm", uri("/t/d/s;t", server=server), **more)
    check(len(run("ls", uri("/t/d", server=server), **more).splitlines()) == len(names) - 2, "after mv and rm")
    check("CRC32" in run("sum", uri("/t/f", server=server), **more), "checksum")
    check(run("du", uri("/t/d", server=server), **more).split()[:2] == [str(len(names) - 2), "1"], "summary")
    run("ls", uri("/none", server=server), want=1, says="E_NOTFOUND", **more)
    for name in run("ls", uri("/t/d", server=server), **more).splitlines():
        run("rm", uri("/t/d/" + names[name.split(" ", 2)[2]], server=server), **more)


def refusals():
    hello = data("hello", 6)
    run("chmod", uri("/t/f"), "600")
    run("cp", uri("/t/f", user="bob"), str(work / "x"), want=1, says="E_DENIED webhdfs: /t/f: AccessControlException: Permission denied")
    run("cp", str(hello), uri("/evil", user="bob"), want=1, says="Permission denied: user=bob")
    run("cp", str(hello), uri("/none/x"), want=1, says="E_NOTFOUND")
    run("cp", str(hello), uri("/a:b"), want=1, says="InvalidPathException")
    run("rm", uri("/t"), want=1, says="PathIsNotEmptyDirectoryException")
    run("mkdir", uri("/t/f"), want=1, says="E_EXISTS")
    run("cp", uri("/t"), str(work / "x"), want=1, says="is a directory")
    check([n for n in run("ls", uri("/t")).splitlines() if " ." in n] == [], "temporary names are left")


def states():
    """Safe mode passes or is told; what a quota forbids leaves nothing."""
    hello, big = data("hello", 6), data("f", 9000000)
    script("hdfs.sh", "dfsadmin", "-safemode", "enter")
    run("cp", str(hello), uri("/t/s"), want=1, says="SafeModeException", TOOL_RETRY_MS="1500")
    run("cp", uri("/t/f"), str(work / "back"))
    writer = subprocess.Popen([tool, "cp", str(hello), uri("/t/s")], env=env, stderr=subprocess.PIPE)
    time.sleep(1)
    script("hdfs.sh", "dfsadmin", "-safemode", "leave")
    _, error = writer.communicate(timeout=100)
    check(writer.returncode == 0, f"written after safe mode: {error}")
    run("mkdir", uri("/few"))
    run("mkdir", uri("/little"))
    script("hdfs.sh", "dfsadmin", "-setQuota", "2", "/few")
    script("hdfs.sh", "dfsadmin", "-setSpaceQuota", "1m", "/little")
    run("cp", str(hello), uri("/few/1"))
    run("cp", str(hello), uri("/few/2"), want=1, says="NSQuotaExceededException")
    run("cp", str(big), uri("/little/f"), want=1, says="DSQuotaExceededException")
    puts_many("/few", 10)
    check(run("ls", uri("/few")) == "- 6 1\n" and run("ls", uri("/little")) == "", "what a quota forbids left something")


def puts_many(path, size):
    """Forty files into a place without room end in one sentence, which says how many are there."""
    (work / "many").mkdir(exist_ok=True)
    for i in range(40):
        data(f"many/m{i}", size)
    args = ("fs", "put", str(work / "many") + "/.", uri(path), "--progress", "none", "--threads", "4")
    p = subprocess.run([dl4c, *args], env=env, capture_output=True, text=True, timeout=600)
    said = [line for line in p.stderr.splitlines() if "trying again" not in line]
    check(p.returncode == 1 and len(said) == 1 and "no room is left, " in said[0], f"{args}: status {p.returncode}, {p.stderr}")
    there = re.search(r"no room is left, (\d+) of 40 are there", said[0])
    check(run("ls", uri(path)).count(" m") == int(there[1]), f"{said[0]}, and there are {run('ls', uri(path))}")


def full():
    """DataNodes without room: one sentence, and nothing under the final name or any other."""
    big = data("big", 60000000)
    run("mkdir", uri("/t"))
    run("cp", str(big), uri("/t/big"), want=1, says="IOException: ")
    check(run("ls", uri("/t")) == "", "what the disk had no room for left something: " + run("ls", uri("/t")))
    puts_many("/t", 2000000)


def little_disk():
    """The DataNode's disk is a file system of 24 MiB; as root only."""
    folder = work / "hdfs" / "data" / "dn1"
    folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True).returncode != 0:
        skip("nobody but root mounts a disk that is soon full")
    return folder


def peak(*args, **more):
    """Runs dl4c; the most memory that it had, in MiB."""
    most = 0
    with open(work / "said", "w+") as said:
        p = subprocess.Popen([dl4c, *args, "--progress", "none"], env={**env, **more}, stdout=said, stderr=said)
        while p.poll() is None:
            try:
                found = re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{p.pid}/status").read_text())
                most = int(found[1]) if found else most
            except OSError:
                pass
            time.sleep(0.02)
    check(p.returncode == 0, f"{args}: {(work / 'said').read_text()}")
    return most / 1024


def large():
    """What goes there and comes back in pieces takes the same memory however large it is."""
    big = work / "large"
    some = random.Random(1).randbytes(32 << 20)
    with open(big, "wb") as f:
        for i in range(12):
            f.write(some[i:] + some[:i])
    put, get = peak("fs", "put", str(big), uri("/t/large")), peak("fs", "get", uri("/t/large"), str(work / "back"), "--overwrite")
    same(big, work / "back")
    check(put < 64 and get < 96, f"putting and getting {big.stat().st_size} bytes takes {put} and {get} MiB")
    run("rm", uri("/t/large"))
    big.unlink()


class Cutter(threading.Thread):
    """Forwards connections to a port; the first one that sends more than so many bytes is reset then."""

    def __init__(self, port, most):
        super().__init__(daemon=True)
        self.to, self.most, self.cut = port, most, False
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            here = self.server.accept()[0]
            there = socket.create_connection(("127.0.0.1", self.to))
            for ends in ((here, there, True), (there, here, False)):
                threading.Thread(target=self.forward, args=ends, daemon=True).start()

    def forward(self, a, b, sending):
        n = 0
        try:
            while True:
                some = a.recv(65536)
                if not some:
                    b.shutdown(socket.SHUT_WR)
                    return
                b.sendall(some)
                n += len(some)
                if sending and n > self.most and not self.cut:
                    self.cut = True
                    for s in (a, b):
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        s.shutdown(socket.SHUT_RDWR)
                        s.close()
                    return
        except OSError:
            return


def cut_upload():
    """An upload whose connection breaks goes on at the byte that the server has."""
    base = cluster.base
    big = data("big", 120000000)
    cutters = {port: Cutter(port, 60000000) for port in (base + 41, base + 51)}
    ways = ",".join(f"localhost:{port}=127.0.0.1:{c.port}" for port, c in cutters.items())
    p = subprocess.run([tool, "cp", str(big), uri("/t/cut")], env={**env, "TOOL_DATANODES": ways}, capture_output=True, text=True)
    check(p.returncode == 0 and "going on at byte" in p.stderr, f"an upload that was cut: {p.returncode}, {p.stderr}")
    check(any(c.cut for c in cutters.values()), "nothing was cut")
    run("cp", uri("/t/cut"), str(work / "back"))
    same(big, work / "back")
    run("rm", uri("/t/cut"))
    check([n for n in run("ls", uri("/t")).splitlines() if " ." in n] == [], "temporary names are left")


def dying_datanode():
    """A DataNode is killed while it is read from, is dead while files are read and written, and comes back."""
    big = data("big", 60000000)
    run("cp", str(big), uri("/t/big"))
    reader = subprocess.Popen([tool, "cp", uri("/t/big"), str(work / "back"), "60"], env=env, stderr=subprocess.PIPE)
    writer = subprocess.Popen([tool, "cp", str(big), uri("/t/big2"), "60"], env=env, stderr=subprocess.PIPE)
    time.sleep(1.5)
    script("dn.sh", "kill", "1")
    _, error = reader.communicate(timeout=200)
    check(reader.returncode == 0, f"reading: {error}")
    same(big, work / "back")
    _, error = writer.communicate(timeout=200)
    left = [n.split(" ", 2)[2] for n in run("ls", uri("/t")).splitlines()]
    check((writer.returncode == 0) == ("big2" in left), f"writing: {writer.returncode}, {error}, {left}")
    check([n for n in left if n.startswith(".")] == [], f"{left}")
    for i in range(6):
        run("cp", str(big), uri(f"/t/w{i}"))
        run("cp", uri(f"/t/w{i}"), str(work / "back"))
        same(big, work / "back")
    script("dn.sh", "start", "1")


PHOTOS = cluster.harness.parent.parent / "data" / "caltech101-30"


def local_features():
    """Photographs and what is made of them on this disk: what is made of them in HDFS is compared with it."""
    images, model = work / "images", str(work / "m.zip")
    for folder in sorted(PHOTOS.iterdir())[:3]:
        (images / folder.name).mkdir(parents=True)
        for photo in sorted(folder.iterdir())[:20]:
            shutil.copy(photo, images / folder.name)
    command("zoo", "simplecnn", "-o", model)
    vertices = subprocess.run([dl4c, "summary", model, "--json"], capture_output=True, text=True).stdout
    vertex = json.loads(vertices)["vertices"][-3]["name"]
    how = (model, "--at", vertex, "--shard-size", "8", "--preprocess", "scale01", "--batch", "4")
    command("featurize", *how, "--images", str(images), "--out", str(work / "features"))
    command("train", "--features", str(work / "features"), "--out", str(work / "head.zip"), "--epochs", "2")
    command("evaluate", str(work / "head.zip"), "--features", str(work / "features"), "--json")
    command("join", model, "--at", vertex, str(work / "head.zip"), "-o", str(work / "whole.zip"))
    command("predict", str(work / "whole.zip"), "--images", str(images), "--out", str(work / "scores.jsonl"), "--preprocess", "scale01")
    return images, how


def command(*args, want=0):
    p = subprocess.run([dl4c, *args, "--progress", "none"], env=env, capture_output=True, text=True, timeout=600)
    check(p.returncode == want, f"{args}: status {p.returncode}, {p.stderr}")
    return p.stdout


def features(server, *flags, during=None, kills=3):
    """From HDFS to HDFS the same bytes as from disk to disk, also where runs are killed, and where three do a part each."""
    if not PHOTOS.is_dir():
        print("skipped: there is no ../shared/data/caltech101-30")
        return
    images, how = local_features() if not (work / "images").is_dir() else (work / "images", features.how)
    features.how = how
    more = {"TOOL_CA": env["HDFS_CA"]} if "--hdfs-ca" in flags else {}
    for folder in sorted(images.iterdir()):
        run("mkdir", uri(f"/images/{folder.name}", server=server), **more)
        for photo in sorted(folder.iterdir()):
            run("cp", str(photo), uri(f"/images/{folder.name}/{photo.name}", server=server), **more)

    def there(path):
        return uri(path, server=server)

    def stored(path):
        for file in sorted((work / "features").iterdir()):
            run("cp", there(f"{path}/{file.name}"), str(work / "back"), **more)
            same(file, work / "back")
        names = [n.split(" ", 2)[2] for n in run("ls", there(path), **more).splitlines()]
        check(sorted(names) == sorted(f.name for f in (work / "features").iterdir()), f"{names}")

    def begin(*args):
        return subprocess.Popen([dl4c, *args, *flags, "--progress", "none"], env=env, stderr=subprocess.PIPE)

    def killed(seconds, *args):
        """kill -9 at a random moment; whether it was under way then."""
        p = begin(*args)
        time.sleep(random.uniform(0, seconds))
        p.kill()
        _, error = p.communicate()
        check(p.returncode in (0, -9), f"{error}")
        return p.returncode != 0

    def removed(path):
        for line in run("ls", there(path), **more).splitlines():
            run("rm", there(f"{path}/{line.split(' ', 2)[2]}"), **more)
        run("rm", there(path), **more)

    into = ("featurize", *how, "--images", there("/images"), "--out")
    began = time.monotonic()
    p = begin(*into, there("/features"))
    if during:
        during()
    _, error = p.communicate(timeout=600)
    check(p.returncode == 0, f"{error}")
    stored("/features")
    seconds = min(time.monotonic() - began, 3)
    hit = 0
    for i in range(kills):
        hit += killed(seconds, *into, there("/killed"), "--resume")
        command(*into, there("/killed"), "--resume", *flags)
        stored("/killed")
        if i + 1 < kills:
            removed("/killed")
    print(f"{server}: {hit} of {kills} runs were killed under way")
    check(hit > 0 or kills < 20, "no run was killed under way")
    command("train", "--features", there("/features"), "--out", there("/head.zip"), "--epochs", "2", *flags)
    run("cp", there("/head.zip"), str(work / "back"), **more)
    same(work / "head.zip", work / "back")
    check(command("evaluate", there("/head.zip"), "--features", there("/features"), "--json", *flags)
          == command("evaluate", str(work / "head.zip"), "--features", str(work / "features"), "--json"), "evaluation")
    scores = ("predict", str(work / "whole.zip"), "--images", there("/images"), "--out", there("/scores.jsonl"), "--shard-size", "8",
              "--preprocess", "scale01")
    hit = [killed(seconds, *scores, "--resume") for _ in range(3)]
    command(*scores, "--resume", *flags)
    run("cp", there("/scores.jsonl"), str(work / "back"), **more)
    same(work / "scores.jsonl", work / "back")
    print(f"{server}: predict was killed under way {sum(hit)} times of 3")
    for name in ("/scores.jsonl", "/_scores.jsonl.work.json"):
        run("rm", there(name), **more)
    three = [begin(*scores, "--part", f"{i + 1}/3") for i in range(3)]
    time.sleep(0.7)
    three[1].kill()
    for p in three:
        _, error = p.communicate(timeout=600)
        check(p.returncode in (0, -9), f"{error}")
    command(*scores, "--part", "2/3", "--resume", *flags)
    run("cp", there("/scores.jsonl"), str(work / "back"), **more)
    same(work / "scores.jsonl", work / "back")
    left = [n.split(" ", 2)[2] for n in run("ls", there("/"), **more).splitlines()]
    check(not [n for n in left if n.endswith(".parts") or n.startswith(".")], f"{left}")
    for name in ("/features", "/killed"):
        removed(name)
    run("rm", there("/scores.jsonl"), **more)
    run("rm", there("/_scores.jsonl.work.json"), **more)


def photographs(server, *flags, classes=None):
    """dl4c fs: the photographs there, listed, split and back, all bytes the same."""
    if not PHOTOS.is_dir():
        print("skipped: there is no ../shared/data/caltech101-30")
        return
    folders = sorted(p for p in PHOTOS.iterdir() if p.is_dir())[:classes]
    sizes = {f"{p.parent.name}/{p.name}": p.stat().st_size for folder in folders for p in folder.iterdir()}
    there = uri("/photos", server=server)
    command("fs", "mkdir", there, *flags)
    put = command("fs", "put", *map(str, folders), there, "--json", *flags)
    check(json.loads(put)["copied"] == len(sizes), put)
    entries = json.loads(command("fs", "ls", "-R", "--json", there, *flags))["entries"]
    check({e["name"]: e["size"] for e in entries if e["kind"] == "file"} == sizes, "ls -R has other names or sizes")
    some = [f"{server}/photos/{f.name}/*_00[01]?.jpg?user.name=root" for f in folders[:2]]
    want = [n for n in sizes if n.split("/")[0] in [f.name for f in folders[:2]] and re.search(r"_00[01][^/]\.jpg$", n)]
    check(len(command("fs", "ls", *some, *flags).splitlines()) == len(want) > 0, f"{some} match others than {want}")
    back = work / "photos"
    shutil.rmtree(back, ignore_errors=True)
    command("fs", "get", there, str(back), *flags)
    for name in sizes:
        same(folders[0].parent / name, back / name)
    command("split", there, "--out", str(work / "far"), *flags)
    command("split", str(back), "--out", str(work / "near"))
    for name in ("train.txt", "val.txt", "test.txt", "classes.txt"):
        same(work / "near" / name, work / "far" / name)
    first = sorted(sizes)[0]
    command("fs", "rm", f"{server}/photos/{first}?user.name=root", *flags)
    again = json.loads(command("fs", "put", *map(str, folders), there, "--resume", "--json", *flags))
    check((again["copied"], again["skipped"]) == (1, len(sizes) - 1), f"--resume: {again}")
    command("fs", "get", f"{server}/photos/{first}?user.name=root", str(work / "back"), "--overwrite", "--checksum", *flags)
    same(PHOTOS / first, work / "back")
    command("fs", "mv", there, f"{server}/moved?user.name=root", *flags)
    command("fs", "rm", "-r", f"{server}/moved?user.name=root", *flags)
    command("fs", "ls", there, *flags, want=1)


def failover():
    """The active NameNode gives up in the middle of reading and writing; both are named, or the nameservice is."""
    big = data("big", 40000000)
    base = cluster.base
    both, service = f"webhdfs://localhost:{base + 11},localhost:{base + 1}", "hdfs://testns"
    for server in (both, service):
        run("cp", str(big), uri("/big", server=server))
    reader = subprocess.Popen([tool, "cp", uri("/big", server=service), str(work / "back"), "150"], env=env, stderr=subprocess.PIPE)
    writer = subprocess.Popen([tool, "cp", str(big), uri("/big2", server=both), "150"], env=env, stderr=subprocess.PIPE)
    time.sleep(1)
    script("hdfs.sh", "haadmin", "-failover", "nn1", "nn2")
    for p in (reader, writer):
        _, error = p.communicate(timeout=300)
        check(p.returncode == 0, f"{error}")
    same(big, work / "back")
    run("cp", uri("/big2", server=both), str(work / "back"))
    same(big, work / "back")
    features(service, during=lambda: script("hdfs.sh", "haadmin", "-failover", "nn2", "nn1"))
    script("hdfs.sh", "haadmin", "-failover", "nn1", "nn2")
    os.kill(int((work / "hdfs" / "pids" / "nn1.pid").read_text()), 9)
    run("cp", uri("/big", server=both), str(work / "back"))
    same(big, work / "back")


def tickets(server, secure):
    """Who has no ticket is told; who has one needs no user name, and may ask for another where the cluster trusts him; a token will do."""
    tls = {"TOOL_CA": env["HDFS_CA"]}
    env["KRB5CCNAME"] = "FILE:" + str(work / "tickets")
    run("ls", server + "/", want=1, says="no Kerberos ticket")
    ticket("root")
    hello = data("hello", 6)
    files(server, {})
    files(secure, tls)
    p = subprocess.run([tool, "ls", server + "/t"], env=env, capture_output=True, text=True)
    check(p.returncode == 0 and p.stderr == "", f"the log of a first request: {p.stderr}")
    run("cp", str(hello), server + "/t/for-bob?doas=bob", want=1, says="Permission denied: user=bob")
    run("chmod", server + "/t", "777")
    run("cp", str(hello), server + "/t/for-bob?doas=bob")
    url = env["HDFS_WEBHDFS_URL"] + "/?op=GETDELEGATIONTOKEN&renewer=root"
    answer = subprocess.run(["curl", "-sS", "--negotiate", "-u", ":", url], env=env, capture_output=True, text=True, check=True).stdout
    token = json.loads(answer)["Token"]["urlString"]
    ticket("alice")
    run("ls", server + "/t?doas=bob", want=1, says="alice")
    subprocess.run(["kdestroy"], env=env, check=True)
    run("cp", server + "/t/for-bob", str(work / "back"), TOOL_TOKEN=token)
    same(hello, work / "back")
    run("cp", str(hello), server + "/t/by-token", TOOL_TOKEN=token)
    ticket("root")
    url = env["HDFS_WEBHDFS_URL"] + "/?op=CANCELDELEGATIONTOKEN&token=" + token
    subprocess.run(["curl", "-sS", "-f", "-X", "PUT", "--negotiate", "-u", ":", url], env=env, capture_output=True, check=True)
    subprocess.run(["kdestroy"], env=env, check=True)
    run("ls", server + "/t", want=1, says="can't be found in cache", TOOL_TOKEN=token)


def expiring(server):
    """A token is good for LIFE_S after it was given or renewed, and for MOST_LIFE_S in all; then it is told, and no longer tried."""
    tokens = env["HDFS_WEBHDFS_URL"] + "/?op=%sDELEGATIONTOKEN&%s"

    def ask(method, op, what):
        args = ("curl", "-sS", "-f", "-X", method, "--negotiate", "-u", ":", tokens % (op, what))
        return subprocess.run(args, env=env, capture_output=True, text=True, check=True).stdout
    ticket("root")
    began = time.monotonic()
    token = json.loads(ask("GET", "GET", "renewer=root"))["Token"]["urlString"]
    other = json.loads(ask("GET", "GET", "renewer=root"))["Token"]["urlString"]

    def until(seconds):
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    until(LIFE_S * 0.6)
    ask("PUT", "RENEW", "token=" + token)
    subprocess.run(["kdestroy"], env=env, check=True)
    run("ls", server + "/t", TOOL_TOKEN=other)
    until(LIFE_S + 2)
    run("ls", server + "/t", want=1, says="expired", TOOL_TOKEN=other)
    p = subprocess.run([tool, "cp", server + "/t/f", str(work / "back")], env={**env, "TOOL_TOKEN": other}, capture_output=True, text=True)
    check(p.returncode == 1 and "E_DENIED" in p.stderr and "trying again" not in p.stderr and other not in p.stderr, p.stderr)
    run("ls", server + "/t", TOOL_TOKEN=token)
    until(MOST_LIFE_S + 2)
    run("ls", server + "/t", want=1, says="expired", TOOL_TOKEN=token)


def certificate(name, ca):
    """A key and what CA says of it; the key is under a password."""
    tls = work / "hdfs" / "tls"
    key, pem, request = (str(work / (name + end)) for end in (".key", ".pem", ".csr"))
    run_openssl("req", "-newkey", "rsa:2048", "-subj", "/CN=" + name, "-keyout", key, "-passout", "pass:secret", "-out", request)
    by = ("-signkey", key, "-passin", "pass:secret")
    if ca:
        by = ("-CA", str(tls / "ca.pem"), "-CAkey", str(tls / "ca.key"), "-CAcreateserial")
    run_openssl("x509", "-req", "-in", request, *by, "-days", "2", "-out", pem)
    return {"TOOL_CERT": pem, "TOOL_KEY": key, "TOOL_KEY_PASSWORD": "secret"}


def run_openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def certificates(server):
    """Servers that want to know their clients by certificates: with one all goes as ever, without nothing, which is told at once."""
    ca = {"TOOL_CA": env["HDFS_CA"]}
    good, stranger = certificate("alice", True), certificate("mallory", False)
    files(server, {**ca, **good})
    began = time.monotonic()
    run("ls", uri("/t", server=server), want=1, says="alert", **ca)
    run("ls", uri("/t", server=server), want=1, says="alert", **ca, **stranger)
    check(time.monotonic() - began < 20, "a certificate that is not taken is shown again and again")
    run("ls", uri("/t", server=server), want=1, says="", **{**ca, **good, "TOOL_KEY_PASSWORD": "wrong"})
    plain = str(work / "plain.key")
    run_openssl("rsa", "-in", good["TOOL_KEY"], "-passin", "pass:secret", "-out", plain)
    flags = ("--hdfs-ca", env["HDFS_CA"], "--hdfs-cert", good["TOOL_CERT"], "--hdfs-key", plain)
    photographs(server, *flags, classes=1)
    command("fs", "ls", uri("/t", server=server), *flags[:2], want=1)


LIFE_S, MOST_LIFE_S = 25, 40
SETTINGS = {"kerberos": {"dfs_namenode_delegation_token_renew__interval": LIFE_S * 1000,
                         "dfs_namenode_delegation_token_max__lifetime": MOST_LIFE_S * 1000},
            "certificates": {"dfs_client_https_need__auth": "true", "hadoop_ssl_require_client_cert": "true"}}
VARIANTS = {"plain": ["--https", "--httpfs", "--tokens"], "ha": ["--ha"], "kerberos": ["--kerberos", "--https"],
            "certificates": ["--https"], "full": ["--keep"]}
try:
    start(*VARIANTS[variant])
    base = cluster.base
    server_uri = f"webhdfs://localhost:{base + 1}"
    if variant == "ha":
        failover()
    elif variant == "full":
        full()
    elif variant == "kerberos":
        tickets(f"webhdfs://localhost:{base + 1}", f"swebhdfs://localhost:{base + 2}")
        expiring(f"webhdfs://localhost:{base + 1}")
        ticket("root")
        features(f"webhdfs://localhost:{base + 1}")
    elif variant == "certificates":
        certificates(f"swebhdfs://localhost:{base + 2}")
    else:
        files(None, {})
        refusals()
        states()
        large()
        cut_upload()
        files(f"webhdfs://localhost:{base + 30}", {})
        files(f"swebhdfs://localhost:{base + 2}", {"TOOL_CA": env["HDFS_CA"]})
        run("ls", uri("/t", server=f"swebhdfs://localhost:{base + 2}"), want=1, says="certificate")
        run("ls", uri("/t", server=f"swebhdfs://127.0.0.1:{base + 2}"), TOOL_CA=env["HDFS_CA"])
        photographs(server_uri)
        photographs(f"webhdfs://localhost:{base + 30}", classes=2)
        photographs(f"swebhdfs://localhost:{base + 2}", "--hdfs-ca", env["HDFS_CA"], classes=2)
        features(server_uri, kills=20)
        features(f"webhdfs://localhost:{base + 30}")
        features(f"swebhdfs://localhost:{base + 2}", "--hdfs-ca", env["HDFS_CA"])
        dying_datanode()
finally:
    stop()
print("done")
