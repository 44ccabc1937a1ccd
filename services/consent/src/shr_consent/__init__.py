"""Consents, emergency declarations, and the access log that every citizen can read."""
