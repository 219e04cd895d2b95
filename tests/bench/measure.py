"""One measurement: counts from the measured process's own cells, CPU from /proc, both over the same window."""
import os
import pathlib
import time

HZ = os.sysconf("SC_CLK_TCK")


def read_cells(folder):
    """{name: [(seconds, count)]} of Meter.java's files."""
    cells = {}
    for file in pathlib.Path(folder).glob("cells-*.log"):
        for line in file.read_text().splitlines(keepends=True):
            words = line.split()
            if line.endswith("\n") and len(words) == 4:
                cells.setdefault(words[2], []).append((int(words[1]) / 1000, int(words[3])))
    return cells


def count_at(series, at):
    """The count at a moment, linear between the lines around it."""
    before = (series[0][0], 0)
    for point in series:
        if point[0] >= at:
            if point[0] == before[0]:
                return point[1]
            return before[1] + (point[1] - before[1]) * (at - before[0]) / (point[0] - before[0])
        before = point
    return before[1]


def total(folder, kind, start, end):
    return sum(count_at(s, end) - count_at(s, start) for name, s in read_cells(folder).items() if name.startswith(kind))


def cpu_seconds(pids):
    """User and system time of the processes."""
    used = 0
    for pid in pids:
        try:
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        used += (int(words[11]) + int(words[12])) / HZ
    return used


def machine_cpu_seconds():
    words = [int(w) for w in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(words[:3]) + sum(words[5:7])) / HZ


def measure(system, folder, warm_s, window_s):
    """{"tuples_per_s", "acked_per_s", "cpu_s_per_million", "other_cores"} of a topology that was just submitted."""
    deadline = time.monotonic() + 90
    while not any(points[-1][1] for name, points in read_cells(folder).items() if name.startswith("sink")):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{system.name}: no tuple within 90 s")
        time.sleep(0.2)
    time.sleep(warm_s)
    pids = system.processes()
    start, cpu, machine = time.time(), cpu_seconds(pids), machine_cpu_seconds()
    time.sleep(window_s)
    end, cpu, machine = time.time(), cpu_seconds(pids) - cpu, machine_cpu_seconds() - machine
    time.sleep(0.6)  # the cells of the window's end are written within 250 ms
    tuples, acked = total(folder, "sink", start, end), total(folder, "spout", start, end)
    if tuples <= 0 or set(pids) != set(system.processes()):
        raise RuntimeError(f"{system.name}: {tuples} tuples in the window, processes {pids} then {system.processes()}")
    return {"tuples_per_s": tuples / (end - start), "acked_per_s": acked / (end - start),
            "cpu_s_per_million": cpu / tuples * 1e6, "other_cores": (machine - cpu) / (end - start)}
