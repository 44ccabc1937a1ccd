"""The administrator's page: what needs a person, then the flows by source, then freshness and counters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from shr_common.errors import unavailable
from shr_common.security import Administrator

from shr_gateway.http.hand_on import HandOn
from shr_gateway.http.pages.landing import counters
from shr_gateway.http.pages.page import csrf_of, pages_route
from shr_gateway.pages import formatting, words
from shr_gateway.pages.districts import district
from shr_gateway.pages.render import Pages, language_of
from shr_gateway.storage.portal import PortalReads

DAYS_SHOWN = 60
ConsentAge = Callable[[], Awaitable[float | None]]
"""Seconds since consent's last heartbeat that is folded everywhere; None when its state is not known."""


def _flow(found: dict[str, Any], lang: str) -> dict[str, Any]:
    name = words.SOURCES.get(found["system"], (found["system"], found["system"]))
    return {
        "name": name[0 if lang == "bn" else 1],
        "facilities": found["facilities"],
        "recorded": found["recorded"] or 0,
        "rejected": found["rejected"] or 0,
        "last": found.get("last"),
    }


def _attention(age: float | None, rejections: list[dict[str, Any]], *, lang: str) -> list[dict[str, str]]:
    bangla = lang == "bn"
    found = []
    if age is None:
        found.append({
            "kind": "bad", "icon": "alert",
            "fact": "অনুমতির অবস্থা জানা যাচ্ছে না" if bangla else "The state of permissions is not known",
            "why": "কোনো রেকর্ড দেখানো হচ্ছে না।" if bangla else "No record is shown. Look at consent and at Kafka.",
        })  # fmt: skip
    for one in rejections[:3]:
        count = formatting.number(one["n"], lang)
        found.append({
            "kind": "warn", "icon": "stop",
            "fact": f"{one['cause']}: {count}টি ফেরত" if bangla else f"{one['cause']}: {count} rejected",
            "why": words.listed([words.SOURCES.get(s, (s, s))[0 if bangla else 1] for s in one["systems"]], lang),
        })  # fmt: skip
    return found


def router(
    pages: Pages, reads: PortalReads, hand_on: HandOn, *, consent_age: ConsentAge, now: Callable[[], datetime]
) -> APIRouter:
    """Routes under ``/admin``."""
    routes = APIRouter(prefix="/admin", tags=["pages"], route_class=pages_route(pages), default_response_class=Response)

    @routes.get("")
    async def flows(request: Request, caller: Administrator) -> Response:
        """Counters and flows; nothing clinical, no identity number."""
        lang, at = language_of(request), now()
        today = formatting.local(at).date().isoformat()
        found = [_flow(one, lang) for one in await reads.flows(day=today)]
        age = await consent_age()
        return pages.show(
            request,
            "admin_flows.html",
            csrf=csrf_of(request),
            administrator=caller.name or caller.subject,
            now=at,
            attention=_attention(age, await reads.rejections(day=today), lang=lang),
            flows=found,
            sums={name: sum(one[name] for one in found) for name in ("recorded", "rejected")},
            facts=_facts(age, await reads.sizes(), lang),
            counters=counters(await reads.counters(), lang=lang, at=at),
        )

    @routes.get("/counters")
    async def counted(request: Request, caller: Administrator) -> Response:
        """Health IDs issued, by source and ``?by=day|district``; one answer of healthid, so that it adds up."""
        by = "district" if request.query_params.get("by") == "district" else "day"
        answer = await hand_on("healthid", "GET", "/counters", caller=caller, params={"by": by})
        said = answer.json
        if answer.status != 200 or not isinstance(said, dict):
            raise unavailable("The counters cannot be read at the moment.")
        lang = language_of(request)
        return pages.show(
            request, "admin_counters.html", csrf=csrf_of(request), administrator=caller.name or caller.subject,
            now=now(), by=by, **_counted(said, by, lang),
        )  # fmt: skip

    return routes


def _counted(said: dict[str, Any], by: str, lang: str) -> dict[str, Any]:
    """A column for each source that has issued something or is always named, a row for each day or district."""
    columns = sorted(said["by_source"], key=lambda system: -said["by_source"][system])
    rows = [
        (formatting.day(value, lang) if by == "day" else district(value, lang), one["total"],
         [one["by_source"].get(system, 0) for system in columns])
        for value, one in said[f"by_{by}"].items()
    ]  # fmt: skip
    rows = rows[::-1][:DAYS_SHOWN] if by == "day" else sorted(rows, key=lambda row: -row[1])
    return {
        "columns": [words.said(words.SOURCES | words.ROLES, system, lang) for system in columns],
        "rows": rows,
        "left": sum(one["total"] for one in said[f"by_{by}"].values()) - sum(row[1] for row in rows),
        "sums": [said["by_source"][system] for system in columns],
        "total": said["total"],
    }


def _facts(age: float | None, sizes: dict[str, int], lang: str) -> list[dict[str, str]]:
    bangla = lang == "bn"
    told = "–" if age is None else formatting.digits(f"{age:.1f}", lang)
    rows = [
        (
            "অনুমতির অবস্থা" if bangla else "Consent state",
            f"{told} সেকেন্ড আগের" if bangla else f"{told} s old",
            "২ সেকেন্ডের বেশি হলে কিছু দেখানো হয় না" if bangla else "older than 2 s: nothing is shown",
        )
    ]
    names = {
        "people": ("নাগরিক", "People"),
        "profiles": ("রেকর্ড", "Records"),
        "consents": ("অনুমতি ও অনুরোধ", "Permissions and requests"),
    }
    for key, count in sizes.items():
        name = names.get(key, (key, key))[0 if bangla else 1]
        rows.append((name, formatting.number(count, lang), "প্রায়" if bangla else "about"))
    return [{"name": name, "value": value, "note": note} for name, value, note in rows]
