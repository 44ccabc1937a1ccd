"""The forms of a page, as a visitor without scripts fills them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """Where a form goes and what it holds: hidden fields, and what is ticked, chosen or typed already."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, **typed: str) -> dict[str, list[str]]:
        """The fields with these set or added."""
        sent: dict[str, list[str]] = {}
        for name, value in self.fields:
            if name not in typed:
                sent.setdefault(name, []).append(value)
        return sent | {name: [value] for name, value in typed.items()}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(said.get("action", ""), said.get("method", "get").lower()))
            self._inside = True
        elif self._inside and tag == "input" and "name" in said:
            if said.get("type") not in ("checkbox", "radio") or "checked" in said:
                self.forms[-1].fields.append((said["name"], said.get("value", "on")))
        elif self._inside and tag == "select":
            self._select = said.get("name")
        elif self._inside and tag == "option" and self._select and "selected" in said:
            self.forms[-1].fields.append((self._select, said.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = None


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def forms_of(html: str) -> list[Form]:
    """All forms of a page, in their order."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def words_of(html: str) -> str:
    """What a page says, without its tags."""
    reader = _Words()
    reader.feed(html)
    return " ".join("".join(reader.parts).split())
