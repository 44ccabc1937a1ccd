"""Who may call stands in the signature of the route: ``caller: Annotated[Caller, allow("citizen", "analyst")]``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from shr_common.errors import forbidden, unauthenticated
from shr_common.security.caller import ROLES, Caller


class _Allowed:
    """A dependency that lets some roles pass and hands the caller over."""

    def __init__(self, roles: frozenset[str], that: Callable[[Caller], None] | None = None) -> None:
        self.roles = roles
        self._that = that

    async def __call__(self, request: Request) -> Caller:  # async: FastAPI runs plain functions in a thread
        return self.caller_of(request.scope)

    def caller_of(self, scope: Scope) -> Caller:
        """Raises unauthenticated, forbidden."""
        caller: Caller | None = scope.get("caller")
        if caller is None:
            raise unauthenticated("Send a bearer token of this system's issuer.")
        if caller.role not in self.roles:
            raise forbidden(f"The role {caller.role} may not do this.")
        if self._that is not None:
            self._that(caller)
        return caller


def allow(*roles: str, that: Callable[[Caller], None] | None = None) -> Any:
    """The dependency for these roles; a name that is no role is a mistake of the author.

    ``that`` looks closer at a caller of these roles; it raises forbidden.
    """
    unknown = set(roles) - ROLES
    if unknown:
        raise ValueError(f"no such role: {sorted(unknown)}")
    return Depends(_Allowed(frozenset(roles), that))


Anyone = Annotated[Caller, Depends(_Allowed(ROLES))]
"""Any valid token."""

Administrator = Annotated[Caller, allow("administrator")]


def allowed_roles(route: APIRoute) -> frozenset[str] | None:
    """The roles that a route's signature lets in; None when it declares no caller (public routes only)."""
    allowed = _allowed(route)
    return None if allowed is None else allowed.roles


def _allowed(route: APIRoute) -> _Allowed | None:
    def calls(dependant: Any) -> Iterator[Callable[..., Any]]:
        if dependant.call is not None:
            yield dependant.call
        for inner in dependant.dependencies:
            yield from calls(inner)

    return next((call for call in calls(route.dependant) if isinstance(call, _Allowed)), None)


class DirectRoute(APIRoute):
    """A route whose handler takes the request, the texts of its path and its caller, and answers with a Response.

    Declared and documented like every other (``APIRouter(route_class=DirectRoute)``), but called without FastAPI's
    dependency solver, which costs such a handler more than a tenth of a millisecond. A signature that asks for
    anything else is a mistake of the author.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        allowed = _allowed(self)
        asked = set(inspect.signature(endpoint).parameters)
        given = {"request", "caller"} if allowed else {"request"}
        if asked != given | set(self.param_convertors):
            raise TypeError(f"{endpoint.__name__} takes {sorted(asked)}, which a DirectRoute cannot give")

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            found = {"request": request, **scope["path_params"]}
            if allowed is not None:
                found["caller"] = allowed.caller_of(scope)
            response = await endpoint(**found)
            await response(scope, receive, send)

        self.app = serve
