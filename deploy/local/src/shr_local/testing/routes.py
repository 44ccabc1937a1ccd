"""The routes of a running service, as its own ``/openapi.json`` lists them, and addresses to try them with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from shr_local.testing.stack import Stack

METHODS = ("get", "post", "put", "delete", "patch")
TYPES: Mapping[str, str] = {
    "registry": "Organization",
    "terminology": "CodeSystem",
    "appointments": "Appointment",
    "healthid": "Patient",
}
"""A resource type that a service knows; Observation where none stands here."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address; ``template`` has ``{names}`` where it varies."""

    service: str
    method: str
    template: str
    queries: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """How a table names it, whatever the parameters are called: ``GET /fhir/{}/{}``."""
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', self.template)}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in its path."""
        return tuple(name.removesuffix(":path") for name in re.findall(r"{([^}]*)}", self.template))

    def path(self, values: Mapping[str, str] | None = None, *, otherwise: str = "98001046534") -> str:
        """An address with these values in its path, escaped; a resource type and a format are always real ones."""
        known = {"type": TYPES.get(self.service, "Observation"), "format": "openmrs", **(values or {})}
        known["type_"] = known["resource_type"] = known["type"]

        def filled(found: re.Match[str]) -> str:
            return quote(known.get(found[1].removesuffix(":path"), otherwise), safe="")

        return re.sub(r"{([^}]*)}", filled, self.template)

    def __str__(self) -> str:
        return f"{self.service}: {self.key}"


async def routes_of(stack: Stack, client: httpx.AsyncClient, service: str) -> list[Route]:
    """Every route that a service says it has."""
    answer = await client.get(stack.url(service, "/openapi.json"))
    assert answer.status_code == 200, f"{service}: /openapi.json answered {answer.status_code}"
    return [
        Route(
            service,
            method.upper(),
            template,
            tuple(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"),
        )
        for template, operations in answer.json()["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]
