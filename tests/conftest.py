"""When a test fails, the logs of the clusters that are up belong to its report, and their folders stay."""
import pytest

from harness.cluster import Cluster


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for cluster in Cluster.running:
            cluster.own_home = False
            report.sections.append((f"logs under {cluster.home}", cluster.tails()))
