"""The stand-in for the national verification service answers as docs/guides say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shr_local.paths import Home
from shr_local.verification.app import create_app
from shr_local.verification.rules import OTHER_PEOPLE, Citizen, citizen_of, forms_of

NID_17 = "19852612345678901"
NID_13 = "2612345678901"
NID_10 = "2345678901"


class Register:
    """The service, asked as healthid asks it."""

    def __init__(self, home: Path) -> None:
        self._home = Home(home)

    async def asked(self, number: str, *, kind: str = "nid", **said: Any) -> httpx.Response:
        """One question to a service that has just started."""
        transport = httpx.ASGITransport(app=create_app(self._home))
        body = {"performer": "test", "nidOrBrn": number, "type": kind, "name": "Amina Begum", "dob": "1985-04-12"}
        async with httpx.AsyncClient(transport=transport, base_url="http://verification.test") as client:
            return await client.post("/verify-and-get-data", json={**body, **said})


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path)


async def test_a_well_formed_number_is_verified_with_what_was_said(register: Register) -> None:
    answer = await register.asked(NID_13, name="আমিনা বেগম")
    assert answer.status_code == 200
    said = answer.json()
    assert said["verifyToken"]
    assert said["citizenData"] == {"name": "আমিনা বেগম", "nameBangla": "আমিনা বেগম", "dob": "1985-04-12", "gender": None}


async def test_the_three_forms_of_a_number_belong_together(register: Register) -> None:
    every = {"10": NID_10, "13": NID_13, "17": NID_17}
    assert (await register.asked(NID_17)).json()["nid"] == every
    assert (await register.asked(NID_13)).json()["nid"] == every


async def test_ten_digits_alone_are_one_form_until_a_longer_one_was_told(register: Register, tmp_path: Path) -> None:
    assert (await register.asked(NID_10)).json()["nid"] == {"10": NID_10}
    await register.asked(NID_13)
    assert (await register.asked(NID_10)).json()["nid"] == {"10": NID_10, "13": NID_13, "17": NID_17}
    assert NID_10 not in (tmp_path / "data" / "verification.lines").read_text()


async def test_ten_digits_that_two_people_share_name_neither(register: Register) -> None:
    await register.asked(NID_13)
    await register.asked("999" + NID_10)
    assert (await register.asked(NID_10)).json()["nid"] == {"10": NID_10}


@pytest.mark.parametrize(("number", "status"), [("2612345678000", 404), ("2612345678999", 503), ("26123", 400)])
async def test_some_numbers_are_refused(register: Register, number: str, status: int) -> None:
    assert (await register.asked(number)).status_code == status


@pytest.mark.parametrize("number", ["1985261234567890x", "১৯৮৫২৬১২৩৪৫৬৭৮৯০১", NID_13])
async def test_a_birth_registration_number_has_seventeen_digits(register: Register, number: str) -> None:
    assert (await register.asked(number, kind="brn")).status_code == 400


async def test_a_birth_registration_number_has_no_other_forms(register: Register) -> None:
    answer = await register.asked("20250412345678901", kind="brn")
    assert answer.status_code == 200
    assert answer.json()["nid"] is None


async def test_a_number_ending_in_998_belongs_to_somebody_else(register: Register) -> None:
    said = (await register.asked("2612345678998")).json()["citizenData"]
    assert said["name"] != "Amina Begum"
    assert said["dob"] != "1985-04-12"


@given(st.sampled_from(OTHER_PEOPLE), st.sampled_from(OTHER_PEOPLE), st.sampled_from(OTHER_PEOPLE))
def test_somebody_else_is_always_somebody_else(
    a: tuple[str, str, str], b: tuple[str, str, str], c: tuple[str, str, str]
) -> None:
    asked = Citizen(a[0], b[1], c[2], None)
    found = citizen_of("2612345678998", asked)
    assert asked.name != found.name
    assert asked.birth_date != found.birth_date


@given(st.from_regex(r"\A[0-9]{17}\Z"))
def test_every_form_leads_to_the_same_ten_digits(number: str) -> None:
    forms = forms_of(number, None, {})
    assert forms_of(forms["13"], f"{number[:4]}-01-01", {}) == forms
    assert forms["10"] == number[-10:]
