"""Keyset paging: the next page begins after the last row's sort values, whatever came or went meanwhile.

The id breaks ties, and missing values come last in either direction and on both databases. A position holds a
digest of the list it was made in, so that one of another list is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, literal, or_, tuple_

from retinue.actor import Actor
from retinue.errors import BadRequest, Invalid, Problem
from retinue.lists.catalogue import Catalogue, Clause, Facet
from retinue.lists.compile import unknown_field
from retinue.lists.parse import Order

_REMEDY = "Start from the first page: leave the cursor out."


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of an order, with what the database must know about it."""

    expression: ColumnElement[Any]
    descending: bool
    nullable: bool
    kind: str
    facet: Facet | None = None
    name: str = "id"


def sort_keys(catalogue: Catalogue, orders: Sequence[Order], actor: Actor) -> list[SortKey]:
    """Return the columns of an order, the id last; raises Invalid (422) for fields one cannot sort by.

    The id follows the direction of the last column, so that an index over both serves either direction.
    """
    keys: list[SortKey] = []
    problems: list[Problem] = []
    usual = [order for order in catalogue.sort if catalogue.find(order.field, actor)]
    for order in orders or usual:
        field = catalogue.find(order.field, actor)
        if field is None:
            detail = unknown_field(catalogue, actor, order.field, "sorted by")
            problems.append(Problem("?sort", detail, "unknown-field"))
        elif not field.can_sort or field.sort_expression is None:
            why = field.protected or f"it is of kind {field.kind}"
            detail = f'field "{order.field}" cannot be sorted by: {why}'
            problems.append(Problem("?sort", detail, "protected-field"))
        else:
            expression = field.sort_expression
            keys.append(
                SortKey(expression, order.descending, field.nullable, field.kind, field.facet, field.name)
            )
    if problems:
        raise Invalid("the sort does not fit", code="sort", problems=problems)
    return [*keys, SortKey(catalogue.id, bool(keys) and keys[-1].descending, False, "id")]


def ordering(keys: Sequence[SortKey]) -> list[ColumnElement[Any]]:
    """Return the ORDER BY; NULLS LAST is written only where there can be any: plain indexes stay usable."""
    parts: list[ColumnElement[Any]] = []
    for key in keys:
        part = key.expression.desc() if key.descending else key.expression.asc()
        parts.append(part.nulls_last() if key.nullable else part)
    return parts


def position(digest: str, values: Sequence[Any]) -> list[Any]:
    """Return the position of a row in the list of `digest`: plain values, for a cursor to carry."""
    return [digest, *values]


def read_position(given: Sequence[Any], keys: Sequence[SortKey], digest: str) -> list[Any]:
    """Return the sort values of a position; raises BadRequest if it was made in another list."""
    if not given or given[0] != digest or len(given) != len(keys) + 1 or not isinstance(given[-1], UUID):
        detail = "the cursor belongs to another list: its view, filter or sort is different"
        raise BadRequest(detail, code="cursor-foreign", remedy=_REMEDY, problems=[Problem("?cursor", detail)])
    return list(given[1:])


def rows_after(keys: Sequence[SortKey], values: Sequence[Any]) -> Clause:
    """Return the WHERE that holds for the rows behind the position `values`."""
    descending = keys[0].descending
    if all(key.descending == descending and not key.nullable for key in keys):
        here = tuple_(*(key.expression for key in keys))
        there = tuple_(*(_value(key, value) for key, value in zip(keys, values, strict=True)))
        return here < there if descending else here > there
    steps: list[Clause] = []
    equal: list[Clause] = []
    for key, value in zip(keys, values, strict=True):
        steps.append(and_(*equal, _behind(key, value)))
        equal.append(key.expression.is_(None) if value is None else key.expression == _value(key, value))
    return and_(_bound(keys[0], values[0]), or_(*steps))


def _behind(key: SortKey, value: Any) -> Clause:
    """Return what holds for values that come after `value`; nothing comes after a missing one."""
    if value is None:
        return false()
    there = _value(key, value)
    further = key.expression < there if key.descending else key.expression > there
    return or_(further, key.expression.is_(None)) if key.nullable else further


def _bound(key: SortKey, value: Any) -> Clause:
    """Return a plain bound on the first column, which all rows behind the position keep."""
    if value is None:
        return key.expression.is_(None)
    there = _value(key, value)
    reached = key.expression <= there if key.descending else key.expression >= there
    return or_(reached, key.expression.is_(None)) if key.nullable else reached


def _value(key: SortKey, value: Any) -> ColumnElement[Any]:
    return literal(value, key.expression.type)
