"""Many registrations in one request: an answer for each line, and no line harms another."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

from shr_common.identifiers import health_id, is_health_id
from shr_healthid.domain.blocks import next_issuable

NDJSON = "application/fhir+ndjson"


async def send(registry: Any, lines: list[Any], *, by: dict[str, str] | None = None, **headers: str) -> Any:
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    head = {**(by or registry.as_source("emis", "10000005")), "content-type": NDJSON, **sent}
    return await registry.client.post("/fhir/Patient", content=raw, headers=head)


async def test_each_line_has_its_answer_in_order(registry: Any, citizen: Any, number: Any) -> None:
    known = citizen(nid=number(17))
    first = (await registry.register(known)).json()["id"]
    lines = [
        citizen(nid=number(17)),
        known,
        b"{not json",
        b"",
        citizen(nid=number(12)),
        citizen(nid=number(17, ending="999")),
        {"resourceType": "Observation", "status": "final"},
        b'{"resourceType":"Patient","name":[{"text":"\xff"}]}',
        citizen(nid=number(17)),
    ]
    answer = await send(registry, lines)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert [line["line"] for line in said["lines"]] == [1, 2, 3, 5, 6, 7, 8, 9]
    states = [line["state"] for line in said["lines"]]
    assert states == [
        "created", "existing", "rejected", "rejected", "provisional", "rejected", "rejected", "created",
    ]  # fmt: skip
    assert [line["status"] for line in said["lines"]] == [201, 200, 400, 422, 202, 422, 400, 201]
    assert (said["created"], said["existing"], said["provisional"], said["rejected"], said["failed"]) == (2, 1, 1, 4, 0)
    assert said["lines"][1]["health_id"] == first
    assert is_health_id(said["lines"][0]["health_id"])
    assert "line 3 of the file" in said["lines"][2]["outcome"]["issue"][0]["diagnostics"]
    assert said["lines"][3]["outcome"]["issue"][0]["expression"] == ["Patient.identifier[0].value"]
    assert len({line["id"] for line in said["lines"]}) == 8


async def test_a_repeated_file_is_answered_alike(registry: Any, citizen: Any, number: Any) -> None:
    lines = [citizen(nid=number(17)) for _ in range(3)]
    key = f"file-{number(10)}"
    one = (await send(registry, lines, Idempotency_Key=key)).json()
    two = (await send(registry, lines, Idempotency_Key=key)).json()
    assert [line["id"] for line in one["lines"]] == [f"{key}#{n}" for n in (1, 2, 3)]
    assert [line["health_id"] for line in one["lines"]] == [line["health_id"] for line in two["lines"]]
    changed = (await send(registry, [citizen(nid=number(17)), *lines[1:]], Idempotency_Key=key)).json()
    assert [line["status"] for line in changed["lines"]] == [409, 201, 201]
    assert changed["lines"][0]["outcome"]["issue"][0]["code"] == "duplicate"


async def test_lines_about_one_person_run_in_their_order(registry: Any, citizen: Any, number: Any) -> None:
    field = registry.as_source("emis", "10000005")
    block = (await registry.client.post("/id-blocks", json={"size": 40}, headers=field)).json()
    of_mother = block["first"]
    of_child = health_id(str(next_issuable(int(of_mother[:10]) + 1)))
    uhid = {"system": "http://dghs.gov.bd/identifier/uhid"}
    thirteen = number(13)
    mother = citizen(nid=thirteen)
    mother["identifier"].insert(0, {**uhid, "value": of_mother})
    link = [{"other": {"reference": f"Patient/{of_mother}"}, "type": "seealso"}]
    child = citizen(birthDate=datetime.now(UTC).date().isoformat(), link=link)
    child["identifier"] = [{**uhid, "value": of_child}]
    other_form = citizen(nid=f"1985{thirteen}")
    crowd = [citizen(nid=number(17)) for _ in range(60)]
    random.shuffle(crowd)
    said = (await send(registry, [*crowd[:30], mother, *crowd[30:], child, other_form], by=field)).json()
    assert said["rejected"] == 0, [line for line in said["lines"] if line["state"] == "rejected"]
    assert (said["created"], said["existing"], said["provisional"]) == (61, 1, 1)
    assert said["lines"][-1]["health_id"] == said["lines"][30]["health_id"] == of_mother
    assert said["lines"][-2]["health_id"] == of_child


async def test_limits(serve: Any, new_settings: Any, citizen: Any, number: Any) -> None:
    async with serve(new_settings(role="api", bulk_lines_limit=3, queue_limit=0)) as service:
        many = await send(service, [citizen(nid=number(17))] * 4)
        assert many.status_code == 413
        assert (await send(service, [b"", b" "])).status_code == 400
        waiting = (await send(service, [citizen(nid=number(17))])).json()
        assert (waiting["failed"], waiting["lines"][0]["status"]) == (1, 429)
        assert await service.database.persons.count_documents({}) == 0
