"""Make tokens: RS256 JWT over ``idp.pem``, with the claims that services expect (docs/guides)."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from shr_local.ports import Ports

ALGORITHM = "RS256"
SIGNING_KEY = "idp.pem"
TTL_S = 3600
AUDIENCE = "shr"
SCOPES: Mapping[str, str] = {
    "source_system": "system/*.cruds",
    "registrar": "user/*.cruds",
    "reviewer": "user/*.cruds",
    "practitioner": "user/*.cruds",
    "facility": "user/*.cruds",
    "administrator": "user/*.cruds",
    "citizen": "patient/*.cruds",
    "analyst": "user/*.rs",
}
"""Every role, and the SMART scope that it gets when none is asked for."""


def issuer() -> str:
    """``SHR_ISSUER``, else this machine at the provider's port."""
    return os.environ.get("SHR_ISSUER") or f"http://127.0.0.1:{Ports.from_environment()['idp']}"


class UnknownKeyError(Exception):
    """The key store holds no signing key that can be read."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a token is for: a role and what it needs. ``facility`` is where a practitioner or source works."""

    role: str
    health_id: str | None = None
    practitioner: str | None = None
    facility: str | None = None
    source: str | None = None
    guardian_of: tuple[str, ...] = field(default=())
    name: str | None = None

    def fault(self) -> str | None:
        """What is wrong, in words; None if a token can be made. Who lacks a claim is refused by the services."""
        if self.role not in SCOPES:
            return f"there is no role {self.role}; roles are {', '.join(sorted(SCOPES))}"
        return None

    @property
    def id(self) -> str:
        """The ``sub`` claim."""
        if self.role == "source_system":
            return f"{self.source or 'unknown'}/{self.facility or 'unknown'}"
        own = {"citizen": self.health_id, "practitioner": self.practitioner, "facility": self.facility}
        return own.get(self.role) or self.role

    def claims(self) -> dict[str, Any]:
        """``role`` and what is known beside it."""
        said: dict[str, Any] = {
            "role": self.role,
            "health_id": self.health_id,
            "practitioner": self.practitioner,
            "facility": self.facility,
            "source": self.source,
            "name": self.name,
        }
        if self.guardian_of:
            said["guardian_of"] = list(self.guardian_of)
        return {claim: value for claim, value in said.items() if value}


class Signer:
    """Signs with ``idp.pem`` of a key store and publishes every ``idp*.pem`` there, so that keys can be rotated."""

    def __init__(self, keys: Path, issuer: str) -> None:
        self.issuer = issuer
        self._keys = keys
        self._key = _read(keys / SIGNING_KEY)

    def public_keys(self) -> dict[str, list[dict[str, Any]]]:
        """The JWKS; read anew each time, so that a key that was added is published at once."""
        found = {}
        for file in sorted(self._keys.glob("idp*.pem")):
            key = _read(file)
            found[key.kid] = {**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}
        return {"keys": list(found.values())}

    def access_token(
        self, subject: Subject, *, scope: str | None = None, ttl_s: int = TTL_S, audience: str = AUDIENCE
    ) -> str:
        """A compact JWT for the services; ``ttl_s`` below zero makes one that has expired already (for tests)."""
        scope = SCOPES[subject.role] if scope is None else scope
        return self._sign(
            {"aud": audience, "sub": subject.id, "scope": scope, **subject.claims()}, ttl_s=ttl_s, kind="at+jwt"
        )

    def id_token(self, subject: Subject, *, client: str, nonce: str | None, ttl_s: int = TTL_S) -> str:
        """Who signed in, for the client itself (OpenID Connect)."""
        said = {"aud": client, "sub": subject.id, **subject.claims()}
        if nonce:
            said["nonce"] = nonce
        return self._sign(said, ttl_s=ttl_s, kind="JWT")

    def _sign(self, claims: dict[str, Any], *, ttl_s: int, kind: str) -> str:
        now = int(time.time())
        stamped = {"iss": self.issuer, "iat": now, "exp": now + ttl_s, "jti": secrets.token_urlsafe(12), **claims}
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid, "typ": kind}, stamped, self._key)


def _read(file: Path) -> RSAKey:
    """A key, named by its RFC 7638 thumbprint."""
    try:
        key = RSAKey.import_key(file.read_bytes(), {"use": "sig"})
    except (OSError, ValueError) as error:
        raise UnknownKeyError(f"{file.name} of the key store cannot be read: {error}") from None
    key.ensure_kid()
    return key
