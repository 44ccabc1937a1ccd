"""Maintainers' tool: turns the published R4 definitions into the compact data files of ``shr_common.fhir``."""
