"""People of Bangladesh as registries write them down twice: families in villages, and the ways in which data go wrong.

Nobody here exists. The registry holds one record of each person; what is looked up are second records of some of them,
written by somebody else, and records of people whom the registry lacks: brothers and sisters, twins, namesakes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

from matching_names import MEN, MENS_LAST, VILLAGES, WOMEN, WOMENS_LAST, Name, listed, twins
from shr_healthid.domain.person import Demographics

T = TypeVar("T")
TODAY = 2026


@dataclass(frozen=True)
class Human:
    """Somebody, as she is. Names are lists of words, each Bangla with its English spellings."""

    id: int
    name: tuple[Name, ...]
    gender: str
    born: tuple[int, int, int]
    area: str
    village: Name
    house: int
    father: tuple[Name, ...]
    mother: tuple[Name, ...]
    phone: str


@dataclass(frozen=True)
class Record:
    """A description of the human ``of``."""

    of: int
    said: Demographics


class People:
    """Draws families. ``share``: how much of the name lists it knows (a training that knows less than the test)."""

    def __init__(self, seed: int, *, share: float = 1.0) -> None:
        self.draw = random.Random(seed)
        self._ids = count()
        cut = lambda names: names[: max(8, int(len(names) * share))]  # noqa: E731
        self.men, self.women = cut(listed(MEN)), cut(listed(WOMEN))
        self.mens_last, self.womens_last = cut(listed(MENS_LAST)), cut(listed(WOMENS_LAST))
        self.villages, self.twins = listed(VILLAGES), twins()
        self.areas = [f"{division}{district:02d}00{upazila:02d}" for division in (10, 20, 30, 40, 50)
                      for district in range(4, 24, 5) for upazila in range(10, 90, 9)]  # fmt: skip

    def families(self, people: int) -> list[Human]:
        """At least so many people, family by family."""
        found: list[Human] = []
        while len(found) < people:
            found += self._family()
        return found

    def _family(self) -> list[Human]:
        draw = self.draw
        area, village, house = draw.choice(self.areas), self._often(self.villages), draw.randint(1, 400)
        at = {"area": area, "village": village, "house": house, "phone": self._phone()}
        born = draw.randint(1940, 2000)
        last = self._often(self.mens_last)
        father = Human(next(self._ids), self._man(last), "male", self._date(born), father=self._man(last),
                       mother=self._woman(), **at)  # fmt: skip
        mother = Human(next(self._ids), self._woman(), "female", self._date(born + draw.randint(0, 9)),
                       father=self._man(self._often(self.mens_last)), mother=self._woman(), **at)  # fmt: skip
        family = [father, mother]
        for _ in range(draw.choice((0, 1, 2, 2, 3, 4))):
            family += self._children(father, mother, last)
        return [replace(one, phone=self._phone()) if draw.random() < 0.35 else one for one in family]

    def _children(self, father: Human, mother: Human, last: Name) -> list[Human]:
        draw = self.draw
        born = self._date(min(TODAY - 1, mother.born[0] + draw.randint(17, 40)))
        girl = draw.random() < 0.5
        shared = {"born": born, "area": father.area, "village": father.village, "house": father.house,
                  "father": father.name, "mother": mother.name, "phone": father.phone}  # fmt: skip
        if draw.random() < 0.04:
            genders, *names = draw.choice(self.twins)
            also = (last,) if draw.random() < 0.6 else ()
            return [Human(next(self._ids), (name, *also), {"m": "male", "f": "female"}[gender], **shared)
                    for name, gender in zip(names, genders, strict=True)]  # fmt: skip
        if draw.random() < 0.04:  # named after a parent
            name = mother.name if girl else father.name
        else:
            name = self._woman() if girl else self._man(last)
        return [Human(next(self._ids), name, "female" if girl else "male", **shared)]

    def _man(self, last: Name) -> tuple[Name, ...]:
        first = self._often(self.men)
        second = (self._often(self.men),) if self.draw.random() < 0.25 else ()
        return (first, *second, last)

    def _woman(self) -> tuple[Name, ...]:
        return (self._often(self.women), self._often(self.womens_last))

    def _often(self, names: list[T]) -> T:
        """As names are: a few that many bear, many that few do."""
        return names[min(int(self.draw.expovariate(4.0 / len(names))), len(names) - 1)]

    def _date(self, year: int) -> tuple[int, int, int]:
        return year, self.draw.randint(1, 12), self.draw.randint(1, 28)

    def _phone(self) -> str:
        return f"01{self.draw.choice('356789')}{self.draw.randrange(10**8):08d}"


class Clerk:
    """Writes people down, well (``slips`` 0) or with the slips of everyday (1)."""

    def __init__(self, seed: int, *, slips: float = 1.0) -> None:
        self.draw = random.Random(seed)
        self.slips = slips

    def record(self, one: Human) -> Record:
        """What a registry or a hospital writes of a person."""
        said = self._form()
        english, bangla = self.name(one.name, one.gender, said), self._in_bangla(one.name, one.gender)
        names = {"both": (english, bangla), "english": (english,), "bangla": (bangla,)}[said]
        born, estimated = self._born(one.born)
        moved = self.often(0.07)
        area = self.draw.choice(("30260018", "10040028", "50150033", one.area[:6] + "55")) if moved else one.area
        parents = self._form()
        demographics = Demographics(
            names=tuple(dict.fromkeys(names)),
            gender=None if self.often(0.02) else {"male": "female", "female": "male"}[one.gender]
            if self.often(0.006) else one.gender,
            birth_date=born,
            estimated=estimated,
            district=area[:4],
            upazila=None if self.often(0.04) else area[:4] + area[6:] if self.often(0.15) else area,
            mobile=self._phone(one.phone),
            father=None if self.often(0.12) else self._parent(one.father, "male", parents),
            mother=None if self.often(0.15) else self._parent(one.mother, "female", parents),
            place=None if moved or self.often(0.2) else self._place(one),
        )  # fmt: skip
        return Record(one.id, demographics)

    def often(self, chance: float) -> bool:
        """Whether a slip of this chance happens."""
        return self.draw.random() < chance * self.slips

    def _form(self) -> str:
        return self.draw.choices(("both", "english", "bangla"), (5, 3, 2))[0]

    def _parent(self, name: tuple[Name, ...], gender: str, form: str) -> str:
        return self._in_bangla(name, gender) if form == "bangla" else self.name(name, gender, form)

    def name(self, words: tuple[Name, ...], gender: str, _form: str = "english") -> str:
        """The name in English letters, spelled one way or the other."""
        written = [spellings[0] if not self.often(0.45) else self.draw.choice(spellings) for _, spellings in words]
        return self._slipped(written, ("Md.", "MD", "Mohammad") if gender == "male" else ("Mst.", "Mosammat", "Mst"))

    def _in_bangla(self, words: tuple[Name, ...], gender: str) -> str:
        written = [self._respelled(bangla) for bangla, _ in words]
        return self._slipped(written, ("মোঃ", "মো:", "মোহাম্মদ") if gender == "male" else ("মোছাঃ", "মোসাঃ", "মোসাম্মৎ"))

    def _respelled(self, word: str) -> str:
        for one, other in (("ি", "ী"), ("ী", "ি"), ("ু", "ূ"), ("ণ", "ন"), ("শ", "স"), ("ষ", "শ"), ("য়", "য\u09bc")):
            if one in word and self.often(0.06):
                word = word.replace(one, other, 1)
        if self.often(0.04):
            place = self.draw.randrange(len(word))
            word = word[:place] + self.draw.choice("\u200c\u200d") + word[place:]
        return word

    def _slipped(self, words: list[str], prefixes: tuple[str, ...]) -> str:
        draw = self.draw
        if len(words) > 1 and self.often(0.10):
            words = words[:-1]  # the last word is left out
        elif len(words) > 1 and self.often(0.04):
            words = [
                *words[:-1],
                draw.choice(("Begum", "Khatun", "Islam", "Hossain", "Miah")),
            ]  # married, or another custom
        elif len(words) > 1 and self.often(0.03):
            words = words[::-1]
        if self.often(0.09):
            place = draw.randrange(len(words))
            words[place] = self.typed(words[place])
        if draw.random() < 0.45:
            words = [draw.choice(prefixes), *words]
        text = " ".join(words)
        return text.upper() if self.often(0.15) else text

    def typed(self, word: str) -> str:
        """One slip of the finger."""
        if len(word) < 4:
            return word
        place = self.draw.randrange(1, len(word) - 1)
        alphabet = "abcdefghijklmnopqrstuvwxyz" if word.isascii() else "কখগচজটডতদনপবমরলসহািেু"
        match self.draw.randrange(4):
            case 0:
                return word[:place] + word[place + 1 :]
            case 1:
                return word[:place] + self.draw.choice(alphabet) + word[place:]
            case 2:
                return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            case _:
                return word[:place] + self.draw.choice(alphabet) + word[place + 1 :]

    def _born(self, born: tuple[int, int, int]) -> tuple[str | None, bool]:
        year, month, day = born
        slip = self.draw.random() / self.slips if self.slips else 1.0
        if slip < 0.05:
            return f"{year}-{day:02d}-{month:02d}" if day <= 12 else f"{year}-{month:02d}-{day:02d}", False
        if slip < 0.10:
            return f"{year}-01-01", False
        if slip < 0.14:
            return f"{year}", True
        if slip < 0.18:
            return f"{year + self.draw.choice((-2, -1, 1, 2))}-01-01", True
        if slip < 0.23:
            text = f"{year}{month:02d}{day:02d}"
            place = self.draw.choice((3, 7, 7))
            text = text[:place] + str((int(text[place]) + self.draw.randint(1, 8)) % 10) + text[place + 1 :]
            return f"{text[:4]}-{text[4:6]}-{text[6:]}", False
        if slip < 0.25:
            return f"{year + self.draw.choice((-10, -1, 1, 10))}-{month:02d}-{day:02d}", False
        return f"{year}-{month:02d}-{day:02d}", False

    def _phone(self, phone: str) -> str | None:
        if self.often(0.15):
            return None
        if self.often(0.2):
            return f"018{self.draw.randrange(10**8):08d}"
        return (
            f"+88{phone}"
            if self.draw.random() < 0.4
            else f"{phone[:5]}-{phone[5:]}"
            if self.draw.random() < 0.3
            else phone
        )

    def _place(self, one: Human) -> str:
        bangla, english = one.village
        if self.draw.random() < 0.3:
            return f"গ্রাম {bangla}, বাড়ি {one.house}"
        village = self.draw.choice(english)
        return f"{village}, house {one.house}" if self.draw.random() < 0.6 else f"Vill: {village} {one.house}"


def split(seed: int, *, people: int, share: float = 1.0) -> tuple[list[Record], list[Record]]:
    """A registry, and the records that are looked up in it: half of its people, and as many whom it lacks."""
    everybody = People(seed, share=share).families(people)
    draw = random.Random(seed + 1)
    known = [one for one in everybody if draw.random() < 0.7]
    ids = {one.id for one in known}
    good, everyday = Clerk(seed + 2, slips=0.35), Clerk(seed + 3)
    registry = [good.record(one) for one in known]
    sought = [everyday.record(one) for one in everybody if one.id not in ids or draw.random() < 0.5]
    return registry, sought
