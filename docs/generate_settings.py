"""`python docs/generate_settings.py` writes `settings.md` from the settings classes; a test holds it current."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from shr_common.settings import ServiceSettings
from shr_local.ports import DEFAULTS, variable
from shr_local.services import SERVICE_NAMES

FILE = Path(__file__).with_name("settings.md")

HEAD = """# Settings

Written by `docs/generate_settings.py` from the settings classes; do not edit by hand.

Every setting is an environment variable. A setting without a default has to be given: a service that lacks one ends
at once and names it. Numbers are plain (`8388608`); names end in their unit (`_s`: seconds).

`make run` sets what has no default, from the state of the local stack; `deploy/compose/compose.yaml` does the same in
containers.
"""

LOCAL = {
    "SHR_HOME": ("`.shr` of the working copy", "Where the local stack keeps keys, data, logs and state."),
    "JAVA_HOME": ("the `java` of `PATH`", "The Java that runs the local Kafka."),
}


def rows(fields: Mapping[str, FieldInfo], *, who: str) -> Iterator[str]:
    """A table row for each field. Raises ValueError for one without a description: nobody could know its meaning."""
    for name, field in fields.items():
        if not field.description:
            raise ValueError(f"the setting {name} of {who} has no description")
        meaning = field.description + _choices(field)
        yield f"| {name} | `SHR_{name.upper()}` | {_default(field)} | {_cell(meaning)} | {who} |"


def _cell(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "&#124;")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**required**"
    return "none" if field.default is None else f"`{field.default}`"


def _choices(field: FieldInfo) -> str:
    if get_origin(field.annotation) is not Literal:
        return ""
    return f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}."


def own_fields(service: str) -> dict[str, FieldInfo]:
    """What a service adds to the settings of all, and those of all to which it gives another default."""
    if importlib.util.find_spec(f"shr_{service}.settings") is None:
        return {}
    kind: type[ServiceSettings] = importlib.import_module(f"shr_{service}.settings").Settings
    common: Mapping[str, Any] = ServiceSettings.model_fields
    return {
        name: field
        for name, field in kind.model_fields.items()
        if name not in common or field.default != common[name].default
    }


def table(title: str, introduction: str, lines: Iterator[str]) -> str:
    """A section with a table of settings."""
    head = "| name | environment variable | default | meaning | who |\n|---|---|---|---|---|"
    return "\n".join([f"## {title}\n\n{introduction}\n", head, *lines])


def ports() -> str:
    """The ports, and what only the local stack reads."""
    lines = [f"| `{variable(name)}` | `{port}` | {name} |" for name, port in DEFAULTS.items()]
    others = [f"| `{name}` | {default} | {meaning} |" for name, (default, meaning) in LOCAL.items()]
    return "\n".join(
        [
            "## Ports and the local stack\n\nEach moves one listener; a taken port is named when the stack starts.\n",
            "| environment variable | default | whose |\n|---|---|---|",
            *lines,
            "\n| environment variable | default | meaning |\n|---|---|---|",
            *others,
        ]
    )


def document() -> str:
    """What the file has to say now."""
    own = (line for service in SERVICE_NAMES for line in rows(own_fields(service), who=service))
    return (
        "\n\n".join(
            [
                HEAD.strip(),
                table("All services", "The same for each of the seven.", rows(ServiceSettings.model_fields, who="all")),
                table("One service", "What a service has beside these, or with another default.", own),
                ports(),
                "",
            ]
        ).rstrip()
        + "\n"
    )


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
