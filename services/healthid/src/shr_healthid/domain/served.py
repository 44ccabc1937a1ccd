"""The Patient as one reader sees it: under her Health ID, numbers masked but for their sender and registrars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shr_common.identifiers import BRN, NID, PROVISIONAL_TAG, UHID, is_health_id, masked
from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.person import Number, Person

_SYSTEMS = {"nid": NID, "brn": BRN}
_TYPE_SYSTEM = "https://fhir.dghs.gov.bd/core/CodeSystem/bd-identifier-type"
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: the source whose own numbers are shown whole; registrars see all."""

    source: str | None = None
    sees_all: bool = False

    def sees(self, number: Number) -> bool:
        """Whether this number is shown whole."""
        return self.sees_all or (self.source is not None and self.source in number.senders)


def patient_for(person: Person, reader: Reader) -> Resource:
    """The FHIR Patient of a person. Decimals and everything else stand as they were sent."""
    served: Resource = {"resourceType": "Patient", "id": person.id, "meta": _meta(person)}
    hidden = {n.value: masked(n.value) for n in (*person.numbers, *person.unlinked) if not reader.sees(n)}
    served["identifier"] = _identifiers(person, reader)
    for name, value in person.patient.items():
        if name == "identifier":
            served["identifier"] += _without(value, hidden)
        elif name not in served:
            served[name] = _without(value, hidden)
    served.setdefault("active", True)
    links = [*_other_links(served), *_merge_links(person)]
    if links:
        served["link"] = links
    if person.is_retired:
        served["active"] = False
    return served


def _merge_links(person: Person) -> list[Resource]:
    """Who answers for her, and for whom she answers, as FHIR links merged Patients."""
    linked = [(one, "replaces") for one in person.absorbed]
    if person.survivor is not None:
        linked.insert(0, (person.survivor, "replaced-by"))
    return [{"other": {"reference": f"Patient/{one}"}, "type": kind} for one, kind in linked]


def _other_links(patient: Resource) -> list[Resource]:
    """Links as sent; what says of merges is the registry's alone."""
    return [link for link in patient.pop("link", ()) if link.get("type") not in ("replaces", "replaced-by")]


def _meta(person: Person) -> Resource:
    meta: Resource = {"versionId": str(person.version), "lastUpdated": rfc3339(person.updated_at)}
    sent = person.patient.get("meta", {})
    meta |= {name: sent[name] for name in ("profile", "security") if name in sent}
    tags = [tag for tag in sent.get("tag", ()) if tag.get("system") != PROVISIONAL_TAG[0]]
    if not person.is_active:
        tags.append({"system": PROVISIONAL_TAG[0], "code": PROVISIONAL_TAG[1]})
    if tags:
        meta["tag"] = tags
    return meta


def _identifiers(person: Person, reader: Reader) -> list[Resource]:
    """The Health ID, then each number that the reader sent, or the longest of its kind."""
    found = [_identifier("uhid", UHID, person.id)] if is_health_id(person.id) else []
    found += [{"use": "old", **_identifier("uhid", UHID, one)} for one in person.absorbed if is_health_id(one)]
    for kind, system in _SYSTEMS.items():
        ours = [number for number in person.numbers if number.kind == kind]
        shown = [number for number in ours if reader.sees(number) and (number.senders or not reader.source)]
        whole = shown or sorted(ours, key=lambda n: (not n.senders, -len(n.value)))[:1]
        for number in whole:
            found.append(_identifier(kind, system, number.value if reader.sees(number) else masked(number.value)))
        for number in person.unlinked:  # sent along, and nothing ties it to her yet
            if number.kind == kind and reader.sees(number):
                found.append({"use": "temp", **_identifier(kind, system, number.value)})
    return found


def _identifier(kind: str, system: str, value: str) -> Resource:
    coding = {"system": _TYPE_SYSTEM, "code": kind.upper()}
    return {"type": {"coding": [coding], "text": "Organization identifier"}, "system": system, "value": value}


def _without(value: Any, hidden: dict[str, str]) -> Any:
    """A copy in which no hidden number stands in any text, wherever the sender put it."""
    if not hidden:
        return value
    if isinstance(value, str):
        for number, mask in hidden.items():
            value = value.replace(number, mask)
        return value
    if isinstance(value, list):
        return [_without(item, hidden) for item in value]
    if isinstance(value, dict):
        return {name: _without(item, hidden) for name, item in value.items()}
    return value


def collection(patients: list[Resource], *, base: str) -> Resource:
    """A Bundle of persons that belong together."""
    entries = [{"fullUrl": f"{base}/fhir/Patient/{p['id']}", "resource": p} for p in patients]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def searchset(patients: list[Resource], *, total: int, base: str, self_url: str, next_url: str | None) -> Resource:
    """A Bundle of what was found; ``total`` counts what may be shown."""
    links = [{"relation": "self", "url": self_url}]
    if next_url:
        links.append({"relation": "next", "url": next_url})
    entries = [{"fullUrl": f"{base}/fhir/Patient/{p['id']}", "resource": p, "search": {"mode": "match"}}
               for p in patients]  # fmt: skip
    return {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links, "entry": entries}


def history(patients: list[Resource], *, base: str, at: list[datetime]) -> Resource:
    """A Bundle of versions, newest first."""
    entries = []
    for patient, moment in zip(patients, at, strict=True):
        version = patient["meta"]["versionId"]
        method, status = ("POST", "201") if version == "1" else ("PUT", "200")
        entries.append(
            {
                "fullUrl": f"{base}/fhir/Patient/{patient['id']}",
                "resource": patient,
                "request": {"method": method, "url": f"Patient/{patient['id']}"},
                "response": {"status": status, "etag": f'W/"{version}"', "lastModified": rfc3339(moment)},
            }
        )
    return {"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries}
