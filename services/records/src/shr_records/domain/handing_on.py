"""A Patient that nothing points to names its person, and goes on to healthid: as sent, but for its numbers.

What is an NID, BRN or phone number is sealed to healthid; an identifier that is called an NID or BRN gets the national
system; everything else that repeats a number shows its last three characters only (interfaces §5, invariant 10).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
from shr_contracts.cloudevents import Event, event_id, event_type
from shr_contracts.topics import PATIENT_SUBMITTED

from shr_records.domain.events import SERVICE
from shr_records.domain.facts import PHONES
from shr_records.domain.numbers import called, compact, hiding, is_number_like
from shr_records.domain.people import Directory, Named, resolve
from shr_records.domain.reading import Entry, Reading
from shr_records.domain.receipt import Receipt

Seal = Callable[[str, str], str]
"""The sealed value of (system, number); see ``shr_common.messages``."""
_TYPE = event_type(PATIENT_SUBMITTED)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
Node = dict[str, Any]


def patients_handed_on(
    reading: Reading, named: Iterable[Named], directory: Directory, receipt: Receipt, seal: Seal
) -> list[Event]:
    """``patient.submitted`` for each Patient entry that nothing points to, under her Health ID or else her local key.

    They are the source's own words, so it stays ``ce_source``; ``ce_subject`` is its submission.
    """
    events = []
    for one in named:
        if not one.keys:
            continue  # it names nobody
        person = resolve(one, directory).person
        for index in one.alone:
            entry = next(entry for entry in reading.entries if entry.index == index)
            value = with_numbers_sealed(entry, seal)
            events.append(_event(receipt, index, person or one.keys[0].removeprefix("uhid:"), value, reading))
    return events


def _event(receipt: Receipt, index: int, key: str, value: bytes, reading: Reading) -> Event:
    aggregate = f"{receipt.source}\n{receipt.id}\n{index}"
    return Event(
        topic=PATIENT_SUBMITTED,
        key=key,
        id=event_id(aggregate=aggregate, version=receipt.version, type=_TYPE),
        type=_TYPE,
        source=receipt.source,
        subject=receipt.id,
        time=receipt.decided_at,
        value=value,
        traceparent=reading.submission.traceparent,
        extensions=(("ce_forwardedby", SERVICE),),
    )


def with_numbers_sealed(entry: Entry, seal: Seal) -> bytes:
    """The Patient of an entry, its numbers sealed."""
    tree: Node = json.loads(bytes(entry.raw), parse_float=Decimal)
    walk = _Walk(seal, hiding(entry.facts.numbers))
    own = tree.get("id")
    if isinstance(own, str) and (is_number_like(own) or walk.hide(own) != own):
        del tree["id"]  # an id of FHIR cannot be sealed; as an identifier without system it is the same local id
        tree["identifier"] = [*tree.get("identifier", ()), {"value": own}]
    return _ENCODER.encode(walk.node(tree))


class _Walk:
    """A copy of a Patient, node by node."""

    def __init__(self, seal: Seal, hide: Callable[[str], str]) -> None:
        self._seal = seal
        self.hide = hide

    def any(self, member: Any) -> Any:
        if isinstance(member, dict):
            return self.node(member)
        if isinstance(member, list):
            kept = [item for item in member if not (isinstance(item, dict) and _is_unreadable(item))]
            return [self.any(item) for item in kept]
        return self.hide(member) if isinstance(member, str) else member

    def node(self, node: Node) -> Node:
        made = {name: self.any(member) for name, member in node.items()}
        value, system = node.get("value"), node.get("system", "")
        if not isinstance(value, str) or not isinstance(system, str):
            return made
        national = called(node)
        if national is not None:
            number = value if system == national else compact(value)
            made |= {"system": national, "value": self._seal(national, number)}
        elif system in PHONES:
            made["value"] = self._seal(system, value)
        elif (not system and is_number_like(value)) or made["value"] != value:
            made["value"] = self._seal(system, value)  # it may be one, or repeats one: only healthid can tell
        return made


def _is_unreadable(identifier: Node) -> bool:
    """Called an NID or BRN by its type only, and none in form: neither a number nor a local id that means anything."""
    value = identifier.get("value")
    if not isinstance(value, str) or called(identifier) is None:
        return False
    return identifier.get("system") != called(identifier) and not is_number_like(value)
