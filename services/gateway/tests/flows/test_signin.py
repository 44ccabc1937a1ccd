"""Sign-in through the real development identity provider, and what a session may do."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from shr_common.mongo import connect
from shr_common.testing import Issuer, eventually
from shr_local.identity_provider.app import create_app as create_provider
from shr_local.paths import Home
from shr_local.ports import free_ports

from ..world import World, new_health_id


@asynccontextmanager
async def serving(app: Any, port: int | None = None) -> AsyncIterator[str]:
    """An app on a real port: its address."""
    port = port or free_ports(1)[0]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server._serve())
    await eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The provider's address."""
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHR_ISSUER", address)
        app = create_provider(Home(tmp_path_factory.mktemp("provider")))
    async with serving(app, port):
        yield address


@pytest.fixture(scope="module")
async def portal(run_gateway: Any, provider: str) -> AsyncIterator[World]:
    """A gateway that trusts the provider."""
    async with run_gateway(issuer=provider, jwks_url=f"{provider}/jwks", portal_url="http://127.0.0.1:8000") as world:
        yield world


@pytest.fixture
async def browser(portal: World) -> AsyncIterator[httpx.AsyncClient]:
    """A browser with cookies of its own."""
    transport = httpx.ASGITransport(app=portal.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def at_the_provider(address: str, account: str) -> str:
    """Choose an account; returns where the provider sends the browser back to."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(address)).headers["location"]
        base = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        here = urlsplit(page).path
        answer = await client.post(f"{base}{here}/workplace", data={"account": account})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


async def as_citizen_at_the_provider(address: str, health_id: str) -> str:
    """Give a Health ID and the code that was sent."""
    async with httpx.AsyncClient() as client:
        base = "{0.scheme}://{0.netloc}".format(urlsplit(address))
        here = f"{base}{urlsplit((await client.get(address)).headers['location']).path}"
        await client.post(f"{here}/citizen", data={"health_id": health_id})
        code = re.search(r"(?<!\d)(\d{6})(?!\d)", re.sub(r"<[^>]+>", " ", (await client.get(here)).text))
        assert code is not None
        return (await client.post(f"{here}/code", data={"code": code[1]})).headers["location"]


async def sign_in(browser: httpx.AsyncClient, account: str = "nazmul", next_: str = "/clinic") -> httpx.Response:
    """The whole way."""
    begun = await browser.get("/signin", params={"next": next_})
    assert begun.status_code == 303
    return await browser.get(await at_the_provider(begun.headers["location"], account))


async def answers(browser: httpx.AsyncClient, path: str, status: int) -> None:
    """Once the gateway has caught up."""

    async def as_said() -> bool:
        return (await browser.get(path, headers={"X-Purpose": "CAREMGT"})).status_code == status

    await eventually(as_said, within_s=30)


async def session_of(portal: World) -> dict[str, Any]:
    """The newest session as stored."""
    async with connect(portal.settings.mongo_uri) as mongo:
        found = mongo[portal.settings.database_of("gateway_own")]["sessions"].find().sort("expires_at", -1)
        return (await found.to_list())[0]


async def test_a_doctor_signs_in_and_reads_with_her_session(portal: World, browser: httpx.AsyncClient) -> None:
    answer = await sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/clinic")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("shr_session="))
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower()
    person = await portal.registers()
    await answers(browser, f"/profile/{person}", 403)  # signed in, and without consent
    stored = await session_of(portal)
    secret = cookie.partition("=")[2].partition(";")[0]
    assert secret not in str(stored) and b"eyJ" not in stored["token"], "only a digest and a sealed token are kept"


async def test_a_citizen_signs_in_with_her_code(portal: World, browser: httpx.AsyncClient) -> None:
    person = new_health_id()
    begun = await browser.get("/signin")
    back = await as_citizen_at_the_provider(begun.headers["location"], person)
    assert (await browser.get(back)).headers["location"] == "/"
    await answers(browser, f"/profile/{person}", 200)


async def test_the_request_to_the_provider_is_pkce_with_state_and_nonce(
    portal: World, browser: httpx.AsyncClient
) -> None:
    address = (await browser.get("/signin")).headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/signin/callback"
    assert len(asked["state"]) >= 32 and len(asked["nonce"]) >= 24


async def test_a_callback_is_good_once_and_for_the_browser_that_left(portal: World, browser: httpx.AsyncClient) -> None:
    begun = await browser.get("/signin")
    back = await at_the_provider(begun.headers["location"], "nazmul")
    async with httpx.AsyncClient(transport=browser._transport, base_url="http://127.0.0.1:8000") as other:
        assert (await other.get(back)).status_code == 400, "another browser"
    assert (await browser.get(back.replace("state=", "state=x"))).status_code == 400
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == 400, "the second time"


async def test_a_token_of_another_sign_in_is_not_taken(portal: World, browser: httpx.AsyncClient) -> None:
    """The nonce binds the id token to this sign-in; the verifier binds the code to it."""
    first = await browser.get("/signin")
    stolen = await at_the_provider(first.headers["location"], "administrator")
    second = await browser.get("/signin")
    state = parse_qs(urlsplit(second.headers["location"]).query)["state"][0]
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    answer = await browser.get("/signin/callback", params={"code": code, "state": state})
    assert answer.status_code == 400
    assert "shr_session" not in browser.cookies


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/signin", "evil", "/a\nb"],
)
async def test_next_goes_to_own_paths_only(portal: World, browser: httpx.AsyncClient, wanted: str) -> None:
    answer = await sign_in(browser, next_=wanted)
    assert answer.headers["location"] == "/clinic", "home of a doctor"


async def test_pages_redirect_to_sign_in_and_all_else_is_401(portal: World, browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/clinic/98000173958")
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/clinic/98000173958")
    assert (await browser.get("/profile/98000173958")).status_code == 401
    browser.cookies.set("shr_session", secrets.token_urlsafe(32))
    assert (await browser.get("/profile/98000173958")).status_code == 401


async def test_a_form_needs_the_sessions_own_token(portal: World, browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    said = {"patient": new_health_id(), "reason": "r"}
    assert (await browser.post("/break-glass", json=said)).status_code == 403
    csrf = (await session_of(portal))["csrf"]
    assert (await browser.post("/break-glass", json=said, headers={"X-CSRF-Token": "wrong"})).status_code == 403
    evil = {"X-CSRF-Token": csrf, "Origin": "https://evil.example"}
    assert (await browser.post("/break-glass", json=said, headers=evil)).status_code == 403
    assert (await browser.post("/break-glass", json=said, headers={"X-CSRF-Token": csrf})).status_code == 201


async def test_signing_out_ends_the_session(portal: World, browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    cookie = browser.cookies["shr_session"]
    csrf = (await session_of(portal))["csrf"]
    assert (await browser.post("/signout", data={"csrf": "wrong"})).status_code == 403
    assert (await browser.post("/signout", data={"csrf": csrf})).status_code == 303
    browser.cookies.set("shr_session", cookie)
    assert (await browser.get("/profile/98000173958")).status_code == 401


async def test_a_provider_that_is_away_is_a_503(run_gateway: Any) -> None:
    async with run_gateway(beating=False, token_url="http://127.0.0.1:9/token") as world:
        begun = await world.client.get("/signin")
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        answer = await world.client.get("/signin/callback", params={"code": "x", "state": state})
        assert answer.status_code == 503


async def test_an_id_token_without_the_nonce_of_this_sign_in_is_refused(run_gateway: Any, issuer: Issuer) -> None:
    answers = FastAPI()
    nonces: dict[str, str] = {}

    @answers.post("/token")
    async def token(request: Request) -> dict[str, Any]:
        code = parse_qs((await request.body()).decode())["code"][0]
        claims = {"role": "administrator", "nonce": nonces[code]}
        return {
            "access_token": issuer.token("administrator"),
            "id_token": issuer.token(aud="portal", **claims),
            "expires_in": 60,
        }

    async with serving(answers) as address, run_gateway(beating=False, token_url=f"{address}/token") as world:
        for code, status in (("another", 400), ("own", 303)):
            begun = await world.client.get("/signin")
            asked = parse_qs(urlsplit(begun.headers["location"]).query)
            nonces.update({"another": "of-another-sign-in", "own": asked["nonce"][0]})
            answer = await world.client.get("/signin/callback", params={"code": code, "state": asked["state"][0]})
            assert answer.status_code == status
