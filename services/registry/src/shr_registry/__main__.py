"""``python -m shr_registry``."""

from shr_common.service import run

from shr_registry.main import create_app

run("registry", create_app)
