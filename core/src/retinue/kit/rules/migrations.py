"""Migrations: a line of its own, for its own tables, that makes exactly the tables of the models."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retinue.kit.findings import Hit, rule, rules_of
from retinue.kit.names import keyword, text_of
from retinue.kit.rules.models import mapped
from retinue.kit.source import Project, line_with

_FILE = re.compile(r"[\w-]+\.py")
_LINE = re.compile(r"line (\d+)")


def _chain(code: str, project: Project) -> Iterator[Hit]:
    for fault in project.chain_faults:
        if fault.code == code:
            yield _hit(project, fault.detail, fault.remedy or "Correct the script.")


def _hit(project: Project, detail: str, remedy: str) -> Hit:
    assert project.folder is not None
    versions = project.folder / "migrations" / "versions"
    file, number = _FILE.search(detail), _LINE.search(detail)
    path = versions / file[0] if file else versions
    line = int(number[1]) if number else line_with(path, "revision =") if file else 1
    return Hit(project.show(path), line, detail, remedy)


rules_of(
    {
        "MIG002": "Migrations are one chain of the plugin's own.",
        "MIG003": "Each revision is there once.",
        "MIG005": "Each migration says its level, and levels grow.",
        "MIG006": "No migration depends on another distribution's revision.",
        "MIG007": "Every migration can be read.",
        "MIG008": "A migration touches only the plugin's own tables.",
        "MIG010": "A migration can be undone, or says that it cannot.",
    },
    "bronze",
    _chain,
)


@rule("MIG016", "bronze", "A foreign key in a migration says what happens on delete.")
def no_on_delete(project: Project) -> Iterator[Hit]:
    """The database enforces what the migration made, not what the model says."""
    for source in project.migrations:
        for call, name in source.calls():
            points = name.rpartition(".")[2] in ("ForeignKey", "ForeignKeyConstraint", "create_foreign_key")
            if points and keyword(call, "ondelete") is None:
                yield Hit(source.name, call.lineno, "the foreign key has no ON DELETE.", "Say ondelete=….")


@rule("MIG017", "bronze", "Every table of the models is made by a migration.")
def unmade_table(project: Project) -> Iterator[Hit]:
    """Without a migration the table is there in no installation."""
    if project.folder is None:
        return
    made = {
        text_of(call.args[0])
        for source in project.migrations
        for call, name in source.calls()
        if name.rpartition(".")[2] in ("create_table", "rename_table") and call.args
    }
    made |= {
        text_of(call.args[1])
        for source in project.migrations
        for call, name in source.calls()
        if name.endswith("rename_table") and len(call.args) > 1
    }
    computed = any(
        name.endswith("create_table") and call.args and not text_of(call.args[0])
        for source in project.migrations
        for call, name in source.calls()
    )
    for item in mapped(project):
        own = item.table == project.name or item.table.startswith(f"{project.name}_")
        if own and item.table not in made and not computed:
            remedy = "Write one in migrations/versions."
            yield Hit(item.source.name, item.line, f"no migration makes the table {item.table}.", remedy)
