"""``python -m shr_consent``."""

from shr_common.service import run

from shr_consent.main import create_app

run("consent", create_app)
