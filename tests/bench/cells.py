"""What is measured: the cells of every benchmark, and against which peers with which settings."""
import dataclasses
import re

TUNED = {"topology.producer.batch.size": 100, "topology.transfer.batch.size": 100, "topology.batch.flush.interval.millis": 10,
         "topology.transfer.buffer.size": 4096, "topology.stats.sample.rate": 0.001, "topology.disable.loadaware.messaging": "true",
         "topology.bolt.wait.progressive.level2.count": 100}
# Without these a worker of Storm has 128 MB for each of its executors, whatever worker.heap.memory.mb says.
HEAP = {"topology.component.resources.onheap.memory.mb": 512, "topology.worker.max.heap.size.mb": 2048}
# Queues of 64 KiB tuples: 32,768 of them, Storm's default, need 2 GiB.
BIG = {"topology.executor.receive.buffer.size": 256, "topology.transfer.buffer.size": 256}
SAME_HEAP = {"topology.worker.childopts": "-Xmx512m"}

NAMES = ("wordcount", "wc", "sent", "chain", "fan", "pojo", "big", "lat", "idle", "rss", "start", "sources")
RATE = 20_000  # tuples a second of the latency cells
LATENCY_WARM_S = 15


@dataclasses.dataclass(frozen=True)
class Peer:
    system: str
    variants: dict  # name -> settings: arguments of the system's program; the better variant counts


@dataclasses.dataclass(frozen=True)
class Cell:
    bench: str  # which of NAMES
    name: str
    shape: str
    spouts: int = 1
    bolts: int = 1
    containers: int = 1
    ackers: int = 0
    pending: int = 0
    rate: int = 0  # a second over all spouts; 0: as many as the system takes
    pins: dict = dataclasses.field(default_factory=dict)  # component -> container, from 1
    conf: dict = dataclasses.field(default_factory=dict)  # for every system that takes Storm's topologies
    kind: str = "throughput"  # which of rows.KINDS
    peers: tuple = ()
    bare: bool = False  # its rows against Storm do not name it

    @property
    def whole_cluster(self):
        return self.kind == "idle"

    def arguments(self, folder, settings):
        """Of ShapeBench, after the name."""
        values = {"shape": self.shape, "folder": folder, "spouts": self.spouts, "bolts": self.bolts, "rate": self.rate,
                  "topology.workers": self.containers, "topology.acker.executors": self.ackers, **self.pins, **self.conf}
        if self.pending:
            values["topology.max.spout.pending"] = self.pending
        return [f"{key}={value}" for key, value in {**values, **settings}.items()]


# mode -> (acker executors, max spout pending)
MODES = {"noack": (0, 0), "ack": (1, 10_000), "ack1k": (1, 1_000)}
# In two containers: spouts and bolts apart, and a sentence's words go back again.
PINS = {"sent": {"source": 1, "split": 2, "sink": 1}, "chain": {"source": 1, "identity": 2, "sink": 2}}
SPREAD = {"shuffle": 4, "all": 4}  # sinks of one source
SHAPES = {"wc": "wc", "sent": "sent", "chain": "chain", "fan.shuffle": "shuffle", "fan.all": "all", "pojo": "pojo", "big": "big"}


def pins(shape, containers):
    return PINS.get(shape, {"source": 1, "sink": 2}) if containers == 2 else {}


def flink(name, containers, **more):
    """None where Flink is not measured."""
    shape, mode = name.split(".")[0], name.split(".")[2]
    if shape == "wc" and mode == "ack":
        more["checkpoint"] = 1000
    elif shape not in ("wc", "sent", "chain") or mode != "noack":
        return None
    return Peer("flink", {"default": more})


def jet(name, containers, size):
    shape, mode = name.split(".")[0], name.split(".")[2]
    if size > 1 or shape not in ("wc", "sent", "chain") or mode == "ack1k" or (mode == "ack" and shape != "wc"):
        return None
    return Peer("jet", {"default": {"checkpoint": 1000} if mode == "ack" else {}})


def storm_variants(shape, mode, size):
    if shape == "big":
        variants = {"default 512 MB": HEAP, "tuned 512 MB": {**TUNED, **HEAP, **BIG}}
    elif shape == "wc" and mode == "ack":
        variants = {"default": {}, "tuned 512 MB": {**TUNED, **HEAP}}
    else:
        variants = {"default": {}, "tuned": TUNED}
    return variants if size == 1 else dict([list(variants.items())[-1]])  # no bar hangs on the larger ones


def throughput_cells():
    for title, shape in SHAPES.items():
        for containers in (1, 2):
            for mode, (ackers, pending) in MODES.items():
                for size in (1, 2):
                    if mode == "ack1k" and shape != "wc":
                        continue
                    big = shape == "big"
                    name = f"{title}.{containers}c" + ("" if big and mode == "noack" else f".{mode}") + (".2x2" if size == 2 else "")
                    peers = [Peer("storm", storm_variants(shape, mode, size))]
                    if not big:
                        full = f"{title}.{containers}c.{mode}"
                        peers += [p for p in (flink(full, containers), jet(full, containers, size)) if p]
                    yield Cell(title.split(".")[0], name, shape, spouts=size, bolts=size * SPREAD.get(shape, 1), containers=containers,
                               ackers=ackers, pending=min(pending, 100) if big else pending, pins=pins(shape, containers),
                               conf=BIG if big else {}, peers=tuple(peers), bare=big)


def latency_cells():
    storm = Peer("storm", {"default": {}})  # tuned for throughput its p99 is several times worse
    for containers in (1, 2):
        common = dict(shape="wc", containers=containers, rate=RATE, pins=pins("wc", containers), kind="latency", bare=True)
        yield Cell("lat", f"lat.{containers}c", ackers=1, pending=10_000, peers=(storm,), **common)
        peers = [Peer("flink", {"1 ms buffers": {"buffer": 1}})] + ([Peer("jet", {"default": {}})] if containers == 1 else [])
        yield Cell("lat", f"lat.{containers}c.noack", peers=tuple(peers), **common)


def other_cells():
    for spouts in (1, 4):
        yield Cell("idle", "idle" if spouts == 1 else f"idle.{spouts}spouts", "idle", spouts=spouts, kind="idle", bare=True)
    yield Cell("rss", "rss.wc.2c", "wc", containers=2, pins=pins("wc", 2), conf=SAME_HEAP, kind="rss", bare=True,
               peers=(Peer("storm", {"default": {}}),))
    yield Cell("start", "start", "wc", kind="start", bare=True, peers=(Peer("storm", {"default": {}}),))
    for mode in ("noack", "ack"):
        ackers, pending = MODES[mode]
        yield Cell("sources", "sources" if mode == "noack" else "sources.ack", "wc", spouts=4, bolts=16, containers=2, ackers=ackers,
                   pending=pending, pins=pins("wc", 2), kind="cpu", bare=True,
                   peers=(Peer("petrel", {"1 x 1": {"spouts": 1, "bolts": 1}}),))
    for containers, sinks in ((1, 1), (2, 1), (3, 2)):
        for mode, (ackers, pending) in (("noack", (0, 0)), ("ack10k", (1, 10_000))):
            yield Cell("wordcount", f"wordcount.{containers}c-{mode}", "wc", bolts=sinks, containers=containers, ackers=ackers, pending=pending,
                       peers=(Peer("storm", {"default": {}}),))


def all_cells():
    return [*throughput_cells(), *latency_cells(), *other_cells()]


def choose(name, pattern=None):
    """The cells of a benchmark, or of all but `wordcount`, whose cells are those of `wc` again."""
    cells = [c for c in all_cells() if c.bench == name or (name == "all" and c.bench != "wordcount")]
    return [c for c in cells if pattern is None or re.search(pattern, c.name)]
