"""Dates of a contact: age, days to remember, when it is open, when it may be contacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD_DAYS: Final = 366


def age_on(born: date, day: date) -> int:
    """Return the age in full years on `day`; who is born on 29 February turns a year older on 1 March."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _occasion_in(year: int, occasion: Mapping[str, Any]) -> date:
    if "day_of_year" in occasion:
        return date(year, 1, 1) + timedelta(days=int(occasion["day_of_year"]) - 1)
    try:
        return date(year, int(occasion["month"]), int(occasion["day"]))
    except ValueError:  # 29 February in a common year is kept on 1 March
        return date(year, 3, 1)


def next_occasion(occasion: Mapping[str, Any], after: date) -> date:
    """Return the first day after `after` on which an occasion falls.

    An occasion has ``month`` and ``day``, or ``day_of_year`` (1 to 365): the 256th day of 2027 is 13 September,
    of the leap year 2028 12 September.
    """
    return next(day for year in (after.year, after.year + 1) if (day := _occasion_in(year, occasion)) > after)


def _windows(hours: Mapping[str, Any], day: date) -> list[tuple[time, time]]:
    spans: Sequence[Sequence[str]] = hours.get("days", {}).get(WEEKDAYS[day.weekday()], ())
    return sorted((time.fromisoformat(start), time.fromisoformat(end)) for start, end in spans)


def is_open(hours: Mapping[str, Any], moment: datetime) -> bool:
    """Say whether `moment` (aware) lies within working hours: ``{"zone": …, "days": {"mon": [["09:00","17:00"]]}}``."""
    local = moment.astimezone(ZoneInfo(hours.get("zone", "UTC")))
    return any(start <= local.time() < end for start, end in _windows(hours, local.date()))


def next_allowed(hours: Mapping[str, Any], moment: datetime) -> datetime | None:
    """Return `moment` if it lies in a window, else the start of the next one; None if no window comes in a year."""
    zone = ZoneInfo(hours.get("zone", "UTC"))
    local = moment.astimezone(zone)
    for offset in range(_LOOK_AHEAD_DAYS):
        day = local.date() + timedelta(days=offset)
        for start, end in _windows(hours, day):
            opens, closes = datetime.combine(day, start, zone), datetime.combine(day, end, zone)
            if local < closes.astimezone(UTC):
                return max(local, opens)
    return None
