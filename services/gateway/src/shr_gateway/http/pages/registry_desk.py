"""What the registrar's pages have in common: each form is handed on whole to healthid, with the caller's own token."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Request, Response
from shr_common.errors import Category, Issue, ShrError, forbidden, not_found
from shr_common.identifiers import is_person_id, latin_digits
from shr_common.security import Caller, allow

from shr_gateway.http.hand_on import Answer, HandOn
from shr_gateway.http.pages.page import csrf_of
from shr_gateway.pages import formatting, words
from shr_gateway.pages.render import Pages, language_of

Registrar = Annotated[Caller, allow("registrar")]
Deciding = Annotated[Caller, allow("registrar", "reviewer")]
REASON_CHARACTERS_LIMIT = 1000
_OWN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"


@dataclass(frozen=True, slots=True)
class Reply:
    """What healthid answered. ``problem``: why it refused, in the page's language; None when it did not."""

    status: int
    json: Any
    problem: str | None


class RegistryDesk:
    """Asks healthid and renders, for one registrar or reviewer at a time."""

    def __init__(self, pages: Pages, hand_on: HandOn, *, now: Callable[[], datetime]) -> None:
        self.pages = pages
        self._hand_on = hand_on
        self.now = now

    @property
    def today(self) -> date:
        """Today in Dhaka."""
        return formatting.local(self.now()).date()

    async def send(
        self,
        request: Request,
        caller: Caller,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """A form; a refusal is in the reply. Raises not_found, forbidden when the session is over, unavailable."""
        answer = await self._hand_on("healthid", method, path, caller=caller, json=json, params=params)
        if answer.status == 404:
            raise not_found("There is nothing here, or you may not see it.")
        if answer.status == 401:
            raise forbidden("Your session is over. Sign in again.")
        said = answer.json
        problem = problem_of(said, language_of(request)) if answer.status >= 400 else None
        return Reply(answer.status, said, problem)

    async def read(
        self, request: Request, caller: Caller, path: str, *, params: Mapping[str, str] | None = None
    ) -> Any:
        """A worklist. Raises also forbidden, and invalid for what the address asks wrongly."""
        reply = await self.send(request, caller, "GET", path, params=params)
        if reply.status == 403:
            raise forbidden("You may not do this.")
        if reply.problem is not None:
            raise ShrError(Category.INVALID, Issue(reply.problem))
        return reply.json

    async def file(self, caller: Caller, path: str) -> Answer:
        """A file, as it is."""
        return await self._hand_on("healthid", "GET", path, caller=caller)

    async def people(self, request: Request, caller: Caller, *ids: str) -> dict[str, dict[str, Any]]:
        """These persons by their ids; who is not there is missing."""
        asked = parameters(("_id", ",".join(ids)))
        reply = await self.send(request, caller, "POST", "/fhir/Patient/_search", json=asked)
        found = [entry["resource"] for entry in (reply.json or {}).get("entry", ())]
        return {patient["id"]: patient for patient in found}

    def show(
        self, request: Request, caller: Caller, template: str, *, here: str, status: int = 200, **said: Any
    ) -> Response:
        """A page with the tabs of a registrar or reviewer; ``here`` is the tab."""
        lang = language_of(request)
        known = {
            "here": here,
            "registrar": caller.role == "registrar",
            "who": _who(caller, lang),
            "place": _place(caller, lang),
            "csrf": csrf_of(request),
            "done": request.query_params.get("done", ""),
            "problem": None,
        }
        return self.pages.show(request, template, status=status, **(known | said))


def _who(caller: Caller, lang: str) -> str:
    """A person by her name, a desk by what it is."""
    role = words.said(words.ROLES, caller.role, lang)
    return role if caller.id in words.ROLES else caller.name or role


def _place(caller: Caller, lang: str) -> str:
    if caller.facility:
        return f"{'প্রতিষ্ঠান' if lang == 'bn' else 'Facility'} {formatting.digits(caller.facility, lang)}"
    return "স্বাস্থ্য অধিদপ্তর" if lang == "bn" else "DGHS"


def parameters(*fields: tuple[str, str]) -> dict[str, Any]:
    """FHIR Parameters of texts: numbers go in a body, never in an address."""
    return {"resourceType": "Parameters", "parameter": [{"name": n, "valueString": v} for n, v in fields]}


def problem_of(said: Any, lang: str) -> str:
    """Why healthid refused, in the reader's language: of a problem or an OperationOutcome."""
    issues = said.get("issue") or said.get("issues") or () if isinstance(said, Mapping) else ()
    texts = [_text_of(issue, lang) for issue in issues[:5] if isinstance(issue, Mapping)]
    if any(texts):
        return " ".join(text for text in texts if text)
    return "কিছু বদলায়নি। আবার চেষ্টা করুন।" if lang == "bn" else "Nothing was changed. Try again."


def _text_of(issue: Mapping[str, Any], lang: str) -> str:
    details = issue.get("details") or {}
    english = str(issue.get("text") or details.get("text") or "")
    if lang != "bn":
        return english
    bangla = issue.get("text_bn")
    for extension in (details.get("_text") or {}).get("extension", ()):
        if extension.get("url") == _TRANSLATION:
            bangla = next((e.get("valueString") for e in extension["extension"] if e["url"] == "content"), bangla)
    return str(bangla or english)


def plain(typed: str) -> str:
    """An id or number as people type it: Bangla digits, blanks and dashes are taken."""
    text = typed.strip()[:60]
    if text.upper().startswith("P-"):
        return text
    return latin_digits(text).replace(" ", "").replace("-", "")


def person_id(said: str) -> str:
    """An id of a person out of an address. Raises not_found."""
    if not is_person_id(said):
        raise not_found("There is no such person.")
    return said


def own_id(said: str) -> str:
    """An id of a case or change out of an address. Raises not_found."""
    if not _OWN_ID.fullmatch(said):
        raise not_found("There is nothing here.")
    return said


def chosen(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """A filter out of the address; the first choice when it is none of them."""
    asked = request.query_params.get(name, "")
    return asked if asked in choices else choices[0]
