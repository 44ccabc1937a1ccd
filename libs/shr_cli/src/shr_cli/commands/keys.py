"""``shr keys``: replace the master key of healthid while it works, and take former keys away."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "master-healthid"
SERVICE = "healthid"
LOOK_EVERY_S = 0.5
KEEP_DAYS = 7.0
"""How long topics keep what was sealed under a former key."""

app = typer.Typer(no_args_is_help=True)
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Key store; default SHR_KEYS_DIR, else the local one.")
]


@app.callback()
def keys() -> None:
    """Keys of the key store: how they stand, rotate, retire."""


@app.command()
def status(json: JsonOption = False, store: StoreOption = None) -> None:
    """Show which key seals, which open, and how far the re-wrap is."""
    said = _stand() | {"former": _formers(_store(store))}
    print_json(said) if json else _print(said)


@app.command()
def rotate(
    json: JsonOption = False,
    store: StoreOption = None,
    wait: Annotated[bool, typer.Option(help="Follow the re-wrap until it is done.")] = True,
    patience: Annotated[float, typer.Option(min=1, help="Seconds to wait for processes that do not notice.")] = 120.0,
) -> None:
    """Make a new master key for healthid; what is stored is sealed anew under it while the service works.

    May be cut off and run again at any point: a key that was announced but never used is taken up.
    """
    from shr_common import key_store

    folder = _store(store)
    if not _stand()["replicas"]:
        raise Failure("no process of healthid says which keys it has; `shr status` shows what runs")
    with _as_failure(folder):
        new = key_store.announce(folder, NAME)
    _until(lambda said: all(new in one["known"] for one in said["replicas"]), patience, "does not know the new key")
    with _as_failure(folder):
        key_store.activate(folder, NAME)
    _until(
        lambda said: all(new == one["current"] for one in said["replicas"]), patience, "does not seal with the new key"
    )
    said = _follow(new, quiet=json) if wait else _stand()
    if wait and said["rewrap"]["unreadable"]:
        raise Failure(
            f"{said['rewrap']['unreadable']} values open under no key of the key store: put their former key back "
            f"as {NAME}.key.<id>"
        )
    said |= {"former": _formers(folder)}
    print_json(said) if json else _print(said)


@app.command()
def retire(
    json: JsonOption = False,
    store: StoreOption = None,
    keep_days: Annotated[float, typer.Option(min=0, help="Keep former keys for so long.")] = KEEP_DAYS,
) -> None:
    """Delete former master keys that nothing needs any more: the re-wrap is done, and topics have expired."""
    from shr_common import key_store

    folder, said = _store(store), _stand()
    rewrap = said["rewrap"]
    current = {one["current"] for one in said["replicas"]}
    if not current or rewrap is None or rewrap["state"] != "done" or current != {rewrap["key"]}:
        raise Failure("the re-wrap is not done; `shr keys status` shows how far it is")
    if rewrap["unreadable"]:
        raise Failure(f"{rewrap['unreadable']} values open under no key that is there; no key is deleted")
    found = key_store.formers(folder, NAME)
    gone = [one for one in found if key_store.age_days(one) >= keep_days and one.id not in current]
    for one in gone:
        one.file.unlink()
    kept = [one.id for one in found if one not in gone]
    if json:
        print_json({"deleted": [one.id for one in gone], "kept": kept})
    else:
        print(f"deleted {len(gone)} former keys, kept {len(kept)}{' (younger)' if kept else ''}")


def _store(given: Path | None) -> Path:
    from shr_local.paths import Home

    named = os.environ.get("SHR_KEYS_DIR")
    folder = given or (Path(named) if named else Home.from_environment().keys)
    if not (folder / f"{NAME}.key").exists():
        raise Failure(f"{folder} has no {NAME}.key; --store or SHR_KEYS_DIR names the key store")
    return folder


def _stand() -> dict[str, Any]:
    from shr_cli.operator import operator_token
    from shr_cli.remote import ask

    said: dict[str, Any] = ask(SERVICE, "/keys", token=operator_token())
    return said


def _formers(folder: Path) -> list[dict[str, Any]]:
    from shr_common import key_store

    return [{"id": one.id, "days": round(key_store.age_days(one), 1)} for one in key_store.formers(folder, NAME)]


def _until(reached: Callable[[dict[str, Any]], bool], patience_s: float, lacking: str) -> None:
    until = time.monotonic() + patience_s
    while not (said := _stand())["replicas"] or not reached(said):
        if time.monotonic() > until:
            raise Failure(f"a process of healthid {lacking}; `shr keys status` shows which. Run the command again.")
        time.sleep(LOOK_EVERY_S)


def _follow(key: str, *, quiet: bool) -> dict[str, Any]:
    """Until everything is sealed under a key."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    with Progress(console=console) as bar:
        shown = bar.add_task("sealing anew", total=None)
        while True:
            said = _stand()
            rewrap = said["rewrap"] or {}
            if rewrap.get("key") == key:
                total = max(1, rewrap["total"]) * (rewrap["passes"] + (rewrap["state"] != "done"))
                bar.update(shown, total=max(total, rewrap["looked"]), completed=rewrap["looked"])
                if rewrap["state"] == "done":
                    return said
            time.sleep(LOOK_EVERY_S)


def _print(said: dict[str, Any]) -> None:
    for one in said["replicas"]:
        print(f"{one['id']}: seals with {one['current']}, opens {', '.join(one['known'])}")
    if rewrap := said["rewrap"]:
        print(
            f"re-wrap under {rewrap['key']}: {rewrap['state']}, {rewrap['rewrapped']:,} documents sealed anew, "
            f"{rewrap['looked']:,} looked at in {rewrap['passes']} passes"
        )
        if rewrap["unreadable"]:
            print(f"  {rewrap['unreadable']} values open under no key that is there")
    for one in said["former"]:
        print(f"former key {one['id']}, for {one['days']} days")


@contextlib.contextmanager
def _as_failure(folder: Path) -> Iterator[None]:
    """A key store that cannot be written is one clear line."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{folder}: the key store cannot be changed ({error.strerror})") from None
