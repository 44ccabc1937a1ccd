"""Errors as callers see them: OperationOutcome on FHIR and submission routes, problem+json elsewhere.

This is the one place where a category becomes an HTTP status.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from shr_common.errors import Category, Issue, ShrError

FHIR_JSON = "application/fhir+json"
PROBLEM_JSON = "application/problem+json"
ISSUES_LIMIT = 1000

STATUS: dict[tuple[Category, str | None], int] = {
    (Category.INVALID, None): 422,
    (Category.INVALID, "malformed"): 400,
    (Category.INVALID, "media-type"): 415,
    (Category.INVALID, "bad-request"): 400,
    (Category.NOT_FOUND, None): 404,
    (Category.NOT_FOUND, "gone"): 410,
    (Category.NOT_FOUND, "method"): 405,
    (Category.CONFLICT, None): 409,
    (Category.CONFLICT, "stale"): 412,
    (Category.FORBIDDEN, None): 403,
    (Category.UNAUTHENTICATED, None): 401,
    (Category.TOO_LARGE, None): 413,
    (Category.BUSY, None): 429,
    (Category.UNAVAILABLE, None): 503,
    (Category.FAULT, None): 500,
}

ISSUE_TYPE = {
    Category.INVALID: "invalid",
    Category.NOT_FOUND: "not-found",
    Category.CONFLICT: "conflict",
    Category.FORBIDDEN: "forbidden",
    Category.UNAUTHENTICATED: "login",
    Category.TOO_LARGE: "too-long",
    Category.BUSY: "throttled",
    Category.UNAVAILABLE: "transient",
    Category.FAULT: "exception",
}
"""The FHIR issue type (http://hl7.org/fhir/R4/valueset-issue-type.html) of a category that says nothing finer."""

FHIR_PREFIXES = ("/fhir", "/submissions", "/check", "/quarantine", "/profile")
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
LOG = structlog.get_logger("shr.http")


def status_of(error: ShrError) -> int:
    """The HTTP status of an error."""
    return STATUS.get((error.category, error.detail)) or STATUS[error.category, None]


def issue_json(issue: Issue, *, fallback_code: str = "invalid") -> dict[str, Any]:
    """One issue as OperationOutcome.issue; the Bangla text rides in HL7's translation extension."""
    details: dict[str, Any] = {"text": issue.text}
    if issue.rule:
        details["coding"] = [{"system": "http://dghs.gov.bd/fhir/rule", "code": issue.rule}]
    if issue.text_bn:
        translation = [{"url": "lang", "valueCode": "bn"}, {"url": "content", "valueString": issue.text_bn}]
        details["_text"] = {"extension": [{"url": TRANSLATION, "extension": translation}]}
    rendered: dict[str, Any] = {"severity": issue.severity, "code": issue.code or fallback_code, "details": details}
    if issue.diagnostics:
        rendered["diagnostics"] = issue.diagnostics
    if issue.expression:
        rendered["expression"] = [issue.expression]
    return rendered


def operation_outcome(issues: Iterable[Issue], *, fallback_code: str = "invalid") -> dict[str, Any]:
    """An OperationOutcome of at most ISSUES_LIMIT issues; none at all says "all ok", as FHIR asks."""
    rendered = [issue_json(issue, fallback_code=fallback_code) for issue in list(issues)[:ISSUES_LIMIT]]
    if not rendered:
        rendered = [{"severity": "information", "code": "informational", "details": {"text": "All OK"}}]
    return {"resourceType": "OperationOutcome", "issue": rendered}


def outcome_of(error: ShrError) -> dict[str, Any]:
    """The OperationOutcome of an error."""
    return operation_outcome(error.issues, fallback_code=ISSUE_TYPE[error.category])


def problem_of(error: ShrError) -> dict[str, Any]:
    """The RFC 9457 problem of an error, with the same located issues."""
    issues = [
        {"text": i.text} | {k: v for k in ("expression", "text_bn", "diagnostics") if (v := getattr(i, k))}
        for i in error.issues[:ISSUES_LIMIT]
    ]
    return {
        "type": f"about:blank#{error.category}",
        "title": str(error.category).replace("_", " "),
        "status": status_of(error),
        "detail": error.issues[0].text if error.issues else "",
        "issues": issues,
    }


def render(error: ShrError, path: str) -> Response:
    """The response of an error on a route."""
    fhir = path.startswith(FHIR_PREFIXES)
    body = _json(outcome_of(error) if fhir else problem_of(error))
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.category is Category.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="shr"'
    return Response(body, status_code=status_of(error), headers=headers, media_type=FHIR_JSON if fhir else PROBLEM_JSON)


def _json(content: dict[str, Any]) -> bytes:
    """Rendering an error never fails: what is no valid text (a lone surrogate that a caller sent) becomes ``?``."""
    try:
        return orjson.dumps(content)
    except TypeError:
        plain = json.dumps(content, ensure_ascii=False, default=str)
        return plain.encode("utf-8", "replace")


def _from_framework(error: StarletteHTTPException) -> ShrError:
    """Starlette's and FastAPI's own refusals; ours never are HTTPExceptions."""
    if error.status_code == 405:
        issue = Issue("This address does not take that method.", code="not-supported")
        return ShrError(Category.NOT_FOUND, issue, detail="method")
    if error.status_code == 404:
        return ShrError(Category.NOT_FOUND, Issue("There is nothing at this address.", code="not-found"))
    known = next((key for key, status in STATUS.items() if status == error.status_code), None)
    if known is None:
        return ShrError(Category.INVALID if error.status_code < 500 else Category.FAULT, str(error.detail))
    return ShrError(known[0], str(error.detail), detail=known[1])


def _from_request_validation(error: RequestValidationError) -> ShrError:
    if any(found["loc"][0] == "path" for found in error.errors()):  # /fhir/Nonsense: no such address, whatever else
        return ShrError(Category.NOT_FOUND, Issue("There is nothing at this address.", code="not-found"))
    located = []
    broken_json = False
    for found in error.errors()[:ISSUES_LIMIT]:
        broken_json = broken_json or found["type"] == "json_invalid"
        place = ".".join(str(part) for part in found["loc"] if part not in ("body", "query", "path", "header"))
        located.append(Issue(str(found["msg"]), expression=place or None, code="invalid"))
    return ShrError(Category.INVALID, located, detail="malformed" if broken_json else None)


def install(app: FastAPI) -> None:
    """Make every error of an app leave it in the promised form; an unforeseen one is logged and says only 500."""

    async def on_shr_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ShrError)  # noqa: S101 (registered for this type only)
        return render(error, request.url.path)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)  # noqa: S101
        return render(_from_framework(error), request.url.path)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return render(_from_request_validation(error), request.url.path)

    async def on_anything(request: Request, error: Exception) -> Response:
        # the template of the route, never the address itself: it may name a person
        route = getattr(request.scope.get("route"), "path", None)
        LOG.error("unforeseen", route=route, method=request.method, kind=type(error).__name__, exc_info=error)
        fault = ShrError(Category.FAULT, "Something went wrong on our side. Nothing was half-written. Try again.")
        return render(fault, request.url.path)

    app.add_exception_handler(ShrError, on_shr_error)
    app.add_exception_handler(StarletteHTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(Exception, on_anything)
