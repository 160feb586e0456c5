"""The plugins that come with core are taken away as strangers' are: nothing of them is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retinue.actor import Actor
from retinue.app import open_house
from retinue.app.lifecycle.deeds import apply_plan, plan_action
from retinue.app.lifecycle.facts import FIGURES, STAY
from retinue.app.lifecycle.restoring import import_archive
from retinue.plugins import discover
from retinue.storage.tables import digest_rows, schema_of, table_names

ROOT = Actor.system("test")
BUNDLED = sorted(
    name for name, found in discover().items() if found.manifest.distribution.startswith("retinue-")
)


def picture(house: Any) -> dict[str, Any]:
    """Return the whole database but for the audit, counters, measurements and the engine of jobs."""
    skip = {*STAY, *FIGURES, "plugin_epoch", "job_executor", "job_schedule"}
    with house.database.transaction() as connection:
        names = [name for name in table_names(connection) if name not in skip]
        return {
            "schema": schema_of(connection, names),
            **{name: digest_rows(connection, name) for name in names},
        }


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_bundled_plugins_leave_nothing_behind(config: Any, tmp_path: Path) -> None:
    """Points 2 and 15: enable all of them, uninstall them one after the other; the database is as it was before."""
    with open_house(config) as house:
        before = picture(house)
        order: list[str] = []
        publishers = [name for name in BUNDLED if house.catalogue[name].manifest.publishes]
        while waiting := [name for name in (*publishers, *BUNDLED) if name not in order]:
            name = next(n for n in waiting if set(house.catalogue[n].manifest.requires) <= set(order))
            apply_plan(house, ROOT, plan_action(house, ROOT, "enable", name))
            order.append(name)
        used = picture(house)
        assert not house.plugins.set_aside
        for name in reversed(order):
            plan = plan_action(house, ROOT, "uninstall", name)
            apply_plan(house, ROOT, plan, export=tmp_path / f"{name}.zip")
        assert picture(house) == before
        for name in order:
            import_archive(house, ROOT, tmp_path / f"{name}.zip")
            apply_plan(house, ROOT, plan_action(house, ROOT, "enable", name))
        again = picture(house)
        assert {k: v for k, v in again.items() if k != "plugin_state"} == {
            k: v for k, v in used.items() if k != "plugin_state"
        }
