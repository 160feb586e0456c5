"""Telephone numbers into E.164.

The library takes about 90 µs a number, too slow for 100,000 rows. Its own patterns, compiled once per
country, settle the ordinary number in two or three; whatever they do not settle goes the slow way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from retinue_io.faults import BadValue
from retinue_io.text import short

_TYPES = (
    "mobile",
    "fixed_line",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
_DIGITS = re.compile(r"\+?[0-9]+")
_SEPARATORS = str.maketrans("", "", " \u00a0\u202f\t-.()/‐‑–—")
_EXTENSION = re.compile(r"\s*(?:;ext=|ext\.?|x|#|доб\.?|linka|kl\.?|dahili)\s*(\d{1,7})\s*$", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*(?::::|[;,\n|])\s*|\s+/\s+")
_REMEDY = "Write it with the country code, as +420 777 123 456."


def parse_phone(text: str, region: str = "") -> str:
    """The number as ``+420777123456``; `region` (CZ) is needed for numbers without a country code."""
    plain = text.translate(_SEPARATORS)
    if not _DIGITS.fullmatch(plain):
        plain = _EXTENSION.sub("", text).translate(_SEPARATORS)
        if not _DIGITS.fullmatch(plain):
            return _slow(text, region)
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if not plain.startswith("+") and not region:
        raise BadValue("phone", f"{short(text)} has no country code, and the row names no country.", _REMEDY)
    if not 7 <= len(plain) <= 17:
        raise BadValue("phone", f"{short(text)} is not a telephone number.", _REMEDY)
    fast = _international(plain) if plain.startswith("+") else _national(plain, region)
    return fast or _slow(text, region)


def split_phones(text: str) -> list[str]:
    """The numbers of a cell that may hold several."""
    return [piece for piece in _SEVERAL.split(text) if piece] if len(text) > 12 else [text]


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the library knows of one country's numbers, as compiled patterns."""

    code: str
    valid: re.Pattern[str]
    viable: re.Pattern[str]
    prefix: re.Pattern[str] | None
    plain: bool  # no rewriting of numbers beyond dropping a prefix


def _international(plain: str) -> str:
    """The number itself when its country code's patterns accept it, else empty."""
    length, patterns = _patterns(plain[1:4])
    rest = plain[1 + length :]
    for pattern in patterns:
        if pattern.fullmatch(rest):
            return plain
    return ""


def _national(digits: str, region: str) -> str:
    """A number as it is dialled inside its country, else empty."""
    rules = _rules(region)
    if rules is None or not rules.plain or digits.startswith(rules.code):
        return ""
    rest = digits
    found = rules.prefix.match(digits) if rules.prefix else None
    if found and found.end():
        stripped = digits[found.end() :]
        if rules.viable.fullmatch(stripped) or not rules.viable.fullmatch(digits):
            rest = stripped
    return f"+{rules.code}{rest}" if rules.valid.fullmatch(rest) else ""


@lru_cache(maxsize=2048)
def _patterns(start: str) -> tuple[int, tuple[re.Pattern[str], ...]]:
    """Length of the country code these digits begin with, and the patterns of all countries that share it."""
    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(start[:length] or 0))
        if regions and start[0] != "0":
            rules = [_rules(region) for region in regions if region != "001"]
            return length, tuple(r.valid for r in rules if r is not None)
    return 0, ()


@lru_cache(maxsize=512)
def _rules(region: str) -> _Rules | None:
    data = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    if data is None or data.general_desc is None:
        return None
    kinds = [getattr(data, name) for name in _TYPES]
    patterns = [k.national_number_pattern for k in kinds if k is not None and k.national_number_pattern]
    lead = f"(?={data.leading_digits})" if data.leading_digits else ""
    prefix = data.national_prefix_for_parsing
    return _Rules(
        code=str(data.country_code),
        valid=re.compile(lead + "(?:" + "|".join(f"(?:{p})" for p in patterns) + ")"),
        viable=re.compile(data.general_desc.national_number_pattern or ""),
        prefix=re.compile(prefix) if prefix else None,
        plain=not data.national_prefix_transform_rule and "(" not in (prefix or "").replace("(?:", ""),
    )


def _slow(text: str, region: str) -> str:
    try:
        number = phonenumbers.parse(text, region or None)
    except NumberParseException as error:
        raise BadValue("phone", f"{short(text)} is not a telephone number.", _REMEDY) from error
    if not phonenumbers.is_possible_number(number) or not phonenumbers.is_valid_number(number):
        where = f" in {region}" if region and not text.strip().startswith(("+", "00")) else ""
        raise BadValue("phone", f"{short(text)} is not a telephone number{where}.", _REMEDY)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
