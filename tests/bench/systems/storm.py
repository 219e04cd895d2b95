"""A real Storm made of its jars from Maven: dev-zookeeper, nimbus, supervisor on loopback; ended by the pids that were started here."""
import logging
import os
import pathlib
import shutil
import signal
import subprocess

from harness.cluster import ROOT, TOPOLOGIES, free_ports, wait_for
from harness.nimbus import NimbusClient, ttypes
from systems import maven
from systems.petrel import MAIN
from systems.placement import wait_for_pins

VERSION = "2.8.3"


class Storm:
    name = "storm"

    def __init__(self):
        self.home = ROOT / "build" / f"storm-{VERSION}"
        self.started = []
        self.topology = self.topology_id = None

    def __enter__(self):
        self.fetch()
        zookeeper, self.port, supervisor, logviewer, *slots = free_ports(8)
        self.work = self.home / f"run-{os.getpid()}"
        self.conf = self.work / "conf"
        self.conf.mkdir(parents=True, exist_ok=True)
        (self.work / "logs").mkdir(exist_ok=True)
        (self.conf / "storm.yaml").write_text("\n".join([
            'storm.zookeeper.servers: ["127.0.0.1"]', f"storm.zookeeper.port: {zookeeper}", f'dev.zookeeper.path: "{self.work}/zk"',
            'nimbus.seeds: ["127.0.0.1"]', f"nimbus.thrift.port: {self.port}", 'storm.local.hostname: "127.0.0.1"',
            f'storm.local.dir: "{self.work}/local"', f'storm.log.dir: "{self.work}/logs"', f"supervisor.slots.ports: {slots}",
            f"supervisor.thrift.port: {supervisor}", f"logviewer.port: {logviewer}", "storm.scheduler: io.petrel.bench.PinScheduler"]) + "\n")
        try:
            self.daemon("org.apache.storm.command.DevZookeeper", "dev-zookeeper", 256)
            self.daemon("org.apache.storm.daemon.nimbus.Nimbus", "nimbus", 512)
            self.daemon("org.apache.storm.daemon.supervisor.Supervisor", "supervisor", 256)
            wait_for("Storm's Nimbus and a supervisor", self.ready, 180, every_s=0.5)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def fetch(self):
        """lib for the daemons, lib-worker for workers and clients."""
        one_logging_backend = ("slf4j-reload4j-*", "reload4j-*")
        maven.fetch(self.home / "lib-worker", [f"org.apache.storm:storm-client:{VERSION}"], one_logging_backend)
        maven.fetch(self.home / "lib", [f"org.apache.storm:storm-server:{VERSION}", f"org.apache.storm:storm-core:{VERSION}"], one_logging_backend)
        sources = maven.BENCH / "peers" / "storm"
        maven.compile_java(sources / "PinScheduler.java", self.home / "lib", self.home / "pin-scheduler.jar")
        (self.home / "log4j2").mkdir(exist_ok=True)
        for name in ("cluster.xml", "worker.xml"):
            (self.home / "log4j2" / name).write_text((sources / name).read_text())
        for name in ("extlib", "extlib-daemon", "bin"):
            (self.home / name).mkdir(exist_ok=True)
        (self.home / "RELEASE").write_text(VERSION + "\n")

    def java(self, *arguments):
        environment = {**os.environ, "STORM_CONF_DIR": str(self.conf)}
        common = [f"-Dstorm.home={self.home}", f"-Dstorm.log.dir={self.work}/logs", "-Dstorm.options=", "-Dstorm.conf.file="]
        return dict(args=["java", *common, *arguments], env=environment, stdin=subprocess.DEVNULL)

    def daemon(self, main, name, heap_mb):
        with open(self.work / "logs" / f"{name}.out", "wb") as out:
            self.started.append(subprocess.Popen(**self.java(
                f"-Xmx{heap_mb}m", f"-Ddaemon.name={name}", f"-Dlogfile.name={name}.log", "-Djava.deserialization.disabled=true",
                f"-Dlog4j.configurationFile={self.home}/log4j2/cluster.xml", "-cp",
                f"{self.home}/lib/*:{self.home}/pin-scheduler.jar:{self.conf}", main),
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True))

    def ready(self):
        logging.getLogger("thrift").setLevel(logging.CRITICAL)  # it tells of every refused connection
        dead = [p.args[-1] for p in self.started if p.poll() is not None]
        if dead:
            raise RuntimeError(f"{', '.join(dead)} ended at once; see {self.work}/logs")
        try:
            with NimbusClient(self.port) as nimbus:
                return len(nimbus.call.getClusterInfo().supervisors) == 1
        except Exception:  # not there yet; the deadline is the caller's
            return False

    def submit(self, name, cell, settings, folder):
        self.topology, self.topology_id = name, None
        done = subprocess.run(**self.java(f"-Dstorm.jar={TOPOLOGIES}", "-Dstorm.dependency.jars=", "-Dstorm.dependency.artifacts={}", "-cp",
                                          f"{self.home}/lib-worker/*:{TOPOLOGIES}:{self.conf}", MAIN, name, *cell.arguments(folder, settings)),
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"Storm did not take {name}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        with NimbusClient(self.port) as nimbus:
            self.topology_id = nimbus.summaries()[name].id
        wait_for_pins(cell, self.port, name)

    def processes(self, cell):
        """The workers of the last topology; not the processes that copy their output."""
        found = []
        if self.topology_id is None:
            return found
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

    def crossed(self, cell):
        return None

    def keep_logs(self):
        return self.work / "logs"

    def kill(self):
        if self.topology_id is None:
            return  # it was not taken
        with NimbusClient(self.port) as nimbus:
            nimbus.call.killTopologyWithOpts(self.topology, ttypes.KillOptions(wait_secs=0))
        wait_for("the end of Storm's workers", lambda: not self.processes(None), 120)

    def __exit__(self, kind, error, trace):
        for process in reversed(self.started):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.started = []
        for pid in self.processes(None):  # workers outlive their supervisor
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.work / "zk", ignore_errors=True)
        shutil.rmtree(self.work / "local", ignore_errors=True)
