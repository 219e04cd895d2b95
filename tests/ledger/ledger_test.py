"""At-least-once under kill -9, judged by logs that the spouts and sinks write themselves.

A run in which a fault did not hit, or hit under too little load, is void: it is done again, and fails after the third time.
"""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness.cluster import Cluster, wait_for  # noqa: E402
from ledger_run import (LEAVES, TASKS, LedgerRun, Void, before_kills, check_load_at_kills, full_load, log_folder,  # noqa: E402
                        until_loaded, until_not_void)

pytestmark = pytest.mark.slow
KILLS = 10


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as started:
        yield started


@pytest.fixture
def logs():
    with log_folder() as folder:
        yield folder


def test_calm(cluster, logs):
    """No fault, no finding: every id once, every leaf once, no fail."""
    ledger = LedgerRun(cluster, logs, "calm")
    ledger.rate(5)
    ledger.drain()
    summary, _, _, findings = ledger.judge()
    cluster.run("kill", "calm", "-w", "0")
    assert findings == []
    assert summary["ids"] == summary["emits"] > 1000


def test_kill_9_of_the_host(cluster, logs):
    def run(attempt):
        ledger = LedgerRun(cluster, logs / str(attempt), f"kills-{attempt}")
        try:
            kill_hosts(ledger)
        finally:
            ledger.end()
        ledger.remove_logs()
    until_not_void(run)


def kill_hosts(ledger):
    full = full_load(ledger)
    killed_at = []
    for kill in range(KILLS):
        until_loaded(ledger, full, kill)
        pids = ledger.hosts()
        assert len(pids) == 1, f"hosts: {pids}"
        killed_at.append(ledger.kill(pids[0]))
        wait_for("a new host", lambda: [p for p in ledger.hosts() if p not in pids], 60)
    wait_for("the load after the last kill", lambda: ledger.rate(1) > 0, 120)
    ledger.all_spouts_emit()
    ledger.rate(5)
    ledger.drain()
    spans = before_kills(killed_at)
    summary, counts, _, findings = ledger.judge(*spans)
    print(f"full load {full:.0f}/s, before the kills {[c // 2 for c in counts]}/s, {summary}")
    assert findings == []
    if any(opens != KILLS + 1 for opens in summary["opens"].values()):
        raise Void(f"{KILLS} kills, but the spouts were opened {summary['opens']} times")
    check_load_at_kills(counts, full)


@pytest.mark.quiet
@pytest.mark.parametrize("victim, words", [("nimbus", ("petrel", " nimbus")), ("topology master", ("topology-master",))])
def test_data_flows_on_without(cluster, logs, victim, words):
    def run(attempt):
        probe = LedgerRun(cluster, logs / f"probe-{attempt}", f"probe-{attempt}")
        try:
            pace = int(full_load(probe) / 2 / TASKS)
        finally:
            cluster.run("kill", probe.name, "-w", "0")
            probe.remove_logs()
        ledger = LedgerRun(cluster, logs / f"paced-{attempt}", f"paced-{attempt}", rate=pace)
        try:
            kill_daemon(cluster, ledger, pace, words)
        finally:
            ledger.end()
        ledger.remove_logs()
    until_not_void(run)


def kill_daemon(cluster, ledger, pace, words):
    ledger.rate(15)  # warm-up
    started = time.monotonic_ns()
    ledger.rate(60)
    pids = cluster.pids(*words)
    assert pids, f"no process {words}"
    killed_at = max(ledger.kill(pid) for pid in pids)
    wait_for("its successor", lambda: [p for p in cluster.pids(*words) if p not in pids], 60)
    ledger.rate(20)
    ended = time.monotonic_ns()
    ledger.drain()
    _, _, (before, after), findings = ledger.judge("--worst", started, killed_at, "--worst", killed_at, ended)
    expected = pace * TASKS * LEAVES
    print(f"pace {expected}/s at the sinks; worst second before {before}, after {after}")
    assert findings == []
    if before < 0.98 * expected:
        raise Void(f"before the kill a second had {before} of {expected} sink records")
    assert after >= 0.95 * before
