"""From the runs of a cell to rows: {name, value, unit, peer, peer_value, ratio, bar, met, runs, ...}; values are medians.

results: {(system, variant): [run, ...]}, the runs in the order of the rounds; a run is what measure() gave, or {"error": text}.
A row has further: metric, min, max, absolute (the bar is for the value, not for the ratio), variant and variants (the peer's better
settings, and the median of each), peer_runs, marked (rounds beside which others were busy), void (why no round counts).
"""
import statistics

import bars

UNITS = {"rate": ("rate", "tuples/s", 1), "cpu": ("cpu", "CPU s per million tuples", 1), "rss": ("rss", "MB", 1e-6), "start": ("start", "s", 1)}
STAGES = ("sink", "due", "ack")
METRICS = {"throughput": ("rate", "cpu", "rss"), "rss": ("rss",), "cpu": ("cpu",), "start": ("start",)}


def wanted(cell, peer):
    """(row, metric, key of a run, unit, factor) of a cell against a peer (None: against nobody)."""
    if cell.kind == "idle":
        return [(cell.name, "cpu", "cores", "% of a core", 100)]
    if cell.kind == "latency":
        return latency(cell, peer)
    name = cell.name if peer is None or (cell.bare and peer in ("storm", "petrel") and cell.kind != "start") else f"{cell.name}.{peer}"
    return [(name, metric, *UNITS[metric]) for metric in METRICS[cell.kind]]


def latency(cell, peer):
    where = cell.name.removeprefix("lat.")
    if peer not in (None, "storm"):
        where = where.removesuffix(".noack") + "." + peer
    found = []
    for stage in STAGES if cell.ackers else STAGES[:2]:
        found += [(f"lat.{stage}.{where}", q, f"{stage}.{q}", "ms", 1) for q in ("p50", "p99", "p999")]
        if stage != "due":
            found.append((f"lat.{stage}.{where}", "cpu", *UNITS["cpu"]))
    return found


def usable(own, peer, variants, figure):
    """(rounds that count, why the others do not)."""
    rounds, reasons = [], []
    for number, run in enumerate(own):
        why = [f"petrel: {reason}" for reason in bars.why_void(run)]
        for variant, runs in variants.items():
            near_to = figure if figure and figure.variant == variant else None
            why += [f"{peer} {variant}: {reason}" for reason in bars.why_void(runs[number], near_to)]
        rounds += [] if why else [number]
        reasons += [f"run {number + 1}: {reason}" for reason in why]
    return rounds, reasons


def median(runs, rounds, key, factor):
    values = [runs[n][key] * factor for n in rounds if runs[n].get(key) is not None]
    return statistics.median(values) if values else None


def row_of(name, metric, key, unit, factor, own, variants, peer):
    """variants: {variant: runs} of the peer, empty for none."""
    bar = bars.BY_ROW.get(name)
    limit = bar.limits.get(metric) if bar and (bar.absolute or peer) else None
    figure = bar.figure if bar and peer else None
    rounds, reasons = usable(own, peer, variants, figure)
    shown = rounds or range(len(own))  # void rows are published too
    value = median(own, shown, key, factor)
    seen = sorted(run[key] * factor for run in own if run.get(key) is not None)
    row = {"name": f"{name}.{metric}", "metric": metric, "value": value, "unit": unit, "peer": peer, "peer_value": None, "ratio": None,
           "bar": limit, "absolute": bool(bar and bar.absolute), "met": None, "runs": seen,
           "min": seen[0] if seen else None, "max": seen[-1] if seen else None,
           "marked": sum(busy([own[n], *(runs[n] for runs in variants.values())]) for n in range(len(own))),
           "void": [] if rounds else reasons, "dropped": reasons}
    if peer:
        add_peer(row, {v: median(runs, shown, key, factor) for v, runs in variants.items()}, variants, key, factor)
    judged = value if row["absolute"] else row["ratio"]
    if limit is not None and judged is not None and rounds:
        row["met"] = bars.met(metric, judged, limit)
    return row


def busy(runs):
    return any(run.get("others", 0) > bars.BUSY_CORES for run in runs)


def add_peer(row, medians, variants, key, factor):
    row["variants"] = medians
    found = {v: m for v, m in medians.items() if m is not None}
    if not found:
        return
    better = (max if bars.at_least(row["metric"]) else min)(found, key=found.get)
    row |= {"variant": better, "peer_value": found[better],
            "peer_runs": sorted(run[key] * factor for run in variants[better] if run.get(key) is not None)}
    if row["value"] is not None and found[better]:
        row["ratio"] = row["value"] / found[better]


def rows_of(cell, results):
    own = results["petrel", ""]
    peers = {}
    for (system, variant), runs in results.items():
        if (system, variant) != ("petrel", ""):
            peers.setdefault(system, {})[variant] = runs
    rows = [row_of(*what, own, variants, peer) for peer, variants in peers.items() for what in wanted(cell, peer)]
    # Against nobody: where there is no peer, and where a bar is for the value itself.
    alone = [row_of(*what, own, {}, None) for what in wanted(cell, None)]
    return rows + [r for r in alone if not peers or r["absolute"]]
