"""The XHTML of narratives (txt-1, txt-2): basic formatting only, nothing that a browser would run or load by itself.

Elements and attributes are those of HL7's own checker (HTML 4.0 chapters 7 to 11 and 15, links and images). Parsed with
expat: no DTD is admitted, so entities cannot be declared or expanded.
"""

from __future__ import annotations

import re
from html.entities import name2codepoint
from xml.parsers import expat

XHTML = "http://www.w3.org/1999/xhtml"
_ELEMENTS = """
    a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2
    h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr
    tt ul var
"""
ELEMENTS = frozenset(_ELEMENTS.split())
_ATTRIBUTES = """
    abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff charset cite class colspan
    compact coords dir frame headers height href hreflang id idref lang longdesc name nowrap rel rev rowspan
    rules scope shape span src start style summary tabindex target title type usemap valign value width xml:lang
    xml:space xmlns
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
_ADDRESS = re.compile(r"(?:https?:|mailto:|tel:|ftp:|data:image/(?:png|gif|jpe?g|webp);|[^:]*(?:[/?#]|$))", re.I)
"""What a link or an image may point to: a web, mail or phone address, an image within, or a relative address."""
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0]")
_STYLE = re.compile(r"expression\s*\(|javascript:|vbscript:|@import|behaviou?r\s*:|-moz-binding|\\", re.I)


class _RefusedError(Exception):
    """Carries what was found."""


def fault(div: str) -> str | None:
    """What makes this narrative unacceptable (a few words of markup, no content), or None if it is fine."""
    checker = _Checker()
    try:
        checker.feed(div)
    except _RefusedError as refused:
        return str(refused)
    except expat.ExpatError as error:
        return f"malformed XHTML ({expat.ErrorString(error.code)}, line {error.lineno}, column {error.offset + 1})"
    return None if checker.has_content else "no content (txt-2)"


class _Checker:
    """One pass over the markup; stops at the first refusal."""

    def __init__(self) -> None:
        self.has_content = False
        self._is_root = True
        parser = self._parser = expat.ParserCreate()
        parser.UseForeignDTD(True)  # so that &nbsp; and the like reach _entity instead of being errors
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._text
        parser.SkippedEntityHandler = self._entity
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.ProcessingInstructionHandler = self._refuse_instruction

    def feed(self, div: str) -> None:
        """Parse all of ``div``."""
        self._parser.Parse(div.encode("utf-8", "surrogatepass"), True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._is_root:
            self._is_root = False
            if name != "div":
                raise _RefusedError(f"<{name[:20]}> instead of <div>")
            if attributes.get("xmlns", XHTML) != XHTML:
                raise _RefusedError("another namespace than XHTML")
        if name not in ELEMENTS:
            raise _RefusedError(f"element <{name[:20]}>")
        self.has_content = self.has_content or name == "img"
        for attribute, value in attributes.items():
            _check_attribute(name, attribute, value)

    def _text(self, text: str) -> None:
        self.has_content = self.has_content or not text.isspace()

    def _entity(self, name: str, is_parameter: bool) -> None:
        if is_parameter or name not in name2codepoint:
            raise _RefusedError(f"entity &{name[:20]};")
        self.has_content = self.has_content or name != "nbsp"

    def _refuse_doctype(self, *_: object) -> None:
        raise _RefusedError("a DOCTYPE declaration")

    def _refuse_instruction(self, *_: object) -> None:
        raise _RefusedError("a processing instruction")


def _check_attribute(element: str, name: str, value: str) -> None:
    if name not in ATTRIBUTES:
        raise _RefusedError(f"attribute {name[:20]} on <{element}>")
    if name in ("href", "src", "cite", "longdesc", "usemap") and not _ADDRESS.match(_INVISIBLE.sub("", value)):
        raise _RefusedError(f"a {name} on <{element}> that is no web address")
    if name == "style" and _STYLE.search(value):
        raise _RefusedError(f"an active style on <{element}>")
