"""The migrations of one distribution, read from their files without running them, and what is wrong there.

A script stands in ``<package>/migrations/versions``. Beside `revision` and `down_revision` it says its
`level`, the whole number that other distributions require; `irreversible` is True where nothing leads back.
"""

from __future__ import annotations

import ast
import functools
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retinue.plugins.discovery import Catalogue, Found
from retinue.plugins.faults import Fault
from retinue.plugins.manifest import Manifest

CORE = "core"
TEMPORARY = "_alembic_tmp_"
_WORDS = ("revision", "down_revision", "branch_labels", "depends_on", "level", "irreversible")
_TABLE_FIRST = frozenset({
    "add_column", "alter_column", "batch_alter_table", "create_table", "create_table_comment",
    "drop_column", "drop_table", "drop_table_comment", "rename_table",
})  # fmt: skip
_TABLE_SECOND = frozenset({
    "create_check_constraint", "create_exclude_constraint", "create_foreign_key", "create_index",
    "create_primary_key", "create_unique_constraint", "drop_constraint", "drop_index",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One distribution's migrations and what they stand on."""

    name: str
    folder: str = ""
    requires: tuple[str, ...] = ()
    requires_schema: Mapping[str, int] = field(default_factory=dict)

    @property
    def version_table(self) -> str:
        """Return the name of the table that notes how far the line has come."""
        return f"alembic_{self.name}"


@dataclass(frozen=True, slots=True)
class Script:
    """One migration as its file says."""

    revision: str
    down: str | None
    level: int
    title: str
    irreversible: bool
    path: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The scripts of a line from first to last; `faults` where they are no such chain."""

    line: Line
    scripts: tuple[Script, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def head(self) -> int:
        """Return the level that the code brings the tables to."""
        return self.scripts[-1].level if self.scripts else 0

    def place(self, revision: str | None) -> int | None:
        """Return how many scripts are done at `revision`; None for an unknown one."""
        if revision is None:
            return 0
        return next((n for n, script in enumerate(self.scripts, 1) if script.revision == revision), None)


def core_line(folder: str = "") -> Line:
    """Return the line of core's own migrations."""
    return Line(CORE, folder or str(Path(__file__).parents[1] / "migrations"))


def line_of(plugin: Found | Manifest) -> Line:
    """Return the line of an installed plugin, or of the manifest kept of one whose code is missing."""
    manifest = plugin.manifest if isinstance(plugin, Found) else plugin
    folder = plugin.folder if isinstance(plugin, Found) else ""
    return Line(
        manifest.name,
        os.path.join(folder, "migrations") if folder else "",
        manifest.requires,
        dict(manifest.requires_schema),
    )


def lines_of(catalogue: Catalogue, names: Iterable[str], *, core: Line | None = None) -> list[Line]:
    """Return the lines of core and of those of `names` whose code is here."""
    return [
        core or core_line(),
        *(line_of(catalogue[name]) for name in sorted(set(names)) if name in catalogue),
    ]


def owner_of(table: str, names: Iterable[str]) -> str:
    """Return whose table it is: the plugin with the longest name that fits, else core."""
    table = table.removeprefix(TEMPORARY)
    fitting = [name for name in names if table in (name, f"alembic_{name}") or table.startswith(f"{name}_")]
    return max(fitting, key=len, default=CORE)


def read_chain(line: Line, names: Iterable[str]) -> Chain:
    """Return the chain of `line`; `names` are all plugins, to tell whose tables are whose."""
    versions = Path(line.folder) / "versions" if line.folder else None
    if versions is None or not versions.is_dir():
        return Chain(line)
    plugins = sorted(set(names) - {CORE})
    scripts: list[Script] = []
    faults: list[Fault] = []
    for path in sorted(versions.glob("*.py")):
        if path.name == "__init__.py":
            continue
        try:
            tree = _parse(str(path), path.stat().st_mtime_ns, path.stat().st_size)
        except (SyntaxError, ValueError) as error:
            faults.append(Fault("MIG007", line.name, f"{path.name} cannot be read: {error}."))
            continue
        script, wrong = _read_script(line, path, tree)
        faults += wrong
        if script:
            scripts.append(script)
        if line.name != CORE:
            faults += _foreign_tables(line, path.name, tree, plugins)
    if faults:
        return Chain(line, faults=tuple(faults))
    ordered, faults = _in_order(line, scripts)
    return Chain(line, tuple(ordered), tuple(faults))


@functools.lru_cache(maxsize=512)
def _parse(path: str, _changed: int, _size: int) -> ast.Module:
    """Return a script's tree; a file that did not change is read once in a process."""
    return ast.parse(Path(path).read_bytes(), path)


def _read_script(line: Line, path: Path, tree: ast.Module) -> tuple[Script | None, list[Fault]]:
    """Return what the file says about itself, and the words it must not or must use."""
    said = dict(_assignments(tree))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "revision" not in said and "upgrade" not in functions:
        return None, []
    faults = [
        Fault("MIG006", line.name, f"{path.name} sets {word}.", "Name what it needs in requires_schema.")
        for word in ("branch_labels", "depends_on")
        if said.get(word)
    ]
    level, revision, down = said.get("level"), said.get("revision"), said.get("down_revision")
    if not isinstance(level, int) or isinstance(level, bool) or level < 1:
        faults.append(Fault("MIG005", line.name, f"{path.name} must say its level, a whole number from 1."))
    if not isinstance(revision, str) or not isinstance(down, str | None):
        faults.append(
            Fault("MIG002", line.name, f"{path.name} must name one revision and at most one before it.")
        )
    irreversible = said.get("irreversible") is True
    if not irreversible and not _does_something(functions.get("downgrade")):
        detail = f"{path.name} has no downgrade."
        faults.append(Fault("MIG010", line.name, detail, "Write one, or say irreversible = True."))
    if faults:
        return None, faults
    title = (ast.get_docstring(tree) or path.stem).split("\n")[0]
    return Script(str(revision), down, int(level or 0), title, irreversible, str(path)), []


def _assignments(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """Yield the words of a script that are given as plain values."""
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not (isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and node.value):
            continue
        if target.id in _WORDS:
            try:
                yield target.id, ast.literal_eval(node.value)
            except ValueError:
                yield target.id, ...


def _does_something(function: ast.FunctionDef | None) -> bool:
    return function is not None and not all(
        isinstance(node, ast.Pass | ast.Raise)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in function.body
    )


def _foreign_tables(line: Line, file: str, tree: ast.Module, plugins: list[str]) -> Iterator[Fault]:
    """Yield the operations of a plugin's script that name a table of somebody else."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "op"):
            continue
        place = 0 if node.func.attr in _TABLE_FIRST else 1 if node.func.attr in _TABLE_SECOND else None
        if place is None:
            continue
        given: list[ast.expr] = node.args[place : place + 1]
        given += [k.value for k in node.keywords if k.arg in ("table_name", "source_table")]
        for value in given:
            table = value.value if isinstance(value, ast.Constant) else None
            if isinstance(table, str) and owner_of(table, plugins) != line.name:
                detail = f"{file}, line {node.lineno}: op.{node.func.attr} touches {table}, "
                owner = owner_of(table, plugins)
                whose = "which is core's" if owner == CORE else f"which is {owner}'s"
                remedy = f"Its tables are named {line.name} or {line.name}_…"
                yield Fault("MIG008", line.name, f"{detail}{whose}.", remedy)


def _in_order(line: Line, scripts: list[Script]) -> tuple[list[Script], list[Fault]]:
    """Return the scripts from first to last, or why they are no single chain with growing levels."""
    by_revision: dict[str, Script] = {}
    for script in scripts:
        if script.revision in by_revision:
            files = f"{Path(by_revision[script.revision].path).name} and {Path(script.path).name}"
            return [], [Fault("MIG003", line.name, f"revision {script.revision} is in {files}.")]
        by_revision[script.revision] = script
    unknown = [s for s in scripts if s.down is not None and s.down not in by_revision]
    if unknown:
        named = ", ".join(f"{s.revision} stands on {s.down}" for s in unknown)
        remedy = "A line begins with down_revision = None; what it needs of others is requires_schema."
        return [], [Fault("MIG002", line.name, f"{named}, which is no revision of {line.name}.", remedy)]
    following: dict[str | None, list[Script]] = {}
    for script in scripts:
        following.setdefault(script.down, []).append(script)
    forks = [f"{down or 'the beginning'}" for down, others in following.items() if len(others) > 1]
    if forks:
        detail = f"more than one revision follows {', '.join(sorted(forks))}."
        return [], [Fault("MIG002", line.name, detail, "Make it one chain.")]
    ordered: list[Script] = []
    while following.get(ordered[-1].revision if ordered else None):
        ordered.append(following[ordered[-1].revision if ordered else None][0])
    if len(ordered) < len(scripts):
        return [], [Fault("MIG002", line.name, "its revisions go round in a circle.")]
    for earlier, later in itertools.pairwise(ordered):
        if later.level <= earlier.level:
            detail = f"level {later.level} of {later.revision} does not grow from {earlier.level}."
            return [], [Fault("MIG005", line.name, detail)]
    return ordered, []
