"""``/id-blocks``: Health IDs that a source issues offline."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import Gauge
from shr_common.errors import forbidden, invalid, not_found
from shr_common.fhir.json import JsonLimits
from shr_common.fhir.times import instant_of
from shr_common.security import Caller, DirectRoute, allow
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.blocks import Block, Notices, health_ids, state_of, warning_of
from shr_healthid.http.bodies import json_body
from shr_healthid.storage.blocks import BlockStore, Tally
from shr_healthid.use_cases.issue_id_block import IssueIdBlock

Holding = Annotated[Caller, allow("source_system", "registrar", "administrator")]
Prolonging = Annotated[Caller, allow("registrar", "administrator")]

BLOCKS = Gauge("shr_id_blocks", "Blocks of offline Health IDs by how they stand.", ["source_system", "state"])
LEFT = Gauge("shr_id_blocks_left", "Offline Health IDs that can still be used.", ["source_system"])
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII | re.IGNORECASE)
_JSON = "application/json"


def router(
    blocks: BlockStore, issue: IssueIdBlock, *, notices: Notices, limits: JsonLimits, now: Callable[[], datetime]
) -> APIRouter:
    """Routes of blocks: a source system for itself, registrars and administrators for any."""
    routes = APIRouter(tags=["id blocks"], route_class=DirectRoute)

    def shown(block: Block, status: int = 200, **headers: str) -> Response:
        body = orjson.dumps(block_json(block, now(), notices))
        return Response(body, status_code=status, media_type=_JSON, headers=headers)

    @routes.post("/id-blocks")
    async def create(request: Request, caller: Holding) -> Response:
        """``{"source", "facility", "size"}`` → 201 the block: its first and last Health ID, what is used, its end."""
        body = (await json_body(request, limits)).tree
        block = await issue(_source_for(body, caller), body.get("size"), now=now())
        return shown(block, 201, Location=f"/id-blocks/{block.id}")

    @routes.get("/id-blocks")
    async def listed(request: Request, caller: Holding) -> Response:
        """The newest blocks: a source's own; for registrars and administrators of ``?source=``, else of all."""
        own = caller.source_name if caller.role == "source_system" else request.query_params.get("source")
        found = await blocks.of_source(own)
        entries = [block_json(block, now(), notices) for block in found]
        return Response(orjson.dumps({"entries": entries}), media_type=_JSON)

    async def held(id_: str, caller: Caller) -> Block:
        block = await blocks.by_id(id_)
        if block is None or (caller.role == "source_system" and block.source != caller.source_name):
            raise not_found("There is no such block, or it is not yours.")
        return block

    @routes.get("/id-blocks/{id}")
    async def read(id: str, request: Request, caller: Holding) -> Response:
        """The block; another source's answers as one that does not exist."""
        return shown(await held(id, caller))

    @routes.get("/id-blocks/{id}/health-ids")
    async def listing(id: str, request: Request, caller: Holding) -> Response:
        """Every Health ID of the block, one a line, to be printed or loaded into a field worker's tablet."""
        lines = "".join(f"{uhid}\n" for uhid in health_ids(await held(id, caller)))
        return Response(lines, media_type="text/plain")

    @routes.post("/id-blocks/{id}/prolong")
    async def prolong(id: str, request: Request, caller: Prolonging) -> Response:
        """``{"expires_at"}``: the block with a later end, so that what was issued from it can still be uploaded."""
        until = _end_in((await json_body(request, limits)).tree)
        return shown(await issue.prolong(id, until, now=now()))

    return routes


def block_json(block: Block, at: datetime, when: Notices) -> dict[str, Any]:
    """A block as it is shown; ``warning`` says in time that another one is needed."""
    warning = warning_of(block, at, when)
    system, _, facility = block.source.partition("/")
    return {
        "id": block.id,
        "source": system,
        "facility": facility,
        "first": block.first,
        "last": block.last,
        "size": block.size,
        "used": block.used,
        "left": block.left,
        "state": state_of(block, at),
        "expires_at": rfc3339(block.expires_at),
        "warning": warning and {"code": warning.code, "text": warning.text, "text_bn": warning.text_bn},
    }


def report(tallies: Sequence[Tally]) -> None:
    """Set the metrics: an alert on ``low``, ``expiring`` or ``exhausted`` comes before somebody stands without."""
    BLOCKS.clear()
    LEFT.clear()
    for tally in tallies:
        BLOCKS.labels(source_system=tally.system, state=tally.state).set(tally.blocks)
        if tally.state != "expired":
            LEFT.labels(source_system=tally.system).inc(tally.left)


def _end_in(body: dict[str, Any]) -> datetime:
    said = body.get("expires_at")
    until = instant_of(said) if isinstance(said, str) else None
    if until is None:
        raise invalid("Give expires_at as a date and time.", expression="expires_at", code="value",
                      text_bn="expires_at তারিখ ও সময় হিসেবে দিন।")  # fmt: skip
    return until


def _source_for(body: dict[str, Any], caller: Caller) -> str:
    """For whom a block is: ``system/facility``. Raises invalid, forbidden."""
    source, facility = body.get("source"), body.get("facility")
    if caller.role == "source_system":
        source = caller.source if source is None else source
        facility = caller.facility if facility is None else facility
    for name, value in (("source", source), ("facility", facility)):
        if value is None and name == "facility":
            continue
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise invalid(f"Name the {name} for which the block is, e.g. emis and 10000005.", expression=name,
                          code="value", text_bn=f"ব্লকটি যার জন্য তার {name} লিখুন, যেমন emis ও 10000005।")  # fmt: skip
    named = f"{source}/{facility or 'unknown'}"
    if caller.role == "source_system" and named != caller.source_name:
        raise forbidden("A source system asks for blocks of its own.",
                        text_bn="উৎস কেবল নিজের জন্য ব্লক চাইতে পারে।")  # fmt: skip
    return named
