"""Reading a test's value as its field's kind: a URL gives text, JSON may give it typed already.

Each reader returns the value to compare with, or raises ValueError with a sentence for who wrote it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar
from uuid import UUID

from retinue.lists.dates import MAX_DAYS, Edge
from retinue.lists.tree import Scalar, Value, text_fault

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}\S*")
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_DIGITS: Final = 30
EdgeT = TypeVar("EdgeT", date, datetime)


def read_text(value: Scalar) -> str:
    """Read text; a number is taken as written."""
    if isinstance(value, bool):
        raise ValueError("expected text, not true or false")
    text = str(value)
    if not text:
        raise ValueError("the value is empty; test for missing values with is_empty")
    if fault := text_fault(text):
        raise ValueError(fault)
    return text


def read_integer(value: Scalar) -> int:
    """Read a whole number of at most 64 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        number = int(value)
    else:
        raise ValueError(f"{_shown(value)} is not a whole number")
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{_shown(value)} is out of range")
    return number


def read_decimal(value: Scalar) -> Decimal:
    """Read a decimal number with a point; exponents and digits are limited."""
    if isinstance(value, bool):
        raise ValueError("expected a number, not true or false")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{_shown(value)} is not a number; write it with a point, as in 12.50") from None
    if not number.is_finite() or len(number.as_tuple().digits) > _DIGITS or abs(number.adjusted()) > _DIGITS:
        raise ValueError(f"{_shown(value)} is out of range")
    return number


def read_boolean(value: Scalar) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f"{_shown(value)} is neither true nor false")


def read_date(value: Scalar) -> date:
    """Read a calendar day written as YYYY-MM-DD."""
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            return _dated(date.fromisoformat(value.strip()))
        except ValueError:
            raise ValueError(f"{_shown(value)} is not a day of the calendar") from None
    raise ValueError(f"{_shown(value)} is not a date; write it as 2026-06-30")


def read_moment(value: Scalar) -> Edge:
    """Read a day, or an instant as ISO 8601; one without an offset is naive, its reader knows the zone."""
    text = str(value).strip()
    if not _MOMENT.fullmatch(text):
        return read_date(value)
    try:
        # A plus sign in a URL that was not escaped arrives as a space.
        return _dated(datetime.fromisoformat(re.sub(r" (?=[0-9]{2}:?[0-9]{2}$)", "+", text)))
    except ValueError:
        raise ValueError(f"{_shown(value)} is not an instant; write 2026-06-30T14:00:00+02:00") from None


def _dated(edge: EdgeT) -> EdgeT:
    if not 1000 <= edge.year <= 9000:
        raise ValueError("out of range")
    return edge


def read_id(value: Scalar) -> UUID:
    """Read an id."""
    try:
        return UUID(str(value))
    except ValueError:
        raise ValueError(f"{_shown(value)} is not an id") from None


def read_days(value: Scalar) -> int:
    """Read a number of days, zero to a hundred years."""
    days = read_integer(value)
    if not 0 <= days <= MAX_DAYS:
        raise ValueError(f"{days} days is out of range; write 0 to {MAX_DAYS}")
    return days


def choice_reader(choices: tuple[str, ...]) -> Callable[[Scalar], str]:
    """Return the reader of one of `choices`; any text if there are none."""

    def read_choice(value: Scalar) -> str:
        text = read_text(value)
        if choices and text not in choices:
            near = nearest(text, choices)
            raise ValueError(f"{_shown(value)} is not one of the choices{near}: {_listed(choices)}")
        return text

    return read_choice


READERS: Final[dict[str, Callable[[Scalar], Any]]] = {
    "text": read_text,
    "url": read_text,
    "email": read_text,
    "phone": read_text,
    "long_text": read_text,
    "lookup": read_text,
    "tags": read_text,
    "search": read_text,
    "integer": read_integer,
    "age": read_days,
    "decimal": read_decimal,
    "boolean": read_boolean,
    "date": read_date,
    "datetime": read_moment,
    "id": read_id,
    "contact": read_id,
    "account": read_id,
    "team": read_id,
}


def one_of(value: Value) -> Scalar:
    """Return the one value given; raises ValueError if there is none, or a list."""
    if value is None or value == () or value == "":
        raise ValueError("a value is missing; test for missing values with is_empty")
    if isinstance(value, tuple):
        if len(value) > 1:
            raise ValueError("expected one value, not a list")
        return value[0]
    return value


def all_of(value: Value) -> tuple[Scalar, ...]:
    """Return the values given, one or several; raises ValueError if there is none."""
    return value if isinstance(value, tuple) and value else (one_of(value),)


def pair_of(values: Sequence[Any]) -> tuple[Any, Any]:
    """Return the two ends of a between; raises ValueError unless there are two, the lower one first."""
    if len(values) != 2 or values[0] > values[1]:
        raise ValueError("between needs two values, the lower one first")
    return values[0], values[1]


def nearest(word: str, known: tuple[str, ...] | list[str]) -> str:
    """Return ``, did you mean "city"?``-like words for the nearest of `known`, or nothing."""
    close = difflib.get_close_matches(word[:100], known, n=1, cutoff=0.6)
    return f' (did you mean "{close[0]}"?)' if close else ""


def _listed(words: tuple[str, ...], most: int = 20) -> str:
    return ", ".join(words[:most]) + (", …" if len(words) > most else "")


def _shown(value: Scalar) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'
