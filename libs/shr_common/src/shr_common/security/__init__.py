"""Who calls, and who may: tokens verified in a middleware, callers declared in the signature of every route."""

from shr_common.security.caller import ROLES, Caller
from shr_common.security.middleware import AuthenticationMiddleware, is_public
from shr_common.security.routes import (
    Administrator,
    Anyone,
    DirectRoute,
    allow,
    allowed_roles,
)
from shr_common.security.tokens import Authenticator

__all__ = [
    "ROLES",
    "Administrator",
    "Anyone",
    "AuthenticationMiddleware",
    "Authenticator",
    "Caller",
    "DirectRoute",
    "allow",
    "allowed_roles",
    "is_public",
]
