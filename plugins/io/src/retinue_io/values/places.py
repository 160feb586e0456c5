"""Countries and languages by code or by name in the five languages of the house."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale

from retinue import fold
from retinue_io.faults import BadValue
from retinue_io.text import short

_NAMES_IN = ("en", "de", "cs", "tr", "ru", "sk", "it", "fr", "es", "pl")
_COUNTRIES = {
    "usa": "US",
    "u.s.a.": "US",
    "u.s.": "US",
    "uk": "GB",
    "england": "GB",
    "great britain": "GB",
    "abd": "US",
    "cr": "CZ",
    "brd": "DE",
    "сша": "US",
    "рф": "RU",
    "rossija": "RU",
    "russia": "RU",
    "turkey": "TR",
    "czech republic": "CZ",
    "ceska republika": "CZ",
    "tschechische republik": "CZ",
    "cek cumhuriyeti": "CZ",
    "чешская республика": "CZ",
    "российская федерация": "RU",
    "russian federation": "RU",
    "russische foderation": "RU",
    "turkiye cumhuriyeti": "TR",
    "slovak republic": "SK",
    "holland": "NL",
}
_NO_COUNTRIES = ("ZZ", "EU", "UN", "EZ", "XA", "XB", "QO")
_THREE = {
    "CZE": "CZ",
    "DEU": "DE",
    "TUR": "TR",
    "RUS": "RU",
    "USA": "US",
    "GBR": "GB",
    "ITA": "IT",
    "SVK": "SK",
}


@lru_cache(maxsize=2048)
def parse_country(text: str) -> str:
    """The two-letter code of a country."""
    found = _country(text)
    if found is None:
        raise BadValue(
            "country", f"{short(text)} is not a country we know.", "Write its two-letter code, as CZ."
        )
    return found


@lru_cache(maxsize=2048)
def parse_language(text: str) -> str:
    """The code of a language: ``cs``, ``pt-BR``."""
    found = _language(text)
    if found is None:
        raise BadValue("language", f"{short(text)} is not a language we know.", "Write its code, as cs.")
    return found


def _country(text: str) -> str | None:
    code = text.strip().upper()
    if code in _country_codes():
        return code
    if code in _THREE:
        return _THREE[code]
    plain = fold(text.strip())
    return _COUNTRIES.get(plain) or _country_names().get(plain)


def _language(text: str) -> str | None:
    base, _, country = text.strip().replace("_", "-").partition("-")
    if base.lower() in _language_codes() and (not country or country.upper() in _country_codes()):
        return base.lower() + (f"-{country.upper()}" if country else "")
    return _language_names().get(fold(text.strip()))


def _pairs(language: str, what: str) -> list[tuple[str, str]]:
    """Codes and names as one language writes them."""
    return [(str(code), str(name)) for code, name in getattr(Locale(language), what).items()]


@lru_cache(maxsize=1)
def _country_codes() -> frozenset[str]:
    return frozenset(
        c for c, _ in _pairs("en", "territories") if len(c) == 2 and c.isalpha() and c not in _NO_COUNTRIES
    )


@lru_cache(maxsize=1)
def _country_names() -> dict[str, str]:
    codes = _country_codes()
    return {
        fold(name): code
        for language in _NAMES_IN
        for code, name in _pairs(language, "territories")
        if code in codes
    }


@lru_cache(maxsize=1)
def _language_codes() -> frozenset[str]:
    return frozenset(code for code, _ in _pairs("en", "languages") if len(code) in (2, 3) and code.isalpha())


@lru_cache(maxsize=1)
def _language_names() -> dict[str, str]:
    codes = _language_codes()
    return {
        fold(name): code
        for language in _NAMES_IN
        for code, name in _pairs(language, "languages")
        if code in codes
    }
