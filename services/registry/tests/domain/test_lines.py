"""Registry files: each line is read or refused with its place."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.errors import ShrError
from shr_registry.domain.changes import judge
from shr_registry.domain.facts import Facility, Posting
from shr_registry.domain.lines import decoded, lines_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_file_of_facilities_is_told_by_its_header() -> None:
    [line] = lines_of("code,name,name_bn\n১০০০০০০১,Shapla,শাপলা\n", limit=10)
    assert line.number == 2
    assert line.fact == Facility(code="10000001", name="Shapla", name_bn="শাপলা")


def test_one_file_may_hold_every_kind() -> None:
    content = "kind,code,name,practitioner,facility,role\nfacility,1,A,,,\nrole,,,7,1,nurse\nplanet,,,,,\n"
    facility, role, planet = lines_of(content, limit=10)
    assert isinstance(facility.fact, Facility)
    assert role.fact == Posting(practitioner="7", facility="1", role="nurse")
    assert planet.issues[0].expression == "line[4].kind"


def test_each_wrong_cell_is_named_with_its_line() -> None:
    content = "code,name,type,active,latitude\n!,A,castle,perhaps,91\n"
    [line] = lines_of(content, limit=10)
    assert [issue.expression for issue in line.issues] == [
        "line[2].code",
        "line[2].type",
        "line[2].active",
        "line[2].latitude",
    ]


def test_lines_keep_their_numbers_across_quoted_line_breaks_and_blank_lines() -> None:
    content = 'code,name\n1,A\n\n2,"B\nB"\n3\n'
    lines = lines_of(content, first_line=102, limit=10)
    assert [line.number for line in lines] == [102, 104, 106]
    assert "control characters" in lines[1].issues[0].text
    assert lines[2].issues[0].expression == "line[106]"


def test_a_posting_cannot_end_before_it_starts() -> None:
    [line] = lines_of("practitioner,facility,role,start,end\n1,2,doctor,2024-01-02,2024-01-01\n", limit=10)
    assert line.issues[0].expression == "line[2].end"


@pytest.mark.parametrize(
    ("header", "said"),
    [("", "fits no kind"), ("code,name,color", "unknown columns: color"), ("code,code,name", "twice")],
)
def test_an_unknown_header_is_refused_at_line_one(header: str, said: str) -> None:
    with pytest.raises(ShrError) as refused:
        lines_of(f"{header}\n1,2\n", limit=10)
    assert said in refused.value.issues[0].text
    assert refused.value.issues[0].expression == "line[1]"


def test_bytes_that_are_no_utf8_are_refused_with_their_line() -> None:
    with pytest.raises(ShrError) as refused:
        decoded(b"code,name\n1,\xff\n")
    assert refused.value.issues[0].diagnostics == "line 2"


def test_more_lines_than_the_limit_are_too_large() -> None:
    with pytest.raises(ShrError, match="too_large"):
        lines_of("code,name\n1,A\n2,B\n", limit=1)


@given(st.lists(st.lists(st.text(max_size=12), min_size=2, max_size=4), max_size=6))
def test_no_content_of_cells_breaks_the_reader(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["code", "name"], *rows])
    for line in lines_of(text.getvalue(), limit=100):
        assert (line.fact is None) == bool(line.issues)


def test_the_same_line_again_changes_nothing_and_a_changed_one_makes_the_next_version() -> None:
    lines = lines_of("code,name\n1,A\n1,A\n1,B\n", limit=10)
    changes = judge(lines, {}, at=AT)
    assert [result.state for result in changes.results] == ["created", "unchanged", "updated"]
    assert [(v.reference, v.version) for v in changes.versions if v.reference.startswith("Org")] == [
        ("Organization/1", 1),
        ("Organization/1", 2),
    ]


def test_a_role_needs_its_practitioner_and_facility() -> None:
    lines = lines_of("practitioner,facility,role\n1,2,doctor\n", limit=10)
    [result] = judge(lines, {}, at=AT).results
    assert [issue.expression for issue in result.issues] == ["line[2].practitioner", "line[2].facility"]
