"""Browser sessions: a cookie instead of a bearer token, and no form without the session's own CSRF token."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from shr_common.errors import ShrError, forbidden
from shr_common.security import Authenticator, Caller

from shr_gateway.storage.sessions import Session, SessionStore

COOKIE = "shr_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORM = "application/x-www-form-urlencoded"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
FIELDS_LIMIT = 200


class BrowserSessions:
    """The hook of the authentication middleware. Puts ``scope["session"]`` on the request of a signed-in browser."""

    def __init__(self, store: SessionStore, authenticator: Authenticator, *, pages: tuple[str, ...]) -> None:
        self._store = store
        self._authenticator = authenticator
        self._pages = pages

    async def caller(self, request: Request) -> Caller | None:
        """Who is signed in, if anyone. Raises forbidden for a write that another site could have made."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        session = await self._store.find(cookie)
        if session is None:
            return None
        try:
            caller = await self._authenticator.caller(session.token)
        except ShrError as error:
            if error.temporary:
                raise
            return None
        if request.method not in SAFE:
            self._check_origin(request, session)
        request.scope["session"] = session
        return caller

    def _check_origin(self, request: Request, session: Session) -> None:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise forbidden("This form came from another site.")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.url.netloc:
            raise forbidden("This form came from another site.")
        said = request.headers.get(CSRF_HEADER)
        if said is not None and hmac.compare_digest(said.encode(), session.csrf.encode()):
            return
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        # a form of a page carries its token in a field, which form_of checks
        if said is not None or kind != FORM or not request.url.path.startswith(self._pages):
            raise forbidden("Send the CSRF token of your session.")


def session_of(request: Request) -> Session | None:
    """The session of a signed-in browser, for its CSRF token."""
    session: Session | None = request.scope.get("session")
    return session


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a page's form, each once. Raises forbidden without the session's CSRF token."""
    try:
        fields = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT))
    except ValueError:
        raise forbidden("The form cannot be read.") from None
    session = session_of(request)
    if session is not None and not hmac.compare_digest(fields.get(CSRF_FIELD, "").encode(), session.csrf.encode()):
        raise forbidden("This form is older than your session, or came from another site. Load the page again.")
    return fields


def set_cookie(response: Response, session: Session, *, secure: bool, seconds: int) -> None:
    """Give the browser its session."""
    response.set_cookie(COOKIE, session.id, max_age=seconds, httponly=True, samesite="lax", secure=secure, path="/")


def clear_cookie(response: Response) -> None:
    """Take it away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
