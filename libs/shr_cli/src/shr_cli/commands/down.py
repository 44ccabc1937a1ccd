"""``shr down``: end the stack in order."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def down() -> None:
    """Stop the services, then the broker, then the database. Nothing acknowledged is lost."""
    from shr_local.paths import Home
    from shr_local.stack import stop

    typer.echo("stack: stopped" if stop(Home.from_environment(), say=typer.echo) else "stack: nothing runs")
