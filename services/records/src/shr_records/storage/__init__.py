"""All MongoDB of this service."""
