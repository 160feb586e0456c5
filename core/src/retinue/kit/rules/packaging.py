"""The distribution: what strangers need before they install it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from retinue.kit.findings import Hit, rule
from retinue.kit.rules.hooks import answers, known_hooks
from retinue.kit.rules.routes import handlers
from retinue.kit.source import Project, line_with

PYPROJECT = "pyproject.toml"


def _project(project: Project) -> Mapping[str, Any]:
    found: Mapping[str, Any] = project.pyproject.get("project", {})
    return found


def _hit(project: Project, detail: str, remedy: str) -> Hit:
    return Hit(PYPROJECT, line_with(project.root / PYPROJECT, "[project]"), detail, remedy)


@rule("PLG022", "silver", "The licence is named.")
def no_licence(project: Project) -> Iterator[Hit]:
    """Without one nobody may use the plugin."""
    if project.is_source and not _project(project).get("license"):
        yield _hit(project, "no licence is named.", 'Say license = "Apache-2.0", or another SPDX expression.')


@rule("PLG023", "silver", "There is a README that says something.")
def no_readme(project: Project) -> Iterator[Hit]:
    """It is what people see before they install the plugin."""
    if not project.is_source:
        return
    path = project.root / "README.md"
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    if len(text.split()) < 20:
        yield _hit(
            project, "README.md is missing or says next to nothing.", "Say what it does, and how to begin."
        )
    elif not _project(project).get("readme"):
        yield _hit(project, "the README is not part of the distribution.", 'Say readme = "README.md".')


@rule("PLG024", "silver", "The package says that it is typed.")
def no_typed_mark(project: Project) -> Iterator[Hit]:
    """Without `py.typed` type checkers ignore its annotations."""
    if project.folder is not None and not (project.folder / "py.typed").is_file():
        path = project.show(project.folder / "__init__.py")
        yield Hit(path, 1, "py.typed is missing.", "Put an empty file py.typed beside __init__.py.")


@rule("PLG025", "silver", "The plugin has tests.")
def no_tests(project: Project) -> Iterator[Hit]:
    """Nobody can change what nobody tests."""
    if project.is_source and not any(_is_test(node) for s in project.tests for node in s.functions()):
        yield _hit(project, "there is no test.", "Write tests/test_….py; `crm` and other fixtures are there.")


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


@rule("PLG026", "silver", "The distribution requires retinue, a summary and a Python version are given.")
def bare_metadata(project: Project) -> Iterator[Hit]:
    """Installers and administrators choose by them."""
    if not project.is_source:
        return
    names = [re.split(r"[^\w-]", line)[0] for line in _project(project).get("dependencies", ())]
    if "retinue" not in names:
        yield _hit(project, "retinue is not among the dependencies.", 'Add "retinue" to dependencies.')
    for word in ("description", "requires-python"):
        if not _project(project).get(word):
            yield _hit(project, f"{word} is missing.", f"Say {word} = ….")


@rule("PLG027", "silver", "No upper bound is put on retinue.")
def upper_bound(project: Project) -> Iterator[Hit]:
    """A declared bound is a guess; whether a plugin fits is computed from what it uses."""
    for line in _project(project).get("dependencies", ()):
        if re.match(r"retinue\s*(\[[^]]*\])?\s*.*<", line):
            number = line_with(project.root / PYPROJECT, line)
            yield Hit(PYPROJECT, number, f"{line} bounds core from above.", "Say what is needed at least.")


@rule("PLG030", "gold", "Every public function says what it does.")
def undocumented(project: Project) -> Iterator[Hit]:
    """One line spares the next reader the body."""
    for source in project.sources:
        for function in source.functions():
            if not function.name.startswith("_") and not ast.get_docstring(function):
                yield Hit(
                    source.name, function.lineno, f"{function.name} has no docstring.", "Say it in one line."
                )


@rule("PLG031", "gold", "Every public function is typed.")
def untyped(project: Project) -> Iterator[Hit]:
    """Types are checked documentation."""
    for source in project.sources:
        for function in source.functions():
            bare = [a.arg for a in function.args.args if a.annotation is None]
            if not function.name.startswith("_") and (bare or function.returns is None):
                detail = f"{function.name} is not typed: {', '.join(bare) or 'what it returns'}."
                yield Hit(source.name, function.lineno, detail, "Annotate it.")


@rule("PLG032", "gold", "Every hook and every route is named in a test or in a path that a test calls.")
def untested_answer(project: Project) -> Iterator[Hit]:
    """What no test mentions, no test can notice."""
    text = "\n".join(source.text for source in project.tests)
    if not project.is_source or not text:
        return
    known = known_hooks(project)
    for answer in answers(project):
        name = answer.function.name
        if answer.marker is not None and name in known and name not in text:
            yield answer.hit(f"no test names the hook {name}.", "Write one that sees it called.")
    routes = project.manifest.contributions.get("routes", ()) if project.manifest else ()
    paths = "|".join(re.escape(route.path) for route in routes) or f"/{project.name}"
    for source, function, _, name in handlers(project):
        if name.startswith("retinue.web.") and not re.search(rf"({paths})\b|\b{function.name}\b", text):
            yield Hit(source.name, function.lineno, f"no test calls {function.name}.", "Write one.")


@rule("PLG033", "gold", "Changes are told in a changelog.")
def no_changelog(project: Project) -> Iterator[Hit]:
    """Administrators decide by it whether to upgrade."""
    if project.is_source and not (project.root / "CHANGELOG.md").is_file():
        yield _hit(project, "there is no CHANGELOG.md.", "Begin one with this version.")
