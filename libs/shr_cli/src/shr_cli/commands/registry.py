"""``shr registry import``: facilities, practitioners, roles and services from a CSV file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

app = typer.Typer(no_args_is_help=True)
LINES_AT_ONCE = 200
STATES = ("created", "updated", "unchanged", "rejected")


@app.callback()
def registry() -> None:
    """Facilities and staff."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a header; UTF-8. The registry's README lists the columns.")],
    as_json: JsonOption = False,
) -> None:
    """Import a file. The same lines again change nothing; each line that is refused is shown with its place."""
    from rich.console import Console
    from rich.progress import Progress

    from shr_cli.operator import operator_token
    from shr_cli.remote import ask

    raw = file.read_bytes()
    header, parts = divided(raw)
    token = operator_token()
    results: list[dict[str, Any]] = []
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as progress:
        task = progress.add_task(file.name, total=len(raw))
        for first_line, part in parts:
            answer = ask(
                "registry",
                "/imports",
                method="POST",
                token=token,
                parameters={"first_line": str(first_line)},
                content=(header + part).encode(),
                content_type="text/csv; charset=utf-8",
            )
            results += answer["lines"]
            progress.advance(task, len(part.encode()))
    _show(results, as_json=as_json)


def divided(raw: bytes) -> tuple[str, Iterator[tuple[int, str]]]:
    """The header, and parts of the file with the number of their first line; no record is cut."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(f"line {raw[: error.start].count(10) + 1} of the file is not UTF-8") from None
    lines = list(io.StringIO(text, newline=""))
    if not lines:
        raise Failure("the file is empty")
    reader = csv.reader(iter(lines))
    next(reader)
    end_of_header = reader.line_num
    header = "".join(lines[:end_of_header])
    return header if header.endswith(("\n", "\r")) else f"{header}\n", _parts(lines, reader, end_of_header)


def _parts(lines: list[str], reader: Any, start: int) -> Iterator[tuple[int, str]]:
    records, end = 0, start
    for _ in reader:
        records, end = records + 1, reader.line_num
        if records == LINES_AT_ONCE:
            yield start + 1, "".join(lines[start:end])
            records, start = 0, end
    if start < len(lines):
        yield start + 1, "".join(lines[start:])


def _show(results: list[dict[str, Any]], *, as_json: bool) -> None:
    counts = Counter(one["state"] for one in results)
    if as_json:
        print_json({"lines": results, **{state: counts[state] for state in STATES}})
    else:
        for one in results:
            for issue in one["issues"]:
                typer.echo(issue["text"])
        typer.echo(f"registry: {len(results)} lines, " + ", ".join(f"{counts[state]} {state}" for state in STATES))
    if counts["rejected"]:
        raise typer.Exit(1)
