"""One value at a time: what a draft's text must look like to be stored, and how it is normalised for look-ups."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

import phonenumbers
from email_validator import EmailNotValidError, validate_email

MAX_LIST: Final = 30
MAX_NOTE: Final = 20_000
TAIL_DIGITS: Final = 6
"""Digits of a phone's end that its blind index also knows, so that a number is found without its prefix."""

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9][a-z0-9._+'-]{0,62}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.I
)
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_PHONE_NOISE = str.maketrans("", "", " \u00a0\t-–—().·/")


class BadValue(ValueError):
    """A value that cannot be stored; the text says what is wrong and what to write instead."""


def clean_email(text: Any) -> str:
    """Return an e-mail address fit to be stored; raises BadValue."""
    if not isinstance(text, str) or not (trimmed := text.strip()):
        raise BadValue("an e-mail address is missing")
    if _PLAIN_EMAIL.fullmatch(trimmed) and ".." not in trimmed and ".@" not in trimmed:
        return trimmed
    try:
        return validate_email(trimmed, check_deliverability=False, allow_smtputf8=True).normalized
    except EmailNotValidError as fault:
        raise BadValue(f"not an e-mail address: {fault}") from None


@lru_cache(maxsize=4096)
def _parse_phone(text: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise BadValue("not a phone number: write it with the country, as +420 225 006 555") from None
    if not phonenumbers.is_possible_number(number):
        raise BadValue("not a possible phone number: check the count of digits")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def clean_phone(text: Any, region: str | None = None) -> tuple[str, str]:
    """Return the number as written and as E.164; `region` (``CZ``) completes a local one. Raises BadValue."""
    if not isinstance(text, str) or not (trimmed := text.strip()):
        raise BadValue("a phone number is missing")
    if len(trimmed) > 60:
        raise BadValue("a phone number has at most 60 characters")
    bare = trimmed.translate(_PHONE_NOISE)
    if bare.startswith("00") and len(bare) > 8:
        bare = "+" + bare[2:]
    return trimmed, bare if _E164.fullmatch(bare) else _parse_phone(bare or trimmed, region)


def email_tokens(address: str) -> list[tuple[str, str]]:
    """Return what of an address the blind index knows: the whole, and its domain, both case-folded."""
    folded = address.casefold()
    return [("email", folded), ("email_domain", folded.rpartition("@")[2])]


def phone_tokens(e164: str) -> list[tuple[str, str]]:
    """Return what of a number the blind index knows: all its digits, and the last ones."""
    digits = e164.lstrip("+")
    return [("phone", digits), ("phone_tail", digits[-TAIL_DIGITS:])]


def clean_instant(value: Any) -> datetime:
    """Return an instant of the past from a datetime or ISO text with its zone; raises BadValue."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadValue("not an instant, as 2026-05-01T09:30:00+02:00") from None
    if found.tzinfo is None:
        raise BadValue("an instant without its time zone, as in 2026-05-01T09:30:00+02:00")
    if found > datetime.now(UTC):
        raise BadValue("in the future")
    return found.astimezone(UTC)


def clean_date(value: Any) -> date:
    """Return a date from a date or ISO text; raises BadValue."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise BadValue("not a date: write it as 1990-07-01") from None


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """Return the names of all time zones this machine knows."""
    return frozenset(available_timezones())


def clean_custom(kind: str, value: Any, choices: list[str] | None) -> Any:
    """Return a custom field's value in its type, JSON-able; raises BadValue naming the type it must have."""
    if value is None:
        return None
    cleaner = _CUSTOM[kind]
    cleaned = cleaner(value)
    wrong = [v for v in (cleaned if isinstance(cleaned, list) else [cleaned]) if choices and v not in choices]
    if wrong and kind in ("choice", "multi_choice"):
        raise BadValue(f"{wrong[0]!r} is none of: {', '.join(choices or [])}")
    return cleaned


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise BadValue("not a whole number")
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise BadValue("not a whole number: write it as 10") from None
    if abs(number) >= 2**53:
        raise BadValue("too large a number")
    return number


def _decimal(value: Any) -> float:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise BadValue("not a number: write it as 12.50") from None
    if isinstance(value, bool) or not number.is_finite():
        raise BadValue("not a number: write it as 12.50")
    return float(number)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).strip().lower() not in known:
        raise BadValue("neither true nor false")
    return known[str(value).strip().lower()]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue("not text")
    if len(value) > MAX_NOTE:
        raise BadValue(f"longer than {MAX_NOTE} characters")
    return value


def _instant(value: Any) -> str:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise BadValue("not an instant: write it as 2026-06-30T10:00:00+02:00") from None
    if moment.tzinfo is None:
        raise BadValue("an instant needs its offset, as +02:00")
    return moment.isoformat()


def _many(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise BadValue("not a list of choices")
    return list(dict.fromkeys(value))


_CUSTOM: Final = {
    "text": _text,
    "long_text": _text,
    "url": _text,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": lambda value: clean_date(value).isoformat(),
    "datetime": _instant,
    "choice": _text,
    "multi_choice": _many,
}
CUSTOM_KINDS: Final = tuple(_CUSTOM)
