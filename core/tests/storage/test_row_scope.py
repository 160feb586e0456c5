"""Row scope on every way of reading: what is out of sight is neither shown nor counted.

Each way in READ returns the words it sees, or how many rows. Every actor goes every way, on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import (
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union,
    union_all,
    update,
)  # fmt: skip
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Bundle, aliased, defer, join, load_only, make_transient_to_detached
from storage_kit import Undo, World

from retinue.actor import Actor
from retinue.contacts.models import Contact, ContactLookup, ContactTag, Tag
from retinue.interactions.models import Interaction
from retinue.relations.models import Influence, Relation
from retinue.storage import Store

C = Contact.__table__
T = Interaction.__table__
Seen = Iterable[str | None] | int
READ: dict[str, Callable[[Store, World], Seen]] = {}


def read(way: Callable[[Store, World], Seen]) -> Callable[[Store, World], Seen]:
    READ[way.__name__] = way
    return way


def _plain(statement: Any) -> Callable[[Store, World], Seen]:
    return lambda store, _: [row[0] for row in store.rows(statement)]


def _number(statement: Any) -> Callable[[Store, World], Seen]:
    return lambda store, _: int(store.scalar(statement) or 0)


# ---- reading: shapes of a select -----------
A, B = aliased(Contact), aliased(Contact)
_SUB = select(Contact.name, Contact.id).subquery()
_CTE = select(Contact.name, Contact.id).cte("c")
_START = select(Contact.id, Contact.name).cte("r", recursive=True)
_RECURSIVE = _START.union_all(
    select(Contact.id, Contact.name).where(Contact.id == _START.c.id, Contact.id != Contact.id)
)
_TAGGED = exists(select(1).select_from(ContactTag).join(Contact).where(ContactTag.tag_id == Tag.id))
_HOW_OFTEN = select(func.count(ContactTag.id)).where(ContactTag.tag_id == Tag.id).scalar_subquery()
READ |= {
    "columns": _plain(select(Contact.name)),
    "several columns": _plain(select(Contact.name, Contact.id, Contact.city)),
    "alias": _plain(select(A.name)),
    "bundle": lambda store, _: [
        row[0].name for row in store.rows(select(Bundle("b", Contact.name, Contact.city)))
    ],
    "always true or": _plain(select(Contact.name).where(or_(true(), Contact.name == "x"))),
    "negation": _plain(select(Contact.name).where(not_(Contact.name == "x"))),
    "self join": _plain(select(A.name).join(B, A.id == B.id)),
    "cross join": lambda store, _: {
        n for row in store.rows(select(A.name, B.name).join(B, true())) for n in row
    },
    "outer join from a child": _plain(select(Contact.name).select_from(Interaction).outerjoin(Contact)),
    "child's column by outer join": _plain(
        select(Interaction.kind).select_from(Contact).outerjoin(Interaction)
    ),
    "full outer join": lambda store, _: {
        n
        for row in store.rows(
            select(Contact.name, Interaction.kind).join_from(Contact, Interaction, full=True)
        )
        for n in row
    },
    "orm join without the other's column": lambda store, _: int(
        store.scalar(
            select(func.count()).select_from(join(Contact, Interaction, Contact.id == Interaction.contact_id))
        )
        or 0
    ),
    "implicit join": _plain(select(Contact.name).where(Contact.id == Interaction.contact_id)),
    "subquery": _plain(select(_SUB.c.name)),
    "subquery as entity": lambda store, _: [
        c.name for c in store.scalars(select(aliased(Contact, select(Contact).subquery())))
    ],
    "cte": _plain(select(_CTE.c.name)),
    "recursive cte": _plain(select(_RECURSIVE.c.name)),
    "union": _plain(union(select(Contact.name), select(A.name))),
    "union all with a child": _plain(
        union_all(select(Contact.name), select(Interaction.kind).where(Interaction.kind == ""))
    ),
    "exists": _plain(select(Tag.name).where(_TAGGED)),
    "in a subquery": _plain(select(Tag.name).where(Tag.name.in_(select(Contact.name)))),
    "scalar subquery as a column": lambda store, _: [
        n for n, often in store.rows(select(Tag.name, _HOW_OFTEN)) if often
    ],
    "order by a subquery": _plain(
        select(Contact.name).order_by(select(func.max(A.name)).scalar_subquery(), Contact.name)
    ),
    "distinct": _plain(select(Contact.name).distinct()),
    "limit and offset": lambda store, _: [
        store.first(select(Contact.name).order_by(Contact.name).offset(n).limit(1)) for n in range(7)
    ],
    "case": _plain(select(case((Contact.name == "x", "x"), else_=Contact.name))),
    "group by": _plain(select(Contact.city).group_by(Contact.city).having(func.count() > 0)),
    "count rows": _number(select(func.count()).select_from(Contact)),
    "count ids": _number(select(func.count(Contact.id))),
    "count by where only": _number(select(func.count(literal(1))).where(Contact.id.is_not(None))),
    "sum": _number(select(func.sum(Contact.version))),
    "count of the store": lambda store, _: store.count(select(Contact)),
    "window": _plain(select(Contact.name, func.row_number().over(order_by=Contact.name))),
    "largest of a window": _number(select(func.count().over()).select_from(Contact).limit(1)),
    "lock": _plain(select(Contact.name).with_for_update()),
    "from an expression": lambda store, _: store.scalars(select(func.coalesce(Contact.name, ""))),
    "core table": lambda store, _: [row.name for row in store.rows(select(C))],
    "core columns": _plain(select(C.c.name)),
    "core alias": _plain(select(C.alias("x").c.name)),
    "core join": _plain(select(C.c.name).select_from(C.join(T, C.c.id == T.c.contact_id))),
    "core and mapped": _plain(select(C.c.name).where(C.c.id == A.id)),
    "json key": _plain(select(Contact.custom["word"].as_string())),
    "children": _plain(select(Interaction.kind)),
    "children in core": _plain(select(T.c.kind)),
    "children counted": _number(select(func.count()).select_from(Interaction)),
    "children's alias": _plain(select(aliased(Interaction).kind)),
    "look-ups": _plain(select(ContactLookup.kind)),
    "tag links": _plain(select(Tag.name).join(ContactTag)),
    "relations across": lambda store, _: (
        [
            word.removeprefix("to-")
            for word in store.scalars(select(Relation.kind).where(Relation.from_id != Relation.to_id))
        ]
        + ["mine"] * store.count(select(Contact).where(Contact.name == "mine"))
    ),
    "relations to itself": _plain(select(Relation.kind).where(Relation.from_id == Relation.to_id)),
    "grandchildren": _plain(select(Relation.kind).join(Influence, Influence.from_relation_id == Relation.id)),
    "grandchildren counted": _number(select(func.count()).select_from(Influence)),
}


# ---- reading: ways of the session -----------
@read
def entities(store: Store, _: World) -> Seen:
    return [c.name for c in store.scalars(select(Contact))]


@read
def sealed_values(store: Store, _: World) -> Seen:
    return [c.emails[0]["value"] for c in store.scalars(select(Contact))]


@read
def sealed_values_of_children(store: Store, _: World) -> Seen:
    return [i.body for i in store.scalars(select(Interaction))]


@read
def by_id(store: Store, world: World) -> Seen:
    return [c.name for i in world.ids.values() if (c := store.find(Contact, i))]


@read
def by_id_locked(store: Store, world: World) -> Seen:
    return [c.name for i in world.ids.values() if (c := store.find(Contact, i, lock=True))]


@read
def by_id_again(store: Store, world: World) -> Seen:
    return [
        c.name for i in world.ids.values() if (c := store.session.get(Contact, i, populate_existing=True))
    ]


@read
def child_by_id(store: Store, world: World) -> Seen:
    return [c.kind for i in world.interactions.values() if (c := store.find(Interaction, i))]


@read
def expired_and_loaded_again(store: Store, _: World) -> Seen:
    rows = store.scalars(select(Contact))
    store.session.expire_all()
    return [c.city for c in rows]


@read
def refreshed(store: Store, _: World) -> Seen:
    rows = store.scalars(select(Contact).options(load_only(Contact.id)))
    for row in rows:
        store.session.refresh(row)
    return [c.name for c in rows]


@read
def deferred(store: Store, _: World) -> Seen:
    return [c.city for c in store.scalars(select(Contact).options(defer(Contact.city)))]


@read
def forged_and_refreshed(store: Store, world: World) -> Seen:
    """A row that only claims to come from the database, asked to load itself."""
    seen = []
    for row_id in world.ids.values():
        forged = Contact(id=row_id)
        make_transient_to_detached(forged)
        store.session.add(forged)
        try:
            store.session.refresh(forged)
        except SQLAlchemyError:
            store.session.expunge(forged)
        else:
            seen.append(forged.name)
    return seen


@read
def from_a_statement(store: Store, _: World) -> Seen:
    return [
        c.name for c in store.scalars(select(Contact).from_statement(select(Contact).order_by(Contact.name)))
    ]


@read
def from_a_core_statement(store: Store, _: World) -> Seen:
    return [c.name for c in store.scalars(select(Contact).from_statement(select(C)))]


@read
def streamed(store: Store, _: World) -> Seen:
    return [row[0] for rows in store.stream(select(Contact.name), size=2) for row in rows]


@read
def old_query(store: Store, _: World) -> Seen:
    return [c.name for c in store.session.query(Contact)]


@read
def old_query_counted(store: Store, _: World) -> Seen:
    return store.session.query(Contact).count()


@read
def connection_of_the_session(store: Store, _: World) -> Seen:
    return [row.name for row in store.session.connection().execute(select(Contact))]


@read
def rows_inside_an_update(store: Store, _: World) -> Seen:
    """A subquery in SET copies only what the actor sees."""
    copied = select(func.max(Contact.name)).where(Contact.name == Tag.name).scalar_subquery()
    store.session.execute(update(Tag).values(colour=copied), execution_options={"synchronize_session": False})
    return [c for c in store.scalars(select(Tag.colour)) if c]


@read
def lateral(store: Store, _: World) -> Seen:
    if store.database_kind == "sqlite":
        return READ["columns"](store, _)
    beside = select(Contact.name.label("n")).where(Contact.name == Tag.name).lateral()
    return [row[0] for row in store.rows(select(beside.c.n).select_from(Tag).join(beside, true()))]


# ---- the matrix -----------
def test_no_way_of_reading_shows_a_row_out_of_scope(world: World) -> None:
    """C-13: own, team, all, shared, stranger, nobody; every way, every actor: 0 leaks."""
    assert len(READ) >= 40
    wrong = []
    for who, (actor, visible, _) in world.actors().items():
        for way, look in READ.items():
            found: Any = None
            try:
                with world.database.store(actor) as store:
                    found = look(store, world)
                    raise Undo
            except Undo:
                pass
            if isinstance(found, int):
                right = found == len(visible)
            else:
                words = [word for word in found if word is not None]
                right = set(words) == visible
            if not right:
                wrong.append(f"{who}: {way}: {found} instead of {sorted(visible)}")
    assert not wrong, f"{len(wrong)} of {len(READ) * 8} leak or lack:\n" + "\n".join(wrong)


def test_system_sees_everything_but_the_bin(world: World) -> None:
    with world.database.store(Actor.system("test")) as store:
        assert store.count(select(Contact)) == 6
        assert store.raw("the bin too").count(select(Contact)) == 7
