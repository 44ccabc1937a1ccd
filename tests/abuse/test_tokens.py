"""Without a token that our issuer signed for us, unexpired, no route of any service answers: 401 before all else."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import httpx
import pytest
from shr_local.identity_provider.tokens import Subject
from shr_local.services import SERVICE_NAMES
from shr_local.testing.forging import forged
from shr_local.testing.people import People
from shr_local.testing.routes import Route, routes_of

PUBLIC = {
    "GET /", "GET /metrics", "GET /docs", "GET /openapi.json", "GET /asyncapi", "GET /fhir/metadata", "GET /counters",
    "POST /cards/verify", "GET /dev/inbox", "GET /jwks",
}  # fmt: skip
PUBLIC_UNDER = ("GET /health/", "GET /.well-known/", "GET /static/", "GET /docs/", "GET /signin", "POST /signin")
"""What the interfaces let anybody see; a route that is not here needs a token."""

BROKEN = b'{"resourceType": "Bundle", '
UNLISTED = (
    ("OPTIONS", "/fhir"),
    ("PATCH", "/fhir/Patient/98001046534"),
    ("GET", "/no/such/place"),
    ("POST", "/metrics/x"),
)


def is_public(route: Route) -> bool:
    """Whether anybody may call it."""
    return route.key in PUBLIC or route.key.startswith(PUBLIC_UNDER)


def refused(answer: httpx.Response) -> bool:
    """401 with its challenge; a page of the portal sends a browser to sign in instead."""
    if answer.status_code == 303 and answer.request.method == "GET":
        return answer.headers["location"].startswith("/signin?")
    return answer.status_code == 401 and answer.headers.get("www-authenticate", "").startswith("Bearer")


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_every_route_refuses_every_token_that_is_wrong(service: str, people: People) -> None:
    closed = [route for route in await routes_of(people.stack, people.client, service) if not is_public(route)]
    tries: dict[str, str | None] = {"none": None, **forged(people.stack, Subject("administrator"))}
    accepted = []
    for route in closed:
        for what, header in tries.items():
            headers = {b"content-type": b"application/fhir+json"}
            if header is not None:
                headers[b"authorization"] = header.encode("latin-1")
            address = people.stack.url(service, route.path())
            answer = await people.client.request(route.method, address, content=BROKEN, headers=headers)
            if not refused(answer):
                accepted.append(f"{route} with a token that is wrong ({what}): {answer.status_code}")

    assert closed
    assert not accepted, "\n".join(accepted)


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_an_address_that_does_not_exist_does_not_tell_so_without_a_token(service: str, people: People) -> None:
    for method, path in UNLISTED:
        answer = await people.client.request(method, people.stack.url(service, path))
        assert answer.status_code == 401, f"{service}: {method} {path} answered {answer.status_code}"


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_what_is_public_answers_anybody_also_with_a_wrong_token(service: str, people: People) -> None:
    routes = [route for route in await routes_of(people.stack, people.client, service) if is_public(route)]
    for route in routes:
        for headers in ({}, {"Authorization": "Bearer garbage"}):
            answer = await people.client.request(
                route.method, people.stack.url(service, route.path()), headers=headers, json={}
            )
            assert answer.status_code not in (401, 403) and answer.status_code < 500, (
                f"{route}: {answer.status_code} with {headers or 'no token'}"
            )


async def test_the_pages_of_the_portal_are_listed_like_every_other_route(people: People) -> None:
    listed = {route.key for route in await routes_of(people.stack, people.client, "gateway")}

    assert {"GET /", "GET /clinic", "GET /admin", "GET /signin", "GET /profile/{}"} <= listed


DETOURS = (
    "/health/../{}", "/health/live/../../{}", "/static/../{}", "/docs/../{}", "/signin/../{}", "/dev/inbox/../../{}",
    "/health/%2e%2e/{}", "/health/..%2f{}", "/%2e/{}", "//{}", "/./{}", "/health/live;/../{}", "/.well-known/../{}",
    "/{}/", "/{}?x=/health/live", "/{}#/health/live", "/jwks/../{}",
)  # fmt: skip
DETOURS_TO = {
    "gateway": ("profile/{}", "fhir/Patient/{}/$everything", "fhir/Observation?patient={}"),
    "healthid": ("fhir/Patient/{}",),
    "consent": ("access-log?patient={}", "consents?patient={}"),
    "records": ("fhir/Observation?patient={}",),
    "appointments": ("fhir/Appointment?patient={}",),
}


def asked_raw(base: str, path: str) -> tuple[int, bytes]:
    """GET exactly this path: a client library would tidy it up before it sends it."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("service", DETOURS_TO)
async def test_no_detour_leads_around_authentication(service: str, people: People) -> None:
    health_id = await people.registers()
    for target in DETOURS_TO[service]:
        for detour in DETOURS:
            path = detour.format(target.format(health_id))
            status, body = asked_raw(people.stack.url(service), path)
            assert status in (303, 307, 400, 401, 404), f"{service}: GET {path} answered {status}"
            assert b"Rahima" not in body, f"{service}: GET {path}"


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_token_that_lacks_what_its_role_needs_opens_nothing_and_breaks_nothing(
    service: str, people: People
) -> None:
    callers = {role: people.as_(role) for role in ("citizen", "practitioner", "facility", "source_system")}
    broken = []
    for route in await routes_of(people.stack, people.client, service):
        if is_public(route):
            continue
        for role, caller in callers.items():
            address = people.stack.url(service, route.path())
            answer = await people.client.request(route.method, address, headers=caller, json={})
            if answer.status_code >= 500 and answer.status_code != 503:
                broken.append(f"{route} as {role} without its claim: {answer.status_code}")

    assert not broken, "\n".join(broken)
