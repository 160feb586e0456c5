"""One transaction for one deed: all or nothing, read-only means it, and nobody overwrites unseen."""

# ruff: noqa: PT012  # what must raise is a whole transaction here

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError
from storage_kit import Undo, add_contact, contact_row

from retinue.actor import Actor
from retinue.contacts.models import Contact, Tag
from retinue.errors import Denied, Stale
from retinue.storage import AuditEntry, ChangeSet, Database, Store
from retinue.testing.fixtures import person

SYSTEM = Actor.system("test")


def _count(database: Database, model: Any) -> int:
    with database.store(SYSTEM, readonly=True) as store:
        return int(store.scalar(select(func.count()).select_from(model)))


def _add(database: Database, name: str = "a", **values: Any) -> UUID:
    with database.store(SYSTEM) as store:
        return add_contact(store, name, **values).id


def test_exception_leaves_no_row_and_no_audit(database: Database) -> None:
    """A deed that fails half-way has not happened: rows, children of the system store, audit, change set."""
    with pytest.raises(Undo), database.store(SYSTEM) as store:
        add_contact(store, "a")
        store.insert_many(Contact, [contact_row(store, None)])
        store.system("side").add(Tag(name="t", folded="t"))
        store.system("side").flush()
        store.record("contact.export", detail={"count": 1})
        raise Undo
    assert [_count(database, m) for m in (Contact, Tag, AuditEntry, ChangeSet)] == [0, 0, 0, 0]


def test_savepoint_undoes_only_what_is_inside(database: Database) -> None:
    """What a plugin did before it failed goes, its audit with it; what came before and after stays."""
    with database.store(SYSTEM) as store:
        first = add_contact(store, "before")
        with pytest.raises(Undo), store.savepoint():
            add_contact(store, "inside")
            first.city = "inside"
            store.system("side").add(Tag(name="inside", folded="inside"))
            raise Undo
        add_contact(store, "after")
    with database.store(SYSTEM) as store:
        assert sorted(store.scalars(select(Contact.name))) == ["after", "before"]
        assert store.scalars(select(Contact.city)) == [None, None]
        assert store.scalars(select(Tag.name)) == []
        entries = store.scalars(select(AuditEntry))
        assert [e.action for e in entries] == ["contact.create", "contact.create"]
        assert store.scalars(select(ChangeSet.entries)) == [2]


def test_savepoints_nest(database: Database) -> None:
    with database.store(SYSTEM) as store:
        with store.savepoint():
            add_contact(store, "outer")
            with pytest.raises(Undo), store.savepoint():
                add_contact(store, "inner")
                raise Undo
        assert store.scalars(select(Contact.name)) == ["outer"]
    assert _count(database, AuditEntry) == 1


def test_savepoint_rolled_back_at_the_very_first_entry_leaves_the_audit_whole(database: Database) -> None:
    """The change set's row was written inside the savepoint: the next entry must write it again."""
    with database.store(SYSTEM) as store:
        with pytest.raises(Undo), store.savepoint():
            add_contact(store, "inside")
            raise Undo
        add_contact(store, "after")
    with database.store(SYSTEM) as store:
        (change_set,) = store.scalars(select(ChangeSet))
        (entry,) = store.scalars(select(AuditEntry))
        assert entry.change_set_id == change_set.id


def test_readonly_store_refuses_every_way_of_writing(database: Database) -> None:
    row_id = _add(database)
    actor = person("contact.read", "contact.change", "contact.create", "contact.assign")
    ways: list[Any] = [
        lambda s: setattr(s.get(Contact, row_id), "city", "x"),
        lambda s: s.remove(s.get(Contact, row_id)),
        lambda s: s.add(Contact(**contact_row(s, None))),
        lambda s: s.insert_many(Contact, [contact_row(s, None)]),
        lambda s: s.update_many(Contact, [{"id": row_id, "city": "x"}]),
        lambda s: s.remove_many(Contact, [row_id]),
    ]
    for number, way in enumerate(ways):
        with pytest.raises(Exception) as refused:  # SQLite and PostgreSQL refuse in words of their own
            _do(database, actor, way)
        text = str(refused.value).lower()
        assert isinstance(refused.value, Denied) or "read-only" in text, (number, refused.value)
    with database.store(SYSTEM, readonly=True) as store:
        assert store.scalars(select(Contact.city)) == [None]


def _do(database: Database, actor: Actor, way: Any) -> None:
    with database.store(actor, readonly=True) as store:
        way(store)


def test_readonly_store_of_the_system_does_not_write_either(database: Database) -> None:
    """Read only is a promise of the transaction, not of the actor."""
    with pytest.raises((Denied, DBAPIError)):
        _do(database, SYSTEM, lambda s: add_contact(s, "x"))


def _begun(store: Store) -> None:
    database = store.database
    database.hold(store.raw_connection())


@pytest.mark.parametrize("before", [lambda _: None, _begun], ids=["at once", "in a held transaction"])
def test_postgresql_itself_refuses_what_a_readonly_store_would_let_through(
    database: Database, before: Any
) -> None:
    """A5: the last line of defence is the server's: a statement past every check of the Store changes nothing."""
    if database.kind == "sqlite":
        pytest.skip("on SQLite the Store alone refuses")
    _add(database)

    def past_the_store(store: Store) -> None:
        before(store)
        store.raw_connection().exec_driver_sql("UPDATE contact SET city = 'x'")

    with pytest.raises(DBAPIError, match="read-only"):
        _do(database, SYSTEM, past_the_store)
    with database.store(SYSTEM, readonly=True) as store:
        assert store.scalars(select(Contact.city)) == [None]


def test_readonly_store_streams_within_a_savepoint_and_survives_a_fault_there(database: Database) -> None:
    """A plugin that fails while a page is read leaves the rest of the page readable."""
    for _ in range(3):
        _add(database)
    with database.store(SYSTEM, readonly=True) as store:
        rows = store.stream(select(Contact.id), size=1)
        first = next(rows)
        with pytest.raises(DBAPIError), store.savepoint():
            store.raw_connection().exec_driver_sql("SELECT nothing_like_it")
        assert len([*first, *(row for part in rows for row in part)]) == 3
    with database.store(SYSTEM, readonly=True) as store:
        assert store.count(select(Contact.id)) == 3


def test_second_of_two_writers_is_told(database: Database) -> None:
    """C-21: between reading and writing somebody else was faster: no silent overwrite."""
    row_id = _add(database)
    with database.store(SYSTEM) as store:
        mine = store.get(Contact, row_id)
    with database.store(SYSTEM) as store:
        store.get(Contact, row_id).city = "theirs"
    with pytest.raises(Stale), database.store(SYSTEM) as store:
        store.session.add(mine)
        mine.city = "mine"
    with database.store(SYSTEM) as store:
        contact = store.get(Contact, row_id)
        assert (contact.city, contact.version) == ("theirs", 2)


def test_sealed_change_alone_raises_the_version(database: Database) -> None:
    row_id = _add(database, emails=[{"value": "a"}])
    with database.store(SYSTEM) as store:
        store.get(Contact, row_id).emails = [{"value": "b"}]
    with database.store(SYSTEM) as store:
        assert store.get(Contact, row_id).version == 2


def test_set_wise_change_is_for_unaudited_tables_only(database: Database) -> None:
    """An UPDATE over many audited rows would change what nobody could ever undo."""
    from retinue.contacts.models import ContactLookup
    from retinue.errors import Misconfigured

    row_id = _add(database)
    with database.store(SYSTEM) as store:
        store.add(ContactLookup(contact_id=row_id, kind="email", token=b"x"))
    with pytest.raises(Misconfigured), database.store(SYSTEM) as store:
        store.change(delete(Contact))
    with database.store(SYSTEM) as store:
        assert store.change(delete(ContactLookup).where(ContactLookup.contact_id == row_id)) == 1
    assert _count(database, Contact) == 1


def test_time_is_one_moment_in_a_transaction(database: Database) -> None:
    with database.store(SYSTEM) as store:
        assert store.now == store.system("x").now == store.now
        assert store.now.tzinfo is not None
