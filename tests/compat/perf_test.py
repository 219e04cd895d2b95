"""storm-perf 2.6.0, unmodified, submitted by its own mains; then the same through a proxy that swaps one bolt.

The good runs go for more than one of the mains' own 60 s polls, all four at once. The result is recomputed from the
debug lines of worker.log after deactivate and drain, and compared with Nimbus's statistics (sample rate 1).
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compat_run  # noqa: E402
import jars  # noqa: E402
import worker_log  # noqa: E402
from harness.cluster import Cluster, wait_for  # noqa: E402
from perf_shapes import LINES, PERF  # noqa: E402

pytestmark = pytest.mark.slow
POLLS = 2


@pytest.fixture(scope="module")
def proxy_jar():
    return compat_run.compile_proxy()


@pytest.fixture(scope="module")
def perf_jar():
    return jars.fetch("org.apache.storm:storm-perf:2.6.0")


@pytest.fixture(scope="module")
def cluster():
    with Cluster(slots=8) as started:
        yield started


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "input.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def settings(text, hook_jar, timeout_s=30):
    return {"topology.debug": "true", "topology.stats.sample.rate": "1.0", "topology.max.spout.pending": "20",
            "topology.message.timeout.secs": timeout_s, "topology.acker.executors": 1, "input.file": text, "topology.classpath": hook_jar,
            "topology.auto.task.hooks": '["io.petrel.compat.SlowSpouts"]', "compat.spout.sleep.ms": 20,
            "topology.worker.max.heap.size.mb": 256}


@pytest.fixture(scope="module")
def good_runs(cluster, perf_jar, proxy_jar, text):
    """All four at once: started, two polls waited for, deactivated, drained. Answers name -> (log, main's text)."""
    mains = {p.name: compat_run.Main(cluster, perf_jar, p.main, p.arguments(text, 600), settings(text, proxy_jar)) for p in PERF}
    results = {}
    try:
        for perf in PERF:
            wait_for(f"{perf.name}: {POLLS} polls", lambda: mains[perf.name].polls() >= POLLS, 60 * POLLS + 120, every_s=1)
        for perf in PERF:
            compat_run.deactivate(cluster, perf.name)
        for perf in PERF:
            log = compat_run.settled_log(cluster, perf.name)
            compat_run.compare_statistics(cluster, perf.name, log)
            results[perf.name] = log
    finally:
        for main in mains.values():
            main.end()
    return results


@pytest.mark.parametrize("perf", PERF, ids=lambda p: p.name)
def test_unmodified(good_runs, perf, text):
    assert worker_log.check(good_runs[perf.name], perf.shape(text)) == []


def test_the_mains_kill_their_topologies_at_their_end(cluster, good_runs):
    def gone():
        with cluster.nimbus() as nimbus:
            return not set(nimbus.summaries()) & {p.name for p in PERF}
    wait_for("the topologies are gone", gone, 60)


def wait_for_end(cluster, name):
    def gone():
        with cluster.nimbus() as nimbus:
            return name not in nimbus.summaries()
    wait_for("the topology is gone", gone, 60)


def executors(count):
    """As many of each component; storm-perf's own settings."""
    return {f"{component}.count": count for component in ("spout", "bolt", "bolt1", "bolt2", "splitter", "counter")}


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("perf", PERF, ids=lambda p: p.name)
def test_unmodified_in_several_containers(cluster, perf_jar, proxy_jar, text, perf, workers):
    main = compat_run.Main(cluster, perf_jar, perf.main, perf.arguments(text, 600),
                           {**settings(text, proxy_jar), **executors(4), "compat.spout.sleep.ms": 5, "topology.workers": workers})
    try:
        def enough():
            main.check_alive()
            return compat_run.emitted(cluster, perf.name) > 2000
        wait_for("enough tuples", enough, 120, every_s=0.5)
        hosts = cluster.pids("petrel-jvm-host", cluster.topology_id(perf.name))
        compat_run.deactivate(cluster, perf.name)
        log = compat_run.settled_log(cluster, perf.name)
        compat_run.compare_statistics(cluster, perf.name, log)
        links = cluster.run("status", perf.name, "--links").stdout
    finally:
        main.end()
    wait_for_end(cluster, perf.name)
    assert worker_log.check(log, perf.shape(text)) == []
    assert len(hosts) == workers
    assert " -> " in links, links


CASES = [(p, mutant) for p in PERF for mutant in ("DropEvery", p.acks_only)]


@pytest.mark.parametrize("perf, mutant", CASES, ids=[f"{p.name}-{m}" for p, m in CASES])
def test_a_swapped_bolt_is_found(cluster, perf_jar, proxy_jar, text, perf, mutant):
    """A sink emits nothing, so acking without emitting is its proper work: there the mutant fails every 100th instead."""
    with compat_run.Proxy(proxy_jar, perf_jar, cluster.port, perf.component, mutant) as proxy:
        main = compat_run.Main(cluster, perf_jar, perf.main, perf.arguments(text, 600),
                               {**settings(text, proxy_jar, timeout_s=5), "compat.spout.sleep.ms": 5}, proxy.port)
        try:
            def enough():
                main.check_alive()
                return compat_run.emitted(cluster, perf.name) > 400
            wait_for("enough tuples", enough, 90, every_s=0.5)
            compat_run.deactivate(cluster, perf.name)
            log = compat_run.settled_log(cluster, perf.name, quiet_s=7)
            findings = worker_log.check(log, perf.shape(text))
        finally:
            main.end()
        wait_for_end(cluster, perf.name)
    assert findings, "the checker saw nothing wrong"
    assert not findings[0].startswith("void"), findings
    assert any(perf.component in finding for finding in findings), findings
