"""Carrying a plan out: the one way a plugin comes, changes and goes, for the command, the API and the pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retinue.app.lifecycle.planning import make_plan
from retinue.app.lifecycle.plans import Action, LifePlan
from retinue.app.lifecycle.purging import Purged, check_still, uninstall
from retinue.errors import Invalid
from retinue.plugins import (
    PluginInfo,
    disable_plugin,
    enable_plugin,
    install_plugin,
    list_plugins,
    migrations,
    read_enabled,
    refuse_dangerous,
    renew_plugin,
)

if TYPE_CHECKING:
    from retinue.actor import Actor
    from retinue.app.house import House
    from retinue.storage import Store


def plan_action(
    house: House, actor: Actor, action: Action, name: str, *, cascade: bool = False, from_ledger: bool = False
) -> LifePlan:
    """Return what `action` would do to a plugin; the database is only read. Arguments as in `make_plan`."""
    with house.store(actor, readonly=True) as store:
        return make_plan(house, store, action, name, cascade=cascade, from_ledger=from_ledger)


def apply_plan(house: House, actor: Actor, plan: LifePlan, *, export: Path | None = None) -> Purged:
    """Do exactly what the plan says, whole or not at all, and return it as it was done.

    `export` is the file that an uninstall writes first. Raises Conflict (``plan-outdated``) if the installation
    is no longer the one the plan was made in, and what the plan's refusals say.
    """
    if export and plan.action != "uninstall":
        raise Invalid("only an uninstall writes an export", code="plan")
    if plan.action == "uninstall":
        done = uninstall(house, actor, plan, export)
    else:
        (_leave if plan.action == "disable" else _come)(house, actor, plan)
        done = Purged(plan)
    house.refresh(force=True)
    return done


def change_plugin(house: House, actor: Actor, action: Action, name: str) -> PluginInfo:
    """Plan one action and carry it out at once; returns the plugin as it is then."""
    apply_plan(house, actor, plan_action(house, actor, action, name))
    with house.store(actor, readonly=True) as store:
        return next(info for info in list_plugins_of(house, store) if info.name == name)


def list_plugins_of(house: House, store: Store) -> list[PluginInfo]:
    """Return every plugin, for whoever may change them: seeing the one that was changed needs no further right."""
    return list_plugins(store.system("show a plugin"), catalogue=house.catalogue)


def _leave(house: House, actor: Actor, plan: LifePlan) -> None:
    with house.store(actor) as store:
        check_still(house, store, plan)
        disable_plugin(store, plan.plugin, epoch=plan.epoch)


def _come(house: House, actor: Actor, plan: LifePlan) -> None:
    """Make the tables and the plugin's new state in one transaction: it is there, or nothing is."""
    with house.store(actor, readonly=True) as store:
        check_still(house, store, plan)
        enabled = read_enabled(store)
    name, found = plan.plugin, house.catalogue
    if plan.action == "enable" or name in enabled:
        refuse_dangerous(found[name], seconds=house.config.plugins.import_timeout)
    lines = house.lines({name} if plan.action == "install" else enabled | {name})
    with house.bare() as connection, migrations.one_transaction(connection):
        migrations.upgrade_within(connection, lines)
        with house.database.join(connection, actor) as store:
            if plan.action == "install":
                install_plugin(store, name, catalogue=found, epoch=plan.epoch)
            else:
                deed = enable_plugin if plan.action == "enable" else renew_plugin
                deed(store, name, catalogue=found, builtins=house.builtins, epoch=plan.epoch)
