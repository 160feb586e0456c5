"""Ways into a table, each written for any mapped class: it returns the keys of the rows it saw, or how many.

``READ`` are the ways of reading, ``CHANGE`` those that change rows and say which. A way that does not fit a class
(no `id`, no parent, not on this database) returns ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import (
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    except_,
    exists,
    func,
    intersect,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    union,
    union_all,
    update,
)  # fmt: skip
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Bundle, aliased, join, load_only, make_transient_to_detached

from retinue.contacts.models import Contact, Tag
from retinue.storage import MODELS, Store

Seen = Iterable[Any] | int | None


class Place:
    """One class as the ways see it: its table, its key columns, a column that is no key, its parents."""

    def __init__(self, model: type[Any], keys: list[tuple[Any, ...]]) -> None:
        self.model, self.table, self.keys = model, model.__table__, keys
        mapper = model.__mapper__
        self.names = [mapper.get_property_by_column(c).key for c in self.table.primary_key.columns]
        self.key = [getattr(model, name) for name in self.names]
        self.core = list(self.table.primary_key.columns)
        rest = [c for c in self.table.columns if not c.primary_key and c.name != "sealed_data"]
        self.other = mapper.get_property_by_column(rest[0]).key if rest else self.names[0]

    def of(self, entity: Any) -> list[Any]:
        """Return the key columns of an alias of the class, or of a subquery with the same names."""
        return [getattr(entity, name) for name in self.names]

    @property
    def parents(self) -> list[tuple[Any, type[Any]]]:
        """Return (column, class of the row it points at) of each parent that decides who sees a row."""
        access: Any = self.table.info["access"]
        if access.mode != "through":
            return []
        return [(getattr(self.model, name), MODELS[access.parent]) for name in access.columns]

    def read(self, row: Any) -> tuple[Any, ...]:
        """Return the key of an entity."""
        return tuple(getattr(row, name) for name in self.names)


Way = Callable[[Store, Place], Seen]
READ: dict[str, Way] = {}
CHANGE: dict[str, Way] = {}


def reads(way: Way) -> Way:
    READ[way.__name__] = way
    return way


def changes(way: Way) -> Way:
    CHANGE[way.__name__] = way
    return way


def _rows(make: Callable[[Place], Any]) -> Way:
    return lambda store, place: [tuple(row) for row in store.rows(make(place))]


def _number(make: Callable[[Place], Any]) -> Way:
    return lambda store, place: int(store.scalar(make(place)) or 0)


def _renamed(place: Place) -> list[Any]:
    other = place.table.alias("x")
    return [other.c[c.name] for c in place.core]


def _subquery(place: Place) -> Any:
    return select(*place.key).subquery()


def _cte(place: Place, **kind: Any) -> Any:
    return select(*place.core).cte("c", **kind)


def _recursive(place: Place) -> Any:
    start = _cte(place, recursive=True)
    more = select(*place.core).where(place.core[0] == start.c[0], place.core[0] != place.core[0])
    whole = start.union(more)
    return select(*whole.c)


def _self_joined(place: Place, **kind: Any) -> Any:
    a, b = aliased(place.model), aliased(place.model)
    on = and_(*(x == y for x, y in zip(place.of(a), place.of(b), strict=True)))
    return select(*place.of(a)).join(b, on, **kind)


def _outer(place: Place, *, full: bool) -> Any:
    """Return the rows null-extended around a table that everybody sees."""
    return select(*place.key).select_from(Tag).outerjoin(place.model, true(), full=full).distinct()


def _orm_join(place: Place) -> Any:
    a = aliased(place.model)
    on = and_(*(x == y for x, y in zip(place.of(a), place.key, strict=True)))
    return select(func.count()).select_from(join(place.model, a, on))


def _core_join(place: Place) -> Any:
    other = place.table.alias("o")
    on = and_(*(c == other.c[c.name] for c in place.core))
    return select(*place.core).select_from(place.table.join(other, on))


def _window(place: Place) -> Any:
    return select(func.count().over()).select_from(place.model).limit(1)


def _grouped(place: Place) -> Any:
    return select(*place.key).group_by(*place.key).having(func.count() > 0)


def _ordered(place: Place) -> Any:
    a = aliased(place.model)
    inner = select(func.max(cast(place.of(a)[0], String))).scalar_subquery()
    return select(*place.key).order_by(inner, *place.key)


def _inside(place: Place) -> Any:
    a = aliased(place.model)
    inner = select(place.of(a)[0])
    return select(*place.key).where(place.key[0].in_(inner))


def _other(place: Place) -> Any:
    return getattr(place.model, place.other)


READ |= {
    "columns": _rows(lambda p: select(*p.key)),
    "all columns of the table": lambda s, p: [
        tuple(getattr(r, c.key) for c in p.core) for r in s.rows(select(p.table))
    ],
    "core columns": _rows(lambda p: select(*p.core)),
    "alias": _rows(lambda p: select(*p.of(aliased(p.model)))),
    "core alias": _rows(lambda p: select(*_renamed(p))),
    "bundle": lambda s, p: [tuple(r[0]) for r in s.rows(select(Bundle("b", *p.key)))],
    "subquery": _rows(lambda p: select(*_subquery(p).c)),
    "subquery in a subquery": _rows(lambda p: select(*select(*_subquery(p).c).subquery().c)),
    "cte": _rows(lambda p: select(*_cte(p).c)),
    "cte with a hint": _rows(lambda p: select(*select(*p.core).cte("c", nesting=True).c)),
    "recursive cte": _rows(_recursive),
    "union": _rows(lambda p: union(select(*p.key), select(*p.of(aliased(p.model))))),
    "union all": _rows(lambda p: union_all(select(*p.core), select(*p.core).where(false_of(p)))),
    "intersect": _rows(lambda p: intersect(select(*p.key), select(*p.of(aliased(p.model))))),
    "except": _rows(lambda p: except_(select(*p.key), select(*p.key).where(false_of(p)))),
    "always true or": _rows(lambda p: select(*p.key).where(or_(true(), _other(p).is_(None)))),
    "negated": _rows(lambda p: select(*p.key).where(not_(false_of(p)))),
    "case": _rows(lambda p: select(*(case((false_of(p), None), else_=k) for k in p.key))),
    "distinct": _rows(lambda p: select(*p.key).distinct()),
    "group by": _rows(_grouped),
    "order by a subquery": _rows(_ordered),
    "window": lambda s, p: [
        tuple(r)[:-1] for r in s.rows(select(*p.key, func.row_number().over(order_by=p.key[0])))
    ],
    "in a subquery": _rows(_inside),
    "self join": _rows(_self_joined),
    "self outer join": _rows(lambda p: _self_joined(p, isouter=True)),
    "self full outer join": _rows(lambda p: _self_joined(p, full=True)),
    "core join": _rows(_core_join),
    "implicit join": lambda s, p: s.rows(
        select(*p.key).where(*(k == o for k, o in zip(p.key, p.of(aliased(p.model)), strict=True)))
    ),
    "outer join around another": _rows(lambda p: _outer(p, full=False)),
    "full outer join around another": _rows(lambda p: _outer(p, full=True)),
    "lock": _rows(lambda p: select(*p.key).with_for_update()),
    "count rows": _number(lambda p: select(func.count()).select_from(p.model)),
    "count keys": _number(lambda p: select(func.count(p.key[0]))),
    "count in core": _number(lambda p: select(func.count()).select_from(p.table)),
    "count by where only": _number(lambda p: select(func.count(literal(1))).where(p.key[0].is_not(None))),
    "count of an orm join": _number(_orm_join),
    "count as a scalar subquery": _number(
        lambda p: select(select(func.count()).select_from(p.model).scalar_subquery())
    ),
    "count over a window": _number(_window),
    "count of the store": lambda s, p: s.count(select(p.model)),
    "sum": _number(lambda p: select(func.sum(case((p.key[0].is_not(None), 1), else_=0)))),
    "exists": lambda s, p: _Some(int(s.scalar(select(case((exists(select(*p.key)), 1), else_=0))))),
}


class _Some(int):
    """An answer that says only whether there are any."""


def false_of(place: Place) -> Any:
    return place.core[0] != place.core[0]


# ---- ways of the session ----
@reads
def entities(store: Store, place: Place) -> Seen:
    return [place.read(row) for row in store.scalars(select(place.model))]


@reads
def entity_of_a_subquery(store: Store, place: Place) -> Seen:
    return [
        place.read(r) for r in store.scalars(select(aliased(place.model, select(place.model).subquery())))
    ]


@reads
def from_a_statement(store: Store, place: Place) -> Seen:
    return [place.read(r) for r in store.scalars(select(place.model).from_statement(select(place.model)))]


@reads
def from_a_core_statement(store: Store, place: Place) -> Seen:
    return [place.read(r) for r in store.scalars(select(place.model).from_statement(select(place.table)))]


@reads
def by_id(store: Store, place: Place) -> Seen:
    return [key for key in place.keys if store.find(place.model, key) is not None]


@reads
def by_id_locked(store: Store, place: Place) -> Seen:
    return [key for key in place.keys if store.find(place.model, key, lock=True) is not None]


@reads
def by_id_again(store: Store, place: Place) -> Seen:
    find = store.session.get
    return [key for key in place.keys if find(place.model, key, populate_existing=True) is not None]


@reads
def forged_and_refreshed(store: Store, place: Place) -> Seen:
    seen = []
    for key in place.keys:
        forged = place.model(**dict(zip(place.names, key, strict=True)))
        make_transient_to_detached(forged)
        store.session.add(forged)
        try:
            store.session.refresh(forged)
        except SQLAlchemyError:
            store.session.expunge(forged)
        else:
            seen.append(key)
    return seen


@reads
def expired_and_loaded_again(store: Store, place: Place) -> Seen:
    rows = store.scalars(select(place.model))
    store.session.expire_all()
    return [place.read(row) for row in rows if getattr(row, place.other, True) is not store]


@reads
def deferred(store: Store, place: Place) -> Seen:
    only = load_only(*place.key)
    rows = store.scalars(select(place.model).options(only))
    return [place.read(row) for row in rows if getattr(row, place.other, True) is not store]


@reads
def streamed(store: Store, place: Place) -> Seen:
    return [tuple(row) for rows in store.stream(select(*place.key), size=2) for row in rows]


@reads
def old_query(store: Store, place: Place) -> Seen:
    return [place.read(row) for row in store.session.query(place.model)]


@reads
def old_query_counted(store: Store, place: Place) -> Seen:
    return store.session.query(place.model).count()


@reads
def connection_of_the_session(store: Store, place: Place) -> Seen:
    return [tuple(row) for row in store.session.connection().execute(select(*place.core))]


@reads
def in_pieces(store: Store, place: Place) -> Seen:
    found: list[Any] = []
    for start in range(len(place.keys) + 1):
        chosen = select(*place.key).order_by(*place.key).offset(start).limit(1)
        found += [tuple(row) for row in store.rows(chosen)]
    return found


@reads
def by_row_values(store: Store, place: Place) -> Seen:
    return [tuple(row) for row in store.rows(select(*place.key).where(tuple_(*place.core).in_(place.keys)))]


@reads
def beside_each_row(store: Store, place: Place) -> Seen:
    """LATERAL, which SQLite has not."""
    if store.database_kind == "sqlite":
        return None
    beside = select(*place.core).where(literal(True)).lateral()
    chosen = select(*beside.c).select_from(Tag).join(beside, true()).distinct()
    return [tuple(row) for row in store.rows(chosen)]


@reads
def joined_to_its_parents(store: Store, place: Place) -> Seen:
    if not place.parents:
        return None
    chosen = select(*place.key)
    for column, parent in place.parents:
        other = aliased(parent)
        chosen = chosen.join(other, other.id == column)
    return [tuple(row) for row in store.rows(chosen)]


@reads
def outer_joined_from_its_parent(store: Store, place: Place) -> Seen:
    if not place.parents:
        return None
    column, parent = place.parents[0]
    chosen = select(*place.key).select_from(parent).outerjoin(place.model, parent.id == column)
    return [tuple(row) for row in store.rows(chosen)]


@reads
def fully_joined_with_its_parent(store: Store, place: Place) -> Seen:
    if not place.parents:
        return None
    column, parent = place.parents[0]
    chosen = select(*place.key).join_from(place.model, parent, parent.id == column, full=True)
    return [tuple(row) for row in store.rows(chosen)]


@reads
def named_by_a_contact(store: Store, place: Place) -> Seen:
    """A subquery over contacts beside the class's own rows."""
    beside = select(func.count(Contact.id)).scalar_subquery()
    return [tuple(row)[:-1] for row in store.rows(select(*place.key, beside))]


# ---- ways of changing ----
@changes
def update_all(store: Store, place: Place) -> Seen:
    column = place.table.c[place.model.__mapper__.attrs[place.other].columns[0].name]
    done = update(place.model).values({column: column}).returning(*place.key)
    return [tuple(r) for r in store.session.execute(done, execution_options={"synchronize_session": False})]


@changes
def update_in_core(store: Store, place: Place) -> Seen:
    column: Any = place.core[0]
    return [
        tuple(r)
        for r in store.session.execute(update(place.table).values({column: column}).returning(*place.core))
    ]


@changes
def update_or_true(store: Store, place: Place) -> Seen:
    column: Any = place.core[0]
    done = update(place.table).where(or_(true(), false_of(place))).values({column: column})
    return [tuple(r) for r in store.session.execute(done.returning(*place.core))]


@changes
def delete_all(store: Store, place: Place) -> Seen:
    done = delete(place.model).returning(*place.key)
    return [tuple(r) for r in store.session.execute(done, execution_options={"synchronize_session": False})]


@changes
def delete_in_core(store: Store, place: Place) -> Seen:
    return [tuple(r) for r in store.session.execute(delete(place.table).returning(*place.core))]


__all__ = ["CHANGE", "READ", "Place", "Seen", "Table"]
