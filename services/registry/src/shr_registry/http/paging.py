"""Pages of searchsets and histories: counts and offsets from the query, links with the request's own address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request, Response
from shr_common.errors import Category, Issue, ShrError
from shr_common.outcomes import FHIR_JSON

from shr_registry.storage.resource_store import Found, Page

Pairs = Sequence[tuple[str, str]]
OFFSET_LIMIT = 1_000_000


def bad_parameter(name: str, problem: str) -> ShrError:
    """A search parameter that cannot be used (400)."""
    issue = Issue(f"{name[:60]} {problem}.", expression=name[:60], code="invalid")
    return ShrError(Category.INVALID, issue, detail="bad-request")


def window(pairs: Pairs, *, page_size: int, page_size_limit: int) -> tuple[int, int]:
    """(offset, count) of the asked page."""
    offset = _number(pairs, "_offset", default=0, limit=OFFSET_LIMIT)
    return offset, min(_number(pairs, "_count", default=page_size, limit=OFFSET_LIMIT), page_size_limit)


def _number(pairs: Pairs, name: str, *, default: int, limit: int) -> int:
    said = next((value for key, value in pairs if key == name), None)
    if said is None:
        return default
    if not (said.isascii() and said.isdigit()) or int(said[:10]) > limit:
        raise bad_parameter(name, f"must be a whole number from 0 to {limit}")
    return int(said)


def bundle(
    request: Request,
    type: str,
    page: Page,
    *,
    pairs: Pairs,
    offset: int,
    count: int,
    included: Sequence[Found] = (),
) -> Response:
    """A searchset or history Bundle whose entries are the stored bytes."""
    here = f"{request.base_url}{request.url.path.lstrip('/')}".removesuffix("/_search")
    kept = [(name, value) for name, value in pairs if name not in ("_offset", "_count")]

    def link(relation: str, at: int) -> dict[str, str]:
        return {"relation": relation, "url": f"{here}?{urlencode([*kept, ('_count', count), ('_offset', at)])}"}

    links = [link("self", offset)]
    if offset > 0 and count:
        links += [link("first", 0), link("previous", max(0, offset - count))]
    if offset + len(page.found) < page.total and count:
        links.append(link("next", offset + count))
    entries = [_entry(request, found, type, "match") for found in page.found]
    entries += [_entry(request, found, type, "include") for found in included]
    body = {"resourceType": "Bundle", "type": type, "total": page.total, "link": links}
    return Response(orjson.dumps(body | ({"entry": entries} if entries else {})), media_type=FHIR_JSON)


def _entry(request: Request, found: Found, type: str, mode: str) -> dict[str, Any]:
    address = f"{request.base_url}fhir/{found.reference}"
    entry: dict[str, Any] = {"fullUrl": address, "resource": orjson.Fragment(found.body)}
    if type == "searchset":
        return entry | {"search": {"mode": mode}}
    first = found.version == 1
    method, status = ("PUT", "201 Created") if first else ("PUT", "200 OK")
    answered = {"status": status, "etag": f'W/"{found.version}"'}
    return entry | {"request": {"method": method, "url": found.reference}, "response": answered}
