"""``shr demo``: the demonstration on the running stack."""

from __future__ import annotations

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption

app = typer.Typer()


@app.command()
def demo(as_json: JsonOption = False) -> None:
    """Show one visit all the way, on the stack that runs."""
    from shr_local.paths import Home
    from shr_local.stack import demonstrate, supervised

    home = Home.from_environment()
    running = supervised(home)
    if running is None:
        raise Failure("the stack does not run; `make run` starts it")
    code = demonstrate(running, as_json=as_json)
    if code:
        raise Failure(f"the demonstration ended with code {code} (see above)")
