"""FHIR search parameters as conditions on the stored keys. User text is only ever a value, never an operator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from shr_common.fhir.times import instant_of

from shr_registry.domain.reading import folded
from shr_registry.http.paging import Pairs, bad_parameter

Condition = dict[str, Any]
VALUES_LIMIT = 50
LENGTH_LIMIT = 300
_SHOWING = frozenset({"_count", "_offset", "_format", "_pretty", "_include", "_total"})
_PREFIX = re.compile(r"(eq|ne|ge|gt|le|lt|sa|eb)?(\d.*)", re.ASCII)


def condition_of(type: str, pairs: Pairs) -> Condition:
    """The condition of a query. Raises a 400 that names a parameter which this type does not have."""
    known = {**_COMMON, **_BY_TYPE[type]}
    conditions = []
    for name, said in pairs:
        parameter, _, modifier = name.partition(":")
        if parameter in _SHOWING:
            continue
        build = known.get(parameter)
        if build is None:
            raise bad_parameter(name, f"is no search parameter here; {type} has {', '.join(sorted(known))}")
        values = [value for value in said.split(",") if value]
        if not values:
            continue
        if "\0" in said:
            raise bad_parameter(parameter, "holds a NUL character")
        if len(values) > VALUES_LIMIT or len(said) > LENGTH_LIMIT * 4:
            raise bad_parameter(name, f"has too many values, {VALUES_LIMIT} are the most")
        any_of = [build(name, modifier, value) for value in values]
        conditions.append(any_of[0] if len(any_of) == 1 else {"$or": any_of})
    return {"$and": conditions} if conditions else {}


def _plain(name: str, modifier: str, value: str, field: str) -> Condition:
    if modifier:
        raise bad_parameter(name, f"does not take the modifier {modifier[:20]}")
    return {field: value}


def _id(name: str, modifier: str, value: str) -> Condition:
    return _plain(name, modifier, value, "rid")


def _name(name: str, modifier: str, value: str) -> Condition:
    asked = folded(value)
    if modifier == "exact":
        return {"names": asked}
    if modifier == "contains":
        return {"names": {"$regex": re.escape(asked)}}
    if modifier:
        raise bad_parameter(name, f"does not take the modifier {modifier[:20]}")
    return {"names": {"$regex": f"^{re.escape(asked)}"}}


def _identifier(name: str, modifier: str, value: str) -> Condition:
    return _plain(name, modifier, value.removeprefix("|"), "identifiers")


def _active(name: str, modifier: str, value: str) -> Condition:
    if modifier or value not in ("true", "false"):
        raise bad_parameter(name, "must be true or false")
    return {"active": value == "true"}


def _status(name: str, modifier: str, value: str) -> Condition:
    if modifier or value not in ("active", "suspended", "inactive"):
        raise bad_parameter(name, "must be active, suspended or inactive")
    return {"active": value == "active"}


def _reference(field: str, target: str) -> Callable[[str, str, str], Condition]:
    def build(name: str, modifier: str, value: str) -> Condition:
        if modifier not in ("", target):
            raise bad_parameter(name, f"does not take the modifier {modifier[:20]}")
        return {field: value.rsplit("/", 1)[-1]}

    return build


def _token(field: str) -> Callable[[str, str, str], Condition]:
    def build(name: str, modifier: str, value: str) -> Condition:
        return _plain(name, modifier, value.rsplit("|", 1)[-1], field)

    return build


def _last_updated(name: str, modifier: str, value: str) -> Condition:
    found = _PREFIX.fullmatch(value)
    start = instant_of(found.group(2)) if found else None
    if found is None or start is None or modifier:
        raise bad_parameter(name, "must be a date, or ge/gt/le/lt and a date")
    prefix = found.group(1) or "eq"
    operators = {"ge": "$gte", "gt": "$gt", "sa": "$gt", "le": "$lte", "lt": "$lt", "eb": "$lt"}
    if prefix in operators:
        return {"at": {operators[prefix]: start}}
    day = {"$gte": start, "$lt": start + timedelta(days=1)} if len(found.group(2)) <= 10 else {"$eq": start}
    return {"at": day if prefix == "eq" else {"$not": day}}


Build = Callable[[str, str, str], Condition]
_COMMON: Mapping[str, Build] = {"_id": _id, "_lastUpdated": _last_updated}
_BY_TYPE: Mapping[str, Mapping[str, Build]] = {
    "Organization": {"name": _name, "identifier": _identifier, "active": _active},
    "Location": {
        "name": _name, "identifier": _identifier, "active": _active, "status": _status,
        "organization": _reference("organization", "Organization"),
    },
    "Practitioner": {
        "name": _name, "given": _name, "family": _name, "identifier": _identifier, "active": _active,
    },
    "PractitionerRole": {
        "identifier": _identifier, "active": _active, "practitioner": _reference("practitioner", "Practitioner"),
        "organization": _reference("organization", "Organization"), "location": _reference("location", "Location"),
        "role": _token("role"), "specialty": _token("specialty"),
    },
    "HealthcareService": {
        "name": _name, "identifier": _identifier, "active": _active, "location": _reference("location", "Location"),
        "organization": _reference("organization", "Organization"), "specialty": _token("specialty"),
    },
}  # fmt: skip
SEARCH_PARAMETERS = {kind: sorted({**_COMMON, **parameters}) for kind, parameters in _BY_TYPE.items()}
"""What each type can be searched by, for the CapabilityStatement."""
