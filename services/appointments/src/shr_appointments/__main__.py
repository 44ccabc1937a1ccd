"""``python -m shr_appointments``."""

from shr_common.service import run

from shr_appointments.main import create_app

run("appointments", create_app)
