"""The registry over HTTP and Kafka, on the real broker and database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from shr_common.security import ROLES, allowed_roles
from shr_common.testing import Issuer, Topics, running
from shr_registry.main import create_app
from shr_registry.settings import Settings


class Registry:
    """The service under test and who talks to it."""

    def __init__(self, client: httpx.AsyncClient, app: FastAPI, issuer: Issuer, topics: Topics) -> None:
        self.client, self.app, self.issuer, self.topics = client, app, issuer, topics
        self.administrator = issuer.as_("administrator")
        self.doctor = issuer.as_("practitioner", practitioner="20000001", facility="10000001")

    async def imports(self, content: str | bytes, **query: Any) -> httpx.Response:
        """An administrator imports a file."""
        return await self.client.post("/imports", content=content, params=query, headers=self.administrator)

    async def asks(self, path: str, **query: Any) -> httpx.Response:
        """A doctor reads."""
        return await self.client.get(path, params=query, headers=self.doctor)


@pytest.fixture(scope="module")
async def registry(
    mongo_uri: str, kafka_bootstrap: str, kafka_topics: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registry]:
    issuer = Issuer(Path(tmp_path_factory.mktemp("keys")))
    settings = Settings(
        mongo_uri=mongo_uri, kafka_bootstrap=kafka_bootstrap, namespace=f"t{uuid4().hex[:8]}", **issuer.settings()
    )
    app = create_app(settings)
    topics = Topics(kafka_bootstrap)
    async with running(app) as client:
        yield Registry(client, app, issuer, topics)
    await topics.stop()


async def test_an_empty_registry_in_development_has_the_hospitals_and_staff_of_the_demonstration(
    registry: Registry,
) -> None:
    hospital = (await registry.asks("/fhir/Organization/10000001")).json()
    assert hospital["name"] == "Shapla Medical College Hospital, Dhaka"
    assert hospital["meta"]["versionId"] == "1"
    doctor = (await registry.asks("/fhir/Practitioner/20000002")).json()
    assert [name["text"] for name in doctor["name"]] == ["Dr. Nazmul Karim", "ডা. নাজমুল করিম"]
    [found] = await registry.topics.read(
        "registry.changed", where=lambda r: "PractitionerRole/20000002-1" in (r.key or "")
    )
    value = json.loads(found.value)
    assert (value["practitioner"], value["facility"], value["version"]) == ("20000002", "10000002", 1)
    assert value["period"]["start"] == "2022-07-01"


async def test_importing_the_same_file_again_changes_nothing(registry: Registry) -> None:
    content = "code,name,active\n30000001,Jamuna Clinic,true\n"
    first = (await registry.imports(content)).json()
    again = (await registry.imports(content)).json()
    assert (first["created"], again["created"], again["unchanged"]) == (1, 0, 1)
    assert first["lines"][0]["resources"] == ["Organization/30000001", "Location/30000001"]
    closed = (await registry.imports("code,name,active\n30000001,Jamuna Clinic,closed\n")).json()
    assert closed["updated"] == 1
    history = (await registry.asks("/fhir/Organization/30000001/_history")).json()
    assert [entry["resource"]["active"] for entry in history["entry"]] == [False, True]
    assert (await registry.asks("/fhir/Organization/30000001/_history/1")).json()["active"] is True
    events = await registry.topics.read("registry.changed", where=lambda r: r.key == "Organization/30000001", count=2)
    assert [json.loads(event.value)["active"] for event in events] == [True, False]


async def test_a_bad_line_is_refused_with_its_place_and_the_others_are_imported(registry: Registry) -> None:
    content = "practitioner,facility,role,start\n20000003,10000002,doctor,2025-01-01\n29999999,10000002,doctor,x\n"
    answer = (await registry.imports(content, first_line=52)).json()
    assert [line["state"] for line in answer["lines"]] == ["created", "rejected"]
    assert answer["lines"][1]["issues"] == [
        {"expression": "line[53].start", "text": "Line 53: start is no date of the form YYYY-MM-DD."}
    ]


@pytest.mark.parametrize("content", [b"\xff\xfe", b'code,name\n1,"open\n', b"", b"code,name\n1,\x00\n"])
async def test_what_is_no_csv_is_refused_in_one_clear_answer(registry: Registry, content: bytes) -> None:
    answer = await registry.imports(content)
    assert answer.status_code in (200, 400, 422), answer.text
    assert answer.status_code != 200 or answer.json()["rejected"] == 1


async def test_concurrent_imports_of_one_facility_make_versions_one_after_the_other(registry: Registry) -> None:
    answers = await asyncio.gather(*(registry.imports(f"code,name\n30000009,Clinic {number}\n") for number in range(8)))
    assert all(answer.status_code == 200 for answer in answers)
    history = (await registry.asks("/fhir/Organization/30000009/_history")).json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == [str(n) for n in range(8, 0, -1)]


async def test_searching_by_name_in_both_scripts_identifier_and_references(registry: Registry) -> None:
    async def ids(path: str, **query: Any) -> list[str]:
        answer = await registry.asks(path, **query)
        assert answer.status_code == 200, answer.text
        return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]

    assert await ids("/fhir/Organization", name="padma") == ["10000002"]
    assert await ids("/fhir/Organization", name="পদ্মা") == ["10000002"]
    assert await ids("/fhir/Organization", **{"name:contains": "medical college"}) == ["10000001"]
    assert await ids("/fhir/Practitioner", name="nazmul,farhana") == ["20000001", "20000002"]
    system = "http://hrm.dghs.gov.bd/facilities/code"
    assert await ids("/fhir/Organization", identifier=f"{system}|10000003") == ["10000003"]
    assert await ids("/fhir/Location", organization="Organization/10000003") == ["10000003"]
    assert await ids("/fhir/Organization", _id="10000001,10000005", active="true") == ["10000001", "10000005"]
    [role] = await ids("/fhir/PractitionerRole", practitioner="Practitioner/20000001")
    assert role.startswith("20000001-10000001-")
    assert await ids("/fhir/HealthcareService", organization="10000002") == ["10000002-cardiology", "10000002-medicine"]
    with_staff = await registry.asks(
        "/fhir/PractitionerRole", practitioner="20000001", _include="PractitionerRole:practitioner"
    )
    modes = [entry["search"]["mode"] for entry in with_staff.json()["entry"]]
    assert modes == ["match", "include"]


async def test_pages_follow_links_that_begin_with_the_address_of_the_request(registry: Registry) -> None:
    headers = {**registry.doctor, "Host": "registry.example:8443"}
    answer = await registry.client.get("/fhir/Practitioner?_count=2", headers=headers)
    seen: list[str] = []
    while True:
        body = answer.json()
        seen += [entry["resource"]["id"] for entry in body["entry"]]
        url = next((link["url"] for link in body["link"] if link["relation"] == "next"), None)
        if url is None:
            break
        assert url.startswith("http://registry.example:8443/fhir/Practitioner?")
        answer = await registry.client.get(url.removeprefix("http://registry.example:8443"), headers=headers)
    assert len(seen) == len(set(seen)) == body["total"] >= 5


@pytest.mark.parametrize(
    "query",
    ["colour=red", "_count=x", "_count=-1", "active=maybe", "_lastUpdated=soon", "name:missing=true", "_include=x"],
)
async def test_a_parameter_that_cannot_be_used_is_named(registry: Registry, query: str) -> None:
    answer = await registry.client.get(f"/fhir/Organization?{query}", headers=registry.doctor)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"][0] == query.partition("=")[0]


@pytest.mark.parametrize("query", ["name=.*", "name=$where", 'identifier={"$ne":1}', "_id[$ne]=1", "name=%00%ff"])
async def test_operators_in_a_query_are_only_text(registry: Registry, query: str) -> None:
    answer = await registry.client.get(f"/fhir/Organization?{query}", headers=registry.doctor)
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or answer.json()["total"] == 0


async def test_hr_posts_somebody_and_ends_the_posting(registry: Registry) -> None:
    hr = registry.issuer.as_("source_system", source="hr", facility="10000001")
    told = {"practitioner": "20000004", "facility": "10000002", "role": "doctor", "start": "2026-01-01"}
    first = await registry.client.post("/postings", json=told, headers=hr)
    again = await registry.client.post("/postings", json=told, headers=hr)
    ended = await registry.client.post("/postings", json=told | {"end": "2026-06-30"}, headers=hr)
    assert [first.status_code, again.status_code, ended.status_code] == [201, 200, 200]
    assert first.json()["id"] == ended.json()["id"]
    listed = (await registry.asks("/postings", practitioner="20000004")).json()
    assert [(p["facility"], p["end"]) for p in listed["postings"]] == [("10000002", "2026-06-30"), ("10000003", None)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"practitioner": NaN}', 400),
        (b'{"practitioner": "\\ud800"}', 400),
        (b'{"a": 1, "a": 1}', 400),
        (b'{"$where": "1"}', 422),
        (b'{"practitioner": {"$ne": 1}, "facility": "1", "role": "x"}', 422),
        (b'{"practitioner": "20000001"}', 422),
        (b'{"practitioner": "1", "facility": "10000001", "role": "doctor"}', 422),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
    ],
)
async def test_a_bad_posting_is_refused_and_located(registry: Registry, body: bytes, status: int) -> None:
    answer = await registry.client.post("/postings", content=body, headers=registry.administrator)
    assert answer.status_code == status, answer.text


async def test_unknown_things_are_not_found(registry: Registry) -> None:
    for path in (
        "/fhir/Organization/nobody",
        "/fhir/Organization/10000001/_history/99",
        "/fhir/Organization/x/_history",
    ):
        assert (await registry.asks(path)).status_code == 404
    assert (await registry.asks("/fhir/Patient")).status_code == 404


async def test_metadata_is_public_and_all_else_needs_a_token(registry: Registry) -> None:
    assert (await registry.client.get("/fhir/metadata")).json()["resourceType"] == "CapabilityStatement"
    for method, path in (("GET", "/fhir/Organization"), ("POST", "/imports"), ("GET", "/postings")):
        assert (await registry.client.request(method, path)).status_code == 401


async def test_the_role_table(registry: Registry) -> None:
    said = {
        (method, route.path): allowed_roles(route)
        for router in registry.app.state.assembly.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert said.pop(("GET", "/fhir/metadata")) is None
    assert said.pop(("POST", "/imports")) == {"administrator", "registrar"}
    assert said.pop(("POST", "/postings")) == {"administrator", "source_system"}
    assert all(roles == ROLES for roles in said.values())
    other = registry.issuer.as_("source_system", source="openmrs", facility="10000001")
    assert (await registry.client.post("/postings", json={}, headers=other)).status_code == 403
    assert (await registry.client.post("/imports", content="", headers=registry.doctor)).status_code == 403
