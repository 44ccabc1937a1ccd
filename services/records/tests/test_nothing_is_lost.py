"""Invariant 1: a process that is killed in the middle loses nothing that was acknowledged, and doubles nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from typing import Any

import pytest
from shr_common.identifiers import health_id
from shr_common.testing import Topics, eventually
from shr_local.ports import free_ports

HOSPITAL = "openmrs/10000001"
SALMA = health_id("9800771234")
BUNDLES = 300


def start(settings: Any, port: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "SHR_MONGO_URI": settings.mongo_uri, "SHR_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "SHR_NAMESPACE": settings.namespace, "SHR_ISSUER": settings.issuer, "SHR_JWKS_URL": settings.jwks_url,
        "SHR_KEYS_DIR": str(settings.keys_dir), "SHR_RECORDS_PORT": str(port), "SHR_BATCH_ITEMS_LIMIT": "20",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", "shr_records"], env=environment, stdout=subprocess.DEVNULL)


@pytest.mark.timeout(300)  # the broker may wait out the sessions of the dead before it lets the living in
async def test_killed_in_the_middle_every_acknowledged_bundle_is_recorded_exactly_once(service, make_settings):
    settings = make_settings()
    (port,) = free_ports(1)
    database = service.mongo[settings.database_of("records")]
    topics = Topics(settings.kafka_bootstrap)
    process = start(settings, port)
    try:
        await topics.event(
            "patient.registered",
            {"health_id": SALMA, "version": 1, "status": "active", "at": "2026-11-23T00:00:00Z"},
            key=SALMA,
        )

        async def known() -> Any:
            return await database["people"].find_one({"_id": SALMA})

        await eventually(known, within_s=60)
        sent = [f"kill-{uuid.uuid4()}" for _ in range(BUNDLES)]
        headers = [{"ce_id": ref, "ce_source": HOSPITAL} for ref in sent]
        body = service.bundle(service.observation(SALMA))
        for said in headers:
            await topics.publish("encounter.submitted", body, headers=said)

        async def some() -> bool:
            return bool(await database["submissions"].count_documents({"id": {"$in": sent}}))

        await eventually(some, within_s=60)
        process.kill()
        process.wait()
        process = start(settings, port)

        async def all_recorded() -> bool:
            found = await database["submissions"].count_documents({"id": {"$in": sent}, "state": "recorded"})
            return bool(found == BUNDLES)

        await eventually(all_recorded, within_s=200)
        versions = await database["resources"].count_documents({})
        references = [row["references"] async for row in database["submissions"].find({"id": {"$in": sent}})]
        assert len({one for held in references for one in held}) == BUNDLES
        assert versions >= BUNDLES

        async def relayed() -> bool:
            return not await database["outbox"].count_documents({})

        await eventually(relayed, within_s=60)
        mine = set(sent)
        told = await topics.read(
            "encounter.recorded", where=lambda r: r.headers.get("ce_subject") in mine, count=BUNDLES, within_s=60
        )
        assert len({record.id for record in told}) == len({record.headers["ce_subject"] for record in told})
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 20)
        await topics.stop()
        for name in ("records", "records_keys"):
            await service.mongo.drop_database(settings.database_of(name))
