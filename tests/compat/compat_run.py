"""Running a published main against a cluster: start it, wait for its polls, deactivate, drain, read the logs."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import worker_log
from harness.cluster import ROOT, wait_for
from harness.nimbus import NimbusClient, by_component

PROXY_SOURCES = ROOT / "tests" / "compat" / "proxy"
POLL_LINE = re.compile(r"^\s*\d+\s*[,\t ]")


def compile_proxy():
    """Our proxy, mutants and hook as a jar; they know storm-client only."""
    folder = ROOT / "build" / "compat"
    classes, jar = folder / "classes", folder / "proxy.jar"
    classes.mkdir(parents=True, exist_ok=True)
    sources = sorted(PROXY_SOURCES.rglob("*.java"))
    subprocess.run(["javac", "--release", "17", "-cp", f"{ROOT}/build/java/storm-2.8/*", "-d", str(classes), *map(str, sources)],
                   check=True)
    subprocess.run(["jar", "cf", str(jar), "-C", str(classes), "."], check=True)
    return jar


class Proxy:
    """The mutating proxy as a process; used in a with statement."""

    def __init__(self, jar, user_jar, nimbus_port, component, mutant):
        classpath = f"{jar}:{ROOT}/build/java/storm-2.8/*:{user_jar}"  # it opens the user's serialised bolt
        self.process = subprocess.Popen(["java", "-cp", classpath, "io.petrel.compat.MutatingProxy", "0", str(nimbus_port),
                                         component, mutant], stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().split()
        assert first[:1] == ["ready"], f"the proxy said {first}"
        self.port = int(first[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Main:
    """A user's main under `petrel jar`, in the background; its output goes to a file."""

    def __init__(self, cluster, jar, main, arguments, settings, nimbus_port=None):
        flags = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        if nimbus_port is not None:
            flags += ["-c", f"nimbus.thrift.port={nimbus_port}"]
        self.output = pathlib.Path(tempfile.mkstemp(prefix="main-", suffix=".txt")[1])
        with open(self.output, "wb") as out:
            self.process = subprocess.Popen([str(cluster.petrel), "jar", *flags, str(jar), main, *arguments],
                                            env=cluster.environment(), stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, start_new_session=True)

    def text(self):
        return self.output.read_text(errors="replace")

    def check_alive(self):
        assert self.process.poll() is None, f"main ended with {self.process.returncode}:\n{self.text()[-4000:]}"

    def polls(self):
        self.check_alive()
        return sum(1 for line in self.text().splitlines() if POLL_LINE.match(line))

    def end(self):
        """SIGTERM: storm-perf's shutdown hook kills its topology."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.output.unlink(missing_ok=True)


def emitted(cluster, name):
    """What the spouts have emitted by Nimbus's own statistics; 0 while the topology is not there."""
    with cluster.nimbus() as nimbus:
        if name not in nimbus.summaries():
            return 0
        return sum(row["emitted"] for row in by_component(nimbus.info(name)).values() if row["spout"])


def deactivate(cluster, name):
    cluster.run("deactivate", name)
    with NimbusClient(cluster.port) as nimbus:
        assert nimbus.summaries()[name].status == "INACTIVE"


def settled_log(cluster, name, quiet_s=3, timeout_s=90):
    """The log, once Nimbus's numbers have stood still for quiet_s: everything in flight has arrived or timed out."""
    def numbers():
        with cluster.nimbus() as nimbus:
            return by_component(nimbus.info(name))
    last, since = None, time.monotonic()

    def quiet():
        nonlocal last, since
        now = {c: (r["emitted"], r["acked"], r["failed"], r["executed"]) for c, r in numbers().items()}
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > quiet_s
    wait_for(f"statistics of {name} that stand still", quiet, timeout_s, every_s=0.5)
    return worker_log.Log().read(worker_logs(cluster, name))


def worker_logs(cluster, name):
    """Oldest first: worker.log.2.gz before worker.log.1.gz before worker.log."""
    logs = [p for p in cluster.worker_logs(cluster.topology_id(name)) if not p.name.endswith((".err", ".out", ".metrics"))]
    return sorted(logs, key=lambda p: -int((re.findall(r"\.(\d+)", p.name) or [0])[0]))


def compare_statistics(cluster, name, log):
    """With sample rate 1 Nimbus's numbers are the log's numbers. Polls: the last sample is a second old at most."""
    def rows():
        with cluster.nimbus() as nimbus:
            return by_component(nimbus.info(name))

    def from_log():
        result = {component: [len(all_emits), 0] for component, all_emits in log.emits.items()}
        for (_, component, _), n in log.acked.items():
            result.setdefault(component, [0, 0])[1] += n
        for component, ids in log.spout_acks.items():
            result.setdefault(component, [0, 0])[1] += len(ids)
        return result

    expected = from_log()
    found = {}

    def same():
        nonlocal found
        found = {c: [r["emitted"], r["acked"]] for c, r in rows().items()}
        return found == expected
    try:
        wait_for("statistics", same, 15, every_s=0.5)
    except AssertionError:
        raise AssertionError(f"[emitted, acked] by Nimbus {found}, by the log {expected}") from None
