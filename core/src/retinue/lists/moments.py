"""Tests on dates, instants and ages, each as the span of values for which it holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, literal, or_

from retinue.lists.catalogue import Clause, ListField
from retinue.lists.dates import (
    MAX_WINDOW,
    Day,
    Edge,
    Span,
    after,
    anniversaries,
    span_aged,
    span_compared,
    span_named,
    span_relative,
)
from retinue.lists.operators import DAYS, OR_NEVER, PERIODS
from retinue.lists.tree import Test
from retinue.lists.values import READERS, all_of, one_of, pair_of, read_days


def date_test(field: ListField, op: str, test: Test, day: Day) -> Clause:
    """Return the test of a date, instant or age; NULL or false exactly where the value is missing."""
    expression = field.expression
    assert expression is not None
    if op == "anniversary_in_days":
        days = anniversaries(*_window(test.value), day.today)
        return expression.in_(bindparam(None, days, type_=expression.type, expanding=True, unique=True))
    if op == OR_NEVER:
        span = span_relative("more_than_days_ago", read_days(one_of(test.value)), day.today)
        return or_(expression.is_(None), _within(expression, _edges(field, span, day)))
    return _within(expression, _edges(field, span_of(field.kind, op, test, day), day))


def span_of(kind: str, op: str, test: Test, day: Day) -> Span:
    """Return the span of values for which a test of `kind` holds; raises ValueError for a faulty value."""
    if op in PERIODS:
        return span_named(op, day.today)
    if op in DAYS:
        return span_relative(op, read_days(one_of(test.value)), day.today)
    if kind == "age":
        return _aged(op, test, day.today)
    if op == "between":
        low, high = _ends([_aware(READERS[kind](value), day) for value in all_of(test.value)], day)
        return Span(low, after(high))
    return span_compared(op, _aware(READERS[kind](one_of(test.value)), day))


def _aged(op: str, test: Test, today: date) -> Span:
    if op == "between":
        low, high = pair_of([read_days(value) for value in all_of(test.value)])
        return span_aged(low, high, today)
    years = read_days(one_of(test.value))
    match op:
        case "eq":
            return span_aged(years, years, today)
        case "lt":
            return span_aged(None, years - 1, today)
        case "lte":
            return span_aged(None, years, today)
        case "gt":
            return span_aged(years + 1, None, today)
        case _:
            return span_aged(years, None, today)


def _edges(field: ListField, span: Span, day: Day) -> Span:
    """Return the span with days turned into instants where the field holds instants."""
    if field.kind != "datetime":
        return span
    start, end = span.start, span.end
    return Span(None if start is None else _instant(start, day), None if end is None else _instant(end, day))


def _ends(edges: list[Edge], day: Day) -> tuple[Edge, Edge]:
    pair_of([_instant(edge, day) for edge in edges])
    return edges[0], edges[1]


def _instant(edge: Edge, day: Day) -> datetime:
    return edge if isinstance(edge, datetime) else day.starts(edge)


def _aware(edge: Edge, day: Day) -> Edge:
    """Return an instant with its zone: one written without an offset means the list's zone."""
    if isinstance(edge, datetime):
        return (edge if edge.tzinfo else edge.replace(tzinfo=day.zone)).astimezone(UTC)
    return edge


def _within(expression: ColumnElement[Any], span: Span) -> Clause:
    sides: list[Clause] = []
    if span.start is not None:
        sides.append(expression >= literal(span.start, expression.type))
    if span.end is not None:
        sides.append(expression < literal(span.end, expression.type))
    if not sides:
        return expression.is_not(None)
    if span.start is not None and span.end is not None and span.start >= span.end:
        return false()
    return and_(*sides)


def _window(value: Any) -> tuple[int, int]:
    """Return the first and last day of a look ahead: ``7`` is today to the 7th, ``[7, 7]`` that day only."""
    days = [read_days(part) for part in all_of(value)]
    first, last = (0, days[0]) if len(days) == 1 else (days[0], days[-1])
    if not 1 <= len(days) <= 2 or first > last or last - first > MAX_WINDOW:
        raise ValueError(f"write the days ahead as 7, or as 7,14; at most {MAX_WINDOW} days apart")
    return first, last
