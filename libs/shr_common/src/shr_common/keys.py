"""Keyed hashes for look-ups and AES-256-GCM envelopes for what is stored.

Two kinds of key that are never mixed: the look-up key (HMAC-SHA-256; held by healthid and records only) and the
master keys of the services (AES-256-GCM). Key ids say which key made a value, so that both keys of a rotation work.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32
_MAGIC = b"\xf5k"
HEADER_BYTES = len(_MAGIC) + 4
LOOK_EVERY_S = 1.0
"""How often whoever seals looks whether the key was replaced."""


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
        return f"{self.id}:{hmac.digest(self._key, f'{kind}:{number}'.encode(), 'sha256').hex()}"


class KeyFiles:
    """The versions of one key in the key store: ``<name>.key`` seals, ``<name>.key.*`` (former ones, and the one that
    comes next in a rotation) open only. Each file is replaced whole, so a reader sees one or the other.
    """

    def __init__(self, keys_dir: Path, name: str) -> None:
        self._current = keys_dir / f"{name}.key"

    def load(self) -> tuple[bytes, list[bytes]]:
        """The current key and the others. Ends the process with one line when there is no current one."""
        current = _read(self._current)
        files = sorted(self._current.parent.glob(f"{self._current.name}.*"))
        return current, [file.read_bytes() for file in files if file.stat().st_size == KEY_BYTES]

    def stamp(self) -> tuple[int, int]:
        """Differs after the current key was replaced, or a key came or went."""
        return self._current.stat().st_mtime_ns, self._current.parent.stat().st_mtime_ns


class Envelope:
    """Authenticated encryption: ``header || nonce || ciphertext || tag``; the header names the key.

    Seals under one key; opens under that one and former ones, so that a key is replaced while services work. What older
    releases sealed has no header and opens too. With ``files``, keys that come or go are noticed within a second.
    """

    def __init__(self, key: bytes, *, former: Iterable[bytes] = (), files: KeyFiles | None = None) -> None:
        self._files = files
        self._stamp = files.stamp() if files else None
        self._looked_s = time.monotonic()
        self._use(key, former)

    @classmethod
    def load(cls, keys_dir: Path, name: str) -> Envelope:
        """An envelope under a key of the key store: ``master-<service>`` or ``dlq``."""
        files = KeyFiles(keys_dir, name)
        current, others = files.load()
        return cls(current, former=others, files=files)

    @property
    def id(self) -> str:
        """The id of the key that seals."""
        return self._header[len(_MAGIC) :].hex()

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all keys that open."""
        return frozenset(header[len(_MAGIC) :].hex() for header in self._keys)

    def seal(self, plain: bytes, bound_to: bytes | None = None) -> bytes:
        """Encrypt; ``bound_to`` (an id, a topic) must be given again to open."""
        if self._files is not None and time.monotonic() - self._looked_s > LOOK_EVERY_S:
            self.refresh()
        nonce = os.urandom(NONCE_BYTES)
        return self._header + nonce + self._aead.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes | None = None) -> bytes:
        """Decrypt. Raises ValueError when the bytes were changed, moved, or sealed under another key."""
        header = bytes(sealed[:HEADER_BYTES])
        if header not in self._keys and header.startswith(_MAGIC):
            self.refresh()
        key = self._keys.get(header)
        if key is not None and (plain := _opened(key, sealed[HEADER_BYTES:], bound_to)) is not None:
            return plain
        for key in self._keys.values():  # of an older release
            if (plain := _opened(key, sealed, bound_to)) is not None:
                return plain
        raise ValueError("sealed bytes cannot be opened with this key")

    def refresh(self) -> None:
        """Look whether the key store has other keys now. What it had stays in use while it cannot be read."""
        if self._files is None:
            return
        self._looked_s = time.monotonic()
        try:
            stamp = self._files.stamp()
            if stamp != self._stamp:
                self._use(*self._files.load())
                self._stamp = stamp
        except (OSError, SystemExit):
            return

    def _use(self, key: bytes, former: Iterable[bytes]) -> None:
        self._keys = {_header(one): AESGCM(one) for one in (key, *former)}
        self._header = _header(key)
        self._aead = self._keys[self._header]


def sealed_under(sealed: bytes) -> str | None:
    """The id of the key that made an envelope; None for one of an older release, which does not say."""
    return bytes(sealed[len(_MAGIC) : HEADER_BYTES]).hex() if sealed.startswith(_MAGIC) else None


def _header(key: bytes) -> bytes:
    return _MAGIC + bytes.fromhex(key_id(key))


def _opened(key: AESGCM, sealed: bytes, bound_to: bytes | None) -> bytes | None:
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):  # a wrong tag, or too short to be an envelope
        return None


def new_key() -> bytes:
    """A fresh 256-bit key."""
    return os.urandom(KEY_BYTES)
