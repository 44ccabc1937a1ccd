"""Where the references of a bundle lead: within it, to what this source recorded before, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shr_common.errors import Issue
from shr_common.identifiers import is_person_id

from shr_records.domain.facts import expression_of
from shr_records.domain.numbers import without_number_as_id
from shr_records.domain.people import paths_of
from shr_records.domain.reading import Entry, Reading
from shr_records.domain.submission import anonymous_resource_id, resource_id

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
REGISTRY_TYPES = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService"})


@dataclass(slots=True)
class Part:
    """The entries of one person: a whole bundle, or her share of a split one. ``ids`` are by entry index."""

    person: str
    entries: list[Entry]
    ids: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """How references are rewritten: ``served`` by the text as sent; ``outside`` await a look at the store.

    ``outside`` maps a reference to (the id that it would have here, the id as sent if it may be one of ours).
    """

    served: dict[str, str] = field(default_factory=dict)
    outside: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)


def id_of(reading: Reading, entry: Entry, person: str) -> str:
    """The id under which an entry's resource is kept."""
    source = reading.submission.source
    if entry.sender_id is None:
        return anonymous_resource_id(source, reading.id, entry.index)
    return resource_id(source, entry.type, entry.sender_id, "" if paths_of(entry.type) else person)


class Planner:
    """Plans the references of one part."""

    def __init__(
        self,
        reading: Reading,
        part: Part,
        *,
        people: Mapping[str, str],
        is_registered: Callable[[str], bool],
    ) -> None:
        """``people``: Patient references as sent → Health ID."""
        self._reading = reading
        self._part = part
        self._people = people
        self._is_registered = is_registered
        self._targets = {entry.full_url: entry for entry in reading.entries if entry.full_url}
        self._targets |= {f"{e.type}/{e.sender_id}": e for e in reading.entries if e.sender_id}
        self._plan = Plan()

    def plan(self) -> Plan:
        """Every reference of the part, once."""
        seen: set[str] = set()
        for entry in self._part.entries:
            for node in entry.facts.references:
                text: str = node["reference"]
                if text in seen:
                    continue
                fault = self._place(text)
                if fault is None:
                    seen.add(text)
                    self._serve(text, without_number_as_id(self._plan.served.get(text, text)))
                elif entry.resource is not None:
                    place = f"{expression_of(entry.resource, node, entry.at)}.reference"
                    self._plan.issues.append(
                        Issue(fault[0], place, code=fault[2], rule="inner-reference", text_bn=fault[1])
                    )
        return self._plan

    def _place(self, text: str) -> tuple[str, str, str] | None:
        if text.startswith("#"):
            return None
        bare = text.partition("/_history/")[0]
        person = self._people.get(bare)
        if person is not None:
            self._serve(text, f"Patient/{person}")
            return None
        target = self._targets.get(bare)
        if target is not None:
            return self._inside(text, target)
        if text.startswith("urn:"):
            en = "No entry of this bundle has that fullUrl: add the entry, or refer to something else."
            return en, "এই বান্ডেলে ঐ fullUrl-এর কোনো entry নেই: যোগ করুন, বা অন্য reference দিন।", "not-found"
        relative = _RELATIVE.fullmatch(text)
        if relative is not None:
            self._outside(text, relative.group(1), relative.group(2))
        return None

    def _inside(self, text: str, target: Entry) -> tuple[str, str, str] | None:
        if target.type == "Patient":
            return None  # a Patient entry that is nobody's subject (a relative, a donor) stays as it was sent
        made = self._part.ids.get(target.index)
        if made is None:
            en = "This refers to a resource of another person: references across patients are refused."
            return en, "এটি অন্য ব্যক্তির রেকর্ডের দিকে নির্দেশ করে: গ্রহণযোগ্য নয়।", "business-rule"
        self._serve(text, f"{target.type}/{made}")
        return None

    def _outside(self, text: str, kind: str, id: str) -> None:
        source = self._reading.submission.source
        if kind == "Patient":
            if is_person_id(id):
                self._serve(text, f"Patient/{id}")
            return
        if kind in REGISTRY_TYPES and self._is_registered(f"{kind}/{id}"):
            return
        person_less = not paths_of(kind)
        made = resource_id(source, kind, id, self._part.person if person_less else "")
        self._plan.served[text] = f"{kind}/{made}"
        if not person_less:
            self._plan.outside[text] = made, id if UUID.fullmatch(id) else None

    def _serve(self, text: str, served: str) -> None:
        if text != served:
            self._plan.served[text] = served
