"""The caller of a request, as the rules know parties."""

from __future__ import annotations

from shr_common.errors import forbidden
from shr_common.security import Caller

from shr_consent.domain.statement import Party


def party_of(caller: Caller) -> Party:
    """From a verified token. Raises forbidden when it does not say who its bearer is in that role."""
    needed = {"citizen": caller.health_id, "practitioner": caller.practitioner, "facility": caller.facility}
    if caller.role in needed and not needed[caller.role]:
        raise forbidden(f"The token of the role {caller.role} does not say who you are.")
    health_id = caller.health_id if caller.role == "citizen" else None
    return Party(caller.role, caller.id, caller.facility, health_id, caller.name)
