"""The columns of registry files: which kinds of line there are, what each column may hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from shr_common.identifiers import latin_digits

TEXT_LIMIT = 300
ID = re.compile(r"[A-Za-z0-9\-.]{1,40}", re.ASCII)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
PHONE = re.compile(r"\+?[0-9 \-]{5,20}", re.ASCII)
GENDERS = ("male", "female", "other", "unknown")
FACILITY_TYPES = ("hospital", "upazila-health-complex", "clinic", "laboratory", "pharmacy", "office")
YES = frozenset({"", "true", "yes", "1", "active", "open"})
NO = frozenset({"false", "no", "0", "inactive", "closed"})


def text(cell: str) -> str:
    """Words of a person: NFC, no control characters, 300 characters at most."""
    cleaned = unicodedata.normalize("NFC", cell)
    if len(cleaned) > TEXT_LIMIT:
        raise ValueError(f"is longer than {TEXT_LIMIT} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in cleaned):
        raise ValueError("holds control characters")
    return cleaned


def identifier(cell: str) -> str:
    """A number or code that serves as an id (Bangla digits are taken too)."""
    cleaned = latin_digits(cell)
    if not ID.fullmatch(cleaned):
        raise ValueError("may have letters, digits, '-' and '.' only, 40 at most")
    return cleaned


def day(cell: str) -> date:
    """A date as YYYY-MM-DD."""
    cleaned = latin_digits(cell)
    if not DATE.fullmatch(cleaned):
        raise ValueError("is no date of the form YYYY-MM-DD")
    try:
        return date.fromisoformat(cleaned)
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def yes_or_no(cell: str) -> bool:
    """Active or not."""
    said = cell.casefold()
    if said not in YES | NO:
        raise ValueError("must be true or false (or yes/no, 1/0, open/closed)")
    return said in YES


def one_of(*choices: str) -> Callable[[str], str]:
    """A word of a closed list."""

    def check(cell: str) -> str:
        if cell.casefold() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return cell.casefold()

    return check


def degrees(limit: float) -> Callable[[str], float]:
    """A coordinate."""

    def check(cell: str) -> float:
        try:
            number = float(latin_digits(cell))
        except ValueError:
            raise ValueError("is no number") from None
        if not -limit <= number <= limit:
            raise ValueError(f"must lie between -{limit:g} and {limit:g}")
        return number

    return check


def phone(cell: str) -> str:
    """A telephone number of a facility."""
    cleaned = latin_digits(cell)
    if not PHONE.fullmatch(cleaned):
        raise ValueError("is no telephone number")
    return cleaned


Reader = Callable[[str], Any]
COLUMNS: Mapping[str, Mapping[str, Reader]] = {
    "facility": {
        "code": identifier, "name": text, "name_bn": text, "type": one_of(*FACILITY_TYPES), "division": text,
        "district": text, "upazila": text, "address": text, "phone": phone, "latitude": degrees(90),
        "longitude": degrees(180), "parent": identifier, "active": yes_or_no,
    },
    "practitioner": {
        "number": identifier, "name": text, "name_bn": text, "gender": one_of(*GENDERS), "bmdc": identifier,
        "qualification": text, "licence_until": day, "active": yes_or_no,
    },
    "role": {
        "practitioner": identifier, "facility": identifier, "role": identifier, "department": identifier,
        "start": day, "end": day, "active": yes_or_no,
    },
    "service": {
        "facility": identifier, "department": identifier, "name": text, "name_bn": text, "active": yes_or_no,
    },
}  # fmt: skip
"""What each kind of line may say, and how each cell is read."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "role": ("practitioner", "facility", "role"),
    "service": ("facility", "department", "name"),
    "practitioner": ("number", "name"),
    "facility": ("code", "name"),
}
"""The columns that tell a kind by its header; the first kind that fits is meant."""
