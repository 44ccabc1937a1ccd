"""The access log on the real store: chained, sealed, and every kind of tampering named by ``shr audit verify``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shr_cli.main import run as shr
from shr_common.mongo import connect
from shr_common.testing import Issuer
from shr_consent.domain.audit_chain import hash_of, shard_of
from shr_consent.signing import AuditKey
from shr_consent.storage import indexes
from shr_consent.storage.access_log import AccessLogStore
from shr_consent.storage.checkpoints import CheckpointStore
from shr_consent.use_cases.seal_access_log import SealAccessLog

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def look(number: int, patient: str) -> dict[str, Any]:
    return {
        "id": f"entry-{patient}-{number}",
        "patient": patient,
        "actor": {"role": "practitioner", "id": "20000002", "facility": "10000002", "name": "ডা. নাজমুল করিম"},
        "purpose": "CAREMGT",
        "decision": "permit",
        "what": [{"type": "Observation", "count": number}],
        "consent_id": None,
        "break_glass": {"why": "x", "factor": 1.5} if number % 2 else None,
        "at": f"2026-11-23T12:00:{number % 60:02d}.000Z",
    }


class Log:
    """A log of its own, and the command that verifies it."""

    def __init__(self, client: Any, namespace: str, keys: Path) -> None:
        self.database = client[f"{namespace}_consent"]
        self.entries = self.database["audit_entries"]
        self.store = AccessLogStore(client, self.database, timeout_s=20)
        self.checkpoints = CheckpointStore(client, self.database, timeout_s=20)
        self.seal = SealAccessLog(self.store, self.checkpoints, AuditKey.load(keys, create=True))

    async def holds(self, patient: str, numbers: range) -> None:
        await self.store.append([look(number, patient) for number in numbers])

    async def at(self, patient: str, seq: int) -> dict[str, Any]:
        found: dict[str, Any] = await self.entries.find_one({"shard": shard_of(patient), "seq": seq})
        return found


@pytest.fixture
async def log(mongo_uri: str, database: str, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Log]:
    client = connect(mongo_uri)
    made = Log(client, database, issuer.directory)
    await indexes.prepare(made.database)
    await made.store.prepare()
    monkeypatch.setenv("SHR_MONGO_URI", mongo_uri)
    monkeypatch.setenv("SHR_KEYS_DIR", str(issuer.directory))
    monkeypatch.setenv("SHR_NAMESPACE", database)
    yield made
    await client.drop_database(f"{database}_consent")
    await client.close()


@pytest.fixture
def verified(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    async def verify(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(shr, ["audit", "verify", *arguments])
        return code, capsys.readouterr().out.strip()

    return verify


async def test_a_whole_log_verifies(log: Log, verified: Any, persons: Any) -> None:
    ones = [persons() for _ in range(6)]
    for patient in ones:
        await log.holds(patient, range(1, 6))
        await log.seal(now=NOW)
    await log.holds(ones[0], range(6, 9))
    shards = len({shard_of(one) for one in ones})
    assert await verified() == (0, f"audit: 33 entries, {shards} shards, ok")


async def test_the_same_entry_twice_is_one(log: Log, person: str) -> None:
    assert await log.store.append([look(1, person), look(1, person)]) == 1
    assert await log.store.append([look(1, person), look(2, person)]) == 1
    assert await log.entries.count_documents({}) == 2


async def test_workers_at_once_make_one_chain(log: Log, verified: Any, person: str, persons: Any) -> None:
    other = persons()
    while shard_of(other) != shard_of(person):
        other = persons()
    await asyncio.gather(
        *(log.holds(person, range(n, n + 3)) for n in range(0, 30, 2)),
        *(log.holds(other, range(n, n + 2)) for n in range(10)),
    )
    total = await log.entries.count_documents({})
    assert total == 31 + 11
    assert await verified() == (0, f"audit: {total} entries, 1 shards, ok")


async def test_an_edited_entry_is_named(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    await log.entries.update_one({"_id": f"entry-{person}-3"}, {"$set": {"actor.id": "20000001"}})
    place = f"entry entry-{person}-3 (shard {shard_of(person)}, seq 3)"
    assert await verified() == (1, f"audit: {place}: edited")


@pytest.mark.parametrize("change", [{"new": 1}, {"at": "2026-11-22T00:00:00.000Z"}, {"patient": "98000173958"}])
async def test_nothing_in_an_entry_can_be_changed(log: Log, verified: Any, person: str, change: Any) -> None:
    await log.holds(person, range(1, 4))
    await log.entries.update_one({"_id": f"entry-{person}-2"}, {"$set": change})
    assert (await verified())[1].endswith("seq 2): edited")


async def test_an_entry_edited_with_a_hash_made_to_fit_is_named(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    row = await log.at(person, 3)
    edited = {**row, "id": row["_id"], "purpose": "HRESCH"}
    edited.pop("_id")
    forged = hash_of(edited, row["previous"])
    await log.entries.update_one({"_id": row["_id"]}, {"$set": {"purpose": "HRESCH", "hash": forged}})
    assert await verified() == (1, f"audit: entry {row['_id']} (shard {shard_of(person)}, seq 3): edited")


async def test_a_missing_entry_is_named(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    await log.entries.delete_one({"_id": f"entry-{person}-4"})
    assert await verified() == (1, f"audit: entry entry-{person}-4 (shard {shard_of(person)}, seq 4): missing")


async def test_a_missing_entry_is_named_though_the_rest_was_renumbered(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    await log.entries.delete_one({"_id": f"entry-{person}-4"})
    for seq in (5, 6, 7):
        await log.entries.update_one({"shard": shard_of(person), "seq": seq}, {"$inc": {"seq": -1}})
    assert await verified() == (1, f"audit: entry entry-{person}-4 (shard {shard_of(person)}, seq 4): missing")


async def test_the_newest_entry_is_missed(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    await log.entries.delete_one({"_id": f"entry-{person}-7"})
    assert await verified() == (1, f"audit: entry entry-{person}-7 (shard {shard_of(person)}, seq 7): missing")


async def test_a_truncated_log_is_caught_by_its_checkpoint(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    await log.seal(now=NOW)
    last = await log.at(person, 6)
    await log.entries.delete_one({"_id": f"entry-{person}-7"})
    await log.database["audit_heads"].update_one(
        {"_id": shard_of(person)}, {"$set": {"seq": 6, "hash": last["hash"], "id": last["_id"]}}
    )
    assert await verified() == (1, f"audit: entry entry-{person}-7 (shard {shard_of(person)}, seq 7): missing")


async def test_reordered_entries_are_named(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    third, fifth = await log.at(person, 3), await log.at(person, 5)
    for row, seq in ((third, 99), (fifth, 3), (third, 5)):
        await log.entries.update_one({"_id": row["_id"]}, {"$set": {"seq": seq}})
    assert await verified() == (1, f"audit: entry {fifth['_id']} (shard {shard_of(person)}, seq 3): reordered")


async def test_a_fork_is_named(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 8))
    third = await log.at(person, 3)
    fork = {**look(50, person), "id": f"zz-{person}", "shard": third["shard"], "previous_id": third["previous_id"]}
    forged = {**fork, "seq": 3, "previous": third["previous"], "hash": hash_of(fork, third["previous"])}
    await log.entries.drop_index("shard_1_seq_1")
    await log.entries.insert_one({"_id": forged.pop("id"), **forged})
    assert await verified() == (1, f"audit: entry zz-{person} (shard {shard_of(person)}, seq 3): forked")


async def test_a_log_written_anew_is_not_the_one_that_was_signed(log: Log, verified: Any, person: str) -> None:
    await log.holds(person, range(1, 5))
    await log.seal(now=NOW)
    await log.entries.delete_many({})
    await log.database["audit_heads"].delete_many({})
    await log.store.prepare()
    await log.store.append([{**look(number, person), "purpose": "HPAYMT"} for number in range(1, 5)])
    code, said = await verified()
    assert (code, said) == (1, f"audit: entry entry-{person}-4 (shard {shard_of(person)}, seq 4): forked")


async def test_a_checkpoint_cannot_be_forged_or_dropped(log: Log, verified: Any, person: str) -> None:
    for number in range(1, 4):
        await log.holds(person, range(number, number + 1))
        await log.seal(now=NOW)
    rows = log.database["audit_checkpoints"]
    kept = await rows.find_one({"_id": 2})
    await rows.update_one({"_id": 2}, {"$set": {"at": "2020-01-01T00:00:00.000Z"}})
    assert await verified() == (1, "audit: checkpoint 2: not signed by this system")
    await rows.delete_one({"_id": 2})
    assert await verified() == (1, "audit: checkpoint 2: missing")
    await rows.insert_one(kept)
    assert (await verified())[0] == 0


async def test_an_export_verifies_without_the_store(
    log: Log, verified: Any, person: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.holds(person, range(1, 8))
    await log.seal(now=NOW)
    file = tmp_path / "log.ndjson"
    assert await asyncio.to_thread(shr, ["audit", "export", str(file)]) == 0
    monkeypatch.setenv("SHR_MONGO_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1")
    assert await verified(str(file)) == (0, "audit: 7 entries, 1 shards, ok")
    lines = file.read_text().splitlines()
    file.write_text(file.read_text().replace('"count": 5', '"count": 6'))
    assert (await verified(str(file)))[1].endswith("seq 5): edited")
    file.write_text("\n".join(line for line in lines if f'"id": "entry-{person}-2"' not in line))
    assert (await verified(str(file)))[1].endswith("seq 2): missing")


async def test_every_entry_is_proven_under_the_newest_root(
    log: Log, verified: Any, persons: Any, tmp_path: Path
) -> None:
    mine, others = persons(), [persons() for _ in range(4)]
    for number in range(1, 8):
        for one in (mine, *others):
            await log.holds(one, range(number, number + 1))
        await log.seal(now=NOW)
    await log.holds(mine, range(8, 10))
    entries = await log.store.page([mine], after=None, limit=100)
    proof = await log.seal.proof(entries, now=NOW)
    assert len(proof["entries"]) == 9
    assert proof["checkpoint"] == 8
    assert all(other not in json.dumps(proof["entries"]) for other in others if shard_of(other) != shard_of(mine))
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(proof))
    assert await verified(str(file)) == (0, "audit: 9 entries, 1 shards, ok")

    proof["entries"][4]["seq"] += 1
    file.write_text(json.dumps(proof))
    assert (await verified(str(file)))[0] == 1
    proof["entries"][4]["seq"] -= 1
    proof["entries"][2]["decision"] = "deny"
    file.write_text(json.dumps(proof))
    assert (await verified(str(file)))[1].endswith(": edited")


async def test_two_who_seal_at_once_make_one_history(log: Log, verified: Any, person: str) -> None:
    for number in range(1, 6):
        await log.holds(person, range(number, number + 1))
        await asyncio.gather(*(log.seal(now=NOW) for _ in range(4)))
    assert await log.database["audit_checkpoints"].count_documents({}) == 5
    assert (await verified())[0] == 0
