"""Who may call stands in the signature of the route: ``caller: Annotated[Caller, allow("citizen", "analyst")]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from shr_common.errors import forbidden, unauthenticated
from shr_common.security.caller import ROLES, Caller


class _Allowed:
    """A dependency that lets some roles pass and hands the caller over."""

    def __init__(self, roles: frozenset[str]) -> None:
        self.roles = roles

    async def __call__(self, request: Request) -> Caller:  # async: FastAPI runs plain functions in a thread
        caller: Caller | None = request.scope.get("caller")
        if caller is None:
            raise unauthenticated("Send a bearer token of this system's issuer.")
        if caller.role not in self.roles:
            raise forbidden(f"The role {caller.role} may not do this.")
        return caller


def allow(*roles: str) -> Any:
    """The dependency for these roles; a name that is no role is a mistake of the author."""
    unknown = set(roles) - ROLES
    if unknown:
        raise ValueError(f"no such role: {sorted(unknown)}")
    return Depends(_Allowed(frozenset(roles)))


Anyone = Annotated[Caller, Depends(_Allowed(ROLES))]
"""Any valid token."""

Administrator = Annotated[Caller, allow("administrator")]


def allowed_roles(route: APIRoute) -> frozenset[str] | None:
    """The roles that a route's signature lets in; None when it declares no caller (public routes only)."""

    def calls(dependant: Any) -> Iterator[Callable[..., Any]]:
        if dependant.call is not None:
            yield dependant.call
        for inner in dependant.dependencies:
            yield from calls(inner)

    return next((call.roles for call in calls(route.dependant) if isinstance(call, _Allowed)), None)
