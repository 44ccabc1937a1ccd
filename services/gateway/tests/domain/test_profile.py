"""What is added to pre-serialised items when a profile is read."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest
from shr_gateway.domain.profile import Serialiser

KEY = "http://loinc.org|8480-6"


@pytest.mark.parametrize(
    ("names", "display", "display_bn"),
    [
        ({KEY: ("Systolic blood pressure", "সিস্টোলিক রক্তচাপ")}, "Systolic blood pressure", "সিস্টোলিক রক্তচাপ"),
        ({}, "8480-6", None),
    ],
)
def test_a_bare_code_is_shown_under_its_name_else_under_itself(names, display, display_bn):
    line = SimpleNamespace(
        kind=SimpleNamespace(facility=None),
        name_key=KEY,
        item=b'{"display":null,"code":{"code":"8480-6"},"value":120.50}',
    )

    shown = Serialiser(names).item(line)

    item = orjson.loads(shown)
    assert (item["display"], item.get("display_bn"), item["code"]["code"]) == (display, display_bn, "8480-6")
    assert b"120.50" in shown


def test_a_name_that_was_sent_stays():
    line = SimpleNamespace(kind=SimpleNamespace(facility=None), name_key=KEY, item=b'{"display":"BP","value":120}')

    assert orjson.loads(Serialiser({KEY: ("Systolic blood pressure", None)}).item(line))["display"] == "BP"
