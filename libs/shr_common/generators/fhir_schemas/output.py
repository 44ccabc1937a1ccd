"""Deterministic bytes: the same definitions always give the same file."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any


def write(path: Path, content: dict[str, Any]) -> int:
    """Write ``content`` as sorted, gzip-compressed JSON without a timestamp; returns the size in bytes."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as packed:
        packed.write(text.encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return len(buffer.getvalue())
