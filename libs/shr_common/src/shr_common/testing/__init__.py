"""Helpers for tests against the real broker and database; they read as sentences."""

from shr_common.testing.issuer import Issuer
from shr_common.testing.running import eventually, running
from shr_common.testing.topics import Topics

__all__ = ["Issuer", "Topics", "eventually", "running"]
