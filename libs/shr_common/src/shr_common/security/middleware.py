"""Authentication before anything else: FastAPI would answer 422 to bad JSON before it asks who calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from shr_common.errors import Category, ShrError, unauthenticated
from shr_common.outcomes import render
from shr_common.security.caller import Caller
from shr_common.security.tokens import Authenticator

_PUBLIC_EXACT = frozenset(
    {
        "/", "/metrics", "/docs", "/openapi.json", "/asyncapi", "/fhir/metadata", "/counters", "/signin",
        "/cards/verify", "/dev/inbox", "/jwks",
    }
)  # fmt: skip
_PUBLIC_UNDER = ("/health/", "/.well-known/", "/static/", "/signin/", "/docs/", "/dev/inbox/", "/jwks/")
_ALWAYS_ANSWERS = ("/health/", "/metrics")


class Sessions(Protocol):
    """Browser sessions of the portal: a cookie instead of a bearer token."""

    async def caller(self, request: Request) -> Caller | None:
        """Who is signed in, if anyone."""


def is_public(path: str) -> bool:
    """Whether a path answers without a token (docs/guides list them)."""
    return path in _PUBLIC_EXACT or path.startswith(_PUBLIC_UNDER)


class AuthenticationMiddleware:
    """Puts ``scope["caller"]`` on every request with a valid token; refuses all others but those to public paths.

    ``pages`` are path prefixes that redirect a browser to sign-in instead of answering 401.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        sessions: Sessions | None = None,
        pages: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._sessions = sessions
        self._pages = tuple(page.rstrip("/") for page in pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate, then pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith("/fhir/") and path.endswith("/"):  # /fhir/ answers as /fhir
            scope["path"] = path = path.rstrip("/")
        try:
            caller = None if path.startswith(_ALWAYS_ANSWERS) else await self._caller(scope)
        except ShrError as error:
            if not is_public(path) or error.category is not Category.UNAUTHENTICATED:
                await render(error, path)(scope, receive, send)
                return
            caller = None
        if caller is None and not is_public(path):
            await self._refuse(scope, receive, send)
            return
        scope["caller"] = caller
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller | None:
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, token = value.decode("latin-1").partition(" ")
                if scheme.lower() != "bearer" or not token.strip():
                    raise unauthenticated("Send a bearer token.")
                return await self._authenticator.caller(token.strip())
        if self._sessions is not None:
            return await self._sessions.caller(Request(scope))
        return None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if scope["method"] == "GET" and any(path == page or path.startswith(f"{page}/") for page in self._pages):
            response: Callable[[Scope, Receive, Send], Awaitable[Any]] = RedirectResponse(
                f"/signin?next={quote(path, safe='/')}", status_code=303
            )
        else:
            response = render(unauthenticated("Send a bearer token of this system's issuer."), path)
        await response(scope, receive, send)
