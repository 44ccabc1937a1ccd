"""Generate ``shr_healthid/domain/geocode_table.py`` from the CodeSystem ``bd-geocodes`` of BD-Core.

python -m generators.geocodes FOLDER        (from services/healthid)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "src/shr_healthid/domain/geocode_table.py"
MISPLACED = ("30260022", "30260023", "30260090")
WIDTH = 116
HEAD = '''"""BBS geocodes: division (2 digits), district (4), city corporation (6), upazila (8), municipality (10).

Written by ``generators/geocodes`` from the CodeSystem bd-geocodes of BD-Core (CC0); do not edit by hand.
"""

from __future__ import annotations

MISPLACED = frozenset({misplaced})
"""Upazilas that the list has a second time, in a district that is not theirs."""
'''


def packed(items: list[str]) -> str:
    """Items joined by ``|``, in lines of at most WIDTH characters."""
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 1 > WIDTH:
            lines.append(line + "|")
            line = item
        else:
            line = f"{line}|{item}" if line else item
    return "\n".join([*lines, line])


def table(codes: dict[str, str]) -> str:
    """The whole file."""
    named = sorted(c for c in codes if len(c) <= 8 and not (len(c) == 6 and c.endswith("00")))
    places = [f"{code} {' '.join(codes[code].split())}" for code in named]
    held: dict[str, list[str]] = {}
    for code in sorted(c for c in codes if len(c) == 10):
        held.setdefault(code[:8], []).append(code[8:])
    municipalities = [f"{upazila} {' '.join(endings)}" for upazila, endings in sorted(held.items())]
    misplaced = "{" + ", ".join(f'"{code}"' for code in MISPLACED) + "}"
    return (
        HEAD.replace("{misplaced}", misplaced)
        + f'\nPLACES = """\\\n{packed(places)}\\\n"""\n\nMUNICIPALITIES = """\\\n{packed(municipalities)}\\\n"""\n'
        + '"""Upazila, then the last two digits of each of its municipalities."""\n'
    )


def main() -> None:
    """Write the table."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    system = json.loads((Path(sys.argv[1]) / "CodeSystem-bd-geocodes.json").read_text(encoding="utf-8"))
    codes = {concept["code"]: concept["display"] for concept in system["concept"]}
    FILE.write_text(table(codes), encoding="utf-8")
    sys.stdout.write(f"{len(codes)} codes\n")


if __name__ == "__main__":
    main()
