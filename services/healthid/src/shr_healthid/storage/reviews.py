"""The review queue: what reviewers are asked, who has taken it, what was decided. Both sides are sealed at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DeleteOne, UpdateMany, UpdateOne
from shr_common.mongo import Database, Document, Session, categorised

from shr_healthid.domain.cases import DECIDED, OPEN, SAME, Actor, Case, Decision
from shr_healthid.domain.ledger import Ledger, Merged, Review
from shr_healthid.storage.collections import PAIRS, REVIEWS
from shr_healthid.storage.sealing import Sealing

ORDER = [("certainty", -1), ("at", 1), ("_id", 1)]


@dataclass(frozen=True, slots=True)
class Marker:
    """The last case of a page."""

    certainty: float
    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which cases: by status, kind and who has taken them (empty: nobody). None: any."""

    status: str | None = OPEN
    kind: str | None = None
    assigned: str | None = None


class ReviewStore:
    """Reads of the review queue."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._reviews = database[REVIEWS]
        self._sealing = sealing

    async def page(self, asked: Asked, *, after: Marker | None, limit: int) -> list[Case]:
        """A page: what looks certain on top, then what waits longest."""
        query: Document = {"status": asked.status or {"$in": [OPEN, DECIDED]}}
        if asked.kind is not None:
            query["kind"] = {"$eq": asked.kind}
        if asked.assigned is not None:
            query["assigned"] = {"$eq": asked.assigned or None}
        if after is not None:
            same = {"certainty": after.certainty}
            query["$or"] = [
                {"certainty": {"$lt": after.certainty}},
                {**same, "at": {"$gt": after.at}},
                {**same, "at": after.at, "_id": {"$gt": after.id}},
            ]
        with categorised():
            found = await self._reviews.find(query).sort(ORDER).limit(limit).to_list()
        return [case_of(document, self._sealing) for document in found]

    async def by_id(self, id_: str) -> Case | None:
        """One case."""
        with categorised():
            found = await self._reviews.find_one({"_id": id_})
        return case_of(found, self._sealing) if found else None


def case_of(document: Document, sealing: Sealing) -> Case:
    """The case of a stored review."""
    return Case(
        id=document["_id"],
        kind=document["kind"],
        persons=tuple(document["persons"]),
        source=document["source"],
        at=document["at"],
        status=document["status"],
        certainty=document.get("certainty", 0.0),
        about=sealing.open(document["about"], document["_id"]),
        assigned=document.get("assigned"),
        decision=decision_of(document, sealing),
    )


def decision_of(document: Document, sealing: Sealing) -> Decision | None:
    """What was decided."""
    made = document.get("decision")
    if made is None:
        return None
    reason = sealing.open(made["reason"], document["_id"]) if made.get("reason") else None
    return Decision(made["verdict"], Actor(made["by"], made["role"]), made["at"], reason, made.get("survivor"))


def stored_decision(decision: Decision | None, bound_to: str, sealing: Sealing) -> Document | None:
    """A decision as it is stored; its reason is a person's own words, and sealed."""
    if decision is None:
        return None
    return {
        "verdict": decision.verdict,
        "by": decision.by.id,
        "role": decision.by.role,
        "at": decision.at,
        "survivor": decision.survivor,
        "reason": sealing.seal(decision.reason, bound_to) if decision.reason else None,
    }


async def review_writes(
    ledger: Ledger, database: Database, sealing: Sealing, session: Session
) -> list[UpdateOne | UpdateMany]:
    """New questions (but about pairs that were told apart), and what became of cases."""
    asked = await _still_asked(ledger, database, session)
    writes: list[UpdateOne | UpdateMany] = [
        UpdateOne({"_id": review.id}, {"$setOnInsert": _new(review, sealing)}, upsert=True) for review in asked
    ]
    for id_ in sorted(ledger.changed_cases):
        case = ledger.cases[id_]
        state = {
            "status": case.status,
            "assigned": case.assigned,
            "decision": stored_decision(case.decision, id_, sealing),
        }
        writes.append(UpdateOne({"_id": id_}, {"$set": state}))
    return [*writes, *(_settled_by(merged) for merged in ledger.merges if not merged.undone)]


def pair_writes(ledger: Ledger) -> list[UpdateOne | DeleteOne]:
    """Pairs told apart; one that was merged is none any more."""
    pairs = (_pair(ledger, (one.survivor, one.retired)) for one in ledger.merges if not one.undone)
    merged = {pair for pair in pairs if pair}
    writes: list[UpdateOne | DeleteOne] = [DeleteOne({"_id": pair}) for pair in sorted(merged)]
    apart = {"|".join(pair) for pair in ledger.told_apart} - merged
    return [*writes, *(UpdateOne({"_id": pair}, {"$set": {"apart": True}}, upsert=True) for pair in sorted(apart))]


def _new(review: Review, sealing: Sealing) -> Document:
    return {
        "kind": review.kind,
        "persons": list(review.persons),
        "source": review.source,
        "at": review.at,
        "status": OPEN,
        "certainty": review.certainty,
        "assigned": None,
        "about": sealing.seal(dict(review.about), review.id),
    }


def _settled_by(merged: Merged) -> UpdateMany:
    """Whoever asks whether the two are one person is answered by their merge."""
    decision = {"verdict": SAME, "by": merged.by, "role": "registrar", "at": merged.at, "survivor": merged.survivor}
    pair = sorted((merged.survivor, merged.retired))
    return UpdateMany({"persons": pair, "status": OPEN}, {"$set": {"status": DECIDED, "decision": decision}})


async def _still_asked(ledger: Ledger, database: Database, session: Session) -> Sequence[Review]:
    pairs = {review.id: _pair(ledger, review.persons) for review in ledger.reviews.values()}
    wanted = sorted({pair for pair in pairs.values() if pair})
    if not wanted:
        return list(ledger.reviews.values())
    found = database[PAIRS].find({"_id": {"$in": wanted}}, {"_id": 1}, session=session)
    apart = {document["_id"] async for document in found}
    return [review for review in ledger.reviews.values() if pairs[review.id] not in apart]


def _pair(ledger: Ledger, ids: Sequence[str]) -> str | None:
    persons: list[Any] = [ledger.current(id_) for id_ in ids]
    return "|".join(sorted(person.key for person in persons)) if len(persons) == 2 and all(persons) else None
