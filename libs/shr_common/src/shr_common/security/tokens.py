"""Bearer tokens: RS256/ES256 JWT of one issuer and one audience, keys cached and rotated (RFC 9068, RFC 8725)."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, TypeGuard

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, MissingKeyError
from joserfc.jwk import KeySet

from shr_common.errors import unauthenticated, unavailable
from shr_common.security.caller import ROLES, Caller

ALGORITHMS = ["RS256", "ES256"]
KEYS_MAX_AGE_S = 300.0
REFETCH_EVERY_S = 2.0
CACHE_LIMIT = 4096
TOKEN_LIMIT_CHARS = 8192
LEEWAY_S = 5
"""How far the issuer's clock may be ahead of ours; an expiry is taken at its word (RFC 7519, section 4.1.4)."""
LOG = structlog.get_logger("shr.security")


class Authenticator:
    """Turns a bearer token into a Caller. Keys are fetched lazily, again after five minutes or for an unknown key.

    The issuer is asked at most every ``REFETCH_EVERY_S``, whatever tokens come; while it is away its last keys hold.
    """

    def __init__(self, *, issuer: str, audience: str, jwks_url: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._keys: KeySet | None = None
        self._fetched_at = -math.inf
        self._asked_at = -math.inf
        self._fetching = asyncio.Lock()
        self._verified: OrderedDict[str, tuple[float, float, Caller]] = OrderedDict()

    async def caller(self, token: str) -> Caller:
        """The caller of a token. Raises unauthenticated, or unavailable while no key could ever be fetched."""
        known = self._verified.get(token)
        if known and known[0] > time.time() and time.monotonic() - known[1] < KEYS_MAX_AGE_S:
            return known[2]
        if len(token) > TOKEN_LIMIT_CHARS or not token.isascii() or token.count(".") != 2:
            raise unauthenticated("The token cannot be read.")
        keys = await self._current_keys(older_than=None)
        try:
            decoded = self._decode(token, keys)
        except _UnknownKeyError:
            keys = await self._current_keys(older_than=self._fetched_at)
            try:
                decoded = self._decode(token, keys)
            except _UnknownKeyError:
                raise unauthenticated("The token is signed by a key that the issuer does not publish.") from None
        return self._remember(token, decoded)

    def _decode(self, token: str, keys: KeySet) -> jwt.Token:
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (InvalidKeyIdError, MissingKeyError) as error:
            # a key that we do not hold may be a rotated one; every other failure is final
            raise _UnknownKeyError from error
        except JoseError as error:
            raise unauthenticated("The token's signature or algorithm is not accepted.") from error
        except Exception as error:
            raise unauthenticated("The token cannot be read.") from error

    def _remember(self, token: str, decoded: jwt.Token) -> Caller:
        claims = decoded.claims
        now = time.time()
        expires = claims.get("exp")
        starts = claims.get("nbf")
        audience = claims.get("aud")
        role = claims.get("role")
        if claims.get("iss") != self._issuer:
            raise unauthenticated("The token was made by another issuer.")
        if audience != self._audience and (not isinstance(audience, list) or self._audience not in audience):
            raise unauthenticated("The token is for another audience.")
        if not _is_time(expires) or expires <= now:
            raise unauthenticated("The token has expired.")
        if starts is not None and (not _is_time(starts) or starts > now + LEEWAY_S):
            raise unauthenticated("The token is not valid yet.")
        if not isinstance(role, str) or role not in ROLES:
            raise unauthenticated("The token names no known role.")
        try:
            caller = Caller.of(claims, token)
        except (TypeError, ValueError) as error:
            raise unauthenticated("The token's claims cannot be read.") from error
        self._verified[token] = (float(expires), time.monotonic(), caller)
        self._verified.move_to_end(token)
        if len(self._verified) > CACHE_LIMIT:
            self._verified.popitem(last=False)
        return caller

    async def _current_keys(self, *, older_than: float | None) -> KeySet:
        """The issuer's keys; fetched again when old, or when a key was missing in those of ``older_than``."""
        async with self._fetching:
            now = time.monotonic()
            stale = now - self._fetched_at > KEYS_MAX_AGE_S
            missing = older_than is not None and self._fetched_at <= older_than
            if (stale or missing) and now - self._asked_at > REFETCH_EVERY_S:
                try:
                    self._keys = KeySet.import_key_set(await self._fetch())
                    self._fetched_at = time.monotonic()
                except (httpx.HTTPError, OSError, ValueError, TypeError, KeyError, JoseError) as error:
                    LOG.warning("keys_not_fetched", kind=type(error).__name__)
                finally:
                    self._asked_at = time.monotonic()
            if self._keys is None:
                raise unavailable("The identity provider does not answer.")
            return self._keys

    async def _fetch(self) -> Any:
        """The key set, from the issuer or (``file:``) from a mounted file."""
        if self._jwks_url.startswith("file:"):
            return json.loads(Path(self._jwks_url.removeprefix("file://")).read_bytes())  # noqa: ASYNC240 (tiny, cached)
        async with httpx.AsyncClient(timeout=3.0, trust_env=False) as client:
            answer = await client.get(self._jwks_url)
            answer.raise_for_status()
            return answer.json()


def _is_time(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class _UnknownKeyError(Exception):
    pass
