"""Under which keys a person is found: few, each borne by few, so that a look-up costs the same in a large registry.

Nobody has to agree in everything to be found: one key is enough. Each key holds a part that a slip leaves alone.

| key | made of | finds in spite of |
|---|---|---|
| ``nd`` | a word of the name, birth date with day and month in order | another address, phone, spelling; a swap |
| ``nu`` | a word of the name, birth year, upazila | a guessed or mistyped day |
| ``ph`` | phone | anything else |
| ``da`` | birth date, upazila | another name |
| ``pa`` | father's and mother's names, upazila | another name and date |
| ``hh`` | address with a house number, upazila | another name and date |
| ``ny`` | all words of the name, birth year, district | another upazila, a guessed day |
| ``nz`` | all words of the name, birth year | asked only of who says no address |

In a registry of 170 million each is borne by some dozen people. Words of a name are skeletons, the same for Bangla and
English; those that very many bear (Begum, Islam) make no key of their own. Keys are stored as short keyed hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shr_healthid.domain.comparison import area_of, house_of, phone_of
from shr_healthid.domain.names import words_of
from shr_healthid.domain.person import Demographics
from shr_healthid.domain.sounds import skeleton

VERSION = 1
"""Of the keys; ``python -m shr_healthid.rekey`` brings stored persons to it."""
WORDS_LIMIT = 3
COMMON = 0.01
"""A word borne by more than this share of people makes no key of its own, unless there is no other."""
STRONG = ("ph", "nd", "ny", "pa", "hh", "da", "nu", "nz")
"""The kinds of key, the rarest first."""


def keys_of(said: Demographics, frequencies: Mapping[str, float]) -> list[str]:
    """The keys under which a person is stored, the rarest kinds first. ``frequencies``: of words, by skeleton."""
    return _ordered(_keys(said, frequencies, (said.birth_date or "")[:4]))


def lookup_keys(said: Demographics, frequencies: Mapping[str, float]) -> list[str]:
    """The keys to look under: those of ``keys_of``, and of the years around a birth date that is a guess."""
    born = said.birth_date or ""
    widest = "nz" if _district(said) else ""
    keys = [key for key in _keys(said, frequencies, born[:4]) if key[:2] != widest]
    if born[:4].isdigit() and (said.estimated or len(born) < 10 or born.endswith(("-01-01", "-07-01"))):
        for year in (int(born[:4]) - 1, int(born[:4]) + 1):
            keys += [key for key in _keys(said, frequencies, str(year)) if key[:2] in ("nu", "ny")]
    return _ordered(keys)


def _ordered(keys: Iterable[str]) -> list[str]:
    return sorted(dict.fromkeys(keys), key=lambda key: STRONG.index(key[:2]))


def _keys(said: Demographics, frequencies: Mapping[str, float], year: str) -> Iterator[str]:
    telling = _telling(said.names, frequencies)
    day = _day(said.birth_date or "")
    area = area_of(said.upazila) or area_of(said.district)
    if phone := phone_of(said.mobile):
        yield f"ph|{phone}"
    if day:
        yield from (f"nd|{bones}|{day}" for bones in telling)
    if year:
        for bones in {" ".join(sorted(_bones(name))) for name in said.names}:
            if bones:
                yield f"nz|{bones}|{year}"
                if district := _district(said):
                    yield f"ny|{bones}|{year}|{district}"
    if area and (father := _parent(said.father)) and (mother := _parent(said.mother)):
        yield f"pa|{father}|{mother}|{area}"
    if area and (house := house_of(said.place)):
        yield f"hh|{house}|{area}"
    if day and area:
        yield f"da|{day}|{area}"
    if year and area:
        yield from (f"nu|{bones}|{year}|{area}" for bones in telling)


def _district(said: Demographics) -> str:
    return area_of(said.district) or area_of(said.upazila)[:4]


def _bones(name: str) -> list[str]:
    return [bones for word in words_of(name) if (bones := skeleton(word))]


def _telling(names: tuple[str, ...], frequencies: Mapping[str, float]) -> list[str]:
    """The words by which a name is told from others, the rarest first."""
    bones = {bones for name in names for bones in _bones(name)}
    rare = sorted(bones, key=lambda one: (frequencies.get(one, 0.0), one))
    own = [one for one in rare if frequencies.get(one, 0.0) <= COMMON]
    return (own or rare[:1])[:WORDS_LIMIT]


def _day(born: str) -> str:
    """The date with the smaller of day and month first, so that a swap finds the same."""
    if len(born) < 10:
        return ""
    return f"{born[:4]}|{'|'.join(sorted((born[5:7], born[8:10])))}"


def _parent(name: str | None) -> str:
    """A parent's first telling name: what follows is often left out."""
    return next(iter(_bones(name or "")), "")
