"""Flow control over three containers: a sink that stands still, while the spout would never stop."""
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness.cluster import Cluster, wait_for  # noqa: E402
from ledger_run import LedgerRun, log_folder  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.quiet]
HEAP_MB = 256
# Beside the heap: code, metaspace, threads, the direct buffers of links. A stream manager may hold what was granted.
HOST_LIMIT = (HEAP_MB + 512) << 20
STREAM_MANAGER_LIMIT = 256 << 20
STANDSTILL_S = int(os.environ.get("PETREL_STANDSTILL_S", "60"))


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=3) as started:
        yield started


@pytest.fixture
def logs():
    with log_folder() as folder:
        yield folder


def resident(pid):
    return next(int(line.split()[1]) << 10 for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))


@pytest.mark.parametrize("placement", ["in_host", "process"])
def test_a_sink_that_stands_still(cluster, logs, placement):
    ledger = LedgerRun(cluster, logs / placement, f"still-{placement.replace('_', '-')}", timeout_s=3600, conf={
        "topology.workers": 3, "petrel.stream.manager": placement, "topology.max.spout.pending": 1_000_000_000,
        "topology.worker.max.heap.size.mb": HEAP_MB})
    try:
        wait_for("a load", lambda: ledger.rate(1) > 1000, 60)
        hosts, managers = ledger.hosts(), cluster.pids("petrel", " stream-manager", ledger.topology_id())
        hold = ledger.folder / "hold"
        hold.touch()
        wait_for("the standstill", lambda: ledger.rate(2) == 0, 60)
        until, peak = time.monotonic() + STANDSTILL_S, {}
        while time.monotonic() < until:
            for pid in hosts + managers:
                peak[pid] = max(peak.get(pid, 0), resident(pid))
            time.sleep(1)
        still = ledger.spout_records()
        hold.unlink()
        wait_for("tuples after the standstill", lambda: ledger.spout_records() > still, 60)
        ledger.rate(5)
        ledger.drain()
        _, _, _, findings = ledger.judge("--no-fail")
        assert findings == []
        assert sorted(ledger.hosts()) == sorted(hosts), "a host was restarted"
        print({pid: size >> 20 for pid, size in peak.items()}, "MiB at most")
        assert max(peak[pid] for pid in hosts) < HOST_LIMIT
        assert max([peak[pid] for pid in managers], default=0) < STREAM_MANAGER_LIMIT
    finally:
        ledger.end()
    ledger.remove_logs()
