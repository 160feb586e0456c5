"""What a name in a file stands for, told from its imports alone; nothing is run."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Source:
    """One Python file of a plugin: `name` is its path from the project's folder, `module` its dotted name."""

    path: Path
    name: str
    module: str
    text: str
    tree: ast.Module
    is_package: bool = False

    @functools.cached_property
    def aliases(self) -> dict[str, str]:
        """Return what each imported or defined name of the file stands for, dotted from the top."""
        found: dict[str, str] = {
            node.name: f"{self.module}.{node.name}"
            for node in self.tree.body
            if isinstance(node, FunctionNode | ast.ClassDef)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    found[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom):
                base = self.absolute(node)
                found.update({alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names})
        return found

    def absolute(self, node: ast.ImportFrom) -> str:
        """Return the module that a ``from … import`` names, dots in front resolved."""
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        kept = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*kept, *([node.module] if node.module else [])])

    @functools.cached_property
    def imports(self) -> tuple[tuple[ast.stmt, str, str], ...]:
        """Return (statement, module, name) of every import; the name is empty for ``import module``."""
        found: list[tuple[ast.stmt, str, str]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [(node, alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [(node, self.absolute(node), alias.name) for alias in node.names]
        return tuple(found)

    def dotted(self, node: ast.AST) -> str:
        """Return what an expression such as ``service.create`` stands for, empty if it is no plain name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.aliases.get(node.id, node.id), *reversed(parts)])

    @functools.cached_property
    def _calls(self) -> dict[int, tuple[tuple[ast.Call, str], ...]]:
        """Return the calls inside each node that was asked about, by its identity."""
        return {}

    def calls(self, inside: ast.AST | None = None) -> tuple[tuple[ast.Call, str], ...]:
        """Return every call with the dotted name of what is called."""
        node = self.tree if inside is None else inside
        if id(node) not in self._calls:
            found = (child for child in ast.walk(node) if isinstance(child, ast.Call))
            self._calls[id(node)] = tuple((call, self.dotted(call.func)) for call in found)
        return self._calls[id(node)]

    def functions(self) -> Iterator[FunctionNode]:
        """Yield the functions that stand at the top of the file."""
        for node in self.tree.body:
            if isinstance(node, FunctionNode):
                yield node

    @functools.cached_property
    def classes(self) -> tuple[ast.ClassDef, ...]:
        """Return every class of the file."""
        return tuple(node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return the value of a keyword argument, None where it is not given."""
    return next((k.value for k in call.keywords if k.arg == name), None)


def text_of(node: ast.AST | None) -> str:
    """Return the text of a literal, empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
