"""The closed set of error categories, raised anywhere, rendered only at the edges.

Domain code raises a category with located issues and knows no HTTP status and no Kafka. ``shr_common.outcomes``
turns a category into a status and an OperationOutcome; ``shr_common.kafka`` decides by it whether a record is
dead-lettered (nothing will mend it), retried (fault) or waited for (busy, unavailable).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """Every way in which the system says no."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    FAULT = "fault"


TEMPORARY = frozenset({Category.BUSY, Category.UNAVAILABLE})
"""Categories that pass by themselves: a consumer waits for them and never dead-letters."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding: what is wrong, where, in plain words (English, and Bangla where a person will read it).

    ``code`` is a FHIR issue type; ``expression`` a FHIRPath such as ``Bundle.entry[2].resource.status``;
    ``diagnostics`` holds line and column where nothing could be parsed.
    """

    text: str
    expression: str | None = None
    code: str | None = None
    severity: str = "error"
    rule: str | None = None
    text_bn: str | None = None
    diagnostics: str | None = None


class ShrError(Exception):
    """A refusal of one category. ``detail`` refines it where one category has two answers (see outcomes.STATUS)."""

    def __init__(
        self,
        category: Category,
        issues: Iterable[Issue] | Issue | str,
        *,
        detail: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        if isinstance(issues, str):
            issues = Issue(issues)
        self.category = category
        self.issues: tuple[Issue, ...] = (issues,) if isinstance(issues, Issue) else tuple(issues)
        self.detail = detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{category}: {'; '.join(issue.text for issue in self.issues[:3])}")

    @property
    def temporary(self) -> bool:
        """Whether waiting mends it."""
        return self.category in TEMPORARY


def invalid(text: str, *, expression: str | None = None, code: str = "invalid", text_bn: str | None = None) -> ShrError:
    """Well-formed input that is not acceptable (422)."""
    return ShrError(Category.INVALID, Issue(text, expression=expression, code=code, text_bn=text_bn))


def malformed(text: str, *, diagnostics: str | None = None, code: str = "structure") -> ShrError:
    """Input that could not be read at all (400)."""
    return ShrError(Category.INVALID, Issue(text, code=code, diagnostics=diagnostics), detail="malformed")


def not_found(text: str, *, expression: str | None = None) -> ShrError:
    """Nothing there, or nothing that this caller may know of (404)."""
    return ShrError(Category.NOT_FOUND, Issue(text, expression=expression, code="not-found"))


def conflict(text: str, *, code: str = "conflict", detail: str | None = None) -> ShrError:
    """It contradicts what is stored (409; 412 with ``detail='stale'``)."""
    return ShrError(Category.CONFLICT, Issue(text, code=code), detail=detail)


def forbidden(text: str, *, text_bn: str | None = None) -> ShrError:
    """The caller is known and may not (403)."""
    return ShrError(Category.FORBIDDEN, Issue(text, code="forbidden", text_bn=text_bn))


def unauthenticated(text: str) -> ShrError:
    """Nobody, or nobody we can verify (401)."""
    return ShrError(Category.UNAUTHENTICATED, Issue(text, code="login"))


def too_large(text: str, *, expression: str | None = None) -> ShrError:
    """A documented limit was exceeded (413)."""
    return ShrError(Category.TOO_LARGE, Issue(text, expression=expression, code="too-long"))


def busy(text: str, *, retry_after_s: int = 1) -> ShrError:
    """A queue is full; ask again (429 with Retry-After)."""
    return ShrError(Category.BUSY, Issue(text, code="throttled"), retry_after_s=retry_after_s)


def unavailable(text: str, *, retry_after_s: int = 2) -> ShrError:
    """Something we depend on is away; ask again (503 with Retry-After)."""
    return ShrError(Category.UNAVAILABLE, Issue(text, code="transient"), retry_after_s=retry_after_s)
