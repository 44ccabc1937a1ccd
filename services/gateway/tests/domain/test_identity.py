"""Who a person is, as far as it is known."""

from __future__ import annotations

import pytest
from shr_gateway.domain.identity import identity_of, patient_resource

RAHIMA = "98000173958"


@pytest.mark.parametrize("with_place", [True, False])
def test_of_a_person_nobody_has_heard_of_nothing_is_said(with_place: bool) -> None:
    said = identity_of(None, with_place=with_place)
    assert said.pop("status") == "unknown"
    assert set(said.values()) == {None}
    resource = patient_resource(RAHIMA, None, with_place=with_place)
    assert set(resource) == {"resourceType", "id", "identifier"}, "neither active nor not"


@pytest.mark.parametrize(("status", "active"), [("active", True), ("provisional", True), ("retired", False)])
def test_a_known_person_has_the_status_that_healthid_gave(status: str, active: bool) -> None:
    person = {"status": status, "name": "Rahima Khatun"}
    assert identity_of(person, with_place=False)["status"] == status
    assert patient_resource(RAHIMA, person, with_place=False)["active"] is active
