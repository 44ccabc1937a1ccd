"""Hostile narratives are refused, ordinary ones pass."""
# ruff: noqa: E501  (tables read better one case a line)

from __future__ import annotations

import pytest
from shr_common.fhir.narrative import fault

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
