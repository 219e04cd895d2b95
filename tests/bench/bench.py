#!/usr/bin/python3
"""Benchmarks by name, each cell run alternately on Petrel and on the peer.

  wordcount   random words, counted; in 1, 2 and 3 containers; without acks, and with acks at 10,000 pending.
              One source; one sink, but two in 3 containers. In 2 containers every tuple crosses.

Rows: {name, value, unit, peer, peer_value, ratio, bar, met, runs}; values are medians. A run beside which the rest of the
machine used more than 0.15 cores is marked, since it says little.
"""
import argparse
import contextlib
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "bench")]
sys.dont_write_bytecode = True
from measure import measure  # noqa: E402

# name -> cells: (cell, acker executors, max spout pending, workers, sinks)
BENCHES = {"wordcount": [(f"{workers}c-{acks}", *counts, workers, sinks) for workers, sinks in ((1, 1), (2, 1), (3, 2))
                         for acks, counts in (("noack", (0, 0)), ("ack10k", (1, 10000)))]}
METRICS = [("tuples_per_s", "tuples/s"), ("cpu_s_per_million", "CPU s per million tuples")]
BARS = {}  # (row name) -> least ratio for throughput; none is set yet


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--against", choices=["storm"], help="run the peer too")
    parser.add_argument("--cell", action="append", metavar="CELL", help="only this one; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="write the rows")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warm", type=float, default=10, metavar="S")
    parser.add_argument("--window", type=float, default=20, metavar="S")
    return parser.parse_args(argv)


def one(system, number, cell, options):
    name, *arguments = cell
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
        topology = f"bench-{name}-{number}"
        system.submit(topology, folder, *arguments)
        try:
            result = measure(system, folder, options.warm, options.window)
        finally:
            system.kill(topology)
    mark = "  ! the machine was busy" if result["other_cores"] > 0.15 else ""
    print(f"{name:<10} run {number} {system.name:<7}{result['tuples_per_s']:>12,.0f} tuples/s {result['acked_per_s']:>12,.0f} acked/s"
          f" {result['cpu_s_per_million']:>7.3f} CPU s/M, others {result['other_cores']:.2f} cores{mark}", flush=True)
    return result


def rows_of(bench, cell, results, peer):
    rows = []
    for metric, unit in METRICS:
        own = [r[metric] for r in results["petrel"]]
        value = statistics.median(own)
        name = f"{bench}-{cell[0]}-{metric}"
        row = {"name": name, "value": value, "unit": unit, "peer": peer, "peer_value": None, "ratio": None,
               "bar": BARS.get(name), "met": None, "runs": own}
        if peer:
            row["peer_value"] = statistics.median(r[metric] for r in results[peer])
            row["ratio"] = value / row["peer_value"]
            row["peer_runs"] = [r[metric] for r in results[peer]]
        if row["bar"] is not None and row["ratio"] is not None:
            row["met"] = row["ratio"] >= row["bar"]
        rows.append(row)
    return rows


def main(argv):
    options = parse(argv)
    from systems import SYSTEMS
    names = ["petrel"] + ([options.against] if options.against else [])
    cells = [cell for cell in BENCHES[options.name] if options.cell is None or cell[0] in options.cell]
    unknown = set(options.cell or ()) - {cell[0] for cell in cells}
    if unknown:
        print(f"{options.name} has no cell {', '.join(sorted(unknown))}: it has {', '.join(c[0] for c in BENCHES[options.name])}", file=sys.stderr)
        return 2
    rows = []
    with contextlib.ExitStack() as stack:
        systems = {name: stack.enter_context(SYSTEMS[name]()) for name in names}
        for cell in cells:
            results = {name: [] for name in names}
            for number in range(options.runs):
                for name in names:
                    results[name].append(one(systems[name], number, cell, options))
            rows += rows_of(options.name, cell, results, options.against)
    for row in rows:
        peer = f"  {row['peer']} {row['peer_value']:,.3f}, ratio {row['ratio']:.2f}" if row["peer"] else ""
        print(f"{row['name']:<40}{row['value']:>16,.3f} {row['unit']}{peer}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["met"] is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
