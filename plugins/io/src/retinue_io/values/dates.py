"""Dates as people write them: ISO, 31.12.1980, 12/31/1980, 19801231, 5. ledna 1980, 12 Mar 1980."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from retinue import fold
from retinue_io.faults import BadValue
from retinue_io.text import short

Order = Literal["ymd", "dmy", "mdy"]
OLDEST_BIRTH = 1880

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_THREE = re.compile(r"(\d{1,4})\s*[./\-]\s*(\d{1,2})\s*[./\-]\s*(\d{1,4})\.?(?:[\sT,]+\d{1,2}:\d{2}.*)?")
_WORDY = re.compile(
    r"(?:[^\W\d]+,\s*)?(?:(\d{1,2})\.?\s*(?:of\s+)?([^\W\d]{3,})|([^\W\d]{3,})\.?\s+(\d{1,2})(?:st|nd|rd|th)?),?\.?\s*(\d{4}).*"
)
_REMEDY = "Write it as 1980-12-31."
_MONTHS = (
    "jan led oca янв",
    "feb uno sub фев",
    "mar maer bre мар",
    "apr dub nis апр",
    "may mai kve мая май",
    "jun cer haz июн",
    "jul cvc tem июл",
    "aug srp agu авг",
    "sep zar eyl сен",
    "oct okt rij eki окт",
    "nov lis kas ноя",
    "dec dez pro ara дек",
)
_MONTH = {start: number for number, starts in enumerate(_MONTHS, 1) for start in starts.split()}


def choose_order(values: Iterable[str], *, locale: str = "") -> Order:
    """The order of day, month and year that reads the most of a column; the locale settles what numbers
    cannot.
    """
    votes = {"ymd": 0, "dmy": 0, "mdy": 0}
    for text in values:
        match = _THREE.fullmatch(text.strip())
        if match is None:
            continue
        first, second = int(match[1]), int(match[2])
        if len(match[1]) == 4:
            votes["ymd"] += 1
        elif first > 12 >= second:
            votes["dmy"] += 1
        elif second > 12 >= first:
            votes["mdy"] += 1
    best = max(votes, key=lambda order: votes[order])
    if votes[best]:
        return best  # type: ignore[return-value]  # the keys of votes are the literals of Order
    return "mdy" if locale.replace("_", "-").lower() in ("en-us", "us") else "dmy"


def parse_date(text: str, order: str = "") -> dt.date:
    """One date; `order` decides 03/04/2020 and is ignored where the text itself is clear."""
    match = _ISO.fullmatch(text) or _COMPACT.fullmatch(text)
    if match:
        return _date(text, int(match[1]), int(match[2]), int(match[3]))
    match = _THREE.fullmatch(text)
    if match:
        return _numbers(text, (match[1], int(match[2]), match[3]), order)
    match = _WORDY.fullmatch(text)
    if match:
        return _date(text, int(match[5]), _month(text, match[2] or match[3]), int(match[1] or match[4]))
    raise BadValue("date", f"{short(text)} is not a date.", _REMEDY)


@lru_cache(maxsize=32_768)  # birthdays repeat: 100 years have 36,525
def parse_birth_date(text: str, order: str = "", *, today: dt.date | None = None) -> dt.date:
    """A date of birth: not in the future, not before 1880; two-digit years lie in the past."""
    date = parse_date(text, order)
    today = today or dt.datetime.now(dt.UTC).date()
    match = _THREE.fullmatch(text)
    if date > today and match and max(len(match[1]), len(match[3])) == 2:
        date = _date(text, date.year - 100, date.month, date.day)
    if not date.year >= OLDEST_BIRTH or date > today:
        raise BadValue("birth_date", f"{short(text)} cannot be a date of birth.", "Correct the year.")
    return date


def parse_datetime(text: str, order: str = "") -> dt.datetime:
    """A point in time; without a zone it is taken as UTC."""
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        value = dt.datetime.combine(parse_date(text, order), dt.time())
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


def _numbers(text: str, numbers: tuple[str, int, str], order: str) -> dt.date:
    first, middle, last = numbers
    if len(first) == 4:
        return _date(text, int(first), middle, int(last))
    if len(first) == 3 or len(last) not in (2, 4):
        raise BadValue("date", f"{short(text)} is not a date.", _REMEDY)
    if order == "ymd" and len(last) == 2:
        return _date(text, _century(first), middle, int(last))
    day, month = (middle, int(first)) if order == "mdy" else (int(first), middle)
    if month > 12 >= day and order != "mdy":  # clear by itself: 12/31/1980 in a column of 31/12/1980
        raise BadValue("date", f"{short(text)} has no month {month}: here the day comes first.", _REMEDY)
    return _date(text, _century(last), month, day)


def _century(year: str) -> int:
    if len(year) == 4:
        return int(year)
    pivot = dt.datetime.now(dt.UTC).year - 2000 + 10
    return int(year) + (2000 if int(year) <= pivot else 1900)


def _month(text: str, name: str) -> int:
    plain = fold(name)
    if plain.startswith(("cervene", "cervenc")):  # July begins like June in Czech
        return 7
    if plain.startswith("lip"):
        return 7
    number = _MONTH.get(plain[:4]) or _MONTH.get(plain[:3])
    if number is None:
        raise BadValue("date", f"{short(text)} names no month we know.", _REMEDY)
    return number


def _date(text: str, year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        raise BadValue("date", f"{short(text)} is a day that does not exist.", _REMEDY) from error
