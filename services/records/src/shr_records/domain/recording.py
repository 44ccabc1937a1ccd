"""What becomes part of a record: each resource's id, version and served bytes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from shr_common.errors import Category, Issue
from shr_common.fhir.times import instant_of

from shr_records.domain.numbers import compact
from shr_records.domain.reading import Entry, Reading
from shr_records.domain.references import Part
from shr_records.domain.sensitivity import labels_to_add
from shr_records.domain.served import served, with_members

SENDER_ID = "http://dghs.gov.bd/fhir/StructureDefinition/sender-identifier"
LONG = 10
_IN_ERROR = "entered-in-error"
_VERIFICATION = {
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The newest versions of a resource: ``last`` is the highest number, ``version`` the current one.

    ``stamp`` is the sender's meta.lastUpdated of the current version, as an ISO instant in UTC.
    """

    last: int
    version: int
    source: str
    type: str
    person: str
    stamp: str | None = None


@dataclass(slots=True)
class Version:
    """One version to keep. ``late``: an older state that arrived after a newer one; it never becomes current."""

    id: str
    version: int
    type: str
    person: str
    source: str
    body: bytes
    stamp: str | None
    late: bool
    index: int
    vault_key: bytes | None = None

    @property
    def reference(self) -> str:
        """``Observation/…/_history/1``."""
        return f"{self.type}/{self.id}/_history/{self.version}"


class StaleError(Exception):
    """If-Match names a version that is not the current one."""

    def __init__(self, entry: Entry, current: int) -> None:
        super().__init__(entry.at)
        text = f"The resource has changed: its current version is {current}."
        bn = f"তথ্যটি বদলে গেছে: বর্তমান সংস্করণ {current}।"
        self.issue = Issue(text, entry.at, code="conflict", rule="stale", text_bn=bn)
        self.category = (Category.CONFLICT, "stale")


class MissingError(Exception):
    """A DELETE or If-Match of something that this source never recorded."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.at)
        self.issue = Issue("There is no such resource of yours.", entry.at, code="not-found", rule="no-such-resource")
        self.category = (Category.NOT_FOUND, None)


def versions_of(
    reading: Reading,
    part: Part,
    *,
    heads: Mapping[str, Head],
    references: Mapping[str, str],
    recorded_at: str,
    body_of: Callable[[str], bytes | None],
) -> list[Version]:
    """The versions that a part adds. Raises StaleError and MissingError; ``body_of`` gives a current served body."""
    made: list[Version] = []
    source = reading.submission.source
    numbers = numbers_of(reading)
    for entry in part.entries:
        if entry.type == "Patient":
            continue
        resource_id = part.ids[entry.index]
        head = heads.get(resource_id)
        if entry.if_match is not None and (head is None or head.version != entry.if_match):
            raise MissingError(entry) if head is None else StaleError(entry, head.version)
        version = head.last + 1 if head else 1
        stamp = _stamp(entry)
        late = bool(head and head.stamp and stamp and stamp < head.stamp)
        meta: dict[str, Any] = {"versionId": str(version), "lastUpdated": recorded_at, "source": source}
        if entry.method == "DELETE" or entry.resource is None:
            before = body_of(resource_id)
            if before is None:
                raise MissingError(entry)
            body, stamp, late = in_error(entry.type, before, meta), head.stamp if head else None, False
        else:
            hidden = {*numbers, *entry.facts.numbers}
            body = _served(entry, resource_id, meta, references, source, hidden)
        made.append(Version(resource_id, version, entry.type, part.person, source, body, stamp, late, entry.index))
    return made


def numbers_of(reading: Reading) -> set[str]:
    """Numbers that one entry tells and every other must not: those long enough to be a person's and nothing else."""
    told = (number for entry in reading.entries for number in entry.facts.numbers)
    return {number for number in told if len(compact(number)) >= LONG}


def _served(
    entry: Entry,
    id: str,
    meta: dict[str, Any],
    references: Mapping[str, str],
    source: str,
    numbers: Collection[str],
) -> bytes:
    resource = entry.resource
    assert resource is not None  # noqa: S101 (only a DELETE has none)
    security = resource["meta"].get("security", []) if "meta" in resource else []
    labels = labels_to_add(entry.facts.codings, security)
    if labels:
        meta["security"] = labels
    if entry.sender_id is not None and entry.sender_id != id:
        sent = {"system": f"http://dghs.gov.bd/source/{source}/{entry.type}", "value": entry.sender_id}
        meta["extension"] = [{"url": SENDER_ID, "valueIdentifier": sent}]
    return served(entry.raw, resource, id=id, meta=meta, references=references, numbers=numbers)


def _stamp(entry: Entry) -> str | None:
    meta = entry.resource.get("meta") if entry.resource else None
    text = meta.get("lastUpdated") if meta else None
    found = instant_of(text) if isinstance(text, str) else None
    return found.astimezone(UTC).isoformat() if found else None


def in_error(type: str, before: bytes, meta: Mapping[str, Any]) -> bytes:
    """The version that says: entered in error. Nothing is deleted, readers see that it does not hold."""
    kept: dict[str, Any] = orjson.loads(before).get("meta", {})
    changed: dict[str, bytes | None] = {"meta": orjson.dumps({**kept, **meta})}
    verification = _VERIFICATION.get(type)
    if verification is None:
        changed["status"] = orjson.dumps(_IN_ERROR)
    else:
        coding = {"coding": [{"system": verification, "code": _IN_ERROR}]}
        changed |= {"verificationStatus": orjson.dumps(coding), "clinicalStatus": None}
    return with_members(before, changed)


def unverified_codes(entries: Iterable[Entry], known: Callable[[tuple[str, str]], bool]) -> list[dict[str, str]]:
    """Codings that the local replica of the terminology does not have, each once."""
    seen: dict[tuple[str, str], None] = {}
    for entry in entries:
        for coding in entry.facts.codings:
            if coding not in seen and not known(coding):
                seen[coding] = None
    return [{"system": system, "code": code} for system, code in seen]
