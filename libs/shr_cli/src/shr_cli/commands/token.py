"""``shr token``: a development token of the local identity provider's key."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from shr_local.paths import Home

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

app = typer.Typer()


@app.command()
def token(
    role: Annotated[str, typer.Option(help="source_system, registrar, reviewer, practitioner, facility, citizen, …")],
    health_id: Annotated[str | None, typer.Option(help="Health ID of a citizen.")] = None,
    practitioner: Annotated[str | None, typer.Option(help="Registration number of a practitioner.")] = None,
    facility: Annotated[str | None, typer.Option(help="Facility code.")] = None,
    source: Annotated[str | None, typer.Option(help="System of a source, such as openmrs.")] = None,
    guardian_of: Annotated[list[str] | None, typer.Option(help="Health ID of a ward; may be given again.")] = None,
    scope: Annotated[str | None, typer.Option(help="Scope; by default that of the role.")] = None,
    ttl: Annotated[int, typer.Option(help="Seconds until it expires; below zero: it has expired already.")] = 3600,
    audience: Annotated[str, typer.Option(help="Audience.")] = "shr",
    as_json: JsonOption = False,
) -> None:
    """Print a compact JWT, for development.

    The token and a newline, nothing else; with --json as an OAuth2 token endpoint answers.
    """
    from shr_local.identity_provider.tokens import Signer, Subject, UnknownKeyError
    from shr_local.keys import ensure

    wards = tuple(ward for text in guardian_of or () for ward in text.split(",") if ward)
    subject = Subject(
        role,
        health_id=health_id,
        practitioner=practitioner,
        facility=facility,
        source=source,
        guardian_of=wards,
    )
    fault = subject.fault()
    if fault:
        raise Failure(fault)
    home = Home.from_environment()
    ensure(home.keys)
    try:
        made = Signer(home.keys, _issuer(home)).access_token(subject, scope=scope, ttl_s=ttl, audience=audience)
    except UnknownKeyError as error:
        raise Failure(str(error)) from None
    if as_json:
        print_json({"access_token": made, "token_type": "Bearer", "expires_in": ttl})
    else:
        sys.stdout.write(f"{made}\n")


def _issuer(home: Home) -> str:
    """As the environment says, else that of the running stack, else the default."""
    from shr_local.identity_provider.tokens import issuer
    from shr_local.state import read

    found = None if os.environ.get("SHR_ISSUER") else read(home.state_file)
    return found.issuer if found else issuer()
