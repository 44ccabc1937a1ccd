"""A change of a person over HTTP: why, as FHIR lets a caller say it; and the answer while it waits."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response
from shr_common.errors import malformed
from shr_common.outcomes import FHIR_JSON, operation_outcome

from shr_healthid.domain.approving import held_issues
from shr_healthid.domain.cases import REASON_CHARACTERS_LIMIT, Approval

HEADER_CHARACTERS_LIMIT = 8192


def reason_in_provenance(request: Request) -> str | None:
    """The reason in the FHIR header ``X-Provenance`` (a Provenance as JSON): its first reason's text or display."""
    sent = request.headers.get("x-provenance")
    if not sent:
        return None
    try:
        if len(sent) > HEADER_CHARACTERS_LIMIT:
            raise ValueError("too long")
        said: Any = orjson.loads(sent.encode("latin-1"))
    except ValueError:
        raise malformed("X-Provenance is a Provenance resource as JSON.") from None
    reasons = said.get("reason") if isinstance(said, dict) else None
    first = reasons[0] if isinstance(reasons, list) and reasons and isinstance(reasons[0], dict) else {}
    codings = first.get("coding")
    coding = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    text = first.get("text") or coding.get("display") or coding.get("code")
    return text[:REASON_CHARACTERS_LIMIT] if isinstance(text, str) else None


def held(approval: Approval) -> Response:
    """202: nothing was changed yet; ``Content-Location`` names what waits."""
    body = orjson.dumps(operation_outcome(held_issues(approval)))
    headers = {"Content-Location": f"/approvals/{approval.id}", "ETag": f'W/"{approval.version}"'}
    return Response(body, status_code=202, headers=headers, media_type=FHIR_JSON)
