"""The app of the registry service."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_registry.factory import assemble
from shr_registry.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """A registry service, ready to be served."""
    settings = settings or load(Settings)
    return create_service("registry", settings, assemble(settings))
