"""What the verification service was told before: the long forms of an NID by its last ten digits.

Kept over restarts in one file, sealed, because identity numbers lie in the clear nowhere. Two people may share their
last ten digits: then the ten alone name neither of them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
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
        self._save()

    def _load(self) -> dict[str, list[dict[str, str]]]:
        with contextlib.suppress(OSError, ValueError, KeyError, InvalidTag):
            sealed = base64.b64decode(json.loads(self._file.read_text(encoding="utf-8"))["sealed"])
            found: dict[str, list[dict[str, str]]] = json.loads(
                self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
            )
            return found
        return {}

    def _save(self) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._aead.encrypt(nonce, json.dumps(self._told).encode(), None)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"sealed": base64.b64encode(sealed).decode()}), encoding="utf-8")
        part.replace(self._file)
