"""At-least-once over three containers, while processes are killed, stopped or cut off.

What a killed host had in flight fails within 2 s of the kill and is replayed; a killed stream manager or agent loses nothing, so
nothing may fail. Void runs as in ledger_test.py.
"""
import os
import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness.cluster import Cluster, wait_for  # noqa: E402
from ledger_run import (LedgerRun, before_kills, check_load_at_kills, full_load, log_folder, until_loaded,  # noqa: E402
                        until_not_void)

pytestmark = [pytest.mark.slow, pytest.mark.quiet]
KILLS = 10
CONTAINERS = 3
# victim -> (words of its command line, placement of the stream managers, whether tuples are lost with it). Native hosts stand
# beside a JVM, so their containers have a stream manager process whatever the placement says.
VICTIMS = {
    "jvm-host": (("petrel-jvm-host",), "in_host", True),
    "jvm-host-beside-a-stream-manager": (("petrel-jvm-host",), "process", True),
    "native-host": (("petrel-native-host",), "process", True),
    "stream-manager": (("petrel", " stream-manager"), "process", False),
    "agent": (("petrel", " container"), "in_host", False),
}


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=CONTAINERS) as started:
        yield started


@pytest.fixture
def logs():
    with log_folder() as folder:
        yield folder


def victims(cluster, ledger, words):
    return cluster.pids(*words, ledger.topology_id())


@pytest.fixture(scope="module")
def native_jar(cluster, tmp_path_factory):
    return cluster.jar_with_libraries(tmp_path_factory.mktemp("jar") / "native.jar")


def ledger_run(cluster, folder, victim, native_jar, name, **options):
    program = {"jar": native_jar, "main": "NativeLedgerTopology"} if victim == "native-host" else {}
    return LedgerRun(cluster, folder, name, **program, **options,
                     conf={"topology.workers": CONTAINERS, "petrel.stream.manager": VICTIMS[victim][1]})


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9(cluster, logs, native_jar, victim):
    words, _, loses = VICTIMS[victim]

    def run(attempt):
        ledger = ledger_run(cluster, logs / str(attempt), victim, native_jar, f"{victim}-{attempt}")
        try:
            kill_in_turn(cluster, ledger, words, loses)
        finally:
            cluster.run("kill", ledger.name, "-w", "0")
        ledger.remove_logs()
    until_not_void(run)


def kill_in_turn(cluster, ledger, words, loses):
    full = full_load(ledger)
    killed_at = []
    for kill in range(KILLS):
        until_loaded(ledger, full, kill)
        pids = victims(cluster, ledger, words)
        assert len(pids) >= CONTAINERS, f"{words}: {pids}"
        killed_at.append(ledger.kill(sorted(pids)[kill % len(pids)]))
        wait_for("a successor", lambda: len(victims(cluster, ledger, words)) == len(pids), 60)
    ledger.rate(5)
    ledger.drain()
    spans = before_kills(killed_at)
    rules = [x for at in killed_at for x in ("--fault", at)] if loses else ["--no-fail"]
    summary, counts, _, findings = ledger.judge(*rules, *spans)
    print(f"full load {full:.0f}/s, before the kills {[c // 2 for c in counts]}/s, {summary}")
    assert findings == []
    assert errors(cluster, ledger) == []
    check_load_at_kills(counts, full)


def errors(cluster, ledger):
    """What user code reported: tuples out of order end up here."""
    with cluster.nimbus() as nimbus:
        return [e.error for rows in nimbus.info(ledger.name).errors.values() for e in rows]


@pytest.mark.parametrize("victim", VICTIMS)
def test_sigstop(cluster, logs, native_jar, victim):
    """20 s of standstill of one process: all goes on afterwards, nothing acked falsely. Roots wait longer than that here."""
    words = VICTIMS[victim][0]
    ledger = ledger_run(cluster, logs / "stop", victim, native_jar, f"stop-{victim}", timeout_s=60)
    try:
        full_load(ledger)
        pid = sorted(victims(cluster, ledger, words))[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(20)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_for("tuples after the standstill", lambda: ledger.rate(1) > 0, 60)
        ledger.rate(5)
        assert pid in victims(cluster, ledger, words), "the stopped process was replaced"
        ledger.drain()
        _, _, _, findings = ledger.judge("--no-fail")
        assert findings == []
        assert errors(cluster, ledger) == []
    finally:
        cluster.run("kill", ledger.name, "-w", "0")
    ledger.remove_logs()
