"""Numbers that one service hands another: closed on the way, open to whoever holds the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_common.identifiers import BRN, NID
from shr_common.keys import KEY_BYTES, Envelope, new_key
from shr_common.messages import open_number, seal_number, with_numbers_opened

ENVELOPE = Envelope(b"m" * KEY_BYTES)
NUMBER = "1990123456789"


@given(system=st.text(max_size=40), number=st.text(max_size=40))
def test_what_was_sealed_opens_to_the_same_number(system: str, number: str) -> None:
    sealed = seal_number(ENVELOPE, system, number)
    assert sealed.startswith("enc:") and sealed.isascii()
    assert open_number(ENVELOPE, system, sealed) == number


def test_a_sealed_number_shows_nothing_not_even_that_it_is_the_same() -> None:
    one, other = (seal_number(ENVELOPE, NID, NUMBER) for _ in range(2))
    assert one != other and NUMBER not in one


@pytest.mark.parametrize("sealed", [NUMBER, "enc:", "enc:not base64!", "enc:AAAA", "", "enc:১২৩"])
def test_what_was_not_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(ValueError, match=r"not sealed|not base64url|cannot be opened"):
        open_number(ENVELOPE, NID, sealed)


def test_a_number_cannot_be_passed_off_as_one_of_another_kind_nor_opened_with_another_key() -> None:
    sealed = seal_number(ENVELOPE, NID, NUMBER)
    for envelope, system in ((ENVELOPE, BRN), (ENVELOPE, ""), (Envelope(new_key()), NID)):
        with pytest.raises(ValueError, match="cannot be opened"):
            open_number(envelope, system, sealed)


def test_a_patient_is_opened_wherever_a_number_stands_and_nowhere_else() -> None:
    patient = {
        "resourceType": "Patient",
        "identifier": [
            {"system": NID, "value": seal_number(ENVELOPE, NID, NUMBER)},
            {"type": {"text": "MRN"}, "value": seal_number(ENVELOPE, "", "100GEJ")},
            {"system": "http://hospital.example/mrn", "value": "7"},
        ],
        "telecom": [{"system": "phone", "value": seal_number(ENVELOPE, "phone", "+8801700000000")}],
        "contact": [{"telecom": [{"system": "sms", "value": seal_number(ENVELOPE, "sms", "01700000001")}]}],
        "name": [{"text": "enc: Rahima"}],
    }
    opened = with_numbers_opened(ENVELOPE, patient)
    assert [one["value"] for one in opened["identifier"]] == [NUMBER, "100GEJ", "7"]
    assert opened["telecom"][0]["value"] == "+8801700000000"
    assert opened["contact"][0]["telecom"][0]["value"] == "01700000001"
    assert opened["name"] == patient["name"]
    assert patient["identifier"][0]["value"].startswith("enc:")  # a copy
    with pytest.raises(ValueError, match="cannot be opened"):
        with_numbers_opened(Envelope(new_key()), patient)
