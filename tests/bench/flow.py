#!/usr/bin/python3
"""How much a slow bolt on one branch costs a spout that has nothing to do with it, in either mode of flow control.

Two lines in two containers; the second line's sink sleeps a millisecond for each tuple. Measured in turn with and without that line. The
first line emits at a rate that leaves the cores idle for most of the time (about a third of what it could): else the measure would be of
the two lines' share of the cores. Row: {name, value, unit, bar, met, runs}; value: the median share of the rate that is left. Its bar holds for
petrel.flow.control: credit; spout_back_pressure is there for comparison.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "ledger")]
sys.dont_write_bytecode = True
from flow_run import FlowRun  # noqa: E402
from harness.cluster import Cluster  # noqa: E402

BARS = {"credit": 0.95, "spout_back_pressure": None}


def rate(cluster, mode, slow, number, options):
    """Tuples/s of the line that is measured."""
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
        name = f"flow-{mode.split('_')[0]}-{slow}-{number}"
        with FlowRun(cluster, folder, name, "branches", "--slow", slow, "--rate", options.rate,
                     conf={"topology.workers": 2, "petrel.flow.control": mode, "topology.max.spout.pending": 10000}) as run:
            run.wait_tuples("sink", 1000)
            time.sleep(options.warm)
            before, since = run.executed("sink"), time.monotonic()
            time.sleep(options.window)
            result = (run.executed("sink") - before) / (time.monotonic() - since)
    print(f"flow {mode} {'with' if slow else 'without'} the slow line, run {number}: {result:,.0f} tuples/s", flush=True)
    return result


def main(argv):
    parser = argparse.ArgumentParser(prog="./dev bench flow", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the rows")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warm", type=float, default=10, metavar="S")
    parser.add_argument("--window", type=float, default=20, metavar="S")
    parser.add_argument("--rate", type=int, default=500_000, metavar="N", help="tuples/s of the first line; 0: as many as it takes")
    parser.add_argument("--mode", choices=BARS, action="append", help="of petrel.flow.control; both by default")
    parser.add_argument("--preset", default="release", help="whose binaries")
    options = parser.parse_args(argv)
    rows = []
    with Cluster(preset=options.preset) as cluster:
        for mode in options.mode or BARS:
            bar = BARS[mode]
            shares = []
            for number in range(options.runs):
                without = rate(cluster, mode, 0, number, options)
                shares.append(rate(cluster, mode, 1, number, options) / without)
            value = statistics.median(shares)
            rows.append({"name": f"flow-{mode}-unrelated_rate", "value": value, "unit": "share of the rate", "bar": bar,
                         "met": None if bar is None else value >= bar, "runs": shares})
            print(f"{rows[-1]['name']:<45}{value:>8.3f}  bar {bar}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["met"] is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
