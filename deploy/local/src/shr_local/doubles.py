"""``python -m shr_local.doubles``: both development doubles in one process, to save memory; each has its port."""

from shr_local.identity_provider.app import create_app as create_identity_provider
from shr_local.ports import Ports
from shr_local.serving import serve
from shr_local.verification.app import create_app as create_verification


def main() -> None:
    """Serve both until told to end."""
    ports = Ports.from_environment()
    serve({ports["idp"]: create_identity_provider(), ports["verification"]: create_verification()})


if __name__ == "__main__":
    main()
