"""One linear-time pattern for the narratives that systems generate: flat, well-formed, without anything active.

Well-formedness needs matched tags, which a pattern can only promise to a fixed depth; here that is one level of inline
formatting within blocks, list items and table cells, which is what generators write. An element has at most one
attribute, so none can repeat. The first element that is not empty begins with something to read, so the narrative has
content (txt-2). Whatever does not match is judged by :mod:`shr_common.fhir.narrative`, which is exact; what matches
here is always accepted there (tested). Kept small on purpose: each further tag costs memory and time.
"""

from __future__ import annotations

_TEXT = "[^<>&\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"
_VISIBLE = "[^<>&\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff\ufffe\uffff]"
_ENTITY = r"&(?:amp|lt|gt|quot|apos|nbsp|#[1-9][0-9]{2,3});"
_BLANK = r"[ \t\r\n]"
_EMPTY = r"<(?:br|hr|p|td) ?/>"
_LINK = 'href="(?:https?://|mailto:|#|[A-Z][A-Za-z]+/)'
_VALUE = '[^"<&\x00-\x1f\x7f\ufffe\uffff]*'
_ATTRIBUTE = f'(?: (?:class="|title="|name="|colspan="|{_LINK}){_VALUE}")?'
_INLINE = ("b", "i", "a", "span")
_BLOCKS = ("p", "pre", "h2", "h3")
_ROOT = r'<div(?: xmlns="http://www\.w3\.org/1999/xhtml")?(?: (?:xml:lang|lang|class)="[A-Za-z0-9 _-]*")?>'


def _any(*parts: str) -> str:
    return f"(?:{'|'.join(parts)})*"


def _pairs(tags: tuple[str, ...], content: str) -> str:
    return "|".join(f"<{tag}{_ATTRIBUTE}>{content}</{tag}>" for tag in tags)


def _led(blank: str, leads: tuple[str, ...], rest: str) -> str:
    """Begins, after blanks, with one of ``leads``, each of which holds something to read."""
    return f"{_any(blank)}(?:{'|'.join(leads)}){rest}"


def plain_narrative() -> str:
    """The anchored pattern, for the compiled schemas' engine (which never backtracks)."""
    words = _any(_TEXT, _ENTITY, _EMPTY)
    inline = (_TEXT, _ENTITY, _EMPTY, _pairs(_INLINE, words))
    flow = _any(*inline)
    blocks = _pairs(_BLOCKS, flow)
    cells = _any(_BLANK, "<td ?/>", _pairs(("td", "th"), flow))
    rows = _any(_BLANK, _pairs(("tr",), cells))
    body = _any(_BLANK, _pairs(("tr",), cells), _pairs(("tbody",), rows))
    table = _pairs(("table",), body)
    items = _any(_BLANK, _pairs(("li",), flow))
    quoted = _any(_BLANK, blocks, table)
    whole = _any(*inline, blocks, table, _pairs(("ul",), items), _pairs(("blockquote",), quoted))

    empty = f"{_BLANK}|{_EMPTY}"
    led_inline = (_VISIBLE, _pairs(_INLINE, _led(empty, (_VISIBLE,), words)))
    led_flow = _led(empty, led_inline, flow)
    led_blocks = _pairs(_BLOCKS, led_flow)
    led_row = _pairs(("tr",), _led(f"{_BLANK}|<td ?/>", (_pairs(("td", "th"), led_flow),), cells))
    led_bodies = (led_row, _pairs(("tbody",), _led(_BLANK, (led_row,), rows)))
    led_table = _pairs(("table",), _led(_BLANK, led_bodies, body))
    led_list = _pairs(("ul",), _led(_BLANK, (_pairs(("li",), led_flow),), items))
    return f"^{_ROOT}{_led(empty, (*led_inline, led_blocks, led_table, led_list), whole)}</div>$"
