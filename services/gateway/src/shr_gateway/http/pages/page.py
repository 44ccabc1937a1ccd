"""What every page route has: its refusals are pages too, and its forms carry the session's token."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import Request, Response
from fastapi.routing import APIRoute
from shr_common.errors import Category, ShrError
from shr_common.outcomes import status_of

from shr_gateway.http.sessions import form_of, session_of
from shr_gateway.pages.render import Pages, language_of

LOG = structlog.get_logger("shr.pages")
_SAID = {
    Category.FORBIDDEN: ("এটি আপনার জন্য নয়", "Not for you", "এই পাতাটি আপনার জন্য খোলা নয়।", "This page is not open to you."),
    Category.NOT_FOUND: ("পাওয়া যায়নি", "Not found", "এখানে কিছু নেই।", "There is nothing here."),
    Category.UNAVAILABLE: (
        "এখন দেখানো যাচ্ছে না",
        "Not available now",
        "অনুমতির অবস্থা নিশ্চিত না হলে আমরা কিছুই দেখাই না। এক মিনিট পরে আবার চেষ্টা করুন।",
        "We show nothing while the state of permissions is uncertain. Try again in a minute.",
    ),
}  # fmt: skip
_OTHERWISE = ("কাজটি হয়নি", "That did not work", "কিছু বদলায়নি। আবার চেষ্টা করুন।", "Nothing was changed. Try again.")


def pages_route(pages: Pages) -> type[APIRoute]:
    """A route class whose refusals are shown as a page in the reader's language."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def shown(request: Request) -> Response:
                try:
                    return await handle(request)
                except ShrError as error:
                    return refusal(pages, request, error)

            return shown

    return PageRoute


def refusal(pages: Pages, request: Request, error: ShrError) -> Response:
    """A refusal as a page."""
    bangla_head, english_head, bangla, english = _SAID.get(error.category, _OTHERWISE)
    lang = language_of(request)
    if error.category is Category.CONFLICT:
        bangla, english = "এটির উত্তর আগেই দেওয়া হয়েছে।", "This was answered already."
    response = pages.show(
        request,
        "message.html",
        status=status_of(error),
        heading=bangla_head if lang == "bn" else english_head,
        text=bangla if lang == "bn" else english,
        kind="bad",
        links=[("/", "শুরুর পাতা" if lang == "bn" else "Start page")],
    )
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def csrf_of(request: Request) -> str:
    """The token for the forms of this page."""
    session = session_of(request)
    return session.csrf if session is not None else ""


async def fields_of(request: Request) -> list[tuple[str, str]]:
    """All fields of a form in their order, once its token was checked."""
    await form_of(request)
    return parse_qsl((await request.body()).decode(), keep_blank_values=True)
