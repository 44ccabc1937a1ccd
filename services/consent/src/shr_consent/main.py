"""The consent service."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_consent.factory import SERVICE, assemble
from shr_consent.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app; its parts start with its lifespan."""
    settings = settings or load(Settings)
    return create_service(SERVICE, settings, assemble(settings))
