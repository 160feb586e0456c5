"""A plan: everything a change of one plugin would touch, as data that can be kept, read and then carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, get_args

from retinue.errors import Conflict, Invalid, Problem, RetinueError
from retinue.plugins import Fault, PluginRefused

Action = Literal["install", "enable", "upgrade", "disable", "uninstall"]
ACTIONS: Final[tuple[str, ...]] = get_args(Action)
PERMISSIONS: Final[Mapping[str, str]] = {
    "install": "plugin.enable",
    "enable": "plugin.enable",
    "upgrade": "plugin.enable",
    "disable": "plugin.disable",
    "uninstall": "plugin.uninstall",
}
"""The permission that each action needs."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a plan touches.

    `kind` is ``table``, ``migration``, ``role``, ``view``, ``plugin`` … or the word of a contribution
    (``routes``, ``jobs``). `effect` is what happens to it: create, drop, keep, delete, change, start, stop, park,
    release, run, off. `rows` is how many rows that concerns, where it concerns rows. `owner` is the plugin it
    belongs to, where a plan covers several.
    """

    kind: str
    name: str
    effect: str
    rows: int | None = None
    detail: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a plan cannot be carried out: a stable code, what is in the way, what to do."""

    code: str
    detail: str
    remedy: str = ""
    plugin: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LifePlan:
    """What one action on one plugin does; equal facts give an equal plan.

    `plugins` are all plugins it takes, in the order it takes them: more than one only with ``cascade``.
    `fingerprint` stands for the state of the installation the plan was made in.
    """

    action: Action
    plugin: str
    version: str
    state: str
    plugins: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    epoch: int = 0
    from_ledger: bool = False
    fingerprint: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return the plan as plain data, for JSON."""
        data = asdict(self)
        for word in ("plugins", "items", "refusals"):
            data[word] = list(data[word])
        for refusal in data["refusals"]:
            refusal["names"] = list(refusal["names"])
        return data

    def total(self, effect: str) -> int:
        """Return how many rows the plan gives one effect."""
        return sum(item.rows or 0 for item in self.items if item.effect == effect)

    def check(self) -> None:
        """Raise what keeps the plan from being carried out, if anything does."""
        faults = [r for r in self.refusals if r.code.startswith(("PLG", "MIG", "HOOK"))]
        others = [r for r in self.refusals if r not in faults]
        if others:
            first = others[0]
            named = {"required_by": list(first.names)} if first.code == "plugin-required" else {}
            raise Conflict(first.detail, code=first.code, remedy=first.remedy, extra=named)
        if faults:
            told = (Fault(r.code, r.plugin or self.plugin, r.detail, r.remedy) for r in faults)
            raise PluginRefused(self.plugin, told)


def fingerprint_of(plan: LifePlan, world: Iterable[Any]) -> str:
    """Return the fingerprint of a plan made in `world`, plain facts that are not among its items.

    An uninstall depends on every number of rows; the others let rows come and go.
    """
    counted = plan.action == "uninstall"
    items = [asdict(item) if counted else {**asdict(item), "rows": None} for item in plan.items]
    said = [plan.action, plan.plugin, plan.version, plan.state, list(plan.plugins), items, plan.epoch]
    text = json.dumps([said, list(world)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_plan(data: Any) -> LifePlan:
    """Return the plan kept in `data`; raises Invalid naming what is not one."""
    try:
        action = data["action"]
        if action not in ACTIONS:
            raise _no_plan("/action", f"none of {', '.join(ACTIONS)}")
        known = {item.name: data[item.name] for item in fields(LifePlan) if item.name in data}
        known["plugins"] = tuple(str(name) for name in data.get("plugins", ()))
        known["items"] = tuple(Item(**item) for item in data.get("items", ()))
        known["refusals"] = tuple(
            Refusal(**{**refusal, "names": tuple(refusal.get("names", ()))})
            for refusal in data.get("refusals", ())
        )
        plan = LifePlan(**known)
    except RetinueError:
        raise
    except (TypeError, KeyError, AttributeError, ValueError):
        raise _no_plan("", "it is not what `retinue plugins plan --json` wrote") from None
    if not isinstance(plan.plugin, str) or not isinstance(plan.fingerprint, str) or not plan.fingerprint:
        raise _no_plan("/fingerprint", "it has no fingerprint")
    return plan


def _no_plan(pointer: str, detail: str) -> Invalid:
    return Invalid(
        "this is no plan",
        code="plan",
        problems=[Problem(pointer, detail, "plan")],
        remedy="Make one with `retinue plugins plan`.",
    )


def differences(old: LifePlan, new: LifePlan) -> list[str]:
    """Return in words what a plan says otherwise than an older one."""
    found = []
    for word in ("version", "state", "plugins", "epoch"):
        before, after = getattr(old, word), getattr(new, word)
        if before != after:
            found.append(f"{word}: {before} before, {after} now")
    were = {(i.owner, i.kind, i.name): i for i in old.items}
    are = {(i.owner, i.kind, i.name): i for i in new.items}
    for place in sorted({*were, *are}):
        was, now = were.get(place), are.get(place)
        if was != now:
            found.append(f"{place[1]} {place[2]}: {_brief(was)} before, {_brief(now)} now")
    return found


def _brief(item: Item | None) -> str:
    if item is None:
        return "absent"
    return item.effect + ("" if item.rows is None else f" {item.rows} rows")
