"""``POST /imports``: lines of a registry file, each with its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from shr_common.security import Caller, allow

from shr_registry.domain.changes import LineResult
from shr_registry.use_cases.import_lines import ImportLines


def router(imports: ImportLines, *, now: Callable[[], datetime]) -> APIRouter:
    """The route of ``shr registry import``."""
    routes = APIRouter(tags=["imports"])

    @routes.post("/imports", openapi_extra={"requestBody": {"content": {"text/csv": {"schema": {"type": "string"}}}}})
    async def import_lines(
        request: Request,
        caller: Annotated[Caller, allow("administrator", "registrar")],
        first_line: Annotated[int, Query(ge=2, le=100_000_000)] = 2,
    ) -> Response:
        """CSV with its header (UTF-8). `first_line`: where the line after the header stands in the sender's file."""
        results = await imports.file(await request.body(), first_line=first_line, at=now())
        return Response(orjson.dumps(summary(results)), media_type="application/json")

    return routes


def summary(results: Sequence[LineResult]) -> dict[str, Any]:
    """``{"lines": [{line, state, resources, issues}], "created", "updated", "unchanged", "rejected"}``."""
    counts = Counter(result.state for result in results)
    return {
        "lines": [
            {
                "line": result.line,
                "state": result.state,
                "resources": list(result.resources),
                "issues": [{"expression": issue.expression, "text": issue.text} for issue in result.issues],
            }
            for result in results
        ],
        **{state: counts[state] for state in ("created", "updated", "unchanged", "rejected")},
    }
