"""The FHIR terminology operations."""
