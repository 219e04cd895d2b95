"""pytest over the folders of pytest.ini; -R picks by node id, --fast leaves out what is marked slow.

What is marked quiet bounds a rate second by second: it is void on a machine that does anything else, so it is a suite of
its own, `./dev test --suite quiet`.
"""
import subprocess

PYTEST = ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider"]


def run(root, suite, pattern, fast, quiet=False):
    marks = ["-m", "quiet" if quiet else "not quiet and not slow" if fast else "not quiet"]
    nodes = []
    if pattern.pattern:
        done = subprocess.run([*PYTEST, "--collect-only", "-q", *marks], cwd=root, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode not in (0, 5):
            suite.fail("python/collect", done.stdout[-4000:] + done.stderr[-2000:])
            return
        nodes = [x for x in done.stdout.splitlines() if "::" in x and pattern.search("python/" + x)]
        if not nodes:
            return
    report = root / "build" / "reports" / "pytest.xml"
    done = subprocess.run([*PYTEST, "-v", "--tb=short", f"--junitxml={report}", *marks, *nodes], cwd=root,
                          stdin=subprocess.DEVNULL)
    failed = suite.add_junit(report, "python/") if report.exists() else 0
    if done.returncode and not failed:
        suite.fail("python/pytest", f"pytest ended with {done.returncode} and reported no failed test")
