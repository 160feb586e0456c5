"""A plugin whose code is gone is a state, not a crash; safe mode starts without any."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lifecycle_kit import ROOT, _trusted, add_contact, do, install_points, opened, snapshot
from sqlalchemy import insert

from retinue.app.lifecycle.deeds import plan_action
from retinue.config import Config
from retinue.contacts.erasing import erase_contact
from retinue.contacts.service import remove_contacts
from retinue.errors import Conflict
from retinue.history.service import read_audit
from retinue.interactions.service import read_timeline
from retinue.plugins import PluginState, list_plugins, quarantine_plugin
from retinue.storage import new_id, revert_change_set
from retinue.storage.tables import count_rows_of

if TYPE_CHECKING:
    from conftest import Site

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:This declarative base already contains a class:sqlalchemy.exc.SAWarning"
    ),
    pytest.mark.usefixtures(_trusted.__name__),
]


def states(house: Any) -> dict[str, str]:
    with house.store(ROOT, readonly=True) as store:
        return {info.name: info.state for info in list_plugins(store, catalogue=house.catalogue)}


def rows(house: Any, table: str) -> int:
    with house.database.transaction() as connection:
        return count_rows_of(connection, table)


def test_missing_code_is_a_state(config: Config, site: Site, tmp_path: Path) -> None:
    """Point 3, lessons 4, 6, 19, 21: remove the distribution while enabled; core works, and purges it without code."""
    install_points(site)
    with opened(config) as house:
        before = snapshot(house, "contact", "interaction", "access_set", "contact_lookup", "shred_order")
        do(house, "enable", "points")
        erased, removed, kept = (add_contact(house, name) for name in ("Byron", "Curie", "Noether"))
        with house.store(ROOT, readonly=True) as store:
            made = next(
                e["change_set_id"] for e in read_audit(store, contact_id=kept) if e["plugin"] == "points"
            )
    site.uninstall("points")
    with opened(config) as house:
        assert states(house) == {"points": "missing"}
        assert house.plugins.missing == ("points",)
        assert house.upgrade().missing == ("points",)
        with house.store(ROOT) as store:
            remove_contacts(store, [removed])
        with house.store(ROOT) as store:
            gone = erase_contact(store, erased)
        assert gone["points_account"] == 1
        assert (rows(house, "points_account"), rows(house, "points_move")) == (2, 2)
        with house.store(ROOT, readonly=True) as store:
            entries = read_audit(store, contact_id=kept)
            assert {e["table"] for e in entries if e["gone"]} == {"points_account"}
            assert {e["table"] for e in entries if not e["gone"]} >= {"contact", "interaction"}
            assert {i.kind for i in read_timeline(store, kept)} == {"note", "points_earned"}
        with house.store(ROOT) as store:
            kept_rows = revert_change_set(
                store, made
            ).kept  # undoes the contact; its rows in points go with it
            assert any("its plugin is not loaded" in why for why in kept_rows)
    with opened(config) as house:
        with pytest.raises(Conflict) as raised:
            do(house, "uninstall", "points")
        assert (raised.value.code, "--from-ledger" in raised.value.remedy) == ("code-missing", True)
        assert rows(house, "points_account") == 1
        done = do(house, "uninstall", "points", export=tmp_path / "points.zip", from_ledger=True)
        assert done.exported["points/tables/points_account.jsonl"] == 1
        assert states(house) == {}
        after = snapshot(house, "contact", "interaction", "access_set", "contact_lookup", "shred_order")
        assert after == before


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_erasing_stops_at_rows_that_nobody_declared(config: Config, site: Site) -> None:
    """A table of no plugin that the database remembers is not emptied on a guess: the erasure names it."""
    with opened(config) as house:
        contact = add_contact(house, "Byron")
        with house.database.transaction() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE stray (id INTEGER PRIMARY KEY, c CHAR(32) REFERENCES contact (id) ON DELETE CASCADE)"
            )
            connection.exec_driver_sql(f"INSERT INTO stray VALUES (1, '{contact.hex}')")
        with house.store(ROOT) as store, pytest.raises(Conflict) as raised:
            erase_contact(store, contact)
        assert raised.value.extra == {"tables": {"stray": 1}}


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
@pytest.mark.parametrize("state", ["disabled", "quarantined"])
def test_contacts_can_be_erased_while_the_plugin_is_off(config: Config, site: Site, state: str) -> None:
    """Lesson 31: what is off has a defined behaviour for the rows that refer to it."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        contact = add_contact(house, "Byron")
        if state == "disabled":
            do(house, "disable", "points")
        else:
            with house.store(ROOT) as store:
                quarantine_plugin(store, "points", "failed too often")
    site.forget()
    with opened(config) as house:
        assert states(house) == {"points": state}
        with house.store(ROOT) as store:
            erase_contact(store, contact)
        assert rows(house, "points_account") == 0


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_purge_works_from_a_broken_state(config: Config, site: Site) -> None:
    """Lesson 29: a table that somebody dropped, a column that is gone: the rest is taken away all the same."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        do(house, "disable", "points")
        with house.database.transaction() as connection:
            connection.exec_driver_sql("DROP TABLE points_move")
            connection.exec_driver_sql("ALTER TABLE points_account DROP COLUMN balance")
        do(house, "uninstall", "points")
        assert [name for name in snapshot(house) if name.startswith("points")] == []


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_plugin_named_like_core_owns_none_of_its_tables(config: Config, site: Site) -> None:
    """Lesson 30: even a row that claims the name of a core table gives no right to it."""
    site.install("contact", body="")
    with opened(config) as house:
        with house.database.transaction() as connection:
            values = {"id": new_id(), "name": "contact", "state": "disabled", "version": "1", "manifest": {}}
            with house.store(ROOT, readonly=True) as store:
                connection.execute(insert(PluginState), [{**values, "changed_at": store.now}])
        plan = plan_action(house, ROOT, "uninstall", "contact")
        assert [(i.kind, i.name) for i in plan.items if i.effect == "drop"] == []
        assert plan_action(house, ROOT, "enable", "contact").refusals[0].code == "PLG007"


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_safe_mode_starts_with_a_plugin_that_ends_the_process(config: Config, site: Site) -> None:
    """Point 20: RETINUE_SAFE_MODE=1 starts core although importing an enabled plugin calls os._exit."""
    site.install("points", body="")
    with opened(config) as house:
        do(house, "enable", "points")
        (config.folder / "retinue.toml").write_text(config.to_toml())
    site.forget()
    site.install("points", body="import os; os._exit(7)")
    command = [sys.executable, "-c", "from retinue.cli import main; main(['plugins', 'list'])"]
    paths = os.pathsep.join([str(site.folder), *(path for path in sys.path if path)])
    env = {
        "PYTHONPATH": paths,
        "PATH": os.environ["PATH"],
        "RETINUE_CONFIG": str(config.folder / "retinue.toml"),
    }

    def start(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env={**env, **more}, capture_output=True, text=True, check=False)

    assert start().returncode == 7
    safe = start(RETINUE_SAFE_MODE="1")
    assert (safe.returncode, safe.stderr) == (0, "")
    assert "points\tenabled" in safe.stdout
