"""Topologies in several containers: results, and which tuples crossed which border."""
import collections
import re

import pytest

from harness.cluster import TOPOLOGIES, Cluster, wait_for
from harness.words import published

LINES = [f"line {i} of the river, and {i % 97} of the mountain: it's word {i % 1013}" for i in range(20000)]
PAIR = re.compile(r"(\d+):(\d+) -> (\d+):(\d+) +tuples (\d+) +frames (\d+) +bytes (\d+) +stream-managers (\d+),(\d+)")


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=8) as started:
        yield started


def java_hash(text):
    """String.hashCode of text below U+10000."""
    h = 0
    for c in text:
        h = (31 * h + ord(c)) & 0xFFFFFFFF
    return h - (1 << 32) if h >= 1 << 31 else h


def fields_target(tasks, value):
    """Storm: the hash of the list of values, its floored remainder by the number of targets (tasks in order)."""
    h = (31 + java_hash(value)) & 0xFFFFFFFF
    h = h - (1 << 32) if h >= 1 << 31 else h
    return tasks[h % len(tasks)]


def words_of(line):
    return re.findall(r"[a-z']+", line.lower())


def expected_crossings(tasks, port_of):
    """{(from port, to port): tuples} of one loop over LINES by one spout task, both groupings by fields."""
    crossings = collections.Counter()
    spout, = tasks["lines"]
    for line in LINES:
        split = fields_target(tasks["split"], line)
        crossings[port_of[spout], port_of[split]] += 1
        for word in words_of(line):
            crossings[port_of[split], port_of[fields_target(tasks["count"], word)]] += 1
    return {pair: n for pair, n in crossings.items() if pair[0] != pair[1]}


def pairs(cluster, name):
    """{(from port, to port): (tuples, {pids of stream managers})}"""
    rows = {}
    for line in cluster.run("status", name, "--links").stdout.splitlines():
        match = PAIR.search(line)
        if match:
            _, source, _, target, tuples, _, _, pid, other = map(int, match.groups())
            rows[source, target] = tuples, {pid, other}
    return rows


@pytest.mark.parametrize("placement", ["in_host", "process"])
@pytest.mark.parametrize("workers", [2, 3, 8])
def test_counts_and_crossings_are_exact(cluster, tmp_path, workers, placement):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(LINES) + "\n")
    expected = collections.Counter(w for line in LINES for w in words_of(line))
    name = f"words-{workers}-{placement.replace('_', '-')}"
    cluster.jar(TOPOLOGIES, "io.petrel.topologies.WordCountTopology", name, text, "--publish", tmp_path, "--loops", 1,
                "--spouts", 1, "--splits", 4, "--counts", 5, "--lines-by", "fields",
                "--conf", f"topology.workers={workers}", "--conf", f"petrel.stream.manager={placement}",
                "--conf", "petrel.stream.manager.loops=3")
    try:
        wait_for("all words", lambda: sum(published(tmp_path).values()) >= sum(expected.values()), 120)
        assert published(tmp_path) == expected
        tasks, port_of = collections.defaultdict(list), {}
        with cluster.nimbus() as nimbus:
            for executor in nimbus.info(name).executors:
                first, last = executor.executor_info.task_start, executor.executor_info.task_end
                tasks[executor.component_id] += range(first, last + 1)
                port_of.update({task: executor.port for task in range(first, last + 1)})
        tasks = {component: sorted(ids) for component, ids in tasks.items()}
        assert len(set(port_of.values())) == workers
        wanted = expected_crossings(tasks, port_of)
        # The counters come with the next sample.
        wait_for("the counters of the links", lambda: sum(n for n, _ in pairs(cluster, name).values()) >= sum(wanted.values()), 30)
        seen = {pair: n for pair, (n, _) in pairs(cluster, name).items() if n}
        assert seen == wanted
        managers = set().union(*(pids for _, pids in pairs(cluster, name).values()))
        assert len(managers) == len({port for pair in wanted for port in pair})
    finally:
        cluster.run("kill", name, "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids(f"{name}-"), 60)


def test_stream_managers_move_while_words_are_counted(cluster, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(LINES) + "\n")
    loops = 25
    expected = collections.Counter(w for line in LINES for w in words_of(line))
    expected = {word: n * loops for word, n in expected.items()}
    total = sum(expected.values())
    name = "words-move"
    cluster.jar(TOPOLOGIES, "io.petrel.topologies.WordCountTopology", name, text, "--publish", tmp_path, "--loops", loops,
                "--spouts", 1, "--splits", 4, "--counts", 5, "--lines-by", "fields",
                "--conf", "topology.workers=3", "--conf", "petrel.stream.manager=in_host")
    counted = lambda: sum(published(tmp_path).values())
    moved_at = []

    def move(where):
        before = counted()
        answer = cluster.run("stream-managers", name, where).stdout
        assert answer.count("moves: ") == 3, answer
        wait_for(f"stream managers {where}", lambda: {p for p, pid in cluster.stream_managers(name).values() if pid} == {where}
                 and len(cluster.stream_managers(name)) == 3, 60)
        wait_for("words behind the move", lambda: counted() > before or counted() == total, 60)
        moved_at.append(counted())

    try:
        wait_for("the first words", lambda: counted() > 0, 120)
        hosts = {pid for _, pid in cluster.stream_managers(name).values()}
        assert len(hosts) == 3 and "nothing moves" in cluster.run("stream-managers", name, "in_host").stdout
        for where in ("process", "in_host", "process"):
            move(where)
            pids = {pid for _, pid in cluster.stream_managers(name).values()}
            assert len(pids) == 3
            assert (pids == hosts) == (where == "in_host"), "the hosts are the ones from before: nothing has restarted"
        assert moved_at[0] < total, "void: all was counted before the stream managers had moved"
        wait_for("all words", lambda: counted() >= total, 300)
        assert published(tmp_path) == expected
        assert re.search(r"\b0 host restarts", cluster.run("status", name).stdout)
    finally:
        cluster.run("kill", name, "-w", "0")
    wait_for("the end of the topology", lambda: not cluster.pids(f"{name}-"), 60)
