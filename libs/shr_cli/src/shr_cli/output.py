"""Print for machines and for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def print_json(data: Any) -> None:
    """One JSON document; Bangla stays readable."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; figures stand right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    rows = [["" if cell is None else cell for cell in row] for row in rows]
    for place, head in enumerate(heads):
        figures = bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        table.add_column(head, justify="right" if figures else "left")
    for row in rows:
        table.add_row(*map(str, row))
    Console(emoji=False, markup=False).print(table)  # cells are data: "urn:x:y" is no picture
