"""Days of a programme: a moment's day in its zone, the midnight a day begins with, and a period after a day."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time in days and months; 29 February and twelve months are 28 February."""

    days: int = 0
    months: int = 0

    def after(self, day: date) -> date:
        """Return the day this long after `day`."""
        months = day.month - 1 + self.months
        year, month = day.year + months // 12, months % 12 + 1
        last = calendar.monthrange(year, month)[1]
        return date(year, month, min(day.day, last)) + timedelta(days=self.days)


def day_of(at: datetime, zone: str) -> date:
    """Return the day of a moment in `zone`."""
    return at.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """Return the moment at which `day` begins in `zone`."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def month_after(start: date, number: int) -> date:
    """Return the start of month `number` after `start`; a month that is too short gives its last day."""
    return Period(months=number).after(start)
