"""Consents, requests, restrictions and emergency declarations, each with its event in one transaction.

Reads are majority reads from the primary: a decision by a stale replica could show what was withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.read_preferences import ReadPreference
from shr_common.errors import conflict, not_found
from shr_common.mongo import Client, Database, Document, Session, categorised, unit_of_work
from shr_common.outbox import Outbox
from shr_contracts.cloudevents import Event
from shr_policy import Grant

from shr_consent.domain.confirmation import Confirmation
from shr_consent.domain.statement import Party, Statement
from shr_consent.domain.terms import Terms
from shr_consent.storage.confirmations import ConfirmationStore
from shr_consent.storage.indexes import STATEMENTS

IN_FORCE_LIMIT = 10_000


class StatementStore:
    """``statements``: one document per statement, its current version."""

    def __init__(
        self,
        client: Client,
        database: Database,
        outbox: Outbox,
        confirmations: ConfirmationStore,
        *,
        timeout_s: float,
    ) -> None:
        self._client = client
        self._confirmations = confirmations
        self._rows = database[STATEMENTS].with_options(read_preference=ReadPreference.PRIMARY)
        self._outbox = outbox
        self._timeout_s = timeout_s

    async def add(
        self, stated: Statement, *, told: Sequence[Event] = (), confirmation: Confirmation | None = None
    ) -> None:
        """Keep a new one, with its code, and publish it and the messages about it, together.

        Raises conflict when its id is taken.
        """

        async def work(session: Session) -> None:
            await self._rows.insert_one(document_of(stated), session=session)
            if confirmation is not None:
                await self._confirmations.add(confirmation, session)
            await self._outbox.add([stated.changed(), *told], session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)
        self._outbox.wake()

    async def change(self, id: str, step: Callable[[Statement], Statement], *, told: Sequence[Event] = ()) -> Statement:
        """Replace a statement by what ``step`` makes of it as it stands; publish that and the messages, together.

        Of two at once one commits first; the other's ``step`` then sees what that made of it.
        """

        async def work(session: Session) -> Statement:
            row = await self._rows.find_one({"_id": id}, session=session)
            if row is None:
                raise not_found("There is no such statement.")
            stood = statement_of(row)
            stands = step(stood)
            if stands.version == stood.version:
                return stood
            replaced = await self._rows.replace_one(
                {"_id": id, "version": stood.version}, document_of(stands), session=session
            )
            if not replaced.modified_count:
                raise conflict("This was changed by another at the same time.")
            await self._outbox.add([stands.changed(), *told], session)
            return stands

        stands = await unit_of_work(self._client, work, timeout_s=self._timeout_s)
        self._outbox.wake()
        return stands

    async def find(self, id: str) -> Statement | None:
        """One statement."""
        with categorised(), pymongo.timeout(self._timeout_s):
            row = await self._rows.find_one({"_id": id})
        return statement_of(row) if row else None

    async def in_force(self, patients: Iterable[str]) -> Sequence[Grant]:
        """What is granted, refused, closed or declared; whether it has expired is the decision's to say."""
        query = {"patient": {"$in": sorted(patients)}, "status": "granted"}
        with categorised(), pymongo.timeout(self._timeout_s):
            rows = await self._rows.find(query).limit(IN_FORCE_LIMIT).to_list()
        return [_grant_of(row) for row in rows]

    async def count_in_force(self, patient: str) -> int:
        """How many consents and restrictions are in force for a person."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._rows.count_documents({"patient": patient, "status": "granted"})

    async def pending(self, patient: str, by: Party) -> int:
        """How many requests of this requester about a person wait for an answer."""
        query = {"patient": patient, "status": "requested", "made_by.role": by.role, "made_by.id": by.id}
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._rows.count_documents(query)

    async def emergencies_since(self, practitioner: str, since: datetime) -> int:
        """How many emergencies a practitioner has declared."""
        query = {"made_by.id": practitioner, "kind": "break-glass", "made_at": {"$gte": since}}
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._rows.count_documents(query)

    async def page(
        self,
        *,
        patients: Iterable[str] | None,
        visible_to: Party | None,
        query: Mapping[str, Any],
        after: str | None,
        limit: int,
    ) -> list[Statement]:
        """Newest first, ``limit`` at most; ``visible_to``: only what this requester made or is the recipient of."""
        wanted = _wanted(patients, visible_to, query)
        if after is not None:
            wanted["_id"] = {"$lt": after}
        with categorised(), pymongo.timeout(self._timeout_s):
            rows = await self._rows.find(wanted).sort("_id", -1).limit(limit).to_list()
        return [statement_of(row) for row in rows]

    async def count(self, *, patients: Iterable[str] | None, visible_to: Party | None, query: Mapping[str, Any]) -> int:
        """How many would be on all pages."""
        with categorised(), pymongo.timeout(self._timeout_s):
            return await self._rows.count_documents(_wanted(patients, visible_to, query))

    async def granted_by_guardians(self, patients: Iterable[str]) -> Sequence[str]:
        """Ids of what guardians of these persons granted and is in force."""
        query = {"patient": {"$in": sorted(patients)}, "status": "granted", "by_guardian": True}
        with categorised(), pymongo.timeout(self._timeout_s):
            return [row["_id"] async for row in self._rows.find(query, {"_id": 1})]

    async def past_their_time(self, *, now: datetime, unanswered_since: datetime, limit: int) -> Sequence[str]:
        """Ids of granted ones that ended, and of requests that ended or wait for too long."""
        ended = {"status": {"$in": ["granted", "requested"]}, "ends": {"$lte": now}}
        waiting = {"status": "requested", "made_at": {"$lte": unanswered_since}}
        with categorised(), pymongo.timeout(self._timeout_s):
            found: list[str] = []
            for query in (ended, waiting):
                found += [row["_id"] async for row in self._rows.find(query, {"_id": 1}).limit(limit)]
        return list(dict.fromkeys(found))

    async def erase(self, patients: Iterable[str]) -> None:
        """Drop all that persons have said; their erasure was decided and published."""
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._rows.delete_many({"patient": {"$in": sorted(patients)}})


def _wanted(patients: Iterable[str] | None, visible_to: Party | None, query: Mapping[str, Any]) -> Document:
    wanted: Document = dict(query)
    if patients is not None:
        wanted["patient"] = {"$in": sorted(patients)}
    if visible_to is not None:
        wanted["$or"] = _seen_by(visible_to)
    return wanted


def in_status(statuses: Collection[str], now: datetime) -> Document:
    """A query for statuses as they read at that moment: what is past its time is expired, published or not."""
    open_ones = ["requested", "granted"]
    running = {"$or": [{"ends": None}, {"ends": {"$gt": now}}]}
    ways: list[Document] = [{"status": {"$in": [one for one in statuses if one not in open_ones]}}]
    ways.append({"status": {"$in": [one for one in statuses if one in open_ones]}, **running})
    if "expired" in statuses:
        ways.append({"status": {"$in": open_ones}, "ends": {"$lte": now}})
    return {"$and": [{"$or": ways}]}


def _seen_by(party: Party) -> list[Document]:
    facility = party.id if party.role == "facility" else party.facility
    seen: list[Document] = []
    if party.role == "practitioner":
        seen += [
            {"made_by.role": "practitioner", "made_by.id": party.id},
            {"terms.recipient.type": "practitioner", "terms.recipient.id": party.id},
        ]
    if facility is not None:
        own = {"$in": ["facility", "organization"]}
        seen += [
            {"made_by.role": {"$in": ["practitioner", "facility"]}, "made_by.facility": facility},
            {"terms.recipient.type": own, "terms.recipient.id": facility},
        ]
    return seen or [{"_id": None}]


def document_of(stated: Statement) -> Document:
    """As it is stored."""
    by = stated.made_by
    return {
        "_id": stated.id,
        "kind": stated.kind,
        "patient": stated.patient,
        "status": stated.status,
        "version": stated.version,
        "decision": stated.decision,
        "terms": stated.terms.as_json(),
        "asked": stated.asked.as_json() if stated.asked else None,
        "made_by": {
            "role": by.role,
            "id": by.id,
            "facility": by.id if by.role == "facility" else by.facility,
            "health_id": by.health_id,
            "name": by.name,
        },
        "made_at": stated.made_at,
        "changed_at": stated.changed_at,
        "granted_by": stated.granted_by,
        "granted_at": stated.granted_at,
        "ends": stated.terms.expires_at,
        "reference": stated.reference,
        "except": [{"type": kind, "id": one} for kind, one in sorted(stated.except_for)],
        "reason": stated.reason,
        "emergency": stated.emergency,
        "confirmed_with": stated.confirmed_with,
        "by_guardian": stated.by_guardian,
    }


def statement_of(row: Document) -> Statement:
    """From what is stored."""
    by = row["made_by"]
    return Statement(
        id=row["_id"],
        kind=row["kind"],
        patient=row["patient"],
        status=row["status"],
        version=row["version"],
        terms=Terms.of(row["terms"]),
        made_by=Party(by["role"], by["id"], by["facility"], by["health_id"], by["name"]),
        made_at=row["made_at"].astimezone(UTC),
        changed_at=row["changed_at"].astimezone(UTC),
        decision=row["decision"],
        asked=Terms.of(row["asked"]) if row["asked"] else None,
        granted_by=row["granted_by"],
        granted_at=row["granted_at"],
        reference=row["reference"],
        except_for=frozenset((one["type"], one["id"]) for one in row["except"]),
        reason=row["reason"],
        emergency=row["emergency"],
        confirmed_with=row.get("confirmed_with"),
    )


def _grant_of(row: Document) -> Grant:
    said = ("status", "kind", "decision", "reference", "except")
    return Grant.of({"consent_id": row["_id"], **row["terms"], **{name: row[name] for name in said}})
