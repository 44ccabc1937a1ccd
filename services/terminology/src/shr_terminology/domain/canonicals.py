"""Canonical addresses (``url|version``) and which of several versions is the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

_PIECES = re.compile(r"\d+|[^\d.\-]+", re.ASCII)


class Versioned(Protocol):
    """Anything with a version."""

    version: str | None


V = TypeVar("V", bound=Versioned)


def split(canonical: str) -> tuple[str, str | None]:
    """The url and the version, if one is named."""
    url, bar, version = canonical.partition("|")
    return url, version if bar and version else None


def order(version: str | None) -> list[tuple[int, int, str]]:
    """A key that puts 2.10 after 2.9 and 2025-01 after 2024-12; no version comes first."""
    pieces = _PIECES.findall(version or "")
    return [(1, int(piece[:18]), "") if piece.isdigit() else (0, 0, piece.casefold()) for piece in pieces]


def newest(candidates: Iterable[V]) -> V | None:
    """The one of the highest version."""
    return max(candidates, key=lambda one: order(one.version), default=None)
