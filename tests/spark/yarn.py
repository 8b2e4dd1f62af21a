# SPDX-License-Identifier: Apache-2.0
"""A real YARN of a ResourceManager and a NodeManager, from Hadoop's jars, over an HDFS that runs; containers' memory is watched."""
import os
import re
import shutil
import signal
import subprocess
import time

HADOOP = "3.4.1"
PARTS = ["org.apache.hadoop:hadoop-%s:%s" % (part, HADOOP) for part in (
    "common", "hdfs", "hdfs-client", "yarn-server-resourcemanager", "yarn-server-nodemanager", "yarn-server-timelineservice")]
PARTS.append("org.slf4j:slf4j-reload4j:1.7.36")
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local.test</groupId><artifactId>yarn</artifactId><version>1</version><packaging>pom</packaging>
  <dependencyManagement><dependencies><dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-project</artifactId>
    <version>%s</version><type>pom</type><scope>import</scope></dependency></dependencies></dependencyManagement>
  <dependencies>%s</dependencies>
</project>
"""
RM = "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager"
NM = "org.apache.hadoop.yarn.server.nodemanager.NodeManager"
MONITOR = "org.apache.hadoop.yarn.server.nodemanager.containermanager.monitor.ContainersMonitorImpl"
USED = re.compile(r"(container_\w+).*?([\d.]+) ?([KMGT]?B) of ([\d.]+) ?(\w+) physical memory used; "
                  r"([\d.]+) ?(\w+) of ([\d.]+) ?(\w+) virtual")
UNITS = {"B": 1 / 1048576, "KB": 1 / 1024, "MB": 1, "GB": 1024, "TB": 1048576}


def fetch(jars):
    """Gets the jars by Maven, once. Raises SubprocessError."""
    if (jars / (".yarn-" + HADOOP)).exists():
        return
    jars.mkdir(parents=True, exist_ok=True)
    one = "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>"
    (jars / "pom.xml").write_text(POM % (HADOOP, "".join(one % tuple(part.split(":")) for part in PARTS)))
    subprocess.run(["mvn", "-q", "-B", "-f", str(jars / "pom.xml"), "dependency:copy-dependencies", "-DincludeScope=runtime",
                    "-DoutputDirectory=" + str(jars)], check=True, capture_output=True, timeout=900)
    (jars / (".yarn-" + HADOOP)).touch()


class Yarn:
    """The two servers; hdfs: the folder with the file system's core-site.xml and log4j.properties; port: the first of 20 free ones."""

    def __init__(self, work, jars, hdfs, port):
        self.work, self.jars, self.conf, self.port, self.servers = work, jars, work / "conf", port, []
        self.conf.mkdir(parents=True)
        for name in ("core-site.xml", "hdfs-site.xml"):
            shutil.copy(hdfs / name, self.conf / name)
        log = (hdfs / "log4j.properties").read_text()
        (self.conf / "log4j.properties").write_text(log + "log4j.logger.%s=DEBUG\nlog4j.logger.%s.audit=DEBUG\n" % (MONITOR, MONITOR))
        at = {name: "localhost:%d" % (port + k) for k, name in enumerate((
            "resourcemanager.address", "resourcemanager.scheduler.address", "resourcemanager.resource-tracker.address",
            "resourcemanager.admin.address", "resourcemanager.webapp.address", "nodemanager.address", "nodemanager.localizer.address",
            "nodemanager.webapp.address"))}
        settings = {**at, "resourcemanager.hostname": "localhost", "nodemanager.hostname": "localhost",
                    "resourcemanager.scheduler.class": "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler",
                    # containers get what was asked for, not the next gigabyte
                    "scheduler.minimum-allocation-mb": "1", "nodemanager.resource.memory-mb": "9000",
                    "nodemanager.resource.cpu-vcores": "8", "nodemanager.local-dirs": work / "local", "nodemanager.log-dirs": work / "logs",
                    "nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "100",
                    "nodemanager.delete.debug-delay-sec": "3600", "nodemanager.container-monitor.interval-ms": "500",
                    "nodemanager.pmem-check-enabled": "true", "nodemanager.vmem-check-enabled": "true",
                    "nodemanager.vmem-pmem-ratio": "2.1"}
        (self.conf / "yarn-site.xml").write_text("<configuration>%s</configuration>\n" % "".join(
            "<property><name>yarn.%s</name><value>%s</value></property>\n" % item for item in settings.items()))

    def start(self, env):
        """Starts both, and waits until the node is there."""
        java = shutil.which("java")
        home = os.path.dirname(os.path.dirname(os.path.realpath(java)))
        # MALLOC_ARENA_MAX: as Hadoop's own start scripts have it
        env = {"MALLOC_ARENA_MAX": "4", **env, "JAVA_HOME": home, "HADOOP_CONF_DIR": str(self.conf)}
        for name, main in (("rm", RM), ("nm", NM)):
            with open(self.work / (name + ".log"), "w") as log:
                self.servers.append(subprocess.Popen(
                    [java, "-Xmx384m", "-XX:+UseSerialGC", "--add-opens=java.base/java.lang=ALL-UNNAMED", "-Djava.net.preferIPv4Stack=true",
                     "-Dyarn.log.dir=" + str(self.work), "-cp", "%s:%s/*" % (self.conf, self.jars), main],
                    env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True))
        until = time.monotonic() + 90
        while "NodeManager from node" not in (self.work / "rm.log").read_text():
            for server, name in zip(self.servers, ("rm", "nm")):
                if server.poll() is not None or time.monotonic() > until:
                    raise AssertionError("YARN did not start, see %s:\n%s" % (name, (self.work / (name + ".log")).read_text()[-3000:]))
            time.sleep(0.3)

    def stop(self):
        for server in reversed(self.servers):
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
        self.servers = []

    def used(self):
        """By container: MiB of physical memory that it had at most, what it was given, and the same of virtual memory."""
        found = {}
        for line in (self.work / "nm.log").read_text(errors="replace").splitlines():
            m = USED.search(line)
            if m:
                n = [float(m.group(k)) * UNITS[m.group(k + 1)] for k in (2, 4, 6, 8)]
                old = found.get(m.group(1), [0, 0, 0, 0])
                found[m.group(1)] = [max(n[0], old[0]), n[1], max(n[2], old[2]), n[3]]
        return found

    def killed(self):
        """Lines of the NodeManager about containers that took too much."""
        return [line for line in (self.work / "nm.log").read_text(errors="replace").splitlines()
                if "running beyond" in line or "beyond the" in line]
