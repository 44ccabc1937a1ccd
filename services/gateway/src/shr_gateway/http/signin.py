"""Sign-in through the identity provider: authorization code with PKCE (S256), state and nonce checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from fastapi import APIRouter, Request, Response
from shr_common.errors import Category, Issue, ShrError, unavailable
from shr_common.security import Anyone, Authenticator, Caller
from starlette.responses import RedirectResponse

from shr_gateway.http.sessions import clear_cookie, form_of, session_of, set_cookie
from shr_gateway.storage.sessions import SessionStore, SignIn

CALLBACK = "/signin/callback"
STATE_COOKIE = "shr_signin"
HOME = {
    "citizen": "/",
    "practitioner": "/clinic",
    "administrator": "/admin",
    "registrar": "/registry",
    "reviewer": "/registry/reviews",
}
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]{0,500}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Provider:
    """The identity provider, and who we are there."""

    authorize_url: str
    token_url: str
    client_id: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was exchanged for, both verified."""

    access_token: str
    caller: Caller
    expires_in_s: float


class SigningIn:
    """Begins and ends sign-ins. ``tokens`` verifies access tokens, ``id_tokens`` those for this client."""

    def __init__(
        self,
        store: SessionStore,
        provider: Provider,
        *,
        tokens: Authenticator,
        id_tokens: Authenticator,
        session_s: int,
    ) -> None:
        self._store = store
        self._provider = provider
        self._tokens = tokens
        self._id_tokens = id_tokens
        self._session_s = session_s

    async def begin(self, *, next: str, redirect_uri: str) -> tuple[str, str]:
        """(where to send the browser, the state to give it)."""
        verifier, nonce = secrets.token_urlsafe(64), secrets.token_urlsafe(24)
        state = await self._store.begin(SignIn(nonce, verifier, next, redirect_uri))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._provider.authorize_url}?{urlencode(asked)}", state

    async def finish(self, *, code: str, state: str) -> tuple[Any, Caller, str, int]:
        """(session, caller, where to go, seconds). Raises invalid (400): start again; unavailable."""
        sign_in = await self._store.take(state)
        if sign_in is None:
            raise start_again()
        tokens = await self._exchange(code, sign_in)
        seconds = int(min(self._session_s, tokens.expires_in_s))
        session = await self._store.open(tokens.access_token, seconds=seconds)
        return session, tokens.caller, sign_in.next, seconds

    async def _exchange(self, code: str, sign_in: SignIn) -> Tokens:
        said = await self._redeem(code, sign_in)
        access_token, id_token = said.get("access_token"), said.get("id_token")
        if not isinstance(access_token, str) or not isinstance(id_token, str):
            raise start_again()
        try:
            caller = await self._tokens.caller(access_token)
            await self._id_tokens.caller(id_token)
        except ShrError as error:
            if error.temporary:
                raise
            raise start_again() from error
        # the signature has just been verified: the payload can be read as it is
        if not hmac.compare_digest(str(_claims(id_token).get("nonce", "")).encode(), sign_in.nonce.encode()):
            raise start_again()
        return Tokens(access_token, caller, float(said.get("expires_in") or self._session_s))

    async def _redeem(self, code: str, sign_in: SignIn) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": sign_in.redirect_uri,
            "client_id": self._provider.client_id,
            "code_verifier": sign_in.verifier,
        }
        try:
            async with httpx.AsyncClient(timeout=self._provider.timeout_s, trust_env=False) as client:
                answer = await client.post(self._provider.token_url, data=form)
        except httpx.HTTPError as error:
            raise unavailable("The identity provider does not answer at the moment.") from error
        if answer.status_code >= 500:
            raise unavailable("The identity provider does not answer at the moment.")
        try:
            said = answer.json()
        except ValueError:
            raise start_again() from None
        if answer.status_code != 200 or not isinstance(said, dict):
            raise start_again()
        return said

    async def end(self, request: Request) -> None:
        """Close the session of a browser."""
        session = session_of(request)
        if session is not None:
            await self._store.close(session.id)


def router(
    signing_in: SigningIn, *, portal_url: str | None, secure: bool, home: Callable[[Caller], str] | None = None
) -> APIRouter:
    """``/signin``, its callback, and ``/signout``."""
    routes = APIRouter(tags=["sign-in"])
    home = home or (lambda caller: HOME.get(caller.role, "/"))

    @routes.get("/signin")
    async def signin(request: Request) -> Response:
        """Send the browser to the identity provider; ``next``: where it wants to go afterwards, own paths only."""
        base = portal_url or f"{request.url.scheme}://{request.url.netloc}"
        wanted = own_path(request.query_params.get("next", ""))
        address, state = await signing_in.begin(next=wanted, redirect_uri=f"{base}{CALLBACK}")
        response = RedirectResponse(address, status_code=303)
        # the browser that comes back must be the one that left
        response.set_cookie(
            STATE_COOKIE, state, max_age=600, httponly=True, samesite="lax", secure=secure, path=CALLBACK
        )
        return response

    @routes.get(CALLBACK)
    async def callback(request: Request) -> Response:
        """The identity provider sends the browser back."""
        code, state = (request.query_params.get(name, "") for name in ("code", "state"))
        mine = request.cookies.get(STATE_COOKIE, "")
        if not code or not state or not hmac.compare_digest(state.encode(), mine.encode()):
            raise start_again()
        session, caller, wanted, seconds = await signing_in.finish(code=code, state=state)
        response = RedirectResponse(wanted or home(caller), status_code=303)
        response.delete_cookie(STATE_COOKIE, path=CALLBACK)
        set_cookie(response, session, secure=secure, seconds=seconds)
        return response

    @routes.post("/signout")
    async def signout(request: Request, caller: Anyone) -> Response:
        """End the session of this browser."""
        await form_of(request)
        await signing_in.end(request)
        response = RedirectResponse("/", status_code=303)
        clear_cookie(response)
        return response

    return routes


def own_path(said: str) -> str:
    """A path of ours, or nothing: no other site, no scheme, no back into the sign-in."""
    if not _OWN_PATH.fullmatch(said):
        return ""
    parts = urlsplit(said)
    return "" if parts.scheme or parts.netloc or parts.path.startswith("/signin") else said


def start_again() -> ShrError:
    """The answer to a sign-in that cannot be finished."""
    issue = Issue(
        "This sign-in cannot be finished. Start again at /signin.",
        code="login",
        text_bn="সাইন-ইন শেষ করা গেল না। আবার শুরু করুন।",
    )
    return ShrError(Category.INVALID, issue, detail="bad-request")


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    loaded: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return loaded if isinstance(loaded, dict) else {}
