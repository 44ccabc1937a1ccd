"""The operations: what is asked, answered by the index. ``canonical`` is set on ``/{type}/{id}/$…``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.validate import validate

from shr_terminology.domain.answers import Coding, Validation
from shr_terminology.domain.index import Terminology
from shr_terminology.domain.value_sets import ValueSet
from shr_terminology.http import parameters
from shr_terminology.http.asking import Asked, refused
from shr_terminology.http.parameters import Json

Operation = Callable[[Terminology, Asked, str | None], Json]
PARTS_LIMIT = 200


def lookup(index: Terminology, asked: Asked, canonical: str | None) -> Json:
    """CodeSystem/$lookup."""
    coding = asked.coding("coding") or Coding(asked.needed("system"), asked.needed("code"))
    if coding.system is None:
        raise refused("A Coding needs its system here.", "coding", code="required")
    language = asked.text("displayLanguage")
    version = asked.text("version") or coding.version
    found = index.lookup(coding.system, coding.code, version=version, language=language)
    return parameters.lookup(found, asked=asked.texts("property"), language=language)


def validate_code(index: Terminology, asked: Asked, canonical: str | None) -> Json:
    """CodeSystem/$validate-code; the system as ``url`` or ``system``."""
    url, language = canonical or asked.text("url") or asked.text("system"), asked.text("displayLanguage")
    version = asked.text("version")

    def check(coding: Coding) -> Validation:
        system = url or coding.system
        if system is None:
            raise refused("url, system or a coding with its system is needed.", "url", code="required")
        if coding.system is not None and url is not None and not _same_system(index, url, coding.system):
            text = f"The code system asked for is {url[:200]}, the code is one of {coding.system[:200]}."
            return Validation(False, text, None, coding.system, coding.code)
        return index.validate(
            system, coding.code, version=version or coding.version, display=coding.display, language=language
        )

    return parameters.validation(_first_valid(_codings(asked, with_system=False), check))


def _same_system(index: Terminology, url: str, system: str) -> bool:
    return index.system(url) is index.find_system(system) or url.partition("|")[0] == system


def subsumes(index: Terminology, asked: Asked, canonical: str | None) -> Json:
    """CodeSystem/$subsumes."""
    first, second = asked.coding("codingA"), asked.coding("codingB")
    system = canonical or asked.text("system") or asked.text("url") or (first.system if first else None)
    if system is None:
        raise refused("system, or codings with their system, are needed.", "system", code="required")
    for coding, name in ((first, "codingA"), (second, "codingB")):
        if coding and coding.system and not _same_system(index, system, coding.system):
            raise refused("Both codes must be of the same code system.", name)
    code_a = first.code if first else asked.needed("codeA")
    code_b = second.code if second else asked.needed("codeB")
    outcome = index.subsumes(system, code_a, code_b, version=asked.text("version"))
    return parameters.parameters({"name": "outcome", "valueCode": outcome})


def validate_in_value_set(index: Terminology, asked: Asked, canonical: str | None) -> Json:
    """ValueSet/$validate-code."""
    value_set, language = _value_set(index, asked, canonical), asked.text("displayLanguage")
    codings = _codings(asked, with_system=True)
    return parameters.validation(
        _first_valid(codings, lambda coding: index.validate_in(value_set, coding, language=language))
    )


def expand(*, limit: int, now: Callable[[], datetime]) -> Operation:
    """ValueSet/$expand, of ``limit`` codes at most."""

    def operation(index: Terminology, asked: Asked, canonical: str | None) -> Json:
        value_set, count = _value_set(index, asked, canonical), asked.number("count")
        found = index.expand(
            value_set,
            text=asked.text("filter"),
            offset=asked.number("offset") or 0,
            count=count,
            limit=limit,
            active_only=asked.flag("activeOnly"),
        )
        return parameters.expansion(
            found,
            value_set,
            at=now(),
            count=count,
            designations=asked.flag("includeDesignations"),
            language=asked.text("displayLanguage"),
        )

    return operation


def translate(index: Terminology, asked: Asked, canonical: str | None) -> Json:
    """ConceptMap/$translate: a code, Coding or CodeableConcept, by one map or by all that fit."""
    codings = asked.codings("codeableConcept")
    coding = asked.coding("coding")
    if not codings:
        codings = [coding or Coding(asked.text("system"), asked.needed("code"))]
    url, version = canonical or asked.text("url"), asked.text("conceptMapVersion")
    found = [
        index.translate(
            one,
            url=f"{url}|{version}" if url and version and "|" not in url else url,
            source=asked.text("source"),
            target=asked.text("target"),
            target_system=asked.text("targetsystem"),
            reverse=asked.flag("reverse"),
        )
        for one in codings
    ]
    return parameters.translation(next((one for one in found if one.result), found[0]))


def _codings(asked: Asked, *, with_system: bool) -> list[Coding]:
    """What is to be validated: a CodeableConcept, a Coding, or code with its display."""
    codings = asked.codings("codeableConcept")
    if codings:
        return codings
    coding = asked.coding("coding")
    if coding is not None:
        return [coding]
    system = asked.text("system") if with_system else None
    version = asked.text("systemVersion") if with_system else None
    return [Coding(system, asked.needed("code"), asked.text("display"), version)]


def _first_valid(codings: list[Coding], check: Callable[[Coding], Validation]) -> Validation:
    """A CodeableConcept is valid if one of its codings is; else the first says why not."""
    found = []
    for coding in codings:
        result = check(coding)
        if result.result:
            return result
        found.append(result)
    return found[0]


def _value_set(index: Terminology, asked: Asked, canonical: str | None) -> ValueSet:
    brought = asked.resource("valueSet", "ValueSet")
    if brought is not None:
        issues = [issue for issue in validate(brought.said, brought.at) if issue.severity in ("error", "fatal")]
        if issues:
            raise ShrError(Category.INVALID, issues)
        compose = brought.said.get("compose", {})
        if len(compose.get("include", ())) + len(compose.get("exclude", ())) > PARTS_LIMIT:
            text = f"A value set that comes along may have {PARTS_LIMIT} includes and excludes at most."
            raise ShrError(Category.INVALID, Issue(text, expression=f"{brought.at}.compose", code="too-costly"))
        return index.compile(brought.said)
    url = canonical or asked.needed("url")
    version = asked.text("valueSetVersion")
    return index.value_set(f"{url}|{version}" if version and "|" not in url else url)
