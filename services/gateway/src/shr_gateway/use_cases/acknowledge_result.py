"""A practitioner has seen a result: the others who may read it shall know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from shr_gateway.domain import profile
from shr_gateway.domain.asking import Asking
from shr_gateway.domain.disclosure import admitted
from shr_gateway.use_cases.disclose import Disclosure
from shr_gateway.use_cases.read_resource import nothing_there

Publish = Callable[[Mapping[str, Any], datetime], Awaitable[None]]
"""Writes ``result.acknowledged`` to the outbox."""


class AcknowledgeResult:
    """Decide as for a read, record, tell."""

    def __init__(self, disclosure: Disclosure, *, publish: Publish) -> None:
        self._disclosure = disclosure
        self._publish = publish

    async def __call__(self, asking: Asking, health_id: str, reference: str, *, at: datetime) -> Mapping[str, Any]:
        """Raises forbidden (audited), not_found (withheld or absent alike), unavailable."""
        look = await self._disclosure.open(asking, health_id, resource_type="*", at=at)
        found = [line for line in profile.lines_of(look.known.profiles) if line.reference == reference]
        shown = admitted(look.permit, found)
        if not shown.rows:
            await self._disclosure.record(look, {reference.partition("/")[0]: 0}, decision="deny")
            raise nothing_there()
        await self._disclosure.record(look, shown.what, consent_id=shown.consent_id)
        said = {
            "patient": shown.rows[0].kind.person,
            "reference": reference,
            "practitioner": asking.actor.id,
            "facility": asking.actor.facility,
        }
        await self._publish(said, at)
        return said
