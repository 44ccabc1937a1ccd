"""Real infrastructure for tests, on free ports, with data of its own, gone afterwards.

``start_infrastructure`` gives a broker and a database; ``start_stack`` the whole system. ``fixtures``
offers the first to conftest files.
"""

from shr_local.testing.infrastructure import Infrastructure, start_infrastructure
from shr_local.testing.stack import Stack, start_stack

__all__ = ["Infrastructure", "Stack", "start_infrastructure", "start_stack"]
