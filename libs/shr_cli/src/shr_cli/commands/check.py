"""``shr check``: what would become of a payload, offline, each finding located and explained."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

app = typer.Typer(add_completion=False)
REJECTED = 1


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The payload; - reads standard input.")],
    format: Annotated[
        str, typer.Option(help="Its format, as in ce_type: fhir.bundle, openmrs.bundle, …")
    ] = "fhir.bundle",
    source: Annotated[str, typer.Option(help="Who would send it, system/facility.")] = "other/unknown",
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a payload, and why.

    Recorded, parked or rejected (exit code 1), with each error and its place. Offline: nothing is stored, and without a
    registry at hand a person named by her Health ID counts as known and any other as not yet known.
    """
    from shr_common.outcomes import operation_outcome
    from shr_records.domain.reading import Limits
    from shr_records.domain.submission import Submission, source_name
    from shr_records.use_cases.check_submission import check_offline

    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", code=2) from None
    submission = Submission(source_name(source), body, datetime.now(UTC), format=format)
    checked = check_offline(submission, limits=Limits())
    if as_json:
        outcome = operation_outcome(checked.issues)
        print_json({"verdict": checked.verdict, "health_id": checked.health_id, "outcome": outcome})
    else:
        sys.stdout.write(f"{checked.verdict}\n")
        for issue in checked.issues:
            place = issue.expression or issue.diagnostics or "the whole payload"
            sys.stdout.write(f"{issue.severity}: {place}: {issue.text}\n")
            if issue.text_bn:
                sys.stdout.write(f"    {issue.text_bn}\n")
    if checked.verdict == "rejected":
        raise typer.Exit(REJECTED)
