"""JUnit through Maven; the surefire reports are what counts, Maven's own word only when they show no failure."""
import subprocess

PROJECTS = ("jvm-bridge/java", "topologies/java")


def run(root, suite, pattern, fast):
    for project in PROJECTS:
        folder = root / project
        if not (folder / "pom.xml").exists():
            continue
        classes = sorted({f.stem for f in folder.rglob("*Test.java") if "target" not in f.parts})
        chosen = [c for c in classes if pattern.search(f"java/{project}/{c}")]
        if not chosen:
            continue
        for old in folder.glob("**/target/surefire-reports/*.xml"):
            old.unlink()
        suite.say(f"{project}: {len(chosen)} test classes")
        command = ["mvn", "-B", "-ntp", "-f", str(folder / "pom.xml"), "test", "-Dmaven.test.failure.ignore=true",
                   "-Dsurefire.failIfNoSpecifiedTests=false", "-fae"]
        if len(chosen) < len(classes):
            command.append("-Dtest=" + ",".join(chosen))
        if fast:
            command.append("-DexcludedGroups=slow")
        log = root / "build" / "reports" / (project.replace("/", "-") + ".log")
        with open(log, "wb") as out:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT).returncode
        failed = 0
        for report in sorted(folder.glob("**/target/surefire-reports/TEST-*.xml")):
            module = report.relative_to(folder).parts[0]
            failed += suite.add_junit(report, f"java/{module}/")
        if code and not failed:
            suite.fail(f"java/{project}", f"mvn ended with {code}\n" + errors(log))
        else:
            check_crash(suite, project, log)
    if not fast:
        stress(root, suite, pattern)


def check_crash(suite, project, log):
    # A forked JVM that dies leaves no report; with failures ignored Maven still ends with 0.
    text = log.read_text(errors="replace")
    for sign in ("The forked VM terminated", "There was a timeout", "Crashed tests:"):
        if sign in text:
            suite.fail(f"java/{project}", f"{sign}\n" + errors(log))
            return


def stress(root, suite, pattern):
    folder = root / "jvm-bridge" / "java" / "stress"
    if not (folder / "run-short.sh").exists() or not pattern.search("java/stress"):
        return
    suite.say("jcstress, short mode")
    done = subprocess.run([str(folder / "run-short.sh")], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        suite.fail("java/stress", done.stdout[-4000:] + done.stderr[-2000:])
    else:
        suite.ok()


def errors(log):
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("[ERROR]")]
    return "\n".join(lines[:60])
