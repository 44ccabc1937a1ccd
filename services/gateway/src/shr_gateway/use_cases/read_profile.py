"""Read a person's profile: everything that matters on one page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shr_contracts.cloudevents import rfc3339

from shr_gateway.domain import profile
from shr_gateway.domain.asking import Asking
from shr_gateway.domain.disclosure import Shown, admitted
from shr_gateway.domain.identity import identity_of
from shr_gateway.domain.lines import Line
from shr_gateway.domain.sections import TIMELINE_LIMIT
from shr_gateway.use_cases.disclose import Disclosure, Look

PAGE = 300
PAGES_LIMIT = 20
NamesOf = Callable[[Collection[str]], Awaitable[Mapping[str, tuple[str | None, str | None]]]]


class Older(Protocol):
    """Items that the profile document no longer holds."""

    async def __call__(self, ids: Sequence[str], *, before: tuple[str, str], limit: int) -> Sequence[Line]:
        """Newest first."""


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """``body``: the profile as JSON; or ``moved_to``: the id under which to ask instead."""

    body: bytes = b""
    moved_to: str | None = None


class ReadProfile:
    """Decide, compose, record, show."""

    def __init__(self, disclosure: Disclosure, *, names: NamesOf, older: Older) -> None:
        self._disclosure = disclosure
        self._names = names
        self._older = older
        self._serialiser = profile.Serialiser({})

    async def __call__(self, asking: Asking, health_id: str, *, before: str | None, at: datetime) -> ProfileRead:
        """Raises forbidden (audited), unavailable, invalid (``before``)."""
        position = profile.parse_position(before) if before else None
        look = await self._disclosure.open(asking, health_id, resource_type="*", at=at)
        if look.moved:
            await self._disclosure.record(look, {})
            return ProfileRead(moved_to=look.root)
        shown = admitted(look.permit, profile.lines_of(look.known.profiles))
        timeline = await self._timeline(look, shown, position)
        names = await self._names(profile.name_keys([*shown.rows, *timeline] if position else shown.rows))
        if names is not self._serialiser.names:
            self._serialiser = profile.Serialiser(names)
        parts = _parts(look, shown, timeline)
        body = profile.render(parts, shown.rows, timeline[:TIMELINE_LIMIT], self._serialiser)
        await self._disclosure.record(look, shown.what, consent_id=shown.consent_id)
        return ProfileRead(body)

    async def _timeline(self, look: Look, shown: Shown[Line], position: profile.Position | None) -> Sequence[Line]:
        """One more than a page, so that it is known whether there are more."""
        if position is None or not any(one["capped"] for one in look.known.profiles.values()):
            return profile.earlier(shown.rows, position)
        found: list[Line] = []
        for _ in range(PAGES_LIMIT):
            rows = await self._older(look.known.family.ids, before=position, limit=PAGE)
            found += admitted(look.permit, rows).rows
            if len(rows) < PAGE or len(found) > TIMELINE_LIMIT:
                break
            position = (rows[-1].at, rows[-1].reference)
        return found


def _parts(look: Look, shown: Shown[Line], timeline: Sequence[Line]) -> profile.Parts:
    capped = any(one["capped"] for one in look.known.profiles.values())
    more = len(timeline) > TIMELINE_LIMIT or (capped and len(timeline) == TIMELINE_LIMIT)
    return profile.Parts(
        health_id=look.root,
        as_of=rfc3339(look.at),
        identity=identity_of(look.known.person, with_place=look.permit.reaches_all_types),
        restricted=shown.withheld,
        access=_access(look, shown),
        acknowledged=_acknowledged(look, shown),
        next=profile.position_of(timeline[TIMELINE_LIMIT - 1]) if more else None,
    )


def _acknowledged(look: Look, shown: Shown[Line]) -> list[Mapping[str, Any]]:
    said = [one for person in look.known.profiles.values() for one in person["acknowledged"]]
    if not said:
        return []
    references = {line.reference for line in shown.rows}
    return [one for one in said if one["reference"] in references]


def _access(look: Look, shown: Shown[Line]) -> dict[str, Any]:
    """By whose leave this is shown, and until when."""
    if look.permit.whole:
        own = look.asking.actor.health_id in look.known.family.ids
        return {"by": "own" if own else "guardian", "until": None}
    declared = look.permit.emergency and look.asking.emergency
    by = "emergency" if declared else "consent" if shown.consents else "facility"
    used = set(shown.consents)
    ends = [one["value"].get("expires_at") for one in look.known.consents if one["_id"] in used]
    ends += [one["expires_at"].isoformat() for one in look.emergencies if one["_id"] in used]
    return {"by": by, "until": max(ends) if ends and all(ends) else None, "consents": sorted(used)}
