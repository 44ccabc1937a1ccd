"""What the older registry (MCI of SharedHealth) left behind: its Health IDs, and identifiers named by type only.

Its Health IDs have 11 digits; those from 9 on have today's check digit, earlier ones (also of 13 and 19 digits) none.
They are accepted as former ids: kept as identifiers, and answering as the person for ever.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from shr_common.errors import Issue
from shr_common.identifiers import KINDS, is_brn, is_health_id, is_nid

from shr_healthid.domain.blocks import is_offline_id
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.person import Person

HID = "http://dghs.gov.bd/identifier/hid"
"""The system to send them under. The older registry wrote the address of the patient instead; that is read, too."""
FORMER_LIMIT = 5
_ADDRESS = re.compile(r"https?://[^/]+/+api/[^/]+/patients/[^/]*", re.ASCII)
_FORM = re.compile(r"\d{11}|\d{13}|\d{19}", re.ASCII)
_HEALTH_ID_WORDS = re.compile(r"\bhid\b|\bhealth\W*id", re.IGNORECASE)
_NID_WORDS = re.compile(unicodedata.normalize("NFC", r"\bnid\b|\bnational\W*id|জাতীয়\s*পরিচয়"), re.IGNORECASE)
_BRN_WORDS = re.compile(r"\bbrn\b|\bbirth\W*reg|জন্ম\s*নিবন্ধন", re.IGNORECASE)
_WORDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Former:
    """A Health ID of the older registry, and where it stands."""

    value: str
    expression: str


def kind_of(identifier: dict[str, Any]) -> str | None:
    """``nid``, ``brn`` or ``uhid`` by system; by its type's words an NID or BRN that has its form; else None."""
    kind = KINDS.get(identifier.get("system", ""))
    if kind is not None:
        return kind
    words, value = _words(identifier), identifier.get("value") or ""
    if _NID_WORDS.search(words) and is_nid(value):
        return "nid"
    return "brn" if _BRN_WORDS.search(words) and is_brn(value) else None


def called_national(identifier: dict[str, Any]) -> bool:
    """Whether its type says that it is an NID or BRN, whatever stands in it: never a local id, since those are told."""
    words = _words(identifier)
    return bool(_NID_WORDS.search(words) or _BRN_WORDS.search(words))


def is_former(identifier: dict[str, Any]) -> bool:
    """Whether an identifier is a Health ID of the older registry."""
    system = identifier.get("system", "")
    if system == HID:
        return True
    return bool(_ADDRESS.fullmatch(system)) and bool(_HEALTH_ID_WORDS.search(_words(identifier)))


def _words(identifier: dict[str, Any]) -> str:
    kind = identifier.get("type") or {}
    said = [kind.get("text")]
    for coding in kind.get("coding", ()):
        said += [coding.get("code"), coding.get("display")]
    words = "\n".join(text[:_WORDS_LIMIT] for text in said if text).replace("_", " ")
    return unicodedata.normalize("NFC", words)


def formers_in(identifiers: Iterable[tuple[str, dict[str, Any]]], issues: list[Issue]) -> Iterator[Former]:
    """The former Health IDs among (place, identifier); what is wrong with others goes to ``issues``."""
    found = 0
    for place, identifier in identifiers:
        value = identifier.get("value")
        if value is None or not is_former(identifier):
            continue
        found += 1
        at = f"{place}.value"
        if wrong := _problem(value, at, found):
            issues.append(wrong)
        else:
            yield Former(value, at)


def _problem(value: str, at: str, number: int) -> Issue | None:
    if number > FORMER_LIMIT:
        return _issue(f"A Patient may have {FORMER_LIMIT} former Health IDs at most.",
                      f"একজনের পুরোনো হেলথ আইডি সর্বোচ্চ {FORMER_LIMIT}টি হতে পারে।", at)  # fmt: skip
    if not _FORM.fullmatch(value):
        return _issue("A Health ID of the older registry has 11, 13 or 19 digits.",
                      "পুরোনো নিবন্ধনের হেলথ আইডি ১১, ১৩ বা ১৯ অঙ্কের।", at)  # fmt: skip
    if len(value) == 11 and value[0] == "9" and not is_health_id(value):
        return _issue("The check digit of this former Health ID is wrong. Read it again.",
                      "পুরোনো হেলথ আইডির যাচাই অঙ্ক মেলে না। আবার মিলিয়ে লিখুন।", at)  # fmt: skip
    if is_offline_id(value):
        return _issue("The older registry issued no Health IDs of the series 91 to 97. Send it as a Health ID.",
                      "পুরোনো নিবন্ধন ৯১ থেকে ৯৭ সিরিজের হেলথ আইডি দেয়নি। এটি হেলথ আইডি হিসেবে পাঠান।", at)  # fmt: skip
    return None


def _issue(text: str, text_bn: str, at: str) -> Issue:
    return Issue(text, expression=at, code="value", rule="identity-hid", text_bn=text_bn)


def may_stand_in_address(text: str) -> bool:
    """Whether a text may be looked up as a former Health ID by URL; one of 13 digits could be an NID, and may not."""
    return bool(_FORM.fullmatch(text)) and len(text) != 13


def claim_formers(
    ledger: Ledger, person: Person, formers: Iterable[Former], intake: Intake
) -> tuple[Person, tuple[Issue, ...]]:
    """The person under her former ids as well; one that is somebody else's stays his, with a warning and a review."""
    warnings = []
    for former in formers:
        holder = ledger.current(former.value)
        if holder is None:
            person = replace(
                person, version=person.version + 1, replaces=(*person.replaces, former.value), updated_at=intake.at,
                updated_by=intake.source,
            )  # fmt: skip
            ledger.alias(former.value, person)
            person = ledger.put(person, also_under=(former.value,), trace=intake.traceparent)
        elif ledger.root(holder).id != ledger.root(person).id:
            ledger.review("former-id-shared", [person, holder], intake)
            warnings.append(
                Issue("This former Health ID is another person's here. A reviewer will look at it.",
                      expression=former.expression, code="duplicate", severity="warning", rule="identity-hid",
                      text_bn="এই পুরোনো হেলথ আইডি এখানে অন্য একজনের। একজন পর্যালোচক এটি দেখবেন।")
            )  # fmt: skip
    return person, tuple(warnings)
