"""What a score is made of, in words that a registrar understands: English and Bangla."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_FIELDS: Mapping[str, tuple[str, str]] = {
    "name": ("name", "নাম"),
    "birth_date": ("birth date", "জন্ম তারিখ"),
    "gender": ("gender", "লিঙ্গ"),
    "area": ("upazila", "উপজেলা"),
    "place": ("address", "ঠিকানা"),
    "father": ("father's name", "পিতার নাম"),
    "mother": ("mother's name", "মাতার নাম"),
    "phone": ("mobile number", "মোবাইল নম্বর"),
}
_NAMES: Mapping[str, tuple[str, str]] = {
    "exact": ("agrees", "মেলে"),
    "close": ("agrees, spelled otherwise", "মেলে, বানান ভিন্ন"),
    "cross_script": ("agrees, written in the other script", "মেলে, অন্য লিপিতে লেখা"),
    "typo": ("is nearly the same, perhaps a slip", "প্রায় এক, সম্ভবত লেখার ভুল"),
    "partial": ("agrees in part, one side has further words", "আংশিক মেলে, এক পক্ষে বাড়তি শব্দ আছে"),
    "some": ("has a word in common", "একটি শব্দ মেলে"),
    "family": ("agrees in the family name only", "শুধু বংশের নাম মেলে"),
    "differs": ("differs", "মেলে না"),
}
_LEVELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "name": _NAMES,
    "father": _NAMES,
    "mother": _NAMES,
    "birth_date": {
        "exact": ("agrees", "মেলে"),
        "estimated": ("agrees as far as it is known", "যতটুকু জানা ততটুকু মেলে"),
        "swapped": ("agrees with day and month swapped", "দিন ও মাস অদলবদল করলে মেলে"),
        "digit": ("differs in one digit", "এক অঙ্কে অমিল"),
        "part": ("agrees in two of day, month and year", "দিন, মাস ও সালের দুটি মেলে"),
        "near": ("is near, but not the same", "কাছাকাছি, তবে এক নয়"),
        "differs": ("differs", "মেলে না"),
        "far": ("is a generation apart", "এক প্রজন্মের ব্যবধান"),
    },
    "area": {
        "exact": ("agrees", "মেলে"),
        "digit": ("differs in one digit", "এক অঙ্কে অমিল"),
        "district": ("differs, but in one district", "মেলে না, তবে একই জেলা"),
        "differs": ("differs", "মেলে না"),
    },
    "place": {
        "exact": ("agrees", "মেলে"),
        "close": ("agrees, written otherwise", "মেলে, লেখা ভিন্ন"),
        "partial": ("agrees in part", "আংশিক মেলে"),
        "some": ("has a word in common", "একটি শব্দ মেলে"),
        "differs": ("differs", "মেলে না"),
    },
    "gender": {"exact": ("agrees", "মেলে"), "differs": ("differs", "মেলে না")},
    "phone": {
        "exact": ("agrees", "মেলে"),
        "digit": ("differs in one digit", "এক অঙ্কে অমিল"),
        "differs": ("differs", "মেলে না"),
    },
    "number": {},
}
_BANGLA_DIGITS = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")


@dataclass(frozen=True, slots=True)
class Part:
    """One line of an explanation. ``weight``: what it adds, in bits; None where it decides by itself."""

    field: str
    level: str
    weight: float | None
    text: str
    text_bn: str


NUMBER_AGREES = Part("number", "verified", None, "a verified number agrees", "যাচাই করা নম্বর মেলে")
NUMBERS_DIFFER = Part(
    "number", "differs", None,
    "each has another verified number of one kind: never joined without a reviewer",
    "দুজনের একই ধরনের যাচাই করা নম্বর ভিন্ন: যাচাইকারী ছাড়া কখনো এক করা হয় না",
)  # fmt: skip


def part_of(field: str, level: str, weight: float) -> Part:
    """The line of one field's agreement."""
    (name, name_bn), (says, says_bn) = _FIELDS[field], _LEVELS[field][level]
    signed = f"{weight:+.1f}"
    return Part(field, level, round(weight, 2), f"{name} {says} ({signed})",
                f"{name_bn} {says_bn} ({signed.translate(_BANGLA_DIGITS)})")  # fmt: skip
