"""Sign-ins under way and the codes that they end in. In memory: a restart ends them, and people start again."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from shr_common.identifiers import is_health_id, latin_digits

from shr_local.identity_provider.strings import say
from shr_local.identity_provider.tokens import Subject

SIGN_IN_S = 600
SECRET_S = 300
SECRET_TRIES = 3
CODE_S = 60
LIMIT = 2000
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})
CALLBACK = "/signin/callback"

Thing = TypeVar("Thing")


@dataclass(slots=True)
class SignIn:
    """One visit of the sign-in pages: what the portal asked for, and how far the person has come."""

    client: str
    redirect_uri: str
    challenge: str
    scope: str
    state: str | None
    nonce: str | None
    health_id: str | None = None
    secret: str | None = None
    secret_ends: float = 0.0
    tries: int = 0

    def again(self) -> str:
        """The address that starts the same sign-in anew."""
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
        }
        return f"/authorize?{urlencode({name: value for name, value in asked.items() if value})}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorization code stands for."""

    subject: Subject
    sign_in: SignIn


class Expiring(Generic[Thing]):
    """Things under secret names for a while; the oldest go when there are too many."""

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._things: OrderedDict[str, tuple[float, Thing]] = OrderedDict()

    def put(self, thing: Thing) -> str:
        """Keep it; returns its name."""
        name = secrets.token_urlsafe(24)
        self._things[name] = (self._clock() + self._seconds, thing)
        while len(self._things) > LIMIT:
            self._things.popitem(last=False)
        return name

    def get(self, name: str) -> Thing | None:
        """The thing, if its time is not over."""
        ends, thing = self._things.get(name, (0.0, None))
        return thing if self._clock() < ends else None

    def take(self, name: str) -> Thing | None:
        """The thing, once."""
        thing = self.get(name)
        self._things.pop(name, None)
        return thing


def is_callback(uri: str) -> bool:
    """Whether a portal on this machine may be sent back there: its callback, on any loopback port, nothing else."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.path == CALLBACK and plain


def is_challenge(text: str) -> bool:
    """Whether it is the base64url SHA-256 that PKCE asks for (RFC 7636)."""
    return bool(_CHALLENGE.fullmatch(text))


def matches(verifier: str, challenge: str) -> bool:
    """Whether the verifier is the one behind the challenge (S256)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return secrets.compare_digest(digest, challenge)


def health_id_of(typed: str) -> str:
    """The Health ID in what somebody typed, spaces and hyphens left out, Bangla digits turned into Latin."""
    return latin_digits(re.sub(r"[\s-]", "", typed))


def health_id_fault(health_id: str, lang: str) -> str | None:
    """What is wrong with it, to be said below the field; None if nothing is."""
    if not health_id:
        return say(lang, "id_empty")
    if not (health_id.isascii() and health_id.isdigit()):
        return say(lang, "id_not_digits")
    if len(health_id) != 11:
        return say(lang, "id_length", count=len(health_id))
    return None if is_health_id(health_id) else say(lang, "id_check")


def send_secret(sign_in: SignIn, health_id: str) -> None:
    """Make the one-time code of a citizen (development: her page shows it)."""
    sign_in.health_id = health_id
    sign_in.secret = f"{secrets.randbelow(1_000_000):06d}"
    sign_in.secret_ends = time.monotonic() + SECRET_S
    sign_in.tries = 0


def try_secret(sign_in: SignIn, typed: str) -> bool:
    """Whether this is the one-time code; counts the tries."""
    sign_in.tries += 1
    if sign_in.secret is None or sign_in.tries > SECRET_TRIES or time.monotonic() > sign_in.secret_ends:
        return False
    return secrets.compare_digest(latin_digits(typed.strip()).encode(), sign_in.secret.encode())
