"""The audit: who did what, through which plugin; sealed, provable, and the way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, delete, func, select, update
from storage_kit import add_contact, contact_row

from retinue.actor import Actor
from retinue.contacts.models import Contact, ContactTag, Tag
from retinue.errors import Conflict, NotFound
from retinue.storage import (
    AuditEntry,
    AuditSeal,
    ChangeSet,
    Database,
    Verdict,
    new_id,
    revert_change_set,
    seal_audit,
    verify_audit,
)
from retinue.storage.chain import seal_horizon
from retinue.testing.fixtures import person

SYSTEM = Actor.system("test")
ENTRY: Any = AuditEntry.__table__
FULL = {
    "city": "Praha",
    "birth_date": date(1990, 7, 1),
    "custom": {"a": 1, "b": "x"},
    "emails": [{"value": "a@x.cz"}],
    "note": "secret",
    "last_interaction_at": datetime(2026, 1, 2, tzinfo=UTC),
    "custom_sealed": {"s": "t"},
}


def _entries(database: Database, **where: Any) -> list[tuple[AuditEntry, dict[str, Any]]]:
    with database.store(SYSTEM, readonly=True) as store:
        chosen = select(AuditEntry).order_by(AuditEntry.turn, AuditEntry.id)
        rows = [e for e in store.scalars(chosen) if all(getattr(e, k) == v for k, v in where.items())]
        opened = store.open_sealed(
            "audit_entry", [(e.id, e.contact_id or UUID(int=0), e.sealed_data) for e in rows]
        )
    return list(zip(rows, opened, strict=True))


def _add(database: Database, name: str = "a", **values: Any) -> UUID:
    with database.store(SYSTEM) as store:
        return add_contact(store, name, **values).id


def test_change_is_recorded_with_actor_plugin_hook_fields_and_values(database: Database) -> None:
    """C-23: one entry {actor, plugin, field, old, new}; the values stand sealed, the fields in clear."""
    row_id = _add(database, phones=[{"value": "1"}], city="Praha")
    actor = person("contact.read", "contact.change", name="u2")
    with database.store(actor, plugin="p") as store:
        store.hook = "contacts_changed"
        contact = store.get(Contact, row_id)
        contact.phones, contact.city = [{"value": "2"}], "Brno"
    ((entry, values),) = _entries(database, action="contact.change")
    assert (entry.actor_id, entry.actor_name, entry.actor_kind) == (actor.id, "u2", "person")
    assert (entry.plugin, entry.hook) == ("p", "contacts_changed")
    assert (entry.table_name, entry.row_id, entry.contact_id) == ("contact", row_id, row_id)
    assert entry.fields == ["city", "phones"]
    assert values == {"city": ["Praha", "Brno"], "phones": [[{"value": "1"}], [{"value": "2"}]]}
    assert b"Brno" not in entry.sealed_data
    with database.store(SYSTEM) as store:
        (change_set,) = [c for c in store.scalars(select(ChangeSet)) if c.actor_id == actor.id]
    assert (change_set.action, change_set.entries, change_set.id) == (
        "contact.change",
        1,
        entry.change_set_id,
    )


def test_no_change_leaves_no_entry_and_custom_fields_are_entered_one_by_one(database: Database) -> None:
    row_id = _add(database, custom={"a": 1, "b": 2}, city="Praha")
    with database.store(SYSTEM) as store:
        store.get(Contact, row_id).city = "Praha"
    assert _entries(database, action="contact.change") == []
    with database.store(SYSTEM) as store:
        store.get(Contact, row_id).custom = {"a": 1, "b": 3, "c": 4}
    ((_, values),) = _entries(database, action="contact.change")
    assert values == {"custom.b": [2, 3], "custom.c": [None, 4]}


def test_deed_of_several_stores_is_one_change_set(database: Database) -> None:
    """The system's helping writes carry the person's name and stand in the person's deed."""
    actor = person("contact.read", "contact.change", "contact.create", name="u2")
    with database.store(actor) as store:
        store.deed("contact.batch", "spring")
        add_contact(store, "a", actor.id)
        store.system("side").add(Tag(name="t", folded="t"))
        store.record("contact.export", detail={"count": 3})
    found = _entries(database)
    assert {e.change_set_id for e, _ in found} == {found[0][0].change_set_id}
    assert {e.actor_name for e, _ in found} == {"u2"}
    assert [e.detail for e, _ in found if e.action == "contact.export"] == [{"count": 3}]
    with database.store(SYSTEM) as store:
        (change_set,) = store.scalars(select(ChangeSet))
        assert (change_set.action, change_set.label, change_set.entries) == ("contact.batch", "spring", 3)


def test_set_wise_writing_is_audited_like_the_unit_of_work(database: Database) -> None:
    """Insert, update and remove of many leave the same entries as one by one."""

    def one_by_one(store: Any) -> UUID:
        contact = Contact(**{**contact_row(store, None), **FULL})
        store.add(contact)
        store.flush()
        contact.city, contact.emails = "Brno", []
        store.flush()
        store.remove(contact)
        return contact.id

    def many(store: Any) -> UUID:
        row = {**contact_row(store, None), **FULL}
        store.insert_many(Contact, [row])
        store.update_many(Contact, [{"id": row["id"], "city": "Brno", "emails": []}])
        store.remove_many(Contact, [row["id"]])
        return row["id"]

    seen = []
    for deed in (one_by_one, many):
        with database.store(SYSTEM) as store:
            row_id = deed(store)
        found = _entries(database, row_id=row_id)
        seen.append([(e.action, sorted(set(e.fields) - {"id"}), _without_times(v)) for e, v in found])
    assert [action for action, _, _ in seen[0]] == ["contact.create", "contact.change", "contact.remove"]
    assert seen[0][1:] == seen[1][1:]
    assert set(seen[0][0][1]) - {"last_interaction_at"} <= set(seen[1][0][1])


def _without_times(values: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if not k.endswith("_at") and k != "id"}


# ---- proof ----------------
def _seal(database: Database) -> None:
    """Seal all there is in one seal: on PostgreSQL a transaction of another test's database holds the horizon back."""
    for _ in range(200):
        with database.store(SYSTEM) as store:
            newest = store.raw_connection().scalar(select(func.max(ENTRY.c.turn)))
            horizon = seal_horizon(store)
            if horizon is None or horizon > newest:
                seal_audit(store)
                return
        time.sleep(0.1)
    raise AssertionError("the audit could not be sealed in twenty seconds")


def _history(database: Database) -> None:
    for n in range(6):
        row_id = _add(database, f"n{n}")
        with database.store(SYSTEM) as store:
            store.get(Contact, row_id).city = f"c{n}"
    _seal(database)
    for n in range(3):
        _add(database, f"later{n}")
    _seal(database)


def _verify(database: Database, checkpoint: tuple[int, str] | None = None) -> Verdict:
    with database.store(SYSTEM, readonly=True) as store:
        return verify_audit(store, checkpoints=[checkpoint] if checkpoint else [])


def _first(connection: Connection, offset: int = 0) -> Any:
    return connection.execute(select(ENTRY).order_by(ENTRY.c.turn, ENTRY.c.id).offset(offset).limit(1)).one()


def _edit(connection: Connection) -> None:
    connection.execute(
        update(ENTRY).where(ENTRY.c.id == _first(connection).id).values(actor_name="somebody else")
    )


def _delete(connection: Connection) -> None:
    connection.execute(delete(ENTRY).where(ENTRY.c.id == _first(connection, 3).id))


def _swap(connection: Connection) -> None:
    first, second = _first(connection), _first(connection, 5)
    for here, there in ((first, second), (second, first)):
        connection.execute(update(ENTRY).where(ENTRY.c.id == here.id).values(sealed_data=there.sealed_data))


def _slip_in(connection: Connection) -> None:
    row = dict(_first(connection)._mapping)
    connection.execute(ENTRY.insert().values({**row, "id": new_id()}))


def _reseal(connection: Connection) -> None:
    connection.execute(update(AuditSeal.__table__).where(AuditSeal.number == 1).values(entries=3))


@pytest.mark.parametrize("tamper", [_edit, _delete, _swap, _slip_in, _reseal])
def test_verify_finds_and_locates_an_altered_entry(
    database: Database, tamper: Callable[[Connection], None]
) -> None:
    """Edited, deleted, swapped, slipped in, or the seal itself: found, and in the right stretch."""
    _history(database)
    honest = _verify(database)
    assert (honest.entries, honest.unsealed, honest.faults) == (15, 0, ())
    with database.transaction() as connection:
        tamper(connection)
    found = _verify(database)
    assert found.faults
    assert all(fault.startswith("seal 1:") for fault in found.faults), found.faults


def test_verify_finds_a_tail_cut_off_by_a_checkpoint(database: Database) -> None:
    """Entries cut off with their seals look whole; a head noted elsewhere tells."""
    _history(database)
    noted = _verify(database)
    with database.transaction() as connection:
        last = connection.scalar(select(AuditSeal.first_turn).where(AuditSeal.number == 2))
        connection.execute(delete(ENTRY).where(ENTRY.c.turn >= last))
        connection.execute(delete(AuditSeal.__table__).where(AuditSeal.number >= 2))
    assert _verify(database).faults == ()
    assert _verify(database, (noted.seals, noted.head)).faults == (
        f"checkpoint {noted.seals}: the audit does not lead to the head noted then",
    )


def test_entries_of_an_open_transaction_are_sealed_only_after_its_end(database: Database) -> None:
    """Sealing between two writers must not leave a gap where the slower one's entries belong."""
    if database.kind == "sqlite":
        pytest.skip("SQLite has one writer")
    _add(database, "makes the access set, which two would wait for")
    with database.store(SYSTEM) as slow:
        add_contact(slow, "slow")
        _add(database, "fast")
        with database.store(SYSTEM) as store:
            seal_audit(store)
    _seal(database)
    found = _verify(database)
    assert (found.entries, found.unsealed, found.faults) == (3, 0, ())


# ---- the way back ----------------
def _revert(database: Database, change_set_id: UUID, actor: Actor = SYSTEM) -> Any:
    with database.store(actor) as store:
        return revert_change_set(store, change_set_id)


def _newest(database: Database) -> UUID:
    with database.store(SYSTEM) as store:
        found: UUID = store.first(
            select(ChangeSet.id).order_by(ChangeSet.at.desc(), ChangeSet.id.desc()).limit(1)
        )
        return found


def test_revert_of_a_removal_restores_every_value(database: Database) -> None:
    """Also dates, JSON and sealed values; and the revert can be reverted."""
    row_id = _add(database, **FULL)
    with database.store(SYSTEM) as store:
        tag = Tag(name="t", folded="t")
        store.add(tag)
        store.flush()
        store.add(ContactTag(contact_id=row_id, tag_id=tag.id, added_at=store.now))
    with database.store(SYSTEM) as store:
        store.remove(store.first(select(ContactTag)))
        store.flush()
        store.remove(store.get(Contact, row_id))
    result = _revert(database, _newest(database))
    assert (result.undone, result.kept) == (2, [])
    with database.store(SYSTEM) as store:
        contact = store.get(Contact, row_id)
        assert {name: getattr(contact, name) for name in FULL} == FULL
        assert store.count(select(ContactTag)) == 1


def test_revert_of_a_creation_removes_children_before_their_contact(database: Database) -> None:
    """An import with tags is undone without rows going behind the back of the unit of work."""
    with database.store(SYSTEM) as store:
        tag = Tag(name="t", folded="t")
        store.add(tag)
        row_id = add_contact(store, "a").id
        store.insert_many(ContactTag, [{"contact_id": row_id, "tag_id": tag.id, "added_at": store.now}])
    result = _revert(database, _newest(database))
    assert (result.undone, result.kept) == (3, [])
    with database.store(SYSTEM) as store:
        assert store.find(Contact, row_id) is None


def test_revert_keeps_what_was_changed_since_and_runs_once(database: Database) -> None:
    row_id = _add(database, city="Praha", custom={"a": 1})
    with database.store(SYSTEM) as store:
        contact = store.get(Contact, row_id)
        contact.city, contact.job_title, contact.custom = "Brno", "CEO", {"a": 2, "b": 3}
    deed = _newest(database)
    with database.store(SYSTEM) as store:
        contact = store.get(Contact, row_id)
        contact.city, contact.custom = "Ostrava", {"a": 2, "b": 9}
    result = _revert(database, deed)
    assert sorted(kept.split(": ")[1] for kept in result.kept) == [
        "city changed since",
        "custom.b changed since",
    ]
    with database.store(SYSTEM) as store:
        contact = store.get(Contact, row_id)
        assert (contact.city, contact.job_title, contact.custom) == ("Ostrava", None, {"a": 1, "b": 9})
    with pytest.raises(Conflict):
        _revert(database, deed)


def test_revert_of_somebody_elses_deed_needs_the_reach(database: Database) -> None:
    _add(database)
    deed = _newest(database)
    with pytest.raises(NotFound):
        _revert(database, deed, person("change_set.revert=own", "contact.read"))
    assert _revert(database, deed, person("change_set.revert", "contact.read")).undone == 1
