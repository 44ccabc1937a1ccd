"""The one way out of the views: fresh consent, one decision, the audit entry durable, only then something is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn, Protocol

from shr_common.errors import ShrError, forbidden, unavailable
from shr_common.fhir.times import DHAKA
from shr_policy import Grant

from shr_gateway.domain.asking import Asking
from shr_gateway.domain.disclosure import Given, Permit, permit_for
from shr_gateway.domain.family import Family
from shr_gateway.domain.freshness import Pulse


class Known(Protocol):
    """What the views hold about a person (see storage.known)."""

    @property
    def asked(self) -> str:
        """The id that was asked for."""

    @property
    def family(self) -> Family:
        """All her ids."""

    @property
    def person(self) -> Mapping[str, Any] | None:
        """Who she is."""

    @property
    def consents(self) -> Sequence[Mapping[str, Any]]:
        """What was granted."""

    @property
    def profiles(self) -> Mapping[str, Mapping[str, Any]]:
        """Profiles by id."""

    @property
    def folded(self) -> Mapping[int, int]:
        """How far the consent view has come."""


class StandingOf(Protocol):
    """Whether posting, licence and facility are in force."""

    async def __call__(self, *, practitioner: str | None, facility: str | None, today: str) -> bool:
        """``today``: ISO date in Dhaka."""


class EmergenciesOf(Protocol):
    """Declarations made at the gateway."""

    async def __call__(
        self, *, practitioner: str, patients: Sequence[str], now: datetime
    ) -> Sequence[Mapping[str, Any]]:
        """Those in force."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An audit entry to be."""

    patient: str
    asking: Asking
    decision: str
    what: Sequence[tuple[str, int]]
    at: datetime
    consent_id: str | None = None
    break_glass: Mapping[str, str] | None = None


Audit = Callable[[Entry], Awaitable[None]]
"""Returns when the entry is durable; raises busy or unavailable, and then nothing may be shown."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What disclosure needs. ``monotonic``: seconds of a clock that never jumps."""

    load: Callable[[str], Awaitable[Known]]
    standing: StandingOf
    emergencies: EmergenciesOf
    audit: Audit
    pulse: Pulse
    monotonic: Callable[[], float]
    consent_age_limit_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """A permitted look: what is known, what is permitted, and for whom the entry has to be written."""

    asking: Asking
    known: Known
    permit: Permit
    at: datetime
    emergencies: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def root(self) -> str:
        """The id in use."""
        return self.known.family.root

    @property
    def moved(self) -> bool:
        """Whether she was asked for under an id that was merged or replaced."""
        return self.known.asked != self.root


class Disclosure:
    """Decides and records. Every way out goes ``open`` → filter → ``record`` → bytes."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def open(
        self, asking: Asking, health_id: str, *, resource_type: str, at: datetime, action: str = "read"
    ) -> Look:
        """A look at a person's record. Raises forbidden (audited; the same for a person nobody knows), unavailable."""
        look = await self.judge(asking, health_id, resource_type=resource_type, at=at, action=action)
        if not look.permit.permit:
            await self.refuse(look, resource_type)
        return look

    async def judge(
        self, asking: Asking, health_id: str, *, resource_type: str, at: datetime, action: str = "read"
    ) -> Look:
        """The decision alone, for whoever refuses in another way. Raises unavailable when consent is not known."""
        known = await self._ports.load(health_id)
        emergencies = await self._emergencies(asking, known, at)
        clock = self.consent_clock(known)
        if clock is None and not emergencies:
            raise consent_unknown()
        given = [Given.of(one) for one in known.consents] if clock is not None else []
        given += [_declared(one) for one in emergencies]
        person = known.person or {}
        permit = permit_for(
            asking=await self._with_standing(asking, at),
            family=known.family,
            resource_type=resource_type,
            action=action,
            given=given,
            guardians=await self._guardians(asking, known.family, person.get("guardians") or ()),
            birth_date=person.get("birth_date"),
            wrote=_wrote(known, asking.actor.facility),
            now=clock or at,
        )
        return Look(asking, known, permit, at, emergencies)

    def consent_clock(self, known: Known) -> datetime | None:
        """Consent's time now; None while its state is unknown or stale."""
        ports = self._ports
        return ports.pulse.clock(known.folded, now_s=ports.monotonic(), limit_s=ports.consent_age_limit_s)

    async def record(
        self, look: Look, what: Mapping[str, int], *, consent_id: str | None = None, decision: str = "permit"
    ) -> None:
        """Write the entry about a look; returns when it is durable."""
        emergency = consent_id if look.permit.emergency and look.asking.emergency else None
        await self._ports.audit(
            Entry(
                patient=look.root,
                asking=look.asking,
                decision=decision,
                what=sorted(what.items()),
                at=look.at,
                consent_id=consent_id,
                break_glass=None if emergency is None else {"id": emergency},
            )
        )

    async def record_refusal(self, look: Look, resource_type: str) -> None:
        """Write the entry about a refused look, under the id that was asked for."""
        asked = look.known.asked
        await self._ports.audit(
            Entry(patient=asked, asking=look.asking, decision="deny", what=[(resource_type, 0)], at=look.at)
        )

    async def refuse(self, look: Look, resource_type: str) -> NoReturn:
        """Record the refusal, then raise it."""
        await self.record_refusal(look, resource_type)
        raise nothing_permitted(look.asking.purpose, resource_type)

    async def _emergencies(self, asking: Asking, known: Known, at: datetime) -> Sequence[Mapping[str, Any]]:
        if not asking.emergency or asking.actor.role != "practitioner":
            return ()
        return await self._ports.emergencies(practitioner=asking.actor.id, patients=known.family.ids, now=at)

    async def _guardians(self, asking: Asking, family: Family, named: Sequence[str]) -> Sequence[str]:
        """Her guardians; one who is named by another id of his (he was merged) with the id that he came by."""
        own = asking.actor.health_id
        if not named or own is None or own in named or own in family.ids:
            return named
        ids = (await self._ports.load(own)).family.ids
        return named if set(ids).isdisjoint(named) else (*named, own)

    async def _with_standing(self, asking: Asking, at: datetime) -> Asking:
        if asking.citizen:
            return asking
        actor = asking.actor
        today = at.astimezone(DHAKA).date().isoformat()
        if await self._ports.standing(practitioner=actor.id, facility=actor.facility, today=today):
            return asking
        return replace(asking, actor=replace(actor, in_good_standing=False))


def _wrote(known: Known, facility: str | None) -> set[str]:
    """The ids under which this facility wrote something."""
    if facility is None:
        return set()
    return {
        person
        for person, profile in known.profiles.items()
        if facility in {line.kind.facility for line in profile["lines"]}
    }


def _declared(emergency: Mapping[str, Any]) -> Given:
    """A declaration made here, as consent would have granted it."""
    value = {
        "consent_id": emergency["_id"],
        "status": "granted",
        "kind": "break-glass",
        "recipient": {"type": "practitioner", "id": emergency["practitioner"]},
        "purpose": "BTG",
        "expires_at": emergency["expires_at"],
    }
    return Given(Grant.of(value), emergency["patient"], emergency["at"])


def consent_unknown() -> ShrError:
    """The answer while consent's state is unknown or stale."""
    return unavailable("What the citizen permits is not known at the moment, so nothing is shown. Try again.")


def nothing_permitted(purpose: str, resource_type: str) -> ShrError:
    """The refusal, the same for every person, known or not: it names what to ask for."""
    types = "the types of resource that you need" if resource_type == "*" else resource_type
    return forbidden(
        f"Nothing of this record is open to you for purpose {purpose}. "
        f"Ask for consent (POST /consent-requests) with purpose {purpose} and record_types {types}.",
        text_bn=f"এই রেকর্ডের কিছুই {purpose} উদ্দেশ্যে আপনার জন্য খোলা নয়। নাগরিকের কাছে অনুমতি চান।",
    )
