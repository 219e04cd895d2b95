"""One run of a flow topology: submit it, read what its tasks publish, watch the memory of its processes."""
import pathlib
import threading

from harness.cluster import TOPOLOGIES, wait_for

HEAP_MB = 256
# Beside the heap: code, metaspace, threads, the direct buffers of links. A stream manager may hold what was granted.
HOST_EXTRA = 512 << 20
OTHER_LIMIT = 256 << 20
ACTIVE = 7  # of what a spout publishes
LIBRARY = "libpetrel_test_components.so"


def resident(pid):
    try:
        return next((int(line.split()[1]) << 10 for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")), 0)
    except OSError:
        return 0


class FlowRun:
    """arguments: of FlowTopology behind its shape. In a with statement: killed at the end, and gone."""

    def __init__(self, cluster, folder, name, shape, *arguments, conf=None, jar=TOPOLOGIES):
        self.cluster, self.folder, self.name = cluster, pathlib.Path(folder), name
        self.heap_mb = (conf or {}).get("topology.worker.max.heap.size.mb", HEAP_MB)
        settings = [word for key, value in (conf or {}).items() for word in ("--conf", f"{key}={value}")]
        cluster.jar(jar, "io.petrel.topologies.flow.FlowTopology", name, self.folder, shape, *arguments, *settings)
        self.id = cluster.topology_id(name)
        self._peak, self._over = {}, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        self._watch.join()
        self.cluster.run("kill", self.name, "-w", "0")
        wait_for(f"the end of {self.name}", lambda: not self.cluster.pids(self.id), 60)

    def _look(self):
        while not self._over.wait(0.5):
            for pid, command in self.cluster.commands():
                if self.id in command:
                    kind = command.split()[0].rsplit("/", 1)[-1]
                    self._peak[pid] = kind, max(self._peak.get(pid, (kind, 0))[1], resident(pid))

    def check_memory(self):
        """Every process of the topology has stayed below its limit."""
        print("MiB at most:", {pid: (kind, size >> 20) for pid, (kind, size) in self._peak.items()})
        assert self._peak, "nobody was looked at"
        for pid, (kind, size) in self._peak.items():
            limit = (self.heap_mb << 20) + HOST_EXTRA if "jvm" in kind else OTHER_LIMIT
            assert size < limit, f"{kind} {pid} had {size >> 20} MiB, limit {limit >> 20}"

    def tasks(self, component):
        """{task: [numbers that it has published]}"""
        rows = {}
        for file in self.folder.glob(f"{component}-*"):
            rows[int(file.name.rsplit("-", 1)[1])] = [int(word) for word in file.read_text().split()]
        return rows

    def sum(self, component, index):
        return sum(row[index] for row in self.tasks(component).values())

    def executed(self, component):
        return self.sum(component, 1)

    def emitted(self, component):
        return self.sum(component, 2)

    def source(self, component="source"):
        """(emitted, acked, failed) of a spout."""
        return tuple(self.sum(component, index) for index in (1, 2, 3))

    def hosts(self):
        return sorted(self.cluster.pids("petrel-jvm-host", self.id) + self.cluster.pids("petrel-native-host", self.id))

    def errors(self):
        """{component: [texts]}"""
        with self.cluster.nimbus() as nimbus:
            return {name: [e.error for e in errors] for name, errors in (nimbus.info(self.name).errors or {}).items() if errors}

    def wait_tuples(self, component, least=1, timeout_s=90):
        wait_for(f"{least} tuples in {component}", lambda: self.executed(component) >= least, timeout_s)

    def deactivate(self, *spouts):
        """Returns when these have said that they emit nothing more: what they publish from then on counts all their tuples."""
        with self.cluster.nimbus() as nimbus:
            nimbus.call.deactivate(self.name)
        for spout in spouts:
            wait_for(f"the last emit of {spout}", lambda: all(row[ACTIVE] == 0 for row in self.tasks(spout).values()), 30)

    def drained(self, *other_spouts, timeout_s=120):
        """Deactivates all spouts, lets nobody be slow on purpose any more, and waits until everything of "source" is acked."""
        self.deactivate("source", *other_spouts)
        (self.folder / "quick").touch()
        wait_for("all acks", lambda: self.source()[0] == sum(self.source()[1:]), timeout_s)
