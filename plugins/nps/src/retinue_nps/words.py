"""What the plugin says to people outside the desk, in their language."""

from __future__ import annotations

import gettext
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final = ("en", "cs", "de", "ru", "tr")


@lru_cache(maxsize=8)
def words_in(language: str) -> gettext.NullTranslations:
    """Return the translations into a language; English, and any other, says what stands in the code."""
    file = files("retinue_nps") / "locale" / language / "LC_MESSAGES" / "nps.po"
    if language not in LANGUAGES or not file.is_file():
        return gettext.NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(file.read_bytes()), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
