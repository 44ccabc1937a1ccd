"""FHIR R4 validation: nothing found means valid, else each finding says where, what, and how to mend it."""

from __future__ import annotations

import contextlib
from typing import Any

from shr_common.errors import Issue
from shr_common.fhir.bundle_rules import bundle_issues
from shr_common.fhir.periods import is_in_order
from shr_common.fhir.schemas import QUICK, accepts, learn
from shr_common.fhir.tables import resource_types
from shr_common.fhir.walker import MOST_ISSUES, EnoughError, Walker

_VERSIONED = frozenset({"versionId", "lastUpdated", "security"})


def validate(resource: Any, at: str | None = None, *, entries: bool = True) -> list[Issue]:
    """The findings about one parsed resource; empty when it is valid R4.

    ``at`` is the expression of the resource itself (``Bundle.entry[2].resource``), by default its type. A Bundle's
    entries are validated by their own types unless ``entries`` is False. At most 1,000 findings.
    """
    try:  # the way that most resources take, kept short: a type met before, in its usual form, with nothing wrong
        kind = resource["resourceType"]
        test, places = QUICK[kind]
        if "contained" not in resource and test({kind: resource}):
            for member, name in places:
                if member in resource and not is_in_order(resource[member], name):
                    break
            else:
                return []
    except (KeyError, TypeError, IndexError):
        if learn(resource):
            return validate(resource, at, entries=entries)
    issues: list[Issue] = []
    with contextlib.suppress(EnoughError):
        _judge(resource, at or "", issues, entries=entries)
    return issues[:MOST_ISSUES]


def is_valid(resource: object) -> bool:
    """Whether :func:`validate` finds nothing."""
    return not validate(resource)


def _judge(resource: Any, at: str, issues: list[Issue], *, entries: bool) -> None:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str) or kind not in resource_types():
        Walker(issues, _ignore).resource(resource, at)
        return
    if kind == "Bundle":
        _judge_bundle(resource, at or kind, issues, entries=entries)
    elif not _passes(resource, kind):
        Walker(issues, lambda inner, place: _judge(inner, place, issues, entries=True)).resource(resource, at)


def _judge_bundle(bundle: dict[str, Any], at: str, issues: list[Issue], *, entries: bool) -> None:
    """The bundle's own elements and rules, then each entry's resource under its own path."""
    shell_is_valid = _passes(bundle, "Bundle")
    if shell_is_valid:
        for number, entry in enumerate(bundle.get("entry", ()) if entries else ()):
            if "resource" in entry:
                issues += validate(entry["resource"], f"{at}.entry[{number}].resource")
                if len(issues) >= MOST_ISSUES:
                    raise EnoughError
    else:
        judge = (lambda inner, place: _judge(inner, place, issues, entries=True)) if entries else _ignore
        Walker(issues, judge).resource(bundle, at)
    issues.extend(bundle_issues(bundle, at))


def _passes(resource: dict[str, Any], kind: str) -> bool:
    """The fast path: True only if nothing is wrong."""
    met: list[str] = []
    if not accepts(kind, resource, met):
        return False
    contained = resource.get("contained")
    if contained is None:
        return not met
    ids = set()
    for item in contained:
        kind = item.get("resourceType")
        if not isinstance(kind, str) or kind not in resource_types() or not accepts(kind, item, met):
            return False
        own_id = item.get("id")
        if own_id is None or own_id in ids or "contained" in item or _VERSIONED & item.get("meta", {}).keys():
            return False
        ids.add(own_id)
    return ids == {reference[1:] for reference in met}


def _ignore(_resource: Any, _at: str) -> None:
    """For resources that are judged elsewhere."""
