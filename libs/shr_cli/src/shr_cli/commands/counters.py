"""``shr counters``: Health IDs issued, and through which systems."""

from __future__ import annotations

from typing import Annotated

import typer

from shr_cli.output import JsonOption, print_json, print_table

app = typer.Typer()


@app.command()
def counters(
    by: Annotated[str | None, typer.Option(help="day or district, instead of the source system.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the Health IDs issued, by first source. The total is the sum, always."""
    from shr_cli.remote import ask

    found = ask("healthid", "/counters", parameters={"by": by} if by else None)
    if as_json:
        print_json(found)
        return
    groups = next((value for key, value in found.items() if key.startswith("by") and isinstance(value, dict)), {})
    print_table((by or "source", "Health IDs"), [*groups.items(), ("total", found["total"])])
