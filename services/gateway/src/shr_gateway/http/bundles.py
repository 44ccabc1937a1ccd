"""Search answers as FHIR Bundles, each resource in the bytes in which it is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request
from shr_common.errors import Issue
from shr_common.outcomes import operation_outcome

from shr_gateway.domain.search import Query
from shr_gateway.http.cursors import Cursors
from shr_gateway.use_cases.read_resource import Version
from shr_gateway.use_cases.search_records import Page

REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}


def base_of(request: Request) -> str:
    """The address under which the caller reached us."""
    return f"{request.url.scheme}://{request.url.netloc}"


def searchset(request: Request, path: str, query: Query, page: Page, cursors: Cursors) -> bytes:
    """The Bundle of one page. ``path``: where GET gives the same."""
    base = base_of(request)
    links = [{"relation": "self", "url": _link(base, path, query, query.cursor)}]
    if page.next is not None:
        links.append({"relation": "next", "url": _link(base, path, query, cursors.seal(page.next))})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": page.total, "link": links}
    if page.restricted:
        bundle["meta"] = {"security": [REDACTED]}
    entries = [
        {
            "fullUrl": f"{base}/fhir/{reference}",
            "resource": orjson.Fragment(body),
            "search": {"mode": "match"},
        }
        for reference, body in page.entries
    ]
    if query.unknown:
        entries.append({"resource": _ignored(query.unknown), "search": {"mode": "outcome"}})
    if entries:
        bundle["entry"] = entries
    return orjson.dumps(bundle)


def history(request: Request, reference: str, versions: Sequence[Version]) -> bytes:
    """The Bundle of a resource's states, the newest first."""
    base = base_of(request)
    return orjson.dumps({
        "resourceType": "Bundle",
        "type": "history",
        "total": len(versions),
        "link": [{"relation": "self", "url": f"{base}/fhir/{reference}/_history"}],
        "entry": [
            {
                "fullUrl": f"{base}/fhir/{reference}",
                "resource": orjson.Fragment(one.body),
                "request": {"method": "PUT", "url": reference},
                "response": {"status": "200", "etag": f'W/"{one.number}"'},
            }
            for one in versions
        ],
    })  # fmt: skip


def _link(base: str, path: str, query: Query, cursor: str | None) -> str:
    said = [*query.said, *([("_cursor", cursor)] if cursor else [])]
    return f"{base}{path}?{urlencode(said)}" if said else f"{base}{path}"


def _ignored(unknown: Sequence[str]) -> dict[str, Any]:
    return operation_outcome(
        Issue(f"The search parameter {name} is not supported here and was ignored.", expression=name,
              severity="warning", code="not-supported")
        for name in unknown
    )  # fmt: skip
