"""One linear-time pattern for the narratives that systems generate: flat, well-formed, without anything active.

Well-formedness needs matched tags, which a pattern can only promise to a fixed depth; here that is one level of inline
formatting within blocks, list items and table cells, which is what generators write. An element has at most one
attribute, so none can repeat. Whatever does not match is judged by :mod:`shr_common.fhir.narrative`, which is exact;
what matches here is always accepted there (tested). Kept small on purpose: each further tag costs memory and time.
"""

from __future__ import annotations

_TEXT = "[^<>&\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"
_ENTITY = r"&(?:amp|lt|gt|quot|apos|nbsp|#[1-9][0-9]{2,3});"
_BLANK = r"[ \t\r\n]"
_EMPTY = r"<(?:br|hr|p|td) ?/>"
_LINK = 'href="(?:https?://|mailto:|#|[A-Z][A-Za-z]+/)'
_VALUE = '[^"<&\x00-\x1f\x7f\ufffe\uffff]*'
_ATTRIBUTE = f'(?: (?:class="|title="|name="|colspan="|{_LINK}){_VALUE}")?'
_INLINE = ("b", "i", "a", "span")
_BLOCKS = ("p", "pre", "h2", "h3")


def _any(*parts: str) -> str:
    return f"(?:{'|'.join(parts)})*"


def _pairs(tags: tuple[str, ...], content: str) -> str:
    return "|".join(f"<{tag}{_ATTRIBUTE}>{content}</{tag}>" for tag in tags)


def plain_narrative() -> str:
    """The anchored pattern, for the compiled schemas' engine (which never backtracks)."""
    inline = (_TEXT, _ENTITY, _EMPTY, _pairs(_INLINE, _any(_TEXT, _ENTITY, _EMPTY)))
    flow = _any(*inline)
    blocks = _pairs(_BLOCKS, flow)
    row = _pairs(("tr",), _any(_BLANK, "<td ?/>", _pairs(("td", "th"), flow)))
    table = _pairs(("table",), _any(_BLANK, row, _pairs(("tbody",), _any(_BLANK, row))))
    listed = _pairs(("ul",), _any(_BLANK, _pairs(("li",), flow)))
    quoted = _pairs(("blockquote",), _any(_BLANK, blocks, table))
    root = r'<div(?: xmlns="http://www\.w3\.org/1999/xhtml")?(?: (?:xml:lang|lang|class)="[A-Za-z0-9 _-]*")?>'
    return f"^{root}{_any(*inline, blocks, table, listed, quoted)}</div>$"


HAS_TEXT = ">[ \t\r\n]*[^<>&\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]"
"""Finds something to read right after a tag: such a narrative has content (txt-2)."""
