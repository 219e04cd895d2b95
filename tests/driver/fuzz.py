#!/usr/bin/python3
"""Runs the fuzz targets: each must first find its planted bug, then the real code runs for a while without a finding.

A target is a program of the `fuzz` preset (petrel_fuzzer in CMake); NAME_planted is the same with a bug put in.
What the real run finds is stored under tests/fuzz/findings/NAME, which ./dev test replays from then on.
--coverage: replays corpora and findings instead, and says how many lines of the readers they reach; below 90 % it fails.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ROOT / "build" / "fuzz" / "fuzz"
# target -> the sources that read its input; lines that only write are among them.
READERS = {"thrift_frame_fuzz": ["storm-compat/thrift/thrift_scan.cc", "storm-compat/thrift/frame_assembler.cc"],
           "storm_topology_fuzz": ["storm-compat/submit/topology_reader.cc", "storm-compat/submit/component_reader.cc"],
           "tuple_batch_fuzz": ["native/codec/tuple_batch.cc", "native/codec/value_codec.cc"],
           "state_file_fuzz": ["native/state_store/state_file.cc"],
           "hello_fuzz": ["native/codec/hello.cc", "native/links/link_handshake.cc"],
           "frame_fuzz": ["native/codec/frame.cc"]}  # sections_fuzz reads a part of it
LEAST_COVERED = 90
MAX_LEN = 4096  # bytes of an input: what a reader does with a longer one it does with these, at a fraction of the runs


def parse(argv):
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", nargs="?", type=lambda n: n if n.endswith("_fuzz") else n + "_fuzz", help="one target; all without it")
    parser.add_argument("--seconds", type=int, default=300, help="for the real code of each target (300)")
    parser.add_argument("--planted-seconds", type=int, default=60, help="within which the planted bug must be found (60)")
    parser.add_argument("--coverage", action="store_true", help="measure what corpora and findings reach, no fuzzing")
    return parser.parse_args(argv)


def coverage(name):
    """Replays one target on a build with clang's counters; prints a line per reader. True when all are covered enough."""
    build = ROOT / "build" / "cover"
    if not (build / "build.ninja").exists():
        flags = "-O1 -g1 -fprofile-instr-generate -fcoverage-mapping"
        subprocess.run(["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(build), "-DCMAKE_BUILD_TYPE=", "-DCMAKE_CXX_COMPILER=clang++-19",
                        f"-DCMAKE_CXX_FLAGS={flags}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(build), f"{name}_replay"], check=True)
    program, raw, merged = build / "tests" / f"{name}_replay", build / f"{name}.profraw", build / f"{name}.profdata"
    inputs = [str(ROOT / "tests/fuzz" / kind / name) for kind in ("corpus", "findings")]
    subprocess.run([str(program), *inputs], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", str(raw), "-o", str(merged)], check=True)
    report = subprocess.run(["llvm-cov-19", "export", "-summary-only", f"-instr-profile={merged}", str(program),
                             *(str(ROOT / f) for f in READERS[name])], check=True, capture_output=True, text=True).stdout
    rows = {str(pathlib.Path(f["filename"]).relative_to(ROOT)): f["summary"]["lines"] for f in json.loads(report)["data"][0]["files"]}
    good = True
    for file in READERS[name]:
        percent = rows[file]["percent"]
        enough = percent >= LEAST_COVERED
        good = good and enough
        print(f"{'' if enough else 'FAILED '}{name}: {percent:.1f} % of {rows[file]['count']} lines of {file}", flush=True)
    return good


def build():
    if not (ROOT / "build/fuzz/build.ninja").exists():
        subprocess.run(["cmake", "--preset", "fuzz"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    listed = subprocess.run(["ninja", "-C", str(ROOT / "build/fuzz"), "-t", "targets", "all"], capture_output=True, text=True,
                            check=True).stdout
    targets = sorted({line.split(":")[0] for line in listed.splitlines()
                      if line.startswith("fuzz/") and "EXECUTABLE" in line.split(":")[1]})
    if not targets:
        raise SystemExit("fuzz: no target in the fuzz preset")
    subprocess.run(["ninja", "-C", str(ROOT / "build/fuzz"), *targets], check=True)
    return [pathlib.Path(t).name for t in targets]


def quick_alone(program, artifact):
    """The clock of a slow unit is the wall's, so a machine that stands still makes every input slow: only the same input tells."""
    with tempfile.TemporaryDirectory() as again:
        done = subprocess.run([str(program), "-timeout=10", f"-artifact_prefix={again}/", str(artifact)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return done.returncode == 0 and not list(pathlib.Path(again).iterdir())


def fuzz(program, corpus, seconds, keep):
    """Runs one libFuzzer binary; answers (exit code, new artifacts, "N s, N runs", last lines)."""
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        grown = work / "corpus"
        grown.mkdir()
        seeds = [str(corpus)] if corpus.is_dir() else []
        started = time.monotonic()
        done = subprocess.run([str(program), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", f"-max_len={MAX_LEN}",
                               f"-artifact_prefix={work}/", "-print_final_stats=1", str(grown), *seeds],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        took = time.monotonic() - started
        artifacts = [p for p in work.iterdir() if p.is_file() and not (p.name.startswith("slow-unit-") and quick_alone(program, p))]
        if keep and artifacts:
            keep.mkdir(parents=True, exist_ok=True)
            for artifact in artifacts:
                shutil.copy(artifact, keep / artifact.name)
        out = done.stdout.decode("utf-8", "replace")
        runs = re.search(r"number_of_executed_units: (\d+)", out)
        effort = f"{took:.1f} s, {int(runs[1]):,} runs" if runs else f"{took:.1f} s"
        return done.returncode, len(artifacts), effort, out.splitlines()[-40:]


JAVA_TARGET = "java_batch_fuzz"


def java_batch(options):
    """The same for the batch reader in Java: a fuzzer of ours (BatchFuzz.java), since it is seeded and needs no library."""
    java = ROOT / "jvm-bridge/java/core/src"
    classes = ROOT / "build/fuzz/java"
    sources = [f for f in (java / "main/java/io/petrel/host/codec").glob("*.java") if f.stem != "KryoOpaqueCodec"]
    sources += [java / "test/java/io/petrel/host/codec" / f"{name}.java" for name in ("BatchFuzz", "BatchWriter")]
    subprocess.run(["javac", "-d", str(classes), *map(str, sources)], check=True)

    def run(seconds, kind, findings):
        started = time.monotonic()
        done = subprocess.run(["java", "-Xmx512m", "-cp", str(classes), "io.petrel.host.codec.BatchFuzz", str(seconds), str(int(started)),
                               kind, str(findings), str(ROOT / "tests/fuzz/corpus/tuple_batch_fuzz")],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, time.monotonic() - started, done.stdout

    with tempfile.TemporaryDirectory() as work:
        code, took, out = run(options.planted_seconds, "planted", work)
    if code == 0 or "planted" not in out:
        print(f"FAILED {JAVA_TARGET}: the planted bug was not found in {took:.0f} s\n{out[-4000:]}")
        return False
    print(f"{JAVA_TARGET}: planted bug found after {took:.1f} s", flush=True)
    code, took, out = run(options.seconds, "real", ROOT / "tests/fuzz/findings/java_batch")
    if code:
        print(f"FAILED {JAVA_TARGET}: exit code {code}, the finding is in tests/fuzz/findings/java_batch\n{out[-4000:]}")
        return False
    print(f"{JAVA_TARGET}: {took:.0f} s without a finding: {out.strip().splitlines()[-1]}", flush=True)
    return True


def run_target(name, has_planted, options):
    corpus = ROOT / "tests/fuzz/corpus" / name
    if not has_planted:
        print(f"FAILED {name}: no {name}_planted, so nothing shows that it can find a bug")
        return False
    code, artifacts, effort, tail = fuzz(BINARIES / f"{name}_planted", corpus, options.planted_seconds, None)
    if code == 0 or not artifacts:
        print(f"FAILED {name}: the planted bug was not found in {effort}\n" + "\n".join(tail))
        return False
    print(f"{name}: planted bug found after {effort}", flush=True)
    keep = ROOT / "tests/fuzz/findings" / name
    code, artifacts, effort, tail = fuzz(BINARIES / name, corpus, options.seconds, keep)
    if code or artifacts:
        print(f"FAILED {name}: exit code {code}, {artifacts} findings in {keep.relative_to(ROOT)}\n" + "\n".join(tail))
        return False
    print(f"{name}: {effort} without a finding", flush=True)
    return True


def main(argv):
    options = parse(argv)
    if options.coverage:
        good = [coverage(name) for name in READERS if options.name in (None, name)]
        print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
        return 0 if good and all(good) else 1
    if options.name == JAVA_TARGET:
        good = java_batch(options)
        print(f"{int(good)} passed, {int(not good)} failed")
        return 0 if good else 1
    programs = build()
    names = [p for p in programs if not p.endswith("_planted") and options.name in (None, p)]
    if not names:
        raise SystemExit(f"fuzz: no target {options.name!r}; there are {', '.join([p for p in programs if not p.endswith('_planted')] + [JAVA_TARGET])}")
    good = [run_target(name, f"{name}_planted" in programs, options) for name in names]
    if options.name is None:
        good.append(java_batch(options))
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
