"""Browser sessions and sign-ins under way. Ids are stored as digests, tokens sealed: a stolen copy opens nothing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import pymongo
from shr_common.mongo import Database, categorised

from shr_gateway.storage.own import SESSIONS, SIGN_INS

SIGN_IN_S = 600


class Sealing(Protocol):
    """Authenticated encryption, bound to a context."""

    def seal(self, plain: bytes, bound_to: bytes | None = None) -> bytes:
        """Encrypt."""

    def open(self, sealed: bytes, bound_to: bytes | None = None) -> bytes:
        """Decrypt; raises ValueError."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. ``csrf`` has to come back with every form."""

    id: str
    token: str
    csrf: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way at the identity provider."""

    nonce: str
    verifier: str
    next: str
    redirect_uri: str


class SessionStore:
    """``sessions`` and ``sign_ins`` of the own store; MongoDB removes what has expired."""

    def __init__(self, database: Database, sealing: Sealing, *, now: Callable[[], datetime], timeout_s: float) -> None:
        self._sessions = database[SESSIONS]
        self._sign_ins = database[SIGN_INS]
        self._sealing = sealing
        self._now = now
        self._timeout_s = timeout_s

    async def begin(self, sign_in: SignIn) -> str:
        """Keep a sign-in; returns its ``state``, good once and for ten minutes."""
        state = secrets.token_urlsafe(32)
        key = _digest(state)
        document = {
            "_id": key,
            "nonce": sign_in.nonce,
            "verifier": self._sealing.seal(sign_in.verifier.encode(), key.encode()),
            "next": sign_in.next,
            "redirect_uri": sign_in.redirect_uri,
            "expires_at": self._now() + timedelta(seconds=SIGN_IN_S),
        }
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._sign_ins.insert_one(document)
        return state

    async def take(self, state: str) -> SignIn | None:
        """The sign-in of a state, once."""
        key = _digest(state)
        with categorised(), pymongo.timeout(self._timeout_s):
            found = await self._sign_ins.find_one_and_delete({"_id": key, "expires_at": {"$gt": self._now()}})
        if found is None:
            return None
        verifier = self._sealing.open(found["verifier"], key.encode()).decode()
        return SignIn(found["nonce"], verifier, found["next"], found["redirect_uri"])

    async def open(self, token: str, *, seconds: float) -> Session:
        """A new session with a new id, whatever the browser had before."""
        session = Session(
            id=secrets.token_urlsafe(32),
            token=token,
            csrf=secrets.token_urlsafe(24),
            expires_at=self._now() + timedelta(seconds=seconds),
        )
        key = _digest(session.id)
        document = {
            "_id": key,
            "token": self._sealing.seal(token.encode(), key.encode()),
            "csrf": session.csrf,
            "expires_at": session.expires_at,
        }
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._sessions.insert_one(document)
        return session

    async def find(self, id: str) -> Session | None:
        """The session of a cookie, while it lasts."""
        key = _digest(id)
        with categorised(), pymongo.timeout(self._timeout_s):
            found = await self._sessions.find_one({"_id": key, "expires_at": {"$gt": self._now()}})
        if found is None:
            return None
        token = self._sealing.open(found["token"], key.encode()).decode()
        return Session(id, token, found["csrf"], found["expires_at"])

    async def close(self, id: str) -> None:
        """End a session."""
        with categorised(), pymongo.timeout(self._timeout_s):
            await self._sessions.delete_one({"_id": _digest(id)})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
