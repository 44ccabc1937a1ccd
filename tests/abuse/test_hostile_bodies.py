"""Whatever is sent to any route of any service: an answer below 500 (or 503), never a reset; the process lives on."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from shr_local.services import SERVICE_NAMES
from shr_local.testing.hostile import PLACES, READABLE, UNREADABLE, mistyped, other_kinds, oversized
from shr_local.testing.people import People, until
from shr_local.testing.routes import Route, routes_of

WITH_BODY = ("POST", "PUT", "PATCH")
JSON = "application/fhir+json"


class Attacker:
    """Has a valid token for each role, and sends what no client would."""

    def __init__(self, people: People, service: str, *, health_id: str, request: str) -> None:
        self.people = people
        self.service = service
        self.broken: list[str] = []
        self._real = {
            "health_id": health_id,
            "consent_id": request,
            "id": request if service == "consent" else health_id,
        }
        self._callers = [
            people.hospital(),
            people.citizen(health_id),
            people.doctor(),
            people.as_("administrator"),
            people.as_("registrar"),
            people.as_("facility", facility="10000001"),
        ]
        self._let_in: dict[Route, dict[str, str]] = {}

    async def sends(self, route: Route, what: str, body: bytes, kind: str = JSON, **more: str) -> httpx.Response | None:
        """Send it as the first role that the route lets in; note what must not happen."""
        headers = await self._caller_for(route) | more
        if kind:
            headers["Content-Type"] = kind
        return await self._asks(route, route.path(self._real), what, content=body, headers=headers)

    async def visits(self, route: Route, place: str) -> None:
        """Ask with a text in each part of the path and in each query parameter."""
        headers = await self._caller_for(route)
        escaped = quote(place, safe="", errors="surrogateescape")
        where = {name: "\0\0" for name in route.parameters if name not in ("type", "type_", "resource_type")}
        path = route.path(where).replace("%00%00", escaped)
        asked = "&".join(f"{name}={escaped}" for name in (*route.queries, "patient", "_count", "code", escaped))
        await self._asks(route, f"{path}?{asked}", f"{place[:20]!a} in the address", headers=headers)

    async def _caller_for(self, route: Route) -> dict[str, str]:
        if route not in self._let_in:
            self._let_in[route] = self._callers[0]
            for caller in self._callers:
                answer = await self.people.client.request(
                    route.method, self.people.stack.url(self.service, route.path(self._real)), headers=caller
                )
                if answer.status_code not in (401, 403):
                    self._let_in[route] = caller
                    break
        return dict(self._let_in[route])

    async def _asks(self, route: Route, path: str, what: str, **request: object) -> httpx.Response | None:
        try:
            answer = await self.people.client.request(
                route.method,
                self.people.stack.url(self.service, path),
                **request,  # type: ignore[arg-type]
            )
        except httpx.HTTPError as error:
            self.broken.append(f"{route} with {what}: {type(error).__name__}: {error}")
            return None
        if answer.status_code >= 500 and answer.status_code != 503:
            self.broken.append(f"{route} with {what}: {answer.status_code}")
        return answer


def is_verdict(answer: httpx.Response) -> bool:
    """`/check` answers 200 and says what would have been refused."""
    return answer.request.url.path.startswith("/check") and answer.json()["verdict"] == "rejected"


async def with_body(people: People, service: str) -> list[Route]:
    """The routes that take a body."""
    return [route for route in await routes_of(people.stack, people.client, service) if route.method in WITH_BODY]


@pytest.fixture
async def attacker(service: str, people: People) -> Attacker:
    """Attacks one service, with a person, and a request for her consent, that are really there."""
    health_id = await people.registers()
    asked = await until(lambda: people.asks(health_id), lambda a: a.status_code == 201)
    return Attacker(people, service, health_id=health_id, request=asked.json()["id"])


@pytest.fixture(autouse=True)
async def lives_on(service: str, people: People):
    """The same process answers ready afterwards."""
    before = people.stack.pid(service)
    yield
    assert people.stack.pid(service) == before, f"{service} died and was started again"
    people.stack.wait_ready(service, within_s=10)


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_what_cannot_be_read_is_refused_by_every_route(service: str, people: People, attacker: Attacker) -> None:
    accepted = []
    for route in await with_body(people, service):
        for what, body in UNREADABLE.items():
            answer = await attacker.sends(route, what, body)
            if answer is not None and answer.status_code < 300 and body and not is_verdict(answer):
                accepted.append(f"{route} took {what}: {answer.status_code}")

    assert not attacker.broken + accepted, "\n".join(attacker.broken + accepted)


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_what_makes_no_sense_is_never_a_fault(service: str, people: People, attacker: Attacker) -> None:
    for route in await with_body(people, service):
        for what, body in (READABLE | mistyped()).items():
            await attacker.sends(route, what, body)
        for what, body in READABLE.items():
            await attacker.sends(route, f"{what}, as plain JSON", body, "application/json")

    assert not attacker.broken, "\n".join(attacker.broken)


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_other_kinds_of_body_are_never_a_fault(service: str, people: People, attacker: Attacker) -> None:
    for route in await with_body(people, service):
        for what, (kind, body) in other_kinds().items():
            await attacker.sends(route, what, body, kind, **({"Content-Encoding": "gzip"} if "compr" in what else {}))

    assert not attacker.broken, "\n".join(attacker.broken)


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_too_much_is_refused_and_not_reset(service: str, people: People, attacker: Attacker) -> None:
    bodies = oversized()
    wrong = []
    for route in await with_body(people, service):
        answer = await attacker.sends(route, "20 MB", bodies["20 MB"])
        if answer is not None and answer.status_code not in (413, 403) and not is_verdict(answer):
            wrong.append(f"{route} with 20 MB: {answer.status_code}, expected 413")
        await attacker.sends(route, "10,000 entries", bodies["10,000 entries"])

    assert not attacker.broken + wrong, "\n".join(attacker.broken + wrong)


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_hostile_address_is_never_a_fault(service: str, people: People, attacker: Attacker) -> None:
    for route in await routes_of(people.stack, people.client, service):
        for place in PLACES:
            await attacker.visits(route, place)

    assert not attacker.broken, "\n".join(attacker.broken)
