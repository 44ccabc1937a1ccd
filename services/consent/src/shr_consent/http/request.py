"""What requests carry: strict JSON bodies, persons and pages in the query; and the ids that the edge makes."""

from __future__ import annotations

import os
import re
import time
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from shr_common.errors import Category, Issue, ShrError, invalid
from shr_common.fhir.json import JsonLimits, parse
from shr_common.identifiers import is_person_id
from shr_common.settings import ServiceSettings

_MEDIA_TYPES = ("application/json", "application/fhir+json", "text/json")
_CURSOR = re.compile(r"[0-9A-Za-z:.\-~]{1,128}", re.ASCII)


class _Ids:
    """UUIDv7 (RFC 9562, with the fraction of the millisecond in its first random bits), rising within a process."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        """The next one; of two processes the later one's id sorts later, to a quarter of a microsecond."""
        self._last = max(time.time_ns() * 4096 // 1_000_000, self._last + 1)
        head, fraction = self._last >> 12, self._last & 0xFFF
        below = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
        text = f"{head << 80 | 7 << 76 | fraction << 64 | 2 << 62 | below:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


new_id = _Ids()


async def body_of(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """The JSON object of a request; ``{}`` for none where that is allowed. Raises malformed (400), 415, too_large."""
    media_type = request.headers.get("content-type", "application/json").split(";")[0].strip().lower()
    raw = await request.body()
    if not raw.strip() and optional:
        return {}
    if media_type not in _MEDIA_TYPES and not media_type.endswith("+json"):
        text = "Send JSON, with Content-Type: application/json."
        raise ShrError(Category.INVALID, Issue(text, code="not-supported"), detail="media-type")
    settings: ServiceSettings = request.app.state.settings
    return parse(raw, limits=JsonLimits(bytes=settings.body_limit_bytes, depth=settings.json_depth_limit))


def person_asked(patient: str | None) -> str | None:
    """The ``patient`` of a query (``Patient/…`` is taken too). Raises invalid."""
    if patient is None:
        return None
    found = patient.removeprefix("Patient/")
    if not is_person_id(found):
        raise invalid("This is not a Health ID: 11 digits with a right check digit.", expression="patient")
    return found


def page_size(request: Request, limit: int | None, *, name: str = "limit", least: int = 1) -> int:
    """How many to show; who asks for more than there may be on a page gets a full one. Raises invalid."""
    settings: ServiceSettings = request.app.state.settings
    if limit is None:
        return settings.page_size
    if limit < least:
        raise invalid(f"A page has {least} to {settings.page_size_limit} entries.", expression=name)
    return min(limit, settings.page_size_limit)


def cursor(after: str | None) -> str | None:
    """Where a page begins. Raises invalid."""
    if after is not None and not _CURSOR.fullmatch(after):
        raise invalid("This is not where a page begins; follow `next` as it was given.", expression="after")
    return after


def next_page(request: Request, after: str | None) -> str | None:
    """The address of the page after this one."""
    if after is None:
        return None
    kept = {name: value for name, value in request.query_params.items() if name != "after"}
    return f"{str(request.base_url).rstrip('/')}{request.url.path}?{urlencode({**kept, 'after': after})}"
