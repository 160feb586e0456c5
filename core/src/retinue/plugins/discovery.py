"""Which plugins are installed: read from the metadata of distributions, without importing any of them."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from retinue.plugins.faults import Fault
from retinue.plugins.manifest import FILE_NAME, NAME, Manifest, ManifestError, parse_manifest

GROUP = "retinue.plugins"
RESERVED = frozenset(
    {
        *(
            "core",
            "retinue",
            "version",
            "alembic",
            "job",
            "notifications",
            "operation_outputs",
            "queues",
            "streams",
        ),
        *("workflow", "application", "operation", "dbos"),
    }
)
"""Names no plugin may take: they stand for core itself, or for tables of the job engine."""


@dataclass(frozen=True, slots=True)
class Found:
    """One installed plugin: its manifest, where its package lies, and what is already wrong with it."""

    name: str
    manifest: Manifest
    folder: str = ""
    faults: tuple[Fault, ...] = ()


Catalogue = Mapping[str, Found]
"""The installed plugins by name, sorted."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    module: str
    distribution: str
    version: str
    summary: str


def discover() -> Catalogue:
    """Return every installed plugin, sorted by name whatever the file system says; nothing is imported."""
    importlib.invalidate_caches()
    return catalogue_of(_entries())


def catalogue_of(entries: Iterable[_Entry]) -> Catalogue:
    """Return the catalogue of `entries`; two of the same name are refused, naming both distributions."""
    by_name: dict[str, list[_Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.name, e.distribution, e.module)):
        by_name.setdefault(entry.name, []).append(entry)
    found = {name: _found(same[0]) for name, same in by_name.items()}
    for name, same in by_name.items():
        if len(same) > 1:
            owners = " and ".join(f"{e.distribution} {e.version}" for e in same)
            fault = Fault(
                "PLG001", name, f"{owners} both give a plugin of this name.", "Uninstall one of them."
            )
            found[name] = replace(found[name], faults=(*found[name].faults, fault))
    return found


def _entries() -> Iterator[_Entry]:
    for point in importlib.metadata.entry_points(group=GROUP):
        dist = point.dist
        yield _Entry(
            name=point.name,
            module=point.value.strip(),
            distribution=dist.name if dist else "unknown",
            version=dist.version if dist else "",
            summary=(dist.metadata["Summary"] or "") if dist and "Summary" in dist.metadata else "",
        )


def _found(entry: _Entry) -> Found:
    """Return what can be known about `entry`; a fault where it cannot be read."""
    bare = Manifest(
        name=entry.name,
        title=entry.name.replace("_", " ").capitalize(),
        summary=entry.summary,
        version=entry.version,
        distribution=entry.distribution,
        module=entry.module,
    )
    if not NAME.fullmatch(entry.name) or entry.name in RESERVED:
        detail = "the name must be 2 to 40 of a-z, 0-9 and _, beginning with a letter, and not " + ", ".join(
            sorted(RESERVED)
        )
        return Found(entry.name, bare, faults=(Fault("PLG002", entry.name, detail + "."),))
    spec = locate(entry.module)
    if spec is None or not spec.origin:
        detail = f"the module {entry.module} named by {entry.distribution} cannot be found."
        return Found(entry.name, bare, faults=(Fault("PLG002", entry.name, detail, "Install it again."),))
    folder = os.path.dirname(spec.origin) if spec.submodule_search_locations is not None else ""
    try:
        manifest = _read_manifest(spec, folder, bare)
    except (ManifestError, UnicodeDecodeError) as error:
        return Found(entry.name, bare, folder, (Fault("PLG002", entry.name, f"{FILE_NAME}: {error}"),))
    return Found(entry.name, manifest, folder)


def _read_manifest(spec: importlib.machinery.ModuleSpec, folder: str, bare: Manifest) -> Manifest:
    """Return the manifest in the package's folder, or `bare` for a plugin of one module."""
    if not folder or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        return bare
    try:
        text = spec.loader.get_data(os.path.join(folder, FILE_NAME)).decode()
    except OSError:
        return bare
    manifest = parse_manifest(text)
    if manifest.name != bare.name:
        raise ManifestError(f"name is {manifest.name}, the entry point says {bare.name}")
    return replace(
        manifest,
        title=manifest.title or bare.title,
        summary=manifest.summary or bare.summary,
        version=bare.version,
        distribution=bare.distribution,
        module=bare.module,
    )


def locate(module: str) -> importlib.machinery.ModuleSpec | None:
    """Return the specification of `module` without running it or a package above it."""
    top, *rest = module.split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        return None
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module already loaded that does not know where it came from
        return None
    name = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = importlib.machinery.PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return spec
