"""Submissions: whole bundles in FHIR's form, native payloads, checks, and what became of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.audit import AuditTrail
from shr_common.errors import Category, Issue, ShrError, not_found
from shr_common.outcomes import operation_outcome
from shr_common.security import Caller, DirectRoute
from shr_contracts.cloudevents import rfc3339

from shr_records.domain import adapters
from shr_records.domain.receipt import Receipt
from shr_records.domain.submission import CANONICAL, source_name, submission_key
from shr_records.http.callers import Source, SourceOrAdministrator
from shr_records.http.intake import Intake
from shr_records.storage.records import Records
from shr_records.use_cases.check_submission import Checked
from shr_records.use_cases.check_submission import CheckSubmission as Check
from shr_records.use_cases.ledger import ALL_OK

JSON = "application/json"


def router(intake: Intake, check: Check) -> APIRouter:
    """Where submissions come in."""
    routes = APIRouter(tags=["submissions"], route_class=DirectRoute)

    @routes.post("/fhir")
    async def submit(request: Request, caller: Source) -> Response:
        """Submit a Bundle: 200 recorded, 202 parked, 422 rejected with reasons; a repeat gets the first answer."""
        return await intake.respond(await intake.submission(request, caller))

    @routes.post("/submissions/{format}")
    async def submit_native(format: str, request: Request, caller: Source) -> Response:
        """Submit a native payload of a known format."""
        return await intake.respond(await intake.submission(request, caller, format=known_format(format)))

    @routes.post("/check")
    async def check_bundle(request: Request, caller: SourceOrAdministrator) -> Response:
        """What would become of a Bundle; leaves nothing behind."""
        return _checked(await check(await intake.submission(request, caller)))

    @routes.post("/check/{format}")
    async def check_native(format: str, request: Request, caller: SourceOrAdministrator) -> Response:
        """What would become of a native payload; leaves nothing behind."""
        return _checked(await check(await intake.submission(request, caller, format=known_format(format))))

    return routes


def look_ups(records: Records, audit: AuditTrail, *, now: Callable[[], datetime]) -> APIRouter:
    """What became of them, and what was sent."""
    routes = APIRouter(tags=["submissions"])

    async def payload_of(source: str, id: str, caller: Caller) -> Response:
        receipt = await _own(records, source, id, caller)
        await records.open([receipt])
        if receipt.body is None or caller.facility is None:
            raise not_found("There is no such payload.")
        if receipt.person:
            what = [("Bundle", 1)]
            await audit.record(
                patient=receipt.person, caller=caller, purpose="CAREMGT", decision="permit", what=what, at=now()
            )
        return Response(receipt.body, media_type=JSON)

    @routes.get("/submissions")
    async def look_up(caller: SourceOrAdministrator, source: str = "", id: str = "") -> Response:
        """What became of a submission, for ids that do not fit into a path."""
        return _state(await _own(records, source, id, caller))

    @routes.get("/submissions/payload")
    async def payload_by_query(caller: Source, source: str = "", id: str = "") -> Response:
        """The submitted bytes, unchanged, for their author (audited)."""
        return await payload_of(source, id, caller)

    @routes.get("/submissions/{source:path}/{id}/payload")
    async def payload(source: str, id: str, caller: Source) -> Response:
        """The submitted bytes, unchanged, for their author (audited)."""
        return await payload_of(source, id, caller)

    @routes.get("/submissions/{source:path}/{id}")
    async def read(source: str, id: str, caller: SourceOrAdministrator) -> Response:
        """What became of a submission: its state, outcome, resources."""
        return _state(await _own(records, source, id, caller))

    return routes


def known_format(text: str) -> str:
    """A format by its name or its first word. Raises invalid (415) for an unknown one."""
    formats = (CANONICAL, *adapters.ADAPTERS)
    found = next((one for one in formats if text in (one, one.partition(".")[0])), None)
    if found is None:
        issue = Issue(
            f"The format {text[:64]} is not known here. Known are: {', '.join(formats)}.", code="not-supported"
        )
        raise ShrError(Category.INVALID, issue, detail="media-type")
    return found


async def _own(records: Records, source: str, id: str, caller: Caller) -> Receipt:
    """A submission of the caller's own (administrators: anyone's); others answer as if there were none."""
    source = source_name(source)
    key = submission_key(source, id)
    mine = caller.role == "administrator" or source == caller.source_name
    receipt = (await records.receipts([key])).get(key) if mine else None
    if receipt is None:
        raise not_found("There is no such submission.")
    return receipt


def _state(receipt: Receipt) -> Response:
    body: dict[str, Any] = {
        "source": receipt.source,
        "id": receipt.id,
        "state": receipt.state,
        "outcome": orjson.Fragment(receipt.outcome or ALL_OK),
        "health_id": receipt.person,
        "resources": receipt.references,
        "received_at": rfc3339(receipt.received_at),
        "decided_at": rfc3339(receipt.decided_at),
        "version": receipt.version,
        "unverified_codes": receipt.unverified,
    }
    if receipt.people:
        body["health_ids"] = receipt.people
    return Response(orjson.dumps(body), media_type=JSON)


def _checked(checked: Checked) -> Response:
    body = {
        "verdict": checked.verdict,
        "outcome": operation_outcome(checked.issues),
        "health_id": checked.health_id,
        "bundle": orjson.Fragment(checked.bundle) if checked.bundle else None,
    }
    return Response(orjson.dumps(body), media_type=JSON)
