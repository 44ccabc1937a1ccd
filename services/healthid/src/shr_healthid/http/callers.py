"""What a caller is to the registry: a source, a reader of some numbers, a citizen with her wards."""

from __future__ import annotations

from fastapi import Request
from shr_common.errors import invalid
from shr_common.security import Caller

from shr_healthid.domain.person import Person
from shr_healthid.domain.served import Reader

PURPOSES = frozenset({"CAREMGT", "BTG", "PATRQT", "PUBHLTH", "HPAYMT", "HRESCH"})
_OWN_SYSTEMS = {"facility": "frontdesk", "registrar": "registrar"}


def source_of(caller: Caller) -> str:
    """``system/facility``: of a front desk or registrar without a source, the role's own name."""
    system = caller.source or _OWN_SYSTEMS.get(caller.role, "unknown")
    return f"{system}/{caller.facility or 'unknown'}"


def reader_of(caller: Caller) -> Reader:
    """Registrars see all numbers, a source those that it sent, others none."""
    if caller.role == "registrar":
        return Reader(sees_all=True)
    return Reader(source_of(caller) if caller.role in ("source_system", "facility") else None)


def may_read(caller: Caller, person: Person) -> bool:
    """A citizen reads herself and those whom the registry knows her to be guardian of; staff roles read all."""
    if caller.role != "citizen":
        return True
    own = caller.health_id
    return own is not None and own in (person.id, *person.replaces, *person.guardians)


def purpose_of(request: Request, caller: Caller) -> str:
    """``X-Purpose``, else what the role stands for. Raises invalid for another word."""
    purpose = request.headers.get("x-purpose")
    if purpose is None:
        return "PATRQT" if caller.role == "citizen" else "CAREMGT"
    if purpose not in PURPOSES:
        raise invalid(f"X-Purpose is one of {', '.join(sorted(PURPOSES))}.", code="value")
    return purpose
