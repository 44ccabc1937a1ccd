"""FHIR search over the rows of one person: what was asked, which rows match, in what order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shr_common.errors import Category, Issue, ShrError

from shr_gateway.domain.dates import PREFIXES, Span, matches, span_of
from shr_gateway.domain.lines import Row

Test = Callable[[Row], bool]
Key = tuple[str, str]

VALUES_LIMIT = 200
SORTS = {"date": "at", "_lastUpdated": "updated", "_id": "reference"}
CONTROL = frozenset({"patient", "subject", "_count", "_sort", "_summary", "_cursor", "_format", "_type", "_total"})
_PREFIXED = re.compile(r"([a-z]{2})?(\d.*)")


@dataclass(frozen=True, slots=True)
class Query:
    """A search. ``tests`` all have to hold; ``unknown`` are parameters that nobody here understands."""

    type: str | None
    patient: str | None
    count: int
    tests: tuple[Test, ...] = ()
    types: frozenset[str] | None = None
    sort: str = "at"
    descending: bool = True
    totals_only: bool = False
    cursor: str | None = None
    unknown: tuple[str, ...] = ()
    said: tuple[tuple[str, str], ...] = field(default=())

    @property
    def digest(self) -> str:
        """The same for every page of a search."""
        return hashlib.sha256(repr((self.type, sorted(self.said))).encode()).hexdigest()[:16]

    def matching(self, rows: Iterable[Row]) -> list[Row]:
        """The rows that match, in order."""
        found = [
            row for row in rows
            if (self.type is None or row.type == self.type)
            and (self.types is None or row.type in self.types)
            and all(test(row) for test in self.tests)
        ]  # fmt: skip
        found.sort(key=self.key, reverse=self.descending)
        return found

    def key(self, row: Row) -> Key:
        """Where a row stands."""
        return str(getattr(row, self.sort)), row.reference

    def after(self, rows: Sequence[Row], position: Key | None) -> Sequence[Row]:
        """The rows of the page after a position."""
        if position is None:
            return rows
        if self.descending:
            return [row for row in rows if self.key(row) < position]
        return [row for row in rows if self.key(row) > position]


def parse(
    type_: str | None, parameters: Sequence[tuple[str, str]], *, page_size: int, page_size_limit: int, strict: bool
) -> Query:
    """The query in a request's parameters. Raises invalid (400) for bad values, and for unknown names if ``strict``."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        given.setdefault(name, []).append(value)
    if sum(len(values) for values in given.values()) > VALUES_LIMIT:
        raise refused(f"At most {VALUES_LIMIT} parameters are taken.", None)
    known = CONTROL | TESTS.keys()
    unknown = tuple(sorted(name for name in given if name not in known))
    if unknown and strict:
        raise ShrError(
            Category.INVALID,
            [Issue(f"The search parameter {name} is not supported here.", expression=name, code="not-supported")
             for name in unknown],
            detail="bad-request",
        )  # fmt: skip
    tests = [TESTS[name](name, value) for name, values in given.items() if name in TESTS for value in values]
    count, totals_only = _count(given, page_size, page_size_limit)
    sort, descending = _sort(given.get("_sort"))
    types = frozenset(one for value in given.get("_type", ()) for one in value.split(",")) or None
    return Query(
        type=type_,
        patient=_patient(given),
        count=count,
        tests=tuple(tests),
        types=types,
        sort=sort,
        descending=descending,
        totals_only=totals_only,
        cursor=given.get("_cursor", [None])[-1],
        unknown=unknown,
        said=tuple((n, v) for n, v in parameters if n != "_cursor" and n not in unknown),
    )


def refused(text: str, parameter: str | None) -> ShrError:
    """A request that cannot be understood (400)."""
    return ShrError(Category.INVALID, Issue(text, expression=parameter, code="value"), detail="bad-request")


def _patient(given: Mapping[str, list[str]]) -> str | None:
    named = {value.rpartition("Patient/")[2] for name in ("patient", "subject") for value in given.get(name, ())}
    if len(named) > 1:
        raise refused("One search is about one person.", "patient")
    return next(iter(named), None)


def _count(given: Mapping[str, list[str]], page_size: int, limit: int) -> tuple[int, bool]:
    said = given.get("_count", [str(page_size)])[-1]
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise refused("_count is a number from 0 on.", "_count")
    summary = given.get("_summary", ["false"])[-1]
    if summary not in ("count", "false"):
        raise refused("_summary is count or false.", "_summary")
    return min(int(said), limit), summary == "count" or int(said) == 0


def _sort(said: list[str] | None) -> tuple[str, bool]:
    if not said:
        return "at", True
    name = said[-1].split(",")[0]
    descending = name.startswith("-")
    member = SORTS.get(name.lstrip("-"))
    if member is None:
        raise refused(f"_sort is one of {', '.join(sorted(SORTS))}, with - for descending.", "_sort")
    return member, descending


def _tokens(member: str) -> Callable[[str, str], Test]:
    def of(_name: str, value: str) -> Test:
        wanted = value.split(",")

        def test(row: Row) -> bool:
            return any(_token_matches(one, held) for one in wanted for held in getattr(row, member))

        return test

    return of


def _token_matches(wanted: str, held: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    held_system, _, held_code = held.rpartition("|")
    if not bar:
        return wanted == held_code
    return system == held_system and (not code or code == held_code)


def _equal(member: str, *, kind: str | None = None) -> Callable[[str, str], Test]:
    def of(_name: str, value: str) -> Test:
        wanted = {one.rpartition("|")[2] for one in value.split(",")}
        if kind is not None:
            wanted = {f"{kind}/{one.rpartition('/')[2]}" for one in wanted}
        return lambda row: getattr(row, member) in wanted

    return of


def _id(_name: str, value: str) -> Test:
    wanted = set(value.split(","))
    return lambda row: row.reference.partition("/")[2] in wanted


def _date(member: str) -> Callable[[str, str], Test]:
    def of(name: str, value: str) -> Test:
        wanted: list[tuple[str, Span]] = []
        for one in value.split(","):
            found = _PREFIXED.fullmatch(one)
            span = span_of(found[2]) if found else None
            if found is None or span is None or (found[1] or "eq") not in PREFIXES:
                raise refused(f"{name} is a date, with one of {', '.join(sorted(PREFIXES))} before it.", name)
            wanted.append((found[1] or "eq", span))

        def test(row: Row) -> bool:
            said = span_of(getattr(row, member))
            return said is not None and any(matches(said, prefix, span) for prefix, span in wanted)

        return test

    return of


TESTS: Mapping[str, Callable[[str, str], Test]] = {
    "_id": _id,
    "_lastUpdated": _date("updated"),
    "category": _tokens("categories"),
    "clinical-status": _equal("status"),
    "code": _tokens("codes"),
    "date": _date("date"),
    "encounter": _equal("encounter", kind="Encounter"),
    "status": _equal("status"),
}
