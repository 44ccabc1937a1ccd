"""Search of persons. Identity numbers are taken in the body of ``POST _search`` only: URLs end up in logs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, Issue, ShrError
from shr_common.identifiers import BRN, KINDS, NID, UHID, is_health_id, is_person_id
from shr_common.security import Caller, DirectRoute, allow

from shr_healthid.domain.geocodes import district_of
from shr_healthid.domain.legacy import HID
from shr_healthid.domain.person import LocalId, Person
from shr_healthid.domain.served import patient_for, searchset
from shr_healthid.http.bodies import FORM, answer, form_body, json_body, media_type
from shr_healthid.http.callers import reader_of, source_of
from shr_healthid.http.patients import Desk
from shr_healthid.storage.persons import Criteria

Searching = Annotated[Caller, allow("source_system", "registrar", "facility", "reviewer")]
_DATE = re.compile(r"(eq)?(\d{4}(-\d\d(-\d\d)?)?)", re.ASCII)
_IGNORED = frozenset({"_format", "_pretty", "_total", "_sort"})
_NUMBER_LENGTHS = frozenset({10, 13, 17})


class Hasher(Protocol):
    """Keyed hashes of numbers."""

    def hash(self, kind: str, number: str) -> str:
        """The keyed hash of a number of a kind."""


ByNumbers = Callable[[Sequence[str]], Awaitable[list[Person]]]
"""Whose verified numbers these are, by their hashes."""


@dataclass
class _Asked:
    """A search, read from a URL or a body."""

    identifiers: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    birth_date: str | None = None
    gender: str | None = None
    district: str | None = None
    count: int | None = None
    after: str = ""


def router(desk: Desk, hasher: Hasher, *, by_numbers: ByNumbers, page_size: int, page_size_limit: int) -> APIRouter:
    """Routes that find persons."""
    routes = APIRouter(tags=["persons"], route_class=DirectRoute)

    @routes.get("/fhir/Patient")
    async def by_url(request: Request, caller: Searching) -> Response:
        """By name, birthdate, gender, address-district, Health ID."""
        asked = _read(request.query_params.multi_items())
        if any(_may_be_number(token) for token in asked.identifiers):
            raise _bad("NID and BRN do not belong in a URL: use POST /fhir/Patient/_search.",
                       "URL-এ এনআইডি বা জন্ম নিবন্ধন নম্বর দেবেন না: POST /fhir/Patient/_search ব্যবহার করুন।")  # fmt: skip
        return await found(asked, request, caller, path="/fhir/Patient")

    @routes.post("/fhir/Patient/_search")
    async def by_body(request: Request, caller: Searching) -> Response:
        """The same, and by NID, BRN or local identifier: a form, or FHIR Parameters."""
        if media_type(request) == FORM:
            fields = await form_body(request)
        else:
            fields = _parameters((await json_body(request, desk.limits)).tree)
        return await found(_read(fields), request, caller, path="/fhir/Patient/_search")

    async def found(asked: _Asked, request: Request, caller: Caller, *, path: str) -> Response:
        limit = min(asked.count or page_size, page_size_limit)
        if asked.identifiers or asked.ids:
            persons = await _identified(asked, caller)
            total, next_url = len(persons), None
        else:
            persons, total = await desk.persons.search(_criteria(asked), after=asked.after, limit=limit)
            next_url = _next(request, path, asked, persons, limit)
        await asyncio.gather(*(desk.looked(person, caller, request) for person in persons))
        base = str(request.base_url).rstrip("/")
        reader = reader_of(caller)
        shown = [patient_for(person, reader) for person in persons]
        return answer(searchset(shown, total=total, base=base, self_url=f"{base}{path}", next_url=next_url))

    async def _identified(asked: _Asked, caller: Caller) -> list[Person]:
        persons: dict[str, Person] = {}
        for id_ in asked.ids:
            if is_person_id(id_) and (person := await desk.persons.by_id(id_)):
                persons[person.id] = person
        for token in asked.identifiers:
            persons |= {person.id: person for person in await _holders(token, caller)}
        return [p for p in persons.values() if _agrees(p, asked)]

    async def _holders(token: str, caller: Caller) -> list[Person]:
        system, bar, value = token.rpartition("|")
        if system == UHID or (not bar and is_health_id(value)):
            person = await desk.persons.by_id(value) if is_person_id(value) else None
            return [person] if person else []
        if system == HID:
            person = await desk.persons.by_id(value)
            return [person] if person else []
        if system in (NID, BRN):
            return await by_numbers([hasher.hash(KINDS[system], value)])
        local = await desk.persons.by_local_id(LocalId(source_of(caller), system, value))
        if local or bar:
            return local
        return await by_numbers([hasher.hash(kind, value) for kind in ("nid", "brn")])

    return routes


def _bad(text: str, text_bn: str | None = None) -> ShrError:
    return ShrError(Category.INVALID, Issue(text, code="invalid", text_bn=text_bn), detail="bad-request")


def _may_be_number(token: str) -> bool:
    system, _, value = token.rpartition("|")
    if system in (NID, BRN):
        return True
    # a former Health ID of 13 digits looks like an NID, too
    return system in ("", HID) and value.isdigit() and len(value) in _NUMBER_LENGTHS


def _parameters(tree: dict[str, object]) -> list[tuple[str, str]]:
    """FHIR Parameters as fields; valueString and its kin, valueIdentifier as system|value."""
    if tree.get("resourceType") != "Parameters":
        raise _bad("Send a form or FHIR Parameters.")
    fields = []
    parameters = tree.get("parameter")
    for place, parameter in enumerate(parameters if isinstance(parameters, list) else ()):
        value = parameter if isinstance(parameter, dict) else {}
        given = next((v for name, v in value.items() if name.startswith("value")), None)
        if isinstance(given, dict):
            given = f"{given.get('system') or ''}|{given.get('value') or ''}"
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise ShrError(
                Category.INVALID,
                Issue("Give the value as text.", expression=f"Parameters.parameter[{place}]", code="value"),
            )
        fields.append((str(value.get("name")), str(given)))
    return fields


def _read(fields: list[tuple[str, str]]) -> _Asked:
    asked = _Asked()
    for name, value in fields:
        plain = name.partition(":")[0]
        match plain:
            case "identifier":
                asked.identifiers += [token for token in value.split(",") if token]
            case "_id":
                asked.ids += [token for token in value.split(",") if token]
            case "name" | "family" | "given":
                asked.names.append(value)
            case "birthdate":
                asked.birth_date = _date(value)
            case "gender":
                asked.gender = value
            case "address-district":
                asked.district = district_of(value) or value
            case "_count":
                asked.count = _count(value)
            case "_after":
                asked.after = value
            case _ if name in _IGNORED:
                continue
            case _:
                raise _bad(f"This search does not know the parameter “{name[:40]}”.")
    if len(asked.identifiers) + len(asked.ids) > 50:
        raise _bad("Ask for 50 identifiers at most.")
    return asked


def _date(value: str) -> str:
    read = _DATE.fullmatch(value)
    if read is None:
        raise _bad("birthdate is a date such as 1985-05-20, or its beginning.")
    return read[2]


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value[:6]) > 0 and len(value) < 6):
        raise _bad("_count is a number from 1 on.")
    return int(value)


def _criteria(asked: _Asked) -> Criteria:
    name = " ".join(asked.names).strip()
    if len(name) < 2 and (asked.birth_date is None or len(asked.birth_date) < 10):
        raise _bad("Search by identifier, by a name, or by a whole birthdate.")
    return Criteria(name or None, asked.birth_date, asked.gender, asked.district)


def _agrees(person: Person, asked: _Asked) -> bool:
    """Further criteria beside an identifier narrow it."""
    said = person.demographics
    return (
        (asked.birth_date is None or (said.birth_date or "").startswith(asked.birth_date))
        and (asked.gender is None or said.gender == asked.gender)
        and (asked.district is None or said.district == asked.district)
    )


def _next(request: Request, path: str, asked: _Asked, persons: list[Person], limit: int) -> str | None:
    if len(persons) < limit:
        return None
    said = [("name", name) for name in asked.names]
    rest = {"birthdate": asked.birth_date, "gender": asked.gender, "address-district": asked.district}
    said += [(name, value) for name, value in rest.items() if value]
    query = urlencode([*said, ("_count", str(limit)), ("_after", persons[-1].id)])
    return f"{str(request.base_url).rstrip('/')}{path.removesuffix('/_search')}?{query}"
