"""``shr import``: load persons and records from files, in batches; a run that was cut off goes on where it was."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from shr_cli.importing.sending import Address

SOME_REFUSED = 3
TOKEN_TTL_S = 12 * 3600
COLUMNS_OF_COUNTS = ("created", "existing", "provisional", "recorded", "parked", "refused")

app = typer.Typer()


@app.command(name="import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="NDJSON of Patients or Bundles, also .gz; or one Bundle, .json.")],
    source: Annotated[str, typer.Option(help="Whose data it is (for a local token; else SHR_TOKEN says).")] = "import",
    facility: Annotated[str | None, typer.Option(help="Facility of the source (for a local token).")] = None,
    batch: Annotated[int, typer.Option(min=1, max=2000, help="Patients in one request.")] = 500,
    at_once: Annotated[int, typer.Option(min=1, max=32, help="Requests under way at a time.")] = 4,
    state: Annotated[Path | None, typer.Option(help="State file; default FILE.import-state beside the input.")] = None,
    refused: Annotated[Path | None, typer.Option(help="File of refused lines; default FILE.refused.ndjson.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for a service that is busy or away.")] = 300.0,
    restart: Annotated[bool, typer.Option("--restart", help="Begin again, whatever was acknowledged.")] = False,
    json: JsonOption = False,
) -> None:
    """Load persons (lines are Patients) and records (lines are Bundles); goes on where a killed run was.

    Exit code 0: all taken; 3: some lines were refused (see the file of refused lines); 1: cut off, run it again.
    """
    if len(files) > 1 and (state or refused):
        raise Failure("--state and --refused are for one file", code=2)
    previous = signal.signal(signal.SIGTERM, _end_in_order)
    try:
        done = [
            _one(file, _address(source, facility), batch=batch, at_once=at_once, patience=patience, restart=restart,
                 state=state or file.with_name(file.name + ".import-state"),
                 refused=refused or file.with_name(file.name + ".refused.ndjson"), quiet=json)
            for file in files
        ]  # fmt: skip
    finally:
        signal.signal(signal.SIGTERM, previous)
    if json:
        print_json({"files": done})
    if any(one["counts"].get("refused") for one in done):
        raise typer.Exit(SOME_REFUSED)


def _end_in_order(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _one(
    file: Path, address: Address, *, batch: int, at_once: int, patience: float, restart: bool, state: Path,
    refused: Path, quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    """Import one file; what came of it."""
    import asyncio

    from shr_cli.importing.progress import Progress
    from shr_cli.importing.reading import Batch, Source
    from shr_cli.importing.run import import_file

    source = Source(file)
    progress = Progress.of(source, state, refused, afresh=restart)
    before, began = progress.line, time.monotonic()
    if not progress.finished:
        with _bar(quiet) as bar:
            shown = bar.add_task(file.name, total=source.bytes, said="")
            if before:
                bar.console.print(f"{file.name}: goes on behind line {before:,}")

            def told(done: Batch, _counts: Counter[str]) -> None:
                rate = (progress.line - before) / max(0.001, time.monotonic() - began)
                bar.update(shown, completed=done.read, said=f"{progress.line:,} lines, {rate:,.0f}/s")

            try:
                asyncio.run(
                    import_file(
                        source, progress, address, lines=batch, at_once=at_once, patience_s=patience, told=told,
                        waiting=lambda why: bar.update(shown, said=why),
                    )
                )  # fmt: skip
            except KeyboardInterrupt:
                print(f"shr: stopped behind line {progress.line}; run the same command to go on", file=sys.stderr)
                raise
    seconds = time.monotonic() - began
    said = {
        "file": str(file), "lines": progress.line, "sent": progress.line - before, "counts": dict(progress.counts),
        "seconds": round(seconds, 2), "per_second": round((progress.line - before) / max(seconds, 0.001), 1),
        "refused_file": str(refused) if progress.refusals_bytes else None, "state_file": str(state),
    }  # fmt: skip
    if not quiet:
        _print(said)
    return said


def _print(said: dict[str, Any]) -> None:
    counts = ", ".join(f"{said['counts'][name]:,} {name}" for name in COLUMNS_OF_COUNTS if said["counts"].get(name))
    print(f"{said['file']}: {said['lines']:,} lines: {counts or 'nothing'} ({said['per_second']:,.0f}/s)")
    if said["refused_file"]:
        print(f"  refused lines and why: {said['refused_file']}")


def _bar(quiet: bool) -> Bar:
    """A progress bar on stderr; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[said]}"), console=console)


def _address(source: str, facility: str | None) -> Address:
    from shr_cli.importing.sending import Address
    from shr_cli.operator import operator_token
    from shr_cli.remote import service_url

    def token() -> str:
        return operator_token("source_system", source=source, facility=facility, ttl_s=TOKEN_TTL_S)

    return Address(f"{service_url('healthid')}/fhir/Patient", f"{service_url('records')}/fhir", token)
