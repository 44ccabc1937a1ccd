"""The first bundle of the README, typed as it is written there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from shr_local.paths import WORKING_COPY
from shr_local.ports import DEFAULTS
from shr_local.testing import Stack


def first_bundle() -> str:
    """The commands under «Your first bundle in five minutes»."""
    text = (WORKING_COPY / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## Your first bundle.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_first_bundle_of_the_readme_is_recorded_and_read(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "docs").symlink_to(WORKING_COPY / "docs")
    (tmp_path / ".shr").mkdir()
    commands = re.sub(r"\n(# [345]\.)", r"\necho; echo\n\1", first_bundle())  # answers have no line end
    for name, port in DEFAULTS.items():
        commands = commands.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{stack.ports[name]}/")
    typed = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=tmp_path, env=stack.environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert typed.returncode == 0, typed.stderr
    checked, answer, looked_up, profile = typed.stdout.split("\n\n")
    assert checked.startswith("recorded\n")
    assert json.loads(answer)["type"] == "transaction-response"
    assert json.loads(looked_up)["state"] == "recorded"
    assert json.loads(profile)["health_id"] == json.loads(looked_up)["health_id"]
