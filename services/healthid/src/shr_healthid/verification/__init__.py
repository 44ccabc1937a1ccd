"""The client of the national verification service."""
