"""Renders templates in the page's language, with headers that keep a record out of caches and foreign frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shr_gateway.pages import formatting
from shr_gateway.pages.citizens import is_bangla
from shr_gateway.pages.sparkline import sparkline

LANGUAGES = ("bn", "en")
LANGUAGE_COOKIE = "shr_lang"
_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def language_of(request: Request) -> str:
    """The page's language: asked for in the address, remembered, or Bangla."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in LANGUAGES:
            return str(asked)
    accepted = request.headers.get("accept-language", "bn").lower()
    return "en" if accepted.startswith("en") and "bn" not in accepted else "bn"


def qr_code(text: str) -> Markup:
    """A QR code as one SVG path with its viewBox, black on white in light and dark."""
    code = segno.make(text, error="m", micro=False)
    size = len(code.matrix) + 4
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(code.matrix) for x, bit in enumerate(row) if bit)
    return Markup(f'viewBox="-2 -2 {size} {size}"'), Markup(f'<path d="{path}"/>')  # type: ignore[return-value] # noqa: S704


class Pages:
    """All templates. One for a process."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    def show(self, request: Request, template: str, *, status: int = 200, **said: Any) -> HTMLResponse:
        """One page. ``said`` is what the template asks for."""
        lang = language_of(request)
        bangla = lang == "bn"
        other = "en" if bangla else "bn"
        address = request.url.include_query_params(lang=other)
        html = self._environment.get_template(template).render(
            lang=lang,
            bn=bangla,
            t=lambda in_bangla, in_english: in_bangla if bangla else in_english,
            n=lambda value: formatting.number(value, lang),
            day=lambda value: formatting.day(value, lang),
            short_day=lambda value, now: formatting.short_day(value, lang, today=formatting.local(now).date()),
            month=lambda value: formatting.month(value, lang),
            clock=lambda value: formatting.clock(value, lang),
            local=formatting.local,
            spark=sparkline,
            is_bangla=is_bangla,
            qr=qr_code,
            other_language=f"{address.path}?{address.query}",
            **said,
        )
        response = HTMLResponse(html, status_code=status, headers=HEADERS)
        if request.query_params.get("lang") == lang:
            response.set_cookie(LANGUAGE_COOKIE, lang, max_age=365 * 86400, httponly=True, samesite="lax")
        return response
