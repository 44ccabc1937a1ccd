"""No body above the limit is taken, however it is sent and whoever reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel
from shr_common.security import Anyone
from shr_common.service import Assembly, create_service
from shr_common.settings import ServiceSettings
from shr_common.testing import Issuer, running

LIMIT = 1000


class Body(BaseModel):
    """Read by FastAPI itself."""

    text: str


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/fhir")
    async def raw(request: Request, _caller: Anyone) -> dict[str, int]:
        return {"size": len(await request.body())}

    @router.post("/model")
    async def model(body: Body, _caller: Anyone) -> dict[str, int]:
        return {"size": len(body.text)}

    @router.post("/careless")
    async def careless(request: Request, _caller: Anyone) -> dict[str, str]:
        try:
            await request.body()
        except Exception:
            return {"said": "all is well"}
        return {"said": "small"}

    return router


@pytest.fixture
async def client(settings_of: Callable[..., ServiceSettings], issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    assembly = Assembly(routers=[routes()])
    async with running(create_service("records", settings_of(body_limit_bytes=LIMIT), assembly)) as opened:
        opened.headers.update(issuer.as_("registrar") | {"content-type": "application/json"})
        yield opened


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100):
        yield content[start : start + 100]


@pytest.mark.parametrize("chunked", [False, True])
async def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(client: httpx.AsyncClient, chunked: bool) -> None:
    def body(size: int) -> Any:
        return in_chunks(b"x" * size) if chunked else b"x" * size

    assert (await client.post("/fhir", content=body(LIMIT))).json() == {"size": LIMIT}
    refused = await client.post("/fhir", content=body(LIMIT + 1))
    assert refused.status_code == 413
    assert refused.json()["issue"][0]["code"] == "too-long"
    assert str(LIMIT) in refused.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize("path", ["/model", "/careless"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_answer_is_413_whoever_reads_the_body(client: httpx.AsyncClient, path: str, chunked: bool) -> None:
    """FastAPI turns an error of its own reading into 400, a careless handler into 200."""
    content = b'{"text": "' + b"x" * LIMIT + b'"}'
    refused = await client.post(path, content=in_chunks(content) if chunked else content)
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")


async def test_a_declared_size_that_is_a_lie_does_not_help(client: httpx.AsyncClient) -> None:
    async def lying() -> AsyncIterator[bytes]:
        yield b"x" * (LIMIT + 1)

    refused = await client.post("/fhir", content=lying(), headers={"content-length": "10"})
    assert refused.status_code == 413
