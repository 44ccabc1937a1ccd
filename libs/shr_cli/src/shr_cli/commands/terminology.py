"""``shr terminology load``: code systems, value sets and concept maps from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json, print_table

app = typer.Typer(no_args_is_help=True)
FORMATS = ("fhir",)


@app.callback()
def terminology() -> None:
    """Codes and what they mean."""


@app.command()
def load(
    format: Annotated[
        str, typer.Argument(help="Format of the files: fhir (CodeSystem, ValueSet, ConceptMap, Bundle).")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON files, loaded in this order.")],
    as_json: JsonOption = False,
) -> None:
    """Load artefacts. What is there already with the same content stays as it is."""
    if format not in FORMATS:
        raise Failure(f"there is no format {format}; there is {', '.join(FORMATS)}", code=2)
    from rich.console import Console
    from rich.progress import track

    from shr_cli.operator import operator_token
    from shr_cli.remote import ask

    token = operator_token()
    loaded = []
    console = Console(stderr=True)
    quiet = as_json or not console.is_terminal
    for file in track(files, description="loading", console=console, transient=True, disable=quiet):
        try:
            answer = ask(
                "terminology",
                "/loads",
                method="POST",
                token=token,
                parameters={"format": format},
                content=file.read_bytes(),
            )
        except Failure as refused:
            raise Failure(f"{file.name}: {refused}") from None
        loaded += answer["artefacts"]
    if as_json:
        print_json({"artefacts": loaded})
        return
    rows = [(one["kind"], one["url"], one["version"], one["state"]) for one in loaded]
    print_table(("kind", "url", "version", "state"), rows)
