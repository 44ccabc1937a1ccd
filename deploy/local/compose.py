"""`make run RUNTIME=compose`: the same stack in containers. Standard library only; says in one line what is missing."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "compose" / "compose.yaml"
COMPOSE = ["docker", "compose", "-f", str(FILE)]


def fault() -> "str | None":
    """Why containers cannot run here, None if they can."""
    if not shutil.which("docker"):
        return "Docker is missing: docs.docker.com/engine/install, or `make run` without RUNTIME=compose"
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        return "Docker has no compose plugin: docs.docker.com/compose/install, or `make run` without RUNTIME=compose"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the Docker engine does not answer: start it, or `make run` without RUNTIME=compose"
    if not FILE.exists():
        return f"{FILE.name} is missing in deploy/compose"
    return None


def main(arguments: Sequence[str]) -> int:
    """`up [--detach] [--fresh]` or `down`. Returns the exit code."""
    wrong = fault()
    if wrong:
        print(f"compose: {wrong}", file=sys.stderr)
        return 1
    try:
        if "down" in arguments:
            return subprocess.run([*COMPOSE, "down"], check=False).returncode
        if "--fresh" in arguments:
            subprocess.run([*COMPOSE, "down", "--volumes"], check=False)
        detach = ["--detach", "--wait"] if "--detach" in arguments else []
        return subprocess.run([*COMPOSE, "up", "--build", *detach], check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
