"""Maintainers' tool: see README.md."""
