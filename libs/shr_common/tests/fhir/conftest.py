"""Own example resources, and the official samples where they lie beside the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent / "examples"
SAMPLES = Path(__file__).resolve().parents[5] / "shared" / "samples"


@pytest.fixture(scope="session")
def raw_examples() -> dict[str, bytes]:
    """File stem → bytes of this project's own valid resources."""
    return {path.stem: path.read_bytes() for path in sorted(EXAMPLES.glob("*.json"))}


@pytest.fixture
def examples(raw_examples: dict[str, bytes]) -> dict[str, Any]:
    """File stem → parsed resource, fresh for each test."""
    return {name: json.loads(raw) for name, raw in raw_examples.items()}


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of official samples; tests that need it are skipped elsewhere."""
    if not SAMPLES.is_dir():
        pytest.skip("the official samples do not lie beside the project")
    return SAMPLES
