"""What a batch of lines changes: refused, unchanged, or a next version of each resource that it tells differently."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shr_common.errors import Issue
from shr_contracts.cloudevents import rfc3339

from shr_registry.domain.facts import Fact
from shr_registry.domain.lines import Line
from shr_registry.domain.resources import Resource, references_of, resources_of

State = Literal["created", "updated", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a resource: its version and a digest of what it says."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Version:
    """One resource at one version, with ``meta.versionId`` and ``meta.lastUpdated``."""

    resource: Resource
    version: int
    digest: str
    at: datetime

    @property
    def reference(self) -> str:
        """``Type/id``."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of a line."""

    line: int
    state: State
    resources: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()


@dataclass(slots=True)
class Changes:
    """What a batch does: new versions to store, and a result for each line."""

    versions: list[Version] = field(default_factory=list)
    results: list[LineResult] = field(default_factory=list)


def concerns(lines: Sequence[Line]) -> set[str]:
    """The references that must be read before a batch can be judged."""
    facts = [line.fact for line in lines if line.fact is not None]
    return {reference for fact in facts for reference in (*references_of(fact).values(), *_written(fact))}


def judge(lines: Sequence[Line], known: Mapping[str, Known], *, at: datetime) -> Changes:
    """Judge lines in their order; a later line sees what an earlier one brought."""
    seen = dict(known)
    changes = Changes()
    for line in lines:
        changes.results.append(_judge_one(line, seen, changes.versions, at=at))
    return changes


def _judge_one(line: Line, seen: dict[str, Known], versions: list[Version], *, at: datetime) -> LineResult:
    if line.fact is None:
        return LineResult(line.number, "rejected", issues=line.issues)
    unknown = [
        Issue(
            f"Line {line.number}: {column} names {reference}, which the registry does not have.",
            expression=f"line[{line.number}].{column}",
            code="not-found",
        )
        for column, reference in references_of(line.fact).items()
        if reference not in seen and reference not in _written(line.fact)
    ]
    if unknown:
        return LineResult(line.number, "rejected", issues=tuple(unknown))
    references, state = [], "unchanged"
    for resource in resources_of(line.fact):
        reference = f"{resource['resourceType']}/{resource['id']}"
        references.append(reference)
        digest = hashlib.sha256(json.dumps(resource, sort_keys=True).encode()).hexdigest()
        before = seen.get(reference)
        if before is not None and before.digest == digest:
            continue
        state = "updated" if before or state == "updated" else "created"
        version = before.version + 1 if before else 1
        meta = {"versionId": str(version), "lastUpdated": rfc3339(at), **resource["meta"]}
        versions.append(Version({**resource, "meta": meta}, version, digest, at))
        seen[reference] = Known(version, digest)
    return LineResult(line.number, state, tuple(references))  # type: ignore[arg-type]


def _written(fact: Fact) -> list[str]:
    return [f"{resource['resourceType']}/{resource['id']}" for resource in resources_of(fact)]
