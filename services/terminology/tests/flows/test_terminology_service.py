"""The terminology service over HTTP and Kafka, on the real broker and database."""

from __future__ import annotations

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
from shr_common.testing import Issuer, Topics, eventually, running
from shr_terminology.main import create_app
from shr_terminology.settings import Settings

LOINC = "http://loinc.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SHAPLA = "http://shapla.example.org/openmrs/concept"


class Server:
    """The service under test, a replica beside it, and who talks to them."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, replica: httpx.AsyncClient, issuer: Issuer) -> None:
        self.app, self.client, self.replica = app, client, replica
        self.administrator = issuer.as_("administrator")
        self.analyst = issuer.as_("analyst")
        self.topics: Topics

    async def gets(self, path: str, **query: Any) -> httpx.Response:
        """An analyst asks."""
        return await self.client.get(f"/fhir/{path}", params=query, headers=self.analyst)

    async def posts(self, path: str, *parameters: dict[str, Any]) -> httpx.Response:
        """The same with Parameters."""
        body = {"resourceType": "Parameters", "parameter": list(parameters)}
        return await self.client.post(f"/fhir/{path}", json=body, headers=self.analyst)

    async def loads(self, content: Any) -> httpx.Response:
        """An administrator loads a file."""
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await self.client.post("/loads", content=raw, headers=self.administrator)


@pytest.fixture(scope="module")
async def server(
    mongo_uri: str, kafka_bootstrap: str, kafka_topics: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    issuer = Issuer(Path(tmp_path_factory.mktemp("keys")))
    common = {"mongo_uri": mongo_uri, "kafka_bootstrap": kafka_bootstrap, "namespace": f"t{uuid4().hex[:8]}"}
    settings = Settings(**common, index_poll_s=0.1, **issuer.settings())
    app = create_app(settings)
    async with running(app) as client, running(create_app(settings)) as replica:
        found = Server(app, client, replica, issuer)
        found.topics = Topics(kafka_bootstrap)
        yield found
        await found.topics.stop()


def said(answer: httpx.Response) -> dict[str, Any]:
    """The Parameters of an answer by name (the last of each)."""
    assert answer.status_code == 200, answer.text
    return {p["name"]: next((v for k, v in p.items() if k != "name"), None) for p in answer.json()["parameter"]}


def color(version: str = "1", **more: Any) -> dict[str, Any]:
    """A code system to load."""
    return {
        "resourceType": "CodeSystem",
        "id": "colors",
        "url": "http://example.org/colors",
        "version": version,
        "status": "active",
        "content": "complete",
        "concept": [{"code": "red", "display": "Red"}],
    } | more


async def test_lookup_tells_all_about_a_code(server: Server) -> None:
    found = (await server.gets("CodeSystem/$lookup", system=LOINC, code="8480-6")).json()["parameter"]
    assert {"name": "display", "valueString": "Systolic blood pressure"} in found
    bangla = await server.gets("CodeSystem/$lookup", system=ICD10, code="I10", displayLanguage="bn")
    assert said(bangla)["display"] == "উচ্চ রক্তচাপ"
    parent = await server.gets("CodeSystem/$lookup", coding=f"{ICD10}|E11.9", property="parent")
    assert said(parent)["property"][1] == {"name": "value", "valueCode": "E11"}
    posted = await server.posts(
        "CodeSystem/$lookup", {"name": "coding", "valueCoding": {"system": LOINC, "code": "8480-6"}}
    )
    assert said(posted)["name"] == "DemoLoinc"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"system": LOINC, "code": "nothing"}, 404, "not-found"),
        ({"system": "urn:none", "code": "x"}, 404, "not-found"),
        ({"system": LOINC}, 400, "required"),
        ({"code": "8480-6"}, 400, "required"),
        ({"system": LOINC, "code": ["a", "b"]}, 400, "invalid"),
        ({"system": LOINC, "code": "x" * 3000}, 400, "invalid"),
    ],
)
async def test_a_lookup_that_cannot_be_answered_says_why(
    server: Server, query: dict[str, Any], status: int, code: str
) -> None:
    answer = await server.gets("CodeSystem/$lookup", **query)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (status, code)


async def test_validate_code_by_url_or_system_get_or_post(server: Server) -> None:
    for name in ("url", "system"):
        found = said(await server.gets("CodeSystem/$validate-code", **{name: LOINC, "code": "8480-6"}))
        assert (found["result"], found["display"]) == (True, "Systolic blood pressure")
    unknown = said(await server.gets("CodeSystem/$validate-code", url=LOINC, code="0-0"))
    assert unknown["result"] is False
    assert "only a part" in unknown["message"]
    codings = [{"system": "urn:none", "code": "x"}, {"system": ICD10, "code": "I10"}]
    concept = {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings[1:]}}
    assert said(await server.posts("CodeSystem/$validate-code", concept))["result"] is True
    assert (await server.gets("CodeSystem/$validate-code", url="urn:none", code="x")).status_code == 404
    assert said(await server.gets("CodeSystem/demo-icd-10/$validate-code", code="I10"))["result"] is True
    assert (await server.gets("CodeSystem/nothing/$validate-code", code="I10")).status_code == 404


async def test_subsumes(server: Server) -> None:
    async def outcome(a: str, b: str) -> Any:
        return said(await server.gets("CodeSystem/$subsumes", system=ICD10, codeA=a, codeB=b))["outcome"]

    assert await outcome("E11", "E11.9") == "subsumes"
    assert await outcome("E11.9", "E11") == "subsumed-by"
    assert await outcome("E11", "E11") == "equivalent"
    assert await outcome("E11", "I10") == "not-subsumed"


async def test_expand_pages_filters_and_speaks_bangla(server: Server) -> None:
    url = "http://dghs.gov.bd/fhir/ValueSet/vital-signs"
    first = (await server.gets("ValueSet/$expand", url=url, count=2, offset=1)).json()["expansion"]
    assert (first["total"], first["offset"]) == (11, 1)
    assert [c["code"] for c in first["contains"]] == ["8462-4", "85354-9"]
    heart = (await server.gets("ValueSet/vital-signs/$expand", filter="heart", displayLanguage="bn")).json()
    assert [c["display"] for c in heart["expansion"]["contains"]] == ["হৃৎস্পন্দনের হার"]
    diabetes = {"include": [{"system": ICD10, "filter": [{"property": "concept", "op": "is-a", "value": "E11"}]}]}
    brought = {"resourceType": "ValueSet", "status": "active", "compose": diabetes}
    answer = await server.posts("ValueSet/$expand", {"name": "valueSet", "resource": brought})
    assert [c["code"] for c in answer.json()["expansion"]["contains"]] == ["E11", "E11.2", "E11.9"]
    implicit = await server.gets("ValueSet/$expand", url=f"{ICD10}?fhir_vs=isa/O14")
    assert implicit.json()["expansion"]["total"] == 3


async def test_validate_code_in_a_value_set(server: Server) -> None:
    url = "http://dghs.gov.bd/fhir/ValueSet/diabetes"
    assert said(await server.gets("ValueSet/$validate-code", url=url, system=ICD10, code="E11.9"))["result"] is True
    outside = said(await server.gets("ValueSet/$validate-code", url=url, system=ICD10, code="I10"))
    assert (outside["result"], "is not in" in outside["message"]) == (False, True)
    assert said(await server.gets("ValueSet/$validate-code", url=url, code="5A11"))["result"] is True
    assert (await server.gets("ValueSet/$validate-code", url="urn:none", code="x")).status_code == 404


async def test_translate_a_concept_of_the_hospitals_own(server: Server) -> None:
    found = await server.gets("ConceptMap/$translate", system=SHAPLA, code="SMCH-DM2", targetsystem=ICD10)
    match = {part["name"]: part for part in said(found)["match"]}
    assert match["concept"]["valueCoding"]["code"] == "E11.9"
    assert match["equivalence"]["valueCode"] == "equivalent"
    none = said(await server.gets("ConceptMap/$translate", system=SHAPLA, code="SMCH-BETEL"))
    assert (none["result"], "match" in none) == (False, False)
    instance = await server.gets("ConceptMap/ciel-to-national/$translate", system="urn:x", code="5085")
    assert said(instance)["result"] is False


async def test_loading_publishes_replaces_and_reaches_every_replica(server: Server) -> None:
    first = (await server.loads(color())).json()["artefacts"]
    again = (await server.loads(color())).json()["artefacts"]
    assert (first[0]["state"], again[0]["state"]) == ("created", "unchanged")
    own = await server.gets("CodeSystem/$validate-code", url="http://example.org/colors", code="red")
    assert said(own)["result"] is True
    changed = color(concept=[{"code": "blue", "display": "Blue", "designation": [{"language": "bn", "value": "নীল"}]}])
    assert (await server.loads(changed)).json()["artefacts"][0]["state"] == "updated"

    async def replica_knows() -> bool:
        query = "url=http://example.org/colors&code=blue"
        answer = await server.replica.get(f"/fhir/CodeSystem/$validate-code?{query}", headers=server.analyst)
        return answer.status_code == 200 and said(answer)["result"] is True

    await eventually(replica_knows, what="the replica's new index")
    events = await server.topics.read(
        "terminology.changed", where=lambda r: r.key == "http://example.org/colors", count=2
    )
    one, two = (json.loads(event.value) for event in events)
    assert one["version"] < two["version"]
    assert two["concepts"] == [
        {"system": "http://example.org/colors", "code": "blue", "display": "Blue", "display_bn": "নীল"}
    ]


async def test_two_versions_live_side_by_side_and_ids_stay_unique(server: Server) -> None:
    older, newer = color("7", url="http://example.org/v"), color("8", url="http://example.org/v", concept=[])
    del newer["concept"]
    loaded = (
        await server.loads(
            {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": older}, {"resource": newer}]}
        )
    ).json()
    assert len(loaded["artefacts"]) == 2
    query = {"url": "http://example.org/v", "code": "red"}
    assert said(await server.gets("CodeSystem/$validate-code", **query, version="7"))["result"] is True
    assert said(await server.gets("CodeSystem/$validate-code", **query))["result"] is False
    found = (await server.gets("CodeSystem", url="http://example.org/v")).json()
    assert len({entry["resource"]["id"] for entry in found["entry"]}) == 2


async def test_reads_and_searches(server: Server) -> None:
    whole = (await server.gets("CodeSystem/demo-loinc")).json()
    assert whole["concept"][0]["code"] == "8480-6"
    found = (await server.gets("ValueSet", title="vital")).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["vital-signs"]
    page = (await server.gets("CodeSystem", _count=2)).json()
    assert [link["relation"] for link in page["link"]] == ["self", "next"]
    assert page["link"][1]["url"].startswith("http://service.test/fhir/CodeSystem?_count=2&_offset=2")
    assert (await server.gets("CodeSystem", colour="red")).status_code == 400
    assert (await server.gets("CodeSystem/nothing")).status_code == 404
    assert (await server.gets("Nonsense/nothing")).status_code == 404
    assert (await server.loads({})).json()["issues"][0]["expression"] == "resourceType"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"resourceType": "CodeSystem", "resourceType": "ValueSet"}', 400),
        (b'{"resourceType": NaN}', 400),
        (b'{"resourceType": "\\ud800"}', 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b'{"$where": "1"}', 422),
        ({"resourceType": "Patient"}, 422),
        (color(concept=[{"display": "no code"}]), 422),
        (color(concept=[{"code": "a"}, {"code": "a"}]), 422),
    ],
)
async def test_what_cannot_be_loaded_is_refused_and_located(server: Server, content: Any, status: int) -> None:
    answer = await server.loads(content)
    assert answer.status_code == status, answer.text
    issue = answer.json()["issues"][0]
    assert issue.get("expression") or issue.get("diagnostics")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"resourceType": "Patient"}',
        b'{"resourceType": "Parameters", "parameter": {}}',
        b'{"resourceType": "Parameters", "parameter": [{"name": "code"}]}',
        b'{"resourceType": "Parameters", "parameter": [{"name": "code", "valueCode": {"$ne": 1}}]}',
        b'{"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": {"code": 3}}]}',
        b'{"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": {"resourceType": "Patient"}}]}',
        b'{"resourceType": "Parameters", "parameter": [{"name": "codeableConcept", "valueCodeableConcept": {}}]}',
        b'{"resourceType": "Parameters", "parameter": ["x", 1, null]}',
    ],
)
@pytest.mark.parametrize("path", ["CodeSystem/$validate-code", "ValueSet/$expand", "ConceptMap/$translate"])
async def test_bad_parameters_are_refused_never_a_fault(server: Server, path: str, body: bytes) -> None:
    answer = await server.client.post(f"/fhir/{path}", content=body, headers=server.analyst)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_metadata_is_public_and_tells_what_is_loaded(server: Server) -> None:
    full = (await server.client.get("/fhir/metadata")).json()
    assert full["resourceType"] == "CapabilityStatement"
    terms = (await server.client.get("/fhir/metadata?mode=terminology")).json()
    assert LOINC in [system["uri"] for system in terms["codeSystem"]]


async def test_the_role_table(server: Server) -> None:
    table = {
        (method, route.path): allowed_roles(route)
        for router in server.app.state.assembly.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert table.pop(("GET", "/fhir/metadata")) is None
    assert table.pop(("POST", "/loads")) == {"administrator"}
    assert len(table) == 24
    assert all(roles == ROLES for roles in table.values())
    assert (await server.client.get(f"/fhir/CodeSystem/$lookup?system={LOINC}&code=8480-6")).status_code == 401
    assert (await server.client.post("/loads", content=b"{}", headers=server.analyst)).status_code == 403
