"""Files that are sent in parts keep their line numbers."""

from __future__ import annotations

import pytest
from shr_cli.commands import registry
from shr_cli.failure import Failure


def test_a_file_is_divided_between_records_and_keeps_its_line_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LINES_AT_ONCE", 2)
    header, parts = registry.divided(b'\xef\xbb\xbfcode,name\r\n1,A\r\n2,"B\r\nB"\r\n3,C\r\n')
    assert header == "code,name\r\n"
    assert list(parts) == [(2, '1,A\r\n2,"B\r\nB"\r\n'), (5, "3,C\r\n")]


def test_a_file_that_is_no_utf8_is_named_with_its_line() -> None:
    with pytest.raises(Failure, match="line 2 of the file is not UTF-8"):
        registry.divided(b"code,name\n1,\xff\n")


def test_a_header_alone_has_no_parts() -> None:
    header, parts = registry.divided(b"code,name")
    assert (header, list(parts)) == ("code,name\n", [])
