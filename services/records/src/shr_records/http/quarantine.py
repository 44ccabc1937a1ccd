"""What was rejected, newest first: a source sees its own, administrators everything."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Response
from shr_common.errors import invalid
from shr_common.settings import ServiceSettings
from shr_contracts.cloudevents import rfc3339

from shr_records.domain.submission import source_name
from shr_records.http.callers import SourceOrAdministrator
from shr_records.storage.records import Records
from shr_records.use_cases.ledger import ALL_OK


def router(records: Records, settings: ServiceSettings) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["quarantine"])

    @routes.get("/quarantine")
    async def entries(
        caller: SourceOrAdministrator,
        source: str | None = None,
        next: str | None = None,
        count: int | None = None,
    ) -> Response:
        """Rejected submissions with their causes. ``next`` is the cursor of the page before."""
        own = caller.source_name if caller.role == "source_system" else (source_name(source) if source else None)
        if next is not None and not (next.isascii() and next.isdigit() and len(next) < 20):
            raise invalid("This is no cursor of ours.", expression="next")
        size = min(max(count or settings.page_size, 1), settings.page_size_limit)
        found = await records.refused(own, before=int(next) if next else None, limit=size)
        listed = [
            {
                "id": one.key.hex(),
                "source": one.source,
                "submission_id": one.id,
                "cause": one.cause,
                "outcome": orjson.Fragment(one.outcome or ALL_OK),
                "at": rfc3339(one.decided_at),
            }
            for one in found
        ]
        cursor = str(found[-1].arrival) if len(found) == size else None
        return Response(orjson.dumps({"entries": listed, "next": cursor}), media_type="application/json")

    return routes
