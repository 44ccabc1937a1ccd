"""Keyed hashes for look-ups and AES-256-GCM envelopes for what is stored.

Two kinds of key that are never mixed: the look-up key (HMAC-SHA-256; held by healthid and records only) and the
master keys of the services (AES-256-GCM). Key ids say which key made a value, so that both keys of a rotation work.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32


def _read(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise SystemExit(
            f"key store: {path.name} cannot be read ({error.strerror}); SHR_KEYS_DIR names its folder"
        ) from None
    if len(key) != KEY_BYTES:
        raise SystemExit(f"key store: {path.name} has {len(key)} bytes, needs {KEY_BYTES}")
    return key


def key_id(key: bytes) -> str:
    """A short name of a key that says nothing about it."""
    return hashlib.sha256(b"shr key id\n" + key).hexdigest()[:8]


class LookupKey:
    """Keyed hashes of identity numbers, ``<key id>:<HMAC-SHA-256 hex>``."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = key_id(key)

    @classmethod
    def load(cls, keys_dir: Path) -> LookupKey:
        """The key of the key store."""
        return cls(_read(keys_dir / "lookup.key"))

    def hash(self, kind: str, number: str) -> str:
        """The keyed hash of a number of a kind (``nid``, ``brn``, ``phone``)."""
        return f"{self.id}:{hmac.new(self._key, f'{kind}:{number}'.encode(), hashlib.sha256).hexdigest()}"


class Envelope:
    """Authenticated encryption under one key: ``nonce || ciphertext || tag``."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self.id = key_id(key)

    @classmethod
    def load(cls, keys_dir: Path, name: str) -> Envelope:
        """An envelope under a key of the key store: ``master-<service>`` or ``dlq``."""
        return cls(_read(keys_dir / f"{name}.key"))

    def seal(self, plain: bytes, bound_to: bytes | None = None) -> bytes:
        """Encrypt; ``bound_to`` (an id, a topic) must be given again to open."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes | None = None) -> bytes:
        """Decrypt. Raises ValueError when the bytes were changed, moved, or sealed under another key."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):  # a wrong tag, or too short to be an envelope
            raise ValueError("sealed bytes cannot be opened with this key") from None


def new_key() -> bytes:
    """A fresh 256-bit key."""
    return os.urandom(KEY_BYTES)
