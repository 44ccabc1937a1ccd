"""docs/settings.md says what the settings classes say."""

from __future__ import annotations

import runpy

from shr_local.paths import WORKING_COPY

DOCS = WORKING_COPY / "docs"


def test_the_stored_document_is_current() -> None:
    generator = runpy.run_path(str(DOCS / "generate_settings.py"))

    stored = (DOCS / "settings.md").read_text(encoding="utf-8")

    assert generator["document"]() == stored, "run .venv/bin/python docs/generate_settings.py"
