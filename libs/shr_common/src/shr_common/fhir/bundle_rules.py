"""Invariants of Bundle that look across its entries (bdl-1 to bdl-12) and of its addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shr_common.errors import Issue
from shr_common.fhir.rules import Node, has, items
from shr_common.fhir.words import broken, shown

_WITH_REQUEST = frozenset({"batch", "transaction", "history"})
_WITH_RESPONSE = frozenset({"batch-response", "transaction-response", "history"})
_PLAIN_URLS = ("urn:uuid:", "http://", "https://", "urn:oid:")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")


def bundle_issues(bundle: Node, at: str) -> list[Issue]:
    """The broken rules of a parsed Bundle, however malformed the rest of it is."""
    kind = bundle.get("type")
    if not isinstance(kind, str):
        return []
    return [*_header(bundle, kind, at), *_first_entry(bundle, kind, at), *_entries(bundle, kind, at)]


def _header(bundle: Node, kind: str, at: str) -> Iterator[Issue]:
    if has(bundle, "total") and kind not in ("searchset", "history"):
        en = "Only search results and histories have a total: leave it out."
        yield broken(f"{at}.total", "bdl-1", en, "শুধু searchset ও history-তে total থাকে: বাদ দিন।")
    if kind != "document":
        return
    identifier = bundle.get("identifier")
    if not isinstance(identifier, dict) or not has(identifier, "system") or not has(identifier, "value"):
        en = "A document needs an identifier with system and value."
        yield broken(f"{at}.identifier", "bdl-9", en, "document-এর identifier-এ system ও value দিন।")
    if "timestamp" not in bundle:
        yield broken(f"{at}.timestamp", "bdl-10", "A document needs a timestamp.", "document-এর timestamp দিন।")


def _first_entry(bundle: Node, kind: str, at: str) -> Iterator[Issue]:
    wanted = {"document": ("Composition", "bdl-11"), "message": ("MessageHeader", "bdl-12")}.get(kind)
    if wanted is None:
        return
    name, rule = wanted
    first = next(iter(items(bundle, "entry")), {}).get("resource")
    if not isinstance(first, dict) or first.get("resourceType") != name:
        en = f"The first entry of a {kind} is its {name}."
        yield broken(f"{at}.entry[0].resource", rule, en, f"{kind}-এর প্রথম entry হবে {name}।")


def _entries(bundle: Node, kind: str, at: str) -> Iterator[Issue]:
    has_request, has_response = kind in _WITH_REQUEST, kind in _WITH_RESPONSE
    seen: set[str] = set()
    for number, entry in enumerate(items(bundle, "entry")):
        if (
            ("request" in entry) != has_request
            or ("response" in entry) != has_response
            or "search" in entry
            or "resource" not in entry
        ):
            yield from _parts(entry, kind, f"{at}.entry[{number}]")
        url = entry.get("fullUrl")
        if not isinstance(url, str):
            continue
        if not url.startswith(_PLAIN_URLS) or "/_history/" in url:
            yield from _full_url(url, f"{at}.entry[{number}].fullUrl")
        version = _version(entry)
        if kind != "history" and (url if version is None else f"{url} {version}") in seen:
            en = "Another entry has the same fullUrl: each needs its own."
            bn = "অন্য একটি entry-র fullUrl একই: প্রতিটির আলাদা হতে হবে।"
            yield broken(f"{at}.entry[{number}].fullUrl", "bdl-7", en, bn)
        seen.add(url if version is None else f"{url} {version}")


def _version(entry: Node) -> Any:
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else None
    return meta.get("versionId") if isinstance(meta, dict) else None


def _parts(entry: Node, kind: str, place: str) -> Iterator[Issue]:
    if ("request" in entry) != (kind in _WITH_REQUEST):
        if "request" in entry:
            en, bn = f"An entry of a {kind} has no request: leave it out.", f"{kind}-এর entry-তে request থাকে না: বাদ দিন।"
        else:
            en = f"Each entry of a {kind} needs a request with method and url."
            bn = f"{kind}-এর প্রতিটি entry-তে request (method ও url) দিন।"
        yield broken(f"{place}.request", "bdl-3", en, bn)
    if ("response" in entry) != (kind in _WITH_RESPONSE):
        has_one = "response" in entry
        en = f"An entry of a {kind} has no response." if has_one else f"Each entry of a {kind} needs a response."
        bn = f"{kind}-এর entry-তে response থাকে না।" if has_one else f"{kind}-এর প্রতিটি entry-তে response দিন।"
        yield broken(f"{place}.response", "bdl-4", en, bn)
    if "search" in entry and kind != "searchset":
        en = "Only entries of search results have search."
        yield broken(f"{place}.search", "bdl-2", en, "শুধু searchset-এর entry-তে search থাকে।")
    if not any(name in entry for name in ("resource", "request", "response")):
        en = "An entry needs a resource, a request or a response."
        yield broken(place, "bdl-5", en, "entry-তে resource, request বা response থাকতে হবে।")


def _full_url(url: str, at: str) -> Iterator[Issue]:
    if "/_history/" in url:
        en = "A fullUrl names no version: leave /_history/… out."
        yield broken(at, "bdl-8", en, "fullUrl-এ সংস্করণ থাকে না: /_history/… বাদ দিন।")
    if not _ABSOLUTE.fullmatch(url):
        en = f"{shown(url)} is not absolute: a fullUrl is an absolute URL, urn:uuid:… or urn:oid:…."
        yield broken(at, "full-url", en, "fullUrl হবে পূর্ণ URL, urn:uuid:… বা urn:oid:…।", code="value")
