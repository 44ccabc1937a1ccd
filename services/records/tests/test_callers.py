"""A source is ``system/facility``: whoever submits or reads here says at least the system; nobody is called unknown."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

ROUTES = [
    ("POST", "/fhir"),
    ("POST", "/submissions/fhir.bundle"),
    ("POST", "/check"),
    ("POST", "/check/fhir.bundle"),
    ("POST", "/fhir/Observation"),
    ("PUT", "/fhir/Observation/x"),
    ("DELETE", "/fhir/Observation/x"),
    ("GET", "/fhir/Observation/x"),
    ("GET", "/fhir/Observation/x/_history"),
    ("GET", "/fhir/Observation/x/_history/1"),
    ("GET", "/submissions"),
    ("GET", "/submissions/payload"),
    ("GET", "/submissions/unknown%2Funknown/x"),
    ("GET", "/submissions/unknown%2Funknown/x/payload"),
    ("GET", "/quarantine"),
]


async def ask(service: Any, method: str, path: str, **claims: Any) -> Any:
    headers = service.issuer.as_("source_system", **claims) | {"Content-Type": "application/fhir+json"}
    body = json.dumps(service.bundle(service.observation())).encode() if method in ("POST", "PUT") else None
    return await service.client.request(method, path, content=body, headers=headers)


@pytest.mark.parametrize("claims", [{}, {"source": ""}, {"source": "  "}, {"facility": "10000001"}], ids=str)
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_source_system_that_does_not_say_which_is_refused(service, method, path, claims):
    before = await service.database["submissions"].count_documents({})
    answer = await ask(service, method, path, **claims)
    assert answer.status_code == 403, answer.text
    (issue,) = answer.json()["issue"]
    assert issue["code"] == "forbidden" and "source" in issue["details"]["text"]
    assert "_text" in issue["details"]  # in Bangla as well
    assert await service.database["submissions"].count_documents({}) == before


async def test_a_source_without_a_facility_is_of_an_unknown_one_and_may_submit(service):
    key, system = str(uuid.uuid4()), "aalo"
    headers = service.issuer.as_("source_system", source=system) | {"Idempotency-Key": key}
    body = json.dumps(service.bundle(service.observation())).encode()
    answer = await service.client.post("/fhir", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-location"] == f"/submissions/aalo%2Funknown/{key}"
    found = await service.client.get(answer.headers["content-location"], headers=headers)
    assert found.json()["source"] == "aalo/unknown"
    path = found.json()["resources"][0].partition("/_history")[0]
    read = await service.client.get(f"/fhir/{path}", headers=headers)
    assert read.status_code == 403  # no author's right


async def test_an_administrator_needs_no_source_to_look_after_submissions(service):
    headers = service.issuer.as_("administrator")
    assert (await service.client.get("/quarantine", headers=headers)).status_code == 200
    missing = await service.client.get("/submissions?source=openmrs/10000001&id=none", headers=headers)
    assert missing.status_code == 404
    body = json.dumps(service.bundle(service.observation())).encode()
    assert (await service.client.post("/check", content=body, headers=headers)).json()["verdict"] == "recorded"
