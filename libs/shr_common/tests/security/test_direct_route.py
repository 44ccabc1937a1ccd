"""A direct route is declared, documented and guarded like every other; it is only called in a shorter way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from shr_common.errors import not_found
from shr_common.security import Caller, DirectRoute, allow, allowed_roles
from shr_common.service import Assembly, create_service
from shr_common.settings import ServiceSettings
from shr_common.testing import Issuer, running


def routes() -> APIRouter:
    router = APIRouter(route_class=DirectRoute)

    @router.get("/things/{thing}")
    async def read(request: Request, thing: str, caller: Annotated[Caller, allow("citizen")]) -> Response:
        """One thing."""
        if thing == "none":
            raise not_found("There is no such thing.")
        return Response(f"{caller.role} {thing} {request.query_params.get('before')}")

    @router.post("/things/{thing}")
    async def write(request: Request, thing: str, caller: Annotated[Caller, allow("registrar")]) -> Response:
        return Response(await request.body(), status_code=201)

    @router.get("/docs/open")
    async def public(request: Request) -> Response:
        return Response(request.method)

    return router


@pytest.fixture
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[httpx.AsyncClient, Issuer]]:
    issuer = Issuer(tmp_path_factory.mktemp("keys"))
    settings = ServiceSettings(mongo_uri="", kafka_bootstrap="", **issuer.settings())  # type: ignore[arg-type]
    async with running(create_service("things", settings, Assembly(routers=[routes()]))) as client:
        yield client, issuer


async def test_the_handler_gets_request_path_and_caller(client: tuple[httpx.AsyncClient, Issuer]) -> None:
    http, issuer = client
    answer = await http.get("/things/a%20b?before=x", headers=issuer.as_("citizen", health_id="98000173958"))
    assert (answer.status_code, answer.text) == (200, "citizen a b x")
    written = await http.post("/things/a", content=b"\x00\xff", headers=issuer.as_("registrar"))
    assert (written.status_code, written.content) == (201, b"\x00\xff")
    assert (await http.get("/docs/open")).text == "GET"


async def test_who_may_not_is_refused_and_errors_are_rendered(client: tuple[httpx.AsyncClient, Issuer]) -> None:
    http, issuer = client
    assert (await http.get("/things/a")).status_code == 401
    assert (await http.get("/things/a", headers=issuer.as_("analyst"))).status_code == 403
    assert (await http.put("/things/a", headers=issuer.as_("analyst"))).status_code == 405
    missing = await http.get("/things/none", headers=issuer.as_("citizen", health_id="98000173958"))
    assert missing.status_code == 404
    assert "no such thing" in missing.text


async def test_it_is_documented_with_its_roles(client: tuple[httpx.AsyncClient, Issuer]) -> None:
    http, _ = client
    described = (await http.get("/openapi.json")).json()["paths"]["/things/{thing}"]
    assert described["get"]["description"] == "One thing."
    assert [one["name"] for one in described["get"]["parameters"]] == ["thing"]
    declared = [allowed_roles(route) for route in routes().routes if isinstance(route, APIRoute)]
    assert declared == [{"citizen"}, {"registrar"}, None]


def test_a_signature_that_asks_for_more_is_a_mistake() -> None:
    async def wants_a_query(request: Request, thing: str, page: int = 1) -> Response:
        return Response()

    with pytest.raises(TypeError, match="page"):
        DirectRoute("/things/{thing}", wants_a_query)
