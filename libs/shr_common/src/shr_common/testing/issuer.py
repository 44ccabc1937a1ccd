"""An issuer of a test's own: a key, a key set in a file, tokens as the real provider makes them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ISSUER = "https://issuer.test"
KEY_FILES = ("lookup.key", "dlq.key", "messages.key", *(f"master-{s}.key" for s in (
    "healthid", "records", "consent", "terminology", "appointments", "registry", "gateway",
)))  # fmt: skip


class Issuer:
    """Mints tokens; also fills a folder with the key files that services ask for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._key = RSAKey.generate_key(2048, auto_kid=True)
        self.jwks = directory / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [self._key.as_dict(private=False)]}))
        for name in KEY_FILES:
            (directory / name).write_bytes(os.urandom(32))
        (directory / "cards.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=True))

    def settings(self) -> dict[str, Any]:
        """What a service's settings need to trust this issuer."""
        return {"issuer": ISSUER, "jwks_url": f"file://{self.jwks}", "keys_dir": self.directory}

    def token(self, role: str, *, ttl_s: int = 3600, **claims: Any) -> str:
        """A token of a role; claims of None are left out."""
        now = int(time.time())
        said = {"iss": ISSUER, "aud": "shr", "iat": now, "exp": now + ttl_s, "sub": role, "scope": "", "role": role}
        said |= claims
        said = {name: value for name, value in said.items() if value is not None}
        header = {"alg": "RS256", "kid": self._key.kid}
        return jwt.encode(header, said, self._key)

    def as_(self, role: str, **claims: Any) -> dict[str, str]:
        """The Authorization header of a role."""
        return {"Authorization": f"Bearer {self.token(role, **claims)}"}
