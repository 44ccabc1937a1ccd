"""``shr card``: is this Health card genuine? Offline, with the published key."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from shr_local.paths import Home

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from shr_healthid.card_keys import CardVerifier
    from shr_healthid.domain.cards import Verdict

app = typer.Typer(no_args_is_help=True)
PUBLIC_KEYS = "/.well-known/jwks.json"
STATUS_LIST = "/.well-known/card-status"
IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""How PNG and JPEG files begin."""
FILE_BYTES_LIMIT = 32 * 1024 * 1024
TIMEOUT_S = 10.0
NOT_VALID = 1
UNREADABLE = 2


@app.callback()
def card() -> None:
    """Health cards: verify one."""


@app.command()
def verify(
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT|-|FILE", help="The scanned text, a file with it, or - for standard input."),
    ],
    key: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help=f"The published keys, as {PUBLIC_KEYS} of healthid gives them."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL", help=f"The signed list of lost, replaced and revoked cards ({STATUS_LIST}/0), too."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a card is genuine.

    Exit code 0: valid; 1: not valid; 2: it could not be judged (no key, nothing to read). Needs no connection: the
    key is a file (or that of the local key store), and so may be the status list. A file may also be a picture of the
    code where the packages zxing-cpp and pillow are installed.
    """
    verifier = _verifier(key)
    verdict = _judge(_scanned(text), verifier, status)
    if as_json:
        print_json({**verdict.as_json(), "status_checked": status is not None})
    else:
        typer.echo(_line(verdict, checked=status is not None))
    if not verdict.valid:
        raise typer.Exit(NOT_VALID)


def _judge(text: str, verifier: CardVerifier, status: str | None) -> Verdict:
    from shr_healthid.domain.cards import UnprovenError, Verdict

    try:
        claims = verifier.card(text)
    except UnprovenError as error:
        return Verdict(False, reason=error.reason)
    ended = _listed(claims.number, verifier, status) if status is not None else None
    return Verdict(ended is None, claims, ended, ended)


def _line(verdict: Verdict, *, checked: bool) -> str:
    from shr_healthid.domain.card_face import grouped
    from shr_healthid.domain.cards import REASONS

    reason = REASONS[verdict.reason][0] if verdict.reason else ""
    claims = verdict.claims
    if claims is None:
        return f"not valid: {reason}"
    about = f"Health ID {grouped(claims.health_id)}, {claims.name}, card {claims.number} of {claims.made_on}"
    if not verdict.valid:
        return f"not valid: {about}: {reason}"
    return f"valid: {about}" + ("" if checked else " (signature only; --status tells whether it was lost or replaced)")


def _verifier(key: str | None) -> CardVerifier:
    """The keys named, else those of the key store."""
    from shr_healthid.card_keys import FILE, CardKeys, CardVerifier

    if key is None:
        folder = Path(os.environ.get("SHR_KEYS_DIR") or Home.from_environment().keys)
        if not (folder / FILE).exists():
            raise Failure(f"no key of Health cards here; name it with --key FILE|URL ({PUBLIC_KEYS})", code=UNREADABLE)
        return CardKeys.load(folder, create=False)
    try:
        return CardVerifier.of(json.loads(_fetched(key)))
    except (ValueError, RecursionError):
        raise Failure(f"{key}: not a JWK set with an EC P-256 key", code=UNREADABLE) from None


def _listed(number: int, verifier: CardVerifier, status: str) -> str | None:
    """What the status list says of a card; None: it stands."""
    from shr_healthid.domain.cards import UnprovenError
    from shr_healthid.domain.status_list import TYPE, part_of, status_in

    base, last = status.rstrip("/").rpartition("/")[::2]
    if _is_url(status) and not last.isdigit():  # the list, not one of its parts
        base, last = status.rstrip("/"), str(part_of(number))
        status = f"{base}/{last}"
    try:
        claims = verifier.statement(_fetched(status).decode("ascii", "replace"), type=TYPE)
        found = status_in(claims, number)
    except UnprovenError:
        raise Failure(f"{status}: not a status list signed with this key", code=UNREADABLE) from None
    except ValueError:
        wanted = f"{STATUS_LIST}/{part_of(number)}"
        raise Failure(f"{status}: not the part of the list with card {number} ({wanted})", code=UNREADABLE) from None
    _check_age(claims, status)
    return found


def _check_age(claims: Mapping[str, Any], status: str) -> None:
    expires = claims.get("exp")
    if not isinstance(expires, int) or expires <= datetime.now(UTC).timestamp():
        raise Failure(f"{status}: the list is too old to be relied on; fetch it again", code=UNREADABLE)


def _scanned(text: str) -> str:
    """The text itself, or what standard input or a file holds."""
    if text == "-":
        content = sys.stdin.buffer.read(FILE_BYTES_LIMIT + 1)
    elif len(text) < 250 and Path(text).is_file():
        content = _read(Path(text))
    else:
        return text
    if content.startswith(IMAGES):
        return _code_in(content, text)
    return content.decode("ascii", "replace")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_LIMIT + 1)
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", code=UNREADABLE) from None


def _code_in(picture: bytes, name: str) -> str:
    """The text of the one code in a picture."""
    import io

    try:
        import zxingcpp
        from PIL import Image
    except ImportError:
        raise Failure(
            f"{name}: reading a picture needs the packages zxing-cpp and pillow; or scan the code and give its text",
            code=UNREADABLE,
        ) from None
    try:
        with Image.open(io.BytesIO(picture)) as image:
            found = zxingcpp.read_barcodes(
                image.convert("L"), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
            )
    except (OSError, ValueError, Image.DecompressionBombError):
        raise Failure(f"{name}: the picture cannot be read", code=UNREADABLE) from None
    if len(found) != 1:
        what = f"{len(found)} codes: show one card at a time" if found else "no code that could be read"
        raise Failure(f"{name}: {what}", code=UNREADABLE)
    return str(found[0].text)


def _is_url(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def _fetched(where: str) -> bytes:
    """A file, or what an address answers."""
    if not _is_url(where):
        return _read(Path(where))
    import httpx

    try:
        answer = httpx.get(where, timeout=TIMEOUT_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Failure(f"{where} does not answer ({type(error).__name__})", code=UNREADABLE) from None
    if not answer.is_success:
        raise Failure(f"{where} answered {answer.status_code}", code=UNREADABLE)
    return answer.content
