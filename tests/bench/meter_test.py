"""Counts and quantiles from made-up files of the meter; Java's buckets against ours."""
import pathlib
import random
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import measure  # noqa: E402
import meter  # noqa: E402
from harness.cluster import TOPOLOGIES  # noqa: E402


def bucket(nanos):
    """The rule in words: 32 equal parts of each power of two."""
    if nanos < 32:
        return nanos
    exponent = nanos.bit_length() - 1
    return (exponent - 4) * 32 + (nanos - (1 << exponent)) * 32 // (1 << exponent)


def histogram_of(times):
    buckets = {}
    for t in times:
        buckets[bucket(t)] = buckets.get(bucket(t), 0) + 1
    return buckets


def test_the_middle_of_a_bucket_is_within_it():
    for nanos in [*range(2000), *(random.Random(1).randrange(1 << 40) for _ in range(2000))]:
        assert abs(meter.middle(bucket(nanos)) - nanos) <= max(0, nanos / 32), nanos


@pytest.mark.parametrize("q", [0.5, 0.99, 0.999])
def test_quantiles_are_near_those_of_the_sorted_times(q):
    rng = random.Random(7)
    times = [int(rng.lognormvariate(12, 1.5)) for _ in range(20_000)]
    exact = sorted(times)[int(q * len(times))] / 1e6
    assert meter.quantile(histogram_of(times), q) == pytest.approx(exact, rel=0.05)


def test_the_quantile_is_that_of_the_slow_share():
    buckets = {bucket(1_000_000): 98, bucket(50_000_000): 2}
    assert meter.quantile(buckets, 0.5) == pytest.approx(1, rel=0.04)
    assert meter.quantile(buckets, 0.98) == pytest.approx(1, rel=0.04)
    assert meter.quantile(buckets, 0.99) == pytest.approx(50, rel=0.04)
    assert meter.quantile({}, 0.5) is None


def test_figures_of_a_window(tmp_path):
    (tmp_path / "cells-1.log").write_text(
        "C 1000 sink-1 100\nH 1000 sink-1 40:100,\nC 2000 sink-1 300\nH 2000 sink-1 40:100,400:200,\n"
        "C 3000 sink-1 700\nH 3000 sink-1 40:100,400:600,\nC 3000 sink-1 70")
    (tmp_path / "cells-2.log").write_text("C 1000 spout-3 0\nC 3000 spout-3 1000\nC 1000 sink-1 0\nC 3000 sink-1 20\n")
    figures = measure.from_cells(tmp_path, 1.5, 3.0)
    # sink-1 of the first process: 200 at 1.5 s, 700 at the end; that of the second: 5 and 20.
    assert figures["tuples"] == 515
    assert figures["rate"] == pytest.approx(515 / 1.5)
    assert figures["acked"] == pytest.approx(750 / 1.5)
    # What was there before the window does not count: only bucket 400 grew.
    assert figures["sink.p50"] == figures["sink.p999"] == meter.middle(400) / 1e6
    assert "ack.p50" not in figures and "due.p50" not in figures


def test_the_first_tuple_is_the_first_line_that_counted(tmp_path):
    (tmp_path / "cells-1.log").write_text("C 1000 sink-1 0\nC 1050 sink-1 0\nC 1100 sink-1 3\nC 900 spout-2 5\n")
    assert meter.first_tuple(meter.read(tmp_path)[0]) == 1.1
    (tmp_path / "cells-1.log").write_text("C 1000 sink-1 0\nC 900 spout-2 5\n")
    assert meter.first_tuple(meter.read(tmp_path)[0]) is None


def test_cpu_and_memory_are_those_of_the_process():
    # A process that burns for as long as it is asked by its own clock.
    code = "import time\nwhile time.process_time() < 0.7: pass\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        try:
            while measure.cpu_seconds([process.pid]) < 0.5:
                assert process.poll() is None
            assert measure.rss_bytes([process.pid]) > 1_000_000
        finally:
            process.kill()
    assert measure.cpu_seconds([process.pid]) == 0


def test_java_puts_times_into_the_same_buckets(tmp_path):
    values = [0, 1, 31, 32, 33, 63, 64, 1000, 123_456_789, (1 << 40) - 1, 1 << 40]
    (tmp_path / "Check.java").write_text(
        "public class Check { public static void main(String[] a) { for (String s : a)"
        " System.out.println(io.petrel.topologies.bench.Meter.bucket(Long.parseLong(s))); } }")
    done = subprocess.run(["java", "-cp", str(TOPOLOGIES), str(tmp_path / "Check.java"), *map(str, values), "-5"],
                          capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == [*map(bucket, values), 0]
