"""Who the operator at the terminal is: the token in ``SHR_TOKEN``, else a development token of the local key store."""

from __future__ import annotations

import os

from shr_cli.failure import Failure


def operator_token(
    role: str = "administrator", *, source: str | None = None, facility: str | None = None, ttl_s: int = 3600
) -> str:
    """A token of a role (and of a source, made locally only).

    Raises Failure where there is neither ``SHR_TOKEN`` nor a local identity provider's key."""
    given = os.environ.get("SHR_TOKEN")
    if given:
        return given.strip()
    from shr_local.identity_provider.tokens import Signer, Subject, UnknownKeyError, issuer
    from shr_local.paths import Home
    from shr_local.state import read

    home = Home.from_environment()
    running = None if os.environ.get("SHR_ISSUER") else read(home.state_file)
    try:
        return Signer(home.keys, running.issuer if running else issuer()).access_token(
            Subject(role, source=source, facility=facility), ttl_s=ttl_s
        )
    except UnknownKeyError:
        raise Failure(
            "no token: set SHR_TOKEN, or start the local stack with `shr up`, whose key store makes one"
        ) from None
