"""A full name in one cell, taken apart: “Family, Given”, titles before and after, patronymics, order by
choice.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from retinue import fold

_BEFORE = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "sir",
        "dame",
        "dr",
        "prof",
        "doc",
        "ing",
        "mgr",
        "bc",
        "mudr",
        "judr",
        "phdr",
        "rndr",
        "paeddr",
        "mvdr",
        "pharmdr",
        "mga",
        "bca",
        "dipl-ing",
        "herr",
        "frau",
        "hr",
        "fr",
        "pan",
        "pani",
        "sayin",
        "av",
        "op",
        "uzm",
        "г-н",
        "г-жа",
        "господин",
        "госпожа",
        "д-р",
        "проф",
        "акад",
    ]
)
_AFTER = frozenset(
    [
        "phd",
        "ph.d",
        "csc",
        "drsc",
        "mba",
        "llm",
        "ll.m",
        "jr",
        "sr",
        "ii",
        "iii",
        "iv",
        "dis",
        "msc",
        "m.sc",
        "bsc",
        "b.sc",
        "ma",
        "m.a",
        "md",
        "m.d",
        "esq",
        "ra",
    ]
)
_PARTICLES = frozenset(
    [
        "van",
        "von",
        "der",
        "den",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "du",
        "la",
        "le",
        "ten",
        "ter",
        "zu",
        "zum",
        "zur",
        "af",
        "av",
        "bin",
        "ibn",
        "al",
        "el",
        "st",
        "san",
        "santa",
        "y",
        "van't",
        "o'",
        "mac",
        "mc",
    ]
)
_PATRONYMIC = re.compile(r".+(?:вич|вна|ична|ьич|ыч|оглы|кызы|ovich|evich|ovna|evna)$", re.IGNORECASE)
_RUSSIAN_FAMILY = re.compile(
    r".{2,}(?:ов|ова|ев|ева|ёв|ёва|ин|ина|ын|ына|ский|ская|цкий|цкая|енко|ук|юк|ых|их)$"
)


class Name(NamedTuple):
    """The parts of a person's name."""

    given: str = ""
    family: str = ""
    middle: str = ""
    before: str = ""
    after: str = ""


def split_name(text: str, order: str = "") -> Name:
    """Take a full name apart; `order` (given_first, family_first) decides where no comma and no patronymic
    does.
    """
    flat = " ".join(text.split())
    head, comma, tail = flat.partition(",")
    after: list[str] = []
    if comma:
        pieces = [piece.strip() for piece in tail.split(",") if piece.strip()]
        while pieces and all(_is_after(word) for word in pieces[-1].split()):
            after.insert(0, pieces.pop())
        if pieces:
            titles, words = _leading_titles(" ".join(pieces).split())
            more, family_words = _leading_titles(head.split())
            given, middle = _given_and_middle(words)
            return Name(given, " ".join(family_words), middle, " ".join(more + titles), ", ".join(after))
    before, words = _leading_titles(head.split())
    while len(words) > 2 and _is_after(words[-1]):
        after.insert(0, words.pop())
    given, family, middle = _order(words, order)
    return Name(given, family, middle, " ".join(before), ", ".join(after))


def _order(words: list[str], order: str) -> tuple[str, str, str]:
    if len(words) < 2:
        return (words[0] if words else ""), "", ""
    if len(words) == 3 and _PATRONYMIC.match(words[2]) and not _PATRONYMIC.match(words[1]):
        return words[1], words[0], words[2]  # Белова Анна Петровна
    if len(words) == 3 and _PATRONYMIC.match(words[1]):
        return words[0], words[2], words[1]  # Анна Петровна Белова
    if len(words) == 2 and _PATRONYMIC.match(words[1]):
        return words[0], "", words[1]
    if order == "family_first":
        given, middle = _given_and_middle(words[1:])
        return given, words[0], middle
    start = len(words) - 1
    while start > 1 and fold(words[start - 1]).strip(".'") in _PARTICLES:
        start -= 1
    given, middle = _given_and_middle(words[:start])
    return given, " ".join(words[start:]), middle


def guess_order(names: list[str]) -> str:
    """``family_first`` when a column of full names is plainly written that way, else ``given_first``."""
    first = last = 0
    for name in names:
        words = name.replace(",", " ").split()
        if len(words) == 2:
            first += bool(_RUSSIAN_FAMILY.match(words[0].lower()))
            last += bool(_RUSSIAN_FAMILY.match(words[1].lower()))
    return "family_first" if first > 2 * last and first > len(names) // 3 else "given_first"


def _given_and_middle(words: list[str]) -> tuple[str, str]:
    return (words[0], " ".join(words[1:])) if words else ("", "")


def _leading_titles(words: list[str]) -> tuple[list[str], list[str]]:
    count = 0
    while count < len(words) - 1 and fold(words[count]).rstrip(".") in _BEFORE:
        count += 1
    return words[:count], words[count:]


def _is_after(word: str) -> bool:
    return fold(word).strip(".") in _AFTER or fold(word).replace(".", "") in _AFTER
