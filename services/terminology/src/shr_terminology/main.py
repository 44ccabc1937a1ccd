"""The app of the terminology service."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_terminology.factory import assemble
from shr_terminology.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """A terminology service, ready to be served."""
    settings = settings or load(Settings)
    return create_service("terminology", settings, assemble(settings))
