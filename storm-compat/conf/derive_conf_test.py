#!/usr/bin/python3
"""Derives storm_defaults.json and storm_conf_table.tsv anew from the published storm-client jar and compares."""

import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
JARS = ROOT / "build" / "java" / "storm-2.8"
TREATMENTS = {"mapped", "no effect", "refused"}


def java():
    """The java of JAVA_HOME, else the one of PATH; 17 or newer, because the tool is started from its source."""
    home = os.environ.get("JAVA_HOME")
    if home and pathlib.Path(home, "bin", "java").exists():
        return str(pathlib.Path(home, "bin", "java"))
    found = shutil.which("java")
    assert found, "no java: set JAVA_HOME to a JDK 17 or newer (./dev setup installs one)"
    return found


def derive(*arguments):
    jars = sorted(JARS.glob("*.jar"))
    assert any(jar.name.startswith("storm-client-") for jar in jars), f"no storm-client jar in {JARS}: run ./dev setup"
    command = [java(), "-cp", ":".join(map(str, jars)), str(HERE / "derive_conf" / "DeriveConf.java"), *arguments]
    run = subprocess.run(command, capture_output=True, timeout=240)
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout.decode()


def rows():
    lines = (HERE / "storm_conf_table.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["key", "type", "treatment", "note"]
    return [line.split("\t") for line in lines[1:]]


def test_defaults_equal_what_the_jar_says():
    assert (HERE / "storm_defaults.json").read_text() == derive("defaults")


def test_keys_and_types_equal_what_the_jar_says():
    assert (HERE / "storm_conf_table.tsv").read_text() == derive("keys", str(HERE / "storm_conf_table.tsv"))


def test_a_key_that_is_not_in_the_table_comes_out_unclassified(tmp_path):
    short = tmp_path / "table.tsv"
    lines = (HERE / "storm_conf_table.tsv").read_text().splitlines(keepends=True)
    short.write_text("".join(line for line in lines if not line.startswith("topology.workers\t")))
    assert "topology.workers\tint>0\t?\t?\n" in derive("keys", str(short))


def test_every_key_is_classified():
    wrong = [row[0] for row in rows() if len(row) != 4 or row[2] not in TREATMENTS or len(row[3]) < 5]
    assert not wrong, f"classify in storm_conf_table.tsv: {wrong}"
