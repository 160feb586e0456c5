"""Making a plan: what one action on one plugin would touch. Only reads, and runs no code of a plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from retinue.app.lifecycle.facts import UNFINISHED, Census, Known, contribution_items, dependents, read_known
from retinue.app.lifecycle.plans import PERMISSIONS, Action, Item, LifePlan, Refusal, fingerprint_of
from retinue.errors import NotFound
from retinue.jobs.models import RUNNING
from retinue.plugins import Catalogue, Fault, migrations, read_epoch, static_faults
from retinue.plugins.faults import did_you_mean

if TYPE_CHECKING:
    from retinue.app.house import House
    from retinue.storage import Store


@dataclass(slots=True)
class _Draft:
    """What the makers of one plan share."""

    house: House
    store: Store
    plugin: Known
    known: Mapping[str, Known]
    census: Census
    cascade: bool
    from_ledger: bool

    @property
    def enabled(self) -> set[str]:
        return {name for name, known in self.known.items() if known.on}


def make_plan(
    house: House,
    store: Store,
    action: Action,
    name: str,
    *,
    cascade: bool = False,
    from_ledger: bool = False,
) -> LifePlan:
    """Return what `action` would do to plugin `name`, and why it may not; changes nothing.

    With `cascade` an uninstall takes those that require it along; `from_ledger` allows it without the code.
    Raises NotFound for a name nobody knows.
    """
    store.require(PERMISSIONS[action])
    known = read_known(store, house.catalogue)
    plugin = known.get(name)
    if plugin is None or (plugin.found is None and action not in ("disable", "uninstall")):
        raise NotFound(f"plugin {name} is not installed", remedy=did_you_mean(name, known))
    draft = _Draft(house, store, plugin, known, Census(store, known), cascade, from_ledger)
    plugins, items, refusals = _MAKERS[action](draft)
    plan = LifePlan(
        action=action,
        plugin=name,
        version=plugin.found.manifest.version if plugin.found else plugin.version,
        state=plugin.state,
        plugins=tuple(plugins),
        items=tuple(items),
        refusals=tuple(refusals),
        epoch=read_epoch(store),
        from_ledger=from_ledger,
    )
    world = (plugin.manifest.as_data(), plugin.version, from_ledger)
    return replace(plan, fingerprint=fingerprint_of(plan, world))


# ---- coming -----------------------------------------------------------------------------------------------------
Made = tuple[list[str], list[Item], list[Refusal]]


def _install(draft: _Draft) -> Made:
    name = draft.plugin.name
    steps, off = _upgrade_of(draft, {name})
    refusals = [] if draft.plugin.state == "installed" else [_already(draft.plugin, "installed here")]
    return [name], [*_tables(draft, "keep"), *steps], [*refusals, *_refused(off.get(name, ()))]


def _enable(draft: _Draft) -> Made:
    name, manifest = draft.plugin.name, draft.plugin.manifest
    steps, off = _upgrade_of(draft, draft.enabled | {name})
    before = would_be_off(draft.house.catalogue, draft.enabled)
    pushed = [
        fault for other, faults in off.items() if other == name or other not in before for fault in faults
    ]
    items = [*_tables(draft, "keep"), *steps, *contribution_items(manifest, "start")]
    items += _waiting_jobs(draft, "release")
    items += [
        Item("view", view, "start", detail=", ".join(used)) for view, used in draft.census.views(draft.plugin)
    ]
    return [name], items, _refused(pushed)


def _upgrade(draft: _Draft) -> Made:
    """Say what the installed code changes against what was last on, and which plugins would be off with it."""
    plugin, name = draft.plugin, draft.plugin.name
    steps, off = _upgrade_of(draft, draft.enabled | {name})
    items = [*_tables(draft, "keep"), *steps, *_changed(plugin)]
    items += [
        Item("plugin", other, "off", detail="; ".join(str(fault) for fault in faults))
        for other, faults in sorted(off.items())
        if other != name
    ]
    refusals = _refused(off.get(name, ()))
    if plugin.recorded is None:
        refusals.append(_already(plugin, "not installed here yet"))
    return [name], items, refusals


def _changed(plugin: Known) -> Iterator[Item]:
    """Yield the contributions that the new code adds or no longer has; an incomplete manifest tells them later."""
    if plugin.recorded is None or not plugin.manifest.complete:
        return
    now = {(i.kind, i.name): i for i in contribution_items(plugin.manifest, "start")}
    was = {(i.kind, i.name): i for i in contribution_items(plugin.recorded, "stop")}
    yield from (item for place, item in was.items() if place not in now)
    yield from (item for place, item in now.items() if place not in was)


def _upgrade_of(draft: _Draft, names: set[str]) -> tuple[list[Item], dict[str, list[Fault]]]:
    """Return the migrations that would run with `names` on, and who would be off then."""
    names = {name for name in names if name in draft.house.catalogue}
    plan = migrations.plan_upgrade(draft.census.connection, draft.house.lines(names))
    steps = [
        Item("migration", f"{step.line} {step.revision}", "run", detail=f"level {step.level}: {step.title}")
        for step in plan.steps
    ]
    return steps, would_be_off(draft.house.catalogue, names, plan.left_out)


def would_be_off(
    catalogue: Catalogue, names: Iterable[str], left_out: Iterable[Fault] = ()
) -> dict[str, list[Fault]]:
    """Return the plugins of `names` that would be set aside, as far as that is known without their code.

    `left_out` are the faults of their migrations.
    """
    wanted = {name for name in names if name in catalogue}
    off = {n: f for n in sorted(wanted) if (f := list(static_faults(catalogue, n, wanted)))}
    for fault in left_out:
        if fault.plugin in wanted:
            off.setdefault(fault.plugin, []).append(fault)
    while True:
        standing = sorted(wanted - set(off))
        more = {n: f for n in standing if (f := list(static_faults(catalogue, n, standing)))}
        if not more:
            return off
        off |= more


# ---- going ------------------------------------------------------------------------------------------------------
def _disable(draft: _Draft) -> Made:
    plugin = draft.plugin
    refusals = list(_needed(draft, "Disable"))
    if plugin.recorded is None:
        refusals.append(_already(plugin, "not installed here yet"))
    items = [*_tables(draft, "keep"), *contribution_items(plugin.manifest, "stop")]
    items += _waiting_jobs(draft, "park")
    items += [
        Item("role", role.name, "keep", detail=", ".join(held)) for role, held in draft.census.roles(plugin)
    ]
    items += [Item("view", view, "stop", detail=", ".join(used)) for view, used in draft.census.views(plugin)]
    return [plugin.name], items, refusals


def _uninstall(draft: _Draft) -> Made:
    plugin, refusals = draft.plugin, []
    along = dependents(draft.known, plugin.name)
    along += [n for n in draft.census.pointing_at(plugin.name) if n not in along and n in draft.known]
    if along and not draft.cascade:
        refusals += _needed(draft, "Uninstall") or [_pointed_at(along, plugin.name)]
        along = []
    order = [*_last_first(draft, along), plugin.name]
    items: list[Item] = []
    for name in order:
        known = draft.known[name]
        items += purge_items(draft.census, known)
        if known.found is None and not draft.from_ledger:
            detail = f"the code of {name} is not here: it may only be absent from the path"
            refusals.append(Refusal("code-missing", detail, "Install it again, or say --from-ledger.", name))
        if running := draft.census.jobs_by_state(name).get(RUNNING):
            detail = f"{running} jobs of {name} are running"
            refusals.append(Refusal("jobs-running", detail, "Wait for them, or stop them.", name))
    if not items and plugin.recorded is None:
        refusals.append(_already(plugin, "not installed here"))
    return order, items, refusals


def purge_items(census: Census, known: Known) -> list[Item]:
    """Return everything an uninstall takes away of one plugin, and what of it stays."""
    name, owner = known.name, known.name
    items = [
        Item("table", table, "drop", rows, owner=owner)
        for table, rows in reversed(census.counted(name).items())
    ]
    if (version := f"alembic_{name}") in census.tables:
        items.append(Item("table", version, "drop", 1, owner=owner))
    items += [
        Item("rows", table, "delete", rows, owner=owner) for table, rows in census.rows_in_core(name).items()
    ]
    if planned := census.schedules(name):
        items.append(Item("rows", "job_schedule", "delete", len(planned), ", ".join(planned), owner))
    for kind, rows in census.own_interactions(known).items():
        items.append(Item("interaction_kind", kind, "delete", rows, "written by the plugin", owner))
    for kind, rows in census.kinds_in_use(known).items():
        items.append(Item("interaction_kind", kind, "keep", rows, "written by others", owner))
    items += [Item("role", r.name, "change", 1, ", ".join(p), owner) for r, p in census.roles(known)]
    if tokens := census.tokens(known):
        held = sorted({permission for _, scopes in tokens for permission in scopes})
        items.append(Item("tokens", "API tokens", "change", len(tokens), ", ".join(held), owner))
    items += [
        Item("view", view, "stop", detail=", ".join(used), owner=owner) for view, used in census.views(known)
    ]
    items += contribution_items(known.manifest, "stop", owner=owner) if known.on else ()
    if known.recorded is not None:
        items.append(Item("rows", "plugin_state", "delete", 1, owner=owner))
    return items


def _last_first(draft: _Draft, names: list[str]) -> list[str]:
    """Return names so that each comes before those it requires."""
    ordered: list[str] = []
    while waiting := [name for name in names if name not in ordered]:
        free = [n for n in waiting if not set(dependents(draft.known, n)) & set(waiting)]
        ordered += free or waiting
    return ordered


# ---- shared -----------------------------------------------------------------------------------------------------
def _tables(draft: _Draft, effect: str) -> Iterator[Item]:
    for table, rows in draft.census.counted(draft.plugin.name).items():
        yield Item("table", table, effect, rows)


def _waiting_jobs(draft: _Draft, effect: str) -> Iterator[Item]:
    counted = draft.census.jobs_by_state(draft.plugin.name)
    for state in UNFINISHED:
        if rows := counted.get(state):
            yield Item("rows", "job", effect, rows, state)


def _needed(draft: _Draft, verb: str) -> list[Refusal]:
    name = draft.plugin.name
    needing = dependents(draft.known, name)
    if not needing:
        return []
    names = ", ".join(needing)
    along = " first, or say --cascade." if verb == "Uninstall" else " first."
    detail = f"plugin {name} is required by {names}"
    return [Refusal("plugin-required", detail, f"{verb} {names}{along}", name, tuple(needing))]


def _pointed_at(owners: list[str], name: str) -> Refusal:
    detail = f"tables of {', '.join(owners)} point at tables of {name}"
    return Refusal("plugin-required", detail, "Uninstall them first, or say --cascade.", name, tuple(owners))


def _already(plugin: Known, words: str) -> Refusal:
    return Refusal(
        "plugin-state", f"plugin {plugin.name} is {words}", "See `retinue plugins list`.", plugin.name
    )


def _refused(faults: Iterable[Fault]) -> list[Refusal]:
    return [Refusal(fault.code, fault.detail, fault.remedy, fault.plugin) for fault in faults]


_MAKERS: Final[Mapping[str, Callable[[_Draft], Made]]] = {
    "install": _install,
    "enable": _enable,
    "upgrade": _upgrade,
    "disable": _disable,
    "uninstall": _uninstall,
}

__all__ = ["make_plan", "purge_items", "would_be_off"]
