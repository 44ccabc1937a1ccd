"""What the verification service was told before: the long forms of an NID by its last ten digits.

Kept over restarts in one file, each sealed in a line of its own, because identity numbers lie in the clear nowhere.
Two people may share their last ten digits: then the ten alone name neither of them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
from io import FileIO
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shr_local.verification.rules import Forms

NONCE_BYTES = 12
LIMIT = 100_000


class Memory:
    """The long forms that were told, in a sealed file."""

    def __init__(self, file: Path, key: bytes) -> None:
        self._file = file
        self._aead = AESGCM(key)
        self._open: FileIO | None = None
        self._told: dict[str, list[dict[str, str]]] = self._load()

    def recall(self, ten: str) -> Forms:
        """The forms that go with these ten digits, if exactly one person is known to have them."""
        told = self._told.get(ten, [])
        return told[0] if len(told) == 1 else {}

    def tell(self, forms: Forms) -> None:
        """Remember a number by its long forms; ten digits alone teach nothing."""
        if "13" not in forms:
            return
        told = self._told.setdefault(forms["10"], [])
        same = next((one for one in told if one["13"] == forms["13"]), None)
        if same is not None and (same == dict(forms) or "17" not in forms):
            return
        if same is not None:
            told.remove(same)
        told.append(dict(forms))
        if len(self._told) > LIMIT:
            del self._told[next(iter(self._told))]
        self._add(dict(forms))

    def _load(self) -> dict[str, list[dict[str, str]]]:
        """What the lines of the file say, the last word of a number counting; a line that cannot be read is none."""
        found: dict[str, list[dict[str, str]]] = {}
        with contextlib.suppress(OSError):
            for line in self._file.read_bytes().splitlines():
                with contextlib.suppress(ValueError, KeyError, InvalidTag):
                    sealed = base64.b64decode(line, validate=True)
                    forms: dict[str, str] = json.loads(
                        self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
                    )
                    told = found.setdefault(forms["10"], [])
                    told[:] = [one for one in told if one["13"] != forms["13"]] + [forms]
        for surplus in list(found)[: max(0, len(found) - LIMIT)]:
            del found[surplus]
        return found

    def _add(self, forms: dict[str, str]) -> None:
        """One line for each: writing all anew each time would take longer with every person."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = base64.b64encode(nonce + self._aead.encrypt(nonce, json.dumps(forms).encode(), None))
        if self._open is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._open = self._file.open("ab", buffering=0)
            self._open.write(b"\n")  # a line that was cut off must not spoil the next
        self._open.write(sealed + b"\n")
