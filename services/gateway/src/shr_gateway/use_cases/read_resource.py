"""Read one resource, or its history. A withheld one and one that does not exist answer alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from shr_common.errors import ShrError, not_found

from shr_gateway.domain.asking import Asking
from shr_gateway.domain.disclosure import Shown, admitted
from shr_gateway.domain.identity import patient_resource
from shr_gateway.domain.lines import Row
from shr_gateway.use_cases.disclose import Disclosure, Look

RowOf = Callable[[str], Awaitable[Row | None]]
VersionsOf = Callable[[str], Awaitable[Sequence[Row]]]
NOBODY = "-"


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a resource: number, when it was made (sort key) and its served bytes."""

    number: int
    updated: str
    body: bytes


class ReadResource:
    """Decide, record, show."""

    def __init__(self, disclosure: Disclosure, *, row: RowOf, versions: VersionsOf) -> None:
        self._disclosure = disclosure
        self._row = row
        self._versions = versions

    async def __call__(self, asking: Asking, reference: str, *, at: datetime) -> Version:
        """The newest state. Raises not_found (withheld ones are audited), unavailable."""
        look, row, shown = await self._admitted(asking, reference, at=at)
        await self._disclosure.record(look, shown.what, consent_id=shown.consent_id)
        return _version(row)

    async def history(self, asking: Asking, reference: str, *, at: datetime) -> list[Version]:
        """All states that are permitted, the newest first. Raises as ``__call__``."""
        look, row, shown = await self._admitted(asking, reference, at=at)
        earlier = admitted(look.permit, await self._versions(reference))
        states = [_version(one) for one in (row, *earlier.rows)]
        what = {row.type: len(states)}
        await self._disclosure.record(look, what, consent_id=shown.consent_id)
        return sorted(states, key=lambda state: state.number, reverse=True)

    async def version(self, asking: Asking, reference: str, number: int, *, at: datetime) -> Version:
        """One state. Raises as ``__call__``."""
        look, row, shown = await self._admitted(asking, reference, at=at)
        earlier = admitted(look.permit, await self._versions(reference))
        found = next((_version(one) for one in (row, *earlier.rows) if one.version == number), None)
        await self._disclosure.record(look, shown.what if found else {row.type: 0}, consent_id=shown.consent_id)
        if found is None:
            raise nothing_there()
        return found

    async def patient(self, asking: Asking, health_id: str, *, at: datetime) -> tuple[bytes, str | None]:
        """The person as a FHIR Patient, or the id that she moved to. Raises forbidden (audited), unavailable."""
        look = await self._disclosure.open(asking, health_id, resource_type="*", at=at)
        await self._disclosure.record(look, {"Patient": 1})
        if look.moved:
            return b"", look.root
        resource = patient_resource(look.root, look.known.person, with_place=look.permit.reaches_all_types)
        return orjson.dumps(resource), None

    async def _admitted(self, asking: Asking, reference: str, *, at: datetime) -> tuple[Look, Row, Shown[Row]]:
        row = await self._row(reference)
        # decided for nobody as well, so that a stale consent state answers alike for what is there and what is not
        person = NOBODY if row is None else row.person
        type_ = reference.partition("/")[0]
        look = await self._disclosure.judge(asking, person, resource_type=type_, at=at)
        shown = admitted(look.permit, () if row is None else (row,))
        if row is None:
            raise nothing_there()
        if not shown.rows:
            await self._disclosure.record_refusal(look, type_)
            raise nothing_there()
        return look, row, shown


def _version(row: Row) -> Version:
    return Version(row.version, row.updated, row.body)


def nothing_there() -> ShrError:
    """The same answer for what is withheld, what was withdrawn and what never was."""
    return not_found("There is no such resource that is open to you.")
