"""Storm's Nimbus over Thrift from Python; the client is generated from our IDL into build/python."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
IDL = ROOT / "storm-compat" / "thrift" / "storm.thrift"
GENERATED = ROOT / "build" / "python"


def _generate():
    made = GENERATED / "storm" / "Nimbus.py"
    if not made.exists() or made.stat().st_mtime < IDL.stat().st_mtime:
        GENERATED.mkdir(parents=True, exist_ok=True)
        subprocess.run(["thrift", "--gen", "py", "-out", str(GENERATED), str(IDL)], check=True)
    if str(GENERATED) not in sys.path:
        sys.path.insert(0, str(GENERATED))


_generate()
from storm import Nimbus, ttypes  # noqa: E402,F401
from thrift.protocol.TBinaryProtocol import TBinaryProtocol  # noqa: E402
from thrift.transport import TSocket, TTransport  # noqa: E402

# These are keys of maps; the generator gives them equality but no hash.
ttypes.GlobalStreamId.__hash__ = lambda self: hash((self.componentId, self.streamId))
ttypes.ExecutorInfo.__hash__ = lambda self: hash((self.task_start, self.task_end))

WINDOW_10_MIN, WINDOW_ALL = "600", ":all-time"


class NimbusClient:
    """One connection; calls go to .call (the generated client). Usable in a with statement."""

    def __init__(self, port, host="127.0.0.1", timeout_ms=20_000):
        socket = TSocket.TSocket(host, port)
        socket.setTimeout(timeout_ms)
        self._transport = TTransport.TFramedTransport(socket)
        self.call = Nimbus.Client(TBinaryProtocol(self._transport))
        self._transport.open()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._transport.close()

    def summaries(self):
        return {s.name: s for s in self.call.getTopologySummaries()}

    def info(self, name):
        options = ttypes.GetInfoOptions(num_err_choice=ttypes.NumErrorsChoice.ALL)
        return self.call.getTopologyInfoByNameWithOpts(name, options)


def by_component(info, system=False):
    """Executor stats of getTopologyInfo added up: component -> dict of numbers."""
    rows = {}
    for executor in info.executors:
        name = executor.component_id
        if name.startswith("__") and not system:
            continue
        row = rows.setdefault(name, {"spout": False, "tasks": 0, "emitted": 0, "transferred": 0, "acked": 0, "failed": 0,
                                     "executed": 0, "latency_ms": 0.0, "latency_weight": 0.0})
        row["tasks"] += executor.executor_info.task_end - executor.executor_info.task_start + 1
        add_stats(row, executor.stats)
    return rows


def add_stats(row, stats):
    if stats is None or stats.specific is None:
        return
    row["emitted"] += user_streams(stats.emitted)
    row["transferred"] += user_streams(stats.transferred)
    if stats.specific.spout is not None:
        spout = stats.specific.spout
        row["spout"] = True
        acked = user_streams(spout.acked)
        row["failed"] += user_streams(spout.failed)
        latency = (spout.complete_ms_avg or {}).get(WINDOW_10_MIN, {})
    else:
        bolt = stats.specific.bolt
        acked = user_streams(bolt.acked)
        row["failed"] += user_streams(bolt.failed)
        row["executed"] += user_streams(bolt.executed)
        latency = (bolt.process_ms_avg or {}).get(WINDOW_10_MIN, {})
    row["acked"] += acked
    mean = [v for k, v in latency.items() if not stream_of(k).startswith("__")]
    if mean and acked:
        row["latency_ms"] += acked * sum(mean) / len(mean)
        row["latency_weight"] += acked


def stream_of(key):
    return key if isinstance(key, str) else key.streamId


def user_streams(windows, window=WINDOW_ALL):
    return sum(v for k, v in (windows or {}).get(window, {}).items() if not stream_of(k).startswith("__"))
