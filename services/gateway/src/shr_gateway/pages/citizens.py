"""A FHIR Patient of healthid as a registrar reads it. Numbers stand as healthid gives them to this reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shr_common.identifiers import UHID, is_health_id

from shr_gateway.pages import formatting, words
from shr_gateway.pages.districts import district

CHANGE = "http://dghs.gov.bd/fhir/StructureDefinition/change"
Shown = dict[str, Any]
_BANGLA = re.compile(r"[\u0980-\u09ff]")
_NAME_FORMS = ("/bd-name-bn", "/bd-name-en")
_PARENTS = {
    "father": frozenset({"fth", "nfth", "father", "পিতা", "বাবা"}),
    "mother": frozenset({"mth", "nmth", "mother", "মাতা", "মা"}),
}


def is_bangla(text: str) -> bool:
    """Whether a text is written in Bangla, for its ``lang`` attribute."""
    return _BANGLA.search(text) is not None


def names_of(names: Sequence[Mapping[str, Any]]) -> list[str]:
    """All forms of HumanNames, each once, those in use before former ones."""
    found: list[str] = []
    for name in sorted(names, key=lambda one: one.get("use") == "old"):
        for holder in (name.get("_text") or {}, name):
            for extension in holder.get("extension", ()):
                if str(extension.get("url", "")).endswith(_NAME_FORMS) and extension.get("valueString"):
                    found.append(str(extension["valueString"]).strip())
        parts = " ".join(part for part in (*name.get("given", ()), name.get("family")) if part)
        found += [form.strip() for form in (name.get("text"), parts) if form and form.strip()]
    return list(dict.fromkeys(found))


def titled(names: Sequence[str], lang: str) -> tuple[str, str]:
    """(the name in the page's language, the one in the other script); either stands in for the other."""
    bangla = next((name for name in names if is_bangla(name)), "")
    latin = next((name for name in names if not is_bangla(name)), "")
    first, second = (bangla, latin) if lang == "bn" else (latin, bangla)
    return (first, second) if first else (second, "")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what is known: ``code`` to compare by, the field's name, its values and their script."""

    code: str
    name: str
    values: list[str] = field(default_factory=list)


def person(patient: Mapping[str, Any], lang: str, *, today: date) -> Shown:
    """Everything a page says of a person."""
    names = names_of(patient.get("name", ()))
    name, other_name = titled(names, lang)
    links = [(one.get("type"), _id_of(one.get("other"))) for one in patient.get("link", ())]
    born, died = patient.get("birthDate"), patient.get("deceasedDateTime") or patient.get("deceasedBoolean")
    return {
        "id": patient["id"],
        "registered": is_health_id(patient["id"]),
        "name": name or ("নাম নেই" if lang == "bn" else "No name"),
        "other_name": other_name,
        "gender": words.said(words.GENDERS, patient.get("gender"), lang),
        "born": born,
        "age": formatting.age_years(born, today) if born and not died else None,
        "died": died,
        "lines": lines(patient, lang, names=names),
        "local_ids": list(_local_ids(patient)),
        "survivor": next((id_ for kind, id_ in links if kind == "replaced-by"), None),
        "absorbed": [id_ for kind, id_ in links if kind == "replaces"],
    }


def lines(patient: Mapping[str, Any], lang: str, *, names: Sequence[str] = ()) -> list[Line]:
    """What is known of a person, in the order in which two people are compared."""
    names = names or names_of(patient.get("name", ()))
    born = patient.get("birthDate")
    gender = patient.get("gender")
    known = [
        ("name", words.said(words.FIELDS, "name", lang), list(names)),
        ("birth_date", words.said(words.FIELDS, "birth_date", lang), [formatting.day(born, lang)] if born else []),
        ("gender", words.said(words.FIELDS, "gender", lang),
         [words.said(words.GENDERS, gender, lang)] if gender else []),
        ("father", "পিতা" if lang == "bn" else "Father", parent(patient, "father")),
        ("mother", "মাতা" if lang == "bn" else "Mother", parent(patient, "mother")),
        ("address", words.said(words.FIELDS, "address", lang), [address(one, lang) for one in _current(patient)]),
        ("telecom", words.said(words.FIELDS, "telecom", lang), phones(patient.get("telecom", ()))),
    ]  # fmt: skip
    for system, (bangla, english) in words.NUMBERS.items():
        known.append((system.rpartition("/")[2], bangla if lang == "bn" else english, numbers(patient, system)))
    return [Line(code, name, values) for code, name, values in known]


def numbers(patient: Mapping[str, Any], system: str) -> list[str]:
    """Identity numbers of one kind, as this reader may see them."""
    found = (str(i.get("value", "")) for i in patient.get("identifier", ()) if i.get("system") == system)
    return [value for value in dict.fromkeys(found) if value]


def parent(patient: Mapping[str, Any], which: str) -> list[str]:
    """A parent's names, from a contact or a contained RelatedPerson."""
    related = [r for r in patient.get("contained", ()) if r.get("resourceType") == "RelatedPerson"]
    for one in (*patient.get("contact", ()), *related):
        said = [r.get("text") for r in one.get("relationship", ())]
        said += [
            c.get(k) for r in one.get("relationship", ()) for c in r.get("coding", ()) for k in ("code", "display")
        ]
        if any(isinstance(text, str) and text.strip().casefold() in _PARENTS[which] for text in said):
            named = one.get("name") or {}
            return names_of(named if isinstance(named, list) else [named])
    return []


def address(said: Mapping[str, Any], lang: str) -> str:
    """An address in one line; a district by its name."""
    parts = [
        *said.get("line", ()),
        said.get("city"),
        district(said["district"], lang) if said.get("district") else None,
    ]
    told = ", ".join(str(part) for part in parts if part)
    return told or str(said.get("text") or "")


def phones(telecom: Sequence[Mapping[str, Any]]) -> list[str]:
    """Phone numbers in use."""
    return [str(one["value"]) for one in telecom if one.get("value") and one.get("use") != "old"]


def _current(patient: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in patient.get("address", ()) if one.get("use") != "old"]


def _local_ids(patient: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in patient.get("identifier", ()):
        if one.get("system") in (UHID, *words.NUMBERS) or not one.get("value"):
            continue
        kind = one.get("type") or {}
        coded = next((c.get("display") or c.get("code") for c in kind.get("coding", ())), None)
        yield str(kind.get("text") or coded or one.get("system") or ""), str(one["value"])


def _id_of(reference: Mapping[str, Any] | None) -> str:
    return str((reference or {}).get("reference", "")).rpartition("/")[2]


def versions(entries: Sequence[Mapping[str, Any]], lang: str) -> list[Shown]:
    """The history, newest first: what was done, by whom, why, and who approved it."""
    return [_version(entry["resource"], lang) for entry in entries]


def _version(patient: Mapping[str, Any], lang: str) -> Shown:
    meta = patient["meta"]
    change: Mapping[str, Any] = next((one for one in meta.get("extension", ()) if one.get("url") == CHANGE), {})
    told = {one["url"]: one.get("valueString", "") for one in change.get("extension", ())}
    by, role = told.get("by", ""), told.get("role")
    return {
        "number": meta.get("versionId"),
        "at": meta.get("lastUpdated"),
        "action": words.said(words.ACTIONS, told.get("action"), lang),
        "by": words.of_source(by, lang) if not role or "/" in by else words.said(words.ROLES, by, lang),
        "role": words.said(words.ROLES, role, lang) if role and role != by else "",
        "reason": told.get("reason"),
        "approved_by": words.said(words.ROLES, told.get("approvedBy"), lang),
    }


def element(name: str, value: Any, lang: str) -> list[str]:
    """An element of a Patient as text, for a change before and after."""
    if value is None or value == []:
        return []
    match name:
        case "name":
            return names_of(value)
        case "gender":
            return [words.said(words.GENDERS, value, lang)]
        case "birthDate" | "deceasedDateTime":
            return [formatting.day(value, lang)]
        case "address":
            return [address(one, lang) for one in value]
        case "telecom":
            return phones(value)
    if isinstance(value, bool):
        return [("হ্যাঁ" if value else "না") if lang == "bn" else ("Yes" if value else "No")]
    return [str(value)]
