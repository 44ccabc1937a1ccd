"""Strict parsing against an exact, slow reading of the same text."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_common.errors import Category, ShrError
from shr_common.fhir.json import JsonLimits, parse
from shr_common.fhir.json_scan import first_fault


class Refused(Exception):
    """The oracle's no."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Refused
    return dict(pairs)


def _constant(_: str) -> Any:
    raise Refused


def _checked(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list)):
        if depth == 0:
            raise Refused
        for item in [*value.keys(), *value.values()] if isinstance(value, dict) else value:
            _checked(item, depth - 1)
    elif isinstance(value, str):
        value.encode()
    elif isinstance(value, float) and not math.isfinite(value):
        raise Refused


def oracle(raw: bytes, depth: int = 64) -> dict[str, Any] | None:
    """What the text says, or None where it must be refused."""
    try:
        tree = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_constant)
        if not isinstance(tree, dict):
            raise Refused
        _checked(tree, depth)
    except (Refused, ValueError, RecursionError):
        return None
    return tree


def strictly(raw: bytes, depth: int = 64) -> dict[str, Any] | None:
    try:
        return parse(raw, limits=JsonLimits(depth=depth))
    except ShrError as error:
        assert error.category is Category.INVALID
        assert error.detail == "malformed"
        assert error.issues[0].diagnostics is not None
        assert error.issues[0].diagnostics.startswith("line ")
        return None


_TEXTS = st.text(st.sampled_from('a:"\\ ব{[,\n\u0000é'), max_size=4)
_SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | _TEXTS
_KEYS = st.sampled_from(["a", "b", ":", '"', "\\", "ক", ""])
_TREES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_KEYS, inner), max_size=4).map(tuple)
)


def rendered(tree: Any, dice: random.Random) -> str:
    """JSON text of a tree whose tuples are objects, keys as they come: random blanks, random escapes."""
    blank = dice.choice(["", "", " ", "\n\t", "\r\n"])
    if isinstance(tree, tuple):
        members = [f"{rendered(key, dice)}{blank}:{blank}{rendered(value, dice)}" for key, value in tree]
        return "{" + blank + f"{blank},".join(members) + "}"
    if isinstance(tree, list):
        return "[" + f",{blank}".join(rendered(item, dice) for item in tree) + blank + "]"
    if isinstance(tree, str):
        text = json.dumps(tree, ensure_ascii=dice.random() < 0.5)
        return text.replace(":", dice.choice([":", ":", "\\u003a", "\\u003A"])).replace(
            "a", dice.choice(["a", "\\u0061"])
        )
    return json.dumps(tree)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(_KEYS, _TREES), max_size=4).map(tuple), st.randoms(use_true_random=False))
def test_strict_parsing_equals_the_oracle(tree: Any, dice: random.Random) -> None:
    raw = rendered(tree, dice).encode()
    assert strictly(raw) == oracle(raw)


@settings(max_examples=300, deadline=None)
@given(_TREES, st.integers(1, 6))
def test_depth_is_judged_as_by_the_oracle(tree: Any, depth: int) -> None:
    raw = rendered((("x", tree),), random.Random(0)).encode()
    assert (strictly(raw, depth) is None) == (oracle(raw, depth) is None)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('{}[]":,\\ud8001eE.+-aN \n'), max_size=24).map(lambda text: ('{"a":' + text).encode()))
def test_broken_text_is_refused_as_by_the_oracle(raw: bytes) -> None:
    assert (strictly(raw) is None) == (oracle(raw) is None)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=30))
def test_arbitrary_bytes_never_do_harm(raw: bytes) -> None:
    strictly(raw)
    strictly(b'{"a":"' + raw + b'"}')


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"", "line 1, column 1"),
        (b"[1]", "line 1, column 1"),
        (b"null", "line 1, column 1"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (b'{"a":NaN}', "line 1, column 6"),
        (b'{"a":1e999}', "line 1, column 6"),
        (b'{"a":"\\ud800"}', "line 1, column 7"),
        (b'{"a":"\xff"}', "line 1, column 7"),
        ('{"ক":\n"\ufffd'.encode() + b'\xff"}', "line 2, column 3"),
        (b'{"a":1}{', "line 1, column 8"),
        (b'{"a":1,"a":2}', "line 1, column 8"),
        (b'{\n "x": {\n  "k": 1,\n  "\\u006b" : 2}}', "line 4, column 3"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "line 1, column 69"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "line 1, column 69"),
    ],
)
def test_says_line_and_column(raw: bytes, where: str) -> None:
    with pytest.raises(ShrError) as caught:
        parse(raw)
    assert caught.value.detail == "malformed"
    assert caught.value.issues[0].diagnostics == where


def test_sixty_four_levels_are_admitted_and_no_more() -> None:
    assert strictly(b'{"a":' * 64 + b"1" + b"}" * 64) is not None
    assert strictly(b'{"a":' * 65 + b"1" + b"}" * 65) is None


def test_too_many_bytes_are_another_category() -> None:
    with pytest.raises(ShrError) as caught:
        parse(b'{"a":"' + b"x" * 100 + b'"}', limits=JsonLimits(bytes=50))
    assert caught.value.category is Category.TOO_LARGE


def test_the_scan_finds_nothing_in_sound_text() -> None:
    assert first_fault('{"a":[{"b":1},{"b":"}{[:,\\""}],"c":{"a":1}}', depth=64) is None
