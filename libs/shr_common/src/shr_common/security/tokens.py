"""Bearer tokens: RS256/ES256 JWT of one issuer and one audience, keys cached and rotated (RFC 9068, RFC 8725)."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shr_common.errors import unauthenticated, unavailable
from shr_common.security.caller import ROLES, Caller

ALGORITHMS = ["RS256", "ES256"]
KEYS_MAX_AGE_S = 300.0
REFETCH_EVERY_S = 2.0
CACHE_LIMIT = 4096
LEEWAY_S = 5


class Authenticator:
    """Turns a bearer token into a Caller. Keys are fetched lazily, again after five minutes or for an unknown key."""

    def __init__(self, *, issuer: str, audience: str, jwks_url: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._fetching = asyncio.Lock()
        self._verified: OrderedDict[str, tuple[float, float, Caller]] = OrderedDict()

    async def caller(self, token: str) -> Caller:
        """The caller of a token. Raises unauthenticated, or unavailable while no key could ever be fetched."""
        known = self._verified.get(token)
        if known and known[0] > time.time() and time.monotonic() - known[1] < KEYS_MAX_AGE_S:
            return known[2]
        keys = await self._current_keys(newer_than=None)
        try:
            decoded = self._decode(token, keys)
        except _UnknownKeyError:
            keys = await self._current_keys(newer_than=self._fetched_at)
            try:
                decoded = self._decode(token, keys)
            except _UnknownKeyError:
                raise unauthenticated("The token is signed by a key that the issuer does not publish.") from None
        return self._remember(token, decoded)

    def _decode(self, token: str, keys: KeySet) -> jwt.Token:
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except JoseError as error:
            # a key id that we do not hold may be a rotated key; every other failure is final
            if type(error).__name__ in (
                "InvalidKeyIdError",
                "KeyNotFoundError",
                "UnknownKeyIdError",
                "MissingKeyError",
            ):
                raise _UnknownKeyError from error
            raise unauthenticated("The token's signature or algorithm is not accepted.") from error
        except ValueError as error:
            if "kid" in str(error) or "key" in str(error).lower():
                raise _UnknownKeyError from error
            raise unauthenticated("The token cannot be read.") from error
        except Exception as error:
            raise unauthenticated("The token cannot be read.") from error

    def _remember(self, token: str, decoded: jwt.Token) -> Caller:
        claims = decoded.claims
        now = time.time()
        expires = claims.get("exp")
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise unauthenticated("The token was made by another issuer.")
        if audience != self._audience and (not isinstance(audience, list) or self._audience not in audience):
            raise unauthenticated("The token is for another audience.")
        if not isinstance(expires, int | float) or isinstance(expires, bool) or expires + LEEWAY_S < now:
            raise unauthenticated("The token has expired.")
        if isinstance(claims.get("nbf"), int | float) and claims["nbf"] > now + LEEWAY_S:
            raise unauthenticated("The token is not valid yet.")
        if claims.get("role") not in ROLES:
            raise unauthenticated("The token names no known role.")
        caller = Caller.of(claims, token)
        self._verified[token] = (float(expires), time.monotonic(), caller)
        if len(self._verified) > CACHE_LIMIT:
            self._verified.popitem(last=False)
        return caller

    async def _current_keys(self, *, newer_than: float | None) -> KeySet:
        """The issuer's keys; fetched again when old, or at most every two seconds when a key was missing."""
        async with self._fetching:
            age = time.monotonic() - self._fetched_at
            stale = self._keys is None or age > KEYS_MAX_AGE_S
            missing = newer_than is not None and self._fetched_at <= newer_than and age > REFETCH_EVERY_S
            if stale or missing:
                try:
                    self._keys = KeySet.import_key_set(await self._fetch())
                    self._fetched_at = time.monotonic()
                except (httpx.HTTPError, OSError, ValueError, JoseError) as error:
                    if self._keys is None:
                        raise unavailable("The identity provider does not answer.") from error
            assert self._keys is not None  # noqa: S101 (fetched above or raised)
            return self._keys

    async def _fetch(self) -> Any:
        """The key set, from the issuer or (``file:``) from a mounted file."""
        if self._jwks_url.startswith("file:"):
            return json.loads(Path(self._jwks_url.removeprefix("file://")).read_bytes())  # noqa: ASYNC240 (tiny, cached)
        async with httpx.AsyncClient(timeout=3.0, trust_env=False) as client:
            answer = await client.get(self._jwks_url)
            answer.raise_for_status()
            return answer.json()


class _UnknownKeyError(Exception):
    pass
