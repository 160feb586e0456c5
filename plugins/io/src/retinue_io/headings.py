"""What a column's heading means: exact phrases first, then headings put together from known words.

``Business Postal Code``, ``Telefon (privat 2)`` and ``Улица (раб. адрес)`` are in no list; they are
understood as a field, a label and a number. A heading with a word that is not understood is not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from retinue_io.text import slug, words
from retinue_io.vocabulary import FIELDS, LABEL_WORDS, LEFT_OUT, LONGEST, MARKS, WHOLE_ONLY

_CUSTOM = re.compile(r"\s*custom\s*[:.]\s*(\S.*)", re.IGNORECASE)
_STRENGTH = (
    "email",
    "fax",
    "mobile",
    "work_phone",
    "other_phone",
    "phone",
    "website",
    "socials",
    "street",
    "number",
    "city",
    "region",
    "postal_code",
    "country",
    "formatted",
    "job_title",
    "address",
    "organisation",
    "title",
    "owner",
    "external_id",
    "family_or_full",
    "given_or_full",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "birth_date",
    "language",
    "note",
    "status",
    "source",
    "tags",
)
_PIECES = frozenset({"street", "number", "city", "region", "postal_code", "country", "formatted"})
_PHONES = {"phone": "", "mobile": "mobile", "fax": "fax", "work_phone": "work", "other_phone": "other"}
_SIMILAR = 88


@dataclass(slots=True)
class Guess:
    """One heading understood: `meaning` as in the vocabulary (empty: left out), and the pieces found around
    it.
    """

    meaning: str = ""
    confidence: float = 0.0
    label: str = ""
    ordinal: int = 0
    part: str = ""
    address: bool = False
    key: str = ""


@dataclass(slots=True)
class _Segment:
    meaning: str = ""
    label: str = ""
    roles: set[str] = field(default_factory=set)


def recognise(heading: str) -> Guess | None:
    """The meaning of one heading by itself, None when it is unknown."""
    custom = _CUSTOM.match(heading)
    if custom:
        return Guess("custom", 1.0, key=slug(custom[1]))
    text = words(heading)
    if not text:
        return None
    if text in LEFT_OUT and text not in FIELDS:
        return Guess("", 0.9)
    if text in FIELDS:
        return _finish(Guess(FIELDS[text], 1.0, address=FIELDS[text] == "address"))
    tokens = [t for t in text.split() if not t.isdigit()]
    numbers = [int(t) for t in text.split() if t.isdigit() and len(t) < 4]
    ordinal = numbers[0] if numbers else 0
    plain = " ".join(tokens)
    if plain in FIELDS:
        meaning = FIELDS[plain]
        return _finish(Guess(meaning, 0.95, ordinal=ordinal, address=meaning == "address"))
    return _compose(tokens, ordinal) or _similar(text)


def _compose(tokens: list[str], ordinal: int) -> Guess | None:
    """One field word, with labels, parts and fillers around it; None when a word is left over."""
    segments = _segments(tokens)
    if segments is None:
        return None
    for main in sorted(
        (s for s in segments if s.meaning in _STRENGTH), key=lambda s: _STRENGTH.index(s.meaning)
    ):
        guess = Guess(main.meaning, 0.9, ordinal=ordinal, address=main.meaning == "address")
        if all(_fits(other, guess) for other in segments if other is not main):
            return _finish(guess)
    return None


def _segments(tokens: list[str]) -> list[_Segment] | None:
    """The tokens cut into the longest known phrases, None if one is unknown."""
    found: list[_Segment] = []
    position = 0
    while position < len(tokens):
        for length in range(min(LONGEST, len(tokens) - position), 0, -1):
            phrase = " ".join(tokens[position : position + length])
            roles = {role for role, table in MARKS.items() if phrase in table}
            if (phrase in FIELDS and phrase not in WHOLE_ONLY) or roles:
                found.append(_Segment(FIELDS.get(phrase, ""), LABEL_WORDS.get(phrase, ""), roles))
                position += length
                break
        else:
            return None
    return found


def _fits(segment: _Segment, guess: Guess) -> bool:
    """Take the segment's sense into the guess if it can stand beside the field found."""
    if segment.meaning == "address" and guess.meaning in _PIECES:
        guess.address = True
        return True
    if guess.meaning in _PHONES and (segment.meaning in ("phone", "mobile") or segment.label == "mobile"):
        guess.label = guess.label or segment.label
        return True
    if segment.roles & {"home", "work", "other"}:
        guess.label = segment.label
        return True
    for role in ("part_label", "part_value"):
        if role in segment.roles and not guess.part:
            guess.part = role.removeprefix("part_")
            return True
    return bool(segment.roles & {"filler", "line"})


def _similar(text: str) -> Guess | None:
    """A slip of the pen: close enough to one known phrase."""
    if len(text) < 5:
        return None
    found = process.extractOne(text, FIELDS.keys(), scorer=fuzz.ratio, score_cutoff=_SIMILAR)
    if found is None or len(found[0]) < 5:
        return None
    meaning = FIELDS[found[0]]
    return _finish(Guess(meaning, 0.6, address=meaning == "address"))


def _finish(guess: Guess) -> Guess:
    """Fold the kinds of telephone into one meaning with a label."""
    if guess.meaning in _PHONES:
        special = _PHONES[guess.meaning]
        guess.label = special if special in ("fax", "mobile", "other") else guess.label or special
        guess.meaning = "phone"
    return guess
