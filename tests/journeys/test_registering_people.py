"""docs/guides/registering-people.md, typed as it is written there: each example gives the answer that stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from shr_local.paths import WORKING_COPY
from shr_local.ports import DEFAULTS
from shr_local.testing import Stack

GUIDE = WORKING_COPY / "docs/guides/registering-people.md"
MARK = "--- example ---"


def examples(stack: Stack) -> list[tuple[str, str]]:
    """Language and text of each block, addresses as they are on this stack."""
    text = GUIDE.read_text(encoding="utf-8")
    for name, port in DEFAULTS.items():
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{stack.ports[name]}")
    return re.findall(r"^```(sh|python|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def typed(stack: Stack, folder: Path, commands: str, **more: str) -> str:
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=folder, env={**stack.environment(), **more}, capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_gives_the_answer_that_the_guide_says(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    found = examples(stack)
    shells, wanted = [], []
    for place, (language, text) in enumerate(found):
        if language == "sh":
            shells.append(text)
            if found[place + 1][0] == "text":
                wanted.append(found[place + 1][1])
                shells.append(f"echo '{MARK}'\n")
    answers = typed(stack, tmp_path, "\n".join(shells)).split(f"{MARK}\n")[:-1]
    assert answers == wanted

    token = typed(stack, tmp_path, ".venv/bin/shr token --role source_system --source emis --facility 10000005").strip()
    programs = [(text, found[place + 1][1]) for place, (language, text) in enumerate(found) if language == "python"]
    assert len(programs) == 2
    for number, (program, answer) in enumerate(programs):
        (tmp_path / f"example{number}.py").write_text(program, encoding="utf-8")
        assert typed(stack, tmp_path, f".venv/bin/python example{number}.py", TOKEN=token) == answer
