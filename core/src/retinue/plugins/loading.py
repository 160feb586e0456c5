"""Bringing one enabled plugin in: import it, check every answering function, collect what it declares."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType, ModuleType
from typing import Any

from retinue.errors import Misconfigured
from retinue.plugins import hookspecs
from retinue.plugins.contract import Place, Spec, read_specs, signature_of
from retinue.plugins.contributions import KINDS, name_of
from retinue.plugins.discovery import Found
from retinue.plugins.faults import Fault, did_you_mean, trace_of
from retinue.plugins.manifest import Manifest, reference_of

CORE = "retinue"
Specs = Mapping[str, Spec]


@dataclass(frozen=True, slots=True)
class Implementation:
    """One function of one plugin that answers one hook, and where its arguments stand in the hook's."""

    plugin: str
    spec: Spec
    function: Callable[..., Any]
    positions: tuple[int, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin whose code is in and right: its whole manifest, its answers, the hooks it publishes."""

    name: str
    manifest: Manifest
    module: ModuleType
    implementations: tuple[Implementation, ...] = ()
    published: Specs = field(default_factory=dict)
    builtin: bool = False


class Faulty(Exception):
    """The plugin is set aside; `faults` say why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


@functools.cache
def core_specs() -> Specs:
    """Return the hooks of core by name."""
    return MappingProxyType(read_specs(hookspecs, CORE))


def import_plugin(found: Found) -> tuple[ModuleType, Specs]:
    """Import the plugin and the hooks it publishes; raises Faulty with its traceback."""
    module = _import(found.name, found.manifest.module)
    if not found.manifest.publishes:
        return module, {}
    specs = _import(found.name, found.manifest.publishes)
    try:
        published = read_specs(specs, found.name)
    except Misconfigured as error:
        raise Faulty(Fault("HOOK008", found.name, error.detail, error.remedy)) from None
    taken = sorted(set(published) & set(core_specs()))
    if taken:
        detail = f"it publishes hooks that core has: {', '.join(taken)}."
        raise Faulty(Fault("HOOK008", found.name, detail, "Give them names of your own."))
    return module, published


def _import(plugin: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever a stranger's module raises must not stop the site
        detail = f"importing {name} failed: {type(error).__name__}: {error}"
        raise Faulty(
            Fault("PLG006", plugin, detail, "The traceback is kept.", trace=trace_of(error))
        ) from None


def load(
    found: Found, module: ModuleType, published: Specs, specs: Specs, *, builtin: bool = False
) -> Loaded:
    """Return the plugin checked against `specs`, all hooks there are; raises Faulty with every fault."""
    name, manifest = found.name, found.manifest
    implementations, faults = find_implementations(name, module, specs)
    answered = {i.spec.name for i in implementations if i.spec.contract.mode != "declare"}
    faults += _unlisted(manifest, answered | _waiting(module, specs))
    if faults:
        raise Faulty(*faults)
    manifest = _with_declared(manifest, [i for i in implementations if i.spec.contract.mode == "declare"])
    answering = tuple(i for i in implementations if i.spec.contract.mode != "declare")
    hooks = tuple(sorted(i.spec.name for i in answering))
    return Loaded(name, replace(manifest, hooks=hooks), module, answering, published, builtin)


def find_implementations(
    plugin: str, module: ModuleType, specs: Specs
) -> tuple[list[Implementation], list[Fault]]:
    """Return the hook functions of `module` by name, and what is wrong with others."""
    found: list[Implementation] = []
    faults: list[Fault] = []
    for name, value in sorted(vars(module).items()):
        options = getattr(value, "retinue_impl", None) if inspect.isroutine(value) else None
        if options is None:
            faults += _unmarked(plugin, name, value, specs)
            continue
        place = getattr(value, "retinue_place", Place())
        if name not in specs:
            faults += _unknown(plugin, name, place, specs)
            continue
        mistakes = list(_mistakes(plugin, value, options, specs[name]))
        faults += mistakes
        if not mistakes:
            arguments = specs[name].arguments
            positions = tuple(arguments.index(n) for n in signature_of(value).parameters)
            found.append(Implementation(plugin, specs[name], value, positions, place))
    return found, faults


def _unmarked(plugin: str, name: str, value: Any, specs: Specs) -> list[Fault]:
    """Return a fault for a function that is named like a hook and was never marked as one."""
    if not inspect.isfunction(value) or name not in specs or hasattr(value, "retinue_contract"):
        return []
    detail = f"the function {name} is named like a hook and is not marked, so nobody would call it."
    return [Fault("HOOK004", plugin, detail, "Put @hookimpl above it, or rename it.", name)]


def _unknown(plugin: str, name: str, place: Place, specs: Specs) -> list[Fault]:
    """Return the fault of a marked function whose hook nobody publishes; none while its publisher is off."""
    if name in hookspecs.REMOVED:
        gone = hookspecs.REMOVED[name]
        return [Fault("HOOK003", plugin, f"{name} was removed in {gone.since}.", f"Use {gone.use}.", name)]
    if place.of and all(spec.publisher != place.of for spec in specs.values()):
        return []
    otherwise = "If another plugin publishes it, require that plugin or mark it with of=…"
    return [Fault("HOOK001", plugin, f"there is no hook {name}.", did_you_mean(name, specs, otherwise), name)]


def _mistakes(plugin: str, function: Any, options: Mapping[str, Any], spec: Spec) -> Iterator[Fault]:
    """Yield what keeps a marked function from answering its hook."""
    inner = inspect.unwrap(function)
    if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner):
        detail = f"{spec.name} is a synchronous hook and cannot be answered by async def."
        yield Fault("HOOK005", plugin, detail, "Write def, and hand slow work to a job.", spec.name)
    used = [
        word for word in ("wrapper", "hookwrapper", "tryfirst", "trylast", "specname") if options.get(word)
    ]
    if used:
        detail = f"{', '.join(used)} is not offered."
        yield Fault("HOOK006", plugin, detail, "Order with @hookimpl(before=…, after=…).", spec.name)
    elif spec.contract.mode == "tell" and inspect.isgeneratorfunction(inner):
        detail = f"{spec.name} tells and takes no answers, so the body of a generator would never run."
        yield Fault("HOOK005", plugin, detail, "Take yield out of it.", spec.name)
    parameters = signature_of(function).parameters
    for name, parameter in parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY):
            detail = f"the argument {name} must be a plain one: no *, no ** and none after *."
            yield Fault("HOOK002", plugin, detail, "", spec.name)
        elif name not in spec.arguments:
            offered = f"It offers {', '.join(spec.arguments) or 'none'}."
            remedy = did_you_mean(name, spec.arguments, offered)
            yield Fault("HOOK002", plugin, f"{spec.name} has no argument {name}.", remedy, spec.name)


def _waiting(module: ModuleType, specs: Specs) -> set[str]:
    """Return the hooks that `module` answers once the plugin that publishes them is on."""
    places = {name: getattr(value, "retinue_place", Place()) for name, value in vars(module).items()}
    return {name for name, place in places.items() if place.of and name not in specs}


def _unlisted(manifest: Manifest, answered: set[str]) -> list[Fault]:
    """Return the faults of a `plugin.toml` that names other hooks than the code answers."""
    if not manifest.complete:
        return []
    listed = set(manifest.hooks)
    faults = [
        Fault("HOOK007", manifest.name, f"plugin.toml lists {name}, no function answers it.", "", name)
        for name in sorted(listed - answered)
    ]
    return faults + [
        Fault(
            "HOOK007", manifest.name, f"{name} is answered, plugin.toml does not list it in hooks.", "", name
        )
        for name in sorted(answered - listed)
    ]


def _with_declared(manifest: Manifest, declaring: list[Implementation]) -> Manifest:
    """Return the manifest with what the ``register_…`` functions gave; raises Faulty where they fail."""
    held = {kind: list(items) for kind, items in manifest.contributions.items()}
    for implementation in declaring:
        kind = implementation.spec.name.removeprefix("register_")
        hook = implementation.spec.name
        try:
            given = list(implementation.function() or ())
        except Exception as error:  # a stranger's function may raise anything; the plugin is set aside
            detail = f"it raised {type(error).__name__}: {error}"
            raise Faulty(Fault("PLG006", manifest.name, detail, "", hook, trace_of(error))) from None
        known = {name_of(item) for item in held.get(kind, ())}
        for item in given:
            if not isinstance(item, KINDS[kind]):
                detail = f"it gave a {type(item).__name__}, a {KINDS[kind].__name__} is wanted."
                raise Faulty(Fault("PLG010", manifest.name, detail, "", hook))
            if manifest.complete and name_of(item) not in known:
                detail = f"{name_of(item)} is not in plugin.toml, so nobody could know of it beforehand."
                raise Faulty(Fault("PLG010", manifest.name, detail, f"List it under [[{kind}]].", hook))
            held[kind] = [i for i in held.get(kind, []) if name_of(i) != name_of(item)] + [item]
    return replace(manifest, contributions={kind: tuple(items) for kind, items in held.items()})


def resolve(plugin: str, code: object) -> Any:
    """Return the object that `code` refers to, importing its module; Faulty names the nearest one."""
    if not isinstance(code, str):
        return code
    module_name, _, attribute = code.partition(":")
    module = _import(plugin, module_name)
    try:
        return getattr(module, attribute)
    except AttributeError:
        hint = did_you_mean(attribute, vars(module), "Correct plugin.toml.")
        raise Faulty(Fault("PLG010", plugin, f"{reference_of(code)} does not exist.", hint)) from None
