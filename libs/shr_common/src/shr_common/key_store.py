"""Replacing a key of the key store, in steps that may be cut off anywhere and be done again.

``<name>.key`` seals; ``<name>.key.next`` is announced (everybody opens with it, nobody seals yet); ``<name>.key.<id>``
are former ones. A key management service has its own way to do the same three steps.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from shr_common.keys import KEY_BYTES, key_id, new_key


@dataclass(frozen=True, slots=True)
class Former:
    """A key that opens only, and since when (epoch seconds)."""

    id: str
    file: Path
    since_s: float


def announce(keys_dir: Path, name: str) -> str:
    """Put the next key beside the current one; its id. One that was announced before and never used is taken."""
    file = keys_dir / f"{name}.key.next"
    if not file.exists():
        _write(file, new_key())
    return key_id(file.read_bytes())


def activate(keys_dir: Path, name: str) -> None:
    """The announced key seals from now on; the one before becomes a former one. Raises FileNotFoundError."""
    current, following = keys_dir / f"{name}.key", keys_dir / f"{name}.key.next"
    key, before = following.read_bytes(), current.read_bytes()
    if key != before:
        _write(keys_dir / f"{name}.key.{key_id(before)}", before)
        _write(current, key)
    following.unlink()


def formers(keys_dir: Path, name: str) -> list[Former]:
    """Former keys, the oldest first."""
    files = [file for file in keys_dir.glob(f"{name}.key.*") if not file.name.endswith((".next", ".part"))]
    found = [Former(file.suffix[1:], file, file.stat().st_mtime) for file in files if file.stat().st_size == KEY_BYTES]
    return sorted(found, key=lambda one: one.since_s)


def age_days(former: Former) -> float:
    """How long a key has been a former one."""
    return (time.time() - former.since_s) / 86_400


def _write(file: Path, key: bytes) -> None:
    """Whole or not at all, on the disk, readable by its owner only."""
    part = file.with_name(f".{file.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(key)
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
