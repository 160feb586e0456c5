"""Permissions, hooks, jobs, rooms: what is declared is used, what is used is declared, all is documented."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest
from house_source import ROOT, Source, core, imports, plugins, sources

from retinue.access import CORE_PERMISSIONS
from retinue.app.chores import core_jobs, core_schedules
from retinue.plugins import core_specs

NAMED = {"require", "may", "reach", "_open_for_change", "_own"}
"""Functions whose first literal of the shape ``noun.verb`` is a permission."""
SHAPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
UNUSED = {
    "setting.change": "settings of plugins are changed with the desk",
    "contact.import": "the io plugin asks for it when it reads a file",
}
"""Declared in core and asked for nowhere in it, and why they are declared all the same."""


def _declared() -> set[str]:
    found = {permission.name for permission in CORE_PERMISSIONS}
    for manifest in (ROOT / "plugins").glob("*/src/*/plugin.toml"):
        found |= {p["name"] for p in tomllib.loads(manifest.read_text("utf-8")).get("permissions", [])}
    return found


def _literals(node: ast.AST) -> set[str]:
    return {
        n.value
        for n in ast.walk(node)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and SHAPE.fullmatch(n.value)
    }


def _asked(source: Source) -> set[tuple[str, str]]:
    """Return (permission, place) asked for in a file: by the store, the actor, or a route."""
    found = set()
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        parts = [a for a in node.args if isinstance(a, ast.Constant | ast.IfExp)] if name in NAMED else []
        parts += [k.value for k in node.keywords if k.arg == "permission"]
        found |= {(literal, source.line(node)) for part in parts for literal in _literals(part)}
    return found


def test_every_permission_asked_for_is_declared() -> None:
    """A permission that no role can hold locks everybody out, or, misspelt, lets a deed through."""
    known = _declared()
    unknown = sorted(f"{place}: {name}" for s in sources() for name, place in _asked(s) if name not in known)
    assert not unknown, "declare them in access/permissions.py or the plugin's manifest:\n" + "\n".join(
        unknown
    )


def test_every_declared_permission_is_asked_for() -> None:
    """A permission nobody asks for is a promise the roles page cannot keep."""
    asked = {name for s in sources() for name, _ in _asked(s)}
    asked |= {name for s in core() if s.room not in ("access", "cli") for name in _literals(s.tree)}
    asked |= {name for s in core() if s.module in _ACCESS for name in _literals(s.tree)}
    idle = sorted(_declared() - asked - set(UNUSED))
    assert not idle, f"ask for them, or take them out, or say why in UNUSED: {idle}"
    stale = sorted(name for name in UNUSED if name in {n for s in core() for n, _ in _asked(s)})
    assert not stale, f"these are asked for now: take them out of UNUSED: {stale}"


_ACCESS = {s.module for s in core() if s.room == "access"} - {
    "retinue.access.permissions",
    "retinue.access.builtin",
}


def test_permissions_are_named_noun_verb() -> None:
    """The name of a permission is the name of the deed in the audit."""
    odd = [name for name in _declared() if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?\.[a-z_]+", name)]
    assert not odd, odd
    labels = [p for p in CORE_PERMISSIONS if len(p.label) < 5]
    assert not labels, f"people choose permissions by their labels: {labels}"


@pytest.mark.parametrize("name", core_specs())
def test_hook_is_typed_documented_and_asked(name: str) -> None:
    """A hook is a promise: typed, explained, and really asked, by core or by a plugin that has something to tell."""
    spec = core_specs()[name]
    assert all(spec.as_data().values()), f"{name}: something is left unsaid: {spec.as_data()}"
    assert len(spec.arguments) <= 4, f"{name}: at most four arguments"
    if spec.contract.mode == "declare":
        return
    asked = [s.name for s in sources() if re.search(rf"hooks\.{name}\(", s.text)]
    assert asked, f"{name}: declared on the page of hooks, and nobody asks it"


def test_core_jobs_are_named_and_documented() -> None:
    """Who finds a job in the list of jobs finds it in the manual: `plugin.verb_noun`."""
    names = {job.name for job in core_jobs()} | {s.job for s in core_schedules()}
    for manifest in (ROOT / "plugins").glob("*/src/*/plugin.toml"):
        names |= {job["name"] for job in tomllib.loads(manifest.read_text("utf-8")).get("jobs", [])}
    odd = sorted(name for name in names if not re.fullmatch(r"[a-z_]+\.[a-z]+(_[a-z]+)+", name))
    assert not odd, f"jobs are named plugin.verb_noun: {odd}"
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").glob("*/README.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    missing = sorted(name for name in names if name not in text)
    assert not missing, f"name them where people look for them, in docs/operations.md: {missing}"


ROOMS = ("contacts", "interactions", "relations", "lists", "access", "history")
LACKING = {("history", "models"): "its tables, the audit, are written by storage itself"}


def test_rooms_of_nouns_have_the_four_files() -> None:
    """Whoever knows one room knows them all: models, schemas, service, routes."""
    known = {s.module for s in sources()}
    grown = [f"retinue.{room}" for room in ROOMS] + sorted(
        {s.package for s in plugins() if (s.path.parent / "models.py").exists()}
    )
    missing = [
        f"{package}.{file}"
        for package in grown
        for file in ("models", "schemas", "service", "routes")
        if f"{package}.{file}" not in known and (package.removeprefix("retinue."), file) not in LACKING
    ]
    assert not missing, f"a room has the same four files as every other: {missing}"


WEB = ("retinue.web", "retinue.app", "retinue.testing", "retinue.cli.server")


def test_only_routes_speak_http() -> None:
    """What names a URL, a status or a header stands in routes.py or web; services serve everybody."""
    broken = []
    for source in sources():
        if source.module.startswith(WEB) or source.path.stem.endswith("routes"):
            continue
        broken += [
            f"{source.line(n)}: imports {t}"
            for n, t in imports(source)
            if t.split(".")[0] in ("litestar", "granian")
        ]
        said = {
            id(d.value)
            for d in ast.walk(source.tree)
            if isinstance(d, ast.Expr) and isinstance(d.value, ast.Constant)
        }
        broken += [
            f"{source.line(node)}: {node.value[:40]}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said
            if "/api/" in node.value or "status_code" in node.value
        ]
    assert not broken, "URLs, statuses and headers belong into routes.py or web:\n" + "\n".join(broken)
