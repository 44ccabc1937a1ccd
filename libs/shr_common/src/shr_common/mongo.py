"""MongoDB as every store uses it: majority and journaled writes, bounded units of work, errors as categories."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import bson
import pymongo
from pymongo import AsyncMongoClient, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CollectionInvalid,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shr_common.errors import Category, ShrError, busy, conflict, too_large, unavailable

Document = dict[str, Any]
Client = AsyncMongoClient[Document]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]
Session = AsyncClientSession
T = TypeVar("T")

DOCUMENT_LIMIT_BYTES = 12 * 1024 * 1024
CLOSING_S = 0.5
_WRITE_CONFLICT = 112
_DUPLICATE_KEY = 11000
_COLLECTION_EXISTS = 48
_TOO_LARGE = {10334, 17419, 17420, 257}
_CHANGING_PRIMARY = {10107, 13435, 11602, 11600, 91, 189, 64}
_TEMPORARY = (AutoReconnect, ConnectionFailure, NetworkTimeout, ExecutionTimeout, WaitQueueTimeoutError, WTimeoutError)


class _Connecting(ServerHeartbeatListener):
    """The servers that the driver's monitors are connecting to, or greeting, at the moment."""

    def __init__(self) -> None:
        self.servers: set[tuple[str, int | None]] = set()

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        """``awaited``: on a connection that stands."""
        if not event.awaited:
            self.servers.add(event.connection_id)

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """Connected."""
        self.servers.discard(event.connection_id)

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """The socket is closed."""
        self.servers.discard(event.connection_id)


class _PatientClient(AsyncMongoClient[Document]):
    """Lets a connect that is under way end before it closes: the driver would cancel it and forget its socket, which
    the collector then complains about, in somebody else's test (PYTHON-5867).
    """

    def __init__(self, uri: str, *, event_listeners: Sequence[Any] = (), **options: Any) -> None:
        self._connecting = _Connecting()
        super().__init__(uri, event_listeners=[self._connecting, *event_listeners], **options)

    async def close(self) -> None:
        """As the driver does, at most ``CLOSING_S`` later."""
        until = time.monotonic() + CLOSING_S
        while self._connecting.servers and time.monotonic() < until:  # noqa: ASYNC110 (a few ms, once in its life)
            await asyncio.sleep(0.01)
        await super().close()


def connect(uri: str) -> Client:
    """A client whose writes are majority-acknowledged and journaled, and whose reads see majority-committed data."""
    return _PatientClient(
        uri,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        tz_aware=True,
        serverSelectionTimeoutMS=5000,
        connectTimeoutMS=3000,
        maxPoolSize=32,
        appname="shr",
    )


@contextmanager
def categorised() -> Iterator[None]:
    """Turn the driver's errors into categories; what is not known to be temporary or a conflict stays a fault."""
    try:
        yield
    except (PyMongoError, DocumentTooLarge) as error:
        raise category_of(error) from error


def category_of(error: PyMongoError | DocumentTooLarge) -> ShrError:
    """The category of a driver error."""
    if isinstance(error, DocumentTooLarge):  # the driver's own refusal, and none of its PyMongoErrors
        return too_large("One document would be larger than the store takes.")
    if isinstance(error, DuplicateKeyError):
        return conflict("This was stored already.", code="duplicate")
    codes = _codes_of(error)
    if isinstance(error, BulkWriteError) and codes == {_DUPLICATE_KEY}:
        return conflict("This was stored already.", code="duplicate")
    if codes & _TOO_LARGE:
        return too_large("One document would be larger than the store takes.")
    if _WRITE_CONFLICT in codes or _WRITE_CONFLICT in _codes_of(error.__cause__):
        return busy("Another change of the same thing is under way.")
    if isinstance(error, _TEMPORARY) or error.timeout:
        return unavailable("The store does not answer at the moment.")
    if codes & _CHANGING_PRIMARY:
        return unavailable("The store is changing its primary.")
    if error.has_error_label("TransientTransactionError"):
        return busy("Another change of the same thing is under way.")
    return ShrError(Category.FAULT, "The store refused the change.")


def _codes_of(error: BaseException | None) -> set[int]:
    """Every server code that a driver error carries."""
    found: set[int] = set()
    if isinstance(error, OperationFailure) and error.code is not None:
        found.add(error.code)
    if isinstance(error, BulkWriteError):
        found.clear()  # 65, "multiple errors": says nothing
        details = error.details or {}
        for one in (*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())):
            found.add(int(one.get("code", 0)))
    return found


def check_weight(document: Mapping[str, Any]) -> None:
    """Raise too_large for a document above ``DOCUMENT_LIMIT_BYTES``, before a transaction fails of it in vain."""
    if len(bson.encode(document)) > DOCUMENT_LIMIT_BYTES:
        raise too_large("One document would be larger than the store takes.")


async def unit_of_work(
    client: Client, work: Callable[[Session], Awaitable[T]], *, timeout_s: float = 10.0, snapshot: bool = True
) -> T:
    """Run ``work`` in one transaction, again when MongoDB calls the failure transient, for ``timeout_s`` at most.

    ``work`` must be safe to run again: it gets a fresh session state and may not keep what an earlier run made.
    Raises ShrError: conflict (duplicate key), busy (write conflict until the time was up), unavailable, fault.
    """

    conflicts = 0

    async def as_the_driver_said(session: Session) -> T:
        # a store may have categorised the error already; the driver must see its own, or it would not try again
        nonlocal conflicts
        try:
            return await work(session)
        except (ShrError, PyMongoError) as error:
            cause = error.__cause__ if isinstance(error, ShrError) else error
            if not isinstance(cause, PyMongoError):
                raise
            conflicts += _WRITE_CONFLICT in _codes_of(cause)
            raise cause from None

    try:
        with pymongo.timeout(timeout_s):
            async with client.start_session() as session:
                return await session.with_transaction(
                    as_the_driver_said,
                    read_concern=ReadConcern("snapshot" if snapshot else "majority"),
                    write_concern=WriteConcern("majority", j=True),
                )
    except (PyMongoError, DocumentTooLarge) as error:
        category = category_of(error)
        if conflicts and category.category is Category.UNAVAILABLE:
            # the store answered all the time, and always the same
            category = busy("Another change of the same thing is under way.")
        raise category from error


async def ensure_indexes(database: Database, wanted: Mapping[str, Sequence[IndexModel]]) -> None:
    """Create collections and their indexes if they are not there (transactions cannot create them on the way)."""
    with categorised():
        existing = set(await database.list_collection_names())
        for name, indexes in wanted.items():
            if name not in existing:
                try:
                    await database.create_collection(name)
                except CollectionInvalid:  # another replica was faster
                    pass
                except OperationFailure as error:
                    if error.code != _COLLECTION_EXISTS:  # the same, a moment later
                        raise
            if indexes:
                await database[name].create_indexes(list(indexes))
