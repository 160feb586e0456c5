"""What must hold before a plugin is on: versions, requirements, own names, declared tables."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

from retinue.plugins.contributions import KINDS, code_fields, name_of
from retinue.plugins.discovery import Catalogue, Found, locate
from retinue.plugins.faults import Fault, did_you_mean
from retinue.plugins.grants import grants_faults
from retinue.plugins.hookspecs import API_VERSION
from retinue.plugins.loading import Faulty, resolve
from retinue.plugins.manifest import Manifest
from retinue.plugins.ordering import Cycle, topological
from retinue.storage import MODELS, Base, faults_of, fields_of

_DEED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_PATH = re.compile(r"(/[a-z0-9_{}:-]+)+")
_PREFIXED = frozenset(
    {
        "jobs",
        "schedules",
        "list_columns",
        "merge_fields",
        "pages",
        "panels",
        "widgets",
        "navigation_items",
        "palette_items",
    }
)


def manifest_faults(manifest: Manifest) -> Iterator[Fault]:
    """Yield what is wrong with the manifest by itself; no code of the plugin runs."""
    name = manifest.name
    if manifest.complete and manifest.api > API_VERSION:
        detail = f"it was written for version {manifest.api} of the hooks, this core has {API_VERSION}."
        yield Fault("PLG003", name, detail, "Upgrade core.")
    for table in manifest.tables:
        if table != name and not table.startswith(f"{name}_"):
            yield Fault("PLG007", name, f"table {table} must be named {name} or begin with {name}_.")
    for table in Base.metadata.tables:
        if table == name or table.startswith(f"{name}_"):
            yield Fault("PLG007", name, f"core has a table {table}, so a plugin cannot be named {name}.")
            break
    for kind in KINDS:
        items = manifest.contributions.get(kind, ())
        yield from _name_faults(name, kind, [name_of(item) for item in items])
    yield from grants_faults(manifest)
    known = {job.name for job in manifest.contributions.get("jobs", ())}
    for schedule in manifest.contributions.get("schedules", ()):
        if schedule.job not in known:
            detail = f"schedule {schedule.name} names the job {schedule.job}, which the plugin has not."
            yield Fault("PLG010", name, detail, did_you_mean(schedule.job, known))


def _name_faults(plugin: str, kind: str, names: list[str]) -> Iterator[Fault]:
    """Yield the names that break the naming law, and those given twice."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault("PLG009", plugin, f"{kind} has {name} twice.")
    for name in names:
        if kind in _PREFIXED and not name.startswith(f"{plugin}."):
            yield Fault("PLG011", plugin, f"{name} in {kind} must begin with {plugin}.", "")
        elif kind in ("jobs", "permissions") and not _DEED.fullmatch(name):
            yield Fault("PLG011", plugin, f"{name} in {kind} must be two words joined by a dot.")
        elif kind == "fields" and name != plugin and not name.startswith(f"{plugin}_"):
            yield Fault("PLG011", plugin, f"{name} in fields must be {plugin} or begin with {plugin}_.")
        elif kind in ("routes", "sites") and not _PATH.fullmatch(name) and (kind, name) != ("sites", "/"):
            yield Fault("PLG011", plugin, f"the route {name} must be a path such as /{plugin}.")


def requirement_faults(found: Found, catalogue: Catalogue, enabled: Iterable[str]) -> Iterator[Fault]:
    """Yield the requirements of a plugin that are not installed, not on, or go round in a circle."""
    on = set(enabled)
    for name in found.manifest.requires:
        if name not in catalogue:
            hint = did_you_mean(name, catalogue, f"Install a distribution that gives {name}.")
            yield Fault("PLG004", found.name, f"it requires {name}, which is not installed.", hint)
        elif name not in on:
            yield Fault(
                "PLG004", found.name, f"it requires {name}, which is not enabled.", f"Enable {name} first."
            )
    needs = {name: other.manifest.requires for name, other in catalogue.items()}
    try:
        topological(_reached(found.name, needs), needs)
    except Cycle as cycle:
        yield Fault("PLG005", found.name, f"its requirements go round in a circle: {cycle}.")


def static_faults(catalogue: Catalogue, name: str, enabled: Iterable[str]) -> Iterator[Fault]:
    """Yield what is wrong with a plugin among those `enabled`, as far as it is known without its code."""
    found, on = catalogue[name], set(enabled)
    yield from found.faults
    yield from manifest_faults(found.manifest)
    yield from requirement_faults(found, catalogue, on)
    yield from collisions(found.manifest, [catalogue[other].manifest for other in sorted(on)])


def _reached(name: str, needs: Mapping[str, tuple[str, ...]]) -> set[str]:
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting += needs.get(current, ())
    return reached


def collisions(manifest: Manifest, others: Iterable[Manifest]) -> Iterator[Fault]:
    """Yield the names of this plugin that an enabled one, or core, has already."""
    mine = {(kind, name_of(item)) for kind, items in manifest.contributions.items() for item in items}
    for other in others:
        if other.name == manifest.name:
            continue
        theirs = {(kind, name_of(item)) for kind, items in other.contributions.items() for item in items}
        for kind, name in sorted(mine & theirs):
            if kind != "settings":  # settings are kept per plugin
                yield Fault("PLG009", manifest.name, f"{name} in {kind} belongs to {other.name} already.")
        for table in sorted(set(manifest.tables) & set(other.tables)):
            yield Fault("PLG009", manifest.name, f"table {table} belongs to {other.name} already.")


def model_faults(manifest: Manifest, module: ModuleType) -> Iterator[Fault]:
    """Yield what the mapped classes of the plugin leave unsaid, and tables its manifest does not name.

    Runs after the import; the classes stand in the package's ``models`` module, or anywhere it imports.
    """
    name, package = manifest.name, module.__name__
    if hasattr(module, "__path__") and locate(f"{package}.models") is not None:
        resolve_module(name, f"{package}.models")
    own = models_of(package)
    for model in own:
        if model.__plugin__ != name:
            detail = f"table {model.__tablename__} is not built on plugin_base({name!r})."
            yield Fault("PLG007", name, detail)
        for sentence in faults_of(model):
            code = "PLG008" if "privacy" in sentence or "access rule" in sentence else "PLG007"
            yield Fault(code, name, f"{sentence}.")
    tables = {model.__tablename__ for model in own}
    for table in sorted(tables - set(manifest.tables)):
        yield Fault("PLG007", name, f"table {table} is not named in plugin.toml.", "Add it to tables.")
    for table in sorted(set(manifest.tables) - tables):
        yield Fault("PLG007", name, f"plugin.toml names the table {table}, no class maps it.")


def models_of(package: str) -> list[type[Any]]:
    """Return the mapped classes that the loaded modules of `package` define, by table."""
    found: dict[str, type[Any]] = {}
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            values: list[Any] = list(vars(module).values())
            for value in values:
                if isinstance(value, type) and value.__module__ == name and hasattr(value, "__table__"):
                    found[value.__table__.name] = value
    return [model for _, model in sorted(found.items())]


def withdraw_models(package: str) -> None:
    """Take the mapped classes of a plugin that is set aside out of storage's list, so that core can go on."""
    for table, model in list(MODELS.items()):
        if model.__module__ == package or model.__module__.startswith(f"{package}."):
            del MODELS[table]


def resolve_module(plugin: str, name: str) -> None:
    """Import a module of the plugin; raises Faulty with its traceback."""
    resolve(plugin, f"{name}:__name__")


def code_faults(manifest: Manifest) -> Iterator[Fault]:
    """Yield the references of contributions that lead nowhere; the modules they name are imported."""
    for kind in KINDS:
        for item in manifest.contributions.get(kind, ()):
            for field in code_fields(item):
                try:
                    resolve(manifest.name, getattr(item, field))
                except Faulty as error:
                    yield from error.faults
    yield from _column_faults(manifest)


def _column_faults(manifest: Manifest) -> Iterator[Fault]:
    """Yield the columns that have the name of a field, of which lists show the stored value already."""
    taken = set()
    for facet in manifest.contributions.get("fields", ()):
        with suppress(Faulty):
            taken |= {f"{facet.name}.{word}" for word in fields_of(resolve(manifest.name, facet.model))}
    for column in manifest.contributions.get("list_columns", ()):
        if column.name in taken or "__" in column.name:
            detail = f"{column.name} in list_columns has the name of a field, or two underscores in a row."
            yield Fault(
                "PLG009", manifest.name, detail, "Give the column another name; a field is one already."
            )
