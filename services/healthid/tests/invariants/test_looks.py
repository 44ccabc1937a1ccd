"""Every look at a person, by whatever route, is in the access log with its purpose; a new route must say how it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from shr_common.testing import Topics

NID = "http://dghs.gov.bd/identifier/nid"
TELLS_NOBODY = {
    "GET /counters", "GET /dev/inbox", "GET /fhir/metadata", "GET /keys", "GET /feed", "POST /cards/verify",
    "GET /.well-known/jwks.json", "GET /.well-known/card-status", "GET /.well-known/card-status/{part}",
    "POST /id-blocks", "GET /id-blocks", "GET /id-blocks/{id}", "GET /id-blocks/{id}/health-ids",
    "POST /id-blocks/{id}/prolong",
    "GET /health/live", "GET /health/ready", "GET /metrics",
}  # fmt: skip
"""Totals, keys, ids without names, what a card's bearer shows herself; the inbox is a development's only."""

Look = Callable[["Desk", str], Awaitable[Any]]


class Desk:
    """Looks at a person in every way, each with a purpose that tells it apart."""

    def __init__(self, service: Any, citizen: Any, number: Any) -> None:
        self.service, self.citizen, self.number = service, citizen, number
        issuer = service.issuer
        self.registrar = issuer.as_("registrar", sub="reg-1") | {"X-Purpose": "HRESCH"}
        self.reviewer = issuer.as_("reviewer", sub="rev-1") | {"X-Purpose": "HRESCH"}
        self.nid: dict[str, str] = {}

    async def get(self, path: str, **query: Any) -> Any:
        return await self.service.client.get(path, params=query or None, headers=self.registrar)

    async def post(self, path: str, body: Any, kind: str = "application/fhir+json") -> Any:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.service.client.post(path, content=content, headers={**self.registrar, "Content-Type": kind})

    async def put(self, id_: str, change: dict[str, Any], by: dict[str, str]) -> Any:
        patient = (await self.service.read(id_, by=self.service.as_source())).json()
        return await self.service.client.put(f"/fhir/Patient/{id_}", json={**patient, **change}, headers=by)

    async def new(self, **said: Any) -> str:
        nid = self.number(17)
        answer = await self.service.register(self.citizen(nid=nid, **said))
        assert answer.status_code == 201, answer.text
        self.nid[answer.json()["id"]] = nid
        return str(answer.json()["id"])

    async def with_a_case(self, **said: Any) -> tuple[str, str, str]:
        local = f"L-{self.number(10)}"
        one = await self.new(local=local, **said)
        two = await self.new(local=local, name="Selina Begum", name_bn="সেলিনা বেগম")
        cases = (await self.service.client.get("/duplicates", params={"count": 200}, headers=self.reviewer)).json()
        return one, two, next(c["id"] for c in cases["entries"] if {one, two} <= set(c["persons"]))

    async def with_an_approval(self, id_: str) -> str:
        asked = self.service.as_source()
        held = await self.put(id_, {"name": [{"text": f"Rahima {self.number(5)}"}]}, asked)
        assert held.status_code == 202, held.text
        return str(held.headers["content-location"].rpartition("/")[2])


def merged(survivor: str, retired: str) -> dict[str, Any]:
    named = (("survivor", survivor), ("retired", retired))
    return {"resourceType": "Parameters", "parameter": [
        {"name": name, "valueReference": {"reference": f"Patient/{id_}"}} for name, id_ in named
    ]}  # fmt: skip


async def both_ways(desk: Desk, id_: str, way: str) -> Any:
    pair = merged(id_, await desk.new(name="Rahima Khatoon"))
    for action in ("$merge", "$unmerge"):
        answer = await desk.post(f"/fhir/Patient/{action}", pair)
        if action == way:
            return answer
    raise AssertionError(way)


async def matched(desk: Desk, _: str) -> Any:
    asked = {name: value for name, value in desk.citizen().items() if name != "identifier"}
    asked["birthDate"] = "1971-03-26"
    said = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": asked}]}
    return await desk.post("/fhir/Patient/$match", said)


async def of_a_case(desk: Desk, id_: str, what: str, body: Any = None) -> Any:
    cases = (await desk.service.client.get("/duplicates", params={"count": 200}, headers=desk.reviewer)).json()
    case = next(c["id"] for c in cases["entries"] if id_ in c["persons"])
    return await (desk.get(f"/duplicates/{case}") if body is None else desk.post(f"/duplicates/{case}/{what}", body))


async def of_an_approval(desk: Desk, id_: str, body: Any = None) -> Any:
    approval = await desk.with_an_approval(id_)
    path = f"/approvals/{approval}"
    return await (desk.get(path) if body is None else desk.post(f"{path}/decision", body))


async def all_approvals(desk: Desk, id_: str) -> Any:
    await desk.with_an_approval(id_)
    return await desk.get("/approvals", person=id_)


async def linked(desk: Desk, id_: str) -> Any:
    said = {"resourceType": "Parameters", "parameter": [
        {"name": "identifier", "valueIdentifier": {"system": NID.replace("nid", "brn"), "value": desk.number(17)}}
    ]}  # fmt: skip
    return await desk.post(f"/fhir/Patient/{id_}/$link-birth-registration", said)


async def guarded(desk: Desk, id_: str) -> Any:
    said = {"guardian": await desk.new(), "relation": "mother", "action": "add"}
    return await desk.post(f"/fhir/Patient/{id_}/$guardian", said)


async def registered_again(desk: Desk, id_: str, kind: str) -> Any:
    patient = {**desk.citizen(nid=desk.nid[id_]), "birthDate": "1971-03-26"}
    return await desk.post("/fhir/Patient", patient, kind)


LOOKS: dict[str, Look] = {
    "GET /fhir/Patient/{id}": lambda d, p: d.get(f"/fhir/Patient/{p}"),
    "PUT /fhir/Patient/{id}": lambda d, p: d.put(p, {"address": [{"text": "Khulna"}]}, d.registrar),
    "GET /fhir/Patient/{id}/_history": lambda d, p: d.get(f"/fhir/Patient/{p}/_history"),
    "GET /fhir/Provenance": lambda d, p: d.get("/fhir/Provenance", target=f"Patient/{p}"),
    "GET /fhir/Patient": lambda d, p: d.get("/fhir/Patient", name="Rahima", birthdate="1971-03-26", _count=200),
    "POST /fhir/Patient/_search": lambda d, p: d.post(
        "/fhir/Patient/_search", f"identifier={NID}%7C{d.nid[p]}".encode(), "application/x-www-form-urlencoded"
    ),
    "POST /fhir/Patient/$match": matched,
    "POST /fhir/Patient": lambda d, p: registered_again(d, p, "application/fhir+json"),
    "POST /fhir/Patient (NDJSON)": lambda d, p: registered_again(d, p, "application/fhir+ndjson"),
    "POST /fhir/Patient/$merge": lambda d, p: both_ways(d, p, "$merge"),
    "POST /fhir/Patient/$unmerge": lambda d, p: both_ways(d, p, "$unmerge"),
    "POST /fhir/Patient/{id}/$link-birth-registration": linked,
    "POST /fhir/Patient/{id}/$guardian": guarded,
    "GET /duplicates": lambda d, p: d.get("/duplicates", count=200),
    "GET /duplicates/{id}": lambda d, p: of_a_case(d, p, ""),
    "POST /duplicates/{id}/assign": lambda d, p: of_a_case(d, p, "assign", {}),
    "POST /duplicates/{id}/decision": lambda d, p: of_a_case(
        d, p, "decision", {"decision": "different", "reason": "asked both"}
    ),
    "GET /approvals": all_approvals,
    "GET /approvals/{id}": lambda d, p: of_an_approval(d, p),
    "POST /approvals/{id}/decision": lambda d, p: of_an_approval(d, p, {"decision": "reject", "reason": "no paper"}),
    "GET /cards/{health_id}": lambda d, p: d.get(f"/cards/{p}"),
    **{f"GET /cards/{{health_id}}.{form}": lambda d, p, form=form: d.get(f"/cards/{p}.{form}")
       for form in ("pdf", "png", "svg")},
    "POST /cards/{health_id}/status": lambda d, p: _card_lost(d, p),
    "POST /cards/sheet": lambda d, p: d.post("/cards/sheet", {"health_ids": [p]}),
}  # fmt: skip


async def _card_lost(desk: Desk, id_: str) -> Any:
    assert (await desk.get(f"/cards/{id_}.svg")).status_code == 200
    return await desk.post(f"/cards/{id_}/status", {"status": "lost", "reason": "on the way"})


async def test_every_route_that_tells_of_a_person_says_so_in_the_access_log(
    serve: Any, new_settings: Any, citizen: Any, number: Any, topics: Topics
) -> None:
    async with serve(new_settings()) as service:
        desk = Desk(service, citizen, number)
        listed = (await service.client.get("/openapi.json")).json()["paths"]
        routes = {f"{method.upper()} {path}" for path, methods in listed.items() for method in methods}
        assert routes - TELLS_NOBODY == LOOKS.keys() - {"POST /fhir/Patient (NDJSON)"}, "say how each route is audited"
        persons = {}
        for name, look in LOOKS.items():
            with_case = await desk.with_a_case(birthDate="1971-03-26")
            persons[name] = with_case[0]
            answer = await look(desk, with_case[0])
            refused = 409 if "birth-registration" in name else 0  # she has her Health ID already, and was looked at
            assert answer.status_code < 300 or answer.status_code == refused, (name, answer.text)
        unseen = dict(persons)

        def of_one(record: Any) -> bool:
            if record.source != "healthid":  # other tests write what is no entry at all to this topic
                return False
            value = orjson.loads(record.value)
            for name, person in list(unseen.items()):
                if (value["patient"], value["purpose"], value["decision"]) == (person, "HRESCH", "permit"):
                    assert value["actor"]["id"] == "reg-1" or value["actor"]["role"] == "reviewer"
                    if value["actor"]["role"] == "registrar":
                        del unseen[name]
            return not unseen

        try:
            await topics.read("record.accessed", where=of_one, within_s=20)
        except AssertionError:
            raise AssertionError(f"no entry in the access log: {sorted(unseen)}") from None
