"""National identifiers and their checks: Health ID (UHID), NID, birth registration number.

Rules: Health ID = 10-digit base starting with 9 and a Luhn check digit over base digits 2 to 10; series 98 and 99
are central, 91 to 97 are blocks of organisations; a base with one digit four times in a row, or two runs of three
equal digits, is never issued (national Health ID standard). NID = 10, 13 or 17 digits, BRN = 17 digits.
"""

from __future__ import annotations

import re
from typing import Any

UHID = "http://dghs.gov.bd/identifier/uhid"
NID = "http://dghs.gov.bd/identifier/nid"
BRN = "http://dghs.gov.bd/identifier/brn"
KINDS = {UHID: "uhid", NID: "nid", BRN: "brn"}
PROVISIONAL_TAG = ("http://dghs.gov.bd/fhir/tag", "provisional")

_BANGLA_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")
_FOUR_IN_A_ROW = re.compile(r"(\d)\1{3}")
_THREE_IN_A_ROW = re.compile(r"(\d)\1\1")
_HEALTH_ID = re.compile(r"9[1-9]\d{9}", re.ASCII)
_PROVISIONAL = re.compile(r"P-[0-9A-Za-z-]{1,62}", re.ASCII)


def latin_digits(text: str) -> str:
    """The same text with Bangla digits as Latin ones; forms take both."""
    return text.translate(_BANGLA_DIGITS)


def check_digit(base: str) -> int:
    """Luhn over base digits 2 to 10 (the leading 9 is left out). ``base``: 10 digits."""
    total = 0
    for place, character in enumerate(reversed(base[1:])):
        digit = int(character)
        if place % 2 == 0:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return (10 - total % 10) % 10


def is_issuable_base(base: str) -> bool:
    """Whether a 10-digit base may be given to a person (no long runs of one digit)."""
    return not _FOUR_IN_A_ROW.search(base) and len(_THREE_IN_A_ROW.findall(base)) < 2


def health_id(base: str) -> str:
    """The 11-digit Health ID of a 10-digit base."""
    return f"{base}{check_digit(base)}"


def is_health_id(text: str) -> bool:
    """Whether text is a well-formed Health ID with a right check digit."""
    return bool(_HEALTH_ID.fullmatch(text)) and check_digit(text[:10]) == int(text[10])


def is_provisional_id(text: str) -> bool:
    """Whether text names a provisional person (``P-…``)."""
    return bool(_PROVISIONAL.fullmatch(text))


def is_person_id(text: str) -> bool:
    """A Health ID or a provisional id."""
    return is_health_id(text) or is_provisional_id(text)


def is_nid(text: str) -> bool:
    """10, 13 or 17 ASCII digits."""
    return text.isascii() and text.isdigit() and len(text) in (10, 13, 17)


def is_brn(text: str) -> bool:
    """17 ASCII digits."""
    return text.isascii() and text.isdigit() and len(text) == 17


def masked(number: str) -> str:
    """All but the last three characters hidden; the length stays."""
    return "*" * max(len(number) - 3, 0) + number[-3:]


def local_system(identifier: dict[str, Any]) -> str:
    """What tells apart the local identifiers of one source: the system, else the type, else nothing.

    healthid (registrations) and records (bundles) must read it alike. Of a type its text, else its first code.
    """
    system = identifier.get("system")
    if isinstance(system, str) and system:
        return system
    kind = identifier.get("type")
    if not isinstance(kind, dict):
        return ""
    if isinstance(kind.get("text"), str) and kind["text"]:
        return str(kind["text"])
    codings = kind.get("coding")
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    return str(first.get("code") or "")
