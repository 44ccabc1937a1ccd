"""Signing in, as a browser and the portal do it: authorization code with PKCE, and what must be refused."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from shr_local.identity_provider.app import create_app
from shr_local.identity_provider.signin import is_callback
from shr_local.identity_provider.tokens import Signer, Subject
from shr_local.keys import ensure
from shr_local.paths import Home

AMINA = "98000173958"
CALLBACK = "http://127.0.0.1:8123/signin/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-the-standard-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Browser:
    """A person at the pages, and the portal behind them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def opens(self, **changed: str | None) -> httpx.Response:
        """The portal sends her to sign in."""
        asked = {
            "response_type": "code",
            "client_id": "portal",
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "scope": "openid",
            "state": "her-state",
            "nonce": "her-nonce",
            "ui_locales": "en",
            **changed,
        }
        answer = await self.client.get("/authorize", params={k: v for k, v in asked.items() if v is not None})
        if answer.status_code == 303 and answer.headers["location"].startswith("/signin/"):
            self.page = answer.headers["location"].split("?")[0]
        return answer

    async def enters(self, health_id: str) -> httpx.Response:
        """She types her Health ID."""
        return await self.client.post(f"{self.page}/citizen?lang=en", data={"health_id": health_id})

    async def reads_the_code(self) -> str:
        """In development the page shows what would have been sent."""
        shown = (await self.client.get(f"{self.page}?lang=en")).text
        found = re.search(r'id="dev-code">(\d{6})<', shown)
        assert found
        return found.group(1)

    async def signs_in(self) -> str:
        """All the way; returns the authorization code."""
        await self.opens()
        await self.enters(AMINA)
        done = await self.client.post(f"{self.page}/code?lang=en", data={"code": await self.reads_the_code()})
        return query_of(done)["code"]

    async def redeems(self, code: str, **changed: str) -> httpx.Response:
        """The portal exchanges the code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "portal",
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changed,
        }
        return await self.client.post("/token", data=form)

    async def claims(self, token: str) -> dict[str, Any]:
        """What a token says, its signature checked against the published keys."""
        keys = KeySet.import_key_set((await self.client.get("/jwks")).json())
        return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


def query_of(answer: httpx.Response) -> dict[str, str]:
    """The query of a redirect to the portal."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture
async def browser(tmp_path: Path) -> Any:
    transport = httpx.ASGITransport(app=create_app(Home(tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://idp.test") as client:
        yield Browser(client)


async def test_a_citizen_signs_in_with_her_health_id_and_a_code(browser: Browser) -> None:
    code = await browser.signs_in()
    said = (await browser.redeems(code)).json()
    claims = await browser.claims(said["access_token"])
    assert {k: claims[k] for k in ("role", "health_id", "sub", "aud")} == {
        "role": "citizen", "health_id": AMINA, "sub": AMINA, "aud": "shr",
    }  # fmt: skip
    assert claims["exp"] - claims["iat"] == said["expires_in"]
    identity = await browser.claims(said["id_token"])
    assert (identity["aud"], identity["nonce"]) == ("portal", "her-nonce")


async def test_the_state_and_the_issuer_come_back_with_the_code(browser: Browser) -> None:
    await browser.opens()
    done = await browser.client.post(f"{browser.page}/workplace", data={"account": "nazmul"})
    assert query_of(done)["state"] == "her-state"
    assert query_of(done)["iss"] == "http://127.0.0.1:8009"
    claims = await browser.claims((await browser.redeems(query_of(done)["code"])).json()["access_token"])
    assert (claims["role"], claims["facility"], claims["name"]) == ("practitioner", "10000002", "Dr. Nazmul Karim")


async def test_a_code_works_once(browser: Browser) -> None:
    code = await browser.signs_in()
    assert (await browser.redeems(code)).status_code == 200
    again = await browser.redeems(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": VERIFIER[:-1] + "X"},
        {"code_verifier": ""},
        {"client_id": "gateway"},
        {"redirect_uri": "http://127.0.0.1:9999/signin/callback"},
    ],
)
async def test_a_code_is_lost_to_whoever_cannot_prove_to_have_asked_for_it(
    browser: Browser, changed: dict[str, str]
) -> None:
    code = await browser.signs_in()
    assert (await browser.redeems(code, **changed)).json()["error"] == "invalid_grant"
    assert (await browser.redeems(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/signin/callback",
        "http://127.0.0.1:8000/elsewhere",
        "http://127.0.0.1.evil.example/signin/callback",
        "http://user@127.0.0.1:8000/signin/callback",
        "http://127.0.0.1:99999/signin/callback",
        "",
    ],
)
async def test_nobody_is_sent_to_a_foreign_address(browser: Browser, uri: str) -> None:
    answer = await browser.opens(redirect_uri=uri)
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_an_unknown_application_is_refused(browser: Browser) -> None:
    assert (await browser.opens(client_id="stranger")).status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
async def test_a_sign_in_without_proof_of_possession_is_sent_back(
    browser: Browser, changed: dict[str, str | None], error: str
) -> None:
    said = query_of(await browser.opens(**changed))
    assert (said["error"], said["state"]) == (error, "her-state")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("9800017395", "A Health ID has 11 digits. You wrote 10."),
        ("98000173959", "This number is not right. Check it against your card."),
        ("", "Enter your Health ID."),
        ("9800017395a", "A Health ID has digits only."),
    ],
)
async def test_a_wrong_health_id_is_explained_and_kept(browser: Browser, typed: str, said: str) -> None:
    await browser.opens()
    answer = await browser.enters(typed)
    assert answer.status_code == 422
    shown = html.unescape(answer.text)
    assert said in shown
    assert f'value="{typed}"' in shown
    assert 'aria-invalid="true"' in shown


async def test_bangla_digits_and_spaces_are_taken(browser: Browser) -> None:
    await browser.opens()
    assert (await browser.enters("৯৮০ ০০১৭-৩৯৫৮")).status_code == 303


async def test_three_wrong_codes_end_the_sign_in(browser: Browser) -> None:
    await browser.opens()
    await browser.enters(AMINA)
    right = await browser.reads_the_code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    answers = [await browser.client.post(f"{browser.page}/code?lang=en", data={"code": wrong}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 403]
    assert (await browser.client.post(f"{browser.page}/code", data={"code": right})).status_code == 410


async def test_the_pages_speak_bangla_first_and_english_when_asked(browser: Browser) -> None:
    first = await browser.opens(ui_locales=None)
    assert "lang=bn" in first.headers["location"]
    bangla = (await browser.client.get(browser.page)).text
    assert '<html lang="bn">' in bangla
    assert "কোড পাঠান" in bangla
    assert "<script" not in bangla
    english = (await browser.client.get(f"{browser.page}/workplace?lang=en")).text
    assert "Dr. Farhana Islam" in english


async def test_the_pages_wear_the_look_of_the_portal(browser: Browser) -> None:
    await browser.opens()
    sheets = re.findall(r'rel="stylesheet" href="([^"]+)"', (await browser.client.get(browser.page)).text)
    answers = [await browser.client.get(sheet) for sheet in sheets]
    assert [answer.headers["content-type"].split(";")[0] for answer in answers] == ["text/css"] * 2
    assert ".card {" in answers[0].text
    assert (await browser.client.get("/static/other.css")).status_code >= 400


async def test_a_client_asks_for_itself(browser: Browser) -> None:
    form = {"grant_type": "client_credentials", "client_id": "openmrs-10000001", "client_secret": "development"}
    said = (await browser.client.post("/token", data=form)).json()
    claims = await browser.claims(said["access_token"])
    assert (claims["role"], claims["source"], claims["facility"]) == ("source_system", "openmrs", "10000001")


@pytest.mark.parametrize("form", [{"client_secret": "wrong"}, {"client_id": "nobody"}])
async def test_a_client_with_wrong_credentials_is_refused(browser: Browser, form: dict[str, str]) -> None:
    right = {"grant_type": "client_credentials", "client_id": "opensrp", "client_secret": "development"}
    answer = await browser.client.post("/token", data={**right, **form})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_discovery_names_what_is_there(browser: Browser) -> None:
    said = (await browser.client.get("/.well-known/openid-configuration")).json()
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["jwks_uri"] == f"{said['issuer']}/jwks"


def test_old_and_new_keys_are_published_while_they_are_rotated(tmp_path: Path) -> None:
    ensure(tmp_path)
    before = Signer(tmp_path, "http://issuer.test")
    old = before.access_token(Subject("analyst"))
    (tmp_path / "idp.pem").rename(tmp_path / "idp-2025.pem")
    ensure(tmp_path)
    after = Signer(tmp_path, "http://issuer.test")
    keys = KeySet.import_key_set(after.public_keys())
    for token in (old, after.access_token(Subject("analyst"))):
        assert jwt.decode(token, keys, algorithms=["RS256"]).claims["role"] == "analyst"
    assert len({key.kid for key in keys.keys}) == 2


def test_the_callback_may_be_on_any_port_of_this_machine() -> None:
    assert is_callback("http://localhost:31999/signin/callback")
    assert not is_callback("http://127.0.0.1:8000/signin/callback?next=https://evil.example")
