"""From a request to who asks, and for what (interfaces.md §7: X-Purpose)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from shr_common.audit import AuditTrail
from shr_common.errors import Category, Issue, ShrError
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Caller
from shr_policy import PURPOSES, Actor

from shr_gateway.domain.asking import Asking
from shr_gateway.use_cases.disclose import Entry

OWN_PURPOSE = "PATRQT"


def asking_of(request: Request, caller: Caller) -> Asking:
    """Raises invalid: 400 without a purpose (practitioners), 422 for one that this system does not know."""
    return asking_for(caller, request.headers.get("x-purpose"))


def asking_for(caller: Caller, purpose: str | None) -> Asking:
    """The same for a page, which knows its purpose."""
    if purpose and purpose not in PURPOSES:
        text = f"X-Purpose is one of {', '.join(sorted(PURPOSES))}."
        raise ShrError(Category.INVALID, Issue(text, expression="X-Purpose", code="value"))
    if caller.role == "citizen":
        purpose = OWN_PURPOSE
    elif not purpose:
        text = f"Say what you read for: X-Purpose, one of {', '.join(sorted(PURPOSES))}."
        raise ShrError(Category.INVALID, Issue(text, expression="X-Purpose", code="required"), detail="bad-request")
    actor = Actor(role=caller.role, id=caller.id, facility=caller.facility, health_id=caller.health_id)
    return Asking(actor, purpose, caller)


def audit_by(trail: AuditTrail) -> Callable[[Entry], Awaitable[None]]:
    """The audit port over the audit trail."""

    async def audit(entry: Entry) -> None:
        await trail.record(
            patient=entry.patient,
            caller=entry.asking.caller,
            purpose=entry.asking.purpose,
            decision=entry.decision,
            what=entry.what,
            at=entry.at,
            consent_id=entry.consent_id,
            break_glass=dict(entry.break_glass) if entry.break_glass else None,
        )

    return audit


def moved(request: Request, *, old: str, new: str) -> Response:
    """308 to the id in use: the same request there gives the answer."""
    target = request.url.replace(path=request.url.path.replace(old, new, 1))
    return Response(status_code=308, headers={"Location": str(target), "Cache-Control": "no-store"})


class Shown(Response):
    """Bytes of a record, which no cache may keep. Its headers are put together here, at a tenth of the usual cost."""

    def __init__(self, body: bytes, *, media_type: str, etag: str | None = None) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type.encode()),
            (b"cache-control", b"no-store"),
        ]
        if etag is not None:
            self.raw_headers.append((b"etag", etag.encode()))


def shown(body: bytes, *, media_type: str = FHIR_JSON, etag: str | None = None) -> Response:
    """The answer that shows a record, or a part of it."""
    return Shown(body, media_type=media_type, etag=etag)
