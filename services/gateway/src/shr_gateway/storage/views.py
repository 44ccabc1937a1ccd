"""The views: disposable, made of events alone. Collections and their indexes; folding one with its position."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pymongo import ASCENDING, DESCENDING, IndexModel
from shr_common.inbox import Inbox
from shr_common.mongo import Client, Database, Session, unit_of_work

RESOURCES = "resources"
VERSIONS = "versions"
PROFILES = "profiles"
PEOPLE = "people"
LINKS = "links"
COUNTERS = "counters"
CONSENTS = "consents"
REGISTRY = "registry"
NAMES = "names"
APPOINTMENTS = "appointments"
LOOKS = "looks"
FLOWS = "flows"
REJECTIONS = "rejections"
POSITIONS = "positions"

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    RESOURCES: [IndexModel([("person", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)])],
    VERSIONS: [IndexModel([("reference", ASCENDING)]), IndexModel([("person", ASCENDING)])],
    PROFILES: [],
    PEOPLE: [IndexModel([("guardians", ASCENDING)], partialFilterExpression={"guardians.0": {"$exists": True}})],
    LINKS: [IndexModel([("former", ASCENDING)]), IndexModel([("to", ASCENDING)])],
    COUNTERS: [],
    CONSENTS: [IndexModel([("patient", ASCENDING), ("status", ASCENDING)])],
    REGISTRY: [IndexModel([("practitioner", ASCENDING)])],
    NAMES: [],
    APPOINTMENTS: [IndexModel([("patient", ASCENDING), ("start", ASCENDING)])],
    LOOKS: [IndexModel([("patient", ASCENDING), ("at", DESCENDING)])],
    FLOWS: [IndexModel([("day", ASCENDING)])],
    REJECTIONS: [IndexModel([("day", ASCENDING)]), IndexModel([("person", ASCENDING)])],
    POSITIONS: [],
}


class Placed(Protocol):
    """A consumed record: where it stands in its topic."""

    @property
    def place(self) -> str:
        """``topic:partition:offset``."""


P = TypeVar("P", bound=Any)
E = TypeVar("E")
Apply = Callable[[list[E], Session], Awaitable[None]]


class View:
    """Folds batches into one view, each in one transaction with its positions. ``cluster`` names the broker."""

    def __init__(
        self, client: Client, database: Database, *, name: str, cluster: Callable[[], str], timeout_s: float
    ) -> None:
        self._client = client
        self._database = database
        self._name = name
        self._cluster = cluster
        self._timeout_s = timeout_s

    async def fold(self, records: Sequence[P], events: Sequence[E | None], apply: Apply[E]) -> None:
        """Apply the events (one for each record, None = nothing to fold) that this view has not folded yet."""
        inbox = Inbox(self._database, view=self._name, cluster_id=self._cluster())
        event_at = {record.place: event for record, event in zip(records, events, strict=True)}

        async def work(session: Session) -> None:
            fresh = await inbox.fresh(records, session)
            wanted = [event for record in fresh if (event := event_at[record.place]) is not None]
            if wanted:
                await apply(wanted, session)
            if fresh:
                await inbox.advance(records, session)

        await unit_of_work(self._client, work, timeout_s=self._timeout_s)
