"""Search folding: one spelling for what people type and what is stored, the same on both databases."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {
        "ı": "i",
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ð": "d",
        "ħ": "h",
        "ŋ": "n",
        "’": "'",
        "ё": "е",
    }
)


def fold(text: str) -> str:
    """Return `text` as search sees it: lower case, without diacritics, single spaces.

    ``Yıldırım`` becomes ``yildirim``, ``Dvořák`` ``dvorak``, ``Straße`` ``strasse``, ``Пётр`` ``петр``;
    scripts are not transliterated.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    # word by word, since names and cities come again; a sign may fold to a space or to nothing
    return " ".join(" ".join(map(_fold_word, text.split())).split())


@lru_cache(maxsize=20_000)
def _fold_word(word: str) -> str:
    if word.isascii():
        return word.lower()
    plain = word
    for _ in range(2):  # twice: a compatibility sign may unfold into a capital
        plain = unicodedata.normalize("NFKD", plain.replace("ẞ", "ß").casefold().translate(_LETTERS))
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)
