"""What the desk can do, the API can do: no button sends anything that is not a documented operation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from retinue.testing.house import Crm

METHODS = "GET|POST|PUT|PATCH|DELETE"
DECLARED = re.compile(rf"""["'=](?:data-api=")?({METHODS}) (/api/v1[^"'\s]*)["']""")
"""An action in a template: ``data-api="POST /api/v1/contacts"``."""
CALLED = re.compile(rf"""call\("({METHODS})", [`"]/api/v1([^`"]*)""")
VARIABLE = re.compile(rf"""call\((?:"({METHODS})"|method), (?![`"])""")


def _plain(path: str) -> str:
    """Return a path whose changing parts are all written alike."""
    path = re.sub(r"\$\{[^}]*\}|\{\{.*?\}\}|\{[^}]*\}", "{}", path.partition("?")[0])
    return path.rstrip("/")


def _actions(source: Path) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for file in source.rglob("*.html"):
        found |= {(m, _plain(p.removeprefix("/api/v1"))) for m, p in DECLARED.findall(_joined(file))}
    for file in source.rglob("*.js"):
        found |= {(m, _plain(p)) for m, p in CALLED.findall(file.read_text("utf-8"))}
    return found


def _joined(file: Path) -> str:
    """Return a template whose expressions hold no quotes, so that an attribute ends where it ends."""
    return re.sub(r"\{\{.*?\}\}", "{}", file.read_text("utf-8"))


def test_every_action_of_the_desk_is_an_operation_of_the_api(package: Path, crm: Crm) -> None:
    """C-25: the set of the desk's actions without the API's operations is empty."""
    document = crm.client.get("/api/v1/openapi.json").json()
    operations = {
        (method.upper(), _plain(path.removeprefix("/api/v1")))
        for path, methods in document["paths"].items()
        for method in methods
    }
    actions = _actions(package / "src" / "retinue_desk")
    assert len(actions) > 40
    assert not sorted(actions - operations)
