"""Which things of a plugin each conformance test is run for, read from its files."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from retinue.errors import RetinueError
from retinue.kit import RULES, Project, find_project
from retinue.kit.rules.hooks import answers, known_hooks
from retinue.kit.rules.models import mapped
from retinue.kit.rules.routes import handlers
from retinue.kit.rules.words import LANGUAGES
from retinue.plugins.contributions import KINDS, name_of

Case = tuple[str, Any]


@functools.cache
def project_of(name: str) -> Project:
    """Return the files of an installed plugin."""
    return find_project(name)


def _rules(_project: Project) -> Iterator[str]:
    yield from (code for code, rule in RULES.items() if rule.tier != "gold")


def _tables(project: Project) -> Iterator[str]:
    yield from project.manifest.tables if project.manifest else ()


def _routes(project: Project) -> Iterator[str]:
    for _, function, _, name in handlers(project):
        if name.startswith("retinue.web."):
            yield function.name


def _hooks(project: Project) -> Iterator[str]:
    known = known_hooks(project)
    for answer in answers(project):
        if answer.marker is not None and answer.function.name in known:
            yield answer.function.name


def _contributions(project: Project) -> Iterator[str]:
    for kind, items in sorted((project.manifest.contributions if project.manifest else {}).items()):
        yield from (f"{kind}:{name_of(item)}" for item in items)


def _schedules(project: Project) -> Iterator[str]:
    held = project.manifest.contributions.get("schedules", ()) if project.manifest else ()
    yield from (schedule.name for schedule in held)


def _permissions(project: Project) -> Iterator[str]:
    """Yield the permissions that the code asks for by name."""
    found = set()
    for source in project.sources:
        for call, _ in source.calls():
            if (
                getattr(call.func, "attr", "") == "require"
                and call.args
                and isinstance(call.args[0], ast.Constant)
            ):
                found.add(str(call.args[0].value))
    yield from sorted(found)


CASES: dict[str, Callable[[Project], Iterator[str]]] = {
    "rule": _rules,
    "table": _tables,
    "mapped_table": lambda project: (item.table for item in mapped(project)),
    "route": _routes,
    "answered_hook": _hooks,
    "contribution": _contributions,
    "schedule": _schedules,
    "permission": _permissions,
    "language": lambda _project: iter(LANGUAGES),
    "kind": lambda _project: iter(KINDS),
}
"""For each argument of a conformance test, the values it takes."""


def parametrise(metafunc: pytest.Metafunc, names: Sequence[str]) -> None:
    """Give a conformance test one case for each thing of each plugin; a plugin that has none of it has no case."""
    wanted = next((word for word in CASES if word in metafunc.fixturenames), None)
    cases: list[Any] = []
    for name in names:
        try:
            project = project_of(name)
        except RetinueError as error:
            raise pytest.UsageError(f"--retinue-plugin={name}: {error}") from None
        if wanted is None:
            cases.append(pytest.param(name, id=name))
        else:
            cases += [pytest.param(name, case, id=f"{name}-{case}") for case in CASES[wanted](project)]
    words = ["subject"] if wanted is None else ["subject", wanted]
    if cases:
        metafunc.parametrize(words, cases, scope="session")
    else:
        metafunc.parametrize(words, [pytest.param(*[""] * len(words), id="none")])
        metafunc.definition.add_marker(pytest.mark.skip(reason=f"no plugin has a {wanted}"))
