"""The plugin as the host sees it: manifest, hooks, migrations, personal data."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import retinue_gdpr
import retinue_gdpr.duty_models
from retinue.plugins import core_specs, migrations, parse_manifest
from retinue.plugins.discovery import Found
from retinue.plugins.loading import load, resolve
from retinue.plugins.migration_scripts import Line, line_of
from retinue.storage import Database, check_declarations
from retinue_gdpr.models import Base

FOLDER = str(files("retinue_gdpr"))
MANIFEST = parse_manifest((Path(FOLDER) / "plugin.toml").read_text(encoding="utf-8"))


def test_manifest_fits_the_code() -> None:
    """GD-x1: every column of every table is declared, every reference of the manifest leads somewhere."""
    loaded = load(Found("gdpr", MANIFEST, FOLDER), retinue_gdpr, {}, core_specs())
    assert len(loaded.implementations) == len(MANIFEST.hooks)
    assert set(MANIFEST.tables) == set(Base.metadata.tables)
    for kind in ("jobs", "commands", "pages", "panels"):
        for item in MANIFEST.contributions.get(kind, ()):
            assert resolve("gdpr", item.run)
    check_declarations([mapper.class_ for mapper in Base.registry.mappers])


def test_migrations_make_the_tables_of_the_models(database: Database) -> None:
    line = line_of(Found("gdpr", MANIFEST, FOLDER))
    with database.engine.connect() as connection:
        migrations.upgrade(connection, [Line("core"), line])

        def ours(_object: object, name: str, kind: str, *_: object) -> bool:
            return kind != "table" or name.startswith("gdpr_")

        options = {"include_object": ours, "compare_type": database.kind == "postgresql"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        connection.rollback()
        migrations.downgrade(connection, [Line("core"), line], "gdpr", 0)
