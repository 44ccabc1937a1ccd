"""What is printed on a Health card: names as they can be set, the Health ID in groups, the signed text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from shr_healthid.domain.cards import Card, Claims
from shr_healthid.domain.person import Demographics, day_in_dhaka

PRINTED_CHARACTERS_LIMIT = 120
SIGNED_BYTES_LIMIT = 64
"""Of the name in the code: longer names are shortened there, not on the card."""
NAMELESS = "—"
_JOINERS = "\u200c\u200d"  # they shape Bangla; every other invisible character could only deceive


@dataclass(frozen=True, slots=True)
class Face:
    """One card as it is drawn. ``text`` goes into the code."""

    health_id: str
    name: str | None
    name_bn: str | None
    number: int
    made_on: str
    text: str = field(repr=False)


def grouped(health_id: str) -> str:
    """``98001046534`` → ``980 0104 6534``."""
    return f"{health_id[:3]} {health_id[3:7]} {health_id[7:]}"


def printable(name: str | None) -> str | None:
    """A name on one line: composed, without control, direction and zero-width characters; None when nothing is left."""
    if name is None:
        return None
    composed = unicodedata.normalize("NFC", name)
    kept = "".join(" " if c.isspace() else c for c in composed if c in _JOINERS or _is_seen(c))
    return _shortened(" ".join(kept.split()), PRINTED_CHARACTERS_LIMIT) or None


def _is_seen(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] != "C"


def _shortened(text: str, characters: int) -> str:
    """Cut between words where that loses little, and never between a letter and its signs."""
    if len(text) <= characters:
        return text
    end = characters - 1
    while end > 0 and (unicodedata.category(text[end])[0] == "M" or text[end] in _JOINERS or text[end - 1] == "্"):
        end -= 1
    cut = text[:end]
    space = cut.rfind(" ")
    return f"{cut[:space] if space > end * 2 // 3 else cut}…".replace(" …", "…")


def signed_name(said: Demographics) -> str:
    """The name in the signed text: the English one where there is one, ``SIGNED_BYTES_LIMIT`` bytes at most."""
    name = printable(said.name) or printable(said.name_bn) or NAMELESS
    characters = len(name)
    while len(name.encode()) > SIGNED_BYTES_LIMIT:
        characters -= 1
        name = _shortened(re.sub("…$", "", name), characters)
    return name


def claims_of(health_id: str, said: Demographics, card: Card) -> Claims:
    """What this card's text will say."""
    return Claims(health_id, signed_name(said), card.number, day_in_dhaka(card.made_at))


def face_of(claims: Claims, said: Demographics, *, text: str) -> Face:
    """The card of a person around its signed text."""
    name, name_bn = printable(said.name), printable(said.name_bn)
    return Face(
        health_id=grouped(claims.health_id),
        name=name if name or name_bn else NAMELESS,
        name_bn=name_bn,
        number=claims.number,
        made_on=claims.made_on,
        text=text,
    )
