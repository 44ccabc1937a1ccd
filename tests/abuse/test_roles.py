"""Who may call what: one table for all routes of all services, and each role tried on each of them."""

from __future__ import annotations

import pytest
from shr_local.identity_provider.tokens import SCOPES, Subject
from shr_local.services import SERVICE_NAMES
from shr_local.testing.people import People
from shr_local.testing.routes import routes_of

ROLES = frozenset(SCOPES)
EVERYBODY = ROLES
"""Any valid token."""


def only(*roles: str) -> frozenset[str]:
    """These roles; a name that is no role is a mistake in the table."""
    assert ROLES.issuperset(roles), roles
    return frozenset(roles)


PUBLIC = EVERYBODY | {"nobody"}
"""No token needed: test_tokens.py lists them too."""
OPERATIONS = dict.fromkeys(("GET /health/live", "GET /health/ready", "GET /metrics", "GET /fhir/metadata"), PUBLIC)

AT_THE_DESK = only("source_system", "registrar", "facility")
CARD_DESKS = only("registrar", "facility")
BLOCK_DESKS = only("source_system", "registrar", "administrator")
PERSONS = AT_THE_DESK | only("reviewer")
DECIDERS = only("registrar", "reviewer")
READERS = only("citizen", "practitioner")
PARTIES = only("citizen", "practitioner", "facility")
SOURCES = only("source_system")
SOURCES_AND_OPERATORS = only("source_system", "administrator")

TABLE: dict[str, dict[str, frozenset[str]]] = {
    "healthid": {
        "GET /counters": PUBLIC,
        "GET /keys": only("administrator"),
        "GET /dev/inbox": PUBLIC,
        "GET /fhir/Patient": PERSONS,
        "POST /fhir/Patient": AT_THE_DESK,
        "POST /fhir/Patient/_search": PERSONS,
        "GET /fhir/Patient/{}": PERSONS | only("citizen"),
        "PUT /fhir/Patient/{}": AT_THE_DESK,
        "GET /fhir/Patient/{}/_history": PERSONS | only("citizen"),
        "POST /fhir/Patient/{}/$link-birth-registration": only("registrar"),
        "POST /fhir/Patient/{}/$guardian": only("registrar"),
        "POST /fhir/Patient/$match": PERSONS,
        "POST /fhir/Patient/$merge": only("registrar"),
        "POST /fhir/Patient/$unmerge": only("registrar"),
        "GET /fhir/Provenance": PERSONS | only("citizen"),
        "GET /duplicates": DECIDERS,
        "GET /duplicates/{}": DECIDERS,
        "POST /duplicates/{}/assign": DECIDERS,
        "POST /duplicates/{}/decision": DECIDERS,
        "GET /approvals": DECIDERS,
        "GET /approvals/{}": DECIDERS | AT_THE_DESK,
        "POST /approvals/{}/decision": DECIDERS,
        "POST /id-blocks": BLOCK_DESKS,
        "GET /id-blocks": BLOCK_DESKS,
        "GET /id-blocks/{}": BLOCK_DESKS,
        "GET /id-blocks/{}/health-ids": BLOCK_DESKS,
        "POST /id-blocks/{}/prolong": only("registrar", "administrator"),
        "GET /feed": BLOCK_DESKS,
        **{f"GET /cards/{{}}{form}": CARD_DESKS | only("citizen") for form in ("", ".pdf", ".png", ".svg")},
        "POST /cards/sheet": CARD_DESKS,
        "POST /cards/{}/status": CARD_DESKS,
        "POST /cards/verify": PUBLIC,
        **{f"GET /.well-known/{what}": PUBLIC for what in ("jwks.json", "card-status", "card-status/{}")},
    },
    "records": {
        "POST /fhir": SOURCES,
        "POST /submissions/{}": SOURCES,
        "POST /check": SOURCES_AND_OPERATORS,
        "POST /check/{}": SOURCES_AND_OPERATORS,
        "GET /submissions": SOURCES_AND_OPERATORS,
        "GET /submissions/{}/{}": SOURCES_AND_OPERATORS,
        "GET /submissions/payload": SOURCES,
        "GET /submissions/{}/{}/payload": SOURCES,
        "GET /quarantine": SOURCES_AND_OPERATORS,
        "POST /fhir/{}": SOURCES,
        "PUT /fhir/{}/{}": SOURCES,
        "DELETE /fhir/{}/{}": SOURCES,
        "GET /fhir/{}/{}": SOURCES,
        "GET /fhir/{}/{}/_history": SOURCES,
        "GET /fhir/{}/{}/_history/{}": SOURCES,
    },
    "consent": {
        "GET /.well-known/jwks.json": PUBLIC,
        "GET /.well-known/audit-checkpoint": PUBLIC,
        "POST /consent-requests": only("practitioner", "facility"),
        "GET /consent-requests": PARTIES,
        "GET /consent-requests/{}": PARTIES,
        "POST /consent-requests/{}/grant": only("citizen"),
        "POST /consent-requests/{}/deny": only("citizen"),
        "POST /consents": only("citizen"),
        "GET /consents": PARTIES,
        "GET /consents/{}": PARTIES,
        "POST /consents/{}/revoke": only("citizen"),
        "POST /restrictions": only("citizen"),
        "DELETE /restrictions/{}": only("citizen"),
        "POST /break-glass": only("practitioner"),
        "POST /decisions": EVERYBODY,
        "GET /access-log": only("citizen", "administrator"),
        "GET /access-log/proof": only("citizen", "administrator"),
        "GET /fhir/Consent": PARTIES,
        "GET /fhir/Consent/{}": PARTIES,
    },
    "terminology": {
        "POST /loads": only("administrator"),
        **{
            f"{method} /fhir/{operation}": EVERYBODY
            for method in ("GET", "POST")
            for operation in (
                *("CodeSystem/$lookup", "CodeSystem/$validate-code", "CodeSystem/{}/$validate-code"),
                *("CodeSystem/$subsumes", "CodeSystem/{}/$subsumes", "ValueSet/$expand", "ValueSet/{}/$expand"),
                *("ValueSet/$validate-code", "ValueSet/{}/$validate-code"),
                *("ConceptMap/$translate", "ConceptMap/{}/$translate"),
            )
        },
        "GET /fhir/{}": EVERYBODY,
        "GET /fhir/{}/{}": EVERYBODY,
    },
    "appointments": {
        "POST /fhir/Appointment/$book": PARTIES,
        "POST /fhir/Appointment/$hold": PARTIES,
        "POST /fhir/Appointment/{}/$cancel": PARTIES,
        "POST /fhir/Appointment/{}/$reschedule": PARTIES,
        "POST /fhir/Appointment/{}/$check-in": PARTIES,
        "GET /fhir/Appointment": PARTIES,
        "GET /fhir/Appointment/{}": PARTIES,
        "GET /queues/{}/{}": only("practitioner", "facility"),
        "GET /fhir/Schedule": EVERYBODY,
        "GET /fhir/Schedule/{}": EVERYBODY,
        "PUT /schedules/{}": only("administrator", "facility"),
        "GET /fhir/Slot": EVERYBODY,
        "GET /fhir/Slot/{}": EVERYBODY,
    },
    "registry": {
        "POST /imports": only("administrator", "registrar"),
        "POST /postings": only("administrator", "source_system"),
        "GET /postings": EVERYBODY,
        "GET /fhir/{}": EVERYBODY,
        "POST /fhir/{}/_search": EVERYBODY,
        "GET /fhir/{}/_history": EVERYBODY,
        "GET /fhir/{}/{}": EVERYBODY,
        "GET /fhir/{}/{}/_history": EVERYBODY,
        "GET /fhir/{}/{}/_history/{}": EVERYBODY,
    },
    "gateway": {
        **dict.fromkeys(("GET /", "GET /counters", "GET /asyncapi", "GET /signin", "GET /signin/callback"), PUBLIC),
        "GET /static/portal.css": PUBLIC,
        "POST /signout": EVERYBODY,
        "GET /profile/{}": READERS,
        "POST /profile/{}/acknowledgements": only("practitioner"),
        "POST /break-glass": only("practitioner"),
        "GET /fhir/Patient/{}/$everything": READERS,
        "GET /fhir/Patient/{}": READERS,
        "GET /fhir/{}": READERS,
        "POST /fhir/{}/_search": READERS,
        "GET /fhir/{}/{}": READERS,
        "GET /fhir/{}/{}/_history": READERS,
        "GET /fhir/{}/{}/_history/{}": READERS,
        **dict.fromkeys(("GET /me/permissions", "GET /me/permissions/{}", "POST /me/permissions/{}"), only("citizen")),
        "GET /me/permissions/{}/withdraw": only("citizen"),
        "POST /me/permissions/{}/withdraw": only("citizen"),
        "GET /me/access": only("citizen"),
        "GET /clinic": only("practitioner"),
        "POST /clinic": only("practitioner"),
        "GET /clinic/{}": only("practitioner"),
        "GET /clinic/{}/ask": only("practitioner"),
        "POST /clinic/{}/ask": only("practitioner"),
        "POST /clinic/{}/emergency": only("practitioner"),
        "GET /admin": only("administrator"),
        "GET /admin/counters": only("administrator"),
        **dict.fromkeys(("GET /registry", "POST /registry", "GET /registry/person/{}"), DECIDERS),
        **dict.fromkeys(("GET /registry/reviews", "GET /registry/reviews/{}", "POST /registry/reviews/{}"), DECIDERS),
        "POST /registry/reviews/{}/assign": DECIDERS,
        **dict.fromkeys(("GET /registry/approvals", "GET /registry/approvals/{}"), DECIDERS),
        "POST /registry/approvals/{}": DECIDERS,
        **dict.fromkeys(("GET /registry/merges", "POST /registry/merges"), only("registrar")),
        **dict.fromkeys(("GET /registry/merges/undo", "POST /registry/merges/undo"), only("registrar")),
        "POST /registry/person/{}/card": only("registrar"),
        **{f"GET /registry/person/{{}}/card.{form}": only("registrar") for form in ("pdf", "png")},
    },
}

PROMISED: dict[str, dict[str, frozenset[str]]] = {
    "records": {
        "GET /fhir/{}": SOURCES,
        "POST /fhir/{}/_search": SOURCES,
        "POST /submissions/{}/{}/withdraw": SOURCES | only("registrar"),
        "POST /quarantine/{}/replay": SOURCES_AND_OPERATORS,
        "POST /quarantine/replay": SOURCES_AND_OPERATORS,
    },
    "consent": {
        "PUT /pin": only("citizen"),
        "POST /consent-requests/{}/confirm": only("practitioner", "facility"),
    },
    "gateway": {"GET /fhir/Patient/{}/$summary": READERS},
}
"""Routes of the interfaces that are still to be built: who may call them on the day they appear."""


def table_of(service: str) -> dict[str, frozenset[str]]:
    """All that is known of a service's routes."""
    return OPERATIONS | PROMISED.get(service, {}) | TABLE[service]


ACTING_AS = {
    "source_system": {"source": "openmrs", "facility": "10000001"},
    "practitioner": {"practitioner": "20000002", "facility": "10000002"},
    "facility": {"facility": "10000002"},
    "citizen": {"health_id": "98001079691"},
}


def test_the_table_knows_every_service_and_every_role_can_do_something() -> None:
    assert set(TABLE) == set(SERVICE_NAMES)
    for role in ROLES:
        assert not Subject(role).fault()
        assert any(role in roles for table in TABLE.values() for roles in table.values())


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_the_table_names_every_route_and_no_other(service: str, people: People) -> None:
    listed = {route.key for route in await routes_of(people.stack, people.client, service)}

    assert not listed - table_of(service).keys(), f"{service}: say in the table who may call these"
    assert not TABLE[service].keys() - listed, f"{service}: these routes are gone"


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_every_role_may_exactly_what_the_table_says(service: str, people: People) -> None:
    table = table_of(service)
    callers = {role: people.as_(role, **ACTING_AS.get(role, {})) | {"X-Purpose": "CAREMGT"} for role in sorted(ROLES)}
    wrong = []
    for route in await routes_of(people.stack, people.client, service):
        allowed = table.get(route.key, frozenset())
        for role, caller in callers.items():
            address = people.stack.url(service, route.path())
            answer = await people.client.request(route.method, address, headers=caller, json={})
            for_its_role = answer.status_code == 403 and "may not do this" in answer.text
            if role not in allowed and answer.status_code != 403:
                wrong.append(f"{route} as {role}: {answer.status_code}, expected 403")
            if role in allowed and (answer.status_code == 401 or for_its_role):
                wrong.append(f"{route} as {role}: {answer.status_code}, expected to be let in")
            if answer.status_code >= 500 and answer.status_code != 503:
                wrong.append(f"{route} as {role}: {answer.status_code}")

    assert not wrong, "\n".join(wrong)
