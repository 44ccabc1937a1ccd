"""``python -m shr_healthid``."""

from shr_common.service import run

from shr_healthid.main import create_app

run("healthid", create_app)
