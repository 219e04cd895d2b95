"""The measured systems: Petrel's release build, and a real Storm made of its jars from Maven. Both offer the same calls."""
import os
import pathlib
import signal
import subprocess

from harness.cluster import ROOT, TOPOLOGIES, Cluster, free_ports, wait_for
from harness.nimbus import NimbusClient, ttypes

STORM_VERSION = "2.8.3"
MAIN = "io.petrel.topologies.bench.WordBench"


class Petrel:
    name = "petrel"

    def __enter__(self):
        self.cluster = Cluster(preset="release").up()
        return self

    def __exit__(self, *_):
        self.cluster.down()

    def submit(self, topology, *arguments):
        self.cluster.jar(TOPOLOGIES, MAIN, topology, *arguments)
        self.topology_id = self.cluster.topology_id(topology)

    def processes(self):
        """Everything that runs for the topology: host, topology master, agents."""
        return self.cluster.pids(self.topology_id)

    def kill(self, topology):
        self.cluster.run("kill", topology, "-w", "0")
        wait_for("the end of the topology", lambda: not self.processes(), 60)


class Storm:
    """dev-zookeeper, nimbus, supervisor on loopback; stopped by the pids that were started here."""
    name = "storm"

    def __init__(self):
        self.home = ROOT / "build" / f"storm-{STORM_VERSION}"
        self.started = []

    def __enter__(self):
        self.fetch()
        zookeeper, self.port, supervisor, logviewer, *slots = free_ports(7)
        conf = self.home / "conf"
        conf.mkdir(exist_ok=True)
        self.work = self.home / f"run-{os.getpid()}"
        (self.work / "logs").mkdir(parents=True)
        (conf / "storm.yaml").write_text("\n".join([
            'storm.zookeeper.servers: ["127.0.0.1"]', f"storm.zookeeper.port: {zookeeper}", f'dev.zookeeper.path: "{self.work}/zk"',
            'nimbus.seeds: ["127.0.0.1"]', f"nimbus.thrift.port: {self.port}", 'storm.local.hostname: "127.0.0.1"',
            f'storm.local.dir: "{self.work}/local"', f'storm.log.dir: "{self.work}/logs"', f"supervisor.slots.ports: {slots}",
            f"supervisor.thrift.port: {supervisor}", f"logviewer.port: {logviewer}"]) + "\n")
        self.daemon("org.apache.storm.command.DevZookeeper", "dev-zookeeper", 256)
        self.daemon("org.apache.storm.daemon.nimbus.Nimbus", "nimbus", 512)
        self.daemon("org.apache.storm.daemon.supervisor.Supervisor", "supervisor", 256)
        wait_for("Storm's Nimbus and a supervisor", self.ready, 90, every_s=0.5)
        return self

    def fetch(self):
        """The jars by coordinates: lib for the daemons, lib-worker for workers and clients."""
        wanted = {"lib-worker": [f"org.apache.storm:storm-client:{STORM_VERSION}"],
                  "lib": [f"org.apache.storm:storm-server:{STORM_VERSION}", f"org.apache.storm:storm-core:{STORM_VERSION}"]}
        for folder, coordinates in wanted.items():
            target = self.home / folder
            if (target / ".complete").exists():
                continue
            target.mkdir(parents=True, exist_ok=True)
            pom = target / "pom.xml"
            pom.write_text(pom_text(coordinates))
            subprocess.run(["mvn", "-B", "-ntp", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
                            f"-DoutputDirectory={target}"], check=True)
            for other in list(target.glob("slf4j-reload4j-*")) + list(target.glob("reload4j-*")):
                other.unlink()  # one logging backend only
            (target / ".complete").touch()
        (self.home / "log4j2").mkdir(exist_ok=True)
        for name in ("cluster.xml", "worker.xml"):
            (self.home / "log4j2" / name).write_text((ROOT / "tests/bench/storm" / name).read_text())
        for name in ("extlib", "extlib-daemon", "bin"):
            (self.home / name).mkdir(exist_ok=True)
        (self.home / "RELEASE").write_text(STORM_VERSION + "\n")

    def java(self, *arguments):
        environment = {**os.environ, "STORM_CONF_DIR": str(self.home / "conf")}
        common = [f"-Dstorm.home={self.home}", f"-Dstorm.log.dir={self.work}/logs", "-Dstorm.options=", "-Dstorm.conf.file="]
        return dict(args=["java", *common, *arguments], env=environment, stdin=subprocess.DEVNULL)

    def daemon(self, main, name, heap_mb):
        with open(self.work / "logs" / f"{name}.out", "wb") as out:
            self.started.append(subprocess.Popen(**self.java(
                f"-Xmx{heap_mb}m", f"-Ddaemon.name={name}", f"-Dlogfile.name={name}.log", "-Djava.deserialization.disabled=true",
                f"-Dlog4j.configurationFile={self.home}/log4j2/cluster.xml", "-cp", f"{self.home}/lib/*:{self.home}/conf", main),
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True))

    def ready(self):
        try:
            with NimbusClient(self.port) as nimbus:
                return len(nimbus.call.getClusterInfo().supervisors) == 1
        except Exception:  # not there yet; the deadline is the caller's
            return False

    def submit(self, topology, *arguments):
        subprocess.run(**self.java(f"-Dstorm.jar={TOPOLOGIES}", "-Dstorm.dependency.jars=", "-Dstorm.dependency.artifacts={}", "-cp",
                                   f"{self.home}/lib-worker/*:{TOPOLOGIES}:{self.home}/conf", MAIN, topology, *map(str, arguments)),
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with NimbusClient(self.port) as nimbus:
            self.topology_id = nimbus.summaries()[topology].id

    def processes(self):
        """The workers; not the processes that copy their output."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if f"daemon.worker.Worker\0{self.topology_id}" in command and "org.apache.storm.LogWriter" not in command:
                found.append(int(entry.name))
        return found

    def kill(self, topology):
        with NimbusClient(self.port) as nimbus:
            nimbus.call.killTopologyWithOpts(topology, ttypes.KillOptions(wait_secs=0))
        wait_for("the end of Storm's workers", lambda: not self.processes(), 60)

    def __exit__(self, *_):
        for process in reversed(self.started):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def pom_text(coordinates):
    # storm-clojure's own dependencies are not on Maven Central; nothing here needs it.
    rows = "".join("<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version><exclusions><exclusion>"
                   "<groupId>org.apache.storm</groupId><artifactId>storm-clojure</artifactId></exclusion></exclusions></dependency>"
                   .format(*c.split(":")) for c in coordinates)
    return ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>bench</groupId>'
            f"<artifactId>bench</artifactId><version>1</version><packaging>pom</packaging><dependencies>{rows}</dependencies></project>")


SYSTEMS = {"petrel": Petrel, "storm": Storm}
