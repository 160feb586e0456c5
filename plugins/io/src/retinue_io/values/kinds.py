"""Which kind of custom field a column of unknown values would make."""

from __future__ import annotations

from collections.abc import Callable

from retinue_io.faults import BadValue
from retinue_io.values.dates import parse_date
from retinue_io.values.scalars import parse_boolean, parse_decimal, parse_integer

_SHORT = 60
_FEW = 12


def guess_kind(values: list[str]) -> str:
    """The narrowest kind that takes every sample value; text when there are too few to tell."""
    if not values:
        return "text"
    leading_zero = any(v.startswith("0") and len(v) > 1 and v.isdigit() for v in values)
    if len({v.casefold() for v in values}) > 1 and _all(values, parse_boolean) and len(values) >= 3:
        return "boolean"
    if any("-" in v or "." in v or "/" in v for v in values) and _all(values, parse_date):
        return "date"
    if not leading_zero and _all(values, parse_integer):
        return "integer"
    if not leading_zero and _all(values, parse_decimal):
        return "decimal"
    if any(len(v) > 200 or "\n" in v for v in values):
        return "long_text"
    different = len(set(values))
    if len(values) >= 20 and different <= _FEW and max(map(len, values)) <= _SHORT:
        return "choice"
    return "text"


def _all(values: list[str], parse: Callable[[str], object]) -> bool:
    try:
        for value in values:
            parse(value)
    except BadValue:
        return False
    return True
