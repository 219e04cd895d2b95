"""What the tests start ends with them, however they end: a cluster that runs on writes its logs until the machine is full."""
import pathlib
import signal
import subprocess
import sys

import pytest

from harness.cluster import commands_of, wait_for

TESTS = pathlib.Path(__file__).resolve().parents[1]
STARTER = """
import sys, time
from harness.cluster import Cluster
with Cluster(home=sys.argv[1]):
    print("up", flush=True)
    time.sleep(600)
"""
TEST = """
import time

def test_that_hangs():
    try:
        print("up", flush=True)
        time.sleep(600)
    finally:
        print("torn down", flush=True)
"""


def killed_when_up(number, *command):
    """What it printed after it was up."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(TESTS)}
    with subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True, env=environment) as starter:
        assert any(line.strip().endswith("up") for line in starter.stdout), "it did not start"
        starter.send_signal(number)
        return starter.stdout.read()



@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_cluster_does_not_outlive_its_starter(tmp_path, number):
    home = tmp_path / "home"
    killed_when_up(number, "-c", STARTER, home)
    wait_for("the end of the cluster", lambda: not commands_of(home))
    assert "ended" in (home / "logs" / "root.log").read_text()


def test_sigterm_ends_the_tests_with_their_fixtures(tmp_path):
    (tmp_path / "hang_test.py").write_text(TEST)
    said = killed_when_up(signal.SIGTERM, "-m", "pytest", "-s", "-p", "conftest", "-p", "no:cacheprovider", tmp_path / "hang_test.py")
    assert "torn down" in said
