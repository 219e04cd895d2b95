"""Three workers while pieces of the control plane are away: links and hosts come back without them."""
import contextlib
import os
import signal

import pytest

from harness.cluster import TOPOLOGIES, Cluster, wait_for
from harness.nimbus import by_component

WORKERS = 3
COUNTS = 3
LINES = [f"line {i} of the river and word {i % 101} of {chr(97 + i % 26)}{chr(97 + i // 26 % 26)}" for i in range(2000)]


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=WORKERS) as started:
        yield started


@contextlib.contextmanager
def running(cluster, folder, name, placement):
    """The word count without end, each worker with a task of each component; yields its id."""
    text = folder / "text.txt"
    text.write_text("\n".join(LINES) + "\n")
    cluster.jar(TOPOLOGIES, "io.petrel.topologies.WordCountTopology", name, text, "--publish", folder, "--spouts", WORKERS,
                "--splits", WORKERS, "--counts", COUNTS, "--lines-by", "fields", "--conf", f"topology.workers={WORKERS}",
                "--conf", f"petrel.stream.manager={placement}", "--conf", "topology.max.spout.pending=500")
    topology_id = cluster.topology_id(name)
    try:
        words_go_on(folder)
        yield topology_id
    finally:
        cluster.run("kill", name, "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids(topology_id), 60)


def words_go_on(folder):
    """Every counting task counts more than it has now: all of them get words of other workers."""
    def texts():
        return {file.name: file.read_text() for file in folder.glob("count-*") if not file.name.endswith(".tmp")}
    before = texts()

    def changed():
        now = texts()
        return len(now) == COUNTS and all(text and text != before.get(name) for name, text in now.items())
    wait_for("words in all counting tasks", changed, 120)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_for(f"the end of {pid}", lambda: not running_pid(pid), 10)


def running_pid(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def failed(cluster, name):
    with cluster.nimbus() as nimbus:
        return by_component(nimbus.info(name))["lines"]["failed"]


def test_stream_managers_come_back_while_the_topology_master_stands_still(cluster, tmp_path):
    with running(cluster, tmp_path, "still", "process") as topology_id:
        [master] = cluster.pids("topology-master", topology_id)
        os.kill(master, signal.SIGSTOP)
        try:
            managers = cluster.pids(" stream-manager", topology_id)
            assert len(managers) == WORKERS
            for manager in managers:
                kill(manager)
            wait_for("successors",
                     lambda: len(set(cluster.pids(" stream-manager", topology_id)) - set(managers)) == WORKERS, 60)
            words_go_on(tmp_path)
        finally:
            os.kill(master, signal.SIGCONT)
        assert failed(cluster, "still") == 0
        wait_for("all hosts", lambda: "MISSING" not in cluster.run("status", "still").stdout, 30)


@pytest.mark.parametrize("placement", ["in_host", "process"])
def test_a_worker_and_the_topology_master_die_at_once(cluster, tmp_path, placement):
    name = f"both-{placement.replace('_', '-')}"
    with running(cluster, tmp_path, name, placement) as topology_id:
        [master] = cluster.pids("topology-master", topology_id)
        hosts = cluster.pids("petrel-jvm-host", topology_id)
        assert len(hosts) == WORKERS
        kill(master)
        kill(hosts[0])
        # The new master learns that the topology runs from those that have prepared, and starts the new host at once.
        wait_for("a new host", lambda: len(cluster.pids("petrel-jvm-host", topology_id)) == WORKERS, 60)
        words_go_on(tmp_path)
        assert set(hosts[1:]) < set(cluster.pids("petrel-jvm-host", topology_id)), "the other workers were restarted"
        wait_for("all hosts", lambda: "MISSING" not in cluster.run("status", name).stdout, 60)
