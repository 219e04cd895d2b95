"""Counting results: a Tally of Suites; every test is one line of progress at most, failures come again at the end."""
import threading
import xml.etree.ElementTree as ElementTree


class Suite:
    # Thread: any; the C++ suite reports from two.
    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.failures = []  # (test, text)
        self.skipped = []  # (test, reason)
        self._lock = threading.Lock()

    def say(self, text):
        print(f"[{self.name}] {text}", flush=True)

    def ok(self, count=1):
        with self._lock:
            self.passed += count

    def fail(self, test, text):
        with self._lock:
            self.failures.append((test, text))
        self.say(f"FAILED {test}: {first_line(text)}")

    def skip(self, test, reason):
        with self._lock:
            self.skipped.append((test, reason))
        self.say(f"SKIPPED {test}: {first_line(reason)}")

    def total(self):
        return self.passed + len(self.failures)

    def summary(self):
        return f"{self.passed} passed, {len(self.failures)} failed, {len(self.skipped)} skipped"

    def add_junit(self, path, prefix=""):
        """Adds a JUnit-style XML file (gtest, surefire, pytest); returns how many failures it held."""
        failed = 0
        for case in ElementTree.parse(path).iter("testcase"):
            name = prefix + "/".join(x for x in (case.get("classname"), case.get("name")) if x)
            if case.get("status") == "notrun":  # gtest: left out by the filter, or DISABLED_
                continue
            broken = [x for kind in ("failure", "error") for x in case.findall(kind)]
            skip = case.find("skipped")
            if broken:
                failed += 1
                self.fail(name, "\n".join((x.get("message") or "") + "\n" + (x.text or "") for x in broken))
            elif skip is not None:
                self.skip(name, skip.get("message") or "no reason given")
            else:
                self.ok()
        return failed


class Tally:
    def __init__(self):
        self.suites = []

    def suite(self, name):
        self.suites.append(Suite(name))
        return self.suites[-1]

    def passed(self):
        return sum(s.passed for s in self.suites)

    def failed(self):
        return sum(len(s.failures) for s in self.suites)

    def print_end(self, seconds):
        print()
        for suite in self.suites:
            for test, text in suite.failures:
                print(f"---- FAILED [{suite.name}] {test}\n{clip(text)}")
        for suite in self.suites:
            print(f"[{suite.name}] {suite.summary()}")
        skipped = sum(len(s.skipped) for s in self.suites)
        if skipped:
            print(f"!!!! {skipped} SKIPPED, each named above with its reason: a skipped test shows nothing")
        print(f"{seconds:.0f} s")
        print(f"{self.passed()} passed, {self.failed()} failed", flush=True)


def first_line(text):
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:300]


def clip(text, limit=6000):
    text = text.strip()
    return text if len(text) <= limit else text[: limit // 2] + "\n...\n" + text[-limit // 2 :]
