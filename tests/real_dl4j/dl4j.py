# SPDX-License-Identifier: Apache-2.0
"""Deeplearning4j itself, for the tests in this folder. Needs Java 11, Maven and its registry, or a copy of it in ~/.m2; a test ends with 77
where one is missing."""

import array
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OPENS = ["java.lang", "java.nio", "java.util", "sun.nio.ch"]


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def class_path(work):
    for tool in ("java", "javac", "mvn"):
        if not shutil.which(tool):
            skip(f"there is no {tool}")
    listing = work / "class_path.txt"
    if not listing.is_file():
        command = ["mvn", "-B", "-q", "-f", str(HERE / "pom.xml"), "dependency:build-classpath", f"-Dmdep.outputFile={listing}"]
        if subprocess.run(command + ["-o"], capture_output=True).returncode != 0:
            try:
                found = subprocess.run(command, capture_output=True, text=True, timeout=600)
            except subprocess.TimeoutExpired:
                skip("Maven does not get Deeplearning4j within ten minutes")
            if found.returncode != 0 or not listing.is_file():
                skip("Maven cannot get Deeplearning4j: " + (found.stdout.strip().splitlines() or ["no reason given"])[0][:200])
    return f"{work}:{listing.read_text().strip()}"


def java(build, name, *options):
    """Compiles NAME.java; answers the command that runs it, to which its arguments are added."""
    work = pathlib.Path(build).resolve() / "real_dl4j"
    work.mkdir(parents=True, exist_ok=True)
    path = class_path(work)
    subprocess.run(["javac", "-nowarn", "-cp", path, "-sourcepath", str(HERE), "-d", str(work), str(HERE / f"{name}.java")], check=True,
                   capture_output=True)
    return ["java", *(f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in OPENS), *options,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", path, name]


def fresh_folder(build, name):
    """Where a test keeps its files: empty."""
    folder = pathlib.Path(build).resolve() / "real_dl4j" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def floats(path):
    data = path.read_bytes()
    values = array.array("f")
    values.frombytes(data[10 + data[8] + 256 * data[9]:])
    return values


def largest_difference(a, b):
    if len(a) != len(b):
        return float("inf")
    largest = max((abs(v) for v in b), default=0) or 1
    return max((abs(x - y) for x, y in zip(a, b)), default=0) / largest
