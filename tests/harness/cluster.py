"""Start, drive and end a cluster. Everything goes through the command line that users have."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zipfile

from harness.guard import Guard
from harness.nimbus import NimbusClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOPOLOGIES = ROOT / "build" / "java" / "topologies" / "topologies.jar"


class CommandFailed(Exception):
    pass


def wait_for(what, condition, timeout_s=60, every_s=0.1):
    """Polls until condition() is true and returns its value; AssertionError that names `what` otherwise."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(every_s)


def free_ports(count):
    """Ports below the ephemeral range: no outgoing connection can take one between now and its use."""
    found, sockets = [], []
    start = 20000 + (os.getpid() * 37) % 10000
    for port in range(start, start + 2000):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
            continue
        found.append(port)
        sockets.append(s)
        if len(found) == count:
            break
    for s in sockets:
        s.close()
    assert len(found) == count, f"only {len(found)} free ports from {start}"
    return found


def commands_of(home):
    """(pid, command line) of every process that names this home in its environment or its arguments."""
    sign = f"PETREL_HOME={home}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            environment = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        mentions = sign in environment or str(home).encode() in command
        if mentions and status != "Z" and b"demo.py" not in command and b"pytest\0" not in command:
            found.append((int(entry.name), command.replace(b"\0", b" ").decode("utf-8", "replace").strip()))
    return found


class Cluster:
    """preset: whose binaries. home: kept when given, else a folder of its own under the temporary files."""

    running = []  # clusters that are up, for the report of a failed test

    def __init__(self, preset="dev", home=None, slots=4, settings=None):
        # PETREL_TEST_BIN: binaries from elsewhere, for instance of your own build folder.
        self.petrel = pathlib.Path(os.environ.get("PETREL_TEST_BIN", ROOT / "build" / preset / "bin")) / "petrel"
        self.own_home = home is None
        self.home = pathlib.Path(home or tempfile.mkdtemp(prefix="petrel-"))
        self.home.mkdir(parents=True, exist_ok=True)
        self.port, *self.slots = free_ports(1 + slots)
        lines = ["nimbus.seeds: [127.0.0.1]", f"nimbus.thrift.port: {self.port}", f"supervisor.slots.ports: {self.slots}"]
        lines += [f"{key}: {value}" for key, value in (settings or {}).items()]
        (self.home / "petrel.yaml").write_text("\n".join(lines) + "\n")

    def environment(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("STORM_", "PETREL_"))}
        return {**clean, "PETREL_HOME": str(self.home), "PETREL_JAVA_DIR": str(ROOT / "build" / "java")}

    def run(self, *args, timeout_s=180, check=True, name=None):
        """One command of the petrel binary; name="storm" runs it under that name."""
        command = [name or str(self.petrel), *map(str, args)]
        done = subprocess.run(command, executable=str(self.petrel), env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout_s)
        if check and done.returncode:
            raise CommandFailed(f"petrel {' '.join(map(str, args))} ended with {done.returncode}\n{done.stdout[-3000:]}"
                                f"\n{done.stderr[-6000:]}\n{self.tails()}")
        return done

    def up(self):
        Cluster.running.append(self)
        self.guard = Guard([str(self.petrel), "down"], self.environment())
        self.run("up", timeout_s=60)
        return self

    def down(self):
        done = self.run("down", timeout_s=120, check=False)
        Cluster.running.remove(self)
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.guard.done()
        if self.own_home and not left and done.returncode == 0 and "PETREL_KEEP_HOMES" not in os.environ:
            shutil.rmtree(self.home, ignore_errors=True)
        assert done.returncode == 0, f"petrel down ended with {done.returncode}: {done.stdout}{done.stderr}"
        assert not left, f"petrel down left processes running: {left}"

    def __enter__(self):
        return self.up()

    def __exit__(self, kind, error, trace):
        if kind:
            print(self.tails())
            self.own_home = False  # kept, so that somebody can look
            self.run("down", timeout_s=120, check=False)
            Cluster.running.remove(self)
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            self.guard.done()
        else:
            self.down()

    def jar(self, jar, *args, timeout_s=180, **options):
        return self.run("jar", jar, *args, timeout_s=timeout_s, **options)

    def jar_with_libraries(self, target):
        """Our topologies with the shared libraries of native components below resources/, packed as a user would."""
        target.write_bytes(TOPOLOGIES.read_bytes())
        libraries = sorted((self.petrel.parent.parent / "topologies").glob("*.so"))
        assert libraries, "no library was built"
        with zipfile.ZipFile(target, "a") as jar:
            for library in libraries:
                jar.write(library, f"resources/{library.name}")
        return target

    def nimbus(self):
        return NimbusClient(self.port)

    def topology_id(self, name):
        with self.nimbus() as nimbus:
            return nimbus.summaries()[name].id

    def stream_managers(self, name):
        """{container: (placement, pid)} of a topology, as its topology master knows them; pid 0: not connected."""
        found = re.findall(r"stream manager (\d+): (\w+) pid (\d+) at", self.run("status", name, "--links").stdout)
        return {int(container): (placement, int(pid)) for container, placement, pid in found}

    def worker_logs(self, topology_id):
        return sorted((self.home / "logs" / "workers-artifacts" / topology_id).glob("*/worker.log*"))

    def processes(self):
        """Pids of every process whose environment names this home: what the cluster has running, whoever started it."""
        return [pid for pid, _ in self.commands()]

    def pids(self, *words):
        """Pids of this cluster's processes whose command line holds all the words."""
        return [pid for pid, command in self.commands() if all(word in command for word in words)]

    def commands(self):
        return commands_of(self.home)

    def tails(self, size=1500):
        """The ends of all logs, for a failure's text."""
        texts = []
        for log in sorted((self.home / "logs").rglob("*")):
            if log.is_file() and log.stat().st_size and log.name not in ("worker.yaml", "gc.log"):
                texts.append(f"---- {log.relative_to(self.home)}\n" + log.read_bytes()[-size:].decode("utf-8", "replace"))
        return "\n".join(texts)
