"""On the whole running system: NID, BRN and phone are found in no store, topic, log or metric of any service."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from pymongo import AsyncMongoClient
from shr_common.testing.topics import everything_published
from shr_contracts.topics import ALL_TOPICS
from shr_local.services import SERVICE_NAMES
from shr_local.testing.people import NID, People, a_bundle, a_number, a_person, an_observation

AS_SENT = ("patient.submitted", "encounter.submitted")
"""What sources write themselves; what services forward there has its numbers sealed, and is looked at by healthid's."""


async def places_of(people: People) -> dict[str, bytes]:
    """Everything that is kept or shown: by where, its bytes."""
    from bson.raw_bson import DEFAULT_RAW_BSON_OPTIONS

    stack, found = people.stack, {}
    client: AsyncMongoClient[Any] = AsyncMongoClient(stack.mongo_uri)
    try:
        for name in await client.list_database_names():
            if name.startswith("shr_"):
                database = client.get_database(name, codec_options=DEFAULT_RAW_BSON_OPTIONS)
                for one in await database.list_collection_names():
                    found[f"{name}.{one}"] = b"".join([document.raw async for document in database[one].find()])
    finally:
        await client.close()
    for file in (stack.folder / "logs").glob("*.log"):
        if file.stem not in ("kafka", "mongo", "mongod"):
            found[f"log of {file.stem}"] = file.read_bytes()
    for service in SERVICE_NAMES:
        found[f"metrics of {service}"] = (await people.client.get(stack.url(service, "/metrics"))).content
    return found | await everything_published(
        stack.kafka_bootstrap, [one.name for one in ALL_TOPICS if one.name not in AS_SENT]
    )


async def test_numbers_and_phones_of_a_visit_are_found_nowhere(people: People) -> None:
    nid, other, unknown = a_number(), a_number(), f"{a_number()[:-3]}000"
    phones = [f"17{secrets.randbelow(10**8):08d}" for _ in range(3)]
    telecom = [[{"system": "phone", "value": f"+880{phone}"}] for phone in phones]
    health_id = await people.registers({**a_person(nid), "telecom": telecom[0]})
    refused = await people.client.post(
        people.stack.url("healthid", "/fhir/Patient"), json=a_person(unknown), headers=people.hospital()
    )
    assert refused.status_code == 422
    by_number = {**a_person(nid), "id": str(uuid.uuid4()), "telecom": telecom[1]}
    visit = a_bundle(by_number, {**an_observation(health_id), "note": [{"text": "fever"}]})
    visit["entry"][1]["resource"]["subject"] = {"identifier": {"system": NID, "value": nid}}
    assert (await people.submits(visit)).status_code in (200, 202)
    stranger = {**a_person(other), "id": str(uuid.uuid4()), "telecom": telecom[2]}
    parked = a_bundle(stranger, an_observation(health_id))
    parked["entry"][1]["resource"]["subject"] = {"reference": parked["entry"][0]["fullUrl"]}
    assert (await people.submits(parked)).status_code in (200, 202, 422)
    hidden = [nid, nid[-10:], other, other[-10:], unknown, unknown[-10:], *phones]
    places = await places_of(people)
    assert len(places) > 40
    assert health_id.encode() in places["topic patient.registered"]
    found = sorted(
        (where, secret) for where, content in places.items() for secret in hidden if secret.encode() in content
    )
    assert not found, "\n".join(f"{where}: {secret}" for where, secret in found)
