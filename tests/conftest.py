"""The whole system, once for all tests across services: real broker, real database, own ports and data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from shr_local.demo.story import World
from shr_local.testing import Stack, start_stack
from shr_local.testing.people import People


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running system."""
    with start_stack() as running:
        yield running


@pytest.fixture(scope="session")
def world(stack: Stack) -> World:
    """The running system as the people of the story know it."""
    return World(stack.home, stack.ports, stack.issuer)


@pytest.fixture
async def people(stack: Stack) -> AsyncIterator[People]:
    """Hospitals, doctors and citizens on the running system."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield People(stack, client)
