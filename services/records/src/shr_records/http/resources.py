"""Single resources: written as submissions of one entry, read back by the source that authored them (audited)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.audit import AuditTrail
from shr_common.errors import forbidden, invalid, not_found
from shr_common.fhir.definitions import RESOURCE_TYPES
from shr_common.outcomes import FHIR_JSON
from shr_common.security import Caller

from shr_records.domain.recording import Head, Version
from shr_records.domain.references import UUID
from shr_records.domain.submission import SINGLE, Interaction, resource_id
from shr_records.http.callers import Source
from shr_records.http.intake import Intake
from shr_records.storage.records import Records


def router(
    intake: Intake, records: Records, audit: AuditTrail, *, now: Callable[[], datetime], page_limit: int
) -> APIRouter:
    """The routes. ``page_limit``: versions on one page of a history."""
    routes = APIRouter(prefix="/fhir", tags=["resources"])

    async def write(request: Request, caller: Caller, interaction: Interaction) -> Response:
        _known_type(interaction.type)
        # a PUT that says what an earlier one said is still a change: only POST is told apart by its content
        given = None if interaction.method == "POST" else str(uuid.uuid4())
        submission = await intake.submission(request, caller, format=SINGLE, interaction=interaction, id=given)
        return await intake.respond_single(submission)

    async def looked_at(caller: Caller, type: str, versions: list[Version]) -> None:
        for person in {version.person for version in versions}:
            count = sum(version.person == person for version in versions)
            await audit.record(
                patient=person, caller=caller, purpose="CAREMGT", decision="permit", what=[(type, count)], at=now()
            )

    @routes.post("/{type}")
    async def create(type: str, request: Request, caller: Source) -> Response:
        """Record one resource: 201 with its location."""
        return await write(request, caller, Interaction("POST", type))

    @routes.put("/{type}/{id}")
    async def update(type: str, id: str, request: Request, caller: Source) -> Response:
        """The next version of a resource (If-Match: 412 when another came between), or its first."""
        return await write(request, caller, Interaction("PUT", type, id, _if_match(request)))

    @routes.delete("/{type}/{id}")
    async def delete(type: str, id: str, request: Request, caller: Source) -> Response:
        """Mark as entered in error: a new version that says so."""
        return await write(request, caller, Interaction("DELETE", type, id, _if_match(request)))

    @routes.get("/{type}/{id}")
    async def read(type: str, id: str, request: Request, caller: Source) -> Response:
        """The current version."""
        resource, head = await _find(records, caller, type, id)
        version = await records.version(resource, head.version)
        if version is None:
            raise not_found("There is no such resource of yours.")
        await looked_at(caller, type, [version])
        return _one(version, request)

    @routes.get("/{type}/{id}/_history")
    async def history(type: str, id: str, request: Request, caller: Source, before: str | None = None) -> Response:
        """All versions, newest first; ``link`` leads to the next page, of those ``before`` a version."""
        resource, head = await _find(records, caller, type, id)
        start = _version(before, name="before") if before is not None else None
        versions = await records.history(resource, limit=page_limit, before=start)
        await looked_at(caller, type, versions)
        entries = [
            {
                "fullUrl": f"urn:uuid:{one.id}",
                "resource": orjson.Fragment(one.body),
                "request": {"method": "POST" if one.version == 1 else "PUT", "url": f"{one.type}/{one.id}"},
                "response": {"status": "201 Created" if one.version == 1 else "200 OK", "etag": f'W/"{one.version}"'},
            }
            for one in versions
        ]
        bundle = {"resourceType": "Bundle", "type": "history", "total": head.last, "entry": entries}
        if len(versions) == page_limit and versions[-1].version > 1:
            url = f"{request.base_url}fhir/{type}/{resource}/_history?before={versions[-1].version}"
            bundle["link"] = [{"relation": "next", "url": url}]
        return Response(orjson.dumps(bundle), media_type=FHIR_JSON)

    @routes.get("/{type}/{id}/_history/{number}")
    async def read_version(type: str, id: str, number: str, request: Request, caller: Source) -> Response:
        """One version."""
        resource, _ = await _find(records, caller, type, id)
        wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
        version = await records.version(resource, wanted)
        if version is None:
            raise not_found("There is no such version.")
        await looked_at(caller, type, [version])
        return _one(version, request)

    return routes


def _known_type(type: str) -> None:
    if type not in RESOURCE_TYPES:
        raise not_found("FHIR R4 has no such resource type.")
    if type == "Patient":
        raise invalid("Persons are registered at healthid (POST /fhir/Patient there), not here.", code="not-supported")


def _if_match(request: Request) -> int | None:
    text = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if not text:
        return None
    return _version(text, name="If-Match")


def _version(text: str, *, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid(f"{name} takes the number of a version, such as 3.", expression=name)
    return int(text)


async def _find(records: Records, caller: Caller, type: str, id: str) -> tuple[str, Head]:
    """Id and head of a resource of the caller's, by our id or by its own."""
    if caller.facility is None:
        raise forbidden("A source without a facility has no author's right: use a token that names it.")
    candidates = ([id] if UUID.fullmatch(id) else []) + [resource_id(caller.source_name, type, id)]
    for candidate in candidates:
        head = await records.head(candidate)
        if head is not None and head.source == caller.source_name and head.type == type:
            return candidate, head
    raise not_found("There is no such resource of yours.")


def _one(version: Version, request: Request) -> Response:
    etag = f'W/"{version.version}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(version.body, headers={"ETag": etag}, media_type=FHIR_JSON)
