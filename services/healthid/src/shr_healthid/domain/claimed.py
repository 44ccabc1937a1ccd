"""The identifiers of a Patient: national numbers as their sender claims them, her Health ID, local ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shr_common.errors import Issue
from shr_common.identifiers import NID, UHID, is_brn, is_health_id, is_nid, latin_digits, local_system

from shr_healthid.domain.legacy import HID, called_national, kind_of
from shr_healthid.domain.person import LocalId

_NATIONAL = "http://dghs.gov.bd/identifier/"
_ELEVEN = re.compile(r"9[1-9]\d{9}", re.ASCII)
_SPACED = re.compile(r"[\s\-\u200b-\u200f]+")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A number as the sender wrote it, and where."""

    kind: str
    value: str = field(repr=False)
    expression: str


def identifiers_of(patient: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each identifier, and where it stands."""
    for place, identifier in enumerate(patient.get("identifier", ())):
        yield f"Patient.identifier[{place}]", identifier


def numbers_of(patient: dict[str, Any], issues: list[Issue], *, masked_allowed: bool) -> Iterator[Claimed]:
    """Each NID and BRN; what is wrong with others goes to ``issues``. ``masked_allowed``: as others see them."""
    seen: dict[tuple[str, int | str], str] = {}
    for place, identifier in identifiers_of(patient):
        kind = kind_of(identifier)
        if kind not in ("nid", "brn"):
            continue
        value = identifier.get("value")
        if value is None or (masked_allowed and "*" in value):
            continue
        if wrong := _malformed(kind, value, f"{place}.value"):
            issues.append(wrong)
            continue
        if seen.setdefault((kind, len(value)), value) != value:
            text = f"Two different numbers of {len(value)} digits cannot both be this person's {kind.upper()}."
            bangla = f"একই ব্যক্তির দুটি ভিন্ন {len(value)} অঙ্কের {kind.upper()} হতে পারে না।"
            issues.append(Issue(text, expression=f"{place}.value", code="business-rule", text_bn=bangla))
            continue
        if seen.setdefault(("any", value), kind) != kind:
            text = "One number cannot be both an NID and a BRN. Send it under the system that it has."
            bangla = "একই নম্বর এনআইডি ও জন্ম নিবন্ধন দুটোই হতে পারে না। সঠিক সিস্টেম দিয়ে পাঠান।"
            issues.append(Issue(text, expression=f"{place}.value", code="business-rule", text_bn=bangla))
            continue
        yield Claimed(kind, value, f"{place}.value")


def _malformed(kind: str, value: str, at: str) -> Issue | None:
    """Why a number is no NID or BRN. The number itself is never repeated."""
    if (is_nid if kind == "nid" else is_brn)(value):
        return None
    lengths, bangla_lengths = ("10, 13 or 17", "১০, ১৩ বা ১৭") if kind == "nid" else ("17", "১৭")
    name = kind.upper()
    if kind == "brn" and is_nid(value):
        text = f"This is no BRN: with {len(value)} digits it looks like an NID. Send it with the system {NID}."
        bangla = f"এটি জন্ম নিবন্ধন নম্বর নয়: {len(value)} অঙ্কের, এনআইডি মনে হয়। {NID} সিস্টেম দিয়ে পাঠান।"
    elif latin_digits(value) != value:
        text = f"Write the {name} in Latin digits (0-9); Bangla digits are not accepted in identifiers."
        bangla = f"{name} ইংরেজি অঙ্কে (0-9) লিখুন; পরিচিতি নম্বরে বাংলা অঙ্ক গ্রহণযোগ্য নয়।"
    elif _SPACED.search(value):
        text = f"Write the {name} without spaces or hyphens: {lengths} digits."
        bangla = f"{name} ফাঁকা বা হাইফেন ছাড়া লিখুন: {bangla_lengths} অঙ্ক।"
    elif not (value.isascii() and value.isdigit()):
        text = f"An {name} has digits only: {lengths} of them." if kind == "nid" else "A BRN has 17 digits only."
        bangla = f"{name}-এ শুধু অঙ্ক থাকে: {bangla_lengths}টি।"
    else:
        text = f"{'An NID' if kind == 'nid' else 'A BRN'} has {lengths} digits; this one has {len(value)}."
        bangla = f"{name} হয় {bangla_lengths} অঙ্কের; এখানে আছে {len(value)}টি।"
    return Issue(text, expression=at, code="value", text_bn=bangla, rule=f"identity-{kind}")


def uhid_of(patient: dict[str, Any], issues: list[Issue]) -> tuple[str | None, str | None]:
    """The Health ID and where it stands."""
    for place, identifier in identifiers_of(patient):
        value = identifier.get("value")
        if identifier.get("system") != UHID or value is None:
            continue  # BD-Core asks for the slice; until there is a Health ID it stays without a value
        if wrong := _not_a_health_id(value, f"{place}.value"):
            issues.append(wrong)
            continue
        return str(value), f"{place}.value"
    return None, None


def _not_a_health_id(value: str, at: str) -> Issue | None:
    if is_health_id(value):
        return None
    if _ELEVEN.fullmatch(value):
        text = "The check digit of this Health ID is wrong: a digit was mistyped, or two were swapped. Read it again."
        bangla = "হেলথ আইডির যাচাই অঙ্ক মেলে না: কোনো অঙ্ক ভুল বা দুটি অঙ্ক অদলবদল হয়েছে। আবার মিলিয়ে লিখুন।"
    else:
        text = "This is not a Health ID: 11 digits that start with 9, the last a check digit. Leave it out."
        bangla = "এটি হেলথ আইডি নয়: ৯ দিয়ে শুরু ১১ অঙ্ক, শেষটি যাচাই অঙ্ক। এটি বাদ দিন।"
    return Issue(text, expression=at, code="value", text_bn=bangla, rule="identity-uhid")


def local_ids_of(patient: dict[str, Any], source: str, numbers: tuple[Claimed, ...]) -> Iterator[LocalId]:
    """A local identifier that repeats a national number is none: numbers stand in no event."""
    national = {number.value for number in numbers}
    for _, identifier in identifiers_of(patient):
        value = identifier.get("value")
        if not value or value in national or called_national(identifier) or not _is_local(identifier):
            continue
        yield LocalId(source, local_system(identifier), value)
    own_id = patient.get("id")
    if isinstance(own_id, str) and own_id not in national and not is_health_id(own_id):
        yield LocalId(source, "", own_id)


def without_national(patient: dict[str, Any]) -> dict[str, Any]:
    """The Patient as it is kept: without id, versions and national identifiers."""
    kept = {name: value for name, value in patient.items() if name not in ("id", "identifier", "meta")}
    others = [i for _, i in identifiers_of(patient) if _is_local(i)]
    if others:
        kept["identifier"] = others
    meta = {n: v for n, v in patient.get("meta", {}).items() if n in ("profile", "security", "tag")}
    if meta:
        kept["meta"] = meta
    return kept


def _is_local(identifier: dict[str, Any]) -> bool:
    """Whether an identifier is the sender's own, or a Health ID of the older registry, which is kept like one."""
    system = identifier.get("system", "")
    return system == HID or not system.startswith(_NATIONAL)
