"""Cases of the review queue and changes that wait for approval, as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shr_gateway.pages import citizens, formatting, words
from shr_gateway.pages.citizens import Line, Shown

ALMOST_CERTAIN = 0.95
LIKELY = 0.5
WORD_OF_HALF_A_PHONE = 11


@dataclass(frozen=True, slots=True)
class Side:
    """One column of a comparison: a person, or what was sent or proven. ``id`` is None for what is no person."""

    id: str | None
    title: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Row:
    """One field on all sides. ``verdict``: ``differs``, ``spelled`` (names), ``same``; nothing: a side is silent."""

    name: str
    cells: list[list[str]]
    verdict: str

    @property
    def wide(self) -> bool:
        """Whether a cell has a word too long for half a phone, such as a number."""
        longest = (len(word) for cell in self.cells for value in cell for word in value.split())
        return max(longest, default=0) > WORD_OF_HALF_A_PHONE


def certainty(value: float, lang: str) -> tuple[str, str]:
    """(kind of pill, words with a per cent) of how likely a case is one person."""
    kind, bangla, english = ("", "কম সম্ভাবনা", "Unlikely")
    if value >= ALMOST_CERTAIN:
        kind, bangla, english = ("warn", "প্রায় নিশ্চিত", "Almost certain")
    elif value >= LIKELY:
        kind, bangla, english = ("info", "সম্ভাব্য", "Possible")
    share = formatting.number(round(value * 100), lang)
    return kind, f"{bangla if lang == 'bn' else english}, {share}%"


def listed(case: Mapping[str, Any], lang: str, *, me: str) -> Shown:
    """A case in the queue."""
    kind, told = certainty(case["certainty"], lang)
    assigned = case.get("assigned")
    decision = case.get("decision")
    return {
        "id": case["id"],
        "kind": words.said(words.CASES, case["kind"], lang),
        "certainty": told,
        "pill": kind,
        "persons": case["persons"],
        "source": words.of_source(case["source"], lang),
        "at": case["at"],
        "open": case["status"] == "open",
        "mine": assigned == me,
        "assigned": words.said(words.ROLES, assigned, lang),
        "decision": decided(decision, lang),
    }


def decided(decision: Mapping[str, Any] | None, lang: str) -> Shown | None:
    """A decision in words."""
    if decision is None:
        return None
    return {
        "code": decision["decision"],
        "word": words.said(words.DECISIONS, decision["decision"], lang),
        "by": words.said(words.ROLES, decision["by"], lang),
        "at": decision["at"],
        "reason": decision.get("reason"),
        "survivor": decision.get("survivor"),
    }


def explanation(about: Mapping[str, Any], lang: str) -> list[Shown]:
    """What the score is made of, line by line; what speaks for one person, and what against."""
    found = []
    for part in about.get("explanation") or ():
        weight = part.get("weight")
        against = part.get("level") == "differs" if weight is None else weight < 0
        found.append({"text": part.get("text_bn" if lang == "bn" else "text", ""), "against": against})
    return found


def sides(case: Mapping[str, Any], lang: str) -> list[Side]:
    """The columns: the people, then what was sent, then what the national service says."""
    found = [person_side(patient, lang) for patient in case["people"]]
    about = case.get("about") or {}
    for name, bangla, english in (
        ("sent", "যা পাঠানো হয়েছে", "What was sent"),
        ("national", "জাতীয় তথ্য", "National register"),
    ):
        if isinstance(about.get(name), Mapping):
            found.append(Side(None, bangla if lang == "bn" else english, _lines_of_side(about[name], lang)))
    return found


def person_side(patient: Mapping[str, Any], lang: str) -> Side:
    """A person as a column."""
    names = citizens.names_of(patient.get("name", ()))
    return Side(patient["id"], citizens.titled(names, lang)[0], citizens.lines(patient, lang, names=names))


def _lines_of_side(said: Mapping[str, Any], lang: str) -> list[Line]:
    names = [{"text": name} for name in said.get("names") or ()]
    patient = {"name": names, "gender": said.get("gender"), "birthDate": said.get("birth_date")}
    return citizens.lines(patient, lang)


def compared(columns: Sequence[Side], *, differing: Sequence[str] = ()) -> list[Row]:
    """Field by field. ``differing``: what healthid says contradicts; other fields are compared as they are shown."""
    rows = []
    for lines in zip(*(side.lines for side in columns), strict=True):
        cells = [line.values for line in lines]
        if any(cells):
            rows.append(Row(lines[0].name, cells, _verdict(lines[0].code, cells, differing)))
    return rows


def _verdict(code: str, cells: Sequence[Sequence[str]], differing: Sequence[str]) -> str:
    if len(cells) < 2 or not all(cells):
        return ""
    folded = [{value.casefold() for value in cell} for cell in cells]
    shared = set.intersection(*folded)
    if code in differing or (not shared and code != "name"):
        return "differs"
    if code == "name" and any(one != folded[0] for one in folded):
        return "spelled"
    return "same"


def change(approval: Mapping[str, Any], lang: str) -> Shown:
    """A change that waits, or was decided: each element before and after."""
    status = approval["status"]
    return {
        "id": approval["id"],
        "person": approval["person"],
        "fields": words.listed([words.said(words.FIELDS, c["field"], lang) for c in approval["changes"]], lang),
        "rows": [
            Row(
                words.said(words.FIELDS, c["field"], lang),
                [citizens.element(c["field"], c[when], lang) for when in ("before", "after")],
                "differs",
            )
            for c in approval["changes"]
        ],
        "asked_by": _asker(approval, lang),
        "source": words.of_source(approval["source"], lang),
        "at": approval["at"],
        "reason": approval.get("reason"),
        "pending": status == "pending",
        "status": words.said(words.DECISIONS, status, lang),
        "pill": {"pending": ("warn", "clock"), "approved": ("ok", "check")}.get(status, ("bad", "stop")),
        "decision": decided(approval.get("decision"), lang),
    }


def _asker(approval: Mapping[str, Any], lang: str) -> str:
    by = str(approval["asked_by"])
    return words.of_source(by, lang) if "/" in by else words.said(words.ROLES, by, lang)


def born_on(typed: str) -> str | None:
    """A birth date as people type it (``20/05/1985``, ``1985-05-20``, ``1985``) in ISO; None when it is none."""
    parts = typed.replace("/", "-").replace(".", "-").split("-")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    if len(parts) == 3 and len(parts[2]) == 4:
        parts.reverse()
    if len(parts[0]) != 4 or len(parts) > 3:
        return None
    parts = [parts[0], *(part.zfill(2) for part in parts[1:])]
    try:
        date(int(parts[0]), *(int(part) for part in (*parts[1:], "1", "1")[:2]))
    except ValueError:
        return None
    return "-".join(parts)
