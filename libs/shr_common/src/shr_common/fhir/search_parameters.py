"""R4's search parameters by resource type, generated from the SearchParameter resources of the specification."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import msgspec

from shr_common.fhir.tables import read_data


class SearchParameter(NamedTuple):
    """``kind``: token, reference, date, string, quantity, number, uri, special. ``paths``: JSON members, dotted.

    ``targets``: the types that a reference may name; empty for any (and for other kinds).
    """

    kind: str
    paths: tuple[str, ...]
    targets: tuple[str, ...]


@cache
def _file() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(read_data("search_parameters.json.gz"), type=dict[str, msgspec.Raw])


@cache
def search_parameters(resource_type: str) -> Mapping[str, SearchParameter]:
    """Name → parameter, ``_id`` and ``_lastUpdated`` included. Raises KeyError for a type that R4 does not have."""
    return msgspec.json.decode(_file()[resource_type], type=dict[str, SearchParameter])
