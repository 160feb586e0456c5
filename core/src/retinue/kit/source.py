"""A plugin as its files say it is: read from a folder or from where it is installed, never imported."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import Any

from retinue.errors import NotFound
from retinue.kit.findings import Finding
from retinue.kit.names import FunctionNode, Source
from retinue.plugins.discovery import GROUP, locate
from retinue.plugins.faults import Fault, did_you_mean
from retinue.plugins.manifest import FILE_NAME, Manifest, ManifestError, parse_manifest
from retinue.plugins.migration_scripts import Line, read_chain


@dataclass(frozen=True)
class Project:
    """The files of one plugin. `root` holds `pyproject.toml`, or is where an installed package lies."""

    name: str
    package: str
    root: Path
    folder: Path | None
    sources: tuple[Source, ...] = ()
    tests: tuple[Source, ...] = ()
    migrations: tuple[Source, ...] = ()
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    manifest: Manifest | None = None
    distribution: Distribution | None = None
    unreadable: tuple[Finding, ...] = ()

    @property
    def is_source(self) -> bool:
        """Say whether the whole project is at hand, and not only what was installed."""
        return bool(self.pyproject)

    @functools.cached_property
    def neighbours(self) -> Mapping[str, str]:
        """Return the packages of the other installed plugins by name; none of them is imported."""
        points = entry_points(group=GROUP)
        return {p.name: p.value.strip().partition(":")[0] for p in points if p.name != self.name}

    @functools.cached_property
    def chain_faults(self) -> tuple[Fault, ...]:
        """Return what is wrong with the chain of migrations."""
        folder = str(self.folder / "migrations") if self.folder else ""
        return read_chain(Line(self.name, folder), [*self.neighbours, self.name]).faults

    @property
    def entry(self) -> Source | None:
        """Return the module that the entry point names: the one that answers hooks."""
        return self.module(self.package)

    def module(self, name: str) -> Source | None:
        """Return one module of the plugin by its dotted name."""
        return next((source for source in self.sources if source.module == name), None)

    def show(self, path: Path) -> str:
        """Return a path as findings name it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    @property
    def manifest_name(self) -> str:
        """Return how findings name `plugin.toml`."""
        return self.show(self.folder / FILE_NAME) if self.folder else FILE_NAME

    def manifest_line(self, word: str) -> int:
        """Return the line of `plugin.toml` that first has `word`, 1 if none does."""
        return line_with(self.folder / FILE_NAME, word) if self.folder else 1

    @functools.cached_property
    def defined(self) -> Mapping[str, tuple[Source, FunctionNode]]:
        """Return the plugin's functions by dotted name."""
        return {
            f"{source.module}.{function.name}": (source, function)
            for source in self.sources
            for function in source.functions()
        }

    def reached(self, source: Source, function: FunctionNode) -> Iterator[tuple[Source, ast.Call, str]]:
        """Yield every call that `function` makes, its own and those of the plugin's functions it leads to."""
        seen: set[int] = set()
        waiting = [(source, function)]
        while waiting:
            where, current = waiting.pop()
            if id(current) in seen:
                continue
            seen.add(id(current))
            for call, name in where.calls(current):
                yield where, call, name
                if name in self.defined:
                    waiting.append(self.defined[name])


def line_with(path: Path, word: str) -> int:
    """Return the line of a text file that first has `word`, 1 if none does or there is no file."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 1
    return next((number for number, line in enumerate(lines, 1) if word in line), 1)


def find_project(given: str) -> Project:
    """Return the plugin in the folder `given`, or the installed one of that name; raises NotFound."""
    path = Path(given)
    if path.is_dir() or "/" in given:
        return read_project(path)
    points = {point.name: point for point in entry_points(group=GROUP)}
    if given not in points:
        remedy = did_you_mean(given, points, "Name the folder that has its pyproject.toml.")
        raise NotFound(f"There is no folder and no installed plugin {given}.", remedy=remedy)
    return _installed(given, points[given].value.strip(), points[given].dist)


def _installed(name: str, package: str, distribution: Distribution | None) -> Project:
    spec = locate(package)
    if spec is None or not spec.origin:
        raise NotFound(f"The module {package} of plugin {name} cannot be found.", remedy="Install it again.")
    origin = Path(spec.origin)
    is_folder = spec.submodule_search_locations is not None
    above = origin.parents[1] if is_folder else origin.parent
    for root in (above, above.parent):
        if package.partition(".")[0] in _text(root / "pyproject.toml"):
            return _read(name, package, root, above, distribution=distribution)
    return _read(name, package, above, above, distribution=distribution)


def read_project(root: Path) -> Project:
    """Return the plugin whose `pyproject.toml` stands in `root`; raises NotFound if there is none."""
    root = root.resolve()
    pyproject = _pyproject(root)
    points = pyproject.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if len(points) != 1:
        found = f"{len(points)} entry points" if pyproject else "no readable pyproject.toml"
        raise NotFound(
            f"{root.name or root} has {found} for a plugin.",
            remedy=f'It needs one line below [project.entry-points."{GROUP}"]: name = "package".',
        )
    ((name, package),) = points.items()
    top = package.partition(".")[0]
    base = next((b for b in (root / "src", root) if (b / top).is_dir() or (b / f"{top}.py").is_file()), root)
    return _read(name, package, root, base)


def _read(
    name: str, package: str, root: Path, base: Path, *, distribution: Distribution | None = None
) -> Project:
    folder = base.joinpath(*package.split("."))
    is_folder = folder.is_dir()
    paths = sorted(folder.rglob("*.py")) if is_folder else [base / f"{folder.name}.py"]
    bad: list[Finding] = []
    sources = _sources(paths, root, base, bad)
    migrations = tuple(s for s in sources if ".migrations." in s.module)
    pyproject = _pyproject(root)
    tests: tuple[Source, ...] = ()
    if pyproject:
        found = [p for p in sorted(root.rglob("*.py")) if _is_test(p.relative_to(root))]
        tests = _sources([p for p in found if p not in paths], root, root, bad)
    return Project(
        name=name,
        package=package,
        root=root,
        folder=folder if is_folder else None,
        sources=tuple(s for s in sources if s not in migrations),
        tests=tests,
        migrations=migrations,
        pyproject=pyproject,
        manifest=_manifest(folder / FILE_NAME, root, bad) if is_folder else None,
        distribution=distribution,
        unreadable=tuple(bad),
    )


def _is_test(path: Path) -> bool:
    hidden = any(part.startswith(".") or part in ("build", "dist") for part in path.parts)
    return not hidden and ("tests" in path.parts or path.name.startswith("test_"))


def _sources(paths: list[Path], root: Path, base: Path, bad: list[Finding]) -> tuple[Source, ...]:
    found = []
    for path in paths:
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        try:
            text = path.read_bytes().decode("utf-8-sig")
            tree = ast.parse(text, shown)
        except OSError:
            bad.append(Finding(shown, 1, "PLG002", "the module cannot be found.", "Correct the entry point."))
            continue
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            bad.append(Finding(shown, line, "PLG006", f"it is not Python: {error}.", "Correct the file."))
            continue
        parts = path.relative_to(base).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        found.append(Source(path, shown, module, text, tree, is_package))
    return tuple(found)


def _manifest(path: Path, root: Path, bad: list[Finding]) -> Manifest | None:
    if not path.is_file():
        return None
    try:
        return parse_manifest(path.read_text("utf-8"))
    except (ManifestError, UnicodeDecodeError) as error:
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        bad.append(Finding(shown, 1, "PLG002", f"{error}.", "Correct plugin.toml."))
        return None


def _pyproject(root: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(root / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
