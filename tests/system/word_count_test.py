"""One topology from submit to kill through the command line, and its counts against a reference."""
import collections
import re

import pytest

from harness.cluster import TOPOLOGIES, Cluster, wait_for
from harness.nimbus import by_component
from harness.words import published

LINES = [f"the {w} and the other {w} of line {i}" for i, w in enumerate(("river", "mountain", "it's", "word") * 250)]
LOOPS = 3


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as started:
        yield started


def test_counts_equal_the_reference(cluster, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(LINES) + "\n")
    expected = collections.Counter(w for line in LINES for w in re.findall(r"[a-z']+", line))
    for word in expected:
        expected[word] *= LOOPS
    cluster.jar(TOPOLOGIES, "io.petrel.topologies.WordCountTopology", "words", text, "--publish", tmp_path, "--loops", LOOPS,
                "--spouts", 2, "--splits", 3, "--counts", 2)
    wait_for("all words", lambda: sum(published(tmp_path).values()) >= sum(expected.values()), 90)
    assert published(tmp_path) == expected
    with cluster.nimbus() as nimbus:
        assert nimbus.summaries()["words"].status == "ACTIVE"
        # Statistics are sampled one in twenty by default, and a sample counts for twenty.
        rows = by_component(nimbus.info("words"))
        assert {n: r["tasks"] for n, r in rows.items()} == {"lines": 2, "split": 3, "count": 2}
        nimbus.call.deactivate("words")
        assert nimbus.summaries()["words"].status == "INACTIVE"
        nimbus.call.activate("words")
        assert nimbus.summaries()["words"].status == "ACTIVE"
    cluster.run("kill", "words", "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids("words-1"), 30)
