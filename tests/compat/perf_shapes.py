"""The four storm-perf topologies: main class, arguments, and the shape that their logs must have."""
import worker_log as w

LINES = [f"line {i} of the text has its own words w{i % 7} w{i % 11} and some common ones" for i in range(97)]


def const_null(text):
    return w.Shape("constSpout", [("constSpout", "nullBolt")], {"nullBolt": w.nothing("nullBolt")}, lambda i: "some data")


def const_id_null(text):
    return w.Shape("constSpout", [("constSpout", "idBolt"), ("idBolt", "nullBolt")],
                   {"idBolt": w.identity("idBolt"), "nullBolt": w.nothing("nullBolt")}, lambda i: "some data")


def file_read(text):
    lines = text.read_text().splitlines()
    return w.Shape("spout", [("spout", "splitter"), ("splitter", "counter")],
                   {"splitter": w.split_words("splitter"), "counter": w.running_counts("counter")},
                   lambda i: lines[i % len(lines)])


def simplified(text):
    words = text.read_text().split()
    return w.Shape("spout", [("spout", "counter")], {"counter": w.running_counts("counter")},
                   lambda i: words[(i + 1) % len(words)])  # it starts with the second word


class Perf:
    def __init__(self, name, shape, component, positional, acks_only):
        self.name = name  # of the topology and of the class
        self.main = f"org.apache.storm.perf.{name}"
        self.shape = shape
        self.component = component  # the one that the proxy swaps
        self.positional = positional  # arguments before the run time
        self.acks_only = acks_only  # the mutant (b), see perf_test.py

    def arguments(self, text, seconds):
        return [str(text)] * self.positional + [str(seconds)]


PERF = [
    Perf("ConstSpoutNullBoltTopo", const_null, "nullBolt", 0, "FailEvery"),
    Perf("ConstSpoutIdBoltNullBoltTopo", const_id_null, "idBolt", 0, "AckOnly"),
    Perf("FileReadWordCountTopo", file_read, "splitter", 0, "AckOnly"),
    Perf("SimplifiedWordCountTopo", simplified, "counter", 1, "AckOnly"),
]
