"""The plugin's life: on, off, on again, back to nothing, and core in the meantime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from retinue.actor import Actor
from retinue.app import House
from retinue.plugins import discover, migrations
from retinue.plugins.migration_scripts import read_chain
from retinue.plugins.probe import probe_import
from retinue.storage import MODELS
from retinue.testing.conformance.looking import try_empty
from retinue.testing.house import Crm

SYSTEM = Actor.system("conformance")
Enable = Callable[[House], None]


def shape(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of each table."""
    inspector = inspect(connection)
    return {
        name: sorted(f"{c['name']} {c['type']} {c['nullable']}" for c in inspector.get_columns(name))
        for name in sorted(inspector.get_table_names())
    }


def look(house: House) -> dict[str, list[str]]:
    """Return the shape of an installation's database."""
    with house.database.engine.connect() as connection:
        return shape(connection)


def required(house: House, name: str) -> set[str]:
    """Return the plugin and those it requires, directly or not."""
    found = {name}
    for other in house.catalogue[name].manifest.requires:
        found |= required(house, other)
    return found


def test_import_does_nothing_but_define(subject: str) -> None:
    """An import that starts a thread, replaces core's code or ends the process would do so in every process."""
    assert [str(fault) for fault in probe_import(discover()[subject])] == []


def test_enabling_adds_only_own_tables(fresh: House, enable: Enable, subject: str) -> None:
    """No table of core or of another plugin is touched."""
    before = look(fresh)
    enable(fresh)
    after = look(fresh)
    assert {name: after[name] for name in before} == before
    owners = required(fresh, subject)
    new = {name.removeprefix("alembic_") for name in set(after) - set(before)}
    assert [name for name in new if not any(name == o or name.startswith(f"{o}_") for o in owners)] == []


def test_migrations_make_the_tables_of_the_models(fresh: House, enable: Enable, subject: str) -> None:
    """What the code believes and what the database has are the same."""
    enable(fresh)
    models = [m for m in MODELS.values() if m.__plugin__ == subject]
    for metadata in {id(model.metadata): model.metadata for model in models}.values():
        with fresh.database.engine.connect() as connection:

            def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
                return kind != "table" or str(name) == subject or str(name).startswith(f"{subject}_")

            options = {"include_object": ours, "compare_type": fresh.database.kind == "postgresql"}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []


def test_enabling_twice_is_harmless(fresh: House, enable: Enable, subject: str) -> None:
    """The second time changes nothing."""
    enable(fresh)
    before = look(fresh)
    fresh.enable(SYSTEM, subject)
    assert look(fresh) == before
    assert subject in fresh.plugins.loaded


def test_disabling_keeps_the_tables_and_takes_all_else_away(
    fresh: House, enable: Enable, subject: str
) -> None:
    """Off means off, and the data stay."""
    enable(fresh)
    before = look(fresh)
    fresh.disable(SYSTEM, subject)
    assert look(fresh) == before
    assert subject not in fresh.plugins.loaded
    assert [p.name for p in fresh.permissions if getattr(p, "plugin", None) == subject] == []
    fresh.enable(SYSTEM, subject)
    assert subject in fresh.plugins.loaded
    assert look(fresh) == before


def test_way_back_leaves_no_trace_and_up_again_works(fresh: House, enable: Enable, subject: str) -> None:
    """Down to nothing and up again, on the same database."""
    house = fresh
    chain = read_chain(migrations.line_of(house.catalogue[subject]), [subject])
    if not chain.scripts or any(script.irreversible for script in chain.scripts):
        return
    enable(fresh)
    up = look(fresh)
    house.disable(SYSTEM, subject)
    lines = house.lines(required(fresh, subject))
    with house.database.engine.connect() as connection:
        migrations.downgrade(connection, lines, subject, 0)
    assert [name for name in look(fresh) if name == subject or name.startswith(f"{subject}_")] == []
    house.enable(SYSTEM, subject)
    assert look(fresh) == up


def test_core_lives_on_while_the_plugin_is_off(open_fresh: Any, kind_of_database: str, subject: str) -> None:
    """Rows of a plugin that is off never keep core from changing, removing or merging its own."""
    with open_fresh(kind_of_database, subject) as crm:
        api = crm.user().client
        ids = [
            api.post("/contacts", {"given_name": "Ada", "family_name": name}).json()["id"]
            for name in ("Byron", "King")
        ]
        crm.house.disable(SYSTEM, subject)
        crm.rebuild()
        assert api.patch(f"/contacts/{ids[0]}", {"city": "London"}).status_code == 200
        assert api.post(f"/contacts/{ids[0]}/merge", {"merged": [ids[1]]}).status_code == 200
        assert api.delete(f"/contacts/{ids[0]}").status_code == 204


def test_foreign_keys_to_core_say_what_happens_on_delete(on: Crm, subject: str, table: str) -> None:
    """The database itself knows it: code that is gone cannot help."""
    with on.house.database.engine.connect() as connection:
        for foreign in inspect(connection).get_foreign_keys(table):
            assert foreign["options"].get("ondelete"), f"{subject}: {table} → {foreign['referred_table']}"


def test_table_can_be_emptied_without_its_code(on: Crm, subject: str, table: str) -> None:
    """Uninstalling knows no class of the plugin, only the names in its manifest; what points at rows goes before."""
    try_empty(on, table, on.house.catalogue[subject].manifest.tables)


def test_manifest_and_code_name_the_same(on: Crm, subject: str) -> None:
    """What an administrator reads beforehand is what then runs."""
    loaded = on.house.plugins.loaded[subject]
    said = on.house.catalogue[subject].manifest
    absent = set(said.hooks) - set(on.house.plugins.specs)  # published by a plugin that is not installed
    assert loaded.manifest.hooks == tuple(sorted(set(said.hooks or loaded.manifest.hooks) - absent))
    if said.complete:
        assert {k: len(v) for k, v in loaded.manifest.contributions.items() if v} == {
            k: len(v) for k, v in said.contributions.items() if v
        }


def test_plugin_loads_without_a_fault(on: Crm, subject: str) -> None:
    """Nobody has to be set aside for it, and it for nobody."""
    assert subject in on.house.plugins.loaded
    assert on.house.plugins.set_aside == {}
