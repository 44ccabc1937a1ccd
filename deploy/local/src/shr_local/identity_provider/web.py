"""The pages of a sign-in: plain HTML, no scripts, Bangla and English, made for a small phone."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shr_local.identity_provider.accounts import directory
from shr_local.identity_provider.signin import (
    SECRET_TRIES,
    Expiring,
    Grant,
    SignIn,
    health_id_fault,
    health_id_of,
    is_callback,
    is_challenge,
    send_secret,
    try_secret,
)
from shr_local.identity_provider.strings import STRINGS, language_of, say
from shr_local.identity_provider.tokens import Subject

PAGES = Path(__file__).with_name("pages")
PORTAL = Path(str(files("shr_gateway.pages"))) / "static"
"""Signing in looks like the portal: its style sheet is served here too, since a page may load none from elsewhere."""
FORM_LIMIT_BYTES = 4096
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # browsers check form-action against the redirect after a form, too: the portal's callback is on this machine
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none';"
    " frame-ancestors 'none'; form-action 'self' http://127.0.0.1:* http://localhost:*",
}


class Pages:
    """Draws the pages and moves a sign-in on, one step per form."""

    def __init__(self, *, sign_ins: Expiring[SignIn], grants: Expiring[Grant], issuer: str) -> None:
        self._sign_ins = sign_ins
        self._grants = grants
        self._issuer = issuer

    async def authorize(self, request: Request) -> Response:
        """Begin: refuse here what cannot be sent back safely, at the portal what can."""
        asked = request.query_params
        lang = language_of(asked.get("lang"), asked.get("ui_locales"))
        client, redirect_uri = asked.get("client_id", ""), asked.get("redirect_uri", "")
        if client not in directory().portals or not is_callback(redirect_uri):
            return self._refused(lang, "bad_client", status=400)
        wrong = _fault_of(asked)
        if wrong:
            said = {"error": wrong[0], "error_description": wrong[1], "state": asked.get("state"), "iss": self._issuer}
            return _back(redirect_uri, said)
        name = self._sign_ins.put(
            SignIn(
                client=client,
                redirect_uri=redirect_uri,
                challenge=asked["code_challenge"],
                scope=asked.get("scope", ""),
                state=asked.get("state"),
                nonce=asked.get("nonce"),
            )
        )
        return RedirectResponse(f"/signin/{name}?lang={lang}", status_code=303, headers=HEADERS)

    async def show(self, name: str, lang: str = "bn") -> Response:
        """Where the sign-in stands: the Health ID, or the code that was sent."""
        lang, sign_in = language_of(lang), self._sign_ins.get(name)
        if sign_in is None:
            return self._refused(lang, "expired", status=410)
        if sign_in.secret is not None:
            return self._code_page(name, sign_in, lang)
        return self._page("start.html", name, lang)

    async def citizen(self, name: str, request: Request, lang: str = "bn") -> Response:
        """A citizen gives her Health ID and is sent a code."""
        lang, sign_in = language_of(lang), self._sign_ins.get(name)
        if sign_in is None:
            return self._refused(lang, "expired", status=410)
        typed = (await _form(request)).get("health_id", "")
        health_id = health_id_of(typed)
        wrong = health_id_fault(health_id, lang)
        if wrong:
            return self._page("start.html", name, lang, status=422, error=wrong, typed=typed)
        send_secret(sign_in, health_id)
        return RedirectResponse(f"/signin/{name}?lang={lang}", status_code=303, headers=HEADERS)

    async def code(self, name: str, request: Request, lang: str = "bn") -> Response:
        """She enters the code; after three wrong ones the sign-in is over."""
        lang, sign_in = language_of(lang), self._sign_ins.get(name)
        if sign_in is None or sign_in.health_id is None:
            return self._refused(lang, "expired", status=410)
        if try_secret(sign_in, (await _form(request)).get("code", "")):
            return self._done(name, sign_in, Subject("citizen", health_id=sign_in.health_id))
        if sign_in.tries >= SECRET_TRIES:
            self._sign_ins.take(name)
            return self._refused(lang, "too_many", status=403, again=sign_in.again())
        return self._code_page(name, sign_in, lang, status=422, error=say(lang, "code_wrong"))

    async def workplace(self, name: str, lang: str = "bn") -> Response:
        """The accounts of health workers and administrators."""
        lang = language_of(lang)
        if self._sign_ins.get(name) is None:
            return self._refused(lang, "expired", status=410)
        return self._workplace_page(name, lang)

    async def choose(self, name: str, request: Request, lang: str = "bn") -> Response:
        """One of the accounts, or any practitioner at any facility."""
        lang, sign_in, form = language_of(lang), self._sign_ins.get(name), await _form(request)
        if sign_in is None:
            return self._refused(lang, "expired", status=410)
        account = directory().accounts.get(form.get("account", ""))
        if account is not None:
            return self._done(name, sign_in, account.subject)
        practitioner, facility = form.get("practitioner", "").strip(), form.get("facility", "").strip()
        if practitioner and facility:
            return self._done(name, sign_in, Subject("practitioner", practitioner=practitioner, facility=facility))
        wrong = "both" if practitioner or facility else "choose"
        return self._workplace_page(name, lang, status=422, error=say(lang, wrong))

    def _done(self, name: str, sign_in: SignIn, subject: Subject) -> Response:
        self._sign_ins.take(name)
        code = self._grants.put(Grant(subject, sign_in))
        return _back(sign_in.redirect_uri, {"code": code, "state": sign_in.state, "iss": self._issuer})

    def _code_page(self, name: str, sign_in: SignIn, lang: str, *, status: int = 200, **more: Any) -> Response:
        said = {"secret": sign_in.secret, "again": f"{sign_in.again()}&lang={lang}", **more}
        return self._page("code.html", name, lang, status=status, **said)

    def _workplace_page(self, name: str, lang: str, *, status: int = 200, error: str | None = None) -> Response:
        accounts = list(directory().accounts.values())
        return self._page(
            "workplace.html", name, lang, status=status, step="/workplace", error=error, accounts=accounts
        )

    def _page(self, template: str, name: str, lang: str, *, status: int = 200, step: str = "", **said: Any) -> Response:
        here = f"/signin/{name}"
        other = f"{here}{step}?lang={STRINGS[lang]['other_lang']}"
        known = {"here": here, "other_lang_url": other, "error": None, "typed": None, **said}
        return _draw(template, lang, status, known)

    def _refused(self, lang: str, reason: str, *, status: int, again: str | None = None) -> Response:
        return _draw(
            "refused.html", lang, status, {"reason": say(lang, reason), "again": again, "other_lang_url": None}
        )


def pages_router(*, sign_ins: Expiring[SignIn], grants: Expiring[Grant], issuer: str) -> APIRouter:
    """The routes of the pages."""
    pages = Pages(sign_ins=sign_ins, grants=grants, issuer=issuer)
    router = APIRouter(tags=["sign-in"], default_response_class=HTMLResponse)
    router.get("/authorize")(pages.authorize)
    router.get("/signin/{name}")(pages.show)
    router.post("/signin/{name}/citizen")(pages.citizen)
    router.post("/signin/{name}/code")(pages.code)
    router.get("/signin/{name}/workplace")(pages.workplace)
    router.post("/signin/{name}/workplace")(pages.choose)

    @router.get("/static/{name}.css", include_in_schema=False)
    async def style(name: Literal["portal", "signin"]) -> FileResponse:
        folder = PAGES if name == "signin" else PORTAL
        return FileResponse(folder / f"{name}.css", media_type="text/css", headers={"Cache-Control": "max-age=300"})

    return router


def _fault_of(asked: Any) -> tuple[str, str] | None:
    """What is wrong with an authorization request whose return address is right (RFC 6749 §4.1.2.1, RFC 7636)."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type", "Use response_type=code."
    if asked.get("code_challenge_method") != "S256":
        return "invalid_request", "PKCE with code_challenge_method=S256 is required."
    if not is_challenge(asked.get("code_challenge", "")):
        return "invalid_request", "code_challenge is not a base64url SHA-256."
    return None


def _back(redirect_uri: str, said: dict[str, str | None]) -> Response:
    query = urlencode({name: value for name, value in said.items() if value is not None})
    return RedirectResponse(f"{redirect_uri}?{query}", status_code=303, headers=HEADERS)


def _draw(template: str, lang: str, status: int, said: dict[str, Any]) -> Response:
    html = _templates().get_template(template).render(lang=lang, t=STRINGS[lang], **said)
    return HTMLResponse(html, status_code=status, headers=HEADERS)


@cache
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, auto_reload=False)


async def _form(request: Request) -> dict[str, str]:
    """The first value of each field of a short form; empty if it is none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT_BYTES:
            return {}
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=20).items()}
    except ValueError:
        return {}
