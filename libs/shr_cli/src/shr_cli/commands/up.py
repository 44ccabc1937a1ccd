"""``shr up``: start the local stack, show the demonstration, stay until Ctrl-C or leave it running."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from shr_cli.failure import Failure
from shr_cli.output import JsonOption, print_json

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
    as_json: JsonOption = False,
) -> None:
    """Start the local stack, and wait until all is ready.

    The broker, the database and every service; what runs already is completed. With --json the status goes to
    standard output once everything is ready, all that is told on the way to standard error.
    """
    from shr_local import stack
    from shr_local.paths import Home
    from shr_local.ports import Ports
    from shr_local.services import SERVICE_NAMES

    def say(line: str) -> None:
        typer.echo(f"stack: {line}", err=as_json)

    home, ports = Home.from_environment(), Ports.from_environment()
    _end_like_ctrl_c()
    ran_before = stack.supervised(home) is not None and not fresh
    options = stack.Options(
        services=SERVICE_NAMES if services is None else [name for name in services.split(",") if name],
        fresh=fresh,
        dies_with_us=None if detach or ran_before else signal.SIGTERM,
    )
    began = time.monotonic()
    running = stack.start(home, ports, options, say=say)
    say(f"ready in {time.monotonic() - began:.1f} s")
    follow = stack.Follower(home.log("supervisor"), say)
    stays = not (detach or ran_before)
    try:
        wanted = demo if demo is not None else not ran_before and services is None
        code = stack.demonstrate(running, to_stderr=as_json) if wanted else 0
        _say_addresses(running, stays=stays, say=say)
        if as_json:
            print_json(stack.status(home, ports))
        if code:
            say(f"the demonstration ended with code {code} (see above); the stack runs on")
        if stays:
            _watch(running, follow)
    except KeyboardInterrupt:
        if not stays:
            raise
        _stop(home, follow, say)
        return
    if code:
        raise Failure(f"the demonstration ended with code {code}")


def _watch(running: StackState, follow: Follower) -> None:
    """Pass on what the supervisor says, until Ctrl-C or until it is gone."""
    while running.supervisor.alive:
        follow.pump()
        time.sleep(LOOK_S)
    follow.pump()
    raise Failure("the supervisor is gone, what it ran ends now; `make run` starts the stack again with its data")


def _stop(home: Home, follow: Follower, say: Callable[[str], None]) -> None:
    """End it in order; another Ctrl-C changes nothing."""
    from shr_local.stack import stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    say("stopping; services first, then Kafka, then MongoDB")
    stop(home, say=say)
    follow.pump()


def _end_like_ctrl_c() -> None:
    """Being terminated, or losing the terminal, stops a stack in the foreground as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants it to stay
        signal.signal(signal.SIGHUP, interrupt)


def _say_addresses(running: StackState, *, stays: bool, say: Callable[[str], None]) -> None:
    """Where to look."""
    at = {one.name: f"http://127.0.0.1:{one.port}" for one in running.services}
    if "gateway" in at:
        say(f"citizens {at['gateway']}/ · doctors {at['gateway']}/clinic · administrators {at['gateway']}/admin")
        say(f"API {at['gateway']}/docs · events {at['gateway']}/asyncapi")
    say(f"sign-in {at['idp']} · token for curl: .venv/bin/shr token --role administrator")
    say("Ctrl-C ends it" if stays else "it runs on; `make stop` ends it")
