"""At-least-once over three containers, while processes are killed, stopped or cut off.

What a killed host had in flight fails within 2 s of the kill and is replayed; a killed stream manager or agent loses nothing, so
nothing may fail. Void runs as in ledger_test.py.
"""
import os
import pathlib
import signal
import sys
import time
import typing

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness.cluster import Cluster, wait_for  # noqa: E402
from ledger_run import (LedgerRun, before_kills, check_load_at_kills, full_load, log_folder, until_loaded,  # noqa: E402
                        until_not_void)

pytestmark = [pytest.mark.slow, pytest.mark.quiet]
KILLS = 10
CONTAINERS = 3


class Victim(typing.NamedTuple):
    words: tuple  # of its command line
    placement: str = "in_host"  # of the stream managers
    loses: bool = False  # whether tuples are lost with it
    of_topology: bool = True  # there is one for each topology


# Native hosts stand beside a JVM, so their containers have a stream manager process whatever the placement says.
VICTIMS = {
    "jvm-host": Victim(("petrel-jvm-host",), loses=True),
    "jvm-host-beside-a-stream-manager": Victim(("petrel-jvm-host",), "process", loses=True),
    "native-host": Victim(("petrel-native-host",), "process", loses=True),
    "stream-manager": Victim(("petrel", " stream-manager"), "process"),
    "agent": Victim(("petrel", " container")),
}
# Here they are only stopped; ledger_test and control_plane_test look at their death.
STOPPED = VICTIMS | {
    "topology-master": Victim(("petrel", " topology-master")),
    "nimbus": Victim(("petrel", " nimbus "), of_topology=False),
    "root": Victim(("petrel", " root "), of_topology=False),
}


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=CONTAINERS) as started:
        yield started


@pytest.fixture
def logs():
    with log_folder() as folder:
        yield folder


def pids(cluster, ledger, victim):
    return sorted(cluster.pids(*victim.words, *[ledger.topology_id()] * victim.of_topology))


@pytest.fixture(scope="module")
def native_jar(cluster, tmp_path_factory):
    return cluster.jar_with_libraries(tmp_path_factory.mktemp("jar") / "native.jar")


def ledger_run(cluster, folder, victim, native_jar, name, **options):
    program = {"jar": native_jar, "main": "NativeLedgerTopology"} if victim is VICTIMS["native-host"] else {}
    return LedgerRun(cluster, folder, name, **program, **options,
                     conf={"topology.workers": CONTAINERS, "petrel.stream.manager": victim.placement})


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9(cluster, logs, native_jar, victim):
    def run(attempt):
        ledger = ledger_run(cluster, logs / str(attempt), VICTIMS[victim], native_jar, f"{victim}-{attempt}")
        try:
            kill_in_turn(cluster, ledger, VICTIMS[victim])
        finally:
            ledger.end()
        ledger.remove_logs()
    until_not_void(run)


def kill_in_turn(cluster, ledger, victim):
    full = full_load(ledger)
    killed_at = []
    for kill in range(KILLS):
        until_loaded(ledger, full, kill)
        living = pids(cluster, ledger, victim)
        assert len(living) >= CONTAINERS, f"{victim}: {living}"
        killed_at.append(ledger.kill(living[kill % len(living)]))
        wait_for("a successor", lambda: len(pids(cluster, ledger, victim)) == len(living), 60)
    ledger.all_spouts_emit()
    ledger.rate(5)
    ledger.drain()
    spans = before_kills(killed_at)
    rules = [x for at in killed_at for x in ("--fault", at)] if victim.loses else ["--no-fail"]
    summary, counts, _, findings = ledger.judge(*rules, *spans)
    print(f"full load {full:.0f}/s, before the kills {[c // 2 for c in counts]}/s, {summary}")
    assert findings == []
    assert errors(cluster, ledger) == []
    check_load_at_kills(counts, full)


def errors(cluster, ledger):
    """What user code reported: tuples out of order end up here."""
    with cluster.nimbus() as nimbus:
        return [e.error for rows in nimbus.info(ledger.name).errors.values() for e in rows]


@pytest.mark.parametrize("victim", STOPPED)
def test_sigstop(cluster, logs, native_jar, victim):
    """20 s of standstill of one process: all goes on afterwards, nothing acked falsely. Roots wait longer than that here."""
    ledger = ledger_run(cluster, logs / "stop", STOPPED[victim], native_jar, f"stop-{victim}", timeout_s=60)
    try:
        full_load(ledger)
        pid = pids(cluster, ledger, STOPPED[victim])[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(20)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_for("tuples after the standstill", lambda: ledger.rate(1) > 0, 60)
        ledger.rate(5)
        assert pid in pids(cluster, ledger, STOPPED[victim]), "the stopped process was replaced"
        ledger.drain()
        _, _, _, findings = ledger.judge("--no-fail")
        assert findings == []
        assert errors(cluster, ledger) == []
    finally:
        ledger.end()
    ledger.remove_logs()
