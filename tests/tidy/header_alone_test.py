"""Each header compiles alone. Those with a .cc show it in every build (rules.own_header_first); here are the others."""
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tidy"))
import rules  # noqa: E402


def include_flags():
    flags = {}
    for row in json.loads((ROOT / "build/dev/compile_commands.json").read_text()):
        words = shlex.split(row["command"])
        for i, word in enumerate(words):
            if word.startswith(("-I", "-D")):
                flags[word] = [word]
            elif word == "-isystem":
                flags[word + words[i + 1]] = [word, words[i + 1]]
    return [word for group in flags.values() for word in group]


@pytest.mark.slow
def test_headers_without_a_source_compile_alone():
    flags = include_flags()
    headers = [h for h in rules.code_files(ROOT, ".h") if not h.with_suffix(".cc").exists()]
    assert headers

    def compile_alone(header):
        name = str(header.relative_to(ROOT))
        done = subprocess.run(["g++", "-std=c++20", "-fsyntax-only", "-x", "c++", *flags, "-"], cwd=ROOT, text=True,
                              capture_output=True, input=f'#include "{name}"\n#include "{name}"\n')
        return "" if done.returncode == 0 else f"{name}:\n{done.stderr[:1500]}"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        broken = [text for text in pool.map(compile_alone, headers) if text]
    assert not broken, "\n".join(broken)
