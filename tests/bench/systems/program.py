"""Flink and Hazelcast Jet: a program each that runs one cell in one JVM until it is ended."""
import shutil
import subprocess

from harness.cluster import ROOT, TOPOLOGIES, free_ports
from systems import maven

FLINK_VERSION = "1.20.3"
JET_VERSION = "5.5.0"


class Program:
    """name, main, coordinates, java_options: of the subclass."""

    def __init__(self):
        self.home = ROOT / "build" / self.name
        self.process = None

    def __enter__(self):
        maven.fetch(self.home / "lib", self.coordinates)
        source, = (maven.BENCH / "peers" / self.name).glob("*.java")
        maven.compile_java(source, self.home / "lib", self.home / "bench.jar")
        return self

    def __exit__(self, *_):
        self.kill()

    def more(self):
        return {}

    def submit(self, name, cell, settings, folder):
        arguments = {"shape": cell.shape, "folder": folder, "par": cell.spouts, "members": cell.containers, "rate": cell.rate,
                     **self.more(), **settings}
        self.log = open(f"{folder}/out.log", "wb")
        self.process = subprocess.Popen(
            ["java", "-Xmx768m", *self.java_options, "-cp", f"{self.home}/bench.jar:{TOPOLOGIES}:{self.home}/lib/*", self.main,
             *(f"{k}={v}" for k, v in arguments.items())], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def processes(self, cell):
        if self.process.poll() is not None:
            with open(self.log.name, encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {log.read()[-1500:]}")
        return [self.process.pid]

    def crossed(self, cell):
        return None

    def keep_logs(self):
        return shutil.copy(self.log.name, self.home / "failed.log")

    def kill(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.log.close()


class Flink(Program):
    name = "flink"
    main = "io.petrel.bench.FlinkBench"
    coordinates = [f"org.apache.flink:{a}:{FLINK_VERSION}" for a in ("flink-streaming-java", "flink-clients")] + [
        "org.apache.logging.log4j:log4j-slf4j-impl:2.17.1", "org.apache.logging.log4j:log4j-core:2.17.1"]
    java_options = ["--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED"]


class Jet(Program):
    name = "jet"
    main = "io.petrel.bench.JetBench"
    coordinates = [f"com.hazelcast:hazelcast:{JET_VERSION}"]
    java_options = ["--add-modules", "java.se", "--add-exports", "java.base/jdk.internal.ref=ALL-UNNAMED",
                    "--add-opens", "java.base/java.lang=ALL-UNNAMED", "--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED",
                    "--add-opens", "java.management/sun.management=ALL-UNNAMED",
                    "--add-opens", "jdk.management/com.sun.management.internal=ALL-UNNAMED"]

    def more(self):
        ports = free_ports(8)
        return {"ports": next(a for a, b in zip(ports, ports[1:]) if b == a + 1)}  # the members' are neighbours
