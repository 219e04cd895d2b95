"""Flow control in real topologies over several containers: nothing wedges, nothing is lost, memory stays within its limits.

All tuples are numbered by the task that emits them, and every bolt checks that the numbers of a source task only rise: one that
does not ends its host, which check() would see.
"""
import pathlib
import re
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from flow_run import LIBRARY, FlowRun  # noqa: E402
from harness.cluster import Cluster, wait_for  # noqa: E402

pytestmark = pytest.mark.slow
LOAD_S = 8


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=8) as started:
        yield started


def loaded(run, sink="sink", least=1000, seconds=LOAD_S):
    """Lets the load run; the hosts must stay the same ones."""
    run.wait_tuples(sink, least)
    hosts = run.hosts()
    time.sleep(seconds)
    return hosts


def native(cluster, tmp_path):
    """Arguments for components in C++: of FlowTopology, of FlowRun."""
    return ["--library", LIBRARY], {"jar": cluster.jar_with_libraries(tmp_path / "native.jar")}


def check(run, hosts, errors=False):
    assert run.hosts() == hosts, "a host was restarted"
    assert errors or run.errors() == {}
    run.check_memory()


@pytest.mark.parametrize("placement", ["in_host", "process"])
def test_fan_out_of_a_thousand(cluster, tmp_path, placement):
    with FlowRun(cluster, tmp_path, f"fan-{placement.replace('_', '-')}", "fan", "--times", 1000,
                 conf={"petrel.stream.manager": placement}) as run:
        hosts = loaded(run)
        run.drained()
        emitted, acked, failed = run.source()
        assert failed == 0 and acked == emitted > 0
        wait_for("the last words", lambda: run.executed("fan") == emitted and run.executed("sink") == run.emitted("fan"), 30)
        assert run.emitted("fan") > 100_000
        check(run, hosts)


def test_one_task_in_each_of_eight_containers(cluster, tmp_path):
    with FlowRun(cluster, tmp_path, "chain", "chain", "--sleep-us", 100,
                 conf={"topology.workers": 8, "topology.worker.max.heap.size.mb": 128}) as run:
        hosts = loaded(run)
        assert len(hosts) == 8
        assert len({row[0] for name in ["source", "sink"] + [f"hop{i}" for i in range(1, 7)]
                    for row in run.tasks(name).values()}) == 8
        run.drained()
        emitted, _, failed = run.source()
        assert failed == 0 and emitted > 0
        wait_for("the sink's last word", lambda: run.executed("sink") == emitted, 30)
        check(run, hosts)


def test_a_window_that_acks_on_expiry(cluster, tmp_path):
    """Windows of 1,000 in two tasks: their content stays open, all else is acked."""
    with FlowRun(cluster, tmp_path, "window", "window") as run:
        hosts = loaded(run, "window", 10_000)
        run.deactivate("source")
        emitted, _, _ = run.source()
        wait_for("all tuples in windows", lambda: emitted - 200 < run.executed("window"), 60)
        wait_for("acks of all that expired", lambda: run.source()[0] - run.source()[1] < 2 * 1000 + 2 * 100 + 64, 60)
        assert run.source()[2] == 0 and run.source()[1] > 10_000
        check(run, hosts)


def test_a_slow_shell_bolt_with_a_slow_downstream(cluster, tmp_path):
    with FlowRun(cluster, tmp_path, "shell", "shell") as run:
        hosts = loaded(run)
        run.drained()
        emitted, _, failed = run.source()
        assert failed == 0 and emitted > 0
        wait_for("the sink's last word", lambda: run.executed("sink") == 5 * emitted, 30)
        check(run, hosts)


def test_a_next_tuple_that_never_returns(cluster, tmp_path):
    with FlowRun(cluster, tmp_path, "stuck", "stuck", "--times", 1000, conf={"petrel.stuck.call.secs": 3}) as run:
        hosts = loaded(run, seconds=1)
        text = wait_for("a word about it", lambda: run.errors().get("stuck"), 30)[0]
        assert "nextTuple" in text and "has not returned" in text
        before = run.source()
        wait_for("acks of the other spout", lambda: run.source()[1] > before[1] + 1000, 30)
        assert run.source()[2] == 0
        check(run, hosts, errors=True)


@pytest.mark.parametrize("language", ["java", "cpp"])
def test_what_was_emitted_before_a_long_call_arrives(cluster, tmp_path, language):
    """20 tasks emit, and sleep 60 s in their next call: 10 ms in the middle, at most a second each (twice, else it counts)."""
    library, jar = native(cluster, tmp_path) if language == "cpp" else ([], {})
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with FlowRun(cluster, folder, f"sleeper-{language}-{attempt}", "sleeper", *library, conf={"topology.workers": 2}, **jar) as run:
            worst = arrivals(run)
        if worst < 1_000_000:
            return
        print(f"attempt {attempt}: the slowest of them took {worst} us")
    raise AssertionError("tuples wait for the next call of their bolt")


def arrivals(run):
    wait_for("the tasks", lambda: len(list(run.folder.glob("arrivals-*"))) == 2, 90)
    (run.folder / "go").touch()

    def times():
        rows = {"local": [], "remote": []}
        for file in run.folder.glob("arrivals-*"):
            for line in file.read_text().splitlines():
                where, *micros = line.split()
                rows[where] += map(int, micros)
        return rows
    wait_for("all arrivals", lambda: sum(map(len, times().values())) == 40, 30)
    for where, micros in times().items():
        if micros:
            print(f"{run.name}: {where} {len(micros)}, median {sorted(micros)[len(micros) // 2]} us, worst {max(micros)} us")
    return max(times()["local"] + times()["remote"])


# Name: sleep of the slow half in microseconds, placement of the stream managers. "cpp": its halves are C++ components, which share
# their containers with JVMs, so there are stream manager processes.
HALF = {"quick": (0, "in_host"), "slow": (200, "in_host"), "slow-process": (200, "process"), "cpp": (0, "auto")}


@pytest.mark.parametrize("kind", HALF)
def test_a_cycle_that_feeds_back_half(cluster, tmp_path, kind):
    """The slow half of the cycle gets nearly all of its tuples over edges that never wait for credit."""
    sleep_us, placement = HALF[kind]
    library, jar = native(cluster, tmp_path) if kind == "cpp" else ([], {})
    with FlowRun(cluster, tmp_path, f"half-{kind}", "cycle", "--gain", 50, "--sleep-us", sleep_us, *library,
                 conf={"petrel.stream.manager": placement}, **jar) as run:
        hosts = loaded(run)
        assert len(hosts) == (6 if kind == "cpp" else 3)
        run.drained()
        check_half(run)
        check(run, hosts)


def check_half(run):
    emitted, _, failed = run.source()
    assert failed == 0 and emitted > 0
    wait_for("the last words", lambda: run.executed("enter") == emitted + run.emitted("feed") and
             run.executed("feed") == run.executed("sink") == run.executed("enter"), 30)
    assert emitted / 2 <= run.emitted("feed") <= emitted


def goes_on(run, component, tuples):
    before = run.executed(component)
    wait_for(f"more tuples in {component}", lambda: run.executed(component) > before + tuples, 60)


@pytest.mark.parametrize("language", ["java", "cpp"])
def test_a_cycle_that_feeds_back_all(cluster, tmp_path, language):
    """What has entered never leaves: the spout waits when the cycle is full, and the cycle goes on."""
    library, jar = native(cluster, tmp_path) if language == "cpp" else ([], {})
    with FlowRun(cluster, tmp_path, f"all-{language}", "cycle", "--gain", 100, *library, **jar) as run:
        hosts = loaded(run, seconds=2 * LOAD_S)
        goes_on(run, "feed", 10_000)
        emitted, acked, failed = run.source()
        assert (acked, failed) == (0, 0) and emitted > 0
        check(run, hosts)


def test_stream_managers_move_into_and_out_of_a_native_host(cluster, tmp_path):
    """One container has a JVM, the other a native host with a cycle. Nothing restarts, nothing fails, nothing is lost."""
    library, jar = native(cluster, tmp_path)
    with FlowRun(cluster, tmp_path, "move", "cycle", "--gain", 50, "--apart", 1, *library,
                 conf={"topology.workers": 2, "topology.acker.executors": 1}, **jar) as run:
        hosts = loaded(run, seconds=1)
        assert len(hosts) == 2
        for where in ("process", "in_host", "process"):
            answer = cluster.run("stream-managers", run.name, where).stdout
            assert answer.count("moves: ") == 2, answer
            wait_for(f"stream managers {where}", lambda: {place for place, pid in cluster.stream_managers(run.name).values() if pid} ==
                     {where} and all(pid for _, pid in cluster.stream_managers(run.name).values()), 60)
            pids = sorted(pid for _, pid in cluster.stream_managers(run.name).values())
            assert (pids == hosts) == (where == "in_host")
            goes_on(run, "feed", 10_000)
        run.drained()
        check_half(run)
        check(run, hosts)


def test_a_cycle_that_feeds_back_double(cluster, tmp_path):
    """It grows without end: what finds no room fails, the user is told, and the rest goes on."""
    with FlowRun(cluster, tmp_path, "double", "cycle", "--gain", 200) as run:
        hosts = loaded(run, seconds=2 * LOAD_S)
        texts = wait_for("a word about it", lambda: [t for c in ("enter", "feed") for t in run.errors().get(c, [])], 60)
        assert all("feeds back more than it takes in" in text and "petrel.cycle.max.bytes" in text for text in texts)
        goes_on(run, "feed", 10_000)
        assert run.source()[2] > 0
        check(run, hosts, errors=True)


@pytest.mark.parametrize("mode, placement", [("credit", "in_host"), ("spout_back_pressure", "in_host"),
                                             ("credit", "process"), ("spout_back_pressure", "process")])
def test_a_slow_branch_and_one_that_has_nothing_to_do_with_it(cluster, tmp_path, mode, placement):
    """By credit only the slow branch waits; in the other mode all spouts do. Who waited for whom is shown."""
    with FlowRun(cluster, tmp_path, f"branches-{mode.split('_')[0]}-{placement.split('_')[0]}", "branches", "--rate", 2000,
                 conf={"topology.workers": 2, "petrel.flow.control": mode, "petrel.stream.manager": placement}) as run:
        hosts = loaded(run)
        rows = wait_for("the slow spout's wait", lambda: flow_rows(cluster, run.name), 30)
        print("\n".join(rows.values()))
        if mode == "credit":
            assert "slowsink[" in rows["slow"].split("blocked", 1)[1] and "pressure" not in "".join(rows.values())
        else:
            assert "pressure" in rows["slow"]
        run.drained("slow")
        emitted, _, failed = run.source()
        assert failed == 0 and emitted > 0
        wait_for("the last words", lambda: run.executed("sink") == emitted and
                 run.executed("slowsink") == run.source("slow")[0], 30)
        check(run, hosts)


def flow_rows(cluster, name):
    """{component: line} of status --flow, once the slow spout has been blocked."""
    lines = [line.strip() for line in cluster.run("status", name, "--flow").stdout.splitlines() if " blocked " in line]
    rows = {line.split("[", 1)[0]: line for line in lines}
    return rows if "slow" in rows and "blocked 0.0 s" not in rows["slow"] else None


BIG = 100 << 20


def leases(cluster, name):
    """How late the leases of each of the three stream managers came to each other one, line by line."""
    def rows():
        text = cluster.run("status", name, "--links").stdout
        return re.findall(r"(?m)^ *(\d+:\d+ -> \d+:\d+) .*  leases late by: (.*)$", text)
    return [f"leases {pair} late by: {delays}" for pair, delays in wait_for("counts of leases", lambda: len(rows()) == 6 and rows(), 30)]


def test_a_tuple_above_the_limit_is_refused_by_name(cluster, tmp_path):
    with FlowRun(cluster, tmp_path, "toobig", "big", "--bytes", BIG, conf={"topology.worker.max.heap.size.mb": 512}) as run:
        run.wait_tuples("smallsink", 1000)
        (run.folder / "big").touch()
        text = wait_for("the error", lambda: run.errors().get("big"), 60)[0]
        for word in ("component 'big'", "stream 'default'", "'value'", str(BIG)[:4], str(64 << 20), "petrel.max.tuple.bytes"):
            assert word in text, f"{word} is not in {text[:500]}"
        assert "small" not in run.errors()
        goes_on(run, "smallsink", 1000)


def test_a_large_tuple_passes_where_the_limit_allows_it(cluster, tmp_path):
    """Acks of small tuples and leases go on beside it: their times are printed, with and without it."""
    with FlowRun(cluster, tmp_path, "big", "big", "--bytes", BIG,
                 conf={"topology.worker.max.heap.size.mb": 1024, "petrel.max.tuple.bytes": 256 << 20}) as run:
        run.wait_tuples("smallsink", 1000)
        hosts = run.hosts()
        for number in range(6):
            if number < 2:
                (run.folder / "mark").touch()  # the first large tuple warms up
            if number != 1:
                (run.folder / "big").touch()
                wait_for(f"the ack of large tuple {number}", lambda: run.source("big")[1] >= number + (number == 0), 60)
            else:
                time.sleep(5)
                (row,) = run.tasks("small").values()
                print("acks without large tuples: p50 {} us, p99 {} us, worst {} us".format(*row[4:7]))
                print("with one large tuple:", *leases(cluster, run.name), sep="\n")
                (run.folder / "mark").touch()
        (row,) = run.tasks("small").values()
        print("acks beside large tuples: p50 {} us, p99 {} us, worst {} us".format(*row[4:7]))
        print("with six:", *leases(cluster, run.name), sep="\n")
        assert run.source("big")[2] == 0 and run.source("small")[2] == 0
        check(run, hosts)
