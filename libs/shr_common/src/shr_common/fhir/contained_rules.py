"""Invariants of contained resources (dom-2 to dom-5, ref-1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shr_common.errors import Issue
from shr_common.fhir.rules import Node, items
from shr_common.fhir.words import broken, shown

Met = list[tuple[str, str]]
"""Local references that a walk met: (id without “#”, expression)."""


def contained_issues(resource: Node, at: str, met: Met, canonicals: set[str]) -> Iterator[Issue]:
    """The broken rules of one resource, contained resources and all; ``canonicals`` may refer to them too."""
    contained = items(resource, "contained")
    known = {item["id"] for item in contained if isinstance(item.get("id"), str)}
    for reference, place in met:
        if reference and reference not in known:
            en = f"Nothing contained has the id {shown(reference)}: add it to contained, or refer elsewhere."
            bn = f"contained-এর ভিতরে {shown(reference)} id-র কিছু নেই: যোগ করুন, বা অন্য reference দিন।"
            yield broken(place, "ref-1", en, bn, code="not-found")
    for number, item in enumerate(contained):
        place = f"{at}.contained[{number}]"
        yield from _item(item, place)
        own_id = item.get("id")
        if sum(other.get("id") == own_id for other in contained) > 1:
            en = "Contained resources need ids that differ."
            yield broken(f"{place}.id", "contained-id", en, "প্রতিটি contained রিসোর্সের id আলাদা হতে হবে।")
        if f"#{own_id}" not in canonicals and not _is_referred_to(own_id, place, met):
            en = "Nothing refers to this contained resource: refer to it by #id, or leave it out."
            bn = "এই contained রিসোর্সকে কেউ নির্দেশ করে না: #id দিয়ে reference দিন, অথবা বাদ দিন।"
            yield broken(place, "dom-3", en, bn)


def _item(item: Node, place: str) -> Iterator[Issue]:
    meta = item.get("meta")
    if "contained" in item:
        en = "A contained resource contains no further ones: move them out."
        yield broken(place, "dom-2", en, "contained রিসোর্সের ভিতরে আর contained থাকে না: বাইরে আনুন।")
    if isinstance(meta, dict) and ("versionId" in meta or "lastUpdated" in meta):
        en = "A contained resource has no version of its own: leave meta.versionId and meta.lastUpdated out."
        yield broken(place, "dom-4", en, "contained রিসোর্সের meta.versionId ও meta.lastUpdated বাদ দিন।")
    if isinstance(meta, dict) and "security" in meta:
        en = "A contained resource has no security label of its own: leave meta.security out."
        yield broken(place, "dom-5", en, "contained রিসোর্সের meta.security বাদ দিন।")


def _is_referred_to(own_id: Any, place: str, met: Met) -> bool:
    return any(ref == own_id or (ref == "" and where.startswith(place + ".")) for ref, where in met)
