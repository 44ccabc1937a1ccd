"""Generate ``shr_common/fhir/data`` from the npm package ``hl7.fhir.r4.examples`` 4.0.1 (CC0).

    python -m generators.fhir_schemas [PACKAGE_FOLDER]        (from libs/shr_common)

Without an argument the package is fetched with ``npm pack`` into a temporary folder. The same package gives the same
bytes, so a second run shows no difference in version control.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from .bindings import ValueSets
from .elements import definitions_of
from .output import write
from .package import Package
from .searches import search_parameters_of

PACKAGE = "hl7.fhir.r4.examples@4.0.1"
DATA = Path(__file__).resolve().parents[2] / "src/shr_common/fhir/data"


def fetch(folder: Path) -> Path:
    """Fetch and unpack the package below ``folder``; returns the folder that holds its JSON files."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "package"


def generate(folder: Path) -> None:
    """Write both data files and print what they hold."""
    package = Package(folder)
    definitions = definitions_of(package, ValueSets(package))
    searches = search_parameters_of(package, definitions)
    for name, content in (("definitions", definitions), ("search_parameters", searches)):
        size = write(DATA / f"{name}.json.gz", content)
        sys.stdout.write(f"{name}: {len(content.get('types', content))} types, {size} bytes\n")


def main() -> None:
    """Entry point: an unpacked package folder may be named, else it is fetched."""
    if len(sys.argv) > 1:
        generate(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(fetch(Path(folder)))


if __name__ == "__main__":
    main()
