"""Hostile narratives are refused, ordinary ones pass."""
# ruff: noqa: E501  (tables read better one case a line)

from __future__ import annotations

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shr_common.fhir.narrative import fault
from shr_common.fhir.narrative_pattern import plain_narrative

XMLNS = 'xmlns="http://www.w3.org/1999/xhtml"'


@pytest.mark.parametrize(
    "inner",
    [
        "plain", "<p>রাহেলা&nbsp;<b>বেগম</b><br/>&#169; &lt;ok&gt;</p>", '<table class="grid"><tr><td colspan="2">1</td></tr></table>',
        '<a href="https://dghs.gov.bd/x?a=1&amp;b=2">x</a>', '<a href="#part">x</a>', '<a href="Patient/1">x</a>', '<a name="x">y</a>',
        '<img src="data:image/png;base64,AAAA" alt="scan"/>', '<p style="color: red">x</p>', '<a href="mailto:a@b.c">x</a>',
    ],
)  # fmt: skip
def test_formatting_is_admitted(inner: str) -> None:
    assert fault(f"<div {XMLNS}>{inner}</div>") is None


@pytest.mark.parametrize(
    "div",
    [
        "<div><script>alert(1)</script></div>", "<div><iframe src='x'/></div>", "<div><object/>x</div>", "<div><form>x</form></div>",
        "<div onclick='x()'>a</div>", "<div><img src='x' onerror='y()'/></div>", "<div><style>p{}</style>x</div>",
        "<div><a href='javascript:alert(1)'>x</a></div>", "<div><a href=' java&#10;script:alert(1)'>x</a></div>",
        "<div><a href='JaVaScRiPt:alert(1)'>x</a></div>", "<div><a href='vbscript:x'>x</a></div>",
        "<div><a href='data:text/html,x'>x</a></div>", "<div><img src='data:image/svg+xml,x'/></div>",
        "<div style='width: expression(alert(1))'>x</div>", "<div style='background:url(javascript:x)'>x</div>",
        "<div><link href='x'/>x</div>", "<div><meta content='x'/>x</div>", "<div><base href='x'/>x</div>", "<div><svg/>x</div>",
        "<p>x</p>", "x", "", "<div/>", "<div> \n</div>", "<div><p>x</div>", "<div>a</div><div>b</div>", "<div>&bogus;x</div>",
        "<!DOCTYPE div [<!ENTITY a 'b'>]><div>&a;</div>", "<?php x ?><div>x</div>", "<div xmlns='http://www.w3.org/2000/svg'>x</div>",
        "<div><x:script xmlns:x='http://www.w3.org/1999/xhtml'>x</x:script></div>", "<div>\x00x</div>", "<div>\ud800</div>",
    ],
)  # fmt: skip
def test_anything_active_or_malformed_is_refused(div: str) -> None:
    assert fault(div) is not None


def test_entity_bombs_cost_nothing() -> None:
    bomb = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)
    )
    assert fault(bomb + "]><div>&j;</div>") == "a DOCTYPE declaration"


PLAIN = jsonschema_rs.validator_for({"pattern": plain_narrative()}, pattern_options=jsonschema_rs.RegexOptions())
_PIECES = [
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<br/>",
    "<td>",
    "</td>",
    "<tr>",
    "</tr>",
    "<table>",
    "</table>",
    "<ul>",
    "<li>",
    "</li>",
    "</ul>",
    "<h2>",
    "</h2>",
    "<a",
    'href="x">',
    "<a",
    'href="https://x">',
    "</a>",
    "<a",
    'href="javascript:x">',
    "<a",
    'href="Patient/1">',
    "<span",
    'title="y">',
    "<span",
    'class="a"',
    'class="b">',
    "</span>",
    "&amp;",
    "&nbsp;",
    "&#160;",
    "&#1;",
    "&x;",
    "&",
    "<",
    ">",
    "]]>",
    "<!--x-->",
    "<script>",
    "</script>",
    'onclick="x"',
    "<p",
    'onclick="x">',
    "<div>",
    "</div>",
    "<?x?>",
    "<blockquote>",
    "</blockquote>",
    "<td/>",
    "<p",
    'style="x">',
    "<tbody>",
    "</tbody>",
]


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from([*_PIECES, "a", "ক", " ", "\n", "\x00", "\ufffe", "\u2028"]), max_size=9).map("".join))
def test_what_the_plain_pattern_matches_is_always_safe(inner: str) -> None:
    div = f"<div {XMLNS}>{inner}</div>"
    assert not PLAIN.is_valid(div) or fault(div) is None


def test_generated_narratives_match_the_plain_pattern() -> None:
    rows = '<table class="grid"><tr><td>রক্তচাপ</td><td><b>120</b>/80&nbsp;mmHg</td><td/></tr></table>'
    assert PLAIN.is_valid(f'<div {XMLNS}><p><b>Generated</b> <span title="x">y</span></p><h3>z</h3>{rows}<br/></div>')


@pytest.mark.parametrize(
    "inner",
    [
        "রক্তচাপ", "\n <br/> x", "<p><b>Generated</b></p>", '<h2> <a name="x">y</a>x</h2>', "<pre>x</pre>",
        "<table><tr><td/><td>x</td></tr></table>", '<table class="hapiPropertyTable">\n<tbody><tr><td>নাম</td><td/></tr></tbody></table>',
        "<ul>\n<li>x</li><li></li></ul>", "中文",
    ],
)  # fmt: skip
def test_what_has_something_to_read_first_matches_the_plain_pattern(inner: str) -> None:
    assert PLAIN.is_valid(f"<div {XMLNS}>{inner}</div>")


@pytest.mark.parametrize(
    "inner", ["", " ", "<br/>", "<p></p>", "<p> <b> </b></p>", "<table><tr><td/></tr></table>", "&nbsp;", "\u2003"]
)
def test_what_has_nothing_to_read_does_not(inner: str) -> None:
    assert not PLAIN.is_valid(f"<div {XMLNS}>{inner}</div>")
    assert fault(f"<div {XMLNS}>{inner}</div>") == "no content (txt-2)"
