"""Native payloads to canonical bundles, one module for each source system."""

from __future__ import annotations

from shr_records.domain.adapters import openmrs
from shr_records.domain.adapters.contract import Adapted, Adapter

__all__ = ["ADAPTERS", "FOR_FHIR_OF", "Adapted", "Adapter"]

ADAPTERS: dict[str, Adapter] = {"openmrs.bundle": openmrs.adapt}
"""By format."""

FOR_FHIR_OF: dict[str, Adapter] = {"openmrs": openmrs.adapt_fhir}
"""By source system: FHIR bundles that only its own software writes so (codings without system)."""
