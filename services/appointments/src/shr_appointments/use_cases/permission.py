"""May this caller book, change or see this person's appointments at this facility?"""

from __future__ import annotations

from datetime import datetime

from shr_common.errors import forbidden

from shr_appointments.domain.actors import Actor, Person, acts_for, require_standing
from shr_appointments.domain.schedules import day_of
from shr_appointments.use_cases.ports import People, Registry


class Permission:
    """The one place where it is decided. A citizen: herself and her wards. Staff: their own facility."""

    def __init__(self, people: People, registry: Registry) -> None:
        self._people = people
        self._registry = registry

    async def holds(self, actor: Actor, person: Person, *, facility: str) -> bool:
        """Whether the actor may deal with this person's appointments at a facility."""
        if actor.role == "citizen":
            return await self.is_hers(actor, person)
        return actor.facility == facility

    async def is_hers(self, actor: Actor, person: Person) -> bool:
        """Whether a citizen is this person or her guardian."""
        own = await self._people.person(actor.health_id) if actor.health_id else None
        return acts_for(actor, person, own=own)

    async def require_standing(self, actor: Actor, *, now: datetime) -> None:
        """Raises forbidden for staff without a facility, or whose posting, licence or facility is not in force."""
        if actor.role == "citizen":
            return
        if actor.facility is None:
            raise forbidden("The token names no facility.")
        practitioner = actor.id if actor.role == "practitioner" else None
        standing = await self._registry.standing(facility=actor.facility, practitioner=practitioner)
        require_standing(standing, day_of(now))
