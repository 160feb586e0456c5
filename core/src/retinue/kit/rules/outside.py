"""What a plugin imports: the door, its own modules, what it declares; and how it reaches the outside world."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions

from retinue.kit.findings import Hit, rule
from retinue.kit.source import Project
from retinue.plugins.faults import did_you_mean
from retinue.plugins.usage import FACES

_WEB = {"requests", "httpx", "urllib3", "aiohttp", "urllib.request", "http.client", "pycurl"}
_WIRE = {"socket", "ssl", "smtplib", "imaplib", "poplib", "ftplib", "telnetlib", "asyncio.streams"}


@functools.cache
def public_names(module: str) -> frozenset[str]:
    """Return the names that a public module of core offers."""
    found = importlib.import_module(module)
    return frozenset(getattr(found, "__all__", dir(found)))


@rule("PLG020", "bronze", "Of core, only the door and its faces are imported.")
def private_import(project: Project) -> Iterator[Hit]:
    """What is not at the door may change with every release."""
    doors = {"retinue", *(f"retinue.{face}" for face in FACES)}
    for source in project.sources:
        for node, module, name in source.imports:
            if module.partition(".")[0] != "retinue":
                continue
            if module not in doors:
                remedy = f"Import from retinue, or from one of {', '.join(FACES)}."
                yield Hit(source.name, node.lineno, f"{module} is not public.", remedy)
            elif name and name not in public_names(module) and not (module == "retinue" and name in FACES):
                hint = did_you_mean(name, public_names(module), "It is not public.")
                yield Hit(source.name, node.lineno, f"{module} does not offer {name}.", hint)


@rule("PLG021", "bronze", "No other plugin is imported.")
def other_plugin(project: Project) -> Iterator[Hit]:
    """Plugins install, load and fail alone."""
    others = {package.partition(".")[0] for package in project.neighbours.values()}
    own = project.package.partition(".")[0]
    for source in project.sources:
        for node, module, _ in source.imports:
            top = module.partition(".")[0]
            if top != own and (top in others or top.startswith("retinue_")):
                remedy = "Answer its hooks with @hookimpl(of=…), or ask it to publish one."
                yield Hit(source.name, node.lineno, f"{top} is another plugin.", remedy)


@rule("SEC001", "bronze", "The network is reached through the outbound client.")
def own_network(project: Project) -> Iterator[Hit]:
    """The outbound client keeps to the allowed networks and time limits; other clients do not."""
    for source in project.sources:
        transport = source.module.endswith(".transport")
        for node, module, name in source.imports:
            full = f"{module}.{name}"
            top = module.partition(".")[0]
            if {module, full, top} & _WEB:
                remedy = "Use retinue.web.shared(): it refuses private addresses and has time limits."
                yield Hit(source.name, node.lineno, f"{module} goes round the outbound client.", remedy)
            elif {module, full, top} & _WIRE and not transport:
                remedy = "Move it to transport.py, behind a small class with a fake."
                yield Hit(source.name, node.lineno, f"{module} speaks to the outside here.", remedy)


@rule("PLG028", "silver", "What is imported is declared as a dependency.")
def undeclared_dependency(project: Project) -> Iterator[Hit]:
    """A plugin that lives from what others happen to install breaks with their next release."""
    if not project.is_source:
        return
    names = {_canonical(line) for line in project.pyproject.get("project", {}).get("dependencies", ())}
    owners = _owners(tuple(sys.path))
    own = project.package.partition(".")[0]
    seen: set[str] = set()
    for source in (*project.sources, *project.migrations):
        for node, module, _ in source.imports:
            top = module.partition(".")[0]
            if (
                top in sys.stdlib_module_names
                or top in (own, "")
                or top in seen
                or top.startswith("retinue_")
            ):
                continue
            given = {_canonical(owner) for owner in owners.get(top, (top,))}
            if not given & names and not (top == "alembic" and "retinue" in names):
                seen.add(top)
                remedy = f"Add {sorted(given)[0]} to dependencies in pyproject.toml."
                yield Hit(source.name, node.lineno, f"{top} is imported and not declared.", remedy)


@functools.lru_cache(maxsize=1)
def _owners(_path: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return which distributions give each importable name; slow, so asked once for each path."""
    return packages_distributions()


def _canonical(requirement: str) -> str:
    name = re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
