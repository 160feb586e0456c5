"""What goes wrong outside: a full disk, a lost key, a database that is newer. One message each, and nothing lost."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from retinue.actor import Actor
from retinue.app import open_house
from retinue.contacts import Contact, create_contact
from retinue.errors import Misconfigured, Unavailable
from retinue.storage import MasterKeys

SYSTEM = Actor.system("test")


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_full_disk_is_one_message_and_work_goes_on_when_there_is_room(crm):
    """D4 in small: what was acknowledged is there, the refused write left nothing, no restart is needed."""
    limit = {"pages": 0}

    @event.listens_for(crm.house.database.engine, "checkout")
    def shrink(connection, _record, _proxy):
        pages = limit["pages"] or 2**30
        connection.execute(f"PRAGMA max_page_count={pages}")

    with crm.store() as store:
        full = store.raw_connection().exec_driver_sql("PRAGMA page_count").scalar_one() + 30
    limit["pages"] = full
    api, kept = crm.user().client, 0
    while True:
        answer = api.post("/contacts", {"name": f"N{kept}", "note": "x" * 4000})
        if answer.status_code != 201:
            break
        kept += 1
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:retinue:problem:disk-full")
    assert "Free space" in answer.json()["remedy"]
    limit["pages"] = 0
    with crm.store(readonly=True) as store:
        assert store.count(select(Contact)) == kept
    assert api.post("/contacts", {"name": "after"}).status_code == 201


def test_lost_or_foreign_master_key_is_named_and_nothing_is_overwritten(config):
    with open_house(config) as house, house.store(SYSTEM) as store:
        contact_id = create_contact(store, {"name": "Ada", "emails": ["ada@example.org"]}).id
    good = config.master_key_path.read_text("utf-8")
    config.master_key_path.unlink()
    with pytest.raises(Misconfigured, match="is not there"), open_house(config):
        pass
    config.master_key_path.touch(mode=0o600)
    config.master_key_path.write_text(MasterKeys.generate().render(), "utf-8")
    with pytest.raises(Misconfigured, match="does not open the key store"), open_house(config):
        pass
    config.master_key_path.write_text(good, "utf-8")
    with open_house(config) as house, house.store(SYSTEM) as store:
        assert store.get(Contact, contact_id).emails == [{"value": "ada@example.org"}]


def test_database_newer_than_the_code_is_refused_untouched(config):
    with open_house(config) as house, house.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_core SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="newer"), open_house(config):
        pass


def test_tables_that_are_missing_ask_for_an_upgrade(config):
    with open_house(config) as house, house.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_core")
    with pytest.raises(Misconfigured) as fault, open_house(config):
        pass
    assert fault.value.remedy == "Run `retinue db upgrade`."


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_data_and_keys_may_not_share_a_database(config):
    from retinue.storage import Database

    with pytest.raises(Misconfigured, match="must not share"):
        Database.open(config.database.url, config.database.url, MasterKeys.generate())


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_database_that_is_away_is_unavailable(config, tmp_path):
    from retinue.storage import Database

    with pytest.raises(Unavailable):
        Database.open(
            "postgresql://nobody@127.0.0.1:9/none", config.keys.url, MasterKeys.load(config.master_key_path)
        )
