"""``terminology.changed``: an artefact's codes and mappings, in parts of at most 500."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from shr_contracts.cloudevents import Event, event_id, event_type
from shr_contracts.events import TerminologyChanged
from shr_contracts.topics import TERMINOLOGY_CHANGED

from shr_terminology.domain.artefacts import Artefact
from shr_terminology.domain.code_systems import CodeSystem
from shr_terminology.domain.concept_maps import FOUND

PART_LIMIT = 500
BANGLA = "bn"


def announcements(artefact: Artefact, *, version: int, at: datetime) -> list[Event]:
    """The events of a loaded artefact, keyed by its url; ``version`` rises with every load of anything."""
    concepts = list(_concepts(artefact)) if artefact.kind == "CodeSystem" else []
    mappings = list(_mappings(artefact)) if artefact.kind == "ConceptMap" else []
    parts = _cut(concepts) if concepts else _cut(mappings)
    return [
        _event(artefact, version, at, number, len(parts), part, concepts=bool(concepts))
        for number, part in enumerate(parts, start=1)
    ]


def _event(
    artefact: Artefact,
    version: int,
    at: datetime,
    part: int,
    parts: int,
    items: Sequence[dict[str, Any]],
    *,
    concepts: bool,
) -> Event:
    value = TerminologyChanged(
        kind=artefact.kind,
        url=artefact.url,
        version=version,
        content_version=artefact.version,
        concepts=list(items) if concepts else [],
        mappings=[] if concepts else list(items),
        part=part,
        parts=parts,
        at=at,
    )
    return Event(
        topic=TERMINOLOGY_CHANGED,
        key=artefact.url,
        id=event_id(aggregate=f"{artefact.key}|{part}/{parts}", version=version, type=event_type(TERMINOLOGY_CHANGED)),
        type=event_type(TERMINOLOGY_CHANGED),
        source="terminology",
        subject=artefact.key,
        time=at,
        value=value.model_dump_json(by_alias=True).encode(),
    )


def _cut(items: Sequence[dict[str, Any]]) -> list[Sequence[dict[str, Any]]]:
    return [items[start : start + PART_LIMIT] for start in range(0, len(items), PART_LIMIT)] or [[]]


def _concepts(artefact: Artefact) -> Iterator[dict[str, Any]]:
    if artefact.resource.get("content") == "supplement":
        return
    system = CodeSystem(artefact.resource)
    for concept in system.concepts.values():
        said = {"system": system.url, "code": concept.code, "display": concept.display or concept.code}
        bangla = concept.display_in(BANGLA)
        if bangla and bangla != concept.display:
            said["display_bn"] = bangla
        yield said


def _mappings(artefact: Artefact) -> Iterator[dict[str, Any]]:
    for group in artefact.resource.get("group", ()):
        for element in group.get("element", ()):
            for target in element.get("target", ()):
                if element.get("code") and target.get("code") and target["equivalence"] in FOUND:
                    yield {
                        "source_system": group.get("source"),
                        "source_code": element["code"],
                        "target_system": group.get("target"),
                        "target_code": target["code"],
                        "target_display": target.get("display"),
                        "equivalence": target["equivalence"],
                    }
