"""The plugin as the host sees it: manifest, tables, migrations, faces."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import retinue_io
from retinue.plugins import core_specs, migrations, parse_manifest
from retinue.plugins.discovery import Found
from retinue.plugins.loading import load, resolve
from retinue.plugins.migration_scripts import Line, line_of
from retinue.storage import Database, check_declarations
from retinue_io.models import Base

FOLDER = str(files("retinue_io"))
MANIFEST = parse_manifest((Path(FOLDER) / "plugin.toml").read_text(encoding="utf-8"))


def test_manifest_fits_the_code() -> None:
    load(Found("io", MANIFEST, FOLDER), retinue_io, {}, core_specs())
    assert set(MANIFEST.tables) == set(Base.metadata.tables)
    for kind in ("jobs", "routes", "commands"):
        for item in MANIFEST.contributions[kind]:
            assert resolve("io", item.handlers if kind == "routes" else item.run)


def test_declarations_are_complete() -> None:
    check_declarations([mapper.class_ for mapper in Base.registry.mappers])


def test_migrations_make_the_tables_of_the_models(database: Database) -> None:
    line = line_of(Found("io", MANIFEST, FOLDER))
    with database.engine.connect() as connection:
        migrations.upgrade(connection, [Line("core"), line])

        def ours(_object: object, name: str, kind: str, *_: object) -> bool:
            return kind != "table" or name.startswith("io_")

        options = {"include_object": ours, "compare_type": database.kind == "postgresql"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        connection.rollback()
        migrations.downgrade(connection, [Line("core"), line], "io", 0)
