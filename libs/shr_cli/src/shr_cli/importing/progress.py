"""How far an import has come: a state file beside the input, and the lines that were refused.

The state is written after each batch that was acknowledged, in the order of the file, so that a killed import goes on
behind the last one. At most the batches that were under way are sent again, and registering is the same every time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shr_cli.failure import Failure
from shr_cli.importing.reading import Source

FORMAT = 1


@dataclass
class Progress:
    """What was acknowledged of one file. ``counts`` by state: created, existing, provisional, recorded, refused, …"""

    state_file: Path
    refusals_file: Path
    fingerprint: str
    line: int = 0
    offset: int = 0
    refusals_bytes: int = 0
    finished: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, source: Source, state_file: Path, refusals_file: Path, *, afresh: bool) -> Progress:
        """Where the last run ended, or the beginning. Raises Failure for the state of another file."""
        found = cls(state_file, refusals_file, source.fingerprint)
        if not afresh and state_file.exists():
            found._load()
        # what was written behind the last state belongs to batches that are sent again
        with refusals_file.open("ab") as opened:
            opened.truncate(found.refusals_bytes)
        return found

    def _load(self) -> None:
        try:
            said: dict[str, Any] = json.loads(self.state_file.read_text(encoding="utf-8"))
            if said["format"] != FORMAT or said["file"] != self.fingerprint:
                raise Failure(
                    f"{self.state_file} is the state of another file, or the file has changed; "
                    "--restart begins again (what is registered already stays as it is)"
                )
            self.line, self.offset = int(said["line"]), int(said["offset"])
            self.refusals_bytes, self.finished = int(said["refusals_bytes"]), bool(said["finished"])
            self.counts = Counter({str(name): int(count) for name, count in said["counts"].items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Failure(f"{self.state_file} cannot be read; --restart begins again") from None

    def acknowledged(self, *, line: int, offset: int, counts: Counter[str], refusals: list[dict[str, Any]]) -> None:
        """The file is dealt with up to here."""
        if refusals:
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in refusals).encode()
            with self.refusals_file.open("ab") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
            self.refusals_bytes += len(text)
        self.line, self.offset = line, offset
        self.counts += counts
        self._save()

    def finish(self) -> None:
        """All of the file is dealt with; without refusals no file of them stays."""
        self.finished = True
        self._save()
        if not self.refusals_bytes:
            self.refusals_file.unlink(missing_ok=True)

    def _save(self) -> None:
        said = {
            "format": FORMAT, "file": self.fingerprint, "line": self.line, "offset": self.offset,
            "refusals_bytes": self.refusals_bytes, "finished": self.finished, "counts": dict(self.counts),
        }  # fmt: skip
        part = self.state_file.with_name(self.state_file.name + ".part")
        with part.open("w", encoding="utf-8") as opened:
            json.dump(said, opened)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(self.state_file)
