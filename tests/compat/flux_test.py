"""Flux, unmodified: its own main builds a topology from a YAML file of ours and submits it."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compat_run  # noqa: E402
import jars  # noqa: E402
import worker_log  # noqa: E402
from harness.cluster import TOPOLOGIES, Cluster, wait_for  # noqa: E402

pytestmark = pytest.mark.slow

YAML = """
name: "flux-words"
config:
  topology.debug: true
  topology.stats.sample.rate: 1.0
  topology.max.spout.pending: 50
  topology.worker.max.heap.size.mb: 256
spouts:
  - id: "lines"
    className: "io.petrel.topologies.LineSpout"
    constructorArgs: ["{text}", 5, "{folder}"]
    parallelism: 1
bolts:
  - id: "split"
    className: "io.petrel.topologies.SplitBolt"
    parallelism: 2
  - id: "count"
    className: "io.petrel.topologies.CountBolt"
    constructorArgs: ["{folder}"]
    parallelism: 2
streams:
  - from: "lines"
    to: "split"
    grouping: {{type: SHUFFLE}}
  - from: "split"
    to: "count"
    grouping: {{type: FIELDS, args: ["word"]}}
"""


def test_a_yaml_topology_with_classes_from_a_dependency_jar(tmp_path):
    text = tmp_path / "text.txt"
    lines = [f"some words of line {chr(97 + i % 26)} and more" for i in range(200)]
    text.write_text("\n".join(lines) + "\n")
    yaml = tmp_path / "words.yaml"
    yaml.write_text(YAML.format(text=text, folder=tmp_path))
    jar = jars.fetch("org.apache.storm:flux-core:2.8.3")
    with Cluster() as cluster:
        cluster.run("jar", "--jars", TOPOLOGIES, jar, "org.apache.storm.flux.Flux", yaml)
        wait_for("all lines emitted", lambda: compat_run.emitted(cluster, "flux-words") >= 5 * len(lines), 90)
        compat_run.deactivate(cluster, "flux-words")
        log = compat_run.settled_log(cluster, "flux-words")
        shape = worker_log.Shape("lines", [("lines", "split"), ("split", "count")], {"split": worker_log.split_words("split")},
                                 lambda i: lines[i % len(lines)])
        assert worker_log.check(log, shape) == []
        assert len(log.emits["lines"]) == 5 * len(lines)
        cluster.run("kill", "flux-words", "-w", "0")
