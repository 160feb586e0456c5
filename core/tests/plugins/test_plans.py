"""Plans: everything an action touches, and apply does exactly that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lifecycle_kit import (
    POINTS_MIGRATION,
    POINTS_TOML,
    ROOT,
    _trusted,
    add_contact,
    do,
    install_badges,
    install_points,
    opened,
    snapshot,
)
from litestar.testing import TestClient

from retinue.app.lifecycle.deeds import apply_plan, plan_action
from retinue.app.lifecycle.plans import ACTIONS, PERMISSIONS, read_plan
from retinue.app.serving import make_application
from retinue.cli import app
from retinue.cli.errors import run
from retinue.config import Config
from retinue.errors import Conflict, Denied, Invalid, NotFound
from retinue.lists.service import create_view, run_view
from retinue.plugins import PluginRefused, list_plugins
from retinue.testing.fixtures import person
from retinue.testing.house import Crm

if TYPE_CHECKING:
    from conftest import Site

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:This declarative base already contains a class:sqlalchemy.exc.SAWarning"
    ),
    pytest.mark.usefixtures(_trusted.__name__),
]
alike = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
SECOND = POINTS_MIGRATION.replace('"0001"', '"0002"').replace(
    "down_revision = None", 'down_revision = "0001"'
)
SECOND = SECOND.split("def upgrade")[0].replace("level = 1", "level = 2") + (
    "def upgrade():\n"
    '    op.create_table("points_tier", sa.Column("id", sa.Uuid, primary_key=True))\n'
    'def downgrade():\n    op.drop_table("points_tier")\n'
)


def lines(plan: Any, *effects: str) -> list[tuple[str, str, int | None]]:
    return [(i.kind, i.name, i.rows) for i in plan.items if not effects or i.effect in effects]


def states(house: Any) -> dict[str, str]:
    with house.store(ROOT, readonly=True) as store:
        return {info.name: info.state for info in list_plugins(store, catalogue=house.catalogue)}


def test_plan_lists_everything_and_apply_does_exactly_that(config: Config, site: Site) -> None:
    """Point 1: enable, disable and uninstall of a plugin in use; the plan reads back equal from its JSON."""
    install_points(site)
    with opened(config) as house:
        plan = plan_action(house, ROOT, "enable", "points")
        assert lines(plan, "run") == [("migration", "points 0001", None)]
        assert lines(plan, "start") == [
            ("fields", "points", None),
            ("interaction_kinds", "points_earned", None),
            ("jobs", "points.expire_balances", None),
            ("permissions", "points.adjust", None),
            ("schedules", "points.expire_balances", None),
            ("hooks", "contacts_created", None),
            ("grants", "interaction.create", None),
        ]
        kept = json.loads(json.dumps(plan.as_data()))
        assert read_plan(kept) == plan
        assert apply_plan(house, ROOT, read_plan(kept)).plan.as_data() == kept
        add_contact(house, "Byron")
        with house.store(ROOT) as store:
            store.later("points.expire_balances", {}, delay=3600)
        plan = plan_action(house, ROOT, "disable", "points")
        assert lines(plan, "keep", "park") == [
            ("table", "points_account", 1), ("table", "points_move", 1), ("rows", "job", 1)
        ]  # fmt: skip
        apply_plan(house, ROOT, plan)
        plan = plan_action(house, ROOT, "uninstall", "points")
        assert lines(plan, "drop", "delete") == [
            ("table", "points_move", 1),
            ("table", "points_account", 1),
            ("table", "alembic_points", 1),
            ("rows", "job", 1),
            ("interaction_kind", "points_earned", 1),
            ("rows", "plugin_state", 1),
        ]
        apply_plan(house, ROOT, plan)
        assert states(house) == {"points": "installed"}


@alike
def test_plan_changes_nothing(config: Config, site: Site) -> None:
    """Point 1: every byte of the database file is the same after every plan."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        add_contact(house, "Byron")
        file = Path(house.database.engine.url.database or "")

        def checksum() -> str:
            with house.database.engine.connect() as connection:
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.exec_driver_sql("BEGIN")
            return hashlib.sha256(file.read_bytes()).hexdigest()

        before = checksum()
        for action in ACTIONS:
            plan_action(house, ROOT, action, "points")  # type: ignore[arg-type]  # all of them
        assert checksum() == before


@alike
def test_apply_is_refused_when_the_world_has_changed(config: Config, site: Site) -> None:
    """Point 1: a row more, another plugin, another version: each makes an uninstall's plan outdated, by name."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        plan = plan_action(house, ROOT, "uninstall", "points")
        add_contact(house, "Byron")
        with pytest.raises(Conflict) as raised:
            apply_plan(house, ROOT, plan)
        assert raised.value.code == "plan-outdated"
        assert "table points_account: drop 0 rows before, drop 1 rows now" in raised.value.detail
        disable = plan_action(house, ROOT, "disable", "points")
        add_contact(house, "Curie")
        apply_plan(house, ROOT, disable)  # rows come and go, its structure did not
        with pytest.raises(Conflict, match="epoch"):
            apply_plan(house, ROOT, disable)
        forged = replace(plan_action(house, ROOT, "enable", "points"), items=())
        apply_plan(house, ROOT, forged)  # what is done is what is found, never what a file says
        assert states(house) == {"points": "enabled"}


@alike
def test_upgrade_plan_says_who_would_be_off(config: Config, site: Site) -> None:
    """Lessons 3, 27, 28, 35: new requirements are known before the upgrade; what it would switch off is listed."""
    install_points(site)
    install_badges(site)
    with opened(config) as house:
        do(house, "enable", "points")
        do(house, "enable", "badges")
    site.uninstall("points")
    gone = POINTS_TOML.replace('[[permissions]]\nname = "points.adjust"\nlabel = "Adjust points"\n', "")
    install_points(site, version="2.0", toml=gone, migrations__versions__0002_tier=SECOND.replace(
        "points_tier", "points_move_tier"))  # fmt: skip
    text = (site.folder / "retinue_badges" / "plugin.toml").read_text()
    (site.folder / "retinue_badges" / "plugin.toml").write_text(text.replace("points = 1", "points = 7"))
    with opened(config) as house:
        plan = plan_action(house, ROOT, "upgrade", "points")
        assert (plan.version, lines(plan, "stop")) == ("2.0", [("permissions", "points.adjust", None)])
        assert lines(plan, "run") == [("migration", "points 0002", None)]
        (off,) = [item for item in plan.items if item.effect == "off"]
        assert (off.name, "MIG004" in off.detail, "level 7 of points" in off.detail) == ("badges", True, True)
        before = snapshot(house)
        core = house.plan_upgrade()
        assert [(step.line, step.level) for step in core.steps] == [("points", 2)]
        assert {(fault.plugin, fault.code) for fault in core.left_out} == {("badges", "MIG004")}
        assert snapshot(house) == before
    site.uninstall("points")
    install_points(site, version="3.0", toml='requires = ["ledger"]\n' + POINTS_TOML)
    with opened(config) as house:
        plan = plan_action(house, ROOT, "upgrade", "points")
        assert {(r.code, "requires ledger" in r.detail) for r in plan.refusals} == {
            ("PLG004", True),
            ("MIG004", True),
        }
        with pytest.raises(PluginRefused):
            apply_plan(house, ROOT, plan)


@alike
def test_upgrade_takes_note_of_the_new_code(config: Config, site: Site) -> None:
    """The manifest that survives the code is that of the code that ran last."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
    site.uninstall("points")
    second = {"migrations__versions__0002_tier": SECOND.replace("points_tier", "points_move_tier")}
    install_points(site, version="2.0", **second)
    with opened(config) as house:
        do(house, "upgrade", "points")
        assert states(house) == {"points": "enabled"}
        with house.store(ROOT, readonly=True) as store:
            (info,) = list_plugins(store, catalogue=house.catalogue)
        assert info.version == "2.0"
        assert house.plugins.loaded["points"].manifest.version == "2.0"


@alike
def test_failing_enable_leaves_no_table(config: Config, site: Site) -> None:
    """Lesson 20: tables and state come in one transaction; a plugin whose import fails leaves neither."""
    install_points(site, service="1 / 0")
    with opened(config) as house:
        before = snapshot(house)
        with pytest.raises(PluginRefused):
            do(house, "enable", "points")
        assert snapshot(house) == before


@alike
def test_install_makes_the_tables_and_leaves_it_off(config: Config, site: Site) -> None:
    install_points(site)
    with opened(config) as house:
        do(house, "install", "points")
        assert states(house) == {"points": "disabled"}
        assert "points_account" in snapshot(house)
        with pytest.raises(Conflict) as raised:
            do(house, "install", "points")
        assert raised.value.code == "plugin-state"


@alike
def test_each_action_needs_its_permission(config: Config, site: Site) -> None:
    install_points(site)
    with opened(config) as house:
        for action in ACTIONS:
            others = {*PERMISSIONS.values()} - {PERMISSIONS[action]}
            with pytest.raises(Denied):
                plan_action(house, person(*others), action, "points")  # type: ignore[arg-type]  # all of them
        with pytest.raises(NotFound, match="points"):
            plan_action(house, ROOT, "enable", "ponits")


@pytest.mark.parametrize(
    "data", [None, [], {}, {"action": "explode"}, {"action": "enable", "plugin": "x"}, {"action": "enable", "items": [1]}]
)  # fmt: skip
def test_what_is_no_plan_is_refused(data: Any) -> None:
    with pytest.raises(Invalid) as raised:
        read_plan(data)
    assert raised.value.code == "plan"


@alike
def test_api_plans_and_applies(config: Config, site: Site) -> None:
    """Point 1 over HTTP: plan, apply, the export in the installation's folder; each action under its permission."""
    install_points(site)
    with (
        opened(config) as house,
        TestClient(app=make_application(house), base_url=house.config.base_url) as client,
    ):
        crm = Crm(house, client)
        admin, reader = crm.user().client, crm.user({"plugin.read": "all"}).client
        path = "/plugins/points"
        assert reader.post(f"{path}/plan", {"action": "uninstall"}).status_code == 403
        assert admin.post(f"{path}/plan", {"action": "explode"}).json()["errors"][0]["pointer"] == "/action"
        assert admin.post("/plugins/nobody/plan", {"action": "enable"}).status_code == 404
        plan = admin.post(f"{path}/plan", {"action": "enable"}).json()
        assert reader.post(f"{path}/apply", {"plan": plan}).status_code == 403
        assert admin.post("/plugins/badges/apply", {"plan": plan}).status_code == 422
        done = admin.post(f"{path}/apply", {"plan": plan})
        assert (done.status_code, done.json()["plan"]) == (200, plan)
        again = admin.post(f"{path}/apply", {"plan": plan})
        assert (again.status_code, again.json()["type"].rsplit(":", 1)[-1]) == (409, "plan-outdated")
        add_contact(house, "Byron")
        plan = admin.post(f"{path}/plan", {"action": "uninstall"}).json()
        done = admin.post(f"{path}/apply", {"plan": plan}).json()
        assert (config.folder / done["export"]).is_file()
        assert done["proven_rows"] > 0
        assert states(house) == {"points": "installed"}


@alike
def test_command_plan_equals_command_apply(
    config: Config, site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Point 1: `plan --json > p; apply p --json > r` and the two files do not differ by one byte."""
    install_points(site)
    (config.folder / "retinue.toml").write_text(config.to_toml())
    monkeypatch.chdir(config.folder)

    def say(*words: str) -> tuple[int, str]:
        code = run(app, ["plugins", *words])
        return code, capfd.readouterr().out

    for action in ("install", "enable", "disable", "uninstall"):
        code, planned = say("plan", action, "points", "--json")
        assert code == 0
        (config.folder / "p").write_text(planned)
        assert say("apply", "p", "--json") == (0, planned)
    (export,) = config.folder.glob("points-*.zip")
    assert say("import", export.name)[0] == 0
    assert say("plan", "install", "points")[0] == 1
    assert say("upgrade", "points")[0] == 0
    assert say("uninstall", "points", "--yes", "--without-export")[0] == 0
    assert say("apply", "p", "--json")[0] == 73
    assert say("install", "ponits")[0] == 66


@alike
def test_saved_view_over_a_plugins_field_is_planned_and_stops(config: Config, site: Site) -> None:
    """Lesson 31: plans name the views; without the field a view stops with a reason, it never shows everybody."""
    install_points(site)
    with opened(config) as house:
        do(house, "enable", "points")
        add_contact(house, "Byron")
        with house.store(ROOT) as store:
            tree = {"field": "points.balance", "op": "gte", "value": 5}
            view = create_view(store, house.catalogues, {"name": "Rich", "filter": tree}).id
        for action, effect in (("disable", "stop"), ("uninstall", "stop"), ("enable", "start")):
            plan = plan_action(house, ROOT, action, "points")  # type: ignore[arg-type]  # all of them
            (item,) = [item for item in plan.items if item.kind == "view"]
            assert (item.name, item.effect, item.detail) == ("Rich", effect, "points.balance")
        do(house, "uninstall", "points")
        with house.store(ROOT, readonly=True) as store, pytest.raises(Conflict) as raised:
            run_view(store, house.catalogues, view)
        assert raised.value.code == "view-stopped"


@alike
def test_enable_and_disable_may_be_repeated(config: Config, site: Site) -> None:
    """Lesson 28: steps are idempotent, however often and in whatever state they are called."""
    install_points(site)
    with opened(config) as house:
        for _ in range(2):
            house.enable(ROOT, "points")
            house.enable(ROOT, "points")
            first = snapshot(house, "plugin_state")
            house.disable(ROOT, "points")
            house.disable(ROOT, "points")
            assert (states(house), snapshot(house, "plugin_state")) == ({"points": "disabled"}, first)
