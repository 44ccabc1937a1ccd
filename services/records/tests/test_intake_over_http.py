"""POST /fhir: recorded, repeated, parked, rejected; each answer located and the same at every repeat."""

from __future__ import annotations

import json
import uuid

import pytest
from shr_common.identifiers import NID


@pytest.fixture(scope="module")
def kit():
    """Builders of the neighbouring conftest."""
    import sys

    return sys.modules[[name for name in sys.modules if name.endswith("conftest") and hasattr(sys.modules[name], "observation")][0]]


async def test_a_bundle_of_a_known_person_is_recorded_and_answered_as_fhir_clients_expect(service, kit):
    answer = await service.submit(kit.bundle(kit.observation(), id=str(uuid.uuid4())))
    assert answer.status_code == 200, answer.text
    entry = answer.json()["entry"][0]["response"]
    assert answer.json()["type"] == "transaction-response"
    assert entry["status"] == "201 Created"
    assert entry["etag"] == 'W/"1"'
    assert entry["location"].startswith("Observation/") and entry["location"].endswith("/_history/1")
    assert answer.headers["content-location"].startswith("/submissions/openmrs%2F10000001/")
