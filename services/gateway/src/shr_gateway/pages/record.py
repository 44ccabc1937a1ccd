"""From the profile, as every reader gets it, to what a page shows: names in the page's language, trends, months."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from shr_gateway.domain.identity import UNKNOWN
from shr_gateway.pages import formatting, words

Item = Mapping[str, Any]
HIGH = frozenset({"H", "HH", "HU", ">"})
LOW = frozenset({"L", "LL", "LU", "<"})
_DOSE = re.compile(r"\s*([0-9০-৯]+)\s*\+\s*([0-9০-৯]+)\s*\+\s*([0-9০-৯]+)\s*", re.ASCII)
TREND_LIMIT = 8


def name_of(item: Item, lang: str) -> str:
    """What it is called on this page."""
    return str((item.get("display_bn") if lang == "bn" else None) or item["display"])


def facility_of(item: Item, lang: str) -> str:
    """Where it was written, by name where the registry knows it."""
    named = (item.get("facility_name_bn") if lang == "bn" else None) or item.get("facility_name")
    return str(named or item.get("facility") or "")


def line(item: Item, lang: str) -> dict[str, Any]:
    """The plain line of a list."""
    code = item.get("code") or {}
    return {
        "name": name_of(item, lang),
        "date": item.get("date"),
        "facility": facility_of(item, lang),
        "code": code.get("code"),
        "dose": item.get("dose"),
        "reference": item["reference"],
    }


def medicine(item: Item, lang: str) -> dict[str, Any]:
    """A medicine; ``times`` is morning, noon and night when the dose is written 1+0+1."""
    dose = item.get("dose") or ""
    times = _DOSE.match(str(dose))
    return line(item, lang) | {"times": times.groups() if times else None}


def results(items: Iterable[Item], lang: str) -> list[dict[str, Any]]:
    """The newest result of each kind with its trend, newest kinds first."""
    by_kind: dict[str, list[Item]] = {}
    for item in items:
        by_kind.setdefault(_kind_of(item), []).append(item)
    return [_result(same, lang) for same in by_kind.values()]


def _kind_of(item: Item) -> str:
    code = item.get("code") or {}
    return f"{code.get('system')}|{code.get('code')}|{item.get('unit')}" if code else f"{item['display']}"


def _result(same: Sequence[Item], lang: str) -> dict[str, Any]:
    """``same``: results of one kind, newest first."""
    newest = same[0]
    known = [one["value"] for one in same if isinstance(one.get("value"), int | float)]
    series = [float(value) for value in reversed(known[:TREND_LIMIT])] if len(known) > 1 else []
    name = name_of(newest, lang)
    earlier = ", ".join(str(value) for value in reversed(known[1:TREND_LIMIT]))
    label = f"{name}: {earlier}; {'এখন' if lang == 'bn' else 'now'} {newest.get('value')}"
    return line(newest, lang) | {
        "value": _shown_value(newest),
        "unit": newest.get("unit"),
        "range": newest.get("range"),
        "low": newest.get("low"),
        "high": newest.get("high"),
        "series": series,
        "label": label,
        "flag": _flag(newest.get("flag"), lang),
    }


def _shown_value(item: Item) -> str:
    if item.get("value") is not None:
        return str(item["value"])
    parts = [str(part["value"]) for part in item.get("components") or () if part.get("value") is not None]
    return "/".join(parts)


def _flag(code: str | None, lang: str) -> dict[str, str] | None:
    bangla = lang == "bn"
    if code in HIGH:
        return {"kind": "bad", "icon": "up", "level": "high", "word": "▲ বেশি" if bangla else "▲ High"}
    if code in LOW:
        return {"kind": "bad", "icon": "down", "level": "low", "word": "▼ কম" if bangla else "▼ Low"}
    if code == "N":
        return {"kind": "ok", "icon": "check", "level": "", "word": "স্বাভাবিক" if bangla else "Normal"}
    return None


def months(timeline: Iterable[Item], lang: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """The timeline by month, newest first; what has no date stands last, under no month."""
    grouped = []
    for key, rows in groupby(timeline, key=lambda item: str(item.get("date") or "")[:7]):
        name = formatting.month(key, lang) if key else ("তারিখ নেই" if lang == "bn" else "No date")
        grouped.append((name, [_entry(item, lang) for item in rows]))
    return grouped


def _entry(item: Item, lang: str) -> dict[str, Any]:
    told = item.get("date") or ""
    on = formatting.day(told, lang).split(" ")[0] if len(told) >= 10 else "–"
    kind = words.RECORD_TYPES.get(item["type"])
    where = facility_of(item, lang)
    if kind is not None:
        where = (
            f"{kind[0] if lang == 'bn' else kind[1].capitalize()} · {where}"
            if where
            else kind[0 if lang == "bn" else 1]
        )
    return {"date": told[:10], "day": on, "weekday": "", "what": name_of(item, lang), "where": where}


def person(identity: Mapping[str, Any], *, health_id: str, today: date, lang: str) -> dict[str, Any]:
    """The banner: names, age, place; ``known``: whether anything is known of who this is."""
    born = identity.get("birth_date")
    age = formatting.age_years(born, today) if born else None
    bangla = lang == "bn"
    gender = {
        "female": "নারী" if bangla else "Female",
        "male": "পুরুষ" if bangla else "Male",
        "other": "অন্যান্য" if bangla else "Other",
    }.get(identity.get("gender") or "", "")
    years = f"{formatting.number(age, lang)} {'বছর' if bangla else 'y'}" if age is not None else ""
    place = ", ".join(str(identity[part]) for part in ("upazila", "district") if identity.get(part))
    return {
        "health_id": health_id,
        "known": identity["status"] != UNKNOWN,
        "name": identity.get("name") or health_id,
        "name_bn": identity.get("name_bn"),
        "age": age,
        "birth_date": born,
        "place": place,
        "about": ", ".join(part for part in (gender, years) if part),
    }
