"""`healthy.py NAME…`: exits 0 if every process of these names answers ready on its port. Standard library only.

It runs every few seconds in every container, so it starts with `python -I -S`.
"""

import http.client
import os
import sys
from collections.abc import Sequence


def ready(port: int) -> bool:
    """Whether `/health/ready` on this machine answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(names: Sequence[str]) -> int:
    """The exit code; each port comes from `SHR_<NAME>_PORT`."""
    return 0 if names and all(ready(int(os.environ[f"SHR_{name.upper()}_PORT"])) for name in names) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
