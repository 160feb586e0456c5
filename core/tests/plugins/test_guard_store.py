"""Tell hooks on a real database: each plugin in its own SAVEPOINT, writes attributed, failures isolated."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped

from retinue.actor import Actor
from retinue.plugins import HookFailed, build_plugin_set, discover
from retinue.storage import Access, AuditEntry, Database, field, key, plugin_base, seal_audit, verify_audit

if TYPE_CHECKING:
    from conftest import Site


class Mark(plugin_base("probe")):  # type: ignore[misc]
    """A row a hook leaves."""

    __tablename__ = "probe_mark"
    __access__ = Access.system()

    id: Mapped[Any] = key()
    name: Mapped[str] = field(String(40), label="Name")


@pytest.fixture
def marked(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return a database with the table of marks, the class within reach of throwaway plugins."""
    with database.transaction() as connection:
        Mark.metadata.create_all(connection)
    monkeypatch.setattr(sys, "retinue_test_mark", Mark, raising=False)
    return database


def plugin(site: Site, name: str, hook: str = "contacts_created", extra: str = "pass") -> None:
    body = f"""
    import sys
    from retinue.plugins import hookimpl
    Mark = sys.retinue_test_mark

    @hookimpl
    def {hook}(store):
        store.add(Mark(name="{name}"))
        {extra}
    """
    site.install(name, body=body)


def names_in(database: Database) -> list[str]:
    with database.store(Actor.system("look"), readonly=True) as store:
        return store.scalars(select(Mark.name).order_by(Mark.name))


def marks_by(store: Any) -> list[str]:
    """Return the plugins that wrote marks, as the audit says."""
    entries = store.scalars(select(AuditEntry).where(AuditEntry.table_name == "probe_mark"))
    return sorted(str(entry.plugin) for entry in entries)


DATABASE_ERROR = "store.flush(); store.add(Mark(name=None)); store.flush()"


@pytest.mark.parametrize("extra", ["raise ValueError('boom')", "store.flush(); 1 / 0", DATABASE_ERROR])
def test_failing_plugin_loses_its_writes_and_nobody_else(marked: Database, site: Site, extra: str) -> None:
    """Point 9: the plugin's write is rolled back, core's and the others' are kept."""
    plugin(site, "aa")
    plugin(site, "bb", extra=extra)
    plugin(site, "cc")
    plugins = build_plugin_set(discover(), ["aa", "bb", "cc"])
    with marked.store(Actor.system("test"), hooks=plugins.hooks) as store:
        store.add(Mark(name="core"))
        store.hooks.contacts_created(store, [])
        store.add(Mark(name="later"))
    assert names_in(marked) == ["aa", "cc", "core", "later"]
    assert [f.plugin for f in plugins.watch.failures] == ["bb"]
    with marked.store(Actor.system("look")) as store:
        entries = store.scalars(select(AuditEntry).order_by(AuditEntry.id))
        failures = [(e.detail["plugin"], e.detail["hook"]) for e in entries if e.action == "plugin.fail"]
        assert failures == [("bb", "contacts_created")]
        if extra != DATABASE_ERROR:
            assert marks_by(store) == ["None", "None", "aa", "cc"]
        seal_audit(store)
    with marked.store(Actor.system("look")) as store:
        assert verify_audit(store).faults == ()


def test_failed_flush_in_a_hook_leaves_no_audit(marked: Database, site: Site) -> None:
    plugin(site, "bb", extra=DATABASE_ERROR)
    plugin(site, "cc")
    plugins = build_plugin_set(discover(), ["bb", "cc"])
    with marked.store(Actor.system("test"), hooks=plugins.hooks) as store:
        store.hooks.contacts_created(store, [])
    with marked.store(Actor.system("look")) as store:
        assert marks_by(store) == ["cc"]


def test_failing_abort_hook_undoes_everything(marked: Database, site: Site) -> None:
    plugin(site, "aa", "contacts_erased")
    plugin(site, "bb", "contacts_erased", "raise ValueError('boom')")
    plugins = build_plugin_set(discover(), ["aa", "bb"])

    def erase() -> None:
        with marked.store(Actor.system("test"), hooks=plugins.hooks) as store:
            store.add(Mark(name="core"))
            store.hooks.contacts_erased(store, [])

    with pytest.raises(HookFailed):
        erase()
    assert names_in(marked) == []


def test_failing_ask_leaves_the_transaction_usable(marked: Database, site: Site) -> None:
    """A failed statement poisons a PostgreSQL transaction, so an isolated ask has its SAVEPOINT too."""
    body = """
    import sys
    from retinue.plugins import hookimpl
    from sqlalchemy import func, select
    @hookimpl
    def contact_errors(store):
        store.scalar(select(func.no_such_function(sys.retinue_test_mark.name)))
    """
    site.install("asker", body=body)
    plugins = build_plugin_set(discover(), ["asker"])
    with marked.store(Actor.system("test"), hooks=plugins.hooks) as store:
        store.add(Mark(name="core"))
        assert store.hooks.contact_errors(store, []) == []
    assert names_in(marked) == ["core"]
    assert len(plugins.watch.failures) == 1


def test_first_audit_of_a_transaction_may_fail_inside_a_hook(marked: Database, site: Site) -> None:
    plugin(site, "bb", extra="store.flush(); 1 / 0")
    plugins = build_plugin_set(discover(), ["bb"])
    with marked.store(Actor.system("test"), hooks=plugins.hooks) as store:
        store.hooks.contacts_created(store, [])
        store.add(Mark(name="later"))
    assert names_in(marked) == ["later"]
