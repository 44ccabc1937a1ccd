"""`make run RUNTIME=compose`: the same stack in containers. Standard library only; says in one line what is missing."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "compose" / "compose.yaml"
COMPOSE = ["docker", "compose", "-f", str(FILE)]
PATIENCE_S = 300


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


def compose(*arguments: str) -> int:
    """`docker compose` on our file, its output to the terminal. Returns its exit code."""
    return subprocess.run([*COMPOSE, *arguments], check=False).returncode


def up(*, detach: bool, fresh: bool) -> int:
    """Build, start, wait until all is ready, tell the story; then stay until Ctrl-C unless detached."""
    if fresh:
        compose("down", "--volumes", "--remove-orphans")
    wrong = compose("up", "--build", "--detach", "--wait", "--wait-timeout", str(PATIENCE_S))
    if wrong:
        print("compose: not everything became ready; see `docker compose -p shr logs`", file=sys.stderr)
        return wrong
    told = compose("--profile", "demo", "run", "--rm", "--no-deps", "demo")
    if detach:
        return told
    if told:
        print("compose: the demonstration failed (see above); the stack runs on", file=sys.stderr)
    print("compose: everything runs; Ctrl-C ends it", flush=True)
    compose("logs", "--follow", "--tail", "0")
    return told


def main(arguments: Sequence[str]) -> int:
    """`up [--detach] [--fresh]` or `down`. Returns the exit code."""
    wrong = fault()
    if wrong:
        print(f"compose: {wrong}", file=sys.stderr)
        return 1
    if "down" in arguments:
        return compose("down")
    detach = "--detach" in arguments
    try:
        return up(detach=detach, fresh="--fresh" in arguments)
    except KeyboardInterrupt:
        print("compose: stopping, services first", flush=True)
        return compose("down") or (130 if detach else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
