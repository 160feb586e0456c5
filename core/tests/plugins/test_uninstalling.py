"""Uninstalling: export, purge, proof, and the way back."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lifecycle_kit import ROOT, _trusted, add_contact, do, install_badges, install_points, opened, snapshot
from sqlalchemy import select

from retinue.access import create_role
from retinue.access.models import Role
from retinue.app.lifecycle.deeds import apply_plan, plan_action
from retinue.app.lifecycle.restoring import import_archive
from retinue.config import Config
from retinue.contacts.custom import create_custom_field, list_custom_fields, set_field_rule
from retinue.contacts.erasing import erase_contact
from retinue.contacts.models import Contact
from retinue.contacts.service import create_contact
from retinue.errors import Conflict, Invalid
from retinue.interactions.models import Interaction
from retinue.storage import MODELS, new_id
from retinue.storage.tables import read_rows_of, write_rows_of

if TYPE_CHECKING:
    from conftest import Site

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:This declarative base already contains a class:sqlalchemy.exc.SAWarning"
    ),
    pytest.mark.usefixtures(_trusted.__name__),
]


alike = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
"""What is decided before any statement, and so alike on every database."""


def use(house: Any) -> list[Any]:
    """Use points: two contacts with accounts, a role with its permission, a job that waits."""
    ids = [add_contact(house, "Byron"), add_contact(house, "Curie")]
    with house.store(ROOT) as store:
        role = {"name": "Clerks", "permissions": {"contact.read": "all", "points.adjust": "all"}}
        create_role(store, role, guard=house.guard)
        store.later("points.expire_balances", {}, delay=3600)
    return ids


def notes(house: Any) -> list[str]:
    account = MODELS["points_account"]
    with house.store(ROOT, readonly=True) as store:
        return sorted(row.note for row in store.scalars(select(account)))


def test_uninstall_leaves_what_was_there_before_and_import_brings_it_back(
    config: Config, site: Site, tmp_path: Path
) -> None:
    """Point 2: snapshot, install, use, uninstall with export: equal but for the audit; import: equal rows again."""
    install_points(site)
    with opened(config) as house:
        add_contact(house, "Before")
        empty = snapshot(house, "contact", "contact_lookup", "access_set", "access_reader")
        before = snapshot(house)
        do(house, "enable", "points")
        do(house, "disable", "points")
        do(house, "uninstall", "points", export=tmp_path / "unused.zip")
        assert snapshot(house) == before

        do(house, "enable", "points")
        use(house)
        assert notes(house) == ["welcome, Byron", "welcome, Curie"]
        do(house, "disable", "points")
        used = snapshot(house, "plugin_state", "job")
        done = do(house, "uninstall", "points", export=tmp_path / "points.zip")
        assert (done.exported["points/tables/points_account.jsonl"], done.proven_rows > 5) == (2, True)
        after = snapshot(house)
        assert {name for name in after if name.startswith(("points", "alembic_points"))} == set()
        with house.store(ROOT, readonly=True) as store:
            (role,) = [r for r in store.scalars(select(Role)) if r.name == "Clerks"]
            assert role.permissions == {"contact.read": "all"}
            assert {i.kind for i in store.scalars(select(Interaction))} == {"note"}
        assert after["interaction_kind"] == empty["interaction_kind"]

        restored = import_archive(house, ROOT, tmp_path / "points.zip")
        assert (restored.plugins, restored.left_out) == (["points"], {})
        assert snapshot(house, "plugin_state", "job") == used
        with house.database.transaction() as connection:
            (job,) = read_rows_of(connection, "job", plugin="points")
        assert (job["name"], job["state"]) == ("points.expire_balances", "parked")
        do(house, "enable", "points")
        assert notes(house) == ["welcome, Byron", "welcome, Curie"]


@alike
def test_archive_holds_sealed_values_sealed_and_is_the_owners_alone(
    config: Config, site: Site, tmp_path: Path
) -> None:
    """Nothing that the database seals stands readable in the file; the file is marked and closed to others."""
    install_points(site)
    path = tmp_path / "points.zip"
    with opened(config) as house:
        do(house, "enable", "points")
        use(house)
        do(house, "uninstall", "points", export=path)
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        index = json.loads(archive.read("index.json"))
    assert b"sealed_data" in everything
    assert b"welcome" not in everything
    assert b"ten points" not in everything
    assert "Personal data" in index["note"]


@alike
def test_person_erased_after_the_export_does_not_come_back(
    config: Config, site: Site, tmp_path: Path
) -> None:
    """An erasure between uninstall and import holds: the rows are left out and counted."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        first, _ = use(house)
        do(house, "uninstall", "points", export=tmp_path / "points.zip")
        with house.store(ROOT) as store:
            erase_contact(store, first)
        restored = import_archive(house, ROOT, tmp_path / "points.zip")
        assert restored.left_out == {"points_account": 1, "points_move": 1, "interaction": 1}
        do(house, "enable", "points")
        assert notes(house) == ["welcome, Curie"]


@alike
def test_archive_that_was_changed_is_refused(config: Config, site: Site, tmp_path: Path) -> None:
    install_points(site)
    path = tmp_path / "points.zip"
    with opened(config) as house:
        do(house, "enable", "points")
        use(house)
        do(house, "uninstall", "points", export=path)
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(forged, "w") as new:
            for name in old.namelist():
                text = old.read(name)
                new.writestr(name, text.replace(b'"rows": 2', b'"rows": 3') if name == "index.json" else text)
        with pytest.raises(Invalid) as raised:
            import_archive(house, ROOT, forged)
        assert raised.value.code == "archive-signature"
        damaged = tmp_path / "damaged.zip"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(damaged, "w") as new:
            for name in old.namelist():
                text = old.read(name)
                new.writestr(name, text.replace(b'"balance": 10', b'"balance": 99'))
        with pytest.raises(Invalid) as raised:
            import_archive(house, ROOT, damaged)
        assert raised.value.code == "archive-damaged"
        (tmp_path / "no.zip").write_text("x")
        with pytest.raises(Invalid):
            import_archive(house, ROOT, tmp_path / "no.zip")


def test_uninstall_is_refused_while_another_stands_on_it_and_cascade_lists_all(
    config: Config, site: Site, tmp_path: Path
) -> None:
    """Point 4: refusal names who requires it; --cascade prints the full list of tables with their rows."""
    install_points(site)
    install_badges(site)
    with opened(config) as house:
        before = snapshot(house)
        do(house, "enable", "points")
        do(house, "enable", "badges")
        add_contact(house, "Byron")
        with house.database.transaction() as connection:
            (account,) = read_rows_of(connection, "points_account")
            badge = {"id": new_id().hex, "account_id": account["id"], "label": "gold"}
            write_rows_of(connection, "badges_badge", [badge])
        with pytest.raises(Conflict) as raised:
            do(house, "uninstall", "points")
        assert raised.value.extra == {"required_by": ["badges"]}
        with pytest.raises(Conflict) as raised:
            do(house, "disable", "points")
        assert raised.value.extra == {"required_by": ["badges"]}
        plan = plan_action(house, ROOT, "uninstall", "points", cascade=True)
        dropped = [(i.name, i.rows) for i in plan.items if i.effect == "drop"]
        assert plan.plugins == ("badges", "points")
        assert dropped == [
            ("badges_badge", 1), ("alembic_badges", 1), ("points_move", 1), ("points_account", 1), ("alembic_points", 1)
        ]  # fmt: skip
        with house.database.transaction() as connection:
            used = list(read_rows_of(connection, "badges_badge"))
        apply_plan(house, ROOT, plan, export=tmp_path / "both.zip")
        assert set(snapshot(house)) == set(before)
        import_archive(house, ROOT, tmp_path / "both.zip")
        with house.database.transaction() as connection:
            assert list(read_rows_of(connection, "badges_badge")) == used


@alike
def test_uninstall_is_refused_while_tables_of_another_point_at_its_own(config: Config, site: Site) -> None:
    """A plugin that is off but has rows there counts too: its rows would go, or block the purge."""
    install_points(site)
    install_badges(site)
    with opened(config) as house:
        do(house, "enable", "points")
        do(house, "enable", "badges")
        do(house, "disable", "badges")
        with pytest.raises(Conflict) as raised:
            do(house, "uninstall", "points")
        assert raised.value.code == "plugin-required"
        assert "tables of badges point at tables of points" in raised.value.detail
        do(house, "uninstall", "points", cascade=True)
        assert [n for n in snapshot(house) if n.startswith(("points", "badges"))] == []


@alike
def test_failing_purge_undoes_everything_and_leaves_no_file(
    config: Config, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lesson 20: it goes whole or not at all, and the export of a purge that did not happen is no export."""
    from retinue.app.lifecycle import purging

    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        use(house)
        before = snapshot(house)

        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("the disk went away")

        monkeypatch.setattr(purging, "forget_plugin", fail)
        with pytest.raises(RuntimeError):
            do(house, "uninstall", "points", export=tmp_path / "points.zip")
        assert snapshot(house) == before
        assert list(tmp_path.glob("points.zip*")) == []


def test_purge_that_would_touch_a_row_of_another_is_undone(
    config: Config, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lesson 30: the proof compares every other row; one that changed stops the purge and names its table."""
    from retinue.app.lifecycle import purging
    from retinue.storage.tables import delete_rows_of

    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        use(house)
        before = snapshot(house)
        real = purging._take_away

        def too_much(census: Any, known: Any) -> list[str]:
            delete_rows_of(census.connection, "interaction", kind="note")
            return real(census, known)

        monkeypatch.setattr(purging, "_take_away", too_much)
        with pytest.raises(Conflict) as raised:
            do(house, "uninstall", "points")
        assert (raised.value.code, raised.value.extra) == ("purge-unproven", {"tables": ["interaction"]})
        assert snapshot(house) == before


@alike
def test_plugin_is_new_after_uninstall(config: Config, site: Site) -> None:
    """Lesson 5: migration rows go with the tables, so a second installation is like the first."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        first = snapshot(house)["schema"]
        do(house, "uninstall", "points")
        plan = plan_action(house, ROOT, "enable", "points")
        assert [i.name for i in plan.items if i.effect == "run"] == ["points 0001"]
        do(house, "enable", "points")
        assert snapshot(house)["schema"] == first


def test_custom_fields_of_a_plugin_go_with_it_and_come_back(
    config: Config, site: Site, tmp_path: Path
) -> None:
    """Lessons 14, 15: core knows whose a field is; none that a plugin demanded keeps a form from working."""
    install_points(site)
    with opened(config) as house:
        with house.store(ROOT) as store:
            create_custom_field(store, {"key": "shoe_size", "label": "Shoe size", "kind": "integer"})
        do(house, "enable", "points")
        with house.store(ROOT) as store:
            for key, protection in (("card", "open"), ("pin", "sealed")):
                draft = {"key": key, "label": key, "kind": "text", "protection": protection}
                create_custom_field(store, draft, plugin="points")
            set_field_rule(store, "custom.card", required=True, plugin="points")
        with house.store(ROOT) as store:
            draft = {
                "kind": "person",
                "family_name": "Byron",
                "custom": {"card": "card no 7", "pin": "9", "shoe_size": 38},
            }
            contact = create_contact(store, draft).id
        with house.store(ROOT) as store, pytest.raises(Invalid):
            create_contact(store, {"kind": "person", "family_name": "Curie"})
        do(house, "uninstall", "points", export=tmp_path / "points.zip")
        with house.store(ROOT) as store:
            create_contact(store, {"kind": "person", "family_name": "Curie"})
            kept = store.get(Contact, contact)
            assert (kept.custom, kept.custom_sealed) == ({"shoe_size": 38}, {})
            assert [field.key for field in list_custom_fields(store)] == ["shoe_size"]
        with zipfile.ZipFile(tmp_path / "points.zip") as archive:
            assert b"card no 7" not in archive.read("points/values/custom.jsonl")
        import_archive(house, ROOT, tmp_path / "points.zip")
        with house.store(ROOT) as store:
            back = store.get(Contact, contact)
            assert (back.custom, back.custom_sealed) == ({"shoe_size": 38, "card": "card no 7"}, {"pin": "9"})


@alike
def test_import_that_collides_changes_nothing(config: Config, site: Site, tmp_path: Path) -> None:
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        with house.store(ROOT) as store:
            create_custom_field(store, {"key": "card", "label": "Card", "kind": "text"}, plugin="points")
        do(house, "uninstall", "points", export=tmp_path / "points.zip")
        with house.store(ROOT) as store:
            create_custom_field(store, {"key": "card", "label": "Card", "kind": "text"})
        before = snapshot(house)
        with pytest.raises(Conflict) as raised:
            import_archive(house, ROOT, tmp_path / "points.zip")
        assert raised.value.code == "import-collides"
        assert snapshot(house) == before
