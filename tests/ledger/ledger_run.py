"""One run of the ledger topology: submit it, watch its load, kill processes, and let ledger_check judge the logs."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness.cluster import ROOT, TOPOLOGIES, wait_for
from harness.nimbus import NimbusClient

SECOND = 1_000_000_000
RECORD = 40  # bytes; tests/ledger/ledger_history.h
LEAVES = 7
TASKS = 2  # of the spout
FULL_RATE = 200_000  # of a spout task; two cores reach 421,000 for both: a quicker machine only writes more gigabytes of log a minute
LOG_BYTES = 12 << 30  # of one run, at most; it is sparse until it is written
HOST_BYTES = 4 << 30  # of the hosts, and of ledger_check after them
CHECKER = ROOT / "build" / "dev" / "bin" / "ledger_check"


class Void(Exception):
    """The run shows nothing: the fault did not hit, or the load was too low."""


class LedgerRun:
    def __init__(self, cluster, folder, name, rate=FULL_RATE, timeout_s=10, conf=None, jar=TOPOLOGIES, main="LedgerTopology"):
        self.cluster, self.folder, self.name, self.timeout_s = cluster, pathlib.Path(folder), name, timeout_s
        self.folder.mkdir(parents=True, exist_ok=True)
        flags = [word for key, value in (conf or {}).items() for word in ("-c", f"{key}={value}")]
        cluster.run("jar", *flags, jar, f"io.petrel.topologies.ledger.{main}", name, self.folder, rate, timeout_s)
        wait_for("the first emits", lambda: self.spout_records() > 0, 90)

    def spout_records(self):
        written = sum(file.stat().st_blocks * 512 for file in self.folder.glob("*.log"))
        if written > LOG_BYTES:
            raise Void(f"the logs of {self.name} have {written >> 20:,} MiB, and {LOG_BYTES >> 20:,} are the most that this test may take")
        return sum(records(file) for file in self.folder.glob("spout-*.log"))

    def rate(self, seconds):
        """Roots a second over the next `seconds`: an emit and an ack are two records."""
        before, started = self.spout_records(), time.monotonic()
        time.sleep(seconds)
        return (self.spout_records() - before) / 2 / (time.monotonic() - started)

    def all_spouts_emit(self):
        """Every spout task is seen to go on: one whose host comes back after deactivate() would never open again, and what it
        had in flight would have no end."""
        before = {file: records(file) for file in self.folder.glob("spout-*.log")}
        wait_for("all spout tasks", lambda: all(records(file) > count for file, count in before.items()), 60)

    def hosts(self):
        return self.cluster.pids("petrel-jvm-host", self.topology_id())

    def topology_id(self):
        return self.cluster.topology_id(self.name)

    def kill(self, pid):
        """kill -9, seen to have hit; answers when (monotonic ns)."""
        at = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        wait_for(f"the end of {pid}", lambda: not alive(pid), 10)
        return at

    def drain(self):
        with NimbusClient(self.cluster.port) as nimbus:
            nimbus.call.deactivate(self.name)
        last, since = None, time.monotonic()

        def quiet():
            nonlocal last, since
            now = self.spout_records()
            if now != last:
                last, since = now, time.monotonic()
            return time.monotonic() - since > 3
        wait_for("a quiet spout after deactivate", quiet, 60 + 4 * self.timeout_s)

    def end(self):
        """Killed and gone: its slots are free for the next one."""
        self.cluster.run("kill", self.name, "-w", "0")

        def gone():
            with NimbusClient(self.cluster.port) as nimbus:
                return self.name not in nimbus.summaries()
        wait_for(f"the end of {self.name}", gone, 60)

    def remove_logs(self):
        """They are gigabytes; what a failed run wrote stays."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def judge(self, *arguments):
        """(summary, counts, worsts, findings) by ledger_check."""
        done = subprocess.run([str(CHECKER), str(self.folder), "--timeout-ms", str(self.timeout_s * 1000), *map(str, arguments)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode in (0, 1), f"ledger_check ended with {done.returncode}: {done.stderr}"
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        findings = [r["finding"] for r in rows if "finding" in r]
        assert (done.returncode == 1) == bool(findings)
        return rows[0], [r["count"] for r in rows if "count" in r], [r["worst"] for r in rows if "worst" in r], findings


def records(file):
    """How many records a log has: its end mark is found by halving, the rest of the file is zeros."""
    with open(file, "rb") as log:
        low, high = 0, os.fstat(log.fileno()).st_size // RECORD
        while low < high:
            middle = (low + high) // 2
            log.seek(middle * RECORD)
            if log.read(1) in (b"", b"\0"):
                high = middle
            else:
                low = middle + 1
        return low


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def log_folder():
    """A folder for the logs: in memory where there is room, since the write-back of gigabytes takes seconds from the load."""
    memory = pathlib.Path("/dev/shm")
    for left in memory.glob("petrel-ledger-*"):  # by a test process that was killed: it is memory of this machine
        if not alive(left.name.split("-")[2]):
            shutil.rmtree(left)
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > LOG_BYTES and available_memory() > LOG_BYTES + HOST_BYTES
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"petrel-ledger-{os.getpid()}-", dir=memory if roomy else None))
    yield folder
    if "PETREL_KEEP_HOMES" not in os.environ:
        shutil.rmtree(folder)


def available_memory():
    return next(int(line.split()[1]) << 10 for line in open("/proc/meminfo") if line.startswith("MemAvailable"))


def until_not_void(run, tries=3):
    """run(attempt) until it does not raise Void."""
    for attempt in range(tries):
        try:
            return run(attempt)
        except Void as void:
            print(f"void: {void}")
            last = void
    raise AssertionError(f"void, {tries} times; the last time: {last}")


def full_load(ledger):
    ledger.rate(5)  # warm-up
    return ledger.rate(5)


LOADED_S = 2  # the load is looked at over this time


def until_loaded(ledger, full, kill):
    """Waits for half of the full load before kill number `kill` (from 0); void when it does not come."""
    def loaded():
        return ledger.rate(LOADED_S) >= full / 2
    try:
        wait_for("half of the full load", loaded, 120)
    except AssertionError:
        raise Void(f"before kill {kill + 1} the load stayed below half of {full:.0f}/s") from None


def before_kills(killed_at):
    """Arguments of judge(): count the emits just before each kill."""
    return [x for at in killed_at for x in ("--count", at - LOADED_S * SECOND, at)]


def check_load_at_kills(counts, full):
    """Void when a kill hit at less than half of the full load. counts: what judge() counted over before_kills()."""
    if min(counts) / LOADED_S < full / 2:
        raise Void(f"a kill hit at {min(counts) / LOADED_S:.0f}/s, full load is {full:.0f}/s")
