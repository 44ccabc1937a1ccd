"""Search parameters: dates with prefixes as half-open ranges, pages, and the Bundles that answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import Request, Response
from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.times import DHAKA, instant_of
from shr_common.outcomes import FHIR_JSON

_PREFIXED = re.compile(r"(eq|ge|gt|le|lt|sa|eb)?(\d{4}\S*)", re.ASCII)
NUMBER_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the found things is shown."""

    offset: int
    count: int


def bad_parameter(name: str, problem: str) -> ShrError:
    """A search parameter that cannot be used (400)."""
    issue = Issue(f"{name[:60]} {problem}.", expression=name[:60], code="invalid")
    return ShrError(Category.INVALID, issue, detail="bad-request")


def only(request: Request, *known: str) -> None:
    """Raises a 400 that names a parameter which is not known here."""
    for name in request.query_params:
        if name not in known and name not in ("_count", "_offset", "_format", "_pretty", "_total"):
            raise bad_parameter(name, f"is no search parameter here; there are {', '.join(sorted(known))}")


def one_text(request: Request, name: str) -> str | None:
    """The value of a parameter that may be given once."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise bad_parameter(name, "may be given once")
    if values and ("\0" in values[0] or len(values[0]) > 300):
        raise bad_parameter(name, "is too long or holds a NUL")
    return values[0] if values and values[0] else None


def id_asked(request: Request, name: str) -> str | None:
    """The id of a reference parameter, with or without its type."""
    said = one_text(request, name)
    return said.rsplit("/", 1)[-1] if said else None


def page_asked(request: Request, *, page_size: int, page_size_limit: int) -> Page:
    """``_count`` and ``_offset``."""
    count = _number(request, "_count", page_size)
    return Page(_number(request, "_offset", 0), min(count, page_size_limit))


def _number(request: Request, name: str, default: int) -> int:
    said = one_text(request, name)
    if said is None:
        return default
    if not (said.isascii() and said.isdigit()) or int(said[:10]) > NUMBER_LIMIT:
        raise bad_parameter(name, f"must be a whole number from 0 to {NUMBER_LIMIT}")
    return int(said)


def range_asked(request: Request, name: str) -> tuple[datetime | None, datetime | None]:
    """All values of a date parameter together: from (inclusive) and until (exclusive)."""
    start: datetime | None = None
    end: datetime | None = None
    for said in request.query_params.getlist(name):
        found = _PREFIXED.fullmatch(said.replace(" ", "+"))
        begins = instant_of(found.group(2)) if found else None
        if found is None or begins is None:
            raise bad_parameter(name, "must be a date or time, with ge, gt, le, lt or eq before it if wanted")
        after = _after(found.group(2), begins)
        low, high = {
            "ge": (begins, None), "gt": (after, None), "sa": (after, None), "le": (None, after),
            "lt": (None, begins), "eb": (None, begins), "eq": (begins, after),
        }[found.group(1) or "eq"]  # fmt: skip
        start = low if start is None or (low is not None and low > start) else start
        end = high if end is None or (high is not None and high < end) else end
    return start, end


def _after(text: str, begins: datetime) -> datetime:
    """The first moment that a date or time of this precision no longer covers."""
    local = begins.astimezone(DHAKA)
    try:
        if len(text) == 4:
            return local.replace(year=local.year + 1)
        if len(text) == 7:
            return (local.replace(day=28) + timedelta(days=4)).replace(day=1)
        return begins + timedelta(days=1) if len(text) == 10 else begins + timedelta(seconds=1)
    except (ValueError, OverflowError):
        return begins


def searchset(request: Request, resources: Iterable[dict[str, Any]], *, total: int, page: Page) -> Response:
    """A Bundle with links that start with the address of the request."""
    entries: Sequence[dict[str, Any]] = [
        {
            "fullUrl": f"{request.base_url}fhir/{one['resourceType']}/{one['id']}",
            "resource": one,
            "search": {"mode": "match"},
        }
        for one in resources
    ]
    kept = [pair for pair in request.query_params.multi_items() if pair[0] not in ("_offset", "_count")]
    here = f"{request.base_url}{request.url.path.lstrip('/')}"

    def link(relation: str, at: int) -> dict[str, str]:
        return {"relation": relation, "url": f"{here}?{urlencode([*kept, ('_count', page.count), ('_offset', at)])}"}

    links = [link("self", page.offset)]
    if page.count and page.offset + page.count < total:
        links.append(link("next", page.offset + page.count))
    body = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return Response(orjson.dumps(body | ({"entry": entries} if entries else {})), media_type=FHIR_JSON)
