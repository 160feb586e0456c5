"""Which operators a kind of field has, and what each kind of value looks like.

Every operator is one of a small set of positive ones or the negation of one, so that ``ne`` is exactly
``not eq``: a missing value is not equal to anything, and therefore ``ne`` and ``not_in`` include it.
"""

from __future__ import annotations

from typing import Final

PERIODS: Final = (
    "today",
    "yesterday",
    "tomorrow",
    "this_week",
    "last_week",
    "next_week",
    "this_month",
    "last_month",
    "next_month",
    "this_quarter",
    "last_quarter",
    "next_quarter",
    "this_year",
    "last_year",
    "next_year",
)

OR_NEVER: Final = "more_than_days_ago_or_never"
DAYS: Final = ("more_than_days_ago", OR_NEVER, "less_than_days_ago", "exactly_days_ago", "in_next_days")

_PRESENCE: Final = ("is_set", "is_empty")
_EQUAL: Final = ("eq", "ne", "in", "not_in")
_ORDER: Final = ("lt", "lte", "gt", "gte", "between")
_TEXT: Final = (*_EQUAL, "contains", "starts_with", *_PRESENCE)
_NUMBER: Final = (*_EQUAL, *_ORDER, *_PRESENCE)
_DATE: Final = ("eq", "ne", *_ORDER, *DAYS, *PERIODS, *_PRESENCE)
_CHOICE: Final = (*_EQUAL, *_PRESENCE)
_MANY: Final = ("has", "has_not", "has_any", "has_all", *_PRESENCE)

OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "text": _TEXT,
    "url": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "long_text": ("contains", *_PRESENCE),
    "integer": _NUMBER,
    "decimal": _NUMBER,
    "age": ("eq", "ne", *_ORDER, *_PRESENCE),
    "boolean": ("eq", "ne", *_PRESENCE),
    "date": (*_DATE, "anniversary_in_days"),
    "datetime": _DATE,
    "choice": _CHOICE,
    "id": _CHOICE,
    "contact": _CHOICE,
    "account": _CHOICE,
    "team": _CHOICE,
    "multi_choice": _MANY,
    "tags": _MANY,
    "lookup": _CHOICE,
    "search": ("matches",),
}
"""Kind of field → its operators. A kind that is absent (address, list, json, bytes) cannot be filtered."""

NEGATIONS: Final = {"ne": "eq", "not_in": "in", "has_not": "has", "is_empty": "is_set"}

SWITCHES: Final = frozenset((*_PRESENCE, *PERIODS))
"""Operators that need no value; given ``false``, they mean their opposite."""

LISTS: Final = frozenset({"in", "not_in", "has_any", "has_all", "between", "anniversary_in_days"})
"""Operators whose value may be a list; in a URL it is written with commas, or as a JSON list."""

_MANY_WORDS: Final = {"eq": "has", "ne": "has_not", "in": "has_any"}


def spelled(kind: str, op: str) -> str:
    """Return the operator meant by `op` for `kind`: ``tag=vip`` is ``tag__has=vip``."""
    return _MANY_WORDS.get(op, op) if OPERATORS.get(kind) is _MANY else op
