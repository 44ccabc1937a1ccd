"""Terminology as a library: pure, built once from FHIR resources, then only read. ``index.Terminology`` is the door."""
