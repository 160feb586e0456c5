"""Row scope on every way of writing: what may not be changed stays, and nothing hangs on what is hidden.

Each way in WRITE tries to change everything and returns the words it says it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import delete, or_, select, true, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import make_transient_to_detached
from storage_kit import Undo, World, contact_row

from retinue.contacts.models import Contact, ContactTag, Tag
from retinue.errors import RetinueError
from retinue.interactions.models import Interaction
from retinue.relations.models import Relation
from retinue.storage import Store

C = Contact.__table__
WRITE: dict[str, Callable[[Store, World], Iterable[str]]] = {}


def write(way: Callable[[Store, World], Iterable[str]]) -> Callable[[Store, World], Iterable[str]]:
    WRITE[way.__name__] = way
    return way


@write
def update_all(store: Store, _: World) -> Iterable[str]:
    done = update(Contact).values(city="changed").returning(Contact.name)
    return [row[0] for row in store.session.execute(done, execution_options={"synchronize_session": False})]


@write
def update_in_core(store: Store, _: World) -> Iterable[str]:
    return [row[0] for row in store.session.execute(update(C).values(city="changed").returning(C.c.name))]


@write
def update_or_true(store: Store, _: World) -> Iterable[str]:
    done = (
        update(Contact).where(or_(true(), Contact.city == "x")).values(city="changed").returning(Contact.name)
    )
    return [row[0] for row in store.session.execute(done, execution_options={"synchronize_session": False})]


@write
def update_of_the_query(store: Store, world: World) -> Iterable[str]:
    store.session.query(Contact).update({"city": "changed"}, synchronize_session=False)
    return []


@write
def update_by_keys(store: Store, world: World) -> Iterable[str]:
    for word, row_id in world.ids.items():
        _try(
            store,
            lambda i=row_id, w=word: store.session.execute(
                update(Contact), [{"id": i, "version": 1, "city": f"changed {w}"}]
            ),
        )
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
    if world.actors()["own"][0].id != store.actor.id:
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


# ---- the matrix -----------
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
                    raise Undo
            except Undo:
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
    for way in ("update_all", "updated_many", "update_in_core"):
        with world.database.store(actor) as store:
            before = _dump(store)
            WRITE[way](store, world)
            assert {w for w, row in _dump(store).items() if before[w] != row} <= {"mine", "given"}
            assert _dump(store)["mine"] != before["mine"], way
            store.session.execute(update(C).values(city="back"))


def _do(world: World, actor: Any, deed: Callable[[Store], Any]) -> None:
    with world.database.store(actor) as store:
        deed(store)


# ---- pointing at what is hidden -----------
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
        lambda s: s.insert_many(
            Interaction, [{"contact_id": hidden, "kind": "x", "at": s.now, "created_at": s.now}]
        ),
        lambda s: s.insert_many(
            ContactTag, [{"contact_id": hidden, "tag_id": s.first(select(Tag.id)), "added_at": s.now}]
        ),
        lambda s: s.add(Relation(from_id=world.ids["mine"], to_id=hidden, kind="x", created_at=s.now)),
        lambda s: s.update_many(Interaction, [{"id": world.interactions["mine"], "contact_id": hidden}]),
        move,
    ]
    for number, deed in enumerate(deeds):
        with pytest.raises(RetinueError) as refused:
            _do(world, actor, deed)
        assert refused.value.status == 404, number


def test_row_cannot_be_given_beyond_ones_reach(world: World) -> None:
    """Who may change own contacts can neither make one for a stranger nor give one away."""
    actor = world.actors()["own"][0]
    for deed in (
        lambda s: setattr(s.get(Contact, world.ids["mine"]), "access_id", s.access_set(world.other, None)),
        lambda s: s.add(Contact(**contact_row(s, world.other))),
        lambda s: s.insert_many(Contact, [contact_row(s, world.other)]),
    ):
        with pytest.raises(RetinueError) as refused:
            _do(world, actor, deed)
        assert refused.value.status == 403
