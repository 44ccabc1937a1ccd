"""``python -m shr_local.verification``: serve it alone, on ``SHR_VERIFICATION_PORT``."""

from shr_local.ports import Ports
from shr_local.serving import serve
from shr_local.verification.app import create_app

serve({Ports.from_environment()["verification"]: create_app()})
