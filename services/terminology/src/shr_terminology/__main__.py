"""``python -m shr_terminology``."""

from shr_common.service import run

from shr_terminology.main import create_app

run("terminology", create_app)
