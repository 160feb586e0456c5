"""The plugin as the host sees it: manifest, hooks, migrations."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

import retinue_webhooks
from retinue.plugins import FieldChange, core_specs, migrations, parse_manifest
from retinue.plugins.discovery import Found
from retinue.plugins.loading import load, resolve
from retinue.plugins.migration_scripts import Line, line_of
from retinue.storage import Database, check_declarations
from retinue_webhooks.models import Base, Event

FOLDER = str(files("retinue_webhooks"))
MANIFEST = parse_manifest((Path(FOLDER) / "plugin.toml").read_text(encoding="utf-8"))


def test_manifest_fits_the_code() -> None:
    loaded = load(Found("webhooks", MANIFEST, FOLDER), retinue_webhooks, {}, core_specs())
    assert len(loaded.implementations) == len(MANIFEST.hooks)
    assert set(MANIFEST.tables) == set(Base.metadata.tables)
    for kind in ("jobs", "routes"):
        for item in MANIFEST.contributions[kind]:
            assert resolve("webhooks", item.run if kind == "jobs" else item.handlers)


def test_declarations_are_complete() -> None:
    check_declarations([mapper.class_ for mapper in Base.registry.mappers])


def test_migrations_make_the_tables_of_the_models(database: Database) -> None:
    line = line_of(Found("webhooks", MANIFEST, FOLDER))
    Base.metadata.drop_all(database.engine)
    with database.engine.connect() as connection:
        migrations.upgrade(connection, [Line("core"), line])

        def ours(_object: object, name: str, kind: str, *_: object) -> bool:
            return kind != "table" or name.startswith("webhooks_")

        options = {"include_object": ours, "compare_type": database.kind == "postgresql"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        connection.rollback()
        migrations.downgrade(connection, [Line("core"), line], "webhooks", 0)


def bodies(world) -> list[tuple[str, list[dict[str, object]]]]:
    import json

    with world.opened() as store:
        rows = store.rows(select(Event.name, Event.body).order_by(Event.id))
    return [(row.name, json.loads(row.body)["data"]["items"]) for row in rows]


def test_hooks_announce_ids_and_names_of_fields_and_no_value(world) -> None:
    one, two, three = (
        SimpleNamespace(id=uuid4(), name="Secret Name", contact_id=uuid4(), kind="Secret") for _ in range(3)
    )
    with world.opened() as store:
        retinue_webhooks.contacts_created(store, [one, two])
        changes = [
            FieldChange(one.id, "name", "Old Secret", "Secret Name"),
            FieldChange(one.id, "city", None, "Brno"),
        ]
        retinue_webhooks.contacts_changed(store, [one, two], changes)
        retinue_webhooks.contacts_removed(store, [two])
        retinue_webhooks.contacts_merged(store, one, [two, three])
        retinue_webhooks.contacts_erased(store, [one.id])
        retinue_webhooks.interactions_recorded(store, [one])
    assert bodies(world) == [
        ("contact.created", [{"id": str(one.id)}, {"id": str(two.id)}]),
        (
            "contact.changed",
            [{"id": str(one.id), "fields": ["city", "name"]}, {"id": str(two.id), "fields": []}],
        ),
        ("contact.removed", [{"id": str(two.id)}]),
        ("contact.merged", [{"id": str(one.id), "merged_ids": [str(two.id), str(three.id)]}]),
        ("contact.erased", [{"id": str(one.id)}]),
    ]
    world.set_events(["interaction.recorded"])
    with world.opened() as store:
        retinue_webhooks.interactions_recorded(store, [one])
    assert bodies(world)[-1] == (
        "interaction.recorded",
        [{"id": str(one.id), "contact_id": str(one.contact_id)}],
    )
    assert "Secret" not in str(bodies(world))
