"""One run of one cell on one system: counts and times from the measured processes' own cells, CPU and memory from /proc."""
import os
import pathlib
import time

import meter

HZ = os.sysconf("SC_CLK_TCK")
QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
FIRST_TUPLE_S = 120


def cpu_seconds(pids):
    """User and system time of the processes."""
    used = 0
    for pid in pids:
        try:
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # ended: the caller compares the pids of both ends of the window
        used += (int(words[11]) + int(words[12])) / HZ
    return used


def rss_bytes(pids):
    return sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * os.sysconf("SC_PAGE_SIZE")


def machine_cpu_seconds():
    words = [int(w) for w in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(words[:3]) + sum(words[5:7])) / HZ


def wait_for_first(system, cell, folder):
    """When the first tuple was at a sink; in an idle topology, when its spouts were there."""
    deadline = time.monotonic() + FIRST_TUPLE_S
    while True:
        counts, _ = meter.read(folder)
        if cell.kind == "idle" and len(meter.of_kind(counts, "spout")) == cell.spouts:
            return time.time()
        first = meter.first_tuple(counts)
        if first is not None:
            return first
        system.processes(cell)  # raises when a program has ended
        if time.monotonic() > deadline:
            raise RuntimeError(f"{system.name}: no tuple within {FIRST_TUPLE_S} s")
        time.sleep(0.2)


def measure(system, cell, folder, submitted, warm_s, window_s):
    """The figures of a topology that was handed over after `submitted` (wall-clock time). Keys: rows.METRICS."""
    start_s = wait_for_first(system, cell, folder) - submitted
    if cell.kind == "start":
        return {"start": start_s}
    time.sleep(warm_s)
    pids = system.processes(cell)
    start, cpu, machine = time.time(), cpu_seconds(pids), machine_cpu_seconds()
    time.sleep(window_s)
    end, cpu, machine = time.time(), cpu_seconds(pids) - cpu, machine_cpu_seconds() - machine
    later, rss = system.processes(cell), rss_bytes(pids)
    if set(pids) != set(later):
        raise RuntimeError(f"{system.name}: processes {sorted(pids)} at the start of the window, {sorted(later)} at its end")
    crossed = system.crossed(cell)
    time.sleep(max(0, end + 0.6 - time.time()))  # the lines of the window's end are written within 250 ms
    figures = from_cells(folder, start, end)
    if cell.kind != "idle" and figures["tuples"] <= 0:
        raise RuntimeError(f"{system.name}: no tuple in the window")
    figures |= {"start": start_s, "rss": rss, "cores": cpu / (end - start), "others": (machine - cpu) / (end - start), "crossed": crossed}
    if figures["tuples"]:
        figures["cpu"] = cpu / figures["tuples"] * 1e6
    return figures


def from_cells(folder, start, end):
    counts, times = meter.read(folder)
    tuples, acked = meter.total(counts, "sink", start, end), meter.total(counts, "spout", start, end)
    figures = {"tuples": tuples, "rate": tuples / (end - start), "acked": acked / (end - start)}
    for stage, kind in (("sink", "sink"), ("due", "due"), ("ack", "spout")):
        buckets = meter.histogram(times, kind, start, end)
        if buckets:
            figures |= {f"{stage}.{name}": meter.quantile(buckets, q) for name, q in QUANTILES.items()}
    return figures
