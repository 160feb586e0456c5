"""The source of all distributions as trees, read once."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file of a distribution."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Return the path as people name it."""
        return str(self.path.relative_to(ROOT))

    @property
    def package(self) -> str:
        """Return the top-level package: ``retinue``, ``retinue_io`` …"""
        return self.module.partition(".")[0]

    @property
    def room(self) -> str:
        """Return core's room: the word after ``retinue.``, empty for the door itself."""
        return [*self.module.split("."), ""][1]

    @property
    def is_migration(self) -> bool:
        """Say whether it is a migration script."""
        return "migrations" in self.path.parts

    def line(self, node: ast.AST) -> str:
        """Return ``file:line`` of a node."""
        return f"{self.name}:{node.lineno}"  # type: ignore[attr-defined]  # statements and expressions have one


@functools.cache
def sources() -> tuple[Source, ...]:
    """Return every file of core and of the plugins."""
    folders = (ROOT / "core" / "src", *sorted((ROOT / "plugins").glob("*/src")))
    return tuple(source for folder in folders for source in _read(folder))


def _read(src: Path) -> list[Source]:
    found = []
    for path in sorted(src.rglob("*.py")):
        if "templates" in path.parts and "kit" in path.parts:
            continue  # the sample plugin: what it becomes is tested as a plugin
        parts = path.relative_to(src).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text("utf-8")
        found.append(Source(path, module, text, ast.parse(text, str(path))))
    return found


def core() -> list[Source]:
    """Return the files of core."""
    return [s for s in sources() if s.package == "retinue"]


def plugins() -> list[Source]:
    """Return the files of the plugins."""
    return [s for s in sources() if s.package != "retinue"]


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, methods and nested ones too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def type_checking_nodes(tree: ast.AST) -> set[int]:
    """Return the ids of the nodes below ``if TYPE_CHECKING``: they do not run."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found.update(id(inner) for child in node.body for inner in ast.walk(child))
    return found


def imports(source: Source, *, at_import: bool = False) -> Iterator[tuple[ast.stmt, str]]:
    """Yield (statement, imported module) of imports that run; `at_import` leaves out those in functions."""
    skipped = type_checking_nodes(source.tree)
    if at_import:
        skipped |= {id(n) for f in functions(source) for n in ast.walk(f)}
    known = {s.module for s in sources()}
    for node in ast.walk(source.tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(source, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield node, inner if inner in known else base


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.module.split(".")
    drop = node.level - (source.path.name == "__init__.py")
    return ".".join([*parts[: len(parts) - drop], *([node.module] if node.module else [])])
