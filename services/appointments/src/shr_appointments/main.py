"""The app of the appointments service."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_appointments.factory import assemble
from shr_appointments.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """An appointments service, ready to be served."""
    settings = settings or load(Settings)
    return create_service("appointments", settings, assemble(settings))
