"""Appointments leave only after an audit entry about them is durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from shr_common.audit import AuditTrail
from shr_common.security import Caller

from shr_appointments.domain.appointments import Appointment

OWN = "PATRQT"
CARE = "CAREMGT"
TYPE = "Appointment"


class Disclosing:
    """Writes who looked at whose appointments, refused looks and searches that found nothing included."""

    def __init__(self, audit: AuditTrail) -> None:
        self._audit = audit

    async def shown(
        self, appointments: Sequence[Appointment], *, caller: Caller, asked: str | None, at: datetime
    ) -> None:
        """One entry for each person whose appointments are shown; for the one asked for also when there are none."""
        counts = Counter(one.patient for one in appointments)
        if asked is not None and not counts:
            counts[asked] = 0
        for patient, count in counts.items():
            await self._record(patient, count, caller, "permit", at)

    async def refused(self, patient: str, *, caller: Caller, at: datetime) -> None:
        """Somebody wanted to see what is not hers."""
        await self._record(patient, 0, caller, "deny", at)

    async def _record(self, patient: str, count: int, caller: Caller, decision: str, at: datetime) -> None:
        purpose = OWN if caller.role == "citizen" else CARE
        await self._audit.record(
            patient=patient, caller=caller, purpose=purpose, decision=decision, what=[(TYPE, count)], at=at
        )
