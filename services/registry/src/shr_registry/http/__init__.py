"""The registry's routes."""
