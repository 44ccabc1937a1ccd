"""The key of the access log: ``audit.pem`` in the key store (ES256). In development it is made when it is missing."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

FILE = "audit.pem"
ALGORITHM = "ES256"


class AuditKey:
    """Signs claims about the access log, and says whether a signature is its own."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        key.ensure_kid()

    @classmethod
    def load(cls, keys_dir: Path, *, create: bool) -> AuditKey:
        """From the key store; ends the process with one line when there is none."""
        path = keys_dir / FILE
        if create and not path.exists():
            _make(path)
        try:
            return cls(ECKey.import_key(path.read_bytes()))
        except (OSError, ValueError, JoseError):
            raise SystemExit(f"key store: {FILE} is missing or no EC key; SHR_KEYS_DIR names its folder") from None

    def sign(self, claim: Mapping[str, Any]) -> str:
        """A compact JWS over the claim's canonical JSON."""
        payload = json.dumps(claim, sort_keys=True, separators=(",", ":"))
        return jws.serialize_compact({"alg": ALGORITHM, "kid": self._key.kid}, payload, self._key)

    @property
    def public(self) -> dict[str, Any]:
        """The JWK set that anyone may verify with."""
        key = self._key.as_dict(private=False)
        return {"keys": [{**key, "use": "sig", "alg": ALGORITHM}]}


def verifier(keys: Mapping[str, Any]) -> Any:
    """A function from a signature to its claim, or None when none of these keys (a JWK set) made it."""
    known = KeySet.import_key_set({"keys": list(keys["keys"])})

    def claim_in(signature: str) -> Mapping[str, Any] | None:
        try:
            payload = jws.deserialize_compact(signature, known, algorithms=[ALGORITHM]).payload
            said = json.loads(payload or b"")
        except (JoseError, ValueError):
            return None
        return said if isinstance(said, dict) else None

    return claim_in


def _make(path: Path) -> None:
    """Whole or not at all; of two processes at once the first one wins."""
    part = path.with_name(f".{FILE}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(ECKey.generate_key("P-256").as_pem(private=True))
    try:
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink()
