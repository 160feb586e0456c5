"""The plugins of one epoch, brought in and checked: one plugin manager, never changed, swapped as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, Generic, TypeVar
from uuid import UUID

import pluggy

from retinue.errors import Misconfigured
from retinue.plugins import boundary, checks, filling
from retinue.plugins.compat import version_faults
from retinue.plugins.contract import PROJECT, Spec
from retinue.plugins.contributions import KINDS, ImportTarget
from retinue.plugins.deprecation import warn_deprecated
from retinue.plugins.discovery import Catalogue, Found
from retinue.plugins.facade import Hooks
from retinue.plugins.faults import Fault, did_you_mean
from retinue.plugins.guard import make_guard, say
from retinue.plugins.integrity import integrity_faults
from retinue.plugins.loading import (
    Faulty,
    Implementation,
    Loaded,
    core_specs,
    import_plugin,
    load,
    resolve,
)
from retinue.plugins.manifest import Manifest
from retinue.plugins.ordering import Cycle, Edges, Position, explain, hook_order, topological
from retinue.plugins.watch import Watch

T = TypeVar("T")
R = TypeVar("R")
_mark = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Owned(Generic[T]):
    """A contribution and the plugin it comes from."""

    plugin: str
    item: T


@dataclass(frozen=True, slots=True)
class PluginSet:
    """Every plugin that is on, in order; those set aside with their faults; those whose code is missing."""

    epoch: int
    loaded: Mapping[str, Loaded]
    set_aside: Mapping[str, tuple[Fault, ...]]
    missing: tuple[str, ...]
    specs: Mapping[str, Spec]
    orders: Mapping[str, tuple[Position, ...]]
    hooks: Hooks
    watch: Watch
    manager: pluggy.PluginManager

    def declared(self, kind: type[T]) -> tuple[Owned[T], ...]:
        """Return what plugins contribute of one kind (``declared(Job)``), in the order of the plugins."""
        word = next(word for word, cls in KINDS.items() if cls is kind)
        return tuple(
            Owned(name, item)
            for name, plugin in self.loaded.items()
            for item in plugin.manifest.contributions.get(word, ())
        )

    def resolve(self, plugin: str, code: object) -> Any:
        """Return the object that a contribution refers to; raises Misconfigured if it is gone."""
        try:
            return resolve(plugin, code)
        except Faulty as error:
            raise Misconfigured(str(error), code="plugin-code") from error

    def offered(self, kind: type[T], store: Any) -> tuple[Owned[T], ...]:
        """Return what plugins show of one kind to whoever `store` is for; what they may not do is absent."""
        return tuple(owned for owned in self.declared(kind) if boundary.is_open(owned.item, store.may))

    def attempt(self, store: Any, owned: Owned[Any], work: Callable[[Any], R]) -> boundary.Outcome[R]:
        """Give `work` the code of a contribution, behind a fault boundary: whatever it raises stays there."""
        return self.attempt_code(store, owned, owned.item.run, work)

    def attempt_code(
        self, store: Any, owned: Owned[Any], code: object, work: Callable[[Any], R]
    ) -> boundary.Outcome[R]:
        """Do the same with other code of a contribution: a badge, say."""
        version = self.loaded[owned.plugin].manifest.version
        place = (owned.plugin, version, str(owned.item.name))
        return boundary.attempt(store, self.watch, place, lambda: work(resolve(owned.plugin, code)))

    def import_targets(self, store: Any) -> tuple[Owned[ImportTarget], ...]:
        """Return what files can be imported into by whoever `store` is for."""
        return filling.targets(self.declared(ImportTarget), store)

    def import_rows(self, store: Any, name: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """Hand rows of a file to an import target, as its own plugin; returns what became of each row.

        Raises NotFound for a target of no plugin that is on, Invalid with a pointer for each complaint about a row.
        """
        return filling.fill(self, store, name, rows)

    def undo_import(self, store: Any, name: str, change_set_id: UUID) -> None:
        """Have an import target undo what an import brought in; raises Conflict for one that cannot."""
        filling.undo(self, store, name, change_set_id)

    def explain_order(self, hook: str) -> tuple[Position, ...]:
        """Return who answers `hook`, in order, each with the reason for its place."""
        if hook not in self.specs:
            raise Misconfigured(f"there is no hook {hook}", remedy=did_you_mean(hook, self.specs))
        return self.orders.get(hook, ())


def build_plugin_set(
    catalogue: Catalogue,
    enabled: Iterable[str],
    *,
    builtins: Mapping[str, ModuleType] | None = None,
    epoch: int = 0,
    faults: Mapping[str, Iterable[Fault]] | None = None,
    watch: Watch | None = None,
) -> PluginSet:
    """Return the plugin set of `enabled`. A faulty one is set aside with those that require it.

    `builtins` are core's rooms that answer hooks, by name (``retinue.interactions``). `faults` are
    reasons known from elsewhere, such as tables that wait for a migration. `watch` goes on from the set before.
    """
    wanted = sorted(set(enabled))
    missing = tuple(name for name in wanted if name not in catalogue)
    aside: dict[str, tuple[Fault, ...]] = {n: tuple(f) for n, f in (faults or {}).items() if n in wanted}
    while True:
        trial = _Trial(catalogue, [n for n in wanted if n not in missing and n not in aside], builtins or {})
        found = trial.run()
        if not found:
            break
        aside.update(found)
    watch = watch or Watch.from_environment()
    return _assemble(trial, (dict(sorted(aside.items())), missing), epoch, watch)


class _Trial:
    """One attempt to bring plugins in; it ends at the first kind of faults; the next goes on without."""

    def __init__(self, catalogue: Catalogue, names: list[str], builtins: Mapping[str, ModuleType]) -> None:
        self.catalogue, self.names, self.builtins = catalogue, names, builtins
        self.requires: Edges = {name: catalogue[name].manifest.requires for name in names}
        self.specs: dict[str, Spec] = dict(core_specs())
        self.loaded: dict[str, Loaded] = {}
        self.orders: dict[str, list[Implementation]] = {}
        self.reasons: dict[str, tuple[Position, ...]] = {}

    def run(self) -> dict[str, tuple[Fault, ...]]:
        """Return the faults that were found, by plugin; none means that everything is in."""
        return self._check() or self._bring_in() or self._order()

    def _check(self) -> dict[str, tuple[Fault, ...]]:
        found: dict[str, tuple[Fault, ...]] = {}
        for name in self.names:
            plugin = self.catalogue[name]
            faults = [*plugin.faults, *checks.manifest_faults(plugin.manifest), *version_faults(plugin)]
            faults += checks.requirement_faults(plugin, self.catalogue, self.names)
            faults += integrity_faults(plugin)
            if faults:
                found[name] = tuple(faults)
        return found

    def _bring_in(self) -> dict[str, tuple[Fault, ...]]:
        modules: dict[str, tuple[Found, ModuleType, Mapping[str, Spec]]] = {}
        found: dict[str, tuple[Fault, ...]] = {}
        for name in topological(self.names, self.requires):
            try:
                module, published = import_plugin(self.catalogue[name])
                self._publish(name, published)
            except Faulty as error:
                found[name] = error.faults
                continue
            modules[name] = (self.catalogue[name], module, published)
        if found:
            return found
        for name, module in self.builtins.items():
            self.loaded[name] = self._load_builtin(name, module)
        for name, (plugin, module, published) in modules.items():
            try:
                self.loaded[name] = self._load(plugin, module, published)
            except Faulty as error:
                found[name] = error.faults
                checks.withdraw_models(plugin.manifest.module)
        return found

    def _publish(self, name: str, published: Mapping[str, Spec]) -> None:
        for hook in sorted(set(published) & set(self.specs)):
            detail = f"it publishes {hook}, which {self.specs[hook].publisher} publishes already."
            raise Faulty(Fault("HOOK008", name, detail, "", hook))
        self.specs.update(published)

    def _load_builtin(self, name: str, module: ModuleType) -> Loaded:
        plugin = Found(name, Manifest(name=name, module=module.__name__))
        try:
            return load(plugin, module, {}, self.specs, builtin=True)
        except Faulty as error:
            raise Misconfigured(f"{name} of core answers hooks wrongly: {error}") from error

    def _load(self, plugin: Found, module: ModuleType, published: Mapping[str, Spec]) -> Loaded:
        loaded = load(plugin, module, published, self.specs)
        faults = [
            *checks.manifest_faults(loaded.manifest),
            *checks.collisions(loaded.manifest, [other.manifest for other in self.loaded.values()]),
            *checks.model_faults(loaded.manifest, module),
            *checks.code_faults(loaded.manifest),
        ]
        if faults:
            raise Faulty(*faults)
        warn_deprecated(plugin, loaded)
        return loaded

    def _order(self) -> dict[str, tuple[Fault, ...]]:
        by_hook: dict[str, dict[str, Implementation]] = {}
        for plugin in self.loaded.values():
            for implementation in plugin.implementations:
                by_hook.setdefault(implementation.spec.name, {})[plugin.name] = implementation
        base = list(self.loaded)
        core_first = {name: (*self.requires.get(name, ()), *self.builtins) for name in self.requires}
        for hook, answers in sorted(by_hook.items()):
            wishes = _wishes(answers)
            names = [name for name in base if name in answers]
            try:
                order = hook_order(names, core_first, wishes)
            except Cycle as cycle:
                fault = f"what plugins ask of the order of {hook} goes round in a circle: {cycle}."
                return {n: (Fault("HOOK009", n, fault, "", hook),) for n in cycle.names if n in self.requires}
            self.orders[hook] = [answers[name] for name in order]
            self.reasons[hook] = tuple(explain(order, self.requires, wishes, self.builtins))
        return {}


def _wishes(answers: Mapping[str, Implementation]) -> dict[str, set[str]]:
    """Return for each plugin those that must come before it, by its own `after` and the others' `before`."""
    wishes: dict[str, set[str]] = {name: set() for name in answers}
    for name, implementation in answers.items():
        wishes[name].update(other for other in implementation.place.after if other in answers)
        for other in implementation.place.before:
            if other in answers:
                wishes[other].add(name)
    return wishes


def _assemble(
    trial: _Trial, absent: tuple[Mapping[str, tuple[Fault, ...]], tuple[str, ...]], epoch: int, watch: Watch
) -> PluginSet:
    """Return the plugin set: guards in one plugin manager, registered in reverse order."""
    manager = pluggy.PluginManager(PROJECT)
    functions = {name: spec.function for name, spec in trial.specs.items()}
    manager.add_hookspecs(SimpleNamespace(**functions))  # type: ignore[arg-type]  # any object with them will do
    calls: dict[str, Callable[..., Any]] = {}
    for hook, implementations in trial.orders.items():
        for implementation in reversed(implementations):  # the manager calls the last registered first
            plugin = trial.loaded[implementation.plugin]
            guard = make_guard(implementation, plugin.manifest.version, watch, builtin=plugin.builtin)
            manager.register(SimpleNamespace(**{hook: _mark(guard)}), name=f"{plugin.name}:{hook}")
        calls[hook] = _call(getattr(manager.hook, hook), trial.specs[hook], watch)
    modes = {name: spec.contract.mode for name, spec in trial.specs.items()}
    return PluginSet(
        epoch=epoch,
        loaded=trial.loaded,
        set_aside=absent[0],
        missing=absent[1],
        specs=trial.specs,
        orders=trial.reasons,
        hooks=Hooks(calls, modes, order_id=_order_id(versions_in_order(trial.reasons, trial.loaded))),
        watch=watch,
        manager=manager,
    )


def versions_in_order(
    orders: Mapping[str, tuple[Position, ...]], loaded: Mapping[str, Loaded]
) -> dict[str, list[list[str]]]:
    """Return for each answered hook who answers it, in order: plugin, version, reason of the place."""
    return {
        hook: [[place.plugin, loaded[place.plugin].manifest.version, place.reason] for place in places]
        for hook, places in sorted(orders.items())
    }


def _order_id(orders: Mapping[str, list[list[str]]]) -> str:
    """Return a short name of who answers what in which order, the same in every process."""
    return hashlib.sha256(json.dumps(orders, sort_keys=True).encode()).hexdigest()[:32]


def _call(caller: Any, spec: Spec, watch: Watch) -> Callable[..., Any]:
    """Return the call of a hook that somebody answers: the joined answers of an ask, None of a tell."""
    name, joins = spec.name, spec.contract.mode == "ask"

    def call(**arguments: Any) -> Any:
        auditor = getattr(arguments["store"], "auditor", None)
        if auditor is not None:
            auditor.trail.append(name)
        found = caller(**arguments)
        return [answer for answers in found for answer in answers] if joins else None

    if not watch.trace:
        return call

    def traced(**arguments: Any) -> Any:
        say(f"{spec.name} · {spec.contract.mode} · {', '.join(arguments)}")
        return call(**arguments)

    return traced
