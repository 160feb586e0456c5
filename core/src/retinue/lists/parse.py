"""Reading a list request from a URL's query or a command's words: the same tokens in both.

``city=Praha seats__gte=10 tag__has=vip q=novak filter={"or": […]} sort=-created_at,name limit=50``

Tokens are joined by *and*; the operator is eq where none is named. A value that may be a list is written with
commas, or as a JSON list where a value itself holds a comma: ``city__in=["Praha, CZ","Brno"]``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from retinue.errors import Invalid, Problem
from retinue.lists.operators import LISTS
from retinue.lists.tree import (
    EVERYBODY,
    MAX_VALUES,
    And,
    Node,
    Scalar,
    Spot,
    Test,
    Value,
    check_size,
    from_text,
    text_fault,
)

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_SORT: Final = 4
MAX_COLUMNS: Final = 60
RESERVED: Final = frozenset({"q", "filter", "view", "sort", "limit", "cursor", "fields", "include"})
"""Parameters that are no tests; no field may bear one of these names."""


@dataclass(frozen=True, slots=True)
class Order:
    """One part of a sort: a field, and whether its greatest value comes first."""

    field: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.field}" if self.descending else self.field


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a URL or a command asks of a list. `cursor` is still the opaque token."""

    tree: Node = EVERYBODY
    sort: tuple[Order, ...] = ()
    fields: tuple[str, ...] = ()
    include: frozenset[str] = frozenset()
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    view: UUID | None = None


def parse_query(pairs: Iterable[tuple[str, str]]) -> ListQuery:
    """Read the pairs of a URL's query; raises Invalid naming each faulty parameter."""
    known: dict[str, str] = {}
    tests: list[Node] = []
    problems: list[Problem] = []
    for name, text in pairs:
        if name in RESERVED - {"q", "filter"}:
            if name in known:
                problems.append(Problem(f"/{name}", f"{name} is given twice"))
            known[name] = text
        else:
            _collect(problems, tests, name, text)
    settings = {name: _setting(problems, name, text) for name, text in known.items() if text.strip()}
    if problems:
        raise Invalid("the list cannot be read", code="filter", problems=problems)
    tree = joined(tests)
    return ListQuery(tree=tree, **{name: value for name, value in settings.items() if value is not None})


def parse_words(words: Iterable[str]) -> Node:
    """Read a command's words (``city=Praha``) as one tree; raises Invalid naming each faulty word."""
    tests: list[Node] = []
    problems: list[Problem] = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            hint = "a filter is written field=value or field__operator=value"
            problems.append(Problem(f"/{word[:100]}", f'"{word[:100]}" is not a filter: {hint}'))
        else:
            _collect(problems, tests, name, text)
    if problems:
        raise Invalid("the filter cannot be read", code="filter", problems=problems)
    return joined(tests)


def parse_sort(text: str) -> tuple[Order, ...]:
    """Read ``-created_at,name``; raises ValueError for an empty, double or overlong list."""
    parts = [part.strip() for part in text.split(",")]
    orders = tuple(Order(part.removeprefix("-"), part.startswith("-")) for part in parts)
    names = [order.field for order in orders]
    if not all(names):
        raise ValueError("a field is missing; write it as sort=-created_at,name")
    if len(set(names)) < len(names):
        raise ValueError("a field is named twice")
    if len(names) > MAX_SORT:
        raise ValueError(f"at most {MAX_SORT} fields can be sorted by")
    return orders


def joined(tests: Iterable[Node]) -> Node:
    """Return the tree in which all of `tests` hold; raises Invalid above the limits."""
    parts = tuple(tests)
    tree = parts[0] if len(parts) == 1 else And(parts)
    check_size(tree)
    return tree


def _collect(problems: list[Problem], tests: list[Node], name: str, text: str) -> None:
    """Read one token into `tests`, or say in `problems` why not."""
    try:
        tests.append(_token(name, text))
    except Invalid as fault:
        problems.extend(fault.problems)


def _token(name: str, text: str) -> Node:
    pointer = f"/{name[:100]}"
    if name == "filter":
        return from_text(text, pointer)
    if fault := text_fault(name) or (text_fault(text) if "," not in text else ""):
        raise Invalid("the filter cannot be read", problems=[Problem(pointer, fault)])
    if name == "q":
        return Test("q", "matches", text, Spot.flat(pointer))
    field, separator, op = name.rpartition("__")
    if not separator:
        field, op = name, "eq"
    return Test(field, op, _value(op, text, pointer), Spot.flat(pointer))


def _value(op: str, text: str, pointer: str) -> Value:
    if op not in LISTS:
        return text if text else None
    parts: list[Scalar] | None = None
    if text.startswith("["):
        parts = _json_list(text)
    if parts is None:
        parts = [part.strip() for part in text.split(",", MAX_VALUES + 1) if part.strip()]
    faults = [fault for part in parts if isinstance(part, str) and (fault := text_fault(part))]
    if faults:
        raise Invalid("the filter cannot be read", problems=[Problem(pointer, faults[0])])
    return tuple(parts)


def _json_list(text: str) -> list[Scalar] | None:
    """Return the values of a JSON list of text, numbers and booleans; None if `text` is not one."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    plain = isinstance(data, list) and all(isinstance(part, str | int | float | bool) for part in data)
    return data if plain else None


def _setting(problems: list[Problem], name: str, text: str) -> Any:
    """Read a parameter that is no test; a faulty one is noted and left out."""
    try:
        return _SETTINGS[name](text.strip())
    except ValueError as fault:
        problems.append(Problem(f"/{name}", str(fault)))
        return None


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise ValueError(f"limit is a number from 1 to {MAX_LIMIT}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if len(names) > MAX_COLUMNS:
        raise ValueError(f"at most {MAX_COLUMNS} names are read")
    return names


def _view(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f'"{text[:60]}" is not the id of a view') from None


_SETTINGS: Final[dict[str, Callable[[str], Any]]] = {
    "sort": parse_sort,
    "fields": _names,
    "include": lambda text: frozenset(_names(text)),
    "limit": _limit,
    "cursor": str,
    "view": _view,
}
