"""Small helpers for text: folding for comparison, slugs for keys, shortening for messages."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SPECIAL = str.maketrans(
    {
        "ı": "i",
        "İ": "i",
        "ß": "ss",
        "ẞ": "ss",
        "ё": "е",
        "Ё": "е",
        "ø": "o",
        "Ø": "o",
        "đ": "d",
        "Đ": "d",
        "ł": "l",
        "Ł": "l",
        "æ": "ae",
        "Æ": "ae",
        "œ": "oe",
        "Œ": "oe",
        "þ": "th",
        "ð": "d",
    }
)
_NOT_WORD = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Lower case without accents: Yıldırım → yildirim, Straße → strasse, Ёлкин → елкин; й keeps its breve."""
    if text.isascii():
        return text.lower()
    plain = text.translate(_SPECIAL).casefold()
    kept = [
        c for c in unicodedata.normalize("NFD", plain.replace("й", "\ue000")) if not unicodedata.combining(c)
    ]
    return unicodedata.normalize("NFC", "".join(kept)).replace("\ue000", "й")


@lru_cache(maxsize=4096)
def words(text: str) -> str:
    """Folded words with single spaces between them: ``"E-mail 1 - Value"`` → ``"e mail 1 value"``."""
    return _NOT_WORD.sub(" ", fold(text)).strip()


def slug(text: str, *, limit: int = 40) -> str:
    """A key for a custom field: folded, underscores, letters first; empty when nothing is left."""
    key = words(text).replace(" ", "_")[:limit].strip("_")
    return f"field_{key}" if key[:1].isdigit() else key


def short(text: str, limit: int = 40) -> str:
    """The text in quotation marks, cut for a message, without line breaks."""
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= limit else flat[: limit - 1] + '…'}”"
