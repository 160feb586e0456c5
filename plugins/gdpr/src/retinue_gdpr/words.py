"""The plugin's words in the language of a person who has no account: for public pages, letters and the copy."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final = ("en", "cs", "de", "ru", "tr")


def spoken(language: str | None) -> str:
    """Return the language of these words that fits `language` best, such as ``de`` for ``de-AT``; English for others."""
    short = (language or "").partition("-")[0].lower()
    return short if short in LANGUAGES else "en"


def words_in(language: str | None) -> Callable[[str], str]:
    """Return what translates a text of the plugin into `language`, or leaves it in English."""
    return _catalogue(spoken(language)).gettext


@lru_cache(maxsize=8)
def _catalogue(language: str) -> gettext.NullTranslations:
    file = files("retinue_gdpr") / "locale" / language / "LC_MESSAGES" / "gdpr.po"
    if not file.is_file():
        return gettext.NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(file.read_bytes()), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
