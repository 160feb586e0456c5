"""Who may talk to the database past the Store: nobody but storage, and the exemptions below."""

from __future__ import annotations

import ast

from house_source import Source, sources

CALLS = {"commit", "rollback", "execute", "exec_driver_sql"}
EXEMPT = {
    "retinue.jobs": (33, "the jobs engine keeps its own tables, in the caller's transaction or in its own"),
    "retinue.plugins.migration_run": (5, "migrations are DDL: foreign keys off and on, one lock, one check"),
    "retinue.app.house": (1, "reads which plugins are on before anything is known of their tables"),
    "retinue.app.serving": (1, "readiness asks whether the database answers at all"),
    "retinue.contacts.erasing": (
        3,
        "erasure must reach rows no rule shows: removed contacts, tables of plugins that are off",
    ),
    "retinue.interactions.service": (
        1,
        "a derived date, set by one statement for many contacts, beneath the versions",
    ),
    "retinue.testing.postgres": (2, "makes and drops the databases of tests"),
    "retinue.testing.conformance.looking": (1, "asks what is really there, and takes everything back"),
    "retinue.testing.privacy": (1, "reads every table as it is, to find what an erasure left"),
    "retinue.testing.fixtures": (1, "folds the journal of a template database into its file"),
}
"""Module or room → how many calls it makes, and why. The numbers only fall; a new entry is a decision."""


def _owner(source: Source) -> str:
    room = ".".join(source.module.split(".")[:2])
    return room if room in EXEMPT else source.module


def _calls(source: Source) -> list[str]:
    return [
        f"{source.line(node)}: .{node.func.attr}("
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
    ]


def _found() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source in sources():
        if not source.module.startswith("retinue.storage") and not source.is_migration:
            found.setdefault(_owner(source), []).extend(_calls(source))
    return {owner: calls for owner, calls in found.items() if calls}


def test_only_storage_talks_to_the_database() -> None:
    """Past the Store there is no row scope, no sealing and no audit."""
    strangers = [call for owner, calls in _found().items() if owner not in EXEMPT for call in calls]
    assert not strangers, "use the Store (docs/house.md, storage: one door):\n" + "\n".join(strangers)


def test_exemptions_only_shrink() -> None:
    """An exemption whose reason is gone goes too; one that grows hides a new way past the Store."""
    found = _found()
    wrong = [
        f"{owner}: {len(found.get(owner, []))} calls, {allowed} allowed ({why})"
        for owner, (allowed, why) in EXEMPT.items()
        if len(found.get(owner, [])) != allowed
    ]
    assert not wrong, "correct EXEMPT downwards, or use the Store:\n" + "\n".join(wrong)
