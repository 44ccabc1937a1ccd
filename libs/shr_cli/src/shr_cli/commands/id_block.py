"""``shr id-block``: Health IDs that a source issues offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shr_cli.output import JsonOption, print_json, print_table

app = typer.Typer(no_args_is_help=True, help="Blocks of Health IDs that a source issues offline.")
Source = Annotated[str, typer.Option(help="The system, e.g. emis.")]


@app.command()
def issue(
    source: Source,
    facility: Annotated[str, typer.Option(help="The facility, e.g. 10000005.")],
    size: Annotated[int, typer.Option(help="How many Health IDs.")] = 1000,
    ids: Annotated[Path | None, typer.Option(help="Write the Health IDs to this file, one a line.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a source a block."""
    from shr_cli.operator import operator_token
    from shr_cli.remote import ask

    token = operator_token("registrar")
    wanted = {"source": source, "facility": facility, "size": size}
    block = ask("healthid", "/id-blocks", method="POST", token=token, body=wanted)
    if ids is not None:
        ids.write_text(_health_ids(block["id"], token), encoding="ascii")
    _show([block], as_json=as_json)


@app.command()
def show(block: Annotated[str, typer.Argument(help="The id of the block.")], as_json: JsonOption = False) -> None:
    """How a block stands."""
    from shr_cli.operator import operator_token
    from shr_cli.remote import ask

    _show([ask("healthid", f"/id-blocks/{block}", token=operator_token("registrar"))], as_json=as_json)


@app.command("list")
def list_(
    source: Annotated[str | None, typer.Option(help="Of one source, e.g. emis/10000005.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The newest blocks."""
    from shr_cli.operator import operator_token
    from shr_cli.remote import ask

    parameters = {"source": source} if source else None
    found = ask("healthid", "/id-blocks", token=operator_token("registrar"), parameters=parameters)
    _show(found["entries"], as_json=as_json)


def _health_ids(block: str, token: str) -> str:
    import httpx

    from shr_cli.failure import Failure
    from shr_cli.remote import TIMEOUT_S, service_url

    url = f"{service_url('healthid')}/id-blocks/{block}/health-ids"
    try:
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Failure(f"block {block} was given out, but its Health IDs could not be read: {error}") from None
    return answer.text


def _show(blocks: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(blocks[0] if len(blocks) == 1 else blocks)
        return
    heads = ("id", "source", "first", "last", "used", "of", "until", "state")
    rows = [
        (b["id"], f"{b['source']}/{b['facility']}", b["first"], b["last"], b["used"], b["size"], b["expires_at"][:10],
         b["warning"]["code"] if b["warning"] else b["state"])
        for b in blocks
    ]  # fmt: skip
    print_table(heads, rows)
