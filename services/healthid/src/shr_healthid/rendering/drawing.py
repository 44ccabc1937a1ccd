"""Draw cards: typst sets the texts (Bangla is shaped by its HarfBuzz port), segno makes the code.

Both are imported when the first card is drawn: a service that draws none does not carry them.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from shr_healthid.domain.card_face import Face

if TYPE_CHECKING:
    import typst

Form = Literal["pdf", "png", "svg"]
FOLDER = Path(__file__).parent
DOTS_PER_INCH = 300
QUIET_MODULES = 4
"""The empty border that readers need (ISO/IEC 18004)."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues the cards, as it stands on them."""

    name: str
    name_bn: str


class Drawing:
    """One compiler with its fonts; to be used by one thread at a time."""

    def __init__(self, authority: Authority) -> None:
        import typst

        self._authority = authority
        self._compiler: typst.Compiler = typst.Compiler(
            str(FOLDER / "card.typ"), root=str(FOLDER), font_paths=[str(FOLDER / "fonts")], ignore_system_fonts=True
        )

    def card(self, face: Face, form: Form) -> bytes:
        """One card, 85.6 × 54 mm; a PNG has 300 dots an inch."""
        drawn = self._compile([face], form, sheet=False)
        return _with_resolution(drawn) if form == "png" else drawn

    def sheet(self, faces: Sequence[Face]) -> bytes:
        """A PDF of A4 pages, ten cards on each, with marks to cut along."""
        return self._compile(faces, "pdf", sheet=True)

    def _compile(self, faces: Sequence[Face], form: Form, *, sheet: bool) -> bytes:
        said = {
            "sheet": sheet,
            "authority": self._authority.name,
            "authority_bn": self._authority.name_bn,
            "cards": [_listed(face) for face in faces],
        }
        drawn = self._compiler.compile(
            format=form,
            ppi=DOTS_PER_INCH if form == "png" else None,
            sys_inputs={"data": json.dumps(said, ensure_ascii=False)},
        )
        assert isinstance(drawn, bytes)  # noqa: S101 (a list for several pages of png or svg only)
        return drawn


def _with_resolution(png: bytes) -> bytes:
    """The PNG with a pHYs chunk behind its header, so that it prints in its true size (PNG specification, 11.3.4.3)."""
    dots_per_metre = round(DOTS_PER_INCH / 0.0254)
    chunk = b"pHYs" + struct.pack(">IIB", dots_per_metre, dots_per_metre, 1)
    marked = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    header_end = 8 + 25  # the signature, then IHDR: length, type, 13 bytes, checksum
    return png[:header_end] + marked + png[header_end:]


def _listed(face: Face) -> dict[str, Any]:
    code, modules = code_of(face.text)
    return {
        "health_id": face.health_id,
        "name": face.name,
        "name_bn": face.name_bn,
        "number": str(face.number),
        "issued": face.made_on,
        "qr": code,
        "qr_modules": modules,
    }


def code_of(text: str) -> tuple[str, int]:
    """The QR code of a text as SVG, and its modules across, quiet border included. 15 % of it may be damaged (M)."""
    import segno

    code = segno.make_qr(text, error="m", boost_error=False)
    drawn = io.BytesIO()
    code.save(drawn, kind="svg", xmldecl=False, border=QUIET_MODULES, omitsize=True, dark="#000", light=None)
    return drawn.getvalue().decode(), int(code.symbol_size(border=QUIET_MODULES)[0])
