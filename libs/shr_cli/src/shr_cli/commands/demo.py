"""``shr demo``: the demonstration on the running stack."""

from __future__ import annotations

import typer

from shr_cli.failure import Failure

app = typer.Typer()


@app.command()
def demo() -> None:
    """Show one visit all the way, step by step, on the stack that runs."""
    from shr_local.paths import Home
    from shr_local.stack import demonstrate, supervised

    home = Home.from_environment()
    running = supervised(home)
    if running is None:
        raise Failure("the stack does not run; `make run` starts it")
    code = demonstrate(running)
    if code:
        raise Failure(f"the demonstration ended with code {code} (see above)")
