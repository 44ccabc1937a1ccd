"""Who calls is asked before anything else; who may call stands in the route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from shr_common.errors import unavailable
from shr_common.security import ROLES, Administrator, Anyone, Caller, allow, allowed_roles, is_public
from shr_common.service import Assembly, create_service
from shr_common.settings import ServiceSettings
from shr_common.testing import Issuer, running


class Body(BaseModel):
    """A body that FastAPI would validate before any dependency."""

    name: str


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/things")
    async def add(body: Body, caller: Annotated[Caller, allow("registrar")]) -> dict[str, str]:
        return {"by": caller.role, "name": body.name}

    @router.get("/things")
    async def everyone(caller: Anyone) -> dict[str, str]:
        return {"by": caller.role}

    @router.get("/admin")
    async def admin(caller: Administrator) -> dict[str, str]:
        return {"by": caller.role}

    @router.get("/clinic/patient")
    async def page(caller: Annotated[Caller, allow("practitioner")]) -> dict[str, str]:
        return {"by": caller.role}

    @router.post("/fhir")
    @router.post("/fhir/Patient")
    async def bundle(request: Request, caller: Annotated[Caller, allow("source_system")]) -> dict[str, str]:
        return {"at": request.url.path, "by": caller.role}

    @router.get("/")
    async def landing(request: Request) -> dict[str, str | None]:
        caller: Caller | None = request.scope["caller"]
        return {"by": caller.role if caller else None}

    return router


class Sessions:
    """A cookie called ``who``; ``away`` while its store is."""

    async def caller(self, request: Request) -> Caller | None:
        who = request.cookies.get("who")
        if who == "away":
            raise unavailable("The sessions are away.")
        return Caller(role=who, subject=who) if who else None


@pytest.fixture
async def client(settings_of: Callable[..., ServiceSettings]) -> AsyncIterator[httpx.AsyncClient]:
    assembly = Assembly(routers=[routes()], sessions=Sessions(), pages=("/clinic", "/me/"))
    async with running(create_service("gateway", settings_of(), assembly)) as opened:
        yield opened


def is_401(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/things", b"{ not json"),
        ("POST", "/things", b'{"name": 1}'),
        ("POST", "/things", b"x" * (6 << 20)),
        ("GET", "/nothing/here", None),
        ("DELETE", "/things", None),
        ("HEAD", "/things", None),
        ("OPTIONS", "/things", None),
        ("POST", "/clinic/patient", b""),
        ("GET", "http://service.test//things", None),
        ("GET", "/health", None),
        ("GET", "/static", None),
        ("GET", "/%2e%2e/things", None),
    ],
)
async def test_without_a_token_nothing_is_looked_at(
    client: httpx.AsyncClient, method: str, path: str, content: bytes | None
) -> None:
    answer = await client.request(method, path, content=content, headers={"content-type": "application/json"})
    assert is_401(answer), answer.status_code


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic dTpw", "Bearer a.b.c", "token", "Bearer é"])
async def test_what_is_no_bearer_token_is_401(client: httpx.AsyncClient, value: str) -> None:
    assert is_401(await client.get("/things", headers={"Authorization": value.encode()}))


async def test_a_token_of_another_issuer_is_401(client: httpx.AsyncClient, tmp_path: Any) -> None:
    assert is_401(await client.get("/things", headers=Issuer(tmp_path).as_("registrar")))


async def test_with_a_token_the_body_is_looked_at(client: httpx.AsyncClient, issuer: Issuer) -> None:
    registrar = issuer.as_("registrar")
    as_json = registrar | {"content-type": "application/json"}
    assert (await client.post("/things", content=b"{", headers=as_json)).status_code == 400
    assert (await client.post("/things", json={"name": 1}, headers=registrar)).status_code == 422
    assert (await client.post("/things", json={"name": "a"}, headers=registrar)).json()["by"] == "registrar"


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_wrong_role_is_403_and_a_right_one_passes(client: httpx.AsyncClient, issuer: Issuer, role: str) -> None:
    mine = issuer.as_(role)
    assert (await client.get("/things", headers=mine)).json() == {"by": role}
    status = (await client.get("/admin", headers=mine)).status_code
    assert status == (200 if role == "administrator" else 403)


async def test_a_wrong_role_is_told_so_before_its_body_is_answered_for(
    client: httpx.AsyncClient, issuer: Issuer
) -> None:
    answer = await client.post("/things", json={"name": "a"}, headers=issuer.as_("citizen"))
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json", "/"])
async def test_public_addresses_answer_anyone_also_with_a_bad_token(client: httpx.AsyncClient, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer stale.token.here"}, {"Authorization": "Basic x"}):
        assert (await client.get(path, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/", True), ("/health/live", True), ("/metrics", True), ("/docs", True), ("/docs/assets/a.js", True),
        ("/openapi.json", True), ("/asyncapi", True), ("/fhir/metadata", True),
        ("/.well-known/openid-configuration", True),
        ("/static/app.css", True), ("/signin", True), ("/signin/callback", True), ("/counters", True),
        ("/cards/verify", True), ("/jwks", True), ("/dev/inbox", True),
        ("/dev/inboxes", False), ("/jwks.bak", False), ("/signing", False), ("/healthy", False), ("/counters/x", False),
        ("/fhir", False), ("/fhir/metadata/x", False), ("/cards/98000173958.png", False),
        ("/profile/98000173958", False),
        ("/docsx", False), ("//", False), ("", False), ("/metrics/", False),
    ],
)  # fmt: skip
def test_what_is_public(path: str, public: bool) -> None:
    assert is_public(path) is public


async def test_fhir_with_a_slash_answers_as_without(client: httpx.AsyncClient, issuer: Issuer) -> None:
    source = issuer.as_("source_system", source="openmrs")
    for path in ("/fhir", "/fhir/"):
        assert (await client.post(path, headers=source)).json()["at"] == "/fhir"
    assert (await client.post("/fhir/Patient/", headers=source)).json()["at"] == "/fhir/Patient"


async def test_a_page_redirects_to_sign_in_and_nothing_else_does(client: httpx.AsyncClient) -> None:
    answer = await client.get("/clinic/patient")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/clinic/patient")
    odd = await client.get("/clinic/a%26next=evil%0d%0a")
    assert (odd.status_code, odd.headers["location"]) == (303, "/signin?next=/clinic/a%26next%3Devil%0D%0A")
    assert (await client.get("/me")).status_code == 303
    assert is_401(await client.get("/clinical"))
    assert is_401(await client.get("/things"))


async def test_a_session_is_as_good_as_a_token_and_a_bad_token_is_not_saved_by_it(
    client: httpx.AsyncClient, issuer: Issuer
) -> None:
    client.cookies.set("who", "practitioner")
    assert (await client.get("/clinic/patient")).json() == {"by": "practitioner"}
    assert is_401(await client.get("/things", headers={"Authorization": "Bearer a.b.c"}))
    assert (await client.get("/things", headers=issuer.as_("citizen"))).json() == {"by": "citizen"}


async def test_while_sessions_are_away_health_still_answers(client: httpx.AsyncClient) -> None:
    client.cookies.set("who", "away")
    assert (await client.get("/things")).status_code == 503
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/metrics")).status_code == 200


def test_the_roles_of_a_route_can_be_read_from_its_signature() -> None:
    found = {route.path: allowed_roles(route) for route in routes().routes if isinstance(route, APIRoute)}
    assert found["/admin"] == {"administrator"}
    assert found["/clinic/patient"] == {"practitioner"}
    assert found["/"] is None


def test_a_role_that_does_not_exist_is_a_mistake_of_the_author() -> None:
    with pytest.raises(ValueError, match="emperor"):
        allow("emperor")
