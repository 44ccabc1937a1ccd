"""The records service."""

from __future__ import annotations

from fastapi import FastAPI
from shr_common.service import create_service
from shr_common.settings import load

from shr_records.factory import assemble
from shr_records.settings import Settings

DRAINED_TIMES = 16


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app. Bodies over the limit are refused by the routes themselves, so that the refusal can be looked up."""
    settings = settings or load(Settings)
    outermost = settings.model_copy(update={"body_limit_bytes": DRAINED_TIMES * settings.body_limit_bytes})
    return create_service("records", outermost, assemble(settings))
