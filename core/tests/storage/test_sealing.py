"""Sealing and the key store: a blob opens in its own place only, and only with the master key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, make_url, select, update
from storage_kit import add_contact

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.errors import Misconfigured, NotFound, Unavailable
from retinue.interactions.models import Interaction
from retinue.storage import Database, MasterKeys, check_keys
from retinue.storage.keys import subject_key

SYSTEM = Actor.system("test")


def _add(database: Database, *mails: str) -> list[UUID]:
    with database.store(SYSTEM) as store:
        return [add_contact(store, "name", emails=[{"value": mail}], note=mail).id for mail in mails]


def _blob(database: Database, row_id: UUID, blob: bytes | None = None) -> bytes:
    """Return the blob of a contact, or put another one there."""
    table: Any = Contact.__table__
    with database.transaction() as connection:
        if blob is not None:
            connection.execute(update(table).where(table.c.id == row_id).values(sealed_data=blob))
        found: bytes = connection.scalar(select(table.c.sealed_data).where(table.c.id == row_id))
    return found


def test_blob_moved_to_another_row_or_table_does_not_open(database: Database) -> None:
    """Somebody who can write the file still cannot give one person's secrets to another's card."""
    mine, other = _add(database, "mine@x.cz", "other@x.cz")
    with database.store(SYSTEM) as store:
        entry = Interaction(contact_id=mine, kind="call", at=store.now, created_at=store.now, body="said")
        store.add(entry)
        store.flush()
        entry_id, said = entry.id, entry.sealed_data
    own = _blob(database, mine)
    assert _blob(database, other, own) == own
    _blob(database, mine, said)
    for row_id in (other, mine):
        with pytest.raises(Unavailable) as refused, database.store(SYSTEM) as store:
            assert store.get(Contact, row_id).emails
        assert refused.value.code == "sealed-damaged"
        assert str(row_id) in refused.value.detail
    with database.store(SYSTEM) as store:
        assert store.get(Interaction, entry_id).body == "said"


def test_blob_with_one_changed_bit_does_not_open(database: Database) -> None:
    (mine,) = _add(database, "mine@x.cz")
    blob = bytearray(_blob(database, mine))
    blob[-1] ^= 1
    _blob(database, mine, bytes(blob))
    with pytest.raises(Unavailable), database.store(SYSTEM) as store:
        assert store.get(Contact, mine).emails


def test_same_values_are_sealed_differently_each_time(database: Database) -> None:
    """Equal blobs would tell who shares an address, a repeated nonce would open both."""
    first, second = _add(database, "same@x.cz", "same@x.cz")
    assert _blob(database, first) != _blob(database, second)
    assert len({_blob(database, i)[1:13] for i in (first, second)}) == 2


def test_interaction_moved_to_another_contact_opens_under_its_key(database: Database) -> None:
    """A merge moves timelines: the flush seals them again, and shredding the old key loses nothing."""
    mine, other = _add(database, "mine@x.cz", "other@x.cz")
    with database.store(SYSTEM) as store:
        entry = Interaction(contact_id=mine, kind="call", at=store.now, created_at=store.now, body="said")
        store.add(entry)
    with database.store(SYSTEM) as store:
        store.get(Interaction, entry.id).contact_id = other
    database.keys.drop_key(mine)
    with database.store(SYSTEM) as store:
        assert store.get(Interaction, entry.id).body == "said"
        assert store.get(Contact, mine).emails == [], "a shredded person opens as empty"


def test_files_hold_no_sealed_value(database: Database, tmp_path: Path) -> None:
    """C-20: a search of the database file, its journal included, finds neither e-mail nor note nor body."""
    canary = "canary.mail.3141@example.cz"
    (mine,) = _add(database, canary)
    with database.store(SYSTEM) as store:
        store.add(Interaction(contact_id=mine, kind="call", at=store.now, created_at=store.now, body=canary))
        store.get(Contact, mine).emails = [{"value": canary}, {"value": "second"}]
    with database.transaction() as connection:
        for model in (Contact, Interaction):
            assert canary not in repr(connection.execute(select(model.__table__)).all())
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    if database.kind == "sqlite":
        assert {"retinue.db", "retinue.db-wal"} <= {file.name for file in files}
        assert any(b"interaction" in file.read_bytes() for file in files), "the search reads the right files"
    holding = [
        file.name
        for file in files
        if canary.encode() in file.read_bytes() or b"canary.mail" in file.read_bytes()
    ]
    assert not holding


# ---- the master key ----------------
def test_master_key_lost_open_to_others_or_malformed_says_so(tmp_path: Path) -> None:
    """A lost master key gets one clear message naming what and what to do."""
    path = tmp_path / "master.key"
    with pytest.raises(Misconfigured) as lost:
        MasterKeys.load(path)
    assert lost.value.code == "master-key-lost"
    assert str(path) in lost.value.detail
    assert "backup" in lost.value.remedy
    path.write_text(MasterKeys.generate().render(), "utf-8")
    path.chmod(0o644)
    with pytest.raises(Misconfigured) as open_:
        MasterKeys.load(path)
    assert "can be read by others" in open_.value.detail
    path.chmod(0o600)
    for text, words in (
        ("1:c2hvcnQ=\n", "5 bytes instead of 32"),
        ("1:not base64!\n", "line 1: not a master key"),
        ("\n# nothing\n", "holds no master key"),
        ("secret-without-number\n", "line 1: not a master key"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(Misconfigured) as wrong:
            MasterKeys.load(path)
        assert words in wrong.value.detail
        assert "c2hvcnQ" not in str(wrong.value)
        assert "secret" not in str(wrong.value), "a message must not show the key"


def test_wrong_master_key_refuses_to_open_and_changes_nothing(
    database: Database, database_url: str, keys_url: str, masters: MasterKeys
) -> None:
    (mine,) = _add(database, "mine@x.cz")
    with pytest.raises(Misconfigured) as wrong:
        Database.open(database_url, keys_url, MasterKeys.generate())
    assert wrong.value.code == "master-key-wrong"
    again = Database.open(database_url, keys_url, masters)
    try:
        with again.store(SYSTEM) as store:
            assert store.get(Contact, mine).emails == [{"value": "mine@x.cz"}]
    finally:
        again.close()


def test_data_and_keys_must_not_share_a_database(database_url: str, masters: MasterKeys) -> None:
    with pytest.raises(Misconfigured):
        Database.open(database_url, database_url, masters)


def test_rotation_cut_off_goes_on_where_it_stopped(
    database: Database, database_url: str, keys_url: str, masters: MasterKeys
) -> None:
    """Rotation rewraps keys, never data; half-way both master keys are needed, at the end the new one."""
    ids = _add(database, *(f"{n}@x.cz" for n in range(7)))
    blobs = [_blob(database, i) for i in ids]
    both = masters.with_next()
    database.keys.masters = both
    assert database.keys.rewrap(batch=4) == 5
    database.close()
    again = Database.open(database_url, keys_url, both)
    assert again.keys.count_by_master() == {1: 5, 2: 4}
    while again.keys.rewrap(batch=4):
        pass
    assert again.keys.count_by_master() == {2: 9}
    again.close()
    new = MasterKeys({2: both._raw[2]})
    last = Database.open(database_url, keys_url, new)
    with last.store(SYSTEM) as store:
        assert [store.get(Contact, i).note for i in ids] == [f"{n}@x.cz" for n in range(7)]
    assert [_blob(last, i) for i in ids] == blobs
    last.close()
    with pytest.raises(Misconfigured) as old:
        Database.open(database_url, keys_url, masters)
    assert "version 2 is not there" in old.value.detail


def test_lost_keys_are_named(database: Database, keys_url: str) -> None:
    """A key store restored from an older backup lacks the newest contacts: `check_keys` says which."""
    first, second = _add(database, "a@x.cz", "b@x.cz")
    assert check_keys(database) == []
    engine = create_engine(make_url(keys_url))
    with engine.begin() as connection:
        connection.execute(subject_key.delete().where(subject_key.c.subject_id == second))
    engine.dispose()
    faults = check_keys(database)
    assert len(faults) == 1
    assert str(second) in faults[0]
    database.keys._cache.clear()
    with database.store(SYSTEM) as store:
        assert store.get(Contact, first).note == "a@x.cz"
        with pytest.raises(NotFound):
            store.keys.cipher(second)


def test_wrapped_key_of_another_subject_does_not_open(database: Database, keys_url: str) -> None:
    """Keys swapped inside the key store are noticed, not used."""
    first, second = _add(database, "a@x.cz", "b@x.cz")
    engine = create_engine(make_url(keys_url))
    with engine.begin() as connection:
        wrapped = connection.scalar(select(subject_key.c.wrapped).where(subject_key.c.subject_id == second))
        connection.execute(
            subject_key.update().where(subject_key.c.subject_id == first).values(wrapped=wrapped)
        )
    engine.dispose()
    database.keys._cache.clear()
    with pytest.raises(Misconfigured), database.store(SYSTEM) as store:
        assert store.get(Contact, first).note


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_master_key_file_round_trips(tmp_path: Path) -> None:
    masters = MasterKeys.generate().with_next()
    path = tmp_path / "master.key"
    path.touch(mode=0o600)
    path.write_text(masters.render(), "utf-8")
    assert MasterKeys.load(path)._raw == masters._raw
    assert MasterKeys.load(path).current == 2
