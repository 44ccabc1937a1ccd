"""``shr up``: start the local stack, show the demonstration, stay until Ctrl-C or leave it running."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from shr_cli.failure import Failure

if TYPE_CHECKING:
    from shr_local.paths import Home
    from shr_local.stack import Follower
    from shr_local.state import StackState

app = typer.Typer()

LOOK_S = 0.3


@app.command()
def up(
    detach: Annotated[bool, typer.Option(help="Return when everything is ready and leave it running.")] = False,
    fresh: Annotated[bool, typer.Option(help="Start from empty stores: everything recorded locally is lost.")] = False,
    demo: Annotated[
        bool | None,
        typer.Option(help="Show one visit all the way; by default when this command started the whole stack."),
    ] = None,
    services: Annotated[str | None, typer.Option(help="Only these services, with commas; by default all.")] = None,
) -> None:
    """Start the broker, the database and every service, and wait until all are ready."""
    from shr_local import stack
    from shr_local.paths import Home
    from shr_local.ports import Ports
    from shr_local.services import SERVICE_NAMES

    home = Home.from_environment()
    _end_like_ctrl_c()
    ran_before = stack.supervised(home) is not None and not fresh
    options = stack.Options(
        services=SERVICE_NAMES if services is None else [name for name in services.split(",") if name],
        fresh=fresh,
        dies_with_us=None if detach or ran_before else signal.SIGTERM,
    )
    began = time.monotonic()
    running = stack.start(home, Ports.from_environment(), options, say=_say)
    _say(f"ready in {time.monotonic() - began:.1f} s")
    follow = stack.Follower(home.log("supervisor"), _say)
    stays = not (detach or ran_before)
    try:
        wanted = demo if demo is not None else not ran_before and services is None
        code = stack.demonstrate(running) if wanted else 0
        _say_addresses(running, stays=stays)
        if code:
            _say(f"the demonstration ended with code {code} (see above); the stack runs on")
        if stays:
            _watch(running, follow)
    except KeyboardInterrupt:
        if not stays:
            raise
        _stop(home, follow, stack.stop)
        return
    if code:
        raise Failure(f"the demonstration ended with code {code}")


def _watch(running: StackState, follow: Follower) -> None:
    """Pass on what the supervisor says, until Ctrl-C or until it is gone."""
    while running.supervisor.alive:
        follow.pump()
        time.sleep(LOOK_S)
    follow.pump()
    raise Failure("the supervisor is gone; `make run` starts the stack again with its data")


def _stop(home: Home, follow: Follower, stop: Callable[..., bool]) -> None:
    """End it in order; another Ctrl-C changes nothing."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _say("stopping; services first, then Kafka, then MongoDB")
    stop(home, say=_say)
    follow.pump()


def _end_like_ctrl_c() -> None:
    """Being terminated, or losing the terminal, stops a stack in the foreground as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants it to stay
        signal.signal(signal.SIGHUP, interrupt)


def _say(line: str) -> None:
    typer.echo(f"stack: {line}")


def _say_addresses(running: StackState, *, stays: bool) -> None:
    """Where to look."""
    at = {one.name: f"http://127.0.0.1:{one.port}" for one in running.services}
    if "gateway" in at:
        _say(f"citizens {at['gateway']}/ · doctors {at['gateway']}/clinic · administrators {at['gateway']}/admin")
        _say(f"API {at['gateway']}/docs · events {at['gateway']}/asyncapi")
    _say(f"sign-in {at['idp']} · token for curl: .venv/bin/shr token --role administrator")
    _say("Ctrl-C ends it" if stays else "it runs on; `make stop` ends it")
