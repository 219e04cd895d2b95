"""Petrel's release build."""
import re

from harness.cluster import TOPOLOGIES, Cluster, wait_for
from systems.placement import wait_for_pins

MAIN = "io.petrel.topologies.bench.ShapeBench"
PAIR = re.compile(r"(\d+):(\d+) -> (\d+):(\d+) +tuples (\d+) +frames (\d+) +bytes (\d+)")


class Petrel:
    name = "petrel"

    def __enter__(self):
        self.cluster = Cluster(preset="release").up()
        self.topology = self.topology_id = None
        return self

    def __exit__(self, *_):
        self.cluster.down()

    def submit(self, name, cell, settings, folder):
        self.topology, self.topology_id = name, None
        self.cluster.jar(TOPOLOGIES, MAIN, name, *cell.arguments(folder, settings))
        self.topology_id = self.cluster.topology_id(name)
        wait_for_pins(cell, self.cluster.port, name)

    def processes(self, cell):
        """Hosts, stream managers, topology master and agents; the whole cluster where the cell is about all of it."""
        return self.cluster.processes() if cell.whole_cluster else self.cluster.pids(self.topology_id)

    def crossed(self, cell):
        if cell.containers < 2:
            return None
        found = PAIR.findall(self.cluster.run("status", self.topology, "--links").stdout)
        return {"tuples": sum(int(row[4]) for row in found), "bytes": sum(int(row[6]) for row in found)}

    def kill(self):
        if self.topology_id is None:
            return  # it was not taken
        self.cluster.run("kill", self.topology, "-w", "0")
        wait_for("the end of the topology", lambda: not self.cluster.pids(self.topology_id), 60)

    def keep_logs(self):
        self.cluster.own_home = False  # not removed at the end
        return self.cluster.home / "logs"
