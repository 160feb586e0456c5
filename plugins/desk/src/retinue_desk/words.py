"""Words, dates and numbers in the reader's language and time zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import Translations

from retinue.money import digits_of

LANGUAGES = {"en": "English", "ru": "Русский", "tr": "Türkçe", "cs": "Čeština", "de": "Deutsch"}


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """Return the locale of a language such as ``cs`` or ``pt-BR``; English for one nobody knows."""
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by name; UTC for one nobody knows."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


class Catalogs:
    """The translations of the plugins that are on; each language is read at its first use."""

    def __init__(self, folders: Sequence[tuple[str, Path]]) -> None:
        self._folders = tuple(folders)
        self._known: dict[str, NullTranslations] = {}

    def of(self, language: str) -> NullTranslations:
        """Return the translations to a language, the desk's first, every plugin's behind it."""
        short = language.partition("-")[0]
        if short not in self._known:
            self._known[short] = self._load(short)
        return self._known[short]

    def _load(self, language: str) -> NullTranslations:
        found: NullTranslations = NullTranslations()
        for name, folder in reversed(self._folders):
            file = folder / language / "LC_MESSAGES" / f"{name}.po"
            if file.is_file():
                own = _read(file, language)
                own.add_fallback(found)
                found = own
        return found


def _read(file: Path, language: str) -> Translations:
    from io import BytesIO  # noqa: PLC0415  # only here: a catalog is compiled in memory, once per process

    with file.open("rb") as text:
        catalog = read_po(text, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


@dataclass(frozen=True, slots=True)
class Speech:
    """How one reader is spoken to."""

    language: str
    zone_name: str
    translations: NullTranslations
    now: datetime

    @property
    def locale(self) -> Locale:
        """Return the locale."""
        return locale_of(self.language)

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone."""
        return zone_of(self.zone_name)

    def say(self, text: str, /, **values: Any) -> str:
        """Return a text in the reader's language, with ``%(name)s`` filled in."""
        said = self.translations.gettext(text) if text else ""
        return said % values if values else said

    def capital(self, text: str) -> str:
        """Return a text with a great first letter; in Turkish that of i has a dot."""
        first = "İ" if text[:1] == "i" and self.language.startswith("tr") else text[:1].upper()
        return first + text[1:]

    def count(self, one: str, many: str, number: int, /, **values: Any) -> str:
        """Return the text for a number of things; ``%(num)s`` is the number as the language writes it."""
        said = self.translations.ngettext(one, many, number)
        return said % {"num": self.number(number), **values}

    def number(self, value: float | Decimal) -> str:
        """Return a number as the language writes it."""
        return str(format_decimal(value, locale=self.locale))

    def percent(self, value: float) -> str:
        """Return a share (0.5) in percent."""
        return str(format_percent(value, locale=self.locale))

    def money(self, minor: int, currency: str) -> str:
        """Return whole minor units of a currency as the language writes an amount."""
        places = digits_of(currency)
        amount = Decimal(minor).scaleb(-places)
        pattern = self.locale.currency_formats["standard"].pattern
        plain = pattern.replace("0.00", "0" + ("." + "0" * places if places else ""))
        return str(format_currency(amount, currency, format=plain, locale=self.locale, currency_digits=False))

    def day(self, value: date | datetime, form: str = "medium") -> str:
        """Return a day."""
        if isinstance(value, datetime):
            value = value.astimezone(self.zone)
        return str(format_date(value, format=form, locale=self.locale))

    def moment(self, value: datetime, form: str = "medium") -> str:
        """Return day and time in the reader's zone."""
        return str(format_datetime(value, format=form, tzinfo=self.zone, locale=self.locale))

    def clock(self, value: datetime, zone: str = "") -> str:
        """Return the time of day, in the reader's zone or another."""
        return str(
            format_time(
                value, format="short", tzinfo=zone_of(zone) if zone else self.zone, locale=self.locale
            )
        )

    def ago(self, value: datetime | None) -> str:
        """Return how long ago something was, in round words; the day itself when it is long ago."""
        if value is None:
            return ""
        passed = self.now - value
        if abs(passed) > timedelta(days=45):
            return self.day(value)
        return str(format_timedelta(-passed, add_direction=True, locale=self.locale))

    def length(self, seconds: int) -> str:
        """Return a duration in round words."""
        return str(format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=self.locale))

    def land(self, code: str | None) -> str:
        """Return a country's name by its code of two letters."""
        names: Mapping[str, str] = self.locale.territories
        return names.get(code or "", code or "")

    def tongue(self, code: str | None) -> str:
        """Return a language's name by its code."""
        names: Mapping[str, str] = self.locale.languages
        return names.get((code or "").partition("-")[0], code or "")


def plain_speech() -> Speech:
    """Return English in UTC, for pages nobody is signed in to."""
    return Speech("en", "UTC", NullTranslations(), datetime.now(UTC))
