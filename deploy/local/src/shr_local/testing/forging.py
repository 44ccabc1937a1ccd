"""Tokens that no service may accept, each wrong in one way, for tests of abuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.jwk import RSAKey

from shr_local.identity_provider.tokens import SIGNING_KEY, Signer, Subject
from shr_local.testing.stack import Stack


def forged(stack: Stack, subject: Subject) -> dict[str, str]:
    """What is wrong, and the whole Authorization header that is wrong so."""
    good = Signer(stack.home.keys, stack.issuer).access_token(subject)
    header, payload, signature = good.split(".")
    claims = _loads(payload)
    public = stack.home.keys / SIGNING_KEY
    wrong = {
        "garbage": "open-sesame",
        "garbage in three parts": "a.b.c",
        "not text": "\xff\xfe.\xff.\xff",
        "without a signature": f"{header}.{payload}.",
        "another's signature": f"{header}.{payload}.{_encoded(b'x' * 256)}",
        "changed after signing": f"{header}.{_as_part({**claims, 'role': 'administrator', 'sub': 'x'})}.{signature}",
        "alg none": f"{_as_part({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "alg None in capitals": f"{_as_part({'alg': 'NONE', 'typ': 'JWT'})}.{payload}.{signature}",
        "HS256 with the public key": _hs256(claims, _public_pem(public), kid=_loads(header)["kid"]),
        "signed by somebody else under our key's name": _signed_elsewhere(claims, kid=_loads(header)["kid"]),
        "with a key of its own in the header": _with_own_key(claims),
        "expired": Signer(stack.home.keys, stack.issuer).access_token(subject, ttl_s=-60),
        "for another audience": Signer(stack.home.keys, stack.issuer).access_token(subject, audience="another"),
        "of another issuer": Signer(stack.home.keys, "https://elsewhere.example").access_token(subject),
        **{what: _signed(stack, changed) for what, changed in _wrong_claims(claims).items()},
    }
    bearers = {what: f"Bearer {token}" for what, token in wrong.items()}
    return bearers | {
        "another scheme": f"Basic {_encoded(b'citizen:citizen')}",
        "no scheme": good,
        "no token": "Bearer",
    }


def _wrong_claims(claims: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Signed by the right key, and still nothing that a service may take."""
    return {
        "without an end": {name: value for name, value in claims.items() if name != "exp"},
        "with an end that is no time": {**claims, "exp": "2099-01-01"},
        "not valid yet": {**claims, "nbf": int(time.time()) + 3600},
        "without a role": {name: value for name, value in claims.items() if name != "role"},
        "with an unknown role": {**claims, "role": "root"},
        "with a list of roles": {**claims, "role": ["citizen", "administrator"]},
        "without an audience": {name: value for name, value in claims.items() if name != "aud"},
        "without an issuer": {name: value for name, value in claims.items() if name != "iss"},
    }


def _signed(stack: Stack, claims: Mapping[str, Any]) -> str:
    key = RSAKey.import_key((stack.home.keys / SIGNING_KEY).read_bytes(), {"use": "sig"})
    key.ensure_kid()
    return jwt.encode({"alg": "RS256", "kid": key.kid}, dict(claims), key)


def _signed_elsewhere(claims: Mapping[str, Any], *, kid: str) -> str:
    return jwt.encode({"alg": "RS256", "kid": kid}, dict(claims), RSAKey.generate_key(2048))


def _with_own_key(claims: Mapping[str, Any]) -> str:
    key = RSAKey.generate_key(2048, auto_kid=True)
    return jwt.encode({"alg": "RS256", "kid": key.kid, "jwk": key.as_dict(private=False)}, dict(claims), key)


def _public_pem(private: Path) -> bytes:
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hs256(claims: Mapping[str, Any], secret: bytes, *, kid: str) -> str:
    signed = f"{_as_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_as_part(claims)}"
    return f"{signed}.{_encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _as_part(content: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(content).encode())


def _loads(part: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(_decoded(part))
    return said


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
