"""Bundles as they came: each entry's bytes beside its parsed resource, and references that lead nowhere within."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from shr_common.errors import Issue, too_large
from shr_common.fhir.definitions import references
from shr_common.fhir.json import DEFAULT_LIMITS, JsonLimits, parse
from shr_common.fhir.rules import items
from shr_common.fhir.words import broken, shown

MOST_ENTRIES = 2000
INNER = ("urn:uuid:", "urn:oid:")
"""References of this form name an entry of the same bundle by its fullUrl."""


class _RawEntry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = msgspec.Raw()


class _RawBundle(msgspec.Struct, gc=False):
    entry: list[_RawEntry] = []


_DECODER = msgspec.json.Decoder(_RawBundle)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``raw`` are the very bytes of its resource, ``resource`` the same, parsed (both None without one)."""

    number: int
    raw: msgspec.Raw | None
    resource: dict[str, Any] | None
    full_url: str | None
    request: dict[str, Any] | None

    @property
    def at(self) -> str:
        """The expression of the entry's resource."""
        return f"Bundle.entry[{self.number}].resource"


@dataclass(frozen=True, slots=True)
class BundleParts:
    """A parsed document and its entries; a document that is no well-formed Bundle has none (``validate`` says why)."""

    tree: dict[str, Any]
    entries: tuple[Entry, ...]


def split_bundle(raw: bytes, *, limits: JsonLimits = DEFAULT_LIMITS, most_entries: int = MOST_ENTRIES) -> BundleParts:
    """Parse strictly and split.

    Raises what :func:`shr_common.fhir.json.parse` raises, and ``too_large`` over ``most_entries``.
    """
    tree = parse(raw, limits=limits)
    entries = tree.get("entry")
    if isinstance(entries, list) and len(entries) > most_entries:
        text = f"The bundle has {len(entries)} entries; at most {most_entries} are accepted."
        raise too_large(text, expression="Bundle.entry")
    try:
        slices = _DECODER.decode(raw).entry
    except msgspec.ValidationError:
        return BundleParts(tree, ())
    parts = zip(slices, entries or (), strict=True)
    return BundleParts(tree, tuple(_entry(number, part.resource, entry) for number, (part, entry) in enumerate(parts)))


def _entry(number: int, raw: msgspec.Raw, entry: dict[str, Any]) -> Entry:
    resource, url, request = entry.get("resource"), entry.get("fullUrl"), entry.get("request")
    has_one = isinstance(resource, dict)
    return Entry(
        number,
        raw=raw if has_one else None,
        resource=resource if has_one else None,
        full_url=url if isinstance(url, str) else None,
        request=request if isinstance(request, dict) else None,
    )


def unresolved_references(bundle: dict[str, Any], at: str = "Bundle") -> Iterator[Issue]:
    """One issue for each ``urn:uuid:``/``urn:oid:`` reference that no entry's fullUrl answers."""
    entries = items(bundle, "entry")
    known = {entry.get("fullUrl") for entry in entries if isinstance(entry.get("fullUrl"), str)}
    for number, entry in enumerate(bundle.get("entry", ()) if entries else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        for path, reference in references(resource) if isinstance(resource, dict) else ():
            if reference.startswith(INNER) and reference.partition("#")[0] not in known:
                place = f"{at}.entry[{number}].resource.{path}.reference"
                en = f"No entry of this bundle has the fullUrl {shown(reference)}: add that entry, or refer elsewhere."
                bn = f"এই বান্ডেলে {shown(reference)} fullUrl-এর কোনো entry নেই: যোগ করুন, বা অন্য reference দিন।"
                yield broken(place, "inner-reference", en, bn, code="not-found")
