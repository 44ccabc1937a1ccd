"""``terminology.changed`` and ``registry.changed``: thin replicas of what exists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from pydantic import ValidationError
from shr_common.errors import invalid
from shr_common.kafka import Record
from shr_contracts.events import RegistryChanged, TerminologyChanged

CONCEPT = {"system", "code"}
MAPPING = ("source_system", "source_code", "target_system", "target_code")


class Codes(Protocol):
    """The replica of the terminology."""

    async def learn(self, concepts: Iterable[tuple[str, str]], mappings: Iterable[dict[str, str]]) -> None:
        """Upsert."""


class Registry(Protocol):
    """The replica of the registry."""

    async def learn(self, seen: Iterable[tuple[str, int]]) -> None:
        """Upsert (reference, version)."""


class TerminologyFollower:
    """Deals with one batch of ``terminology.changed``."""

    def __init__(self, codes: Codes) -> None:
        self._codes = codes

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid for a record that is no such event."""
        concepts: list[tuple[str, str]] = []
        mappings: list[dict[str, str]] = []
        for record in records:
            try:
                event = TerminologyChanged.model_validate_json(record.value)
            except ValidationError as error:
                raise invalid("This is no terminology.changed event.") from error
            concepts += [
                (str(one["system"]), str(one["code"])) for one in event.concepts if one.keys() >= {"system", "code"}
            ]
            mappings += [
                {name: str(one[name]) for name in MAPPING} for one in event.mappings if one.keys() >= set(MAPPING)
            ]
        await self._codes.learn(concepts, mappings)


class RegistryFollower:
    """Deals with one batch of ``registry.changed``."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(self, records: Sequence[Record]) -> None:
        """Raises invalid for a record that is no such event."""
        try:
            events = [RegistryChanged.model_validate_json(record.value) for record in records]
        except ValidationError as error:
            raise invalid("This is no registry.changed event.") from error
        await self._registry.learn([(f"{one.resource_type}/{one.id}", one.version) for one in events])
