"""Request bodies as they came, parsed strictly; and answers in which decimals stand as they were sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from shr_common.errors import Category, Issue, ShrError, malformed
from shr_common.fhir.json import JsonLimits
from shr_common.outcomes import FHIR_JSON

from shr_healthid.domain import exact_json
from shr_healthid.domain.body import Body, parse
from shr_healthid.domain.person import Person

FORM = "application/x-www-form-urlencoded"
FIELDS_LIMIT = 50
KEY_CHARACTERS_LIMIT = 200


async def json_body(request: Request, limits: JsonLimits) -> Body:
    """The JSON body of a request. Raises also 415 for another media type."""
    kind = media_type(request)
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise ShrError(
            Category.INVALID,
            Issue(f"Send {FHIR_JSON}.", code="not-supported", text_bn=f"{FHIR_JSON} পাঠান।"),
            detail="media-type",
        )
    return parse(await request.body(), limits)


def media_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def form_body(request: Request) -> list[tuple[str, str]]:
    """The fields of a form, in order. Raises malformed."""
    try:
        text = (await request.body()).decode()
        return parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_LIMIT, errors="strict")
    except ValueError:
        raise malformed("The form cannot be read.") from None


def wants_outcome(request: Request) -> bool:
    """Whether ``Prefer: return=OperationOutcome`` asks for what was found instead of the resource."""
    preferred = request.headers.get("prefer", "").replace(" ", "").split(";")
    return "return=OperationOutcome" in preferred


def idempotency_key(request: Request) -> str | None:
    """The sender's own name for a request."""
    key = request.headers.get("idempotency-key", "").strip()
    if len(key) > KEY_CHARACTERS_LIMIT:
        raise malformed(f"An Idempotency-Key has {KEY_CHARACTERS_LIMIT} characters at most.", code="too-long")
    return key or None


def expected_version(request: Request) -> int | None:
    """The version of ``If-Match: W/"3"``."""
    tag = request.headers.get("if-match", "").strip()
    if not tag or tag == "*":
        return None
    number = tag.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise malformed('If-Match names a version, such as W/"3".')
    return int(number)


def answer(
    resource: Mapping[str, Any], *, status: int = 200, person: Person | None = None, located: bool = False
) -> Response:
    """A FHIR answer; with a person, her version as ETag and (``located``) her address."""
    headers = {}
    if person is not None:
        headers["ETag"] = f'W/"{person.version}"'
        if located:
            headers["Location"] = f"/fhir/Patient/{person.id}"
    return Response(exact_json.dumps(resource), status_code=status, headers=headers, media_type=FHIR_JSON)
