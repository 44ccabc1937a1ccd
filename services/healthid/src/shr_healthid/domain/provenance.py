"""Who made each version of a person, when and why: in ``meta`` of the version, and as FHIR Provenance."""

from __future__ import annotations

from typing import Any

from shr_contracts.cloudevents import rfc3339

from shr_healthid.domain.person import Change, Person

Resource = dict[str, Any]
CHANGE = "http://dghs.gov.bd/fhir/StructureDefinition/change"
_ACTIVITIES = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENTS = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_VERBS = {"register": "CREATE", "merge": "UPDATE", "unmerge": "UPDATE", "update": "UPDATE", "verify": "UPDATE"}


def change_of(person: Person) -> Change:
    """Who made this version: what was noted, else the source that it came from."""
    return person.change or Change("register" if person.version == 1 else "update", person.updated_by)


def with_change(patient: Resource, person: Person) -> Resource:
    """The served version with who and why in ``meta.extension``."""
    change = change_of(person)
    said = [("action", change.action), ("by", change.by), ("role", change.role), ("reason", change.reason),
            ("approvedBy", change.approved_by)]  # fmt: skip
    extension = {"url": CHANGE, "extension": [{"url": name, "valueString": value} for name, value in said if value]}
    return {**patient, "meta": {**patient["meta"], "extension": [extension]}}


def provenance_of(person: Person) -> Resource:
    """The Provenance of one version."""
    change = change_of(person)
    agents = [_agent("author", change.by, change.role)]
    if change.approved_by:
        agents.append(_agent("verifier", change.approved_by, None))
    made: Resource = {
        "resourceType": "Provenance",
        "id": f"{person.key}-{person.version}",
        "target": [{"reference": f"Patient/{person.id}/_history/{person.version}"}],
        "recorded": rfc3339(person.updated_at),
        "activity": {
            "coding": [{"system": _ACTIVITIES, "code": _VERBS.get(change.action, "UPDATE")}],
            "text": change.action,
        },
        "agent": agents,
    }
    if change.reason:
        made["reason"] = [{"text": change.reason}]
    return made


def provenances(found: list[Resource], *, base: str, self_url: str) -> Resource:
    """A searchset."""
    entries = [{"fullUrl": f"{base}/fhir/Provenance/{one['id']}", "resource": one, "search": {"mode": "match"}}
               for one in found]  # fmt: skip
    link = [{"relation": "self", "url": self_url}]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": link, "entry": entries}


def _agent(kind: str, who: str, role: str | None) -> Resource:
    agent: Resource = {"type": {"coding": [{"system": _AGENTS, "code": kind}]}, "who": {"display": who}}
    if role:
        agent["role"] = [{"text": role}]
    return agent
