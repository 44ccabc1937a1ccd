"""Post a practitioner to a facility, or end the posting: what the HR system tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shr_common.errors import Category, Issue, ShrError

from shr_registry.domain.changes import LineResult
from shr_registry.domain.columns import COLUMNS
from shr_registry.domain.lines import fact_of
from shr_registry.use_cases.import_lines import ImportLines

ONLY_LINE = 1


class PostSomebody:
    """One posting as JSON, by the same rules as a line of a file."""

    def __init__(self, imports: ImportLines) -> None:
        self._imports = imports

    async def __call__(self, told: Mapping[str, Any], *, at: datetime) -> LineResult:
        """``told``: practitioner, facility, role, department, start, end, active. Raises invalid, located."""
        issues = [_wrong(name, "is not known here") for name in told if name not in COLUMNS["role"]]
        row = {}
        for name, value in told.items():
            if isinstance(value, bool):
                value = str(value).casefold()
            if value is not None and not isinstance(value, str):
                issues.append(_wrong(name, "must be text"))
            elif isinstance(value, str):
                row[name] = value.strip()
        if issues:
            raise ShrError(Category.INVALID, issues)
        result = (await self._imports.lines([fact_of("role", row, number=ONLY_LINE)], at=at))[0]
        if result.state == "rejected":
            raise ShrError(Category.INVALID, [_unnumbered(issue) for issue in result.issues])
        return result


def _wrong(name: str, problem: str) -> Issue:
    return Issue(f"{name[:40]} {problem}.", expression=name[:40], code="structure")


def _unnumbered(issue: Issue) -> Issue:
    place = (issue.expression or "").rpartition(".")[2]
    return Issue(issue.text.removeprefix(f"Line {ONLY_LINE}: "), expression=place, code=issue.code)
