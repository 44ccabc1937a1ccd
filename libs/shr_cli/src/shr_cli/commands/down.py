"""``shr down``: end the stack in order."""

from __future__ import annotations

import typer

from shr_cli.output import JsonOption, print_json

app = typer.Typer()


@app.command()
def down(as_json: JsonOption = False) -> None:
    """Stop everything in order.

    The services first, then the broker, then the database; nothing acknowledged is lost.
    """
    from shr_local.paths import Home
    from shr_local.stack import stop

    stopped = stop(Home.from_environment(), say=lambda line: typer.echo(f"stack: {line}", err=as_json))
    if as_json:
        print_json({"stopped": stopped})
    else:
        typer.echo("stack: stopped" if stopped else "stack: nothing runs")
