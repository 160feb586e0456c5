"""Erased means unreadable: in the live files, by the blind index, in a restored backup of data or of keys (B3)."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from goal_kit import Goal
from sqlalchemy import select

from retinue.app import open_house
from retinue.contacts.erasing import erase_contact
from retinue.contacts.models import Contact
from retinue.contacts.service import create_contact, search_contacts
from retinue.errors import NotFound
from retinue.interactions.service import record_interaction
from retinue.storage import seal_audit, verify_audit
from retinue.storage.keys import empty_journal, subject_key

pytestmark = pytest.mark.goal("crypt-shred")
SEALED = ("zsealedmail@canary.example", "zsealednote", "zsealedbody", "Zsealedstreet")
OPEN = ("Zopenname", "Zopencity")


def _plant(crm: Any) -> UUID:
    draft = {
        "given_name": "Ada", "family_name": OPEN[0], "city": OPEN[1], "emails": [{"value": SEALED[0]}], "note": SEALED[1],
        "addresses": [{"street": SEALED[3], "city": "x"}],
    }  # fmt: skip
    with crm.store() as store:
        contact = create_contact(store, draft)
        record_interaction(store, contact.id, {"kind": "note", "body": SEALED[2]})
        contact_id: UUID = contact.id
    with crm.store() as store:
        store.get(Contact, contact_id).note = f"{SEALED[1]} again"
    return contact_id


def _bytes_of(crm: Any, folder: Path) -> dict[str, bytes]:
    """Return what lies in the files of the database, by name."""
    if crm.house.database.kind == "sqlite":
        return {file.name: file.read_bytes() for file in folder.glob("*.db*")}
    with crm.house.database.engine.connect() as connection:
        bare = connection.execution_options(isolation_level="AUTOCOMMIT")
        bare.exec_driver_sql("VACUUM FULL")
        found = "SELECT relname, pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class WHERE relkind IN ('r', 'i', 't')"
        return {name: content for name, content in bare.exec_driver_sql(found).all() if content}


def _left(crm: Any, folder: Path, words: tuple[str, ...]) -> list[str]:
    """Return where words still are; PostgreSQL keeps a dead row while any snapshot, such as ANALYZE's, is older."""
    for _ in range(40):
        found = _holding(_bytes_of(crm, folder), words)
        if not found:
            return []
        time.sleep(0.25)
    return found


def _holding(files: dict[str, bytes], words: tuple[str, ...]) -> list[str]:
    return [
        f"{name}: {word}" for name, content in files.items() for word in words if word.encode() in content
    ]


def test_an_erased_person_is_unreadable_in_files_index_and_backups(crm: Any, goal: Goal) -> None:
    """B3: 0 bytes in live files, 0 blind-index hits, 0 values in a restored backup; the audit stays whole; ≤ 1 s."""
    kind, house, folder = crm.house.database.kind, crm.house, crm.house.config.folder
    contact_id = _plant(crm)
    assert _holding(_bytes_of(crm, folder), OPEN), "the search reads the right files"
    backup, wrapped = _backup(crm, folder), _wrapped_key(crm, contact_id)
    started = time.perf_counter()
    with crm.store() as store:
        erase_contact(store, contact_id)
    taken = time.perf_counter() - started
    goal.none_of(f"{kind}: words left in the live files", _left(crm, folder, (*SEALED, *OPEN)))
    left = [name for name, content in _bytes_of(crm, folder).items() if wrapped in content]
    goal.none_of(f"{kind}: places that still hold the wrapped key", left)
    with crm.store() as store:
        goal.at_most(f"{kind}: blind index hits", len(search_contacts(store, SEALED[0])), 0)
        seal_audit(store)
    with crm.store() as store:
        goal.none_of(f"{kind}: faults of the audit after it", verify_audit(store).faults)
        with pytest.raises(NotFound):
            store.keys.cipher(contact_id)
    goal.at_most(f"{kind}: time of one erasure", taken, 1, "s")
    assert house.key_faults() == [], "an erased person's missing key is no fault"
    if backup:
        _restored_data_forget_again(crm, backup, contact_id, goal)


def _wrapped_key(crm: Any, contact_id: UUID) -> bytes:
    with crm.house.database.keys.engine.connect() as connection:
        chosen = select(subject_key.c.wrapped).where(subject_key.c.subject_id == contact_id)
        return bytes(connection.scalar(chosen) or b"")


def _backup(crm: Any, folder: Path) -> Path | None:
    """Copy data and keys as a nightly backup does; only where the database is a file."""
    if crm.house.database.kind != "sqlite":
        return None
    backup = folder / "backup"
    backup.mkdir()
    for engine, name in (
        (crm.house.database.engine, "retinue.db"),
        (crm.house.database.keys.engine, "keys.db"),
    ):
        empty_journal(engine)
        shutil.copy(folder / name, backup / name)
    return backup


def _restored_data_forget_again(crm: Any, backup: Path, contact_id: UUID, goal: Goal) -> None:
    """The old data with today's keys open nothing sealed; the open fields are forgotten at the next upgrade."""
    folder, config = crm.house.config.folder, crm.house.config
    crm.house.database.close()
    for file in folder.glob("retinue.db*"):
        file.unlink()
    shutil.copy(backup / "retinue.db", folder / "retinue.db")
    with open_house(config, check=False) as house:
        with house.store(_system()) as store:
            contact = store.get(Contact, contact_id)
            assert contact.city == OPEN[1], "the backup is from before the erasure"
            opened = [contact.emails, contact.note, contact.addresses]
            goal.at_most("restored data: sealed values that open", sum(map(bool, opened)), 0)
        house.upgrade()
        with house.store(_system()) as store:
            left = store.raw("look").scalars(select(Contact.city).where(Contact.id == contact_id))
            goal.at_most("restored data: open values left after an upgrade", sum(map(bool, left)), 0)
        house.database.close()
        for file in folder.glob("keys.db*"):
            file.unlink()
        shutil.copy(backup / "keys.db", folder / "keys.db")
    with open_house(config, check=False) as house:
        assert house.database.keys.ciphers([contact_id]), "the key store's backup is from before the erasure"
        house.upgrade()
        back = house.database.keys.ciphers([contact_id])
        goal.at_most("restored keys: keys of erased people after an upgrade", len(back), 0)


def _system() -> Any:
    from retinue.actor import Actor

    return Actor.system("test")
