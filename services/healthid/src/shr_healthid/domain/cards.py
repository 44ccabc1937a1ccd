"""The Health card: its lifecycle, and what a verifier is told.

A card has a number, unique for ever. ``registered`` (made) → ``issued`` (handed over) → ``replaced``, ``revoked`` or
``lost``; a person's cards follow each other, and at most the last one stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shr_common.errors import Category, Issue, ShrError, invalid
from shr_common.identifiers import is_health_id

REGISTERED, ISSUED, REPLACED, REVOKED, LOST = "registered", "issued", "replaced", "revoked", "lost"
STATUSES = (REGISTERED, ISSUED, REPLACED, REVOKED, LOST)
STANDING = frozenset({REGISTERED, ISSUED})
CARDS_LIMIT = 50
REASON_CHARACTERS_LIMIT = 200
TEXT_CHARACTERS_LIMIT = 2048
"""A card's text has about 250 characters; what is longer is not looked at."""
NAME_CHARACTERS_LIMIT = 200
NUMBER_LIMIT = 2**53

_NEXT = {
    REGISTERED: frozenset({ISSUED, REPLACED, REVOKED, LOST}),
    ISSUED: frozenset({REPLACED, REVOKED, LOST}),
    LOST: frozenset({REPLACED, REVOKED, REGISTERED}),
    REVOKED: frozenset({REGISTERED}),
    REPLACED: frozenset({REGISTERED}),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to a card: its new status, when, by whom (role and id), and why."""

    status: str
    at: datetime
    by: str
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Card:
    """One card. ``steps`` begins with its making and is never empty."""

    number: int
    steps: tuple[Step, ...]

    @property
    def status(self) -> str:
        """Where it stands now."""
        return self.steps[-1].status

    @property
    def made_at(self) -> datetime:
        """When it was made; the card shows the day."""
        return self.steps[0].at

    @property
    def stands(self) -> bool:
        """Whether it is good to show."""
        return self.status in STANDING


@dataclass(frozen=True, slots=True)
class Cards:
    """All cards of one Health ID, oldest first. ``version`` counts the changes; 0: nothing is stored yet."""

    health_id: str
    version: int = 0
    cards: tuple[Card, ...] = ()

    @property
    def current(self) -> Card | None:
        """The newest one."""
        return self.cards[-1] if self.cards else None

    def numbered(self, number: int) -> Card | None:
        """The card of a number."""
        return next((card for card in self.cards if card.number == number), None)


def needs_number(cards: Cards, status: str) -> bool:
    """Whether this change makes a new card, which needs a number of its own."""
    current = cards.current
    if current is None:
        return True
    return status == REPLACED or (status == REGISTERED and not current.stands)


def change(cards: Cards, step: Step, *, number: int | None) -> Cards:
    """The cards after a step. Raises conflict for a step that does not follow, or that needs a ``number``.

    ``replaced`` ends the current card and makes the next one at once; ``registered`` makes the next one after a lost
    or revoked card, which keeps its status; whoever has no card yet gets it made first. ``registered``, ``issued``,
    ``lost`` and ``revoked`` said again change nothing.
    """
    current = cards.current
    if current is None:
        made = _made(cards, replace(step, status=REGISTERED, reason=None), number)
        return made if step.status in (REGISTERED, REPLACED) else change(made, step, number=None)
    if step.status == current.status or (step.status == REGISTERED and current.stands):
        return cards
    if step.status not in _NEXT[current.status]:
        raise _refused(current, step.status)
    ended = cards
    if step.status != REGISTERED:
        ended = replace(cards, cards=(*cards.cards[:-1], replace(current, steps=(*current.steps, step))))
    if step.status in (REPLACED, REGISTERED):
        return _made(ended, replace(step, status=REGISTERED, reason=None), number)
    return ended


def _made(cards: Cards, step: Step, number: int | None) -> Cards:
    if number is None:
        raise ShrError(Category.BUSY, Issue("The cards of this person are being changed elsewhere."), retry_after_s=1)
    if len(cards.cards) >= CARDS_LIMIT:
        raise ShrError(Category.CONFLICT, Issue(f"A person has {CARDS_LIMIT} cards at most.", code="too-many"))
    return replace(cards, cards=(*cards.cards, Card(number, (step,))))


def _refused(current: Card, wanted: str) -> ShrError:
    return ShrError(
        Category.CONFLICT,
        Issue(
            f"Card {current.number} is {current.status}; it cannot become {wanted}. "
            f"Allowed from here: {', '.join(sorted(_NEXT[current.status]))}.",
            expression="status",
            code="conflict",
            text_bn=f"{current.number} নম্বর কার্ডের বর্তমান অবস্থা {current.status}; এটি {wanted} হতে পারে না।",
        ),
    )


@dataclass(frozen=True, slots=True)
class Claims:
    """What a card's signed text says: Health ID, name, card number, day of making (ISO)."""

    health_id: str
    name: str
    number: int
    made_on: str

    def as_json(self) -> dict[str, Any]:
        """The payload; one letter each, because a code with fewer modules is read more easily."""
        return {"h": self.health_id, "n": self.name, "c": self.number, "i": self.made_on}

    @classmethod
    def of(cls, payload: Any) -> Claims | None:
        """From a payload whose signature was proved; None when it is no card's."""
        if not isinstance(payload, Mapping):
            return None
        health_id, name, number, made_on = (payload.get(key) for key in "hnci")
        if not (isinstance(health_id, str) and is_health_id(health_id)):
            return None
        if not (isinstance(name, str) and len(name) <= NAME_CHARACTERS_LIMIT and isinstance(made_on, str)):
            return None
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < NUMBER_LIMIT:
            return None
        return cls(health_id, name, number, made_on[:10])


class UnprovenError(Exception):
    """The text is no genuine card's; ``reason`` is a key of ``REASONS``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


REASONS: Mapping[str, tuple[str, str]] = {
    "empty": ("There is no text. Scan the code on the card.", "কোনো লেখা নেই। কার্ডের কোডটি স্ক্যান করুন।"),
    "too-long": ("The text is longer than any card's.", "লেখাটি যেকোনো কার্ডের লেখার চেয়ে দীর্ঘ।"),
    "unreadable": ("This is not the code of a Health card.", "এটি স্বাস্থ্য কার্ডের কোড নয়।"),
    "algorithm": (
        "The text is not signed the way Health cards are (ES256). It is no genuine card.",
        "লেখাটির স্বাক্ষর স্বাস্থ্য কার্ডের মতো (ES256) নয়। এটি আসল কার্ড নয়।",
    ),
    "unknown-key": (
        "It is signed with a key that is not published for Health cards. It is no genuine card.",
        "যে চাবিতে স্বাক্ষরিত তা স্বাস্থ্য কার্ডের প্রকাশিত চাবি নয়। এটি আসল কার্ড নয়।",
    ),
    "signature": (
        "The signature does not fit: the text was changed or forged.",
        "স্বাক্ষর মেলে না: লেখা বদলানো বা জাল করা হয়েছে।",
    ),
    "claims": ("It is signed, but it is no Health card.", "স্বাক্ষর আছে, কিন্তু এটি স্বাস্থ্য কার্ড নয়।"),
    "unknown-card": (
        "The signature is genuine, but the registry knows no such card. Ask for identification.",
        "স্বাক্ষর আসল, কিন্তু নিবন্ধনে এই কার্ড নেই। পরিচয় যাচাই করুন।",
    ),
    REPLACED: (
        "The card was replaced by a newer one. Ask for the newer card.",
        "কার্ডটির বদলে নতুন কার্ড দেওয়া হয়েছে। নতুন কার্ডটি দেখাতে বলুন।",
    ),
    REVOKED: (
        "The card was revoked. Keep it and ask for identification.",
        "কার্ডটি বাতিল করা হয়েছে। কার্ডটি রেখে দিন, পরিচয় যাচাই করুন।",
    ),
    LOST: (
        "The card was reported lost. Keep it and ask for identification.",
        "কার্ডটি হারানো বলে জানানো হয়েছে। কার্ডটি রেখে দিন, পরিচয় যাচাই করুন।",
    ),
    "joined": (
        "This Health ID was joined with another record of the same person. Use the Health ID in replaced_by, "
        "and replace the card.",
        "এই হেলথ আইডি একই ব্যক্তির অন্য রেকর্ডের সঙ্গে যুক্ত হয়েছে। replaced_by-এর হেলথ আইডি ব্যবহার করুন ও কার্ড বদলান।",
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier is told. ``reason``: a key of REASONS; ``replaced_by``: her Health ID since a merge."""

    valid: bool
    claims: Claims | None = None
    status: str | None = None
    reason: str | None = None
    replaced_by: str | None = None

    def as_json(self) -> dict[str, Any]:
        """``{"valid", "health_id", "name", "status", "reason", …}``; nothing of an unproven text is repeated."""
        text, text_bn = REASONS[self.reason] if self.reason else (None, None)
        claims = self.claims
        return {
            "valid": self.valid,
            "health_id": claims.health_id if claims else None,
            "name": claims.name if claims else None,
            "status": self.status,
            "reason": text,
            "reason_bn": text_bn,
            "card": claims.number if claims else None,
            "issued": claims.made_on if claims else None,
            "replaced_by": self.replaced_by,
        }


def judge(claims: Claims, cards: Cards | None, *, current_id: str | None) -> Verdict:
    """A proven text against the registry. ``current_id``: her Health ID now; another one since a merge."""
    card = cards.numbered(claims.number) if cards else None
    if card is None:
        return Verdict(False, claims, reason="unknown-card")
    if not card.stands:
        return Verdict(False, claims, card.status, card.status)
    if current_id is not None and current_id != claims.health_id:
        return Verdict(True, claims, card.status, "joined", replaced_by=current_id)
    return Verdict(True, claims, card.status)


def wanted_status(said: Any) -> str:
    """The status that a caller asks for. Raises invalid, located."""
    if not isinstance(said, str) or said not in STATUSES:
        raise invalid(f"status is one of {', '.join(STATUSES)}.", expression="status", code="value",
                      text_bn=f"status হবে {', '.join(STATUSES)}-এর একটি।")  # fmt: skip
    return said


def wanted_reason(said: Any) -> str | None:
    """The reason that a caller gives. Raises invalid, located."""
    if said is None:
        return None
    if not isinstance(said, str) or len(said) > REASON_CHARACTERS_LIMIT:
        raise invalid(f"reason is a text of {REASON_CHARACTERS_LIMIT} characters at most.", expression="reason",
                      code="value", text_bn=f"reason সর্বোচ্চ {REASON_CHARACTERS_LIMIT} অক্ষরের লেখা।")  # fmt: skip
    return said.strip() or None
