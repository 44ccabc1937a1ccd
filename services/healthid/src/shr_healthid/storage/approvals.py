"""Changes that wait for a second person, and what became of them. What they change is sealed at rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import UpdateOne
from shr_common.mongo import Database, Document, categorised

from shr_healthid.domain.cases import APPROVED, PENDING, REJECTED, Actor, Approval
from shr_healthid.domain.ledger import Ledger
from shr_healthid.storage.collections import APPROVALS
from shr_healthid.storage.reviews import decision_of, stored_decision
from shr_healthid.storage.sealing import Sealing


@dataclass(frozen=True, slots=True)
class Asked:
    """Which approvals: by status and person. None: any."""

    status: str | None = PENDING
    person: str | None = None


class ApprovalStore:
    """Reads of approvals."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._approvals = database[APPROVALS]
        self._sealing = sealing

    async def page(self, asked: Asked, *, after: tuple[datetime, str] | None, limit: int) -> list[Approval]:
        """A page, the oldest first."""
        query: Document = {"status": asked.status or {"$in": [PENDING, APPROVED, REJECTED]}}
        if asked.person is not None:
            query["person"] = asked.person
        if after is not None:
            at, id_ = after
            query["$or"] = [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": id_}}]
        with categorised():
            found = await self._approvals.find(query).sort([("at", 1), ("_id", 1)]).limit(limit).to_list()
        return [approval_of(document, self._sealing) for document in found]

    async def by_id(self, id_: str) -> Approval | None:
        """One approval."""
        with categorised():
            found = await self._approvals.find_one({"_id": id_})
        return approval_of(found, self._sealing) if found else None


def approval_of(document: Document, sealing: Sealing) -> Approval:
    """The approval of a stored one."""
    sealed = sealing.open(document["sealed"], document["_id"])
    return Approval(
        id=document["_id"],
        person=document["person"],
        version=document["version"],
        asked_by=Actor(document["asked_by"], document["role"]),
        source=document["source"],
        facility=document["facility"],
        asked_at=document["at"],
        before=sealed["before"],
        after=sealed["after"],
        body=sealed["body"].encode(),
        reason=sealed["reason"],
        status=document["status"],
        decision=decision_of(document, sealing),
    )


def approval_writes(ledger: Ledger, sealing: Sealing) -> list[UpdateOne]:
    """New ones, and decisions."""
    writes = []
    for id_ in sorted(ledger.changed_approvals):
        one = ledger.approvals[id_]
        asked = {
            "person": one.person,
            "version": one.version,
            "asked_by": one.asked_by.id,
            "role": one.asked_by.role,
            "source": one.source,
            "facility": one.facility,
            "at": one.asked_at,
            "sealed": sealing.seal(
                {"before": one.before, "after": one.after, "body": one.body.decode(), "reason": one.reason}, id_
            ),
        }
        state = {"status": one.status, "decision": stored_decision(one.decision, id_, sealing)}
        writes.append(UpdateOne({"_id": id_}, {"$set": state, "$setOnInsert": asked}, upsert=True))
    return writes
