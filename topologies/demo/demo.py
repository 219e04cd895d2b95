#!/usr/bin/python3
"""The demo: a cluster on this machine, a word count from an ordinary Storm jar, live counts, and a comparison at the end.

The text is the King James Bible of the Debian package bible-kjv. The spout reads it again and again; at the end the
spout is deactivated, everything in flight is counted, and the words of all the lines that the spout emitted are
counted once more here and compared, word by word.
"""
import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True
from harness.cluster import TOPOLOGIES, Cluster, wait_for  # noqa: E402
from harness.nimbus import by_component  # noqa: E402

NAME = "word-count"


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the cluster up and say what to type next")
    parser.add_argument("--seconds", type=int, default=20, help="how long the live table runs (20)")
    return parser.parse_args(argv)


def make_text(path):
    """One verse a line, without the reference in front of it; 4 MB."""
    verses = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True,
                            stdin=subprocess.DEVNULL).stdout
    lines = [line.split(" ", 1)[1] for line in verses.splitlines() if " " in line]
    text = "\n".join(lines) + "\n"
    if len(text) < 1_000_000:
        raise SystemExit(f"the text has {len(text)} bytes, 1 MB at least is needed")
    path.write_text(text)
    return lines


def words(line):
    return re.findall(r"[a-z']+", line.lower())


def reference(lines, folder):
    """Counts of what the spouts say they have emitted: file i of n holds the lines i, i+n, ..."""
    files = sorted(folder.glob("spout-*"), key=lambda f: int(f.name.split("-")[1]))
    counts = collections.Counter()
    for index, file in enumerate(files):
        own = lines[index :: len(files)]
        whole, part = divmod(position(file)["emitted"], len(own))
        one = collections.Counter(w for line in own for w in words(line))
        for word, count in one.items():
            counts[word] += count * whole
        counts.update(w for line in own[:part] for w in words(line))
    return counts


def position(file):
    return {k: int(v) for k, v in (line.split() for line in file.read_text().splitlines())}


def published(folder):
    counts = collections.Counter()
    for file in folder.glob("count-*"):
        for line in file.read_text().splitlines():
            count, word = line.split(" ", 1)
            counts[word] += int(count)
    return counts


def table(rows, before, seconds, counts):
    lines = [f"{'component':<12}{'tasks':>6}{'emitted/s':>12}{'acked/s':>12}{'latency ms':>12}"]
    for name in sorted(rows, key=lambda n: (not rows[n]["spout"], n != "split")):
        row, old = rows[name], before.get(name, {"emitted": 0, "acked": 0})
        latency = row["latency_ms"] / row["latency_weight"] if row["latency_weight"] else 0
        lines.append(f"{name:<12}{row['tasks']:>6}{(row['emitted'] - old['emitted']) / seconds:>12,.0f}"
                     f"{(row['acked'] - old['acked']) / seconds:>12,.0f}{latency:>12.3f}")
    lines.append("top words   " + "  ".join(f"{w} {c:,}" for w, c in counts.most_common(10)))
    return lines


def show_live(cluster, folder, seconds):
    live = sys.stdout.isatty()
    started = last = time.monotonic()
    before, drawn = {}, 0
    with cluster.nimbus() as nimbus:
        while time.monotonic() - started < seconds:
            time.sleep(1)
            now = time.monotonic()
            rows = by_component(nimbus.info(NAME))
            lines = [f"--- {now - started:4.0f} s"] + table(rows, before, now - last, published(folder))
            if live and drawn:
                print(f"\033[{drawn}A\033[J", end="")
            print("\n".join(lines), flush=True)
            before, last, drawn = rows, now, len(lines)


def drain(cluster, folder):
    """Deactivates; done when the spout has nothing pending and has said the same for two seconds."""
    with cluster.nimbus() as nimbus:
        nimbus.call.deactivate(NAME)
    last, since = None, time.monotonic()

    def quiet():
        nonlocal last, since
        now = [position(f) for f in sorted(folder.glob("spout-*"))]
        if now != last:
            last, since = now, time.monotonic()
        return now and all(p["pending"] == 0 for p in now) and time.monotonic() - since > 2
    wait_for("all emitted lines acked after deactivate", quiet, 60)


def compare(lines, folder):
    expected = reference(lines, folder)
    def same():
        return published(folder) == expected
    try:
        wait_for("the published counts", same, 15)  # the count bolts publish once a second
    except AssertionError:
        counts = published(folder)
        wrong = [w for w in expected | counts if expected[w] != counts[w]]
        print(f"WRONG: {len(wrong)} of {len(expected)} words differ, for example " +
              ", ".join(f"{w}: {counts[w]} instead of {expected[w]}" for w in wrong[:5]))
        return False
    print(f"\ncounts equal the reference: {sum(expected.values()):,} words, {len(expected):,} different ones, none lost, none twice")
    return True


def run(cluster, work, options):
    text = work / "bible.txt"
    lines = make_text(text)
    print(f"text: {text.stat().st_size / 1e6:.1f} MB, {len(lines):,} lines")
    folder = work / "published"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    cluster.jar(TOPOLOGIES, "io.petrel.topologies.WordCountTopology", NAME, text, "--publish", folder)
    print(f"submitted {TOPOLOGIES.relative_to(ROOT)} with Storm's own StormSubmitter; waits for its first words ...")
    wait_for("the first words", lambda: published(folder), 90)
    show_live(cluster, folder, options.seconds)
    drain(cluster, folder)
    return compare(lines, folder)


def main(argv):
    options = parse(argv)
    work = pathlib.Path(tempfile.mkdtemp(prefix="petrel-demo-"))
    cluster = Cluster(home=work / "home")
    print(f"cluster: Nimbus on 127.0.0.1:{cluster.port}, everything under {cluster.home}")
    good = False
    try:
        cluster.up()
        good = run(cluster, work, options)
    except (Exception, KeyboardInterrupt) as error:
        print(f"{type(error).__name__}: {error}\n{cluster.tails()}", file=sys.stderr)
    if options.keep and good:
        keep_message(cluster)
        return 0
    if good:
        cluster.run("kill", NAME, "-w", "0")
    cluster.down()
    if good:
        shutil.rmtree(work)
        print("the cluster is down, nothing is left running")
    else:
        print(f"logs are kept under {cluster.home}/logs")
    return 0 if good else 1


def keep_message(cluster):
    print(f"""
The cluster stays up. Next, for example:
  export PETREL_HOME={cluster.home} PATH={cluster.petrel.parent}:$PATH
  petrel list
  petrel activate {NAME}
  petrel logs {NAME}
  petrel kill {NAME} -w 0
  petrel down""")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
