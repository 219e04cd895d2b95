"""Rows for people: a line each on the terminal, and docs/benchmarks.md."""
import pathlib
import platform
import re
import subprocess
import time

import bars
import cells


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def spread(row, key="value", runs="runs"):
    """min / **median** / max."""
    seen = row.get(runs) or []
    return f"{number(seen[0])} / **{number(row[key])}** / {number(seen[-1])}" if len(seen) > 1 else number(row[key])


def bar(row):
    if row["bar"] is None:
        return "-"
    return f"{'>=' if bars.at_least(row['metric']) else '<='} {row['bar']:g}" + ("" if row["absolute"] else "x")


def verdict(row):
    if row["void"]:
        return "void"
    if row["bar"] is None:
        return ""
    return {True: "met", False: "missed", None: "not judged"}[row["met"]]


def lines(rows):
    """For the terminal; why runs do not count stands once below the rows of a cell against a peer."""
    found = []
    for row, following in zip(rows, [*rows[1:], None]):
        found.append(line(row))
        if following is None or following["dropped"] != row["dropped"]:
            found += [f"      {reason}" for reason in row["dropped"]]
    return found


def line(row):
    peer = f"  {row['peer']} ({row.get('variant') or '-'}) {number(row['peer_value'])}" if row["peer"] else ""
    ratio = f", ratio {row['ratio']:.2f}" if row["ratio"] is not None else ""
    limit = f", bar {bar(row)}" if row["bar"] is not None else ""
    busy = f", busy in {row['marked']} of {len(row['runs'])}" if row["marked"] else ""
    return f"{row['name']:<34}{number(row['value']):>10} {row['unit']:<26}{peer}{ratio}{limit} {verdict(row)}{busy}"


def notes(row):
    found = [verdict(row)] if verdict(row) else []
    if row.get("variants") and len(row["variants"]) > 1:
        found.append("; ".join(f"{v}: {number(m)}" for v, m in row["variants"].items()))
    if row["marked"]:
        found.append(f"busy in {row['marked']}")
    return "; ".join(found + row["dropped"]).replace("|", "/").replace("\n", " ")


def version_of(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return (done.stdout or done.stderr).splitlines()[0].strip()


def petrel_version(root):
    return version_of(["git", "-C", str(root), "describe", "--always", "--dirty"])


def machine():
    """What the figures depend on: {name: text}."""
    from systems import program, storm
    cpu = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))
    return {"CPU": f"{len(cpu)} x {cpu[0] if cpu else platform.machine()}", "Memory": f"{memory / 2**20:.0f} GiB",
            "Kernel": platform.release(), "Java": version_of(["java", "--version"]), "Compiler": version_of(["g++", "--version"]),
            "Peers": f"Storm {storm.VERSION}, Flink {program.FLINK_VERSION}, Hazelcast Jet {program.JET_VERSION}"}


def text(rows, builds, options):
    """docs/benchmarks.md. builds: as of Record.builds()."""
    lines = ["# Benchmarks", "", f"Written by `./dev bench {options.name} --write-doc` on {time.strftime('%Y-%m-%d')}; do not edit.", ""]
    for machine, counts in builds.items():
        lines += [f"- {name}: {value}" for name, value in machine]
        lines += ["- Petrel: " + ", ".join(f"{count} cells with {version} on {date}" for (version, date), count in counts.items())]
    lines += [f"- {options.runs} runs of each cell, Petrel and the peers in turn; {options.window:g} s each after {options.warm:g} s of warm-up"
              f" ({cells.LATENCY_WARM_S} s at least for times)",
              f"- Storm, tuned: {settings(cells.TUNED)}; with 512 MB: {settings(cells.HEAP)}",
              "- Values: least / **median** / most of the runs; a peer's are those of its better settings. CPU and RSS are over all processes of the"
              " topology. A bar is for the ratio to the peer (x), or for the value itself.",
              f"- Marked busy: others used more than {bars.BUSY_CORES} cores. Runs do not count where others used more than {bars.VOID_CORES} cores,"
              f" or the peer's CPU is more than {bars.CPU_OFF:.0%} off, or its rate below {bars.RATE_LEAST:.0%} of, the figure its bar was set by;"
              " a row without a run that counts is void.", ""]
    lines += ["| row | unit | Petrel | peer | peer's | ratio | bar | |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        peer = f"{row['peer']}, {row.get('variant') or '-'}" if row["peer"] else "-"
        theirs = spread(row, "peer_value", "peer_runs") if row["peer"] else "-"
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else "-"
        lines.append(f"| `{row['name']}` | {row['unit']} | {spread(row)} | {peer} | {theirs} | {ratio} | {bar(row)} | {notes(row)} |")
    judged = [row for row in rows if row["bar"] is not None]
    lines += ["", f"{sum(row['met'] is True for row in judged)} of {len(judged)} bars met,"
              f" {sum(row['met'] is False for row in judged)} missed, {sum(row['met'] is None for row in judged)} not judged."]
    return "\n".join(lines) + "\n"


def settings(values):
    return ", ".join(f"`{key}={value}`" for key, value in values.items())
