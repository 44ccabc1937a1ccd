"""The gateway as an app."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_gateway.factory import assemble
from shr_gateway.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app; importing does nothing."""
    settings = settings or load(Settings)
    return create_service("gateway", settings, assemble(settings))
