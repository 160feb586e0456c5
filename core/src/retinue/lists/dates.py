"""Days and spans: what "more than 120 days ago" or "this month" means on a given day in a given zone.

Every test on a date is turned into a half-open span, start ≤ value < end, so that the database compares a
column with two computed values and can use its index. A day begins at midnight of the list's own time zone.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MAX_DAYS: Final = 36_525
MAX_WINDOW: Final = 31
"""Longest look ahead of an anniversary test, in days."""

_OLDEST: Final = 130
"""Years back in which an anniversary's first day may lie."""

Edge = date | datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time; None leaves that side open."""

    start: Edge | None = None
    end: Edge | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """The day on which a list is read, and the zone in which its days begin."""

    today: date
    zone: ZoneInfo

    @classmethod
    def at(cls, now: datetime, zone: str = "UTC") -> Day:
        """Return the day it is at instant `now` in `zone`; raises ValueError for an unknown zone."""
        place = zone_named(zone)
        return cls(now.astimezone(place).date(), place)

    def starts(self, day: date) -> datetime:
        """Return the instant at which `day` begins in this zone."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


@lru_cache(maxsize=600)
def zone_named(name: str) -> ZoneInfo:
    """Return the time zone called `name` (``Europe/Prague``); raises ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{name}" is not a time zone; write one such as Europe/Prague or UTC') from None


def after(edge: Edge) -> Edge | None:
    """Return the first moment after `edge`: the next day, the next microsecond; None past the end."""
    try:
        return edge + (timedelta(microseconds=1) if isinstance(edge, datetime) else timedelta(days=1))
    except OverflowError:
        return None


def span_compared(op: str, edge: Edge) -> Span:
    """Return the span of values that stand in relation `op` (eq, lt, lte, gt, gte) to `edge`."""
    match op:
        case "eq":
            return Span(edge, after(edge))
        case "lt":
            return Span(None, edge)
        case "lte":
            return Span(None, after(edge))
        case "gt":
            return Span(after(edge) or edge, None)
        case _:
            return Span(edge, None)


def span_relative(op: str, days: int, today: date) -> Span:
    """Return the span of a test that counts `days` from `today`.

    Exactly N days ago is neither more nor less than N days ago. ``in_next_days`` begins today and ends with
    the Nth day after it.
    """
    past, tomorrow = today - timedelta(days=days), today + timedelta(days=1)
    match op:
        case "more_than_days_ago":
            return Span(None, past)
        case "less_than_days_ago":
            return Span(min(past + timedelta(days=1), tomorrow), tomorrow)
        case "exactly_days_ago":
            return Span(past, past + timedelta(days=1))
        case _:
            return Span(today, tomorrow + timedelta(days=days))


def span_named(period: str, today: date) -> Span:
    """Return the span of a named period around `today`; weeks begin on Monday."""
    word, _, unit = period.partition("_")
    if not unit:
        day = today + timedelta(days={"yesterday": -1, "today": 0, "tomorrow": 1}[word])
        return Span(day, day + timedelta(days=1))
    shift = {"last": -1, "this": 0, "next": 1}[word]
    if unit == "week":
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=shift)
        return Span(monday, monday + timedelta(weeks=1))
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = (today.year * 12 + today.month - 1) // months * months + shift * months
    return Span(_month_start(first), _month_start(first + months))


def _month_start(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)


def anniversaries(first: int, last: int, today: date) -> list[date]:
    """Return every earlier day whose anniversary falls `first` to `last` days from `today`.

    Someone born on 29 February is greeted on the 28th in years without one. A list of days, not a function of
    the column, so that an index on birth dates serves it.
    """
    found: list[date] = []
    for distance in range(first, last + 1):
        day = today + timedelta(days=distance)
        for year in range(max(day.year - _OLDEST, 1), day.year):
            if (day.month, day.day) != (2, 29) or calendar.isleap(year):
                found.append(day.replace(year=year))
            if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year) and calendar.isleap(year):
                found.append(date(year, 2, 29))
    return found


def span_aged(low: int | None, high: int | None, today: date) -> Span:
    """Return the birth dates of people between `low` and `high` full years old on `today`, both included."""
    youngest = after(years_before(today, low)) if low is not None else None
    oldest = after(years_before(today, high + 1)) if high is not None else None
    return Span(oldest, youngest)


def years_before(day: date, years: int) -> date:
    """Return the last birth date that makes someone `years` old on `day`."""
    year = max(day.year - years, 1)
    if (day.month, day.day) == (2, 29) and not calendar.isleap(year):
        return date(year, 2, 28)
    return day.replace(year=year)
