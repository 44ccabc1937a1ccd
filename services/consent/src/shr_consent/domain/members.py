"""Members of a request body, one by one: each reader gives the value, or says what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.definitions import DHAKA, RESOURCE_TYPES
from shr_common.identifiers import is_person_id, latin_digits
from shr_policy import MODES, PURPOSES, SENSITIVE

T = TypeVar("T")
Recipient = tuple[str, str]
RECIPIENT_TYPES = ("practitioner", "facility", "organization")
LIST_LIMIT = 200
TEXT_LIMIT = 1000
COUNT_LIMIT = 1_000_000
CODE_LIMIT = 64
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DURATION = re.compile(r"P(?!$)(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?!$)(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,4})S)?)?")
_PIN = re.compile(r"\d{4,12}", re.ASCII)
_REFERENCE = re.compile(r"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})", re.ASCII)
_SECONDS = (7 * 86400, 86400, 3600, 60, 1)


class WrongError(Exception):
    """One member is not acceptable."""

    def __init__(self, text: str, at: str) -> None:
        super().__init__(text)
        self.issue = Issue(text, expression=at, code="value")


@dataclass(frozen=True, slots=True)
class Frequency:
    """``count`` times in ``period`` (ISO 8601 duration, weeks to seconds)."""

    count: int
    period: str

    @property
    def seconds(self) -> int:
        """The length of the period."""
        found = _DURATION.fullmatch(self.period)
        return sum(int(n or 0) * s for n, s in zip(found.groups(), _SECONDS, strict=True)) if found else 0


class Findings:
    """What is wrong with a body, all of it, before anything is done."""

    def __init__(self, body: Mapping[str, Any], known: Collection[str]) -> None:
        self.issues = [
            Issue(f"{name[:64]!r} is not a member that this takes.", expression=name[:64], code="structure")
            for name in body
            if name not in known
        ]

    def wrong(self, text: str, at: str) -> None:
        """Note one."""
        self.issues.append(Issue(text, expression=at, code="value"))

    def refuse(self) -> None:
        """Raise if there is any."""
        if self.issues:
            raise ShrError(Category.INVALID, self.issues[:100])


def recipient(value: Any, at: str) -> Recipient:
    """``{"type", "id"}``."""
    if not isinstance(value, dict):
        raise WrongError('A recipient is {"type": "practitioner|facility|organization", "id"}.', at)
    for name in value:
        if name not in ("type", "id"):
            raise WrongError("A recipient has type and id, nothing else.", f"{at}.{name[:64]}")
    if value.get("type") not in RECIPIENT_TYPES:
        raise WrongError("The type is practitioner, facility or organization.", f"{at}.type")
    if not isinstance(value.get("id"), str) or not _ID.fullmatch(value["id"]):
        raise WrongError("The id is the recipient's id in the registry: letters, digits, dots, dashes.", f"{at}.id")
    return value["type"], value["id"]


def recipients(value: Any, at: str) -> frozenset[Recipient]:
    """A list of recipients."""
    return frozenset(recipient(one, f"{at}[{n}]") for n, one in enumerate(_list(value, at)))


def purpose(value: Any, at: str) -> str:
    """One of PURPOSES."""
    return _one_of(value, at, PURPOSES, "purpose")


def access_mode(value: Any, at: str) -> str:
    """One of MODES."""
    return _one_of(value, at, MODES, "access mode")


def decision(value: Any, at: str) -> str:
    """permit or deny."""
    return _one_of(value, at, ("permit", "deny"), "decision")


def record_types(value: Any, at: str) -> frozenset[str] | None:
    """FHIR resource types; None for ``*``."""
    if value == "*":
        return None
    types = _list(value, at)
    if not types:
        raise WrongError('Name at least one resource type, or "*" for all.', at)
    for n, one in enumerate(types):
        if not isinstance(one, str) or one not in RESOURCE_TYPES:
            raise WrongError("This is not a FHIR R4 resource type.", f"{at}[{n}]")
    return frozenset(types)


def resource_type(value: Any, at: str) -> str:
    """One FHIR resource type, or ``*``."""
    if not isinstance(value, str) or (value != "*" and value not in RESOURCE_TYPES):
        raise WrongError('This is not a FHIR R4 resource type, nor "*".', at)
    return value


def sensitive(value: Any, at: str) -> frozenset[str]:
    """Labels out of SENSITIVE."""
    labels = _list(value, at)
    for n, one in enumerate(labels):
        _one_of(one, f"{at}[{n}]", SENSITIVE, "label")
    return frozenset(labels)


def record_period(value: Any, at: str) -> tuple[str | None, str | None]:
    """``{"start", "end"}``, either may be missing; as ISO dates of Asia/Dhaka."""
    if not isinstance(value, dict):
        raise WrongError('A period is {"start", "end"}.', at)
    for name in value:
        if name not in ("start", "end"):
            raise WrongError("A period has start and end, nothing else.", f"{at}.{name[:64]}")
    start, end = (None if value.get(n) is None else _day(value[n], f"{at}.{n}") for n in ("start", "end"))
    return start, end


def frequency(value: Any, at: str) -> Frequency:
    """``{"count", "period"}``."""
    if not isinstance(value, dict) or set(value) != {"count", "period"}:
        raise WrongError('A frequency is {"count": 3, "period": "PT1H"}.', at)
    count, period = value["count"], value["period"]
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= COUNT_LIMIT:
        raise WrongError("The count is a whole number from 1.", f"{at}.count")
    if not isinstance(period, str) or not _DURATION.fullmatch(period) or not Frequency(count, period).seconds:
        raise WrongError("The period is an ISO 8601 duration in weeks to seconds, such as PT1H or P1D.", f"{at}.period")
    return Frequency(count, period)


def moment(value: Any, at: str) -> datetime:
    """A date-time (RFC 3339) or date; without a zone it is Asia/Dhaka's; a date alone begins that day."""
    text = value if isinstance(value, str) else ""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=DHAKA).astimezone(UTC)
        if _MOMENT.fullmatch(text):
            found = datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=DHAKA)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise WrongError("This is not a date-time such as 2026-11-23T12:00:00+06:00.", at)


def person(value: Any, at: str) -> str:
    """A Health ID (its digits may be Bangla ones), or the id of a provisional person."""
    found = latin_digits(value) if isinstance(value, str) else ""
    if not is_person_id(found):
        raise WrongError("This is not a Health ID: 11 digits with a right check digit.", at)
    return found


def reference(value: Any, at: str) -> str:
    """``Type/id``."""
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] not in RESOURCE_TYPES:
        raise WrongError("A reference is Type/id, such as Encounter/9f1c….", at)
    return found[0]


def text(value: Any, at: str, *, limit: int = TEXT_LIMIT) -> str:
    """Words of a person."""
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise WrongError(f"A text of 1 to {limit} characters is needed.", at)
    return value.strip()


def code(value: Any, at: str) -> str:
    """A code or PIN as somebody typed it: Bangla digits and spaces are taken."""
    return "".join(latin_digits(text(value, at, limit=CODE_LIMIT)).split())


def pin(value: Any, at: str) -> str:
    """4 to 12 digits."""
    found = code(value, at)
    if not _PIN.fullmatch(found):
        raise WrongError("A PIN has 4 to 12 digits.", at)
    return found


def _day(value: Any, at: str) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise WrongError("There is no such day.", at) from None
    return moment(value, at).astimezone(DHAKA).date().isoformat()


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > LIST_LIMIT:
        raise WrongError(f"A list of at most {LIST_LIMIT} is needed.", at)
    return value


def _one_of(value: Any, at: str, known: Collection[str], what: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise WrongError(f"The {what} is one of {', '.join(sorted(known))}.", at)
    return value
