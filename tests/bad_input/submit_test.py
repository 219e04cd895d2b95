"""Bad submits and uploads (T1-T15, U1-U9) and a few bad frames at a real Nimbus: each gets a typed error that names the value
and the rule; the process is the same afterwards, answers, has not grown, and still runs a good topology.

The cases one by one, with the allocator's own figures, are in the gtests of storm-compat; this is the whole daemon, once, by RSS.
"""
import pathlib
import socket
import struct

import pytest
from thrift.Thrift import TApplicationException

from harness.cluster import TOPOLOGIES, Cluster, wait_for
from harness.nimbus import ttypes

MIB = 1 << 20
JAVA = b"\xac\xed\x00\x05sr"
JAR = (b"PK\x03\x04\x14" + bytes(21) + b"\x01\x00\x00\x00a" + b"PK\x01\x02\x14\x00\x14" + bytes(21) + b"\x01" + bytes(17) + b"a"
       + b"PK\x05\x06" + bytes(4) + b"\x01\x00\x01\x00" + struct.pack("<IIH", 47, 31, 0))
INVALID = ttypes.InvalidTopologyException


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as started:
        yield started


@pytest.fixture(scope="module")
def nimbus_process(cluster):
    return Process(cluster)


class Process:
    def __init__(self, cluster):
        self.cluster, self.pid = cluster, cluster.pids("petrel", " nimbus")[0]
        with cluster.nimbus() as nimbus:  # what is allocated once is allocated now
            nimbus.call.getClusterInfo()
            for _ in range(5):
                refused(nimbus, "warm", word_count(), conf='{"a":"' + "x" * 100_000)
        self.rss = self.rss_now()

    def rss_now(self):
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096

    def well(self):
        assert self.cluster.pids("petrel", " nimbus") == [self.pid], "another Nimbus"
        with self.cluster.nimbus() as nimbus:
            assert nimbus.call.isTopologyNameAllowed("good")
            assert nimbus.summaries() == {}


def upload(nimbus, jar=JAR):
    location = nimbus.call.beginFileUpload()
    if jar:
        nimbus.call.uploadChunk(location, jar)
    nimbus.call.finishFileUpload(location)
    return location


def component(**more):
    common = ttypes.ComponentCommon(inputs={}, streams={"default": ttypes.StreamInfo(["word"], False)}, parallelism_hint=1)
    for key, value in more.items():
        setattr(common, key, value)
    return common


def java():
    return ttypes.ComponentObject(serialized_java=JAVA)


def source(name, stream="default"):
    return ttypes.GlobalStreamId(name, stream)


def shuffle():
    return ttypes.Grouping(shuffle=ttypes.NullStruct())


def word_count():
    return ttypes.StormTopology(
        spouts={"lines": ttypes.SpoutSpec(java(), component())},
        bolts={"count": ttypes.Bolt(java(), component(inputs={source("lines"): shuffle()}))}, state_spouts={})


def changed(change):
    topology = word_count()
    change(topology)
    return topology


def count_of(change):
    return changed(lambda t: change(t.bolts["count"]))


def refused(nimbus, name, topology, conf="{}", location=None):
    try:
        nimbus.call.submitTopology(name, upload(nimbus) if location is None else location, conf, topology)
    except Exception as error:  # the caller says which one it must be
        return error
    return None


def inputs(bolt, grouping, of=None):
    bolt.common.inputs = {of or source("lines"): grouping}


def hint(n):
    return count_of(lambda b: setattr(b.common, "parallelism_hint", n))


def own_conf(text):
    return count_of(lambda b: setattr(b.common, "json_conf", text))


def many_bolts(n):
    return changed(lambda t: t.bolts.update({f"b{i}": ttypes.Bolt(java(), component(inputs={source("lines"): shuffle()}))
                                             for i in range(n)}))


# case -> (words that the sentence holds, topology or None, conf or None, name or None)
BAD = {
    "T1-empty": (["''"], None, None, ""),
    "T1-slash": (["a/b"], None, None, "a/b"),
    "T1-up": (["'..'"], None, None, ".."),
    "T1-colon": (["a:b"], None, None, "a:b"),
    "T1-newline": (["a\\x0ab"], None, None, "a\nb"),
    "T1-long": (["300 bytes", "200"], None, None, "n" * 300),
    "T3-no-json": (["topology conf", "byte"], None, "{", None),
    "T3-null": (["topology conf", "null"], None, "null", None),
    "T3-list": (["topology conf", "list"], None, "[]", None),
    "T3-number": (["topology conf", "integer"], None, "7", None),
    "T3-10-mb": (["topology conf", "over the limit"], None, '{"a":"' + "x" * (10 << 20) + '"}', None),
    "T3-deep": (["topology conf", "nested deeper"], None, '{"a":' + "[" * 10_000, None),
    "T3-nan": (["topology conf", "NaN"], None, '{"a":NaN}', None),
    "T4-string": (["topology.workers", "four", "integer"], None, '{"topology.workers":"four"}', None),
    "T4-negative": (["topology.workers", "-1", "above 0"], None, '{"topology.workers":-1}', None),
    "T4-huge": (["topology.workers", "1000000000", "10000"], None, '{"topology.workers":1000000000}', None),
    "T4-float": (["topology.workers", "2.5", "integer"], None, '{"topology.workers":2.5}', None),
    "T6-no-spout": (["does not have any spout"], changed(lambda t: t.spouts.clear()), None, None),
    "T7-spout-with-inputs": (["inputs for a spout"],
                             changed(lambda t: inputs(t.spouts["lines"], shuffle(), source("count"))), None, None),
    "T8-component": (["non-existent component [nobody]"], count_of(lambda b: inputs(b, shuffle(), source("nobody"))), None, None),
    "T8-stream": (["non-existent stream: [no]"], count_of(lambda b: inputs(b, shuffle(), source("lines", "no"))), None, None),
    "T8-field": (["non-existent fields: [no]"], count_of(lambda b: inputs(b, ttypes.Grouping(fields=["no"]))), None, None),
    "T10-negative": (["parallelism_hint -1"], hint(-1), None, None),
    "T10-huge": (["tasks", "1000000"], hint(2**31 - 1), None, None),
    "T10-no-executors": (["executors must be greater than 0"],
                         changed(lambda t: (setattr(t.bolts["count"].common, "parallelism_hint", 0),
                                            setattr(t.bolts["count"].common, "json_conf", '{"topology.tasks":2}'))), None, None),
    "T11-100000-components": (["100002 components", "10000"], many_bolts(100_000), None, None),
    "T12-duplicate": (["Duplicate component ids: [lines]"],
                      changed(lambda t: t.bolts.update(lines=t.bolts["count"])), None, None),
    "T12-acker": (["__acker"], changed(lambda t: t.bolts.update(__acker=t.bolts["count"])), None, None),
    "T12-stream": (["__x"], count_of(lambda b: b.common.streams.update(__x=ttypes.StreamInfo([], False))), None, None),
    "T13-garbage": (["custom_serialized", "\\x01\\x02"],
                    count_of(lambda b: inputs(b, ttypes.Grouping(custom_serialized=b"\x01\x02"))), None, None),
    "T15-no-member": (["[count]", "0 members"], count_of(lambda b: setattr(b, "bolt_object", ttypes.ComponentObject())), None, None),
    "T15-two-members": (["[count]", "2 members"],
                        count_of(lambda b: setattr(b.bolt_object, "shell", ttypes.ShellComponent("python3", "x.py"))), None, None),
    "T16-no-java": (["[count]", "random"], count_of(lambda b: setattr(b.bolt_object, "serialized_java", b"random")), None, None),
    "T18-json-conf": (["[count]", "not JSON"], own_conf("{"), None, None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_submit_is_refused_with_a_sentence(cluster, nimbus_process, case):
    words, topology, conf, name = BAD[case]
    with cluster.nimbus() as nimbus:
        error = refused(nimbus, "bad" if name is None else name, topology or word_count(), conf or "{}")
        assert isinstance(error, INVALID), repr(error)
        for word in words:
            assert word in error.msg
        assert len(error.msg) < 1000
        assert nimbus.call.isTopologyNameAllowed("good"), "the connection goes on"
    nimbus_process.well()


LOCATIONS = {"U7-file": "/etc/passwd", "U7-up": "../uploads/x", "U7-nul": "a\0b", "U8-empty": ""}


@pytest.mark.parametrize("case", LOCATIONS)
def test_a_location_that_is_no_token(cluster, nimbus_process, case):
    with cluster.nimbus() as nimbus:
        error = refused(nimbus, "bad", word_count(), location=LOCATIONS[case])
    assert isinstance(error, INVALID) and "is not an upload token" in error.msg, repr(error)
    nimbus_process.well()


JARS = {"U9-empty": b"", "U9-text": b"no zip at all", "U9-truncated": JAR[:40]}


@pytest.mark.parametrize("case", JARS)
def test_a_jar_that_is_no_zip(cluster, nimbus_process, case):
    with cluster.nimbus() as nimbus:
        error = refused(nimbus, "bad", word_count(), location=upload(nimbus, JARS[case]))
    assert isinstance(error, INVALID) and "the uploaded jar" in error.msg, repr(error)
    nimbus_process.well()


def test_uploads_out_of_order(cluster, nimbus_process):
    """U1, U2, U3, U4 (nobody else's token is known), U6 (a client that goes away in the middle)."""
    with cluster.nimbus() as nimbus:
        finished = upload(nimbus)
        for call, words in ((lambda: nimbus.call.uploadChunk("nope\n", b"x"), ["nope\\x0a", "not an upload token"]),
                            (lambda: nimbus.call.uploadChunk(finished, b"x"), ["is finished"]),
                            (lambda: nimbus.call.finishFileUpload(finished), ["finished already"])):
            with pytest.raises(TApplicationException) as raised:
                call()
            assert all(word in raised.value.message for word in words), raised.value.message
        begun = nimbus.call.beginFileUpload()
        nimbus.call.uploadChunk(begun, JAR[:20])
    with cluster.nimbus() as nimbus:
        error = refused(nimbus, "bad", word_count(), location=begun)
    assert isinstance(error, INVALID) and "never finished" in error.msg
    nimbus_process.well()


# What Storm takes is taken, with a warning in the log and in the status: T9, T14.
def cycle(t):
    t.bolts["split"] = ttypes.Bolt(java(), component(inputs={source("lines"): shuffle(), source("count"): shuffle()}))
    t.bolts["count"].common.inputs[source("split")] = shuffle()


def not_direct(t):
    inputs(t.bolts["count"], ttypes.Grouping(direct=ttypes.NullStruct()))


@pytest.mark.parametrize("change, words", [(cycle, "components [count, split] form a cycle"),
                                           (not_direct, "is not declared direct")], ids=["T9", "T14"])
def test_what_storm_takes_is_taken_with_a_warning(cluster, nimbus_process, change, words):
    log = cluster.home / "logs" / "nimbus.log"
    before = log.stat().st_size
    with cluster.nimbus() as nimbus:
        options = ttypes.SubmitOptions(initial_status=ttypes.TopologyInitialStatus.INACTIVE)
        nimbus.call.submitTopologyWithOpts("odd", upload(nimbus), "{}", changed(change), options)
        assert words in log.read_bytes()[before:].decode()
        assert words in cluster.run("status").stdout
        nimbus.call.killTopologyWithOpts("odd", ttypes.KillOptions(wait_secs=0))
        wait_for("its end", lambda: nimbus.summaries() == {}, 60)
    nimbus_process.well()


FRAMES = {
    "N1": struct.pack(">i", 0x7FFFFFFF), "N2": struct.pack(">i", -16), "N3": struct.pack(">i", 0),
    "N4": struct.pack(">i", 100) + b"\x80\x01\x00\x01", "N5-http": b"GET / HTTP/1.1\r\n\r\n", "N5-tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "N6": struct.pack(">iI", 30, 0x80020001) + bytes(26),
}


@pytest.mark.parametrize("case", FRAMES)
def test_a_bad_frame_ends_its_connection_only(cluster, nimbus_process, case):
    with socket.create_connection(("127.0.0.1", cluster.port), 20) as sender:
        sender.sendall(FRAMES[case])
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(1) == b""
    nimbus_process.well()


def test_afterwards_it_has_not_grown_and_runs_a_good_topology(cluster, nimbus_process, tmp_path):
    grown = nimbus_process.rss_now() - nimbus_process.rss
    assert grown < 10 * MIB, f"{grown} bytes"
    text = tmp_path / "text.txt"
    text.write_text("the river and the sea\n" * 50)
    cluster.jar(TOPOLOGIES, "io.petrel.topologies.WordCountTopology", "good", text, "--publish", tmp_path, "--loops", 1)
    wait_for("counted words", lambda: sum(int(line.split()[0]) for file in tmp_path.glob("count-*")
                                          for line in file.read_text().splitlines()) == 250, 90)
    cluster.run("kill", "good", "-w", "0")
