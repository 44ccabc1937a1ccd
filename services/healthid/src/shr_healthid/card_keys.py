"""The keys of Health cards: ``cards.pem`` in the key store (EC P-256, ES256) signs; former ones stay published.

A former key is any ``cards-….pem`` beside it (whole, or its public half): the cards that it signed stay genuine. In
development ``cards.pem`` is made when it is missing.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shr_healthid.domain.cards import TEXT_CHARACTERS_LIMIT, Claims, UnprovenError

FILE = "cards.pem"
FORMER = "cards-*.pem"
ALGORITHM = "ES256"
CURVE = "P-256"
KID_CHARACTERS = 8
"""Of the key's thumbprint (RFC 7638); short, because it stands in every code."""


class CardVerifier:
    """Proves signed texts with public keys alone."""

    def __init__(self, keys: Mapping[str, ECKey]) -> None:
        self._keys = keys

    @classmethod
    def of(cls, published: Any) -> CardVerifier:
        """From a JWK set as /.well-known/jwks.json gives it. Raises ValueError when there is no such key in it."""
        listed = published.get("keys") if isinstance(published, dict) else None
        keys: dict[str, ECKey] = {}
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and one.get("crv") == CURVE and isinstance(one.get("kid"), str):
                with suppress(JoseError, ValueError, KeyError, TypeError):
                    keys[one["kid"]] = ECKey.import_key({name: str(one[name]) for name in ("kty", "crv", "x", "y")})
        if not keys:
            raise ValueError(f"no {CURVE} key with a kid")
        return cls(keys)

    def card(self, text: str) -> Claims:
        """What a card's text says. Raises UnprovenError with the reason."""
        text = text.strip()
        if not text:
            raise UnprovenError("empty")
        if len(text) > TEXT_CHARACTERS_LIMIT:
            raise UnprovenError("too-long")
        header, payload = self._proven(text)
        claims = Claims.of(payload) if "typ" not in header else None
        if claims is None:
            raise UnprovenError("claims")
        return claims

    def statement(self, text: str, *, type: str) -> Mapping[str, Any]:
        """Another signed statement of ours, of this ``typ``. Raises UnprovenError."""
        header, payload = self._proven(text.strip())
        if header.get("typ") != type or not isinstance(payload, dict):
            raise UnprovenError("claims")
        return payload

    def _proven(self, text: str) -> tuple[dict[str, Any], Any]:
        header = _header_of(text)
        if header.get("alg") != ALGORITHM:  # before any key is looked at: "none", or HS256 over a public key
            raise UnprovenError("algorithm")
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise UnprovenError("unknown-key")
        try:
            proven = jws.deserialize_compact(text, key, algorithms=[ALGORITHM]).payload
        except (JoseError, ValueError, TypeError, KeyError):
            raise UnprovenError("signature") from None
        try:
            return header, json.loads(proven or b"")
        except (ValueError, RecursionError):
            raise UnprovenError("claims") from None


class CardKeys(CardVerifier):
    """Signs with the current key, proves with it and the former ones."""

    def __init__(self, current: ECKey, former: tuple[ECKey, ...] = ()) -> None:
        super().__init__({_kid(key): key for key in (*former, current)})
        self._current = current

    @classmethod
    def load(cls, keys_dir: Path, *, create: bool) -> CardKeys:
        """From the key store; ends the process with one line when a key is missing or none of ours."""
        path = keys_dir / FILE
        if create and not path.exists():
            make(path)
        current = _read(path)
        if not current.is_private:
            raise SystemExit(f"key store: {FILE} has no private key, and cards have to be signed")
        return cls(current, tuple(_read(one) for one in sorted(keys_dir.glob(FORMER))))

    def sign(self, payload: Mapping[str, Any], *, type: str | None = None) -> str:
        """A compact JWS."""
        header = {"alg": ALGORITHM, "kid": _kid(self._current)} | ({"typ": type} if type else {})
        content = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        return jws.serialize_compact(header, content, self._current)

    @property
    def public(self) -> dict[str, Any]:
        """The JWK set that anyone may verify with, the current key first."""
        ordered = sorted(self._keys.items(), key=lambda item: item[1] is not self._current)
        return {
            "keys": [{**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM} for kid, key in ordered]
        }


def make(path: Path) -> None:
    """A new key file, whole or not at all; of two processes at once the first one wins."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(ECKey.generate_key(CURVE).as_pem(private=True))
    try:
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink()


def _read(path: Path) -> ECKey:
    try:
        key = ECKey.import_key(path.read_bytes())
        if key.as_dict(private=False)["crv"] == CURVE:
            return key
    except (OSError, ValueError, JoseError):
        pass
    raise SystemExit(f"key store: {path.name} is missing or no {CURVE} key; SHR_KEYS_DIR names its folder")


def _kid(key: ECKey) -> str:
    return key.thumbprint()[:KID_CHARACTERS]


def _header_of(text: str) -> dict[str, Any]:
    first = text.partition(".")[0]
    if not text.isascii() or text.count(".") != 2:
        raise UnprovenError("unreadable")
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise UnprovenError("unreadable") from None
    if not isinstance(header, dict):
        raise UnprovenError("unreadable")
    return header
