"""``shr audit``: is the access log what it was? Offline, over a file or straight over the store."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from shr_local.paths import Home

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from shr_consent.storage.access_log import AccessLogStore
    from shr_consent.storage.checkpoints import CheckpointStore

app = typer.Typer(no_args_is_help=True)
KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="JWK set of the access log, as /.well-known/jwks.json gives it.")
]
EXPORT = "shr-audit-export"
TIMEOUT_S = 600.0


@app.callback()
def audit() -> None:
    """The access log: verify it, export it."""


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="A proof or an export; without it the store is read.")] = None,
    keys: KeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow every chain and every signed checkpoint; name the first entry of a shard that is not as it was."""
    from shr_consent.domain.verification import check_log, check_proof
    from shr_consent.signing import verifier

    content = asyncio.run(_load()) if file is None else _read(file)
    check = check_proof if "root" in content else check_log
    report = check(content, verifier(_keys(keys, content)))
    if as_json:
        print_json({**asdict(report), "ok": not report.findings})
    else:
        typer.echo("\n".join(report.lines()))
    if report.findings:
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to; one JSON document a line.")], as_json: JsonOption = False
) -> None:
    """Write the whole log with its checkpoints and public key, to be kept and verified elsewhere."""
    count = asyncio.run(_export(file))
    if as_json:
        print_json({"entries": count, "file": str(file)})
    else:
        typer.echo(f"audit: {count} entries written to {file}")


def _read(file: Path) -> dict[str, Any]:
    """A proof as it came over HTTP, or the lines of an export brought together."""
    text = file.read_text(encoding="utf-8")
    try:
        whole = json.loads(text)
        if isinstance(whole, dict) and "entries" in whole:
            return whole
    except ValueError:
        pass
    found: dict[str, Any] = {"entries": [], "checkpoints": [], "heads": []}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            said = json.loads(line)
            kind = said.pop("kind")
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Failure(f"{file}: line {number} is not a line of an export, nor is this a proof") from None
        if kind == EXPORT:
            found["jwks"] = said["jwks"]
        elif kind in ("entry", "checkpoint", "head"):
            found["entries" if kind == "entry" else f"{kind}s"].append(said)
    return found


def _keys(named: Path | None, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys named, else those of the key store, else (as good as who gave the file) those inside the file."""
    from shr_consent.signing import AuditKey

    if named is not None:
        loaded: dict[str, Any] = json.loads(named.read_text())
        return loaded
    folder = _keys_dir()
    if (folder / "audit.pem").exists():
        return AuditKey.load(folder, create=False).public
    inside = content.get("jwks")
    if not isinstance(inside, dict):
        raise Failure("no key of the access log here; name it with --keys FILE")
    typer.echo("audit: checked with the key inside the file; --keys FILE names one that you trust", err=True)
    return inside


def _keys_dir() -> Path:
    named = os.environ.get("SHR_KEYS_DIR")
    return Path(named) if named else Home.from_environment().keys


def _mongo_uri() -> str:
    from shr_local.ports import Ports

    default = f"mongodb://127.0.0.1:{Ports.from_environment()['mongo']}/?replicaSet=rs0"
    return os.environ.get("SHR_MONGO_URI", default)


@asynccontextmanager
async def _stores() -> AsyncIterator[tuple[AccessLogStore, CheckpointStore]]:
    from shr_common.errors import ShrError
    from shr_common.mongo import categorised, connect
    from shr_consent.storage.access_log import AccessLogStore
    from shr_consent.storage.checkpoints import CheckpointStore

    client = connect(_mongo_uri())
    database = client[f"{os.environ.get('SHR_NAMESPACE', 'shr')}_consent"]
    try:
        try:  # asked first: a long read would wait for the store as long as it may read
            with categorised():
                await client.admin.command("ping")
        except ShrError:
            raise Failure("MongoDB does not answer (SHR_MONGO_URI, else the local one): see `shr status`") from None
        yield (
            AccessLogStore(client, database, timeout_s=TIMEOUT_S),
            CheckpointStore(client, database, timeout_s=TIMEOUT_S),
        )
    finally:
        await client.close()


async def _load() -> dict[str, Any]:
    """Heads and checkpoints first: what is appended meanwhile is newer than both, and no fault."""
    async with _stores() as (log, checkpoints):
        heads = await log.heads()
        sealed = [one async for one in checkpoints.all()]
        entries = [entry async for entry in log.all()]
    return {
        "heads": [{"shard": h.shard, "seq": h.seq, "hash": h.hash, "id": h.id} for h in heads],
        "checkpoints": sealed,
        "entries": entries,
    }


async def _export(file: Path) -> int:
    from shr_consent.signing import AuditKey

    content = await _load()
    key = AuditKey.load(_keys_dir(), create=False)
    with file.open("w", encoding="utf-8") as out:
        for kind, said in (
            (EXPORT, [{"jwks": key.public}]),
            ("head", content["heads"]),
            ("checkpoint", content["checkpoints"]),
            ("entry", content["entries"]),
        ):
            out.writelines(json.dumps({"kind": kind, **one}, ensure_ascii=False) + "\n" for one in said)
    return len(content["entries"])
