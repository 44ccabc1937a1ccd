"""``python -m shr_records``."""

from shr_common.service import run

from shr_records.main import create_app

run("records", create_app)
