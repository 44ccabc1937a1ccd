"""Health cards over HTTP: who gets one, what becomes of it, what a verifier hears."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shr_common.testing import Topics
from shr_healthid.card_keys import CardVerifier
from shr_healthid.domain.status_list import TYPE, part_of, status_in

FORMS = {"pdf": b"%PDF-", "png": b"\x89PNG", "svg": b"<svg"}


@pytest.fixture
async def rahima(registry: Any, citizen: Any, number: Any) -> str:
    answer = await registry.register(citizen(nid=number(17)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def desk(registry: Any) -> dict[str, str]:
    return dict(registry.issuer.as_("facility", facility="10000001"))


async def drawn(registry: Any, health_id: str, form: str = "png", by: dict[str, str] | None = None) -> Any:
    return await registry.client.get(f"/cards/{health_id}.{form}", headers=by or desk(registry))


async def noted(registry: Any, health_id: str, status: str, **more: Any) -> Any:
    return await registry.client.post(
        f"/cards/{health_id}/status", json={"status": status, **more}, headers=desk(registry)
    )


async def verified(registry: Any, text: Any) -> dict[str, Any]:
    answer = await registry.client.post("/cards/verify", json={"text": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def scanned(registry: Any, health_id: str) -> str:
    """The text in the code of her card."""
    reader, image = pytest.importorskip("zxingcpp"), pytest.importorskip("PIL.Image")
    answer = await drawn(registry, health_id)
    assert answer.status_code == 200, answer.text
    with image.open(io.BytesIO(answer.content)) as picture:
        (code,) = reader.read_barcodes(picture.convert("L"), formats=reader.BarcodeFormat.QRCode)
    return str(code.text)


@pytest.mark.parametrize("form", FORMS)
async def test_a_card_comes_in_three_forms_and_no_cache_keeps_it(registry: Any, rahima: str, form: str) -> None:
    answer = await drawn(registry, rahima, form)
    assert answer.status_code == 200
    assert answer.content.startswith(FORMS[form])
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"] == f'inline; filename="health-card-{rahima}.{form}"'


async def test_a_card_is_verified_with_the_published_key_and_at_the_registry(registry: Any, rahima: str) -> None:
    text = await scanned(registry, rahima)
    keys = (await registry.client.get("/.well-known/jwks.json")).json()
    claims = CardVerifier.of(keys).card(text)
    assert (claims.health_id, claims.name) == (rahima, "Rahima Khatun")
    verdict = await verified(registry, text)
    assert verdict["valid"]
    assert (verdict["health_id"], verdict["name"], verdict["status"]) == (rahima, "Rahima Khatun", "registered")
    assert verdict["reason"] is None
    assert (await noted(registry, rahima, "issued")).json()["status"] == "issued"
    assert (await verified(registry, text))["status"] == "issued"


async def test_looking_twice_shows_the_same_card(registry: Any, rahima: str) -> None:
    await asyncio.gather(*(drawn(registry, rahima, "svg") for _ in range(8)))
    answer = await registry.client.get(f"/cards/{rahima}", headers=desk(registry))
    assert len(answer.json()["cards"]) == 1


@pytest.mark.parametrize("status", ["lost", "revoked"])
async def test_a_lost_or_revoked_card_is_not_valid_and_not_drawn_until_a_new_one_is_made(
    registry: Any, rahima: str, status: str
) -> None:
    old = await scanned(registry, rahima)
    await noted(registry, rahima, "issued")
    answer = await noted(registry, rahima, status, reason="stolen at the market")
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    verdict = await verified(registry, old)
    assert (verdict["valid"], verdict["status"]) == (False, status)
    assert verdict["reason"]
    assert verdict["reason_bn"]
    refused = await drawn(registry, rahima)
    assert refused.status_code == 409
    assert "registered makes a new one" in refused.json()["detail"]
    assert (await noted(registry, rahima, "registered")).json()["status"] == "registered"
    new = await scanned(registry, rahima)
    assert (await verified(registry, new))["valid"]
    assert not (await verified(registry, old))["valid"]
    stored = await registry.database["cards"].find_one({"_id": rahima})
    assert "market" not in repr(stored), "a reason is sealed"
    told = (await registry.client.get(f"/cards/{rahima}", headers=desk(registry))).json()
    assert [step["reason"] for card in told["cards"] for step in card["history"]].count("stolen at the market") == 1


async def test_a_replaced_card_gives_way_to_the_next(registry: Any, rahima: str) -> None:
    old = await scanned(registry, rahima)
    answer = await noted(registry, rahima, "replaced")
    first, second = answer.json()["cards"][1], answer.json()["cards"][0]
    assert (first["status"], second["status"]) == ("replaced", "registered")
    assert answer.json()["card"] == second["card"] != first["card"]
    verdict = await verified(registry, old)
    assert (verdict["valid"], verdict["status"]) == (False, "replaced")
    again = await noted(registry, rahima, "replaced", card=first["card"])
    assert again.status_code == 409
    assert again.json()["issues"][0]["expression"] == "card"


async def test_two_desks_at_once_make_one_replacement_each_or_none(registry: Any, rahima: str) -> None:
    await drawn(registry, rahima)
    card = (await registry.client.get(f"/cards/{rahima}", headers=desk(registry))).json()["card"]
    answers = await asyncio.gather(*(noted(registry, rahima, "replaced", card=card) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    cards = (await registry.client.get(f"/cards/{rahima}", headers=desk(registry))).json()["cards"]
    assert [one["status"] for one in cards] == ["registered", "replaced"]


async def test_the_published_list_names_cards_that_no_longer_stand(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(cards_status_ttl_s=1)) as registry:
        ids = [(await registry.register(citizen(nid=number(17), name=f"Rahima {n}"))).json()["id"] for n in range(4)]
        for health_id, status in zip(ids, ("issued", "lost", "revoked", "replaced"), strict=True):
            await drawn(registry, health_id, "svg")
            await noted(registry, health_id, status)
        keys = CardVerifier.of((await registry.client.get("/.well-known/jwks.json")).json())
        index = (await registry.client.get("/.well-known/card-status")).json()
        assert index["parts"] == ["/.well-known/card-status/0"]
        answer = await registry.client.get(index["parts"][0])
        assert answer.headers["content-type"] == "application/statuslist+jwt"
        assert answer.headers["cache-control"] == "public, max-age=1"
        listed = keys.statement(answer.text, type=TYPE)
        assert listed["exp"] > listed["iat"]
        found = {}
        for health_id in ids:
            cards = (await registry.client.get(f"/cards/{health_id}", headers=desk(registry))).json()["cards"]
            found[health_id] = [status_in(listed, card["card"]) for card in cards]
            assert all(part_of(card["card"]) == 0 for card in cards)
        assert list(found.values()) == [[None], ["lost"], ["revoked"], [None, "replaced"]]
        assert not any(health_id in answer.text for health_id in ids)
        for part in ("1", "x", "-1", "99999999999", "০"):
            assert (await registry.client.get(f"/.well-known/card-status/{part}")).status_code == 404


async def test_a_citizen_gets_her_own_card_and_her_wards_and_no_others(
    registry: Any, citizen: Any, number: Any, rahima: str
) -> None:
    ward = (await registry.register(citizen(nid=number(17), name="Karim", name_bn="করিম"))).json()["id"]
    stranger = (await registry.register(citizen(nid=number(17), name="Salma", name_bn="সালমা"))).json()["id"]
    await registry.client.post(
        f"/fhir/Patient/{ward}/$guardian",
        json={"guardian": rahima, "relation": "MTH", "action": "add"},
        headers=registry.issuer.as_("registrar"),
    )
    herself = registry.issuer.as_("citizen", health_id=rahima, guardian_of=[stranger])
    assert (await drawn(registry, rahima, by=herself)).status_code == 200
    assert (await drawn(registry, ward, by=herself)).status_code == 200
    assert (await drawn(registry, stranger, by=herself)).status_code == 404
    assert (await registry.client.post(f"/cards/{rahima}/status", json={}, headers=herself)).status_code == 403
    told = (await registry.client.get(f"/cards/{rahima}", headers=herself)).json()
    assert "by" not in told["cards"][0]["history"][0]


async def test_no_other_role_gets_a_card(registry: Any, rahima: str) -> None:
    for role in ("source_system", "practitioner", "administrator", "analyst", "reviewer"):
        claims = {"source": "openmrs", "facility": "10000001"} if role == "source_system" else {}
        assert (await drawn(registry, rahima, by=registry.issuer.as_(role, **claims))).status_code == 403
    assert (await registry.client.get(f"/cards/{rahima}.png")).status_code == 401


async def test_every_look_at_a_card_is_in_the_access_log(registry: Any, rahima: str, topics: Topics) -> None:
    await drawn(registry, rahima)
    [look] = await topics.read("record.accessed", where=lambda record: record.key == rahima)
    said = json.loads(look.value)
    assert (said["actor"]["role"], said["actor"]["facility"], said["decision"]) == ("facility", "10000001", "permit")


async def test_whoever_has_no_health_id_yet_or_is_nobody_gets_no_card(registry: Any, citizen: Any, number: Any) -> None:
    born = citizen(name="Baby", birthDate=(datetime.now(UTC) - timedelta(days=3)).date().isoformat())
    mother = (await registry.register(citizen(nid=number(17)))).json()["id"]
    born["link"] = [{"other": {"reference": f"Patient/{mother}"}, "type": "seealso"}]
    provisional = (await registry.register(born)).json()["id"]
    assert provisional.startswith("P-")
    refused = await drawn(registry, provisional)
    assert refused.status_code == 409
    assert "no Health ID yet" in refused.json()["detail"]
    for nobody in ("98001046534", "98001046535", "x", "verify", "..%2f..", "9800104653\u09ea"):
        assert (await drawn(registry, nobody)).status_code == 404


async def test_after_a_merge_the_old_card_says_which_health_id_to_use_and_stands_again_when_it_is_undone(
    registry: Any, citizen: Any, number: Any, rahima: str
) -> None:
    other = (await registry.register(citizen(nid=number(17), name="Rahima Begum", name_bn="রহিমা বেগম"))).json()["id"]
    text = await scanned(registry, other)
    registrar = registry.issuer.as_("registrar", sub="reg-1")
    named = (("survivor", rahima), ("retired", other))
    pair = {
        "resourceType": "Parameters",
        "parameter": [{"name": name, "valueReference": {"reference": f"Patient/{id_}"}} for name, id_ in named],
    }
    answer = await registry.client.post("/fhir/Patient/$merge", json=pair, headers=registrar)
    assert answer.status_code == 200, answer.text
    verdict = await verified(registry, text)
    assert (verdict["valid"], verdict["health_id"], verdict["replaced_by"]) == (True, other, rahima)
    assert "replace the card" in verdict["reason"]
    shown = await drawn(registry, other)
    assert shown.headers["content-disposition"] == f'inline; filename="health-card-{rahima}.png"'
    assert (await drawn(registry, other, by=registry.issuer.as_("citizen", health_id=other))).status_code == 200
    for status, expected in (("replaced", 409), ("registered", 409), ("issued", 409)):
        assert (await noted(registry, other, status)).status_code == expected
    answer = await registry.client.post("/fhir/Patient/$unmerge", json=pair, headers=registrar)
    assert answer.status_code == 200, answer.text
    assert (await verified(registry, text))["replaced_by"] is None
    assert (await noted(registry, other, "lost")).status_code == 200
    assert not (await verified(registry, text))["valid"]


async def test_sheets_take_ten_cards_a_page(registry: Any, citizen: Any, number: Any) -> None:
    people = [await registry.register(citizen(nid=number(17), name=f"Person {n}")) for n in range(12)]
    ids = [answer.json()["id"] for answer in people]

    async def sheet(body: Any) -> Any:
        return await registry.client.post("/cards/sheet", json=body, headers=desk(registry))

    answer = await sheet({"health_ids": [*ids, ids[0]]})
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-type"] == "application/pdf"
    await noted(registry, ids[3], "lost")
    refused = await sheet({"health_ids": ids})
    assert refused.status_code == 422
    assert [issue["expression"] for issue in refused.json()["issues"]] == ["health_ids[3]"]
    unknown = await sheet({"health_ids": [ids[0], "98001046534"]})
    assert [issue["expression"] for issue in unknown.json()["issues"]] == ["health_ids[1]"]
    wrong = await sheet({"health_ids": [ids[0], "98001046535", 7, None, ["98001046534"]]})
    assert wrong.status_code == 422
    assert [issue["expression"] for issue in wrong.json()["issues"]] == [f"health_ids[{n}]" for n in (1, 2, 3, 4)]
    for body in ({}, {"health_ids": []}, {"health_ids": "98001046534"}, {"health_ids": {"$ne": 1}}):
        assert (await sheet(body)).status_code == 422
    assert (await sheet({"health_ids": ["98001046534"] * 101})).status_code == 413


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "status"),
        ({"status": "stolen"}, "status"),
        ({"status": ["lost"]}, "status"),
        ({"status": {"$gt": ""}}, "status"),
        ({"status": "lost", "reason": 7}, "reason"),
        ({"status": "lost", "reason": "x" * 201}, "reason"),
        ({"status": "lost", "card": "1"}, "card"),
        ({"status": "lost", "card": True}, "card"),
    ],
)
async def test_a_wrong_status_is_located(registry: Any, rahima: str, body: dict[str, Any], where: str) -> None:
    answer = await registry.client.post(f"/cards/{rahima}/status", json=body, headers=desk(registry))
    assert answer.status_code == 422
    assert answer.json()["issues"][0]["expression"] == where


async def test_whatever_is_scanned_gets_a_verdict(registry: Any, rahima: str) -> None:
    text = await scanned(registry, rahima)
    header, payload, signature = text.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    other = base64.urlsafe_b64encode(json.dumps({"h": "98001079691", "n": "x", "c": 1, "i": ""}).encode()).decode()
    for forged in ("", "hello", "রহিমা", text[:-1], text + "x", f"{none}.{payload}.", f"{header}.{other.rstrip('=')}."
                   f"{signature}", "x" * 100_000, "a.b.c", '{"$where": "1"}', "\x00"):  # fmt: skip
        verdict = await verified(registry, forged)
        assert verdict["valid"] is False
        assert verdict["reason"]
        assert (verdict["health_id"], verdict["name"]) == (None, None)
    assert (await verified(registry, f"  {text}\n"))["valid"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"text": 7}', b'{"text": NaN}', b"[" * 5000, b'{"text": "\\ud800"}']
)
async def test_what_is_no_question_is_refused(registry: Any, body: bytes) -> None:
    answer = await registry.client.post("/cards/verify", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413, 422)
    large = b'{"text": "' + b"x" * 2**19 + b'"}'
    assert (await registry.client.post("/cards/verify", content=large)).status_code == 413


async def test_when_too_many_cards_are_asked_for_at_once_the_answer_is_busy(
    serve: Any, new_settings: Any, citizen: Any, number: Any
) -> None:
    async with serve(new_settings(cards_at_once=1, cards_waiting_limit=1)) as registry:
        health_id = (await registry.register(citizen(nid=number(17)))).json()["id"]
        answers = await asyncio.gather(*(drawn(registry, health_id) for _ in range(12)))
        statuses = {answer.status_code for answer in answers}
        assert statuses == {200, 429}
        assert next(answer for answer in answers if answer.status_code == 429).headers["retry-after"]
        assert (await drawn(registry, health_id)).status_code == 200
