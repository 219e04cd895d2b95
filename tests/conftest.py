"""When a test fails, the logs of the clusters that are up belong to its report, and their folders stay.

SIGTERM ends the tests as ^C does: what they started is ended.
"""
import signal

import pytest

from harness.cluster import Cluster


def pytest_sessionstart():
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for cluster in Cluster.running:
            cluster.own_home = False
            report.sections.append((f"logs under {cluster.home}", cluster.tails()))
