"""``python -m shr_gateway``."""

from shr_common.service import run

from shr_gateway.main import create_app

if __name__ == "__main__":
    run("gateway", create_app)
