"""A second reading of the filter language, over plain rows, to hold the compiler against.

It is written from the documentation of the operators and shares no code with the compiler: a test on a
missing value is false, and everything else follows.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from retinue.lists import And, Not, Or, Test

DATES = {"birth_date", "renewal"}
INSTANTS = {"last_interaction_at"}
SETS = {"tag", "pains"}
LOOKUPS = {"email", "email_domain"}


class Evaluator:
    """Evaluates trees on rows as they are on `today` in `zone`."""

    def __init__(self, today: date, zone: str) -> None:
        self.today, self.zone = today, ZoneInfo(zone)

    def holds(self, tree: Any, row: dict[str, Any]) -> bool:
        match tree:
            case And(parts):
                return all(self.holds(part, row) for part in parts)
            case Or(parts):
                return any(self.holds(part, row) for part in parts)
            case Not(part):
                return not self.holds(part, row)
            case Test(field, op, value):
                return self.test(field.removeprefix("custom."), op, value, row)

    def test(self, field: str, op: str, value: Any, row: dict[str, Any]) -> bool:
        opposite = {"ne": "eq", "not_in": "in", "has_not": "has", "is_empty": "is_set"}
        if op in opposite:
            return not self.test(field, opposite[op], value, row)
        if value is False and op in ("is_set", "this_month", "last_week"):
            return not self.test(field, op, True, row)
        have = row["birth_date"] if field == "age" else row[field]
        if op == "is_set":
            return have is not None and have != "" and have != set()
        if op == "more_than_days_ago_or_never":
            return have is None or self.test(field, "more_than_days_ago", value, row)
        if have is None or have == set():
            return False
        return self._compare(field, op, value, have)

    def _compare(self, field: str, op: str, value: Any, have: Any) -> bool:
        if field in SETS or field in LOOKUPS:
            wanted = set(value) if isinstance(value, tuple) else {value}
            return wanted <= have if op in ("has_all", "has", "eq") else bool(wanted & have)
        if field == "age":
            have = self.today.year - have.year - ((self.today.month, self.today.day) < (have.month, have.day))
        if field in DATES or field in INSTANTS:
            return self._on_day(op, value, have)
        match op:
            case "contains":
                return any(spelling in have for spelling in _spellings(value))
            case "starts_with":
                return any(have.startswith(spelling) for spelling in _spellings(value))
            case "eq" | "lt" | "lte" | "gt" | "gte":
                return _order(op, have, value)
            case "in":
                return have in value
            case "between":
                return value[0] <= have <= value[1]
        raise AssertionError(op)

    def _on_day(self, op: str, value: Any, have: date | datetime) -> bool:
        day = have.astimezone(self.zone).date() if isinstance(have, datetime) else have
        past = (self.today - day).days
        match op:
            case "more_than_days_ago":
                return past > value
            case "less_than_days_ago":
                return 0 <= past < value
            case "exactly_days_ago":
                return past == value
            case "in_next_days":
                return 0 <= -past <= value
            case "this_month":
                return (day.year, day.month) == (self.today.year, self.today.month)
            case "last_week":
                return day.isocalendar()[:2] == (self.today - timedelta(days=7)).isocalendar()[:2]
            case "between":
                return date.fromisoformat(value[0]) <= day <= date.fromisoformat(value[1])
            case "anniversary_in_days":
                return any(
                    self._anniversary(day, self.today + timedelta(days=ahead)) for ahead in range(value + 1)
                )
        if "T" in value:
            return _order(op, have.astimezone(UTC), datetime.fromisoformat(value).astimezone(UTC))
        return _order(op, day, date.fromisoformat(value))

    @staticmethod
    def _anniversary(first: date, day: date) -> bool:
        try:
            return first.replace(year=day.year) == day and first.year < day.year
        except ValueError:  # 29 February in a year without one
            return (day.month, day.day) == (2, 28) and first.year < day.year


def _order(op: str, left: Any, right: Any) -> bool:
    match op:
        case "eq":
            return bool(left == right)
        case "lt":
            return bool(left < right)
        case "lte":
            return bool(left <= right)
        case "gt":
            return bool(left > right)
    return bool(left >= right)


def _spellings(text: str) -> set[str]:
    return {text, text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:]}
