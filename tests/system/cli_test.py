"""The command line against a real cluster: up, jar, list, kill, down, under both names."""
import os
import re
import socket
import subprocess

import pytest

from harness.cluster import TOPOLOGIES, Cluster, wait_for

MAIN = "io.petrel.topologies.WordCountTopology"


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    file = tmp_path_factory.mktemp("cli") / "text.txt"
    file.write_text("the river and the sea\n" * 50)
    return file


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as started:
        yield started


def storm(cluster, *args):
    return cluster.run(*args, name="storm", check=False)


def submit(cluster, text, name, *flags, program=None):
    out = cluster.run("jar", *flags, TOPOLOGIES, MAIN, name, text, "--publish", text.parent, "--loops", 1000000, name=program, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
    return out


def rows(out):
    """Storm's table as {name: (status, tasks, workers, uptime, id, owner)}."""
    lines = out.splitlines()
    assert lines[0].split() == ["Topology_name", "Status", "Num_tasks", "Num_workers", "Uptime_secs", "Topology_Id", "Owner"]
    assert set(lines[1]) == {"-"}
    return {line.split()[0]: line.split()[1:] for line in lines[2:]}


def test_up_is_idempotent_and_names_the_next_commands(cluster):
    again = cluster.run("up")
    assert "was up already" in again.stdout and f"127.0.0.1:{cluster.port}" in again.stdout
    assert "petrel jar" in again.stdout


def test_the_life_of_a_topology_under_the_name_storm(cluster, text):
    assert storm(cluster, "list").stdout == "No topologies running.\n"
    assert storm(cluster, "jar", TOPOLOGIES, "no.such.Main").returncode == 1
    done = submit(cluster, text, "life", "-c", "topology.message.timeout.secs=7", program="storm")
    assert done.stdout.startswith("Running: ")
    life = rows(storm(cluster, "list").stdout)["life"]
    assert life[0] == "ACTIVE" and re.fullmatch(r"life-\d+-\d+", life[4])
    with cluster.nimbus() as nimbus:
        assert '"topology.message.timeout.secs":7' in nimbus.call.getTopologyConf(life[4]).replace(" ", "")

    assert storm(cluster, "deactivate", "life").stdout == "Deactivated topology: life\n"
    assert rows(storm(cluster, "list").stdout)["life"][0] == "INACTIVE"
    assert storm(cluster, "activate", "life").stdout == "Activated topology: life\n"

    taken = cluster.run("jar", TOPOLOGIES, MAIN, "life", text, "--publish", text.parent, check=False)
    assert taken.returncode == 1 and "life" in taken.stdout + taken.stderr

    killed = storm(cluster, "kill", "life", "-w", "1000")
    assert (killed.returncode, killed.stdout) == (0, "Killed topology: life\n")
    assert rows(storm(cluster, "list").stdout)["life"][0] == "KILLED"
    refused = storm(cluster, "activate", "life")
    assert refused.returncode == 1 and "was killed" in refused.stderr
    assert storm(cluster, "kill", "life", "-w", "0").returncode == 0
    wait_for("the end of life", lambda: storm(cluster, "list").stdout == "No topologies running.\n", 60)
    assert not (cluster.home / "local/supervisor/stormdist" / life[4]).exists()

    gone = storm(cluster, "kill", "life")
    assert gone.returncode == 1
    assert "NotAliveException(msg:life is not alive)" in gone.stderr


def test_more_jars_travel_as_blobs(cluster, text):
    jar = TOPOLOGIES.parent.parent / "storm-2.8" / "jspecify-1.0.0.jar"
    submit(cluster, text, "more", "--jars", jar)
    with cluster.nimbus() as nimbus:
        keys = nimbus.call.listBlobs("").keys
        assert [k for k in keys if k.startswith("dep-jspecify-1.0.0-")], keys
        topology = nimbus.call.getUserTopology(nimbus.summaries()["more"].id)
        assert len(topology.dependency_jars) == 1
    cluster.run("kill", "more", "-w", "0")


def test_status_and_logs(cluster, text):
    submit(cluster, text, "seen")
    wait_for("the host", lambda: re.search(r"container 1: agent pid \d+, jvm-host pid \d+\n", cluster.run("status").stdout), 90)
    wait_for("all containers", lambda: "MISSING" not in cluster.run("status").stdout, 90)
    assert "ACTIVE" in cluster.run("status").stdout
    wait_for("a worker log", lambda: "worker.log" in cluster.run("logs", "seen", check=False).stdout, 60)
    assert "nimbus" in cluster.run("logs").stdout
    cluster.run("kill", "seen", "-w", "0")


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with_port = Cluster(home=tmp_path)
        done = with_port.run("up", "-c", f"nimbus.thrift.port={port}", check=False)
        assert done.returncode == 1
        assert f"port {port} on 127.0.0.1 is taken" in done.stderr
        assert with_port.processes() == []


def test_down_without_up_is_fine(tmp_path):
    done = Cluster(home=tmp_path).run("down")
    assert "nothing is left running" in done.stdout


def test_topologies_run_again_after_down_and_up(tmp_path, text):
    cluster = Cluster(home=tmp_path / "home")
    with cluster:
        submit(cluster, text, "again")
        cluster.run("down")
        assert cluster.processes() == []
        cluster.run("up")
        assert rows(cluster.run("list").stdout)["again"][0] == "ACTIVE"
        wait_for("the host", lambda: "MISSING" not in cluster.run("status").stdout, 90)
        cluster.run("kill", "again", "-w", "0")
        wait_for("the end", lambda: cluster.run("list").stdout == "No topologies running.\n", 60)


def test_a_killed_nimbus_comes_back_with_everything(cluster, text):
    submit(cluster, text, "stays")
    before = rows(cluster.run("list").stdout)["stays"]
    pid = int((cluster.home / "run/nimbus.pid").read_text().split()[0])
    os.kill(pid, 9)

    def after():
        done = cluster.run("list", check=False)
        return done.returncode == 0 and rows(done.stdout).get("stays")

    assert wait_for("Nimbus", after, 30)[4] == before[4]
    assert int((cluster.home / "run/nimbus.pid").read_text().split()[0]) != pid
    cluster.run("kill", "stays", "-w", "0")
    wait_for("the end", lambda: "stays" not in cluster.run("list").stdout, 60)


def test_up_after_a_killed_root_takes_over_what_runs(cluster, text):
    submit(cluster, text, "orphan")
    wait_for("the host", lambda: "MISSING" not in cluster.run("status").stdout and cluster.pids("petrel-jvm-host"), 90)
    nimbus = int((cluster.home / "run/nimbus.pid").read_text().split()[0])
    hosts = cluster.pids("petrel-jvm-host")
    os.kill(int((cluster.home / "run/root.pid").read_text().split()[0]), 9)
    wait_for("the end of the root", lambda: cluster.run("status", check=False).stdout.startswith("root    not running"), 30)
    assert "orphan" in rows(cluster.run("list").stdout)
    up = cluster.run("up")  # its Nimbus has the port
    assert "Petrel is up" in up.stdout
    assert int((cluster.home / "run/nimbus.pid").read_text().split()[0]) == nimbus
    assert cluster.pids("petrel-jvm-host") == hosts
    assert cluster.run("status").returncode == 0
    cluster.run("kill", "orphan", "-w", "0")
    wait_for("the end", lambda: "orphan" not in cluster.run("list").stdout, 60)


def test_other_machines_need_a_setting(tmp_path):
    cluster = Cluster(home=tmp_path)
    refused = cluster.run("nimbus", "-c", "nimbus.host=0.0.0.0", "-c", "nimbus.thrift.port=0", check=False, timeout_s=30)
    assert refused.returncode == 1
    assert "petrel.nimbus.allow.remote" in refused.stderr
    open_to_all = subprocess.Popen([cluster.petrel, "nimbus", "-c", "nimbus.host=0.0.0.0", "-c", "nimbus.thrift.port=0", "-c",
                                    "petrel.nimbus.allow.remote=true"], env=cluster.environment(), stderr=subprocess.PIPE, text=True)
    try:
        assert "WITHOUT AUTHENTICATION" in open_to_all.stderr.readline()
    finally:
        open_to_all.terminate()
        assert open_to_all.wait(30) == 0
        open_to_all.stderr.close()
