"""A request as a submission to the registry."""

from __future__ import annotations

from datetime import datetime

from shr_common.fhir.times import DHAKA
from shr_common.security import Caller
from shr_common.telemetry import traceparent

from shr_healthid.domain.body import Body
from shr_healthid.http.callers import source_of
from shr_healthid.use_cases.register_person import Submission


def submission_of(body: Body, caller: Caller, *, at: datetime, key: str | None = None) -> Submission:
    """What this caller sent at this time."""
    return Submission(
        patient=body.tree,
        body=body.raw,
        digest_of=body.canonical(),
        source=source_of(caller),
        facility=caller.facility,
        channel="http",
        at=at,
        today=at.astimezone(DHAKA).date(),
        key=key,
        as_sent=body.as_sent,
        traceparent=traceparent(),
    )
