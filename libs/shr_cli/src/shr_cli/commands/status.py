"""``shr status``: what runs, where, and whether it is ready."""

from __future__ import annotations

import typer

from shr_cli.output import JsonOption, print_json, print_table

app = typer.Typer()


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show what runs, where, and whether it is ready."""
    from shr_local.paths import Home
    from shr_local.ports import Ports
    from shr_local.stack import status as look

    found = look(Home.from_environment(), Ports.from_environment())
    if as_json:
        print_json(found)
        return
    if found["phase"] == "stopped" and not any(one["pid"] for one in found["services"]):
        typer.echo("The stack does not run. `make run` starts it.")
        return
    stores = [{"name": name, **found[name]} for name in ("kafka", "mongo")]
    rows = [
        (one["name"], one["pid"], one["port"], "ready" if one["ready"] else "not ready" if one["pid"] else "down")
        for one in (*found["services"], *stores)
    ]
    print_table(("name", "pid", "port", "state"), rows)
    typer.echo(f"The stack is {found['phase']}.")
