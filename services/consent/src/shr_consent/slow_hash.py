"""Salted slow hashes (scrypt, RFC 7914) for what people have to remember: few bits, so each guess must cost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os

SALT_BYTES = 16
COST, BLOCK, LANES = 2**14, 8, 1
"""16 MB and some 50 ms a guess."""


class SlowHash:
    """One at a time, in a thread: neither the loop nor the memory of the service suffers from it."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def make(self, secret: str) -> bytes:
        """``salt || hash``."""
        salt = os.urandom(SALT_BYTES)
        return salt + await self._hash(secret, salt)

    async def matches(self, secret: str, made: bytes) -> bool:
        """Whether ``made`` is a hash of this secret."""
        return hmac.compare_digest(await self._hash(secret, made[:SALT_BYTES]), made[SALT_BYTES:])

    async def _hash(self, secret: str, salt: bytes) -> bytes:
        async with self._one_at_a_time:
            return await asyncio.to_thread(
                hashlib.scrypt, secret.encode(), salt=salt, n=COST, r=BLOCK, p=LANES, maxmem=64 * 1024 * 1024
            )
