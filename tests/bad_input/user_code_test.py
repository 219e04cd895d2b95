"""Faults of user code in a running topology (I1-I7, I9, I10): the right one dies, is reported by name, and comes back; the rest goes on.

Each mode plants one fault, once. Nimbus stays alive, answers, and does not grow.
"""
import os
import pathlib

import pytest

from harness.cluster import TOPOLOGIES, Cluster, wait_for

pytestmark = pytest.mark.slow
MIB = 1 << 20

# (mode, component and words that the error names). The host dies and is started again.
DIES = [
    ("open", "numbers", "planted in open"),
    ("prepare", "faulty", "planted in prepare"),
    ("nextTuple", "numbers", "planted in nextTuple"),
    ("ack", "numbers", "planted in ack"),
    ("fail", "numbers", "planted in fail"),
    ("execute", "faulty", "planted in execute"),
    ("undeclared-stream", "faulty", "nowhere"),
    ("stack", "faulty", "StackOverflowError"),
    ("heap", None, None),  # an OutOfMemoryError halts at once, there may be no room for a report
    ("direct-memory", None, None),
    ("metaspace", None, None),
    ("segv", None, None),
    ("exit", None, None),
    ("halt", None, None),
]
# The topology goes on in the same process. "odd": a tuple that must have arrived on the stream of that name.
GOES_ON = [("wrong-arity", 1), ("null-field", 1), ("not-serialisable", 1), ("100-mb", 1), ("million-fields", 1),
           ("ack-twice", 0), ("fail-after-ack", 0), ("ack-from-thread", 0),
           ("ack-unknown", 0), ("thread-leak", 0), ("close-standard-files", 0), ("binary-output", 0)]


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as started:
        yield started


class Run:
    def __init__(self, cluster, mode, folder, conf=None):
        self.cluster, self.name, self.folder = cluster, f"fault-{mode}", folder
        self.nimbus_rss = rss(self.nimbus_pid())
        flags = [word for key, value in (conf or {}).items() for word in ("-c", f"{key}={value}")]
        cluster.run("jar", *flags, TOPOLOGIES, "io.petrel.topologies.faults.FaultTopology", self.name, mode, folder)

    def nimbus_pid(self):
        return self.cluster.pids("petrel", " nimbus")[0]

    def happened(self):
        return (self.folder / "happened").exists()

    def sink(self):
        """(pid, tuples, odd ones) of the sink's process."""
        file = self.folder / "sink"
        return tuple(map(int, file.read_text().split())) if file.exists() else (0, 0, 0)

    def errors(self, component):
        with self.cluster.nimbus() as nimbus:
            return [e.error for e in (nimbus.info(self.name).errors or {}).get(component, [])]

    def end(self):
        """Killed, gone, and Nimbus neither restarted nor grown by more than 10 MiB."""
        pid = self.nimbus_pid()
        self.cluster.run("kill", self.name, "-w", "0")

        def gone():
            with self.cluster.nimbus() as nimbus:
                return self.name not in nimbus.summaries()
        wait_for("the end of the topology", gone, 60)
        assert self.nimbus_pid() == pid
        assert rss(pid) - self.nimbus_rss < 10 * MIB


def rss(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("mode, component, words", DIES, ids=[d[0] for d in DIES])
def test_the_host_dies_and_comes_back(cluster, tmp_path, mode, component, words):
    run = Run(cluster, mode, tmp_path)
    wait_for("the fault", run.happened, 90)
    first = run.sink()[0]
    # Tuples flow again: through a process that is not the one of the fault (which may not have had a tuple before it).
    wait_for("tuples after the fault", lambda: run.sink()[0] not in (0, first) and run.sink()[1] > 200
             if first else run.sink()[1] > 200, 60)
    if component:
        wait_for(f"an error of {component} with {words!r}", lambda: any(words in e for e in run.errors(component)), 20)
    run.end()


@pytest.mark.parametrize("fallback, words", [("false", "not registered"), ("true", "NotSerializableException")])
def test_a_value_that_cannot_travel_is_refused_by_name(cluster, tmp_path, fallback, words):
    """To another host a value has to be serialised: without Java's serialisation Kryo must know its class (I9)."""
    run = Run(cluster, "not-serialisable", tmp_path,
              {"topology.workers": 3, "topology.fall.back.on.java.serialization": fallback})
    wait_for("the fault", run.happened, 90)
    error = wait_for("the error", lambda: run.errors("faulty"), 60)[0]
    for word in (words, "java.lang.Object", "component 'faulty'", "stream 'odd'", "'value'"):
        assert word in error, error[:1000]
    before = run.sink()
    wait_for("tuples after the fault", lambda: run.sink()[1] > before[1] + 200, 60)
    run.end()


@pytest.mark.parametrize("mode, odd", GOES_ON, ids=[g[0] for g in GOES_ON])
def test_the_topology_goes_on(cluster, tmp_path, mode, odd):
    run = Run(cluster, mode, tmp_path)
    wait_for("the fault", run.happened, 90)
    before = run.sink()
    wait_for("tuples after the fault", lambda: run.sink()[1] > before[1] + 500 and run.sink()[2] >= odd, 60)
    if before[0]:
        assert run.sink()[0] == before[0], "another process"
    assert run.errors("faulty") == []
    run.end()


@pytest.mark.parametrize("mode", ["endless-loop", "deadlock"])
def test_a_thread_that_never_returns_stops_one_executor_only(cluster, tmp_path, mode):
    """Nimbus answers, the topology can be killed, and its process is gone although a thread of it never returns."""
    run = Run(cluster, mode, tmp_path)
    wait_for("the fault", run.happened, 90)
    assert run.cluster.pids("petrel-jvm-host", run.name)
    run.end()
    wait_for("the end of the host", lambda: not run.cluster.pids("petrel-jvm-host", run.name), 30)


def test_an_emit_after_deactivate_is_taken(cluster, tmp_path):
    run = Run(cluster, "emit-after-deactivate", tmp_path)
    wait_for("tuples", lambda: run.sink()[1] > 200, 90)
    before = run.sink()
    cluster.run("deactivate", run.name)
    wait_for("the emit", run.happened, 30)
    cluster.run("activate", run.name)
    wait_for("tuples after the activation", lambda: run.sink()[1] > before[1] + 500, 60)
    assert run.sink()[0] == before[0], "another process"
    assert run.errors("numbers") == []
    run.end()


def is_nameless_pair(target):
    """A connected Unix socket without a name."""
    inode = target.rpartition("[")[2].rstrip("]")
    rows = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]]
    return any(row[6] == inode and len(row) == 7 and row[5] == "03" and row[3] == "00000000" for row in rows)


def test_what_user_code_forks_gets_no_socket(cluster, tmp_path):
    """Every socket and pipe of the topology's processes closes in a child that runs another program. A JVM has one that does not: the
    JDK's marker for closed files, half of a nameless pair that leads nowhere, which Java closes in the children that it starts."""
    run = Run(cluster, "none", tmp_path)
    wait_for("tuples", lambda: run.sink()[1] > 200, 90)
    hosts, seen = run.cluster.pids("petrel-jvm-host", run.name), 0
    for pid in cluster.pids(run.name):
        stays = []
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                target, info = str(fd.readlink()), pathlib.Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text()
            except OSError:
                continue  # closed meanwhile
            if int(fd.name) > 2 and target.startswith(("socket:", "pipe:", "anon_inode:")):
                seen += 1
                flags = int(next(line.split()[1] for line in info.splitlines() if line.startswith("flags")), 8)
                if not flags & os.O_CLOEXEC:
                    stays.append(target)
        assert len(stays) <= (pid in hosts) and all(map(is_nameless_pair, stays)), f"process {pid}: {stays}"
    assert seen > 10
    run.end()


def test_an_exception_in_cleanup_does_not_hold_up_the_kill(cluster, tmp_path):
    run = Run(cluster, "cleanup", tmp_path)
    wait_for("tuples", lambda: run.sink()[1] > 200, 90)
    run.end()
    wait_for("the end of the host", lambda: not run.cluster.pids("petrel-jvm-host", run.name), 30)
    assert run.happened()
