"""Java to C++ to Java: a topology with a bolt from a shared library, its counts, its errors, and the end of its process."""
import collections
import os
import re
import signal

import pytest

from harness.cluster import Cluster, wait_for
from harness.words import published

LINES = [f"the {w} and the other {w} of line {i}" for i, w in enumerate(("river", "mountain", "it's", "word") * 100)]
LOOPS = 3


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as started:
        yield started


@pytest.fixture(scope="module")
def jar(cluster, tmp_path_factory):
    return cluster.jar_with_libraries(tmp_path_factory.mktemp("jar") / "native.jar")


def reference(text):
    text.write_text("\n".join(LINES) + "\n")
    counts = collections.Counter(w.upper() for line in LINES for w in re.findall(r"[a-z']+", line))
    return {word: count * LOOPS for word, count in counts.items()}


def test_counts_through_cpp_equal_the_reference(cluster, jar, tmp_path):
    expected = reference(tmp_path / "text.txt")
    cluster.jar(jar, "io.petrel.topologies.nativehost.NativeTopology", "mixed", tmp_path / "text.txt", tmp_path, LOOPS, 1)
    wait_for("all words", lambda: sum(published(tmp_path).values()) >= sum(expected.values()), 120)
    assert published(tmp_path) == expected
    assert len(cluster.pids("petrel-native-host", "mixed-")) == 1
    with cluster.nimbus() as nimbus:
        assert nimbus.summaries()["mixed"].status == "ACTIVE"
        assert not [e for errors in nimbus.info("mixed").errors.values() for e in errors]
    cluster.run("kill", "mixed", "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids("mixed-"), 60)


def test_a_killed_native_host_comes_back_and_work_goes_on(cluster, jar, tmp_path):
    reference(tmp_path / "text.txt")
    cluster.jar(jar, "io.petrel.topologies.nativehost.NativeTopology", "again", tmp_path / "text.txt", tmp_path, 0, 1)
    wait_for("words", lambda: sum(published(tmp_path).values()) > 0, 120)
    [first] = cluster.pids("petrel-native-host", "again-")
    os.kill(first, signal.SIGKILL)
    wait_for("another process", lambda: [p for p in cluster.pids("petrel-native-host", "again-") if p != first], 60)
    before = sum(published(tmp_path).values())
    wait_for("more words", lambda: sum(published(tmp_path).values()) > before + 1000, 120)
    cluster.run("kill", "again", "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids("again-"), 60)


def test_a_component_that_is_not_there_is_shown_as_an_error(cluster, jar, tmp_path):
    reference(tmp_path / "text.txt")
    cluster.jar(jar, "io.petrel.topologies.nativehost.NativeTopology", "wrong", tmp_path / "text.txt", tmp_path, 0, 1,
                "libpetrel_test_components.so")

    def error():
        with cluster.nimbus() as nimbus:
            texts = [e.error for errors in nimbus.info("wrong").errors.values() for e in errors]
        return next((t for t in texts if "has no 'upper-count'" in t), None)

    text = wait_for("the error", error, 120)
    assert all(name in text for name in ("it has:", "ledger-identity", "misbehaving", "counter")), text
    cluster.run("kill", "wrong", "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids("wrong-"), 60)
