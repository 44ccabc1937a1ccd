"""``encounter.recorded``, headers only: which facility wrote in whose record."""

from __future__ import annotations

from collections.abc import Sequence

from shr_common.kafka import Record

from shr_consent.storage.authorship import AuthorshipStore


class FollowAuthorship:
    """The record's key is the Health ID, ``ce_facility`` the author's; one without it has no author's right."""

    def __init__(self, authorship: AuthorshipStore) -> None:
        self._authorship = authorship

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises unavailable."""
        pairs = [(record.key or "", record.headers.get("ce_facility", "")) for record in records]
        await self._authorship.add(pair for pair in pairs if all(pair) and pair[1] != "unknown")
