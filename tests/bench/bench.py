#!/usr/bin/python3
"""Benchmarks by name, each cell run in turn on Petrel and on the peers.

  wc       random words of 5,000 -> fields grouping -> count       sent     sentence -> split -> count
  chain    constant -> identity -> null                            fan      shuffle 1 -> 4 and all 1 -> 4
  pojo     an object registered with Kryo, and a map               big      64 KiB of bytes
           each with 1/1 and 2/2 tasks, in 1 container and in 2 (every tuple crosses), without acks and with acks
  lat      times at 20,000 tuples/s: emit to sink, due to sink, emit to ack
  idle     CPU of a cluster with a topology that does nothing      rss      memory of wc in 2 containers
  start    submit to first tuple                                   sources  4 spouts x 16 bolts against 1 x 1
  flow     a slow line beside another one, by credit and by spout back pressure (tests/bench/flow.py, options of its own)
  all      all of these                                            wordcount  the word count in 1, 2 and 3 containers

A row's value is the median of the runs. A run beside which others used more than 0.15 cores is marked; it is void above 0.3 cores, or
where a peer is off the figure that its bar was set by. Exit: 0 when every bar was judged and met, 1 when not, 2 for wrong usage.
"""
import argparse
import collections
import contextlib
import json
import pathlib
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "bench")]
sys.dont_write_bytecode = True
import bars  # noqa: E402
import cells  # noqa: E402
import document  # noqa: E402
import rows  # noqa: E402

PEERS = ("storm", "flink", "jet")
OVERHEAD_S = 15  # of a run: submit, start, kill


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=["all", *cells.NAMES])
    parser.add_argument("--against", default="", metavar="PEER,...", help="run these too: " + ", ".join(PEERS))
    parser.add_argument("--cell", metavar="REGEX", help="only cells with such a name; --list shows them")
    parser.add_argument("--list", action="store_true", help="the cells and what would run, nothing else")
    parser.add_argument("--json", metavar="FILE", help="write the rows, after each cell, and to FILE.runs every run")
    parser.add_argument("--resume", action="store_true", help="leave out the cells that FILE.runs of --json has; their rows count")
    parser.add_argument("--minutes", type=float, metavar="N", help="begin no cell that would not be done after so long; see --resume")
    parser.add_argument("--write-doc", action="store_true", help="write docs/benchmarks.md; needs 3 runs of 20 s")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warm", type=float, default=10, metavar="S", help=f"at least {cells.LATENCY_WARM_S} for times, unless below 5")
    parser.add_argument("--window", type=float, default=20, metavar="S")
    options = parser.parse_args(argv)
    options.peers = [p for p in options.against.split(",") if p]
    unknown = [p for p in options.peers if p not in PEERS]
    if unknown:
        parser.error(f"there is no peer {unknown[0]!r}; there are {', '.join(PEERS)}")
    if options.write_doc and (options.runs < 3 or options.window < 20):
        parser.error("--write-doc needs --runs 3 and --window 20 at least: the figures of shorter ones say nothing")
    if options.resume and not options.json:
        parser.error("--resume needs --json FILE, whose FILE.runs has what was measured before")
    return options


def systems_of(cell, options):
    """[(system, variant, settings)] of each round: Petrel first, then every variant of every wanted peer."""
    wanted = [("petrel", "", {})]
    for peer in cell.peers:
        if peer.system in ("petrel", *options.peers):
            wanted += [(peer.system, variant, settings) for variant, settings in peer.variants.items()]
    return wanted


def warm_s(cell, options):
    # A very short run only shows that a cell works.
    return max(options.warm, cells.LATENCY_WARM_S) if cell.kind == "latency" and options.warm >= 5 else options.warm


def one(system, variant, settings, cell, number, options):
    from measure import measure
    with tempfile.TemporaryDirectory(prefix="petrel-bench-") as folder:
        topology = f"bench-{cell.name.replace('.', '-')}-{number}-{time.time_ns() // 1_000_000 % 1_000_000}"
        submitted = time.time()
        try:
            system.submit(topology, cell, settings, folder)
            run = measure(system, cell, folder, submitted, warm_s(cell, options), options.window)
        except Exception as error:  # one cell of hundreds: it is shown, its row is void, the others go on
            run = failed(system, error)
        run = end(system, run)
    title = f"{cell.name:<22} run {number + 1} {system.name} {variant}".rstrip()
    print(f"{title:<52}{line_of(run)}", flush=True)
    return run


def failed(system, error):
    return {"error": f"{type(error).__name__}: {error}; logs: {system.keep_logs()}"}


def end(system, run):
    """Ends the topology; where that fails, the system, since the next cell needs one without remains. The run, or what failed first."""
    try:
        system.kill()
    except Exception as error:
        run = run if "error" in run else failed(system, error)
        try:
            system.__exit__(None, None, None)
        except Exception as more:
            run["error"] += f"; then {type(more).__name__}: {more}"
        system.__enter__()
    return run


def line_of(run):
    if "error" in run:
        return "  ! " + run["error"][:1500]
    parts = [f"first tuple {run['start']:.2f} s"]
    if "cores" in run:
        parts = [f"{run['rate']:>12,.0f} tuples/s", f"{run['acked']:>11,.0f} acked/s", f"{run.get('cpu', 0):>8.3f} CPU s/M",
                 f"{run['cores']:.3f} cores", f"{run['rss'] / 1e6:,.0f} MB", *parts, f"others {run['others']:.2f} cores"]
        parts += [f"{stage} p50/p99 {run[stage + '.p50']:.3f}/{run[stage + '.p99']:.3f} ms" for stage in rows.STAGES if stage + ".p50" in run]
        if run["crossed"]:
            parts.append(f"crossed so far {run['crossed']['tuples']:,} tuples, {run['crossed']['bytes']:,} bytes")
    mark = "  ! the machine was busy" if run.get("others", 0) > bars.BUSY_CORES else ""
    return ", ".join(parts) + mark


def seconds_of(cell, options):
    """About how long the cell takes."""
    return options.runs * len(systems_of(cell, options)) * (warm_s(cell, options) + options.window + OVERHEAD_S)


def run_cells(chosen, options, on_rows):
    from systems import make
    end_at = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    with contextlib.ExitStack() as stack:
        systems = {}
        for cell in chosen:
            if time.monotonic() + seconds_of(cell, options) > end_at:
                print(f"{cell.name} is not begun: it would not be done within {options.minutes:g} minutes", flush=True)
                continue
            wanted = systems_of(cell, options)
            for name in dict.fromkeys(name for name, _, _ in wanted):
                if name not in systems:
                    systems[name] = stack.enter_context(make(name))
            results = {(name, variant): [] for name, variant, _ in wanted}
            for number in range(options.runs):
                for name, variant, settings in wanted:
                    results[name, variant].append(one(systems[name], variant, settings, cell, number, options))
            on_rows(cell, results)


class Record:
    """Every run of every cell that was measured, in this call and, with --resume, before it."""

    def __init__(self, options):
        self.file = options.json
        self.settings = {"runs": options.runs, "warm": options.warm, "window": options.window, "peers": sorted(options.peers)}
        self.cells = []
        if options.resume and pathlib.Path(self.file + ".runs").exists():
            self.cells = json.loads(pathlib.Path(self.file + ".runs").read_text())
            for found in self.cells:
                if found["settings"] != self.settings:
                    print(f"{self.file}.runs has {found['cell']} with {found['settings']}, and this is {self.settings}: "
                          "rows of both would not compare; take another file", file=sys.stderr)
                    sys.exit(2)

    def has(self, cell):
        return any(found["cell"] == cell.name for found in self.cells)

    def add(self, cell, results):
        self.cells.append({"cell": cell.name, "petrel": document.petrel_version(ROOT), "date": time.strftime("%Y-%m-%d"),
                           "machine": document.machine(), "settings": self.settings,
                           "results": [{"system": s, "variant": v, "runs": r} for (s, v), r in results.items()]})
        if self.file:
            self.write(self.file + ".runs", self.cells)
            self.write(self.file, self.rows())

    @staticmethod
    def write(file, values):
        """Whole or not at all: hours are in it."""
        pathlib.Path(file + ".new").write_text(json.dumps(values, indent=1) + "\n")
        pathlib.Path(file + ".new").replace(file)

    def rows(self):
        """In the order of the cells, whenever they were measured."""
        by_name = {found["cell"]: found for found in self.cells}
        return [row for cell in cells.all_cells() if cell.name in by_name
                for row in rows.rows_of(cell, {(r["system"], r["variant"]): r["runs"] for r in by_name[cell.name]["results"]})]

    def builds(self):
        """What was measured where and when: {machine as pairs of name and text: {(version of Petrel, date): cells}}."""
        machines = {}
        for found in self.cells:
            machines.setdefault(tuple(found["machine"].items()), collections.Counter())[found["petrel"], found["date"]] += 1
        return machines


def main(argv):
    options = parse(argv)
    chosen = cells.choose(options.name, options.cell)
    if not chosen:
        print(f"{options.name} has no cell like {options.cell!r}; it has {', '.join(c.name for c in cells.choose(options.name))}",
              file=sys.stderr)
        return 2
    record = Record(options)
    chosen = [cell for cell in chosen if not record.has(cell)]
    minutes = sum(seconds_of(cell, options) for cell in chosen) / 60
    print(f"{len(chosen)} cells, {options.runs * sum(len(systems_of(c, options)) for c in chosen)} runs, about {minutes:,.0f} minutes", flush=True)
    if options.list:
        for cell in chosen:
            print(f"{cell.name:<24}", ", ".join(f"{name} {variant}".strip() for name, variant, _ in systems_of(cell, options)))
        return 0
    run_cells(chosen, options, record.add)
    found = record.rows()
    print("\n".join(document.lines(found)))
    if options.write_doc:
        (ROOT / "docs" / "benchmarks.md").write_text(document.text(found, record.builds(), options))
    return 0 if all(row["met"] for row in found if row["bar"] is not None) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that what was started is ended
    sys.exit(main(sys.argv[1:]))
