"""Whose bundle is it? Who is named, under which look-up keys, and what the replica of persons says to that.

Order (interfaces §5): a reference ``Patient/{health id}``, ``subject.identifier``, the identifiers of the Patient entry
that the references point to (uhid, nid, brn, else a local id of this source), a Patient entry that nothing points to.
Only subject, patient and beneficiary count: a childbirth names mother and child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shr_common.fhir.definitions import patient_paths
from shr_common.identifiers import BRN, NID, UHID, is_person_id, latin_digits, local_system

from shr_records.domain.reading import Entry, Reading

ANY_SYSTEM = "*"
_NUMBERS = ((UHID, "uhid"), (NID, "nid"), (BRN, "brn"))
_ALSO = {"Task": ("for",)}
Hash = Callable[[str, str], str]
"""The keyed hash of (kind, text): numbers are looked up without being kept."""


@dataclass(slots=True)
class Named:
    """Somebody whom a bundle names: look-up keys in the order of trust, and the entries that are about her.

    ``alone`` are Patient entries of hers that nothing points to.
    """

    keys: list[str] = field(default_factory=list)
    national: set[str] = field(default_factory=set)
    entries: list[int] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    alone: list[int] = field(default_factory=list)
    at: str = "Bundle"

    def add(self, keys: Iterable[tuple[str, bool]]) -> None:
        """Add keys (key, is national); what is there already keeps its place."""
        for key, national in keys:
            if key not in self.keys:
                self.keys.append(key)
            if national:
                self.national.add(key)


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the replica: ``to`` is the survivor she was merged into, or the id that replaced hers."""

    id: str
    to: str | None = None
    erased: bool = False
    key: bytes | None = None


class Directory(Protocol):
    """What the replica knows, as far as one batch needs it."""

    def claimants(self, key: str) -> tuple[str, ...]:
        """Ids of the persons whom a look-up key names."""

    def current(self, person: str) -> str:
        """The id that a person goes by now."""


def paths_of(resource_type: str) -> tuple[str, ...]:
    """The elements of a type that name its patient."""
    return _ALSO.get(resource_type) or patient_paths(resource_type)


def uhid_key(person: str) -> str:
    """The look-up key of a Health ID or provisional id."""
    return f"uhid:{person}"


def local_keys(source: str, system: str, value: str, hash_of: Hash) -> list[str]:
    """Keys of a local id: exact, and, where the bundle says no system, whatever system this source registered."""
    exact = _local(source, system, value, hash_of)
    other = _local(source, "" if system else ANY_SYSTEM, value, hash_of)
    return [exact, other]


def _local(source: str, system: str, value: str, hash_of: Hash) -> str:
    return "local:" + hash_of("local", "\n".join((source, system, value)))


def registered_local_keys(source: str, system: str, value: str, hash_of: Hash) -> list[str]:
    """Keys under which a registered local id is found."""
    return [_local(source, system, value, hash_of), _local(source, ANY_SYSTEM, value, hash_of)]


def number_keys(kind: str, number: str, hash_of: Hash) -> list[str]:
    """Keys of a national number; a 17-digit NID is the birth year and the old 13 digits."""
    text = latin_digits(number).strip()
    forms = [text, text[4:]] if kind == "nid" and len(text) == 17 else [text]
    return [f"{kind}:{hash_of(kind, form)}" for form in forms]


def named_people(reading: Reading, hash_of: Hash) -> list[Named]:
    """Everybody whom a valid bundle names."""
    return _Naming(reading, hash_of).people()


class _Naming:
    def __init__(self, reading: Reading, hash_of: Hash) -> None:
        self._source = reading.submission.source
        self._entries = reading.entries
        self._hash = hash_of
        self._by_reference: dict[str, Named] = {}
        self._patients = {entry.index: entry for entry in reading.entries if entry.type == "Patient" and entry.resource}
        self._pointed: set[int] = set()

    def people(self) -> list[Named]:
        """One Named for each distinct designation."""
        targets = self._targets()
        for entry in self._entries:
            if entry.resource is None or entry.type == "Patient":
                continue
            for path in paths_of(entry.type):
                subject = entry.resource.get(path)
                if isinstance(subject, dict):
                    self._subject(entry, path, subject, targets)
        mentioned = {node["reference"] for entry in self._entries for node in entry.facts.references} if targets else ()
        for index, entry in self._patients.items():
            if index not in self._pointed and not any(address in mentioned for address in _addresses(entry)):
                alone = self._by_reference.setdefault(f"entry {index}", Named(at=entry.at))
                alone.add(self._of_patient(entry))
                alone.references += _addresses(entry)
                alone.alone.append(index)
        return _united(self._by_reference.values())

    def _targets(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for index, entry in self._patients.items():
            if entry.full_url:
                found[entry.full_url] = index
            if entry.sender_id:
                found[f"Patient/{entry.sender_id}"] = index
        return found

    def _subject(self, entry: Entry, path: str, subject: dict[str, Any], targets: Mapping[str, int]) -> None:
        reference = str(subject.get("reference", ""))
        identifier = subject.get("identifier")
        if identifier is None and (known := self._by_reference.get(reference)) is not None:
            known.entries.append(entry.index)
            return
        reference = reference.partition("/_history/")[0]
        target = targets.get(reference)
        if target is None and "Patient/" not in reference and not (identifier and _may_be_patient(subject, reference)):
            return
        named = self._by_reference.get(reference or repr(identifier))
        if named is None:
            named = self._by_reference[reference or repr(identifier)] = Named(at=f"{entry.at}.{path}")
            named.references.append(reference)
        elif not identifier:
            named.entries.append(entry.index)
            return
        named.entries.append(entry.index)
        last = reference.rpartition("/")[2]
        keys: list[tuple[str, bool]] = [(uhid_key(last), True)] if is_person_id(last) else []
        if isinstance(identifier, dict):
            keys += self._of_identifier(identifier)
        if target is not None:
            self._pointed.add(target)
            named.references += _addresses(self._patients[target])
            keys += self._of_patient(self._patients[target])
        elif last and not is_person_id(last) and not reference.startswith("urn:"):
            keys += [(key, False) for key in local_keys(self._source, "", last, self._hash)]
        named.add(keys)

    def _of_patient(self, entry: Entry) -> list[tuple[str, bool]]:
        patient: dict[str, Any] = entry.resource or {}
        identifiers = [one for one in patient.get("identifier", ()) if isinstance(one, dict)]
        keys: list[tuple[str, bool]] = []
        if entry.sender_id and is_person_id(entry.sender_id):
            keys.append((uhid_key(entry.sender_id), True))
        for system, _ in _NUMBERS:
            for identifier in identifiers:
                if identifier.get("system") == system:
                    keys += self._of_identifier(identifier)
        for identifier in identifiers:
            if identifier.get("system") not in (UHID, NID, BRN):
                keys += self._of_identifier(identifier)
        if entry.sender_id and not is_person_id(entry.sender_id):
            keys += [(key, False) for key in local_keys(self._source, "", entry.sender_id, self._hash)]
        return keys

    def _of_identifier(self, identifier: dict[str, Any]) -> list[tuple[str, bool]]:
        value = identifier.get("value")
        if not isinstance(value, str) or not value:
            return []
        kind = dict(_NUMBERS).get(identifier.get("system", ""))
        if kind == "uhid":
            return [(uhid_key(latin_digits(value)), True)]
        if kind is not None:
            return [(key, True) for key in number_keys(kind, value, self._hash)]
        return [(key, False) for key in local_keys(self._source, local_system(identifier), value, self._hash)]


def _addresses(patient: Entry) -> list[str]:
    """How other entries may refer to a Patient entry."""
    return [*filter(None, [patient.full_url, patient.sender_id and f"Patient/{patient.sender_id}"])]


def _may_be_patient(subject: dict[str, Any], reference: str) -> bool:
    return not reference and subject.get("type", "Patient") == "Patient"


def _united(people: Iterable[Named]) -> list[Named]:
    """Designations that share a key are one."""
    united: list[Named] = []
    for named in people:
        same = next((other for other in united if set(other.keys) & set(named.keys)), None)
        if same is None:
            united.append(named)
        else:
            same.add((key, key in named.national) for key in named.keys)
            same.entries += named.entries
            same.references += named.references
            same.alone += named.alone
    return united


@dataclass(frozen=True, slots=True)
class Found:
    """What the replica says about one Named: a ``person``, or ``why`` not (unknown, ambiguous, contradiction)."""

    named: Named
    person: str | None = None
    why: str | None = None


def resolve(named: Named, directory: Directory) -> Found:
    """The person whom the first known key names; her numbers must not name two."""
    national = {directory.current(one) for key in named.national for one in directory.claimants(key)}
    if len(national) > 1:
        return Found(named, why="contradiction")
    for key in named.keys:
        claimants = directory.claimants(key)
        current = {directory.current(one) for one in claimants}
        if len(current) > 1:
            return Found(named, why="ambiguous")
        if current:
            return Found(named, person=claimants[0] if len(claimants) == 1 else current.pop())
    return Found(named, why="unknown")
