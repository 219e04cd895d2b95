"""The tree keeps its rules: layers, banned calls, form of files, generated documents."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tidy"))
import rules  # noqa: E402

RULES = [rules.layer_order, rules.banned_calls, rules.readme_headings, rules.file_length, rules.header_form,
         rules.own_header_first, rules.built_sources, rules.machine_names, rules.suppressions, rules.scripts,
         rules.setting_keys]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_tree(rule):
    findings = rule(ROOT)
    assert not findings, "\n" + "\n".join(findings)


# Each rule finds what it is there for: (rule, file, text that breaks it, a word of the finding).
BREAKS = [
    (rules.layer_order, "native/base/low.h", '#include "native/ledger/ack_ledger.h"\n', "higher layer"),
    (rules.layer_order, "native/unknown/x.h", "\n", "not in tests/tidy/layers.txt"),
    (rules.layer_order, "native/base/x.cc", '#include "check.h"\n', "from the root"),
    (rules.banned_calls, "native/base/x.cc", "auto t = std::chrono::steady_clock::now();\n", "Clock&"),
    (rules.banned_calls, "native/base/x.cc", "int x = atoi(text);\n", "from_chars"),
    (rules.banned_calls, "native/base/x.cc", "system(line);\n", "ProcessLauncher"),
    (rules.readme_headings, "native/base/README.md", "# base\n## What comes in\n", "headings"),
    (rules.file_length, "native/base/x.h", "\n" * 801, "limit"),
    (rules.header_form, "native/base/x.h", "// x\nint x;\n", "pragma once"),
    (rules.own_header_first, "native/base/check.cc", '#include <vector>\n#include "native/base/check.h"\n', "first include"),
    (rules.built_sources, "native/base/forgotten_test.cc", "\n", "no CMakeLists"),
    (rules.machine_names, "README.md", "see /wo" + "rk/main\n", "names"),
    (rules.suppressions, "tests/suppressions.txt", "leak:foo\n", "no reason"),
    (rules.suppressions, "tests/suppressions.txt", "leak:foo # why\n" * 11, "limit"),
    (rules.scripts, "tool.py", "#!/usr/bin/env " + "python3\n", "python3"),
    (rules.setting_keys, "native/base/x.cc", 'conf.find("petrel.new.key");\n', "has no row"),
    (rules.setting_keys, "native/config/topology_settings.cc", '{"petrel.forgotten", "", "", "", ""},\n', "nothing reads"),
]


@pytest.mark.parametrize("rule, name, text, word", BREAKS, ids=[f"{r.__name__}-{n}" for r, n, _, _ in BREAKS])
def test_the_rule_finds_it(tmp_path, rule, name, text, word):
    for path, content in {"tests/tidy/layers.txt": (ROOT / "tests/tidy/layers.txt").read_text(),
                          "tests/suppressions.txt": "", "native/base/check.h": "// c\n#pragma once\n",
                          "native/base/CMakeLists.txt": "check.cc x.cc\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    if rule not in (rules.readme_headings, rules.suppressions):
        assert rule(tmp_path) == []
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    findings = rule(tmp_path)
    assert findings and word in findings[0]


@pytest.mark.parametrize("document, verb", [("docs/storm-compat.md", "compat"), ("docs/config.md", "config")])
def test_generated_document_is_fresh(document, verb):
    done = subprocess.run([ROOT / "build/dev/bin/petrel", verb, "--markdown"], capture_output=True, text=True, check=True)
    assert (ROOT / document).read_text() == done.stdout, f"{document} is stale: petrel {verb} --markdown > {document}"
