"""NDJSON on ``POST /fhir/Patient``: many registrations in one request, one answer for each line."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import orjson
import structlog
from fastapi import Request, Response
from shr_common.errors import Category, Issue, ShrError, malformed, too_large
from shr_common.outcomes import operation_outcome, outcome_of, status_of
from shr_common.security import Caller
from shr_common.telemetry import INTAKE

from shr_healthid.domain.body import parse
from shr_healthid.http.bodies import idempotency_key
from shr_healthid.http.callers import source_of
from shr_healthid.http.desk import STATUS, Desk
from shr_healthid.http.submissions import submission_of
from shr_healthid.use_cases.register_many import Line, RegisterMany, Settled

MEDIA_TYPES = frozenset({"application/fhir+ndjson", "application/x-ndjson", "application/ndjson"})
STATES = ("created", "existing", "provisional", "rejected", "failed")
LOG = structlog.get_logger("shr.healthid")


class Bulk:
    """``{"lines": [{"id", "line", "state", "status", "health_id", "outcome"}], "created", "existing", …}``.

    ``failed`` lines were not decided (429, 503): send them again; everything else would be answered the same.
    """

    def __init__(self, desk: Desk, register: RegisterMany, *, lines_limit: int) -> None:
        self._desk = desk
        self._register = register
        self._lines_limit = lines_limit

    async def __call__(self, request: Request, caller: Caller) -> Response:
        """Raises malformed for no line at all, too_large: then nothing of it was registered."""
        raw = await request.body()
        numbered = [(n, line) for n, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
        if not numbered:
            raise malformed("Send one Patient in each line.")
        if len(numbered) > self._lines_limit:
            raise too_large(f"A request may have {self._lines_limit} lines at most. Send several requests.")
        key, at = idempotency_key(request), self._desk.now()

        def line_of(number: int, line: bytes) -> Line:
            own_key = f"{key}#{number}" if key else None
            return Line(number, lambda: submission_of(parse(line, self._desk.limits), caller, at=at, key=own_key))

        settled = await self._register([line_of(number, line.strip()) for number, line in numbered])
        name = key or hashlib.sha256(raw).hexdigest()
        answers = [_answer(one, name) for one in settled]
        outcomes = [one.outcome for one, said in zip(settled, answers, strict=True) if said["state"] == "existing"]
        known = [outcome.person for outcome in outcomes if outcome is not None and outcome.person is not None]
        await asyncio.gather(*(self._desk.looked(person, caller, request) for person in known))
        for answer in answers:
            INTAKE.labels(source_system=source_of(caller).partition("/")[0], state=answer["state"]).inc()
        counts = {state: sum(answer["state"] == state for answer in answers) for state in STATES}
        return Response(orjson.dumps({"lines": answers, **counts}), media_type="application/json")


def _answer(settled: Settled, name: str) -> dict[str, Any]:
    said: dict[str, Any] = {"id": f"{name}#{settled.number}", "line": settled.number}
    error, outcome = settled.error, settled.outcome
    if error is not None:
        temporary = error.temporary or error.category is Category.FAULT
        if error.category is Category.FAULT:
            LOG.error("line_failed", exc_info=error.__cause__)
        state = "failed" if temporary else "rejected"
        told = outcome_of(_in_line(error, settled))
        return said | {"state": state, "status": status_of(error), "health_id": None, "outcome": told}
    assert outcome is not None and outcome.person is not None  # noqa: S101 (refusals are errors)
    state = "existing" if outcome.kind == "provisional" and outcome.person.is_active else outcome.kind
    issues = list(outcome.warnings)
    return said | {
        "state": state,
        "status": STATUS[state],
        "health_id": outcome.person.id,
        "outcome": operation_outcome(issues),
    }


def _in_line(error: ShrError, settled: Settled) -> ShrError:
    """What could not be parsed says where in its line; the line of the file is what its sender looks for."""
    if error.detail != "malformed":
        return error
    issues = [
        Issue(issue.text, code=issue.code, text_bn=issue.text_bn, rule=issue.rule,
              diagnostics=f"line {settled.number} of the file; within it {issue.diagnostics}")
        for issue in error.issues
    ]  # fmt: skip
    return ShrError(error.category, issues, detail=error.detail)
