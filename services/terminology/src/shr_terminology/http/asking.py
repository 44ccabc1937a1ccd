"""What an operation is asked: query parameters, or a Parameters resource that is read strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import Request
from shr_common.errors import Category, Issue, ShrError
from shr_common.fhir.json import JsonLimits, parse

from shr_terminology.domain.answers import Coding

TEXT_LIMIT = 2000
NUMBER_LIMIT = 1_000_000
_JSON = ("application/json", "application/fhir+json", "text/json")


class Value:
    """One value and where it stands."""

    __slots__ = ("at", "kind", "said")

    def __init__(self, kind: str, said: Any, at: str) -> None:
        self.kind, self.said, self.at = kind, said, at


class Asked:
    """The parameters of one request."""

    def __init__(self, values: Mapping[str, Sequence[Value]]) -> None:
        self._values = values

    def _one(self, name: str, *kinds: str) -> Value | None:
        found = self._values.get(name, ())
        if not found:
            return None
        if len(found) > 1:
            raise refused(f"{name} may be given once.", found[1].at)
        if found[0].kind not in kinds:
            raise refused(f"{name} must be {' or '.join(kinds)}.", found[0].at)
        return found[0]

    def text(self, name: str) -> str | None:
        """A primitive as text, None if it is not given."""
        found = self._one(name, "text")
        if found is None or found.said == "":
            return None
        if len(found.said) > TEXT_LIMIT or "\0" in found.said:
            raise refused(f"{name} is longer than {TEXT_LIMIT} characters or holds a NUL.", found.at)
        return str(found.said)

    def needed(self, *names: str) -> str:
        """The first of these names that is given. Raises a 400 that names them."""
        for name in names:
            found = self.text(name)
            if found is not None:
                return found
        raise refused(f"{' or '.join(names)} is needed.", names[0], code="required")

    def flag(self, name: str) -> bool:
        """true or false; false if it is not given."""
        said = self.text(name)
        if said not in (None, "true", "false"):
            raise refused(f"{name} must be true or false.", name)
        return said == "true"

    def number(self, name: str) -> int | None:
        """A whole number from 0."""
        said = self.text(name)
        if said is None:
            return None
        if not (said.isascii() and said.isdigit()) or int(said[:10]) > NUMBER_LIMIT:
            raise refused(f"{name} must be a whole number from 0 to {NUMBER_LIMIT}.", name)
        return int(said)

    def coding(self, name: str) -> Coding | None:
        """A Coding; in a query as ``system|code``."""
        found = self._one(name, "a Coding", "text")
        if found is None:
            return None
        if found.kind == "text":
            system, bar, code = found.said.rpartition("|")
            return Coding(system if bar else None, code)
        return _coding(found.said, found.at)

    def codings(self, name: str) -> list[Coding]:
        """The codings of a CodeableConcept."""
        found = self._one(name, "a CodeableConcept")
        if found is None:
            return []
        codings = found.said.get("coding", [])
        if not isinstance(codings, list) or not codings:
            raise refused("A CodeableConcept with a coding is needed.", f"{found.at}.coding", code="required")
        return [_coding(said, f"{found.at}.coding[{n}]") for n, said in enumerate(codings)]

    def resource(self, name: str, kind: str) -> Value | None:
        """A resource of a type."""
        found = self._one(name, "a resource")
        if found is not None and found.said.get("resourceType") != kind:
            raise refused(f"{name} must be a {kind}.", found.at)
        return found

    def texts(self, name: str) -> list[str]:
        """All values of a parameter that may be repeated."""
        return [str(value.said) for value in self._values.get(name, ()) if value.kind == "text"]


def refused(text: str, at: str, *, code: str = "invalid") -> ShrError:
    """A parameter that cannot be used (400)."""
    return ShrError(Category.INVALID, Issue(text[:500], expression=at[:200], code=code), detail="bad-request")


def from_query(request: Request) -> Asked:
    """The parameters of a GET."""
    values: dict[str, list[Value]] = {}
    for name, said in request.query_params.multi_items():
        values.setdefault(name, []).append(Value("text", said, name))
    return Asked(values)


async def from_body(request: Request, limits: JsonLimits) -> Asked:
    """The parameters of a POST: its Parameters resource, and those in the address."""
    kind = request.headers.get("content-type", _JSON[0]).partition(";")[0].strip().casefold()
    if kind not in _JSON:
        raise ShrError(Category.INVALID, f"Send {_JSON[1]}.", detail="media-type")
    body = parse(await request.body(), limits=limits)
    if body.get("resourceType") != "Parameters":
        raise _unacceptable("A Parameters resource is needed.", "resourceType")
    values: dict[str, list[Value]] = {}
    for name, value in _parameters(body.get("parameter", [])):
        values.setdefault(name, []).append(value)
    for name, said in request.query_params.multi_items():
        values.setdefault(name, []).append(Value("text", said, name))
    return Asked(values)


def _parameters(parameters: Any) -> Iterator[tuple[str, Value]]:
    if not isinstance(parameters, list):
        raise _unacceptable("A list is needed.", "Parameters.parameter")
    for number, parameter in enumerate(parameters):
        at = f"Parameters.parameter[{number}]"
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
            raise _unacceptable("A parameter needs a name.", at)
        said = [(key, value) for key, value in parameter.items() if key.startswith("value") or key == "resource"]
        if len(said) != 1:
            raise _unacceptable("A parameter here has exactly one value[x] or resource.", at)
        key, value = said[0]
        yield parameter["name"], _value(key, value, f"{at}.{key}")


def _value(key: str, value: Any, at: str) -> Value:
    if key in ("valueCoding", "valueCodeableConcept", "resource"):
        if not isinstance(value, dict):
            raise _unacceptable("An object is needed.", at)
        kinds = {"valueCoding": "a Coding", "valueCodeableConcept": "a CodeableConcept", "resource": "a resource"}
        return Value(kinds[key], value, at)
    if isinstance(value, bool):
        return Value("text", str(value).lower(), at)
    if isinstance(value, int | float | str):
        return Value("text", str(value), at)
    raise _unacceptable("Text, a number or true/false is needed.", at)


def _coding(said: Any, at: str) -> Coding:
    if not isinstance(said, dict):
        raise _unacceptable("A Coding is needed.", at)
    texts = {}
    for name in ("system", "code", "display", "version"):
        value = said.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > TEXT_LIMIT):
            raise _unacceptable("Text is needed.", f"{at}.{name}")
        texts[name] = value
    if not texts["code"]:
        raise _unacceptable("A Coding needs a code.", f"{at}.code")
    return Coding(texts["system"], texts["code"], texts["display"], texts["version"])


def _unacceptable(text: str, at: str) -> ShrError:
    return ShrError(Category.INVALID, Issue(text, expression=at, code="structure"))
