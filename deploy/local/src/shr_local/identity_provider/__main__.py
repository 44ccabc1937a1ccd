"""``python -m shr_local.identity_provider``: serve it alone, on ``SHR_IDP_PORT``."""

from shr_local.identity_provider.app import create_app
from shr_local.ports import Ports
from shr_local.serving import serve

serve({Ports.from_environment()["idp"]: create_app()})
