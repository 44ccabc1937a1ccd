"""The entry point: finds the command, runs it, and turns every failure into one clear line."""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from shr_cli import commands

PACKAGE = commands.__name__
INTERRUPTED = 130
COMPLETION = ("install_completion", "show_completion")


class LazyGroup(TyperGroup):
    """Its commands are the modules of ``shr_cli.commands``, imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """By name, without importing any."""
        return sorted(_said(one.name) for one in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one; None if there is none of this name."""
        found = next((one.name for one in pkgutil.iter_modules(commands.__path__) if _said(one.name) == cmd_name), None)
        if found is None:
            return None
        module = importlib.import_module(f"{PACKAGE}.{found}")
        module.app.rich_markup_mode = None  # help as the group's own: plain, the same in a pipe
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        command.params = [one for one in command.params if one.name not in COMPLETION]  # Typer gives each its own
        return command


def _said(module: str) -> str:
    """The command of a module; one that would be a word of Python ends in an underscore (``import_``)."""
    return module.rstrip("_").replace("_", "-")


app = typer.Typer(
    name="shr",
    cls=LazyGroup,
    help="The Shared Health Record at the command line.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def shr() -> None:
    """The Shared Health Record at the command line."""


def run(arguments: list[str]) -> int:
    """Run one command line. Returns the exit code; a failure was said in one line on stderr."""
    if not os.environ.get("SHR_DEBUG"):
        logging.getLogger().addHandler(logging.NullHandler())  # what libraries grumble about is said by the failure
    try:
        code = typer.main.get_command(app)(args=arguments, prog_name="shr", standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _close_output()
        return 0
    except Exception as error:
        if os.environ.get("SHR_DEBUG"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # Typer keeps its class to itself
            print(error.format_message(), file=sys.stderr)  # type: ignore[attr-defined]
            return 2
        line, code = _explain(error)
        if line:
            print(f"shr: {line}", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _explain(error: Exception) -> tuple[str, int]:
    """What to say, and the exit code."""
    from shr_common.errors import ShrError
    from shr_local.failure import StackError

    from shr_cli.failure import Failure

    if isinstance(error, Failure):
        return str(error), error.code
    if isinstance(error, StackError):
        return str(error), 1
    if isinstance(error, ShrError):
        return "; ".join(issue.text for issue in error.issues), 1
    if isinstance(error, typer.Abort):
        return "", INTERRUPTED
    usage = getattr(error, "format_message", None)  # Typer's own errors: a wrong option, a missing argument
    if usage is not None:
        said = " ".join(str(usage()).split())
        return (f"{said} (`--help` shows how)", 2) if said else ("", 2)
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"{(error.strerror or str(error)).lower()}{where}", 1
    said = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}{': ' + said if said else ''} (SHR_DEBUG=1 shows where)", 1


def _close_output() -> None:
    """Whoever read our output has gone; keep the interpreter from saying so."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
