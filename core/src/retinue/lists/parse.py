"""Reading filters from a URL's conditions and a command's words: the same tokens in both.

``city=Praha seats__gte=10 tag__has=vip q=novak filter={"or": […]}``

Tokens are joined by *and*; the operator is eq where none is named. A value that may be a list is written with
commas, or as a JSON list where a value itself holds a comma: ``city__in=["Praha, CZ","Brno"]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from retinue.errors import Invalid, Problem
from retinue.lists.operators import LISTS
from retinue.lists.tree import (
    MAX_VALUES,
    And,
    Node,
    Scalar,
    Spot,
    Test,
    Value,
    check_size,
    from_json,
    from_text,
    text_fault,
)

if TYPE_CHECKING:
    from retinue.web.params import ListParams  # only named: a command that filters need not load the web room

MAX_SORT: Final = 4


class Order(NamedTuple):
    """One part of a sort: a field, and whether its greatest value comes first."""

    field: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.field}" if self.descending else self.field


def tree_of(params: ListParams) -> Node:
    """Return the tree a URL or the body of a search asks for; raises Invalid naming each faulty parameter."""
    tests: list[Node] = []
    problems: list[Problem] = []
    if params.q:
        tests.append(Test("q", "matches", params.q, Spot.flat("?q")))
    for field, op, text in ((c.field, c.op, c.value) for c in params.conditions):
        name = field if op == "eq" else f"{field}__{op}"
        _collect(problems, tests, (name, text), f"?{name[:100]}")
    if params.filter is not None:
        try:
            tests.append(from_json(params.filter, "/filter"))
        except Invalid as fault:
            problems.extend(fault.problems)
    if problems:
        raise Invalid("the list cannot be read", code="filter", problems=problems)
    return joined(tests)


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
            _collect(problems, tests, (name, text), f"/{name[:100]}")
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


def _collect(problems: list[Problem], tests: list[Node], token: tuple[str, str], pointer: str) -> None:
    """Read one token into `tests`, or say in `problems` why not."""
    try:
        tests.append(_token(*token, pointer))
    except Invalid as fault:
        problems.extend(fault.problems)


def _token(name: str, text: str, pointer: str) -> Node:
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
