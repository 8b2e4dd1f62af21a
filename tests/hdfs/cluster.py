# SPDX-License-Identifier: Apache-2.0
"""A real HDFS for a test, started from ../shared/cluster/hdfs-harness and ended again. What the test needs and is missing ends it with
status 77 and the reason: DL4C_TEST_FULL=1, Java, Maven and its registry (or HDFS_LIB, a folder with Hadoop's jars), MIT's KDC."""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from servers import check, free_ports, skip  # noqa: E402


def properties(more):
    """Settings that the harness knows nothing of, of hdfs-site.xml: they follow one that it takes as it is."""
    return "".join(f"</value></property><property><name>{name.replace('__', '-').replace('_', '.')}</name><value>{value}"
                   for name, value in more.items())


class Cluster:
    """Servers that keep everything under `folder`. What runs beside them takes `env`."""

    def __init__(self, harness, build, folder):
        self.harness = pathlib.Path(harness).resolve()
        self.folder = folder
        self.jars = pathlib.Path(os.environ.get("HDFS_LIB", pathlib.Path(build).resolve() / "real_hdfs" / "lib"))
        self.env = dict(os.environ)
        self.base = 0

    def need(self, *options):
        """Before anything else: ends the test where something is missing, and empties the folder."""
        if not self.harness.is_dir():
            skip("there is no ../shared/cluster/hdfs-harness")
        if os.environ.get("DL4C_TEST_FULL") != "1":
            skip("it takes minutes; DL4C_TEST_FULL=1 runs it")
        os.environ["PATH"] += ":/usr/sbin"
        kerberos = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "kdestroy") if "--kerberos" in options else ()
        for program in ("java", "bash", "curl", "openssl", "keytool", *kerberos):
            if not shutil.which(program):
                skip("there is no " + program)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def start(self, *options, page=1000, **more):
        """The servers with these options of start.sh, lists in pages of so many entries, and more settings of hdfs-site.xml."""
        self.base = free_ports(70)
        self.env.update(HDFS_DIR=str(self.folder / "hdfs"), HDFS_LIB=str(self.jars), HDFS_PORT_BASE=str(self.base), HDFS_HEAP="256m",
                        HDFS_LS_LIMIT=f"{page}{properties(more)}")
        if not list(self.jars.glob(".hadoop-*")):
            if not shutil.which("mvn"):
                skip("there is no mvn to get Hadoop with")
            self.jars.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.script("fetch.sh", timeout=600)
            except subprocess.SubprocessError:
                skip("Maven cannot get Hadoop")
        self.script("start.sh", *options, timeout=900)
        for line in (self.folder / "hdfs" / "env").read_text().splitlines():
            name, _, value = line.partition("=")
            self.env[name] = value

    def stop(self):
        subprocess.run(["bash", str(self.harness / "stop.sh"), "--clean"], env=self.env, capture_output=True)

    def script(self, name, *args, **more):
        """A script of the harness; what it prints."""
        p = subprocess.run(["bash", str(self.harness / name), *args], env=self.env, capture_output=True, text=True, **more)
        if p.returncode != 0:
            raise subprocess.SubprocessError(f"{name} {' '.join(args)}: status {p.returncode}, {p.stderr[-3000:]}")
        return p.stdout

    def ticket(self, who):
        self.env["HDFS_JOPTS"] = "-Djava.security.krb5.conf=" + self.env["KRB5_CONFIG"]
        subprocess.run(["kinit", "-k", "-t", self.env["HDFS_KEYTAB"], who], env=self.env, check=True)
