"""Small helpers for text: words for comparison, slugs for keys, shortening for messages."""

from __future__ import annotations

import re
from functools import lru_cache

from retinue import fold

_NOT_WORD = re.compile(r"[\W_]+")


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
