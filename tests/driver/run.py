#!/usr/bin/python3
"""Runs every test of the tree and counts them one by one; `./dev test` calls it.

Suites: C++ on the dev build (gtest cases), JUnit (surefire), pytest, and the C++ units with the corpus replay under
ASan+UBSan. The last line is `N passed, N failed`; a suite that crashes, does not build or runs no test fails.
"""
import argparse
import os
import pathlib
import re
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cpp_suite
import java_suite
import python_suite
from tally import Tally

SUITES = ("cpp", "java", "python", "asan")
ON_REQUEST = ("quiet",)


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev test", description="Builds what is needed and runs the tests.")
    parser.add_argument("-R", metavar="REGEX", default="", help="only tests whose name matches (suite/binary/case)")
    parser.add_argument("--fast", action="store_true", help="under 5 minutes: no sanitizer build, no test marked slow")
    parser.add_argument("--suite", choices=SUITES + ON_REQUEST, action="append", help="only this suite (may be repeated)")
    return parser.parse_args(argv)


def main(argv):
    options = parse(argv)
    root = pathlib.Path(__file__).resolve().parents[2]
    reports = root / "build" / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    chosen = options.suite or [s for s in SUITES if not (options.fast and s == "asan")]
    pattern = re.compile(options.R)
    tally = Tally()
    started = time.monotonic()
    run = {
        "cpp": lambda s: cpp_suite.run(root, "dev", s, pattern, options.fast),
        "java": lambda s: java_suite.run(root, s, pattern, options.fast),
        "python": lambda s: python_suite.run(root, s, pattern, options.fast),
        "quiet": lambda s: python_suite.run(root, s, pattern, options.fast, quiet=True),
        "asan": lambda s: cpp_suite.run(root, "asan", s, pattern, options.fast),
    }
    for name in chosen:
        suite = tally.suite(name)
        suite.say(f"starts ({time.monotonic() - started:.0f} s)")
        try:
            run[name](suite)
        except Exception as error:  # a broken suite is a failure, and the others still run
            suite.fail(f"{name}/driver", f"{type(error).__name__}: {error}")
        if suite.total() == 0 and not options.R:
            suite.fail(f"{name}/driver", "ran no test")
        suite.say(suite.summary())
    if options.R and tally.passed() + tally.failed() == 0:
        tally.suite("selection").fail("-R", f"no test matches {options.R!r}")
    tally.print_end(time.monotonic() - started)
    return 1 if tally.failed() else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main(sys.argv[1:]))
