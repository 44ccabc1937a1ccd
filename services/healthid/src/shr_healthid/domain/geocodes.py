"""BBS geocodes as BD-Core writes them, and as the older registry (MCI) wrote them; both ways, without loss.

BD-Core: upazila or thana = division 2, district 2, city corporation 2 (``00``: outside any), upazila 2. The older
registry: upazila = division 2, district 2, upazila 2, and the city corporation apart (2 digits; in a whole address code
it follows the upazila). Its divisions may be older, too: districts moved to Mymensingh division in 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from shr_healthid.domain.geocode_table import MISPLACED, MUNICIPALITIES, PLACES

LEVELS = {2: "division", 4: "district", 6: "city-corporation", 8: "upazila", 10: "municipality"}
OUTSIDE = "00"


@dataclass(frozen=True, slots=True)
class OlderUpazila:
    """An upazila as the older registry wrote it: 6 digits, and the city corporation (2 digits) if it lies in one."""

    code: str
    city_corporation: str | None = None


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return dict(one.split(" ", 1) for one in PLACES.replace("\n", "").split("|"))


@lru_cache(maxsize=1)
def _municipalities() -> frozenset[str]:
    held = (one.split(" ") for one in MUNICIPALITIES.replace("\n", "").split("|"))
    return frozenset(upazila + ending for upazila, *endings in held for ending in endings)


@lru_cache(maxsize=1)
def _upazilas() -> dict[str, tuple[str, ...]]:
    """District and last two digits of an upazila → its codes; more than one where a thana shares them."""
    found: dict[str, tuple[str, ...]] = {}
    for code in _names():
        if len(code) == 8 and code not in MISPLACED:
            found[code[:4] + code[6:]] = (*found.get(code[:4] + code[6:], ()), code)
    return found


@lru_cache(maxsize=1)
def _districts() -> dict[str, str]:
    """The last two digits of a district, which are its own in the whole country → its code."""
    return {code[2:]: code for code in _names() if len(code) == 4}


@lru_cache(maxsize=1)
def _districts_by_name() -> dict[str, str]:
    return {name.casefold(): code for code, name in _names().items() if len(code) == 4}


def level_of(code: str) -> str | None:
    """What a code names; None for one that is not in the list."""
    known = code in _names() or code in _municipalities()
    return LEVELS[len(code)] if known else None


def name_of(code: str) -> str | None:
    """The English name of a division, district, city corporation or upazila."""
    return _names().get(code)


def district_of(text: str, *, division: str | None = None) -> str | None:
    """The 4-digit code of a district: of that code, of its 2 digits, of one with an older division, of its name."""
    text = " ".join(text.split())
    names = _names()
    if len(text) == 4 and text in names:
        return text
    if text.isascii() and text.isdigit() and len(text) in (2, 4):
        code = _districts().get(text[-2:])
        if code is None or (len(text) == 2 and division is not None and not _was_in(code, division)):
            return None
        return code if len(text) == 2 or _was_in(code, text[:2]) else None
    return _districts_by_name().get(text.casefold())


def _was_in(district: str, division: str) -> bool:
    """Whether a district lies in a division, or lay there before 2015."""
    return district[:2] == division or (district[:2] == "45" and division == "30")


def upazila_of(code: str, *, city_corporation: str | None = None) -> str | None:
    """The 8-digit code of an upazila written with 8, or (older) with 6 digits; None if none or several are meant."""
    if level_of(code) == "upazila":
        return code
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        return None
    district = district_of(code[:4])
    candidates = _upazilas().get(f"{district}{code[4:]}", ())
    if city_corporation is not None:
        candidates = tuple(one for one in candidates if one[4:6] == city_corporation) or candidates
    return candidates[0] if len(candidates) == 1 else None


def older_upazila_of(code: str) -> OlderUpazila | None:
    """How the older registry writes an upazila of BD-Core; ``upazila_of`` leads back to the same code."""
    if level_of(code) != "upazila":
        return None
    return OlderUpazila(code[:4] + code[6:], None if code[4:6] == OUTSIDE else code[4:6])


def city_corporation_of(district: str, city_corporation: str) -> str | None:
    """BD-Core's 6 digits of a city corporation that the older registry writes with 2 beside the district."""
    code = f"{district_of(district)}{city_corporation}"
    return code if level_of(code) == "city-corporation" else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody lives, in BD-Core's codes; what is not known is None."""

    district: str | None = None
    upazila: str | None = None


def place_of_address_code(code: str) -> Place | None:
    """The place of an address code of the older registry: division, district, upazila, city corporation, … in pairs."""
    if not (code.isascii() and code.isdigit()) or len(code) % 2 or not 2 <= len(code) <= 14:
        return None
    district = district_of(code[:4]) if len(code) >= 4 else None
    if district is None:
        return Place() if level_of(code) == "division" else None
    if len(code) < 6:
        return Place(district)
    city_corporation = code[6:8] if len(code) >= 8 else None
    upazila = upazila_of(code[:6], city_corporation=city_corporation)
    return Place(district, upazila) if upazila else None
