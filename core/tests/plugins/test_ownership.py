"""What belongs to whom: no purge reaches a row of another owner, whatever the names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_kit import ROOT, add_contact, do, opened, snapshot
from sqlalchemy import insert

from retinue.app.lifecycle.facts import core_tables
from retinue.config import Config
from retinue.interactions.models import Interaction
from retinue.jobs.models import job
from retinue.plugins import RESERVED, PluginState
from retinue.plugins.migration_scripts import CORE, owner_of
from retinue.storage import new_id
from retinue.storage.tables import digest_rows, table_names

if TYPE_CHECKING:
    from conftest import Site

NAMES = ["mail", "mail_track", "mail_tracking", "mailing", "interactions", "jobs", "saved", "k", "kk"]
names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True)


@given(names, st.lists(st.sampled_from(["", "_t", "_track", "_tracking_t", "_2"]), max_size=4))
def test_every_table_has_one_owner(plugins: list[str], ends: list[str]) -> None:
    """Two plugins never own one table, and the owner's name begins it."""
    for table in {f"{name}{end}" for name in NAMES for end in ends}:
        owner = owner_of(table, plugins)
        fitting = [p for p in plugins if table == p or table.startswith(f"{p}_")]
        assert owner == (max(fitting, key=len) if fitting else CORE)


def test_names_that_would_own_a_table_of_the_job_engine_are_reserved() -> None:
    """What core's own classes take is refused by their tables; these have none."""
    engine = (
        "workflow_status",
        "operation_outputs",
        "application_versions",
        "dbos_migrations",
        "job_executor",
    )
    assert {table.split("_")[0] for table in engine} <= RESERVED | {"job"}
    assert {"job", "alembic"} <= RESERVED


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_purge_changes_no_row_of_another_owner(config: Config, site: Site) -> None:
    """Point 2: plugins with names inside each other's names, rows in core for each; one goes, nothing else changes."""
    with opened(config) as house:
        contact = add_contact(house, "Byron")
        empty = snapshot(house)

        @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True))
        def check(plugins: list[str]) -> None:
            for name in plugins:
                plant(house, name, contact)
            gone, *others = plugins
            before = others_rows(house, gone)
            do(house, "uninstall", gone, from_ledger=True)
            assert others_rows(house, gone) == before
            for name in others:
                do(house, "uninstall", name, from_ledger=True)
            assert snapshot(house) == empty

        check()


def plant(house: Any, name: str, contact: Any) -> None:
    """Give a plugin without code a table with rows, an entry in a timeline, a job and its state."""
    with house.store(ROOT) as store:
        connection, kind = store.raw_connection(), f"{name}_done"
        connection.exec_driver_sql(
            f"CREATE TABLE {name}_t (id CHAR(32) PRIMARY KEY, c CHAR(32) REFERENCES contact (id) ON DELETE CASCADE)"
        )
        connection.exec_driver_sql(f"INSERT INTO {name}_t VALUES ('{new_id().hex}', '{contact.hex}')")
        manifest = {"name": name, "contributions": {"interaction_kinds": [{"name": kind, "label": name}]}}
        state = {"id": new_id(), "name": name, "state": "disabled", "version": "1", "manifest": manifest}
        connection.execute(insert(PluginState), [{**state, "changed_at": store.now}])
        entry = {"id": new_id(), "contact_id": contact, "kind": kind, "plugin": name, "at": store.now}
        connection.execute(insert(Interaction), [{**entry, "created_at": store.now, "author_name": ""}])
        work = {
            "id": new_id(),
            "name": f"{name}.work",
            "key": name,
            "plugin": name,
            "queue": "default",
            "payload": {},
        }
        times = {
            "created_at": store.now,
            "due_at": store.now,
            "payload_version": 1,
            "state": "waiting",
            "run": 1,
        }
        connection.execute(insert(job), [{**work, **times, "attempts": 0, "losses": 0, "progress_done": 0}])


def others_rows(house: Any, gone: str) -> dict[str, Any]:
    """Return the rows of every other plugin's tables, and of core's where they are not the plugin's."""
    with house.database.transaction() as connection:
        rows = connection.exec_driver_sql
        mine = {
            "interaction": {r[0] for r in rows(f"SELECT id FROM interaction WHERE plugin = '{gone}'")},
            "job": {r[0] for r in rows(f"SELECT id FROM job WHERE plugin = '{gone}'")},
            "plugin_state": {r[0] for r in rows(f"SELECT id FROM plugin_state WHERE name = '{gone}'")},
        }
        still = [
            t
            for t in table_names(connection)
            if t in {*core_tables(), *(f"{n}_t" for n in NAMES if n != gone)}
        ]
        skip = {"audit_entry", "change_set", "audit_seal", "plugin_epoch", "plugin_order"}
        derived = {"contact": ("last_interaction_at",)}
        return {
            t: digest_rows(connection, t, leave_out=mine.get(t, ()), columns=derived.get(t, ()))
            for t in still
            if t not in skip
        }
