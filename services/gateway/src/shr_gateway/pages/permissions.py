"""Requests, permissions and looks as sentences about people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from shr_gateway.pages import formatting, words

Value = Mapping[str, Any]
Registry = Mapping[str, Mapping[str, Any]]
"""Registry entries by ``Practitioner/<id>`` and ``Organization/<id>``: ``{name, name_bn}``."""


def references_of(values: Iterable[Value]) -> set[str]:
    """The registry entries that these consents name."""
    found = set()
    for value in values:
        recipient = value.get("recipient")
        if recipient:
            kind = "Practitioner" if recipient["type"] == "practitioner" else "Organization"
            found.add(f"{kind}/{recipient['id']}")
    return found


def named(entry: Mapping[str, Any] | None, fallback: str, lang: str) -> str:
    """A name in the page's language."""
    if entry is None:
        return fallback
    return str((entry.get("name_bn") if lang == "bn" else entry.get("name")) or entry.get("name") or fallback)


def recipient(value: Value, registry: Registry, lang: str) -> tuple[str, bool]:
    """(name, whether the registry knows them)."""
    who = value.get("recipient") or {}
    kind = "Practitioner" if who.get("type") == "practitioner" else "Organization"
    entry = registry.get(f"{kind}/{who.get('id')}")
    return named(entry, str(who.get("id", "")), lang), entry is not None


def asked(document: Value, registry: Registry, facilities: Mapping[str, str], *, lang: str) -> dict[str, Any]:
    """A request, as a line: who, from where."""
    value = document["value"]
    name, known = recipient(value, registry, lang)
    who = (value.get("recipient") or {}).get("id", "")
    return {"id": document["_id"], "asker": name, "registered": known, "facility": facilities.get(who, "")}


def request(document: Value, line: Value, *, lang: str, now: datetime) -> dict[str, Any]:
    """A request with its choices: preset as asked, only narrower ones beside it."""
    value = document["value"]
    types = value.get("record_types") or "*"
    offered = words.ASKABLE if isinstance(types, str) else types
    return dict(line) | {
        "at": document["at"],
        "purpose": _purpose(value.get("purpose"), lang),
        "types": [(one, words.of_type(one, lang)) for one in offered],
        "periods": _periods(value, lang),
        "expiries": _expiries(value, lang, now),
    }


def _purpose(code: str | None, lang: str) -> str:
    return words.PURPOSES.get(code or "", ("", ""))[0 if lang == "bn" else 1]


def _periods(value: Value, lang: str) -> list[dict[str, str]]:
    bangla = lang == "bn"
    start = (value.get("record_period") or {}).get("start")
    if start:
        as_asked = f"{formatting.day(start, lang)} থেকে" if bangla else f"Since {formatting.day(start, lang)}"
    else:
        as_asked = "সব সময়ের" if bangla else "All of it"
    return [
        {"value": "", "text": as_asked},
        {"value": "365", "text": "শুধু গত ১ বছর" if bangla else "Only the last year"},
    ]


def _expiries(value: Value, lang: str, now: datetime) -> list[dict[str, str]]:
    ends = value.get("expires_at")
    bangla = lang == "bn"
    as_asked = ("আপনি তুলে না নেওয়া পর্যন্ত" if bangla else "Until you withdraw it") if not ends else (
        f"{formatting.day(ends, lang)} পর্যন্ত" if bangla else f"Until {formatting.day(ends, lang)}"
    )  # fmt: skip
    choices = [{"value": "", "text": as_asked}]
    for days, in_bangla, in_english in ((30, "৩০ দিন", "30 days"), (7, "৭ দিন", "7 days"), (1, "১ দিন", "1 day")):
        if ends is None or formatting.local(ends) > now + timedelta(days=days):
            choices.append({"value": str(days), "text": in_bangla if bangla else in_english})
    return choices


def narrowed(value: Value, fields: Sequence[tuple[str, str]], *, now: datetime) -> dict[str, Any]:
    """What the citizen left ticked, as the body of a grant; empty when it is as asked."""
    ticked = [text for name, text in fields if name == "record_types"]
    said = dict(fields)
    body: dict[str, Any] = {}
    types = value.get("record_types") or "*"
    offered = list(words.ASKABLE if isinstance(types, str) else types)
    if set(ticked) != set(offered):
        body["record_types"] = ticked
    if said.get("period", "").isdigit():
        start = (now - timedelta(days=int(said["period"]))).date().isoformat()
        was = value.get("record_period") or {}
        body["record_period"] = {**was, "start": max(start, str(was.get("start") or "")[:10])}
    if said.get("expires", "").isdigit():
        until = (now + timedelta(days=int(said["expires"]))).astimezone(UTC)
        body["expires_at"] = until.isoformat(timespec="seconds").replace("+00:00", "Z")
    return body


def granted(document: Value, registry: Registry, *, lang: str) -> dict[str, Any]:
    """A permission in force, as a line."""
    value = document["value"]
    what = words.of_types(value.get("record_types") or "*", lang)
    return {
        "id": document["_id"],
        "who": recipient(value, registry, lang)[0],
        "what": what,
        "until": value.get("expires_at"),
    }


def look(document: Value, registry: Registry, consents: Mapping[str, Value], *, lang: str) -> dict[str, Any]:
    """One look, ready for its sentence."""
    actor = document["actor"]
    what = [(one["type"], one["count"]) for one in document.get("what") or () if one["count"]]
    permission = consents.get(document.get("consent_id") or "")
    emergency = document.get("break_glass")
    return {
        "at": document["at"],
        "decision": document["decision"],
        "emergency": bool(emergency),
        "reason": (emergency or {}).get("reason"),
        "who": _looker(actor, registry, lang),
        "what": words.looked_at(what, lang) or ("সারসংক্ষেপ" if lang == "bn" else "summary"),
        "purpose": _purpose(document.get("purpose"), lang),
        "facility": named(registry.get(f"Organization/{actor.get('facility')}"), actor.get("facility") or "", lang),
        "permission_of": permission and permission.get("granted_at"),
    }


def _looker(actor: Value, registry: Registry, lang: str) -> str:
    bangla = lang == "bn"
    if actor["role"] == "administrator":
        return "স্বাস্থ্য অধিদপ্তরের একজন প্রশাসক" if bangla else "An administrator of the DGHS"
    entry = registry.get(f"Practitioner/{actor['id']}") or registry.get(f"Organization/{actor['id']}")
    return named(entry, str(actor.get("name") or actor["id"]), lang)


def by_day(looks: Iterable[Value], *, lang: str) -> list[tuple[str, list[Value]]]:
    """Looks by day of Dhaka, newest first."""
    grouped = groupby(looks, key=lambda one: formatting.local(one["at"]).date())
    return [(formatting.day(on, lang), list(same)) for on, same in grouped]


def tally(documents: Iterable[Value], own: Iterable[str]) -> dict[str, int]:
    """Who looked how often in the time that the page shows; her own looks apart."""
    herself = set(own)
    people, emergencies, refused, mine = set(), 0, 0, 0
    for one in documents:
        if one["actor"]["id"] in herself:
            mine += 1
        elif one["decision"] == "deny":
            refused += 1
        else:
            people.add(one["actor"]["id"])
            emergencies += bool(one.get("break_glass"))
    return {"people": len(people), "emergencies": emergencies, "refused": refused, "own": mine}
