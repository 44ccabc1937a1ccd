"""The key store of a local stack: made once, readable by its owner only, never replaced.

``idp.pem`` signs development tokens, ``cards.pem`` Health cards; ``lookup.key`` is for keyed hashes (healthid,
records), ``master-<service>.key`` and ``dlq.key`` for envelopes, ``messages.key`` for numbers that records hands on to
healthid, ``verification.key`` for what the verification service remembers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from shr_local.services import SERVICES

KEY_BYTES = 32
RSA_BITS = 2048
SIGNING_KEY = "idp.pem"
CARDS_KEY = "cards.pem"
SECRET_KEYS = (
    "lookup.key",
    "dlq.key",
    "messages.key",
    "verification.key",
    *(f"master-{service.name}.key" for service in SERVICES),
)


def ensure(folder: Path) -> None:
    """Make the keys that are missing. Safe beside another process that does the same: the first one wins."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / SIGNING_KEY).exists():
        _write_once(folder / SIGNING_KEY, _new_signing_key())
    if not (folder / CARDS_KEY).exists():
        _write_once(folder / CARDS_KEY, _new_cards_key())
    for name in SECRET_KEYS:
        if not (folder / name).exists():
            _write_once(folder / name, secrets.token_bytes(KEY_BYTES))


def _new_signing_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _new_cards_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all, and never over an existing key."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink()
