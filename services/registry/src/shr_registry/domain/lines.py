"""Registry files (CSV) as facts: one format with a column ``kind``, or one shape a file, told by its header."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shr_common.errors import Category, Issue, ShrError, malformed

from shr_registry.domain.columns import COLUMNS, NEEDED
from shr_registry.domain.facts import Facility, Fact, Posting, Professional, Service

FACTS: Mapping[str, type[Any]] = {
    "facility": Facility,
    "practitioner": Professional,
    "role": Posting,
    "service": Service,
}
KIND = "kind"
HEADER_LIMIT = 100
NAMES_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the file, and the fact that it states or what is wrong with it."""

    number: int
    fact: Fact | None
    issues: tuple[Issue, ...] = ()


def decoded(raw: bytes) -> str:
    """The text of a file. Raises malformed (400) with the line where it stops being UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise malformed("The file is not UTF-8.", diagnostics=f"line {line}") from None


def lines_of(content: str, *, first_line: int = 2, limit: int) -> list[Line]:
    """The lines below the header, which is the first; ``first_line`` is the number in the file of the one after it.

    Raises invalid (an unknown header), malformed (no CSV), too_large (more than ``limit`` lines).
    """
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    found: list[Line] = []
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        kind = kind_of(header)
        below = reader.line_num
        start = first_line
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(found) >= limit:
                    raise ShrError(Category.TOO_LARGE, f"One request may have {limit} lines at most.")
                found.append(_line(start, kind, header, cells))
            start = first_line + reader.line_num - below
    except csv.Error as error:
        place = first_line + reader.line_num - 2
        raise malformed(f"This is no CSV: {error}.", diagnostics=f"line {place}") from None
    return found


def kind_of(header: Sequence[str]) -> str | None:
    """The kind of all lines of a file, None if each says its own. Raises invalid, located at the header."""
    if len(header) > HEADER_LIMIT:
        raise _header(f"The header has {len(header)} columns; no kind of line has more than {HEADER_LIMIT}.")
    doubled = sorted(name for name, times in Counter(header).items() if times > 1)
    if doubled:
        raise _header(f"The header has {', '.join(doubled)[:NAMES_LIMIT] or 'an empty name'} twice.")
    if KIND in header:
        known = {KIND}.union(*(columns.keys() for columns in COLUMNS.values()))
        kind = None
    else:
        kind = next((kind for kind, needed in NEEDED.items() if set(needed) <= set(header)), None)
        if kind is None:
            shapes = "; ".join(f"{kind}: {', '.join(needed)}" for kind, needed in NEEDED.items())
            raise _header(f"The header fits no kind of line. Use a column 'kind', or at least the columns of {shapes}.")
        known = set(COLUMNS[kind])
    unknown = [name for name in header if name not in known]
    if unknown:
        raise _header(f"The header has unknown columns: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    return kind


def _header(text: str) -> ShrError:
    return ShrError(Category.INVALID, Issue(text[:1000], expression="line[1]", code="structure"))


def _line(number: int, kind: str | None, header: Sequence[str], cells: Sequence[str]) -> Line:
    if len(cells) != len(header):
        said = f"Line {number} has {len(cells)} cells, the header has {len(header)}."
        return Line(number, None, (Issue(said, expression=f"line[{number}]", code="structure"),))
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    said_kind = (kind or row.get(KIND, "")).casefold()
    if said_kind not in COLUMNS:
        known = ", ".join(COLUMNS)
        text = f"Line {number}: kind must be one of {known}."
        return Line(number, None, (Issue(text, expression=f"line[{number}].kind", code="value"),))
    return fact_of(said_kind, row, number=number)


def fact_of(kind: str, row: Mapping[str, str], *, number: int) -> Line:
    """The fact that the cells of one line state; every cell that is wrong is named."""
    issues = []
    said: dict[str, Any] = {}
    for name, cell in row.items():
        if not cell or name == KIND:
            continue
        reader = COLUMNS[kind].get(name)
        if reader is None:
            issues.append(_cell(number, name, f"does not belong to a line of kind {kind}"))
            continue
        try:
            said[name] = reader(cell)
        except ValueError as error:
            issues.append(_cell(number, name, str(error)))
    issues += [_cell(number, name, "is missing", code="required") for name in NEEDED[kind] if not row.get(name)]
    if not issues and said.get("start") and said.get("end") and said["end"] < said["start"]:
        issues.append(_cell(number, "end", "lies before start"))
    if issues:
        return Line(number, None, tuple(issues))
    return Line(number, FACTS[kind](**said))


def _cell(number: int, column: str, problem: str, *, code: str = "value") -> Issue:
    return Issue(f"Line {number}: {column} {problem}.", expression=f"line[{number}].{column}", code=code)
