"""Running lists: a page of rows as plain columns, and the ids of an audience as a stream.

One statement reads a page, and one question to the key store opens what is sealed in it. Rows are scoped by
the Store for whoever reads, so that no filter shows more than the reader may see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select

from retinue.errors import Invalid, Problem
from retinue.lists.catalogue import Catalogue, Clause, Facet, ListField
from retinue.lists.compile import Reader, compile_tree
from retinue.lists.dates import Day
from retinue.lists.models import SavedViewMember
from retinue.lists.paging import SortKey, ordering, position, read_position, rows_after, sort_keys
from retinue.lists.parse import Order
from retinue.lists.tree import EVERYBODY, Node, digest_of, to_json
from retinue.storage import Store, sealed_fields

DEFAULT_LIMIT: Final = 50
_MAX_PREPARED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What is asked of a list.

    `after` is the position a page begins behind, `count_cap` how far to count (0: not at all), `zone` where
    the days of date tests begin, `today` the day they are counted from if not the current one, and
    `members_of` a fixed list whose members alone are wanted.
    """

    tree: Node = EVERYBODY
    sort: tuple[Order, ...] = ()
    columns: tuple[str, ...] = ()
    limit: int = DEFAULT_LIMIT
    after: Sequence[Any] | None = None
    count_cap: int = 0
    zone: str = "UTC"
    today: date | None = None
    members_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page: rows by field name, the position of the last one if more follow, and the count if asked for.

    `left_out` names columns that were asked for and do not exist, or not for this reader.
    """

    rows: list[dict[str, Any]]
    next: list[Any] | None = None
    count: int | None = None
    left_out: tuple[str, ...] = ()


def select_page(store: Store, catalogue: Catalogue, request: ListRequest) -> ListPage:
    """Return one page of a list; raises Invalid (422) for a filter or sort that does not fit."""
    if catalogue.permission:
        store.require(catalogue.permission)
    query = _Query.of(store, catalogue, request)
    asked, left_out = _columns(store, catalogue, request)
    columns = [column for column in asked if column.work is None]
    statement = query.statement(columns)
    found = list(store.rows(statement.limit(request.limit + 1)))
    more, found = len(found) > request.limit, found[: request.limit]
    rows = _shaped(store, catalogue, columns, found)
    _work_out(store, [column for column in asked if column.work is not None], rows)
    count = None
    if request.count_cap:
        count = store.count(query.bare(), request.count_cap)
    following = query.position_of(found[-1]) if more else None
    return ListPage(rows, following, count, left_out)


def select_ids(
    store: Store, catalogue: Catalogue, request: ListRequest, *, size: int = 1000, after: UUID | None = None
) -> Iterator[list[UUID]]:
    """Yield the ids of all rows of a list in their order, in lists of `size`; only one list is in memory at a time.

    `after` goes on behind an id, in a later transaction for instance. The filter is checked before the first list is asked
    for, so that a faulty one never looks like nobody.
    """
    if catalogue.permission:
        store.require(catalogue.permission)
    statement = (
        _Query.of(store, catalogue, replace(request, sort=(), after=None)).bare().order_by(catalogue.id)
    )
    if after is not None:
        statement = statement.where(catalogue.id > after)
    return ([row[0] for row in part] for part in store.stream(statement, size))


def count_rows(store: Store, catalogue: Catalogue, request: ListRequest, cap: int | None = None) -> int:
    """Return how many rows a list has, counting no further than `cap`."""
    if catalogue.permission:
        store.require(catalogue.permission)
    return store.count(_Query.of(store, catalogue, replace(request, sort=(), after=None)).bare(), cap)


def check_list(store: Store, catalogue: Catalogue, request: ListRequest) -> None:
    """Raise Invalid (422) if the filter, the sort or the zone does not fit; reads no row."""
    _Query.of(store, catalogue, request)


def reader_of(store: Store, zone: str = "UTC", today: date | None = None) -> Reader:
    """Return the reader of a list in `store`; raises Invalid for an unknown time zone."""
    try:
        day = Day.at(store.now, zone)
    except ValueError as fault:
        problem = Problem("/time_zone", str(fault), "time-zone")
        raise Invalid("the time zone is not known", code="time-zone", problems=[problem]) from None
    return Reader(store.actor, day if today is None else Day(today, day.zone), store.blind_token)


@dataclass(frozen=True, slots=True)
class _Query:
    """A list made ready: what to select from, where, and in which order."""

    catalogue: Catalogue
    where: tuple[Clause, ...]
    facets: tuple[Facet, ...]
    keys: tuple[SortKey, ...]
    behind: Clause | None
    digest: str

    @classmethod
    def of(cls, store: Store, catalogue: Catalogue, request: ListRequest) -> _Query:
        compiled = compile_tree(request.tree, catalogue, reader_of(store, request.zone, request.today))
        keys = sort_keys(catalogue, request.sort, store.actor)
        where = [*catalogue.where, compiled.where]
        if request.members_of is not None:
            members = select(SavedViewMember.contact_id).where(SavedViewMember.view_id == request.members_of)
            where.append(catalogue.id.in_(members))
        order = [str(part) for part in request.sort or catalogue.sort]
        digest = digest_of(
            catalogue.entity,
            to_json(request.tree),
            order,
            [key.kind for key in keys],
            str(request.members_of or ""),
        )
        behind = None
        if request.after is not None:
            behind = rows_after(keys, read_position(request.after, keys, digest))
        return cls(catalogue, tuple(where), compiled.facets, tuple(keys), behind, digest)

    def position_of(self, row: Sequence[Any]) -> list[Any]:
        """Return the position of a row that `statement` read."""
        values = row[len(row) - len(self.keys) + 1 :]
        return position(self.digest, [*values, row[0]])

    def bare(self) -> Select[Any]:
        """Return the select of all ids, joined with nothing but what the filter needs."""
        return _joined(select(self.catalogue.id), self.catalogue, self.facets).where(*self.where)

    def statement(self, columns: Sequence[ListField]) -> Select[Any]:
        """Return the select of a page: id, the blob if needed, the columns, the other sort values last."""
        shape = (
            tuple(column.name for column in columns),
            tuple((key.name, key.descending) for key in self.keys),
            tuple(facet.name for facet in self.facets),
        )
        known: dict[Any, Select[Any]] = self.catalogue.prepared
        if shape not in known:
            if len(known) >= _MAX_PREPARED:
                known.clear()
            known[shape] = self._unfiltered(columns)
        where = self.where if self.behind is None else (*self.where, self.behind)
        return known[shape].where(*where)

    def _unfiltered(self, columns: Sequence[ListField]) -> Select[Any]:
        model = self.catalogue.model
        parts: list[Any] = [self.catalogue.id.label("row_id")]
        if any(column.sealed for column in columns):
            parts += [*_subject(model), model.sealed_data]
        shown = [column.shown for column in columns if not column.sealed]
        parts += [part.label(f"c{place}") for place, part in enumerate(shown) if part is not None]
        parts += [key.expression.label(f"k{place}") for place, key in enumerate(self.keys[:-1])]
        sorted_by = [key.facet for key in self.keys]
        facets = [*self.facets, *(column.facet for column in columns), *sorted_by]
        statement = _joined(select(*parts), self.catalogue, [facet for facet in facets if facet])
        return statement.order_by(*ordering(self.keys))


def _subject(model: Any) -> list[Any]:
    """Return the column of a sealed row's subject, unless it is the id, which is read in any case."""
    return [] if model.__subject__ == "id" else [getattr(model, model.__subject__).label("subject")]


def _joined(statement: Select[Any], catalogue: Catalogue, facets: Sequence[Facet]) -> Select[Any]:
    """Return the statement with each facet joined once; a row without one stays."""
    for facet in {facet.name: facet for facet in facets}.values():
        statement = statement.outerjoin_from(catalogue.model, facet.model, facet.owner == catalogue.id)
    return statement if facets else statement.select_from(catalogue.model)


def _columns(
    store: Store, catalogue: Catalogue, request: ListRequest
) -> tuple[list[ListField], tuple[str, ...]]:
    """Return the columns to read, and the names of those that are not there for this reader."""
    columns: list[ListField] = []
    left_out: list[str] = []
    for name in dict.fromkeys(request.columns or catalogue.columns):
        field = catalogue.find(name, store.actor)
        if field is None or (field.sealed and field.facet) or not field.is_column:
            left_out.append(name)
        else:
            columns.append(field)
    return columns, tuple(left_out)


def _work_out(store: Store, columns: Sequence[ListField], rows: list[dict[str, Any]]) -> None:
    """Put the values of worked-out columns into rows: one call for each column, whatever the number of rows."""
    ids = [row["id"] for row in rows]
    for column in columns:
        values = column.work(store, ids) if column.work is not None and ids else {}
        for row in rows:
            row[column.name] = values.get(row["id"])


def _shaped(
    store: Store, catalogue: Catalogue, columns: Sequence[ListField], found: Sequence[Any]
) -> list[dict[str, Any]]:
    """Return the rows by field name, sealed values opened all at once."""
    sealed = [column.name for column in columns if column.sealed]
    plain = [column for column in columns if not column.sealed]
    model = catalogue.model
    blob = 1 + len(_subject(model)) if sealed else 0
    names, tags = (
        [column.name for column in plain],
        [column.name for column in plain if column.kind == "tags"],
    )
    rows: list[dict[str, Any]] = []
    for values in found:
        row = dict(zip(names, values[blob + 1 :], strict=False))
        for name in tags:
            row[name] = sorted(row[name] or ())
        row["id"] = values[0]
        rows.append(row)
    if sealed:
        opened = store.open_sealed(model.__table__.name, [(v[0], v[blob - 1], v[blob]) for v in found])
        defaults = {name: field.default for name, field in sealed_fields(model).items()}
        for row, secret in zip(rows, opened, strict=True):
            for name in sealed:
                row[name] = secret[name] if name in secret else deepcopy(defaults[name])
    return rows
