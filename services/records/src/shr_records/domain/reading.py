"""From bytes to a bundle that is known to be valid, or to located reasons why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.bundle import BundleParts, split_bundle
from shr_common.fhir.json import JsonLimits, parse
from shr_common.fhir.validate import validate

from shr_records.domain import adapters, bd_core
from shr_records.domain.adapters.contract import Adapted
from shr_records.domain.facts import Facts, facts_of
from shr_records.domain.submission import CANONICAL, SINGLE, Submission, digest

ACCEPTED_TYPES = frozenset({"transaction", "batch", "document", "message", "collection"})
METHODS = frozenset({"POST", "PUT", "DELETE"})
ID_LENGTH_LIMIT = 255
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """Settings: the most that one submission may have; ``canonical_bytes`` with what its adapter adds."""

    bytes: int = 5 * 1024 * 1024
    entries: int = 2000
    depth: int = 64
    canonical_bytes: int = 8 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """One entry with what intake needs to know of it. ``resource`` is None for a DELETE."""

    index: int
    at: str
    type: str
    method: str
    raw: bytes | msgspec.Raw = b""
    resource: Resource | None = None
    facts: Facts = field(default_factory=Facts)
    full_url: str | None = None
    sender_id: str | None = None
    if_match: int | None = None


@dataclass(slots=True)
class Reading:
    """What a submission says. With ``refused`` it cannot be recorded, for the reasons in ``issues``."""

    submission: Submission
    id: str
    limits: Limits
    firm: bool = True
    bundle_type: str = "transaction"
    bundle: Resource = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    warnings: list[Issue] = field(default_factory=list)
    refused: tuple[Category, str | None] | None = None
    nameless: bool = False
    adapted: bytes | None = None

    def refuse(self, issues: list[Issue], category: Category = Category.INVALID, detail: str | None = None) -> Reading:
        """The same reading, refused."""
        self.issues, self.refused = issues, (category, detail)
        return self


def read(submission: Submission, *, limits: Limits, strict: bool = False) -> Reading:
    """Parse, adapt and validate one submission; never raises for anything that a source may send.

    ``strict`` turns BD-Core findings into errors even where no profile is claimed (a setting per source).
    """
    name = submission.id or digest(submission.body).hex()
    reading = Reading(submission, name, limits, nameless=submission.id is None)
    try:
        if submission.format == SINGLE:
            return _read_single(reading, strict)
        return _read_bundle(reading, strict)
    except ShrError as error:
        return reading.refuse(list(error.issues), error.category, error.detail)


def _read_bundle(reading: Reading, strict: bool) -> Reading:
    submission, limits = reading.submission, reading.limits
    json_limits = JsonLimits(bytes=limits.bytes, depth=limits.depth)
    if submission.format != CANONICAL:
        adapter = adapters.ADAPTERS.get(submission.format)
        if adapter is None:
            text = f"The format “{submission.format[:64]}” is not known here."
            hint = f"{text} Known are: {', '.join(sorted((CANONICAL, *adapters.ADAPTERS)))}."
            return reading.refuse([Issue(hint, code="not-supported")], detail="media-type")
        tree = parse(submission.body, limits=json_limits)
        _identify(reading, tree)
        return _adapted(reading, adapter(tree, submission.body), strict)
    parts = split_bundle(submission.body, limits=json_limits, most_entries=limits.entries)
    _identify(reading, parts.tree)
    return _judged(reading, parts, strict)


def _adapted(reading: Reading, adapted: Adapted, strict: bool) -> Reading:
    reading.warnings += adapted.warnings
    if adapted.issues:
        return reading.refuse(list(adapted.issues))
    reading.adapted = adapted.bundle
    limits = reading.limits  # what an adapter adds is not the sender's fault, but its event must fit into a message
    wide = JsonLimits(bytes=max(limits.bytes, limits.canonical_bytes), depth=limits.depth + 8)
    parts = split_bundle(adapted.bundle, limits=wide, most_entries=limits.entries)
    return _judged(reading, parts, strict)


def _judged(reading: Reading, parts: BundleParts, strict: bool) -> Reading:
    tree = parts.tree
    kind = tree.get("resourceType")
    if kind != "Bundle":
        text = "A FHIR Bundle is needed here: resourceType must be “Bundle”."
        bn = "এখানে একটি FHIR Bundle দরকার: resourceType হবে “Bundle”।"
        return reading.refuse([Issue(text, expression="resourceType", code="structure", text_bn=bn)])
    issues = validate(tree)
    reading.bundle = tree
    reading.bundle_type = str(tree.get("type"))
    if not issues and reading.bundle_type not in ACCEPTED_TYPES:
        listed = ", ".join(sorted(ACCEPTED_TYPES))
        text = f"A bundle of type {reading.bundle_type} cannot be submitted; use one of {listed}."
        issues = [Issue(text, expression="Bundle.type", code="not-supported")]
    if issues:
        adapter = _second_chance(reading)
        if adapter is None:
            return reading.refuse(issues)
        return _adapted(reading, adapter(tree, reading.submission.body), strict)
    for part in parts.entries:
        entry = _entry(part.number, part.raw, part.resource, part.full_url, part.request, issues)
        if entry is not None:
            reading.entries.append(entry)
    if not issues and not parts.entries:
        issues = [Issue("The bundle has no entries.", expression="Bundle.entry", code="required")]
    if not issues and any(entry.facts.unsystematic for entry in reading.entries):
        adapter = _second_chance(reading)
        if adapter is not None:
            reading.entries = []
            return _adapted(reading, adapter(tree, reading.submission.body), strict)
    return _with_national_rules(reading, issues, strict)


def _second_chance(reading: Reading) -> adapters.Adapter | None:
    """A source that sends FHIR as its own software makes it gets its software's adapter."""
    if reading.adapted is not None or reading.submission.format != CANONICAL:
        return None
    return adapters.FOR_FHIR_OF.get(reading.submission.system)


def _entry(
    index: int,
    raw: bytes | msgspec.Raw | None,
    resource: Resource | None,
    full_url: str | None,
    request: Mapping[str, Any] | None,
    issues: list[Issue],
) -> Entry | None:
    at = f"Bundle.entry[{index}]"
    method = request["method"] if request else "POST"
    if method not in METHODS:
        text = f"{method} is not taken in a submission: send POST, PUT or DELETE."
        issues.append(Issue(text, expression=f"{at}.request.method", code="not-supported"))
        return None
    url_type, _, url_id = (request["url"] if request else "").strip("/").partition("/")
    if "?" in url_type or "?" in url_id or (request and "ifNoneExist" in request):
        text = "Conditional requests are not taken: name the resource by its id."
        issues.append(Issue(text, expression=f"{at}.request", code="not-supported"))
        return None
    if_match = _version(request["ifMatch"]) if request and "ifMatch" in request else None
    if method == "DELETE":
        if not url_type or not url_id:
            issues.append(Issue("A DELETE names Type/id.", expression=f"{at}.request.url", code="value"))
            return None
        return Entry(index, at, url_type, method, sender_id=url_id, if_match=if_match)
    if resource is None or raw is None:
        issues.append(Issue(f"A {method} needs a resource.", expression=f"{at}.resource", code="required"))
        return None
    kind = resource["resourceType"]
    sender_id = resource.get("id")
    if method == "PUT" and (url_type != kind or sender_id not in (None, url_id)):
        text = "The url of a PUT names the type and the id of its resource."
        issues.append(Issue(text, expression=f"{at}.request.url", code="value"))
        return None
    sender_id = sender_id or (url_id if method == "PUT" else None)
    return Entry(
        index, f"{at}.resource", kind, method, raw, resource, facts_of(resource), full_url, sender_id, if_match
    )


def _version(etag: Any) -> int | None:
    text = str(etag or "").removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _read_single(reading: Reading, strict: bool) -> Reading:
    wanted, limits = reading.submission.interaction, reading.limits
    assert wanted is not None  # noqa: S101 (this format comes from our own routes)
    reading.bundle_type = "batch"
    if wanted.method == "DELETE":
        reading.entries = [Entry(0, wanted.type, wanted.type, "DELETE", sender_id=wanted.id, if_match=wanted.if_match)]
        return reading
    body = reading.submission.body
    resource = parse(body, limits=JsonLimits(bytes=limits.bytes, depth=limits.depth))
    if resource.get("resourceType") != wanted.type:
        text = f"This address takes {wanted.type} only: resourceType must say so."
        return reading.refuse([Issue(text, expression="resourceType", code="structure")])
    if wanted.id is not None and resource.get("id") not in (None, wanted.id):
        text = "The id of the resource must be that of the address."
        return reading.refuse([Issue(text, expression=f"{wanted.type}.id", code="value")])
    issues = validate(resource)
    if issues:
        return reading.refuse(issues)
    entry = Entry(0, wanted.type, wanted.type, wanted.method, body, resource, facts_of(resource))
    entry.sender_id = wanted.id or resource.get("id")
    entry.if_match = wanted.if_match
    reading.entries = [entry]
    return _with_national_rules(reading, [], strict)


def _with_national_rules(reading: Reading, issues: list[Issue], strict: bool) -> Reading:
    resources = [(entry.at, entry.resource) for entry in reading.entries if entry.resource is not None]
    found = bd_core.findings(resources, on=reading.submission.received_at.date())
    issues += [one for one in found if one.severity == "error" or strict]
    reading.warnings += [one for one in found if one.severity != "error" and not strict]
    return reading.refuse(issues) if issues else reading


def _identify(reading: Reading, tree: Resource) -> None:
    """The submission's id where the sender gave none beside the body: Bundle.identifier, Bundle.id, else its digest.

    Under a Bundle.id alone other content is an amendment, so that id is not firm.
    """
    if not reading.nameless or tree.get("resourceType") != "Bundle":
        return
    identifier = tree.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    if isinstance(value, str) and len(value) > ID_LENGTH_LIMIT:
        text = f"This names the submission, and a name has {ID_LENGTH_LIMIT} characters at most."
        bn = f"এটি জমার নাম: সর্বোচ্চ {ID_LENGTH_LIMIT} অক্ষর হতে পারে।"
        issue = Issue(text, "Bundle.identifier.value", code="too-long", text_bn=bn)
        raise ShrError(Category.INVALID, issue)
    if isinstance(value, str) and value:
        reading.id, reading.nameless = value, False
    elif isinstance(tree.get("id"), str) and tree["id"]:
        reading.id, reading.nameless, reading.firm = tree["id"], False, False
