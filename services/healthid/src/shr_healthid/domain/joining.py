"""What registration and later proof do to persons: join, promote, absorb, take numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shr_common.identifiers import is_health_id

from shr_healthid.domain.demographics import differences
from shr_healthid.domain.ledger import Intake, Ledger
from shr_healthid.domain.person import (
    ACTIVE,
    Demographics,
    LocalId,
    Number,
    Person,
    with_local_ids,
    with_numbers,
)


def promote(ledger: Ledger, person: Person, numbers: Sequence[Number], intake: Intake, **changes: Any) -> Person:
    """A provisional person gets her Health ID; her former id answers for ever. One given offline she keeps."""
    former = () if is_health_id(person.id) else (person.id,)
    own = [number for number in numbers if ledger.is_free_for(number, None)]
    kept = [number for number in person.numbers if number.hash in {n.hash for n in numbers}]
    active = replace(
        person,
        id=ledger.mint() if former else person.id,
        version=person.version + 1,
        status=ACTIVE,
        numbers=with_numbers(kept, own),
        unlinked=(*person.unlinked, *(n for n in person.numbers if n not in kept)),
        replaces=(*person.replaces, *former),
        pending=None,
        updated_at=intake.at,
        updated_by=intake.source,
        **changes,
    )
    if former:
        ledger.move(person, active)
    active = ledger.put(active, registered=True, also_under=active.replaces, trace=intake.traceparent)
    ledger.issued.append(active)
    take(ledger, active, numbers, intake)
    return active


def absorb(ledger: Ledger, provisional: Person, person: Person, intake: Intake) -> Person:
    """A provisional person turns out to be a registered one: her care and local ids are hers under the Health ID."""
    joined = replace(
        person,
        version=person.version + 1,
        replaces=(*person.replaces, *provisional.replaces, provisional.id),
        local_ids=with_local_ids(person.local_ids, provisional.local_ids),
        guardians=tuple(dict.fromkeys((*person.guardians, *provisional.guardians))),
        absorbed=(*person.absorbed, *provisional.absorbed),
        sources=person.sources | provisional.sources,
        numbers=with_numbers(
            person.numbers, [n for n in provisional.numbers if n.hash in {m.hash for m in person.numbers}]
        ),
        updated_at=intake.at,
        updated_by=intake.source,
    )
    ledger.move(provisional, joined)
    return ledger.put(joined, also_under=(*provisional.replaces, provisional.id), trace=intake.traceparent)


def joined(
    ledger: Ledger,
    person: Person,
    numbers: tuple[Number, ...],
    *,
    local_ids: tuple[LocalId, ...],
    intake: Intake,
    unlinked: tuple[Number, ...] = (),
) -> Person:
    """The person with what this registration adds; no new version if it adds nothing."""
    known = with_local_ids(person.local_ids, local_ids)
    sources = person.sources | {intake.source}
    ours = {number.hash for number in numbers}
    aside = tuple(n for n in with_numbers(person.unlinked, unlinked) if n.hash not in ours)
    before = (person.numbers, person.unlinked, person.local_ids, person.sources)
    if (numbers, aside, known, sources) == before:
        return person
    changed = replace(
        person, version=person.version + 1, numbers=numbers, unlinked=aside, local_ids=known, sources=sources,
        updated_at=intake.at, updated_by=intake.source,
    )  # fmt: skip
    changed = ledger.put(changed, trace=intake.traceparent)
    claim_local_ids(ledger, changed, intake)
    return changed


def take(ledger: Ledger, person: Person, numbers: Sequence[Number], intake: Intake) -> None:
    """Make numbers hers; a form that another person has by proof becomes nobody's, and a review."""
    for number in numbers:
        owners = ledger.owners_of([number.hash])
        others = [p for p in owners if ledger.root(p).id != ledger.root(person).id]
        if others:
            ledger.share(number, person)
            ledger.review("shared-form", [person, *others], intake)
            for other in others:  # told without it: its keyed hash no longer finds her
                left = tuple(n for n in other.numbers if n.hash != number.hash)
                ledger.put(replace(other, version=other.version + 1, numbers=left), trace=intake.traceparent)
        elif not ledger.is_shared(number.hash) and all(p.id == person.id for p in owners):
            owner = ledger.owners.get(number.hash)
            if owner is None or not owner.verified or not owners:
                ledger.own(number, person)


def claim_local_ids(ledger: Ledger, person: Person, intake: Intake) -> None:
    """Note her local ids; one that another person claims as well becomes a review."""
    for local_id in person.local_ids:
        others = ledger.claim(local_id, person)
        if others:
            ledger.review("local-id-shared", [person, *others], intake)


def contradictions(ledger: Ledger, person: Person, said: Demographics) -> tuple[str, ...]:
    """What contradicts a person; nothing does that agrees with one side of her, if she was merged."""
    found = differences(person.demographics, said)
    if found and any(not differences(side.demographics, said) for side in ledger.family(person)):
        return ()
    return found


def compatible(person: Person, numbers: Sequence[Number]) -> bool:
    """Whether no number of a person contradicts these: same kind and length, other digits."""
    known = {(n.kind, len(n.value)): n.value for n in person.numbers if n.verified}
    return all(known.get((n.kind, len(n.value)), n.value) == n.value for n in numbers)
