"""Row scope on every way a statement can take: what is out of sight is not read, counted, changed or pointed at.

Ways are functions: those in READ return the words they see (or how many rows), those in WRITE try to change and
return the words they say they changed. Every actor goes every way, on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from retinue.actor import Actor
from retinue.contacts.models import Contact, ContactLookup, ContactTag, Tag
from retinue.errors import RetinueError
from retinue.interactions.models import Interaction
from retinue.relations.models import Influence, Relation
from retinue.storage import AuditEntry, Refused, Store, new_id
from sqlalchemy import (
    case, column, delete, exists, func, insert, literal, literal_column, not_, or_, select, table, tablesample, text, true,
    union, union_all, update,
)  # fmt: skip
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Bundle, aliased, defer, join, load_only, make_transient_to_detached
from storage_kit import World, make_world

C = Contact.__table__
I = Interaction.__table__
Seen = Iterable[str | None] | int
READ: dict[str, Callable[[Store, World], Seen]] = {}
WRITE: dict[str, Callable[[Store, World], Iterable[str]]] = {}


def read(way: Callable[[Store, World], Seen]) -> Callable[[Store, World], Seen]:
    READ[way.__name__] = way
    return way


def write(way: Callable[[Store, World], Iterable[str]]) -> Callable[[Store, World], Iterable[str]]:
    WRITE[way.__name__] = way
    return way


def _plain(statement: Any) -> Callable[[Store, World], Seen]:
    return lambda store, _: [row[0] for row in store.rows(statement)]


def _number(statement: Any) -> Callable[[Store, World], Seen]:
    return lambda store, _: int(store.scalar(statement) or 0)


# ---- reading: shapes of a select -----------------------------------------------------------------------------------
A, B = aliased(Contact), aliased(Contact)
_SUB = select(Contact.name, Contact.id).subquery()
_CTE = select(Contact.name, Contact.id).cte("c")
_START = select(Contact.id, Contact.name).cte("r", recursive=True)
_RECURSIVE = _START.union_all(select(Contact.id, Contact.name).where(Contact.id == _START.c.id, Contact.id != Contact.id))
_TAGGED = exists(select(1).select_from(ContactTag).join(Contact).where(ContactTag.tag_id == Tag.id))
_HOW_OFTEN = select(func.count(ContactTag.id)).where(ContactTag.tag_id == Tag.id).scalar_subquery()
READ |= {
    "columns": _plain(select(Contact.name)),
    "several columns": _plain(select(Contact.name, Contact.id, Contact.city)),
    "alias": _plain(select(A.name)),
    "bundle": lambda store, _: [row[0].name for row in store.rows(select(Bundle("b", Contact.name, Contact.city)))],
    "always true or": _plain(select(Contact.name).where(or_(true(), Contact.name == "x"))),
    "negation": _plain(select(Contact.name).where(not_(Contact.name == "x"))),
    "self join": _plain(select(A.name).join(B, A.id == B.id)),
    "cross join": lambda store, _: {n for row in store.rows(select(A.name, B.name).where(A.id.is_not(None), B.id.is_not(None))) for n in row},
    "outer join from a child": _plain(select(Contact.name).select_from(Interaction).outerjoin(Contact)),
    "child's column by outer join": _plain(select(Interaction.kind).select_from(Contact).outerjoin(Interaction)),
    "full outer join": lambda store, _: {
        n for row in store.rows(select(Contact.name, Interaction.kind).join_from(Contact, Interaction, full=True)) for n in row
    },
    "orm join without the other's column": lambda store, _: int(
        store.scalar(select(func.count()).select_from(join(Contact, Interaction, Contact.id == Interaction.contact_id))) or 0
    ),
    "implicit join": _plain(select(Contact.name).where(Contact.id == Interaction.contact_id)),
    "subquery": _plain(select(_SUB.c.name)),
    "subquery as entity": lambda store, _: [c.name for c in store.scalars(select(aliased(Contact, select(Contact).subquery())))],
    "cte": _plain(select(_CTE.c.name)),
    "recursive cte": _plain(select(_RECURSIVE.c.name)),
    "union": _plain(union(select(Contact.name), select(A.name))),
    "union all with a child": _plain(union_all(select(Contact.name), select(Interaction.kind).where(Interaction.kind == ""))),
    "exists": _plain(select(Tag.name).where(_TAGGED)),
    "in a subquery": _plain(select(Tag.name).where(Tag.name.in_(select(Contact.name)))),
    "scalar subquery as a column": lambda store, _: [n for n, often in store.rows(select(Tag.name, _HOW_OFTEN)) if often],
    "order by a subquery": _plain(select(Contact.name).order_by(select(func.max(A.name)).scalar_subquery(), Contact.name)),
    "distinct": _plain(select(Contact.name).distinct()),
    "limit and offset": lambda store, _: [store.first(select(Contact.name).order_by(Contact.name).offset(n).limit(1)) for n in range(7)],
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
    "core join": _plain(select(C.c.name).select_from(C.join(I, C.c.id == I.c.contact_id))),
    "core and mapped": _plain(select(C.c.name).where(C.c.id == A.id)),
    "json key": _plain(select(Contact.custom["word"].as_string())),
    "children": _plain(select(Interaction.kind)),
    "children in core": _plain(select(I.c.kind)),
    "children counted": _number(select(func.count()).select_from(Interaction)),
    "children's alias": _plain(select(aliased(Interaction).kind)),
    "look-ups": _plain(select(ContactLookup.kind)),
    "tag links": _plain(select(Tag.name).join(ContactTag)),
    "relations, both ends": _plain(select(Relation.kind).where(Relation.from_id == Relation.to_id)),
    "grandchildren": _plain(select(Relation.kind).join(Influence, Influence.from_relation_id == Relation.id)),
    "grandchildren counted": _number(select(func.count()).select_from(Influence)),
}  # fmt: skip


# ---- reading: ways of the session ----------------------------------------------------------------------------------
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
    return [c.name for i in world.ids.values() if (c := store.session.get(Contact, i, populate_existing=True))]


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
    return [c.name for c in store.scalars(select(Contact).from_statement(select(Contact).order_by(Contact.name)))]


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
def rows_inside_an_insert(store: Store, _: World) -> Seen:
    """INSERT … SELECT copies only what the actor sees."""
    number = func.row_number().over(order_by=Contact.id)
    chosen = select(Contact.id, literal("copy-") + Contact.name, Contact.name + literal("-copied"))
    assert number is not None
    store.session.execute(insert(Tag).from_select(["id", "name", "folded"], chosen))
    return [n.removeprefix("copy-") for n in store.scalars(select(Tag.name).where(Tag.name.startswith("copy-")))]


@read
def rows_inside_an_update(store: Store, _: World) -> Seen:
    """A subquery in SET copies only what the actor sees."""
    copied = select(func.max(Contact.name)).where(Contact.name == Tag.name).scalar_subquery()
    store.session.execute(update(Tag).values(colour=copied), execution_options={"synchronize_session": False})
    return [c for c in store.scalars(select(Tag.colour)) if c]


@read
def sampled(store: Store, _: World) -> Seen:
    if store.database_kind == "sqlite":
        return READ["columns"](store, _)
    return [row[0] for row in store.rows(select(aliased(Contact, tablesample(C, 100)).name))]


@read
def lateral(store: Store, _: World) -> Seen:
    if store.database_kind == "sqlite":
        return READ["columns"](store, _)
    beside = select(Contact.name.label("n")).where(Contact.name == Tag.name).lateral()
    return [row[0] for row in store.rows(select(beside.c.n).select_from(Tag).join(beside, true()))]


# ---- writing -------------------------------------------------------------------------------------------------------
@write
def update_all(store: Store, _: World) -> Iterable[str]:
    done = update(Contact).values(city="changed").returning(Contact.name)
    return [row[0] for row in store.session.execute(done, execution_options={"synchronize_session": False})]


@write
def update_in_core(store: Store, _: World) -> Iterable[str]:
    return [row[0] for row in store.session.execute(update(C).values(city="changed").returning(C.c.name))]


@write
def update_or_true(store: Store, _: World) -> Iterable[str]:
    done = update(Contact).where(or_(true(), Contact.city == "x")).values(city="changed").returning(Contact.name)
    return [row[0] for row in store.session.execute(done, execution_options={"synchronize_session": False})]


@write
def update_of_the_query(store: Store, world: World) -> Iterable[str]:
    store.session.query(Contact).update({"city": "changed"}, synchronize_session=False)
    return []


@write
def update_by_keys(store: Store, world: World) -> Iterable[str]:
    for word, row_id in world.ids.items():
        _try(store, lambda i=row_id, w=word: store.session.execute(update(Contact), [{"id": i, "city": f"changed {w}"}]))
    return []


@write
def delete_all(store: Store, _: World) -> Iterable[str]:
    done = delete(Contact).returning(Contact.name)
    return [row[0] for row in store.session.execute(done, execution_options={"synchronize_session": False})]


@write
def delete_in_core(store: Store, _: World) -> Iterable[str]:
    return [row[0] for row in store.session.execute(delete(C).returning(C.c.name))]


@write
def forged_update(store: Store, world: World) -> Iterable[str]:
    for row_id in world.ids.values():
        _try(store, lambda i=row_id: setattr(_forged(store, i), "city", "changed"))
    return []


@write
def forged_delete(store: Store, world: World) -> Iterable[str]:
    for row_id in world.ids.values():
        _try(store, lambda i=row_id: store.remove(_forged(store, i)))
    return []


@write
def merged_in(store: Store, world: World) -> Iterable[str]:
    for row_id in world.ids.values():
        _try(store, lambda i=row_id: store.session.merge(Contact(id=i, city="changed")))
    return []


@write
def updated_many(store: Store, world: World) -> Iterable[str]:
    for row_id in world.ids.values():
        _try(store, lambda i=row_id: store.update_many(Contact, [{"id": i, "city": "changed"}]))
    return []


@write
def removed_many(store: Store, world: World) -> Iterable[str]:
    for row_id in world.ids.values():
        _try(store, lambda i=row_id: store.remove_many(Contact, [i]))
    return []


@write
def taken_over(store: Store, world: World) -> Iterable[str]:
    """A hidden row gets an access set of one's own."""
    if not world.actors()["own"][0].id == store.actor.id:
        return []
    mine = store.access_set(store.actor.id, None)
    for row_id in world.ids.values():
        _try(store, lambda i=row_id: setattr(_forged(store, i), "access_id", mine))
    return []


def _forged(store: Store, row_id: Any) -> Contact:
    """Return a row that claims to come from the database, as a deserialised one would."""
    forged = Contact(id=row_id, version=1, access_id=0, name="forged", custom={}, city="before")
    make_transient_to_detached(forged)
    store.session.add(forged)
    for name, value in {"version": 1, "access_id": 0, "city": "before", "custom": {}}.items():
        forged.__dict__[name] = value
    return forged


def _try(store: Store, deed: Callable[[], Any]) -> None:
    """Do `deed` in a savepoint; being refused is as good as changing nothing."""
    try:
        with store.savepoint():
            deed()
    except (RetinueError, SQLAlchemyError):
        store.session.expunge_all()


# ---- the matrix ----------------------------------------------------------------------------------------------------
class _Undo(Exception):
    """Ends a transaction without keeping it."""


@pytest.fixture
def world(database: Any) -> World:
    return make_world(database)


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
                    raise _Undo
            except _Undo:
                pass
            if isinstance(found, int):
                right = found == len(visible) and who != "x"
            else:
                words = [word for word in found if word is not None]
                right = set(words) == visible
            if not right:
                wrong.append(f"{who}: {way}: {found} instead of {sorted(visible)}")
    assert not wrong, f"{len(wrong)} of {len(READ) * 8} leak or lack:\n" + "\n".join(wrong)


def test_no_way_of_writing_touches_a_row_out_of_scope(world: World) -> None:
    """Every way of changing or deleting, every actor: what may not be changed stays byte for byte."""
    wrong = []
    for who, (actor, _, writable) in world.actors().items():
        for way, change in WRITE.items():
            before: Any = None
            try:
                with world.database.store(actor) as store:
                    before = _dump(store)
                    said = set(change(store, world))
                    store.flush()
                    after = _dump(store)
                    raise _Undo
            except _Undo:
                pass
            except (RetinueError, SQLAlchemyError):
                continue
            touched = {word for word, row in before.items() if after.get(word) != row}
            if touched - writable or said - writable:
                wrong.append(f"{who}: {way}: touched {touched - writable}, told of {said - writable}")
    assert not wrong, "\n".join(wrong)


def _dump(store: Store) -> dict[str, Any]:
    rows = store.raw_connection().execute(select(C)).all()
    return {row.search_text: tuple(row) for row in rows}


def test_writing_ways_do_change_what_is_ones_own(world: World) -> None:
    """Otherwise the matrix above would prove nothing."""
    actor = world.actors()["own"][0]
    for way in ("update_all", "updated_many", "update_in_core", "update_by_keys"):
        with world.database.store(actor) as store:
            before = _dump(store)
            WRITE[way](store, world)
            assert {w for w, row in _dump(store).items() if before[w] != row} <= {"mine", "given"}
            assert _dump(store)["mine"] != before["mine"], way
            store.session.execute(update(C).values(city="back"))


# ---- pointing at what is hidden ------------------------------------------------------------------------------------
def test_child_of_a_hidden_parent_cannot_be_made_or_moved(world: World) -> None:
    """A row that points at something out of sight would prove that it exists, and plant data there."""
    actor = world.actors()["own"][0]
    hidden = world.ids["foreign"]

    def entry(store: Store) -> Interaction:
        return Interaction(contact_id=hidden, kind="x", at=store.now, created_at=store.now)

    def move(store: Store) -> None:
        store.get(Interaction, world.interactions["mine"]).contact_id = hidden

    deeds: list[Callable[[Store], Any]] = [
        lambda s: s.add(entry(s)),
        lambda s: s.insert_many(Interaction, [{"contact_id": hidden, "kind": "x", "at": s.now, "created_at": s.now}]),
        lambda s: s.insert_many(ContactTag, [{"contact_id": hidden, "tag_id": s.first(select(Tag.id)), "added_at": s.now}]),
        lambda s: s.add(Relation(from_id=world.ids["mine"], to_id=hidden, kind="x", created_at=s.now)),
        lambda s: s.update_many(Interaction, [{"id": world.interactions["mine"], "contact_id": hidden}]),
        move,
    ]
    for number, deed in enumerate(deeds):
        with pytest.raises(RetinueError) as refused, world.database.store(actor) as store:
            deed(store)
            store.flush()
        assert refused.value.status == 404, number


def test_row_cannot_be_given_beyond_ones_reach(world: World) -> None:
    """Who may change own contacts can neither make one for a stranger nor give one away."""
    actor = world.actors()["own"][0]
    for deed in (
        lambda s: setattr(s.get(Contact, world.ids["mine"]), "access_id", s.access_set(world.other, None)),
        lambda s: s.add(_fresh(s, world.other)),
        lambda s: s.insert_many(Contact, [_row(s, world.other)]),
    ):
        with pytest.raises(RetinueError) as refused, world.database.store(actor) as store:
            deed(store)
            store.flush()
        assert refused.value.status == 403


def _row(store: Store, owner: Any) -> dict[str, Any]:
    return {
        "name": "n", "sort_name": "n", "search_text": "n", "custom": {}, "kind": "person", "version": 1, "owner_id": owner,
        "created_at": store.now, "updated_at": store.now, "access_id": store.access_set(owner, None),
    }  # fmt: skip


def _fresh(store: Store, owner: Any) -> Contact:
    return Contact(**_row(store, owner))


# ---- what cannot be scoped -----------------------------------------------------------------------------------------
FRAGMENTS: dict[str, Any] = {
    "a text statement": text("SELECT name FROM contact"),
    "text in WHERE": select(Contact.name).where(text("1=1 or 1=1")),
    "text in ORDER BY": select(Contact.name).order_by(text("(SELECT max(name) FROM contact)")),
    "text in FROM": select(Contact.name).select_from(text("contact AS c2")),
    "text as a join's condition": select(Contact.name).join(Interaction, text("1=1")),
    "text as columns": select(text("name")).select_from(Contact),
    "a text select": select(text("SELECT name FROM contact").columns(column("name")).subquery().c.name),
    "entity from text": select(Contact).from_statement(text("SELECT * FROM contact")),
    "a literal column": select(literal_column("(SELECT max(name) FROM contact)")),
    "a table that is only a name": select(column("name")).select_from(table("contact")),
    "a light table": select(table("contact", column("name"))),
    "a light table in a subquery": select(Tag.name).where(Tag.name.in_(select(table("contact", column("name")).c.name))),
    "text before": select(Contact.name).prefix_with("/* x */"),
    "text behind": select(Contact.name).suffix_with("UNION SELECT name FROM contact"),
    "text in an update": update(Tag).values(colour=text("(SELECT max(name) FROM contact)")),
    "a system table": select(AuditEntry),
    "a system table's alias": select(aliased(AuditEntry).action),
    "a system table in a subquery": select(Tag.name).where(Tag.id.in_(select(AuditEntry.row_id))),
    "a system table joined": select(Contact.name).join(AuditEntry, AuditEntry.contact_id == Contact.id),
    "a system table in core": select(AuditEntry.__table__.c.action),
    "a system table updated": update(AuditEntry).values(action="x"),
    "a system table deleted": delete(AuditEntry),
}


def test_fragments_of_text_and_system_tables_are_refused(world: World) -> None:
    """Text could break out of the rule, a bare name has none, and what is the system's is nobody else's."""
    let_through = []
    for who in ("own", "all", "nobody"):
        for what, statement in FRAGMENTS.items():
            try:
                with world.database.store(world.actors()[who][0]) as store:
                    store.session.execute(statement, execution_options={"synchronize_session": False})
                    raise _Undo
            except Refused:
                continue
            except _Undo:
                let_through.append(f"{who}: {what}")
    assert not let_through, let_through


HOLES: dict[str, Callable[[Store, World], Any]] = {
    "an operator made of text": lambda s, w: s.rows(select(Contact.name.op("|| (SELECT group_concat(name) FROM contact) ||")("")))
    if s.database_kind == "sqlite"
    else s.rows(select(Contact.name.op("|| (SELECT string_agg(name, ',') FROM contact) ||")(""))),
    "a hint made of text": lambda s, w: s.rows(select(Contact.name).with_statement_hint("UNION SELECT name FROM contact")),
    "an upsert over a hidden row": lambda s, w: _upsert(s, w),
    "an insert for somebody else": lambda s, w: [
        s.session.execute(insert(Contact).returning(Contact.name), [{**_row(s, w.other), "id": new_id(), "name": "foreign"}]).scalar()
    ],
    "an insert into a system table": lambda s, w: s.session.execute(
        insert(AuditEntry).returning(literal("foreign")),
        [{"id": new_id(), "turn": 1, "change_set_id": new_id(), "at": s.now, "action": "x", "actor_kind": "x", "actor_name": "", "fields": []}],
    ).all(),
}  # fmt: skip


def _upsert(store: Store, world: World) -> list[Any]:
    dialect = sqlite if store.database_kind == "sqlite" else postgresql
    row = {**_row(store, store.actor.id), "id": world.ids["foreign"]}
    statement = dialect.insert(C).values(row).on_conflict_do_update(index_elements=["id"], set_={"city": "changed"})
    return list(store.session.execute(statement.returning(C.c.name)).scalars())


@pytest.mark.parametrize("hole", HOLES)
def test_text_in_disguise_and_bare_inserts_do_not_pass(world: World, hole: str) -> None:
    """Operators and hints are text by another name; an INSERT has no WHERE to carry the rule."""
    found: Any = None
    try:
        with world.database.store(world.actors()["own"][0]) as store:
            found = HOLES[hole](store, world)
            raise _Undo
    except (_Undo, RetinueError, SQLAlchemyError):
        pass
    assert "foreign" not in repr(found)


def test_system_sees_everything_but_the_bin(world: World) -> None:
    with world.database.store(Actor.system("test")) as store:
        assert store.count(select(Contact)) == 6
        assert store.raw("the bin too").count(select(Contact)) == 7
