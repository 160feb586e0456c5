"""What of core a plugin uses: read from its source, so that nothing runs and nobody has to promise anything."""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retinue.plugins.discovery import Found, locate

DOOR = "retinue"
FACES = (
    "errors", "web", "jobs", "cli", "ui", "contacts", "interactions", "relations", "lists", "access", "history",
    "money",
)  # fmt: skip
"""The public modules beside the door itself."""
_MODULES = frozenset({DOOR, *(f"{DOOR}.{face}" for face in FACES)})
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Usage:
    """The hooks a plugin answers, with the arguments it takes; the public names it uses; attributes it touches.

    `names` are dotted, ``retinue.web.get``; each has the first place where it stands, ``file:line``. `attributes`
    are all names after a dot, whatever the object: a member of a class counts as used if its name is among them.
    """

    hooks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)


def usage_of(found: Found) -> Usage:
    """Return what the installed plugin uses, from its package or its one module; none of it is imported."""
    used = Usage()
    for file in source_files(found):
        _read(file, used)
    return used


def source_files(found: Found) -> list[Path]:
    """Return the Python files of a plugin, its tests and migrations left out."""
    if not found.folder:
        spec = locate(found.manifest.module)
        return [Path(spec.origin)] if spec and spec.origin and spec.origin.endswith(".py") else []
    files: list[Path] = []
    for folder, below, names in os.walk(found.folder):
        below[:] = sorted(set(below) - {"tests", "migrations", "__pycache__"})
        files += [Path(folder, name) for name in sorted(names) if name.endswith(".py")]
    return files


def _read(file: Path, used: Usage) -> None:
    parsed = _parse(str(file), file.stat().st_mtime_ns)
    if parsed is None:
        return
    known: dict[str, str] = {}
    for node in ast.walk(parsed):
        for alias, name in _imported(node):
            known[alias] = name
            if name not in _MODULES:
                used.names.setdefault(name, f"{file}:{node.lineno}")  # type: ignore[attr-defined]  # an import
    for node in ast.walk(parsed):
        if isinstance(node, ast.Attribute):
            used.attributes.add(node.attr)
            dotted = _dotted(node, known)
            if dotted is not None:
                used.names.setdefault(dotted, f"{file}:{node.lineno}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _answers(node, known):
            used.hooks[node.name] = tuple(argument.arg for argument in node.args.args)


@functools.lru_cache(maxsize=512)
def _parse(file: str, _changed: int) -> ast.Module | None:
    """Return the syntax tree; a file that Python cannot read uses nothing, and fails elsewhere by name."""
    try:
        return ast.parse(Path(file).read_bytes())
    except (SyntaxError, ValueError):
        return None


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the local name and the public one of each import from the door or a face."""
    if isinstance(node, ast.ImportFrom) and not node.level and node.module in _MODULES:
        for name in node.names:
            yield name.asname or name.name, f"{node.module}.{name.name}"
    elif isinstance(node, ast.Import):
        for name in node.names:
            if name.name in _MODULES:
                yield (name.asname, name.name) if name.asname else (DOOR, DOOR)


def _dotted(node: ast.Attribute, known: dict[str, str]) -> str | None:
    """Return the public name that an attribute of an imported module means."""
    parts: list[str] = [node.attr]
    inner: ast.expr = node.value
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name) or inner.id not in known:
        return None
    whole = ".".join([known[inner.id], *reversed(parts)])
    module = max((m for m in _MODULES if whole.startswith(f"{m}.")), key=len, default="")
    rest = whole.removeprefix(f"{module}.").split(".")
    name = f"{module}.{rest[0]}"
    return None if not module or name in _MODULES else name


def _answers(node: FunctionNode, known: dict[str, str]) -> bool:
    for decorator in node.decorator_list:
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = known.get(inner.id) if isinstance(inner, ast.Name) else None
        if isinstance(inner, ast.Attribute):
            name = _dotted(inner, known)
        if name == f"{DOOR}.hookimpl":
            return True
    return False
