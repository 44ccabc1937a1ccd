"""The app of the Health ID service."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_healthid.factory import assemble
from shr_healthid.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """A Health ID service, ready to be served."""
    settings = settings or load(Settings)
    return create_service("healthid", settings, assemble(settings))
