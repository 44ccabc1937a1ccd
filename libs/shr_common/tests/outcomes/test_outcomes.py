"""Every error leaves a service in the promised form, whatever text it carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import FastAPI, Path, Query
from pydantic import BaseModel
from shr_common import outcomes
from shr_common.errors import Category, Issue, ShrError
from starlette.exceptions import HTTPException


class Body(BaseModel):
    """What a route may ask for."""

    name: str
    count: int


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    outcomes.install(app)
    app.state.error = None

    async def fail() -> None:
        raise app.state.error

    async def take(_body: Body, _page: Annotated[int, Query()] = 1) -> None: ...

    async def typed(
        _kind: Annotated[Literal["Patient"], Path(alias="kind")], _limit: Annotated[int, Query(alias="limit")] = 1
    ) -> None: ...

    app.add_api_route("/fhir/typed/{kind}", typed, methods=["GET"])
    for path in ("/fhir/Patient", "/other", "/persons/{health_id}"):
        app.add_api_route(path, fail, methods=["GET"])
        app.add_api_route(path, take, methods=["POST"])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        opened.app = app  # type: ignore[attr-defined]
        yield opened


async def failing(client: Any, path: str, error: Exception) -> httpx.Response:
    client.app.state.error = error
    answer: httpx.Response = await client.get(path)
    return answer


STATUSES = [
    (Category.INVALID, None, 422, "invalid"),
    (Category.INVALID, "malformed", 400, "invalid"),
    (Category.INVALID, "media-type", 415, "invalid"),
    (Category.NOT_FOUND, None, 404, "not-found"),
    (Category.NOT_FOUND, "gone", 410, "not-found"),
    (Category.CONFLICT, None, 409, "conflict"),
    (Category.CONFLICT, "stale", 412, "conflict"),
    (Category.CONFLICT, "a detail that nobody mapped", 409, "conflict"),
    (Category.FORBIDDEN, None, 403, "forbidden"),
    (Category.UNAUTHENTICATED, None, 401, "login"),
    (Category.TOO_LARGE, None, 413, "too-long"),
    (Category.BUSY, None, 429, "throttled"),
    (Category.UNAVAILABLE, None, 503, "transient"),
    (Category.FAULT, None, 500, "exception"),
]


@pytest.mark.parametrize(("category", "detail", "status", "code"), STATUSES)
async def test_every_category_has_its_status_in_both_forms(
    client: Any, category: Category, detail: str | None, status: int, code: str
) -> None:
    error = ShrError(category, Issue("Plain words.", expression="Bundle.entry[2]"), detail=detail, retry_after_s=3)
    fhir = await failing(client, "/fhir/Patient", error)
    assert (fhir.status_code, fhir.headers["content-type"]) == (status, "application/fhir+json")
    assert fhir.json() == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": code,
                "details": {"text": "Plain words."},
                "expression": ["Bundle.entry[2]"],
            }
        ],
    }
    problem = await failing(client, "/other", error)
    assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")
    body = problem.json()
    assert (body["status"], body["detail"]) == (status, "Plain words.")
    assert body["issues"] == [{"text": "Plain words.", "expression": "Bundle.entry[2]"}]
    assert problem.headers["retry-after"] == "3"
    assert ("www-authenticate" in problem.headers) is (status == 401)


def test_every_category_is_mapped() -> None:
    assert {category for category, _ in outcomes.STATUS} == set(Category)
    assert set(outcomes.ISSUE_TYPE) == set(Category)


def test_a_bangla_text_rides_in_the_translation_extension() -> None:
    rendered = outcomes.issue_json(Issue("The name is missing.", text_bn="নাম নেই।", rule="bd-1", diagnostics="line 2"))
    assert rendered["details"] == {
        "text": "The name is missing.",
        "coding": [{"system": "http://dghs.gov.bd/fhir/rule", "code": "bd-1"}],
        "_text": {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/translation",
                    "extension": [{"url": "lang", "valueCode": "bn"}, {"url": "content", "valueString": "নাম নেই।"}],
                }
            ]
        },
    }
    assert rendered["diagnostics"] == "line 2"


def test_an_outcome_has_a_thousand_issues_at_most_and_says_ok_without_any() -> None:
    assert len(outcomes.operation_outcome(Issue(str(n)) for n in range(5000))["issue"]) == 1000
    assert outcomes.operation_outcome([])["issue"][0]["severity"] == "information"


@pytest.mark.parametrize("text", ["a lone \ud800 surrogate", "\x00", "NaN", "\u2028", "১২৩"])
@pytest.mark.parametrize("path", ["/fhir/Patient", "/other"])
async def test_no_text_breaks_the_rendering_of_an_error(client: Any, path: str, text: str) -> None:
    error = ShrError(Category.INVALID, Issue(text, expression=text, diagnostics=text, text_bn=text))
    answer = await failing(client, path, error)
    assert answer.status_code == 422
    json.loads(answer.content)


@pytest.mark.parametrize("path", ["/fhir/Patient", "/other", "/persons/98000000018"])
async def test_an_unforeseen_exception_tells_nobody_what_it_says(
    client: Any, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await failing(client, path, ValueError("NID 1234567890123 of Rahima"))
    assert answer.status_code == 500
    assert "1234567890123" not in answer.text
    logged = capsys.readouterr().out
    assert "1234567890123" not in logged
    assert "98000000018" not in logged
    line = json.loads(logged.splitlines()[-1])
    assert (line["event"], line["exception"]) == ("unforeseen", "ValueError")
    assert line["route"] == path.replace("98000000018", "{health_id}")
    assert any("test_outcomes.py" in frame for frame in line["frames"])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"{", 400),
        (b'{"name": "a"', 400),
        (b"{}", 422),
        (b'{"name": 1, "count": "x"}', 422),
        (b'{"name": "\\ud800", "count": NaN}', 422),
        (b'{"name": "a", "count": "' + b"\xff\xfe" + b'"}', 400),
        (b"[" * 100_000, 400),
        (b'{"$where": 1}', 422),
    ],
)
async def test_bad_bodies_are_refused_with_a_place_and_never_break(client: Any, sent: bytes, status: int) -> None:
    for path in ("/fhir/Patient", "/other"):
        answer = await client.post(path, content=sent, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text
        json.loads(answer.content)


async def test_a_place_in_a_body_is_named_and_what_stood_there_is_not_repeated(client: Any) -> None:
    answer = await client.post("/other?_page=x", json={"name": "a", "count": "1234567890123x"})
    assert [issue["expression"] for issue in answer.json()["issues"]] == ["_page", "count"]
    assert "1234567890123x" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"), [(HTTPException(s), s) for s in (400, 401, 403, 404, 405, 413, 415, 429, 503)]
)
async def test_what_the_framework_refuses_keeps_its_status(client: Any, error: HTTPException, status: int) -> None:
    assert (await failing(client, "/fhir/Patient", error)).status_code == status


async def test_an_unknown_address_and_a_wrong_method_are_told_apart(client: Any) -> None:
    assert (await client.get("/fhir/nothing")).status_code == 404
    assert (await client.delete("/fhir/Patient")).status_code == 405


async def test_a_cancelled_request_is_no_error(client: Any) -> None:
    client.app.state.error = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await client.get("/other")


async def test_a_part_of_an_address_that_cannot_be_is_no_address(client: Any) -> None:
    answer = await client.get("/fhir/typed/Nonsense")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (404, "not-found")
    assert (await client.get("/fhir/typed/Patient?limit=x")).status_code == 422
