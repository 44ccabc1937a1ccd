"""How a registration ends, and what a refused sender is told: which kind of datum differs, never the other's value."""

from __future__ import annotations

from dataclasses import dataclass

from shr_common.errors import Issue

from shr_healthid.domain.demographics import IN_WORDS
from shr_healthid.domain.ledger import Review
from shr_healthid.domain.person import Person


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind``: created, existing, provisional (with a person), conflict or invalid (with an issue).

    ``warnings``: what was found and accepted all the same.
    """

    kind: str
    person: Person | None = None
    issue: Issue | None = None
    warnings: tuple[Issue, ...] = ()


def refused(kind: str, issue: Issue) -> Outcome:
    """No: ``invalid`` or ``conflict``."""
    return Outcome(kind, None, issue)


_EXPRESSIONS = {"name": "Patient.name", "birth_date": "Patient.birthDate", "gender": "Patient.gender"}
_WHO_BN = {"the national service": "জাতীয় তথ্যভান্ডারে", "the registry": "নিবন্ধনে"}


def conflict_over(differing: tuple[str, ...], review: Review, *, who: str) -> Outcome:
    """The number exists and what was sent contradicts it."""
    english = " and ".join(IN_WORDS[one][0] for one in differing) or "the person"
    bangla = " ও ".join(IN_WORDS[one][1] for one in differing) or "ব্যক্তি"
    issue = Issue(
        f"This number is known to {who} with other data: {english} differs. A reviewer will look at it.",
        expression=_EXPRESSIONS[differing[0]] if differing else "Patient.identifier",
        code="conflict",
        text_bn=f"এই নম্বরটি {_WHO_BN[who]} ভিন্ন তথ্যে আছে: {bangla} মেলে না। একজন পর্যালোচক এটি দেখবেন।",
        diagnostics=f"review {review.id} ({review.kind})",
    )
    return Outcome("conflict", None, issue)
