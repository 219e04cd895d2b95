"""The C++ tests that CMake knows: gtest binaries counted case by case, other programs as one test each.

ctest is asked what there is; the programs are run from here, because ctest counts binaries and not cases.
Labels: `unit` runs on every build, everything else on the dev build only; `slow` is left out by --fast.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import time


class CtestEntry:
    def __init__(self, row):
        properties = {p["name"]: p["value"] for p in row.get("properties", [])}
        self.name = row["name"]
        self.command = row.get("command", [])
        self.labels = properties.get("LABELS", [])
        self.timeout = float(properties.get("TIMEOUT", 300))
        self.cwd = properties.get("WORKING_DIRECTORY")
        self.environment = dict(x.split("=", 1) for x in properties.get("ENVIRONMENT", []))
        self.first = bool(properties.get("FIXTURES_SETUP"))
        self.alone = self.first or properties.get("RUN_SERIAL", False) or "system" in self.labels
        self.skip_code = properties.get("SKIP_RETURN_CODE")


def run(root, preset, suite, pattern, fast):
    build = root / "build" / preset
    if not configure(root, preset, build, suite):
        return
    # ctest names no command for a program that is not built yet; the target of a unit test has the name of its test.
    targets = ["all"] if preset == "dev" else [e.name for e in wanted(build, preset, fast)]
    if not compile_targets(build, targets, suite):
        # The programs that could be built still run; what is missing fails by itself.
        suite.fail(f"{preset}/build", f"ninja -C build/{preset} failed, see above")
    entries = wanted(build, preset, fast)
    reports = root / "build" / "reports" / preset
    reports.mkdir(parents=True)
    runner = Runner(root, preset, suite, pattern, reports)
    for entry in [e for e in entries if e.first]:
        runner.run(entry, fixture=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        list(pool.map(runner.run, [e for e in entries if not e.alone]))
    for entry in [e for e in entries if e.alone and not e.first]:
        runner.run(entry)


def wanted(build, preset, fast):
    entries = [e for e in listing(build) if preset == "dev" or "unit" in e.labels]
    return [e for e in entries if not (fast and "slow" in e.labels)]


def configure(root, preset, build, suite):
    if (build / "build.ninja").exists():
        return True
    suite.say(f"configures preset {preset}")
    done = subprocess.run(["cmake", "--preset", preset], cwd=root, capture_output=True, text=True)
    if done.returncode:
        suite.fail(f"{preset}/configure", done.stdout[-2000:] + done.stderr[-4000:])
    return done.returncode == 0


def compile_targets(build, targets, suite):
    suite.say(f"builds {build.name}")
    started = time.monotonic()
    # -k 0: one broken module must not hide the results of the others.
    done = subprocess.run(["ninja", "-C", str(build), "-k", "0", *targets])
    suite.say(f"built in {time.monotonic() - started:.0f} s")
    return done.returncode == 0


def listing(build):
    subprocess.run(["ninja", "-C", str(build), "build.ninja"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], capture_output=True, text=True,
                          check=True)
    return [CtestEntry(row) for row in json.loads(done.stdout)["tests"]]


def gtest_cases(program):
    """The cases of a gtest binary; empty for every other program (they are not asked)."""
    path = pathlib.Path(program)
    if path.parent.name != "tests" or path.name.endswith("_replay"):
        return []
    try:
        done = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return []
    cases, group = [], ""
    for line in done.stdout.splitlines():
        line = line.split("#")[0].rstrip()
        if line.startswith("  "):
            cases.append(group + line.strip())
        elif line.endswith("."):
            group = line
    return cases if done.returncode == 0 else []


class Runner:
    def __init__(self, root, preset, suite, pattern, reports):
        self.root, self.preset, self.suite, self.pattern, self.reports = root, preset, suite, pattern, reports
        self.environment = {**os.environ, **sanitizer_environment(root, reports)}

    def run(self, entry, fixture=False):
        name = f"{self.suite.name}/{entry.name}"
        if not entry.command or not os.access(entry.command[0], os.X_OK):
            if self.pattern.search(name):
                self.suite.fail(name, f"the program is not there: {entry.command[:1]}")
            return
        cases = gtest_cases(entry.command[0])
        chosen = [c for c in cases if self.pattern.search(f"{name}/{c}")]
        if not fixture and not (chosen if cases else self.pattern.search(name)):
            return
        environment = {**self.environment, **entry.environment}
        report = self.reports / f"{entry.name}.xml"
        if cases:
            environment["GTEST_OUTPUT"] = f"xml:{report}"
            environment["GTEST_COLOR"] = "no"
            if len(chosen) < len(cases):
                environment["GTEST_FILTER"] = ":".join(chosen)
        self.execute(entry, name, environment, report if cases else None)

    def execute(self, entry, name, environment, report):
        started = time.monotonic()
        log = self.reports / f"{entry.name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(entry.command, cwd=entry.cwd or None, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(entry.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
                code = f"none: ended after its {entry.timeout:.0f} s"
        tail = log.read_bytes()[-5000:].decode("utf-8", "replace")
        if report is None:
            if code == 0:
                self.suite.ok()
            elif entry.skip_code is not None and code == int(entry.skip_code):
                self.suite.skip(name, tail)
            else:
                self.suite.fail(name, f"exit code {code}\n{tail}")
        else:
            failed = self.suite.add_junit(report, name + "/") if report.exists() else 0
            # gtest writes its report at the end: without one, or with a bad code and no failed case, it crashed.
            if not report.exists() or (code != 0 and failed == 0):
                self.suite.fail(name, f"exit code {code}, report {'there' if report.exists() else 'missing'}\n{tail}")
        self.suite.say(f"{entry.name}: {time.monotonic() - started:.1f} s")


def sanitizer_environment(root, reports):
    """tests/suppressions.txt serves all sanitizers, but each reads only its own kinds of line: it is split here."""
    kinds = {"ASAN": ("interceptor_via_lib", "interceptor_via_fun", "odr_violation"), "LSAN": ("leak",),
             "TSAN": ("race", "thread", "mutex", "signal", "deadlock", "called_from_lib"), "UBSAN": None}
    source = root / "tests" / "suppressions.txt"
    lines = source.read_text().splitlines() if source.exists() else []
    rules = [line.split("#")[0].strip() for line in lines if ":" in line.split("#")[0]]
    others = tuple(k for group in kinds.values() if group for k in group)
    result = {}
    for name, own in kinds.items():
        keep = [r for r in rules if (r.split(":")[0] in own if own else r.split(":")[0] not in others)]
        file = reports / f"{name.lower()}.supp"
        file.write_text("".join(r + "\n" for r in keep))
        result[f"{name}_OPTIONS"] = f"suppressions={file}"
    result["ASAN_OPTIONS"] += ":detect_stack_use_after_return=1:detect_leaks=1"
    result["UBSAN_OPTIONS"] += ":print_stacktrace=1:halt_on_error=1"
    result["LSAN_OPTIONS"] += ":print_suppressions=0"
    return result
