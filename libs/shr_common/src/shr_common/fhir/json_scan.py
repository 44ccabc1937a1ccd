"""The exact, slow reading of JSON text that finds where a key repeats or the nesting goes too deep.

Runs only on documents that are refused anyway; it expects text that parses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]')
_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong and where; line and column count from 1, in characters."""

    text: str
    line: int
    column: int


def first_fault(text: str, *, depth: int) -> Finding | None:
    """The first repeated key or too deep level of valid JSON ``text``, or None."""
    open_objects: list[set[str] | None] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            open_objects.append(set() if mark == "{" else None)
            expects_key = mark == "{"
            if len(open_objects) > depth:
                return _at(text, token.start(), f"The document is nested deeper than {depth} levels.")
        elif mark in "}]":
            open_objects.pop()
        elif mark == ",":
            expects_key = open_objects[-1] is not None
        elif mark != ":" and expects_key:
            keys, key = open_objects[-1], json.loads(mark) if "\\" in mark else mark[1:-1]
            expects_key = False
            if keys is not None and key in keys:
                return _at(text, token.start(), f"The key “{key[:_LONGEST_SHOWN]}” stands twice in one object.")
            if keys is not None:
                keys.add(key)
    return None


def _at(text: str, position: int, words: str) -> Finding:
    line = text.count("\n", 0, position) + 1
    return Finding(words, line, position - text.rfind("\n", 0, position))
