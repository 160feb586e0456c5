"""Bringing an older plugin to the shape of today's scaffold: what can be done without asking is done, the rest is told.

The version of a scaffold stands in `pyproject.toml`, ``[tool.retinue] scaffold = 1``; a plugin without it is of
version 0, from before there was a scaffold. Each step leads from one version to the next.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from retinue.kit.checking import check_project
from retinue.kit.findings import Finding
from retinue.kit.names import Source
from retinue.kit.rules.hooks import answers, known_hooks
from retinue.kit.rules.outside import public_names
from retinue.kit.rules.words import LANGUAGES, catalogue_path, labels
from retinue.kit.scaffold import VERSION
from retinue.kit.source import Project, read_project
from retinue.plugins.usage import FACES

PLURALS = {
    "cs": "nplurals=3; plural=((n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2);",
    "de": "nplurals=2; plural=(n != 1);",
    "ru": "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);",
    "tr": "nplurals=2; plural=(n > 1);",
}

PYTEST = """
[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = ["--import-mode=importlib"]
filterwarnings = ["error"]
"""


@dataclass
class Changes:
    """The texts that files get, by path; nothing is written before all steps are through."""

    root: Path
    texts: dict[Path, str] = field(default_factory=dict)

    def read(self, path: Path) -> str:
        """Return a file as it will be."""
        if path in self.texts:
            return self.texts[path]
        return path.read_text("utf-8") if path.is_file() else ""

    def write(self, path: Path, text: str) -> None:
        """Give a file a text, if that changes it."""
        if not path.is_file() or text != self.read(path):
            self.texts[path] = text

    def create(self, path: Path, text: str) -> None:
        """Make a file unless it is there."""
        if not path.exists() and path not in self.texts:
            self.texts[path] = text


@dataclass(frozen=True, slots=True)
class Modernised:
    """From which scaffold to which, the files that were written, and what is left to a person."""

    before: int
    after: int
    files: tuple[str, ...]
    left: tuple[Finding, ...]


def version_of(project: Project) -> int:
    """Return the version of the scaffold that a plugin was made by."""
    found = project.pyproject.get("tool", {}).get("retinue", {}).get("scaffold", 0)
    return found if isinstance(found, int) else 0


def modernise_plugin(folder: Path, *, licence: str = "") -> Modernised:
    """Bring the plugin in `folder` to today's scaffold and say what is left; `licence` is named where none is.

    Twice does no harm: what is there is never overwritten, only added to.
    """
    project = read_project(folder)
    before = version_of(project)
    changes = Changes(project.root)
    for version in range(before, VERSION):
        STEPS[version](project, changes, licence)
    for path, text in changes.texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    left = check_project(read_project(folder))
    files = tuple(sorted(project.show(path) for path in changes.texts))
    return Modernised(before, max(before, VERSION), files, tuple(left))


def _from_before_the_scaffold(project: Project, changes: Changes, licence: str) -> None:
    """0 → 1: public imports, metadata, README, changelog, type mark, catalogues, a first test."""
    for source in (*project.sources, *project.tests):
        changes.write(source.path, _public_imports(source))
    _complete_metadata(project, changes, licence)
    title = project.name.replace("_", " ").capitalize()
    summary = project.pyproject.get("project", {}).get("description") or f"{title}, a plugin for Retinue."
    changes.create(
        project.root / "README.md",
        f"# {title}\n\n{summary} Install it beside Retinue, then turn it on; every process follows within a second.\n\n"
        f'```text\npython -m pip install -e ".[test]"\nretinue plugins enable {project.name}\n```\n',
    )
    changes.create(project.root / "CHANGELOG.md", "# Changes\n\n## Unreleased\n\nModernised.\n")
    if project.folder is not None:
        changes.create(project.folder / "py.typed", "")
        for language in LANGUAGES if labels(project) else ():
            changes.create(catalogue_path(project, language), _empty_catalogue(language, labels(project)))
    if not project.tests:
        changes.create(project.root / "tests" / f"test_{project.name}.py", _first_test(project))


STEPS: dict[int, Callable[[Project, Changes, str], None]] = {0: _from_before_the_scaffold}
"""What leads from each version of the scaffold to the next."""


def _public_imports(source: Source) -> str:
    """Return a file's text with names taken from the door or a face instead of a room, where one offers them."""
    lines = source.text.splitlines(keepends=True)
    for node in reversed([n for n in ast.walk(source.tree) if isinstance(n, ast.ImportFrom)]):
        module = source.absolute(node)
        if not module.startswith("retinue.") or module.removeprefix("retinue.") in FACES or node.col_offset:
            continue
        homes: dict[str, list[str]] = {}
        for alias in node.names:
            home = next(
                (m for m in ("retinue", *(f"retinue.{f}" for f in FACES)) if alias.name in public_names(m)),
                "",
            )
            homes.setdefault(home, []).append(alias.name + (f" as {alias.asname}" if alias.asname else ""))
        if "" not in homes:
            made = [
                f"from {home} import {', '.join(sorted(names))}\n" for home, names in sorted(homes.items())
            ]
            lines[node.lineno - 1 : node.end_lineno] = made
    return "".join(lines)


def _complete_metadata(project: Project, changes: Changes, licence: str) -> None:
    path = project.root / "pyproject.toml"
    text, known = changes.read(path), project.pyproject.get("project", {})
    title = project.name.replace("_", " ").capitalize()
    wanted = {
        "description": f'description = "{title} for Retinue."',
        "readme": 'readme = "README.md"',
        "license": f'license = "{licence}"' if licence else "",
        "requires-python": 'requires-python = ">=3.11"',
    }
    missing = [line for word, line in wanted.items() if line and word not in known]
    head = re.compile(r"^(\[project\]\n(?:name = .*\n|version = .*\n)*)", re.M)
    text = head.sub(lambda found: found[1] + "".join(f"{line}\n" for line in missing), text)
    tool = project.pyproject.get("tool", {})
    if "optional-dependencies" not in known:
        text += '\n[project.optional-dependencies]\ntest = ["retinue[kit]"]\n'
    if project.folder is None and "hatch" not in tool:
        text += f'\n[tool.hatch.build.targets.wheel]\ninclude = ["{project.package}.py"]\n'
    if "pytest" not in tool:
        text += PYTEST
    changes.write(path, text + "\n[tool.retinue]\nscaffold = 1\n")


def _empty_catalogue(language: str, words: Iterable[str]) -> str:
    head = f'"Language: {language}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {PLURALS[language]}\\n"\n'
    entries = "".join(f'\nmsgid "{_escaped(text)}"\nmsgstr ""\n' for text in words)
    return f'msgid ""\nmsgstr ""\n{head}{entries}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _first_test(project: Project) -> str:
    known = known_hooks(project)
    hooks = sorted(
        {a.function.name for a in answers(project) if a.marker is not None and a.function.name in known}
    )
    asked = [name for name in hooks if not name.startswith("register_")]
    names = ", ".join(f'"{name}"' for name in asked) + ("," if len(asked) == 1 else "")
    return (
        f'"""The plugin loads, and answers the hooks it says."""\n\nfrom __future__ import annotations\n\n'
        "from typing import Any\n\n\n"
        "def test_plugin_answers_its_hooks(plugin: Any) -> None:\n"
        f"    for hook in ({names}):\n"
        "        answering = [position.plugin for position in plugin.house.plugins.explain_order(hook)]\n"
        f'        assert "{project.name}" in answering\n'
    )
