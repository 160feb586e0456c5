"""The filter of a list in words, and as the parts of its address: the address is the state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from retinue.lists import And, Node, Not, Or, Test, from_json, to_json
from retinue.web import ListParams
from retinue_desk.showing import Wording

Pairs = list[tuple[str, str]]

OPERATORS = {
    "eq": "is",
    "ne": "is not",
    "in": "is any of",
    "not_in": "is none of",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is more than",
    "gte": "is at least",
    "between": "is between",
    "contains": "contains",
    "starts_with": "starts with",
    "is_set": "is filled in",
    "is_empty": "is empty",
    "has": "has",
    "has_not": "does not have",
    "has_any": "has any of",
    "has_all": "has all of",
    "more_than_days_ago": "is more than … days ago",
    "more_than_days_ago_or_never": "is more than … days ago, or never",
    "less_than_days_ago": "is less than … days ago",
    "exactly_days_ago": "is exactly … days ago",
    "in_next_days": "is within the next … days",
    "anniversary_in_days": "comes round within … days",
    "today": "is today",
    "yesterday": "is yesterday",
    "tomorrow": "is tomorrow",
    "this_week": "is this week",
    "last_week": "is last week",
    "next_week": "is next week",
    "this_month": "is this month",
    "last_month": "is last month",
    "next_month": "is next month",
    "this_quarter": "is this quarter",
    "last_quarter": "is last quarter",
    "next_quarter": "is next quarter",
    "this_year": "is this year",
    "last_year": "is last year",
    "next_year": "is next year",
    "matches": "finds",
}
"""Every operator as the filter builder says it; ``…`` is where the value stands."""


_BARE = {"is_set", "is_empty", "today", "yesterday", "tomorrow"} | {
    f"{step}_{span}" for step in ("this", "last", "next") for span in ("week", "month", "quarter", "year")
}
"""Operators that say all by themselves."""


def address(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a path with a query."""
    query = urlencode(list(pairs))
    return f"{path}?{query}" if query else path


def pairs_of(raw: Iterable[tuple[str, str]]) -> Pairs:
    """Return the parameters of a list's address that are its state: no cursor, nothing empty."""
    passing = ("cursor", "part", "count")
    return [(name, value) for name, value in raw if name not in passing and (value or "__" in name)]


def without(pairs: Pairs, *names: str) -> Pairs:
    """Return `pairs` without parameters."""
    return [pair for pair in pairs if pair[0] not in names]


def describe_test(test: Test, words: Wording) -> str:
    """Return a test in words: *City is Brno*."""
    label = words.label(test.field)
    relation = words.speech.say(OPERATORS.get(test.op, test.op))
    value = _value(test, words)
    if "…" in relation:
        return f"{label} {relation.replace('…', value)}"
    return f"{label} {relation} {value}".rstrip()


def _value(test: Test, words: Wording) -> str:
    if test.op in _BARE:
        return ""
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    shown = [_scalar(value, words) for value in values if value is not None]
    glue = f" {words.speech.say('and')} " if test.op == "between" else ", "
    return glue.join(shown)


def _scalar(value: Any, words: Wording) -> str:
    text = str(value)
    for known in (words.names.accounts, words.names.teams):
        for key, name in known.items():
            if str(key) == text:
                return name
    return words.speech.say(text) if isinstance(value, str) else text


def describe_tree(node: Node, words: Wording) -> str:
    """Return a whole filter in words."""
    match node:
        case And(parts):
            return f" {words.speech.say('and')} ".join(_nested(part, words) for part in parts)
        case Or(parts):
            return f" {words.speech.say('or')} ".join(_nested(part, words) for part in parts)
        case Not(part):
            return f"{words.speech.say('not')} ({describe_tree(part, words)})"
        case _:
            return describe_test(node, words)


def _nested(node: Node, words: Wording) -> str:
    text = describe_tree(node, words)
    return f"({text})" if isinstance(node, And | Or) else text


def chips(params: ListParams, pairs: Pairs, path: str, words: Wording) -> Iterator[dict[str, Any]]:
    """Yield each condition of the address: in words, as a tree, and with the address of the list without it."""
    for condition in params.conditions:
        key = condition.field if condition.op == "eq" else f"{condition.field}__{condition.op}"
        many = condition.op in ("in", "not_in", "has_any", "has_all", "between")
        value: Any = tuple(condition.value.split(",")) if many else condition.value or None
        test = Test(condition.field, condition.op, value)
        rest = list(pairs)
        if (key, condition.value) in rest:
            rest.remove((key, condition.value))
        yield {"text": describe_test(test, words), "tree": to_json(test), "without": address(path, rest)}
    if params.filter is None:
        return
    tree = from_json(params.filter)
    parts = tree.parts if isinstance(tree, And) else (tree,)
    for place, part in enumerate(parts):
        others = [to_json(other) for at, other in enumerate(parts) if at != place]
        rest = without(pairs, "filter")
        if others:
            rest.append(("filter", json.dumps({"and": others}, ensure_ascii=False)))
        yield {"text": describe_tree(part, words), "tree": to_json(part), "without": address(path, rest)}
