"""Every invariant by the path of the element that it is about."""

from __future__ import annotations

from shr_common.fhir.rules import Rule
from shr_common.fhir.rules_administrative import ADMINISTRATIVE_RULES
from shr_common.fhir.rules_clinical import CLINICAL_RULES
from shr_common.fhir.rules_datatypes import DATATYPE_RULES

RULES: dict[str, tuple[Rule, ...]] = {**DATATYPE_RULES, **CLINICAL_RULES, **ADMINISTRATIVE_RULES}
