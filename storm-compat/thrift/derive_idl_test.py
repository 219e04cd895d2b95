#!/usr/bin/python3
"""Derives storm.thrift and storm_schema.inc anew from the published storm-client jar and compares byte for byte."""

import difflib
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
JARS = ROOT / "build" / "java" / "storm-2.8"


def java():
    """The java of JAVA_HOME, else the one of PATH; 17 or newer, because the tool is started from its source."""
    home = os.environ.get("JAVA_HOME")
    if home and pathlib.Path(home, "bin", "java").exists():
        return str(pathlib.Path(home, "bin", "java"))
    found = shutil.which("java")
    assert found, "no java: set JAVA_HOME to a JDK 17 or newer (./dev setup installs one)"
    return found


def run_tool(tool, *options):
    jars = sorted(JARS.glob("*.jar"))
    client = [jar for jar in jars if jar.name.startswith("storm-client-")]
    assert len(client) == 1, f"expected one storm-client jar in {JARS}, found {client}: run ./dev setup"
    command = [java(), "-cp", ":".join(map(str, jars)), str(HERE / "derive_idl" / tool), *options, str(client[0])]
    run = subprocess.run(command, capture_output=True, timeout=240)
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout


def derive(*options):
    return run_tool("DeriveIdl.java", *options)


def compare(checked_in, derived):
    before = (HERE / checked_in).read_bytes()
    if before != derived:
        lines = difflib.unified_diff(before.decode().splitlines(), derived.decode().splitlines(), checked_in, "derived",
                                     lineterm="")
        raise AssertionError("\n".join(list(lines)[:60]))


def test_storm_thrift_equals_what_the_jar_says():
    compare("storm.thrift", derive())


def test_schema_tables_equal_what_the_jar_says():
    compare("storm_schema.inc", derive("--schema"))


def test_legacy_items_are_there():
    text = (HERE / "storm.thrift").read_text()
    assert "  2: optional i32 nimbus_uptime_secs = 0;" in text
    assert "string beginFileDownload(1: string file) throws (1: AuthorizationException aze);" in text


def test_storm_reads_a_field_that_comes_twice_and_keeps_the_last():
    """The other side of bad input N16: our server refuses what Storm reads like this."""
    assert run_tool("ReadTwice.java").split() == b"scalar=2 map=[second]".split()
