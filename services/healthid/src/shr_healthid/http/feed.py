"""``GET /feed``: changes of persons in order, for registries that poll."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Request, Response
from shr_common.errors import invalid
from shr_common.security import Caller, DirectRoute, allow
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.feed import Entry
from shr_healthid.domain.geocodes import district_of
from shr_healthid.storage.feed import FeedStore

Following = Annotated[Caller, allow("source_system", "registrar", "administrator")]
_SHOWN = ("health_id", "version", "change", "status", "survivor", "replaces", "district", "upazila")
_PARAMETERS = frozenset({"since", "district", "count"})


def router(feed: FeedStore, *, page_size_limit: int) -> APIRouter:
    """The route of the feed. It names nobody: who may know more reads the person, and is in the access log."""
    routes = APIRouter(tags=["feed"], route_class=DirectRoute)

    @routes.get("/feed")
    async def changes(request: Request, caller: Following) -> Response:
        """``{"entries": [oldest first], "next": marker}``: send ``next`` as ``since``; none is skipped or repeated.

        ``district`` (BBS code) keeps to a catchment area: whoever lives there, or has just left it.
        """
        asked = request.query_params
        if unknown := sorted(set(asked) - _PARAMETERS):
            raise invalid("The feed knows the parameters since, district and count.", expression=unknown[0][:40],
                          code="value", text_bn="ফিডের প্যারামিটার: since, district ও count।")  # fmt: skip
        since = _number(asked.get("since") or "0", "since", 10**15)
        count = _number(asked.get("count") or str(page_size_limit), "count", 10**6)
        if count == 0:
            raise _wrong("count")
        page = await feed.after(since, district=_district(asked.get("district")), limit=min(count, page_size_limit))
        entries = [_shown(marker, entry) for marker, entry in page.entries]
        return Response(orjson.dumps({"entries": entries, "next": str(page.next)}), media_type="application/json")

    return routes


def _shown(marker: int, entry: Entry) -> Entry:
    shown = {name: entry[name] for name in _SHOWN}
    return {"marker": str(marker), **shown, "at": rfc3339(entry["at"])}


def _number(text: str, name: str, limit: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) < limit):
        raise _wrong(name)
    return int(text)


def _wrong(name: str) -> Exception:
    text, bangla = {
        "since": ("since is a marker of this feed: the next of the page before.", "since হলো আগের পাতার next।"),
        "count": ("count is a number from 1 on.", "count ১ বা তার বেশি একটি সংখ্যা।"),
    }[name]
    return invalid(text, expression=name, code="value", text_bn=bangla)


def _district(text: str | None) -> str | None:
    if text is None:
        return None
    district = district_of(text)
    if district is None:
        raise invalid("No district has this geocode. Use the BBS code of 4 digits.", expression="district",
                      code="code-invalid", text_bn="এই জিওকোডের কোনো জেলা নেই। ৪ অঙ্কের বিবিএস কোড দিন।")  # fmt: skip
    return district
