"""Who may sign in or ask for tokens in development: the accounts and clients of ``accounts.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from shr_local.identity_provider.tokens import Subject


@dataclass(frozen=True, slots=True)
class Account:
    """A workplace account, with its names in both languages."""

    id: str
    subject: Subject
    names: Mapping[str, str]
    places: Mapping[str, str]

    def shown(self, lang: str) -> str:
        """The name of the person or desk."""
        return self.names[lang]

    def place(self, lang: str) -> str:
        """What and where."""
        return self.places[lang]


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody known: ``portals`` sign people in (public clients with PKCE), ``clients`` ask for themselves."""

    accounts: Mapping[str, Account]
    clients: Mapping[str, Subject]
    portals: frozenset[str]
    client_secret: str


@cache
def directory() -> Directory:
    """The development accounts."""
    said: dict[str, Any] = json.loads(Path(__file__).with_name("accounts.json").read_text(encoding="utf-8"))
    return Directory(
        accounts={
            one["id"]: Account(one["id"], _subject(one, name=one["name"]["en"]), one["name"], one["place"])
            for one in said["accounts"]
        },
        clients={one["id"]: _subject(one, name=None) for one in said["clients"]},
        portals=frozenset(said["portals"]),
        client_secret=said["client_secret"],
    )


def _subject(said: Mapping[str, Any], *, name: str | None) -> Subject:
    return Subject(
        said["role"],
        practitioner=said.get("practitioner"),
        facility=said.get("facility"),
        source=said.get("source"),
        name=name,
    )
